// What hana alone is asked for: merging and encoding, a host with a hundred clients, a newcomer to ten thousand objects.
// Decides loads and rounds; says one line of JSON. The time of a host is simulated, its work is not.

import process from "node:process";
import type { Row } from "../supervision/row.ts";
import { measureCapacity } from "./figures/capacity.ts";
import { measureJoining } from "./figures/joining.ts";
import { measureMerging } from "./figures/merging.ts";
import type { OwnTask } from "./task.ts";

const MEASURES: Readonly<Record<OwnTask["part"], (task: OwnTask) => Row[]>> = {
  merging: measureMerging,
  capacity: measureCapacity,
  joining: measureJoining,
};

const task = JSON.parse(process.argv[2] ?? "{}") as OwnTask;
process.stdout.write(`${JSON.stringify(MEASURES[task.part](task))}\n`);
