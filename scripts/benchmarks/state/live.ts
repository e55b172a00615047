// The live parts of `scripts/bench state`, in network namespaces of their own: started by main.ts, says one line of JSON.
// Decides nothing but which part runs; nothing that is sent here leaves them.

import process from "node:process";
import { endChildren } from "../children.ts";
import type { Row } from "../supervision/row.ts";
import { measureLatency } from "./latency.ts";
import { measureArrivals, measureCrowd } from "./live_host.ts";
import { measureFailover, measureSoak } from "./live_show.ts";
import type { LiveTask } from "./task.ts";

const GRACE_MS = 3_000;

async function measure({ part, directory, systems, isQuick, minutes }: LiveTask): Promise<Row[]> {
  const rows: Row[] = [];
  if (part === "latency") {
    for (const system of systems) rows.push(...await measureLatency(system, directory, isQuick));
  }
  if (part === "crowd") rows.push(...await measureCrowd(directory, isQuick));
  if (part === "arrivals") rows.push(...await measureArrivals(directory, isQuick));
  if (part === "failover") rows.push(...await measureFailover(isQuick));
  if (part === "soak") rows.push(...await measureSoak(minutes));
  return rows;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => void endChildren(GRACE_MS).finally(() => Deno.exit(1)));
}
try {
  const rows = await measure(JSON.parse(Deno.args[0] ?? "{}") as LiveTask);
  process.stdout.write(`${JSON.stringify(rows)}\n`);
} finally {
  await endChildren(GRACE_MS);
}
Deno.exit(0);
