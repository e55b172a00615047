// The scenarios that come with hana.
// Decides which there are, in which suites, and what each must show; as they would be written by hand.

import { CALM } from "./calm.ts";
import { CANARY } from "./canary.ts";
import { DETECTION } from "./detection.ts";
import type { CatalogueEntry } from "./entry.ts";
import { IDENTITY } from "./identity.ts";
import { JOINING } from "./joining.ts";
import { LANES } from "./lanes.ts";
import { LEADERSHIP } from "./leadership.ts";
import { MACHINES } from "./machines.ts";
import { NETWORK } from "./network.ts";
import { ORIGINAL } from "./original.ts";
import { PROGRAMS } from "./programs.ts";
import { STATE } from "./state.ts";
import { WIFI } from "./wifi.ts";

export type { CatalogueEntry, CatalogueSuite } from "./entry.ts";

const ENTRIES: readonly CatalogueEntry[] = [
  ...CALM,
  ...JOINING,
  ...DETECTION,
  ...LEADERSHIP,
  ...NETWORK,
  ...WIFI,
  ...LANES,
  ...MACHINES,
  ...IDENTITY,
  ...PROGRAMS,
  ...STATE,
  ...ORIGINAL,
  ...CANARY,
];

/** All of them, in the order in which they are listed. */
export function catalogue(): readonly CatalogueEntry[] {
  return ENTRIES;
}
