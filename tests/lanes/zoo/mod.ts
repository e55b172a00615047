// The bug zoo: bugs that other transports had (research 5.7), and bugs that these lanes could have, each as a change of one
// place. `scripts/mutants` plants them one by one; the tests of the lanes must notice.

import { ELSEWHERE } from "./elsewhere.ts";
import type { Mutation } from "./mutation.ts";
import { OWN } from "./own.ts";

export type { Mutation };

/** All of them. */
export const ZOO: readonly Mutation[] = [...ELSEWHERE, ...OWN];
