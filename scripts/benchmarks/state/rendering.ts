// The comparison as people read it: a table for each load, a row a system and runtime. Decides digits alone.

import { short, table } from "../peers/rendering.ts";
import type { Runtime, SystemName } from "./options.ts";
import type { GrowthFigures, PatchFigures } from "./task.ts";

/** What one driver found. */
export interface Cell {
  readonly system: SystemName;
  readonly runtime: Runtime;
  readonly patches: Readonly<Record<string, PatchFigures>>;
  readonly growth: GrowthFigures | null;
}

/** Bytes and processor time of a patch. */
export function renderPatches(cells: readonly Cell[]): string {
  const loads = [...new Set(cells.flatMap(({ patches }) => Object.keys(patches)))];
  const rows = loads.flatMap((load) => [
    [load, "", "B up", "B down", "write µs", "host µs", "read µs", "rest µs", "all µs", "processor µs"],
    ...cells.flatMap(({ system, runtime, patches }) => {
      const figures = patches[load];
      if (figures === undefined) return [];
      const { upBytes, downBytes, writeUs, relayUs, readUs, settleUs, cpuUs } = figures;
      const all = writeUs + relayUs + readUs + settleUs;
      const numbers = [upBytes, downBytes, writeUs, relayUs, readUs, settleUs, all, cpuUs];
      return [["", `${system}, ${runtime}`, ...numbers.map(short)]];
    }),
  ]);
  return table(rows);
}

/** What a long session leaves behind. */
export function renderGrowth(cells: readonly Cell[]): string {
  const head = [
    "16 faders at 30 Hz",
    "frames",
    "newcomer before, B",
    "after, B",
    "of these names and types, B",
    "newcomer after, ms",
    "memory of all, kB",
    "frame, µs",
  ];
  const rows = cells.flatMap(({ system, runtime, growth }) => {
    if (growth === null) return [];
    const { frames, beforeBytes, afterBytes, schemaBytes, joinUs, heapBytes, frameUs } = growth;
    return [[
      `${system}, ${runtime}`,
      ...[frames, beforeBytes, afterBytes, schemaBytes].map((value) => value.toLocaleString("en")),
      ...[joinUs / 1000, heapBytes / 1000, frameUs].map(short),
    ]];
  });
  return table([head, ...rows]);
}
