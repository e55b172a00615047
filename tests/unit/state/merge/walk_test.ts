// Random walks of the claim table beside the plain oracle.

import * as merge from "../../../../lib/state/merge/mod.ts";
import { walk } from "./walk.ts";

Deno.test("a table of claims agrees with the plain rules after every step of a random walk", () => {
  walk(merge, { runs: 1_500 });
});
