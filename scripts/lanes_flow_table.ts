// Prints what the flow model measures of the law that ships: the table of docs/lanes-rate.md.
//
//   deno run --allow-read scripts/lanes_flow_table.ts

import {
  type CellFigures,
  type CellOptions,
  type LinkName,
  LINKS,
  runCell,
} from "../tests/support/lanes_flow_cells.ts";

const SEEDS = [1, 2, 3];

/** The middle of an odd number of figures. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function row(name: LinkName, what: string, options: CellOptions): string {
  const runs = SEEDS.map((seed) => runCell(name, { ...options, seed }));
  const of = (key: keyof CellFigures): number => median(runs.map((run) => run[key]));
  const percent = (key: keyof CellFigures): string => (100 * of(key)).toFixed(1);
  return `| ${
    [
      name,
      what,
      percent("utilisation"),
      options.tcpFlows === undefined ? "" : percent("others"),
      of("queueP50Ms").toFixed(1),
      of("queueP99Ms").toFixed(1),
      (options.flows ?? 1) > 1 ? of("fairness").toFixed(2) : "",
      percent("ownLoss"),
      Number.isFinite(of("risesInMs")) ? of("risesInMs").toFixed(0) : "–",
    ].join(" | ")
  } |`;
}

const lines = [
  "| link | flows | used % | Reno % | queue p50 ms | p99 ms | fairness | own loss % | 80 % after ms |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];
for (const name of Object.keys(LINKS) as LinkName[]) {
  lines.push(row(name, "1", {}));
  if (name === "C1") continue;
  lines.push(row(name, "10", { flows: 10 }));
  if (name !== "C2") lines.push(row(name, "1 and a Reno flow", { tcpFlows: 1 }));
}
await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
