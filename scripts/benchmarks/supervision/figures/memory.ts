// What a shim takes: memory beyond the shared executable, and CPU while its program is idle; beside compiled programs of the
// same runtime that only wait. Decides what is counted: proportional memory without the pages of the executable's file.

import { compileLine } from "../../executables.ts";
import { startChild } from "../../children.ts";
import { round } from "../../statistics.ts";
import { Daemon } from "../daemon.ts";
import { cpuMs, inspect, MARK_NAME, marked, type Memory, memoryOf, pause } from "../processes.ts";
import { type Bench, ownDirectory, type Row } from "../row.ts";

const MANY = 20;
const SETTLE_MS = 5_000;
const MIB = 1 << 20;

/** Takes the figures. */
export async function measureMemory(bench: Bench): Promise<Row[]> {
  const directory = ownDirectory(bench, "memory");
  const windowMs = bench.isQuick ? 10_000 : 30_000;
  const waiting = await compileLine(
    { directory, say: bench.say },
    "waiting",
    "setTimeout(() => {}, 3_600_000);",
  );
  const daemon = new Daemon({ ...bench, prefix: bench.isolated, directory });
  await daemon.start();
  const console = await daemon.console();
  const rows: Row[] = [];
  try {
    for (const count of [1, MANY]) {
      const shims = await shimsOf(bench, console, directory, count);
      const bare = startWaiting(bench, waiting, count);
      await pause(SETTLE_MS);
      rows.push(
        memoryRow(`memory of a shim, ${count} of them`, shims.map(memoryOf), { "beyond file": 16 }),
        memoryRow(`memory of a waiting program, ${count} of them`, bare.map(({ pid }) => memoryOf(pid)), {}),
      );
      if (count === MANY) {
        const silent = await cpuShare(shims, windowMs);
        rows.push({
          what: `CPU of an idle shim over ${windowMs / 1000} s, mean of ${count}`,
          unit: "%",
          figures: {
            percent: silent,
            "a waiting program": await cpuShare(bare.map(({ pid }) => pid), 2_000),
          },
          limit: { percent: 0.3 },
          note: "a program that says nothing",
        });
      }
      bare.forEach((child) => child.kill("SIGKILL"));
      await Promise.all(bare.map(({ status }) => status));
    }
    // The same with programs that beat twice a second.
    const beating = Array.from({ length: MANY }, (_, at) => `b${at}`);
    for (const name of beating) await console.spawn(name, [bench.benchChild, `${directory}/${name}`, "500"]);
    for (const name of beating) await console.untilEvent(name, "ready", 20_000);
    await pause(SETTLE_MS);
    const shims = parentsOf(bench, bench.benchChild);
    rows.push({
      what: `CPU of a shim whose program beats twice a second, mean of ${shims.length}`,
      unit: "%",
      figures: { percent: await cpuShare(shims, windowMs) },
      limit: {},
    });
  } finally {
    await console.close();
    await daemon.stop();
  }
  return rows;
}

function memoryRow(what: string, all: readonly Memory[], limit: Row["limit"]): Row {
  const mean = (of: (memory: Memory) => number): number =>
    round(all.map(of).reduce((sum, each) => sum + each, 0) / all.length / MIB);
  return {
    what,
    unit: "MiB",
    figures: {
      "beyond file": mean(({ proportional, ofExecutable }) => proportional - ofExecutable),
      anonymous: mean(({ anonymous }) => anonymous),
      private: mean((memory) => memory.private),
      proportional: mean(({ proportional }) => proportional),
      resident: mean(({ resident }) => resident),
    },
    limit,
  };
}

/** Brings programs up to `count`; the shims that stand by one. */
async function shimsOf(
  bench: Bench,
  console: Awaited<ReturnType<Daemon["console"]>>,
  directory: string,
  count: number,
): Promise<number[]> {
  for (let at = parentsOf(bench, bench.child).length; at < count; at++) {
    await console.spawn(`m${at}`, [bench.child, `stamp ${directory}/m${at}`]);
    await console.untilEvent(`m${at}`, "ready", 10_000);
  }
  return parentsOf(bench, bench.child);
}

function parentsOf(bench: Bench, file: string): number[] {
  return marked(bench.mark).filter((process) => process.file === file)
    .map(({ parentId }) => parentId).filter((id) => inspect(id)?.argv.at(-1) === "__shim");
}

function startWaiting(bench: Bench, path: string, count: number): Deno.ChildProcess[] {
  const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
  return Array.from(
    { length: count },
    () => startChild([path], { ...streams, env: { [MARK_NAME]: bench.mark } }),
  );
}

async function cpuShare(ids: readonly number[], windowMs: number): Promise<number> {
  const before = ids.map(cpuMs);
  const began = performance.now();
  await pause(windowMs);
  const tookMs = performance.now() - began;
  const used = ids.map((id, at) => cpuMs(id) - (before[at] ?? 0)).reduce((sum, each) => sum + each, 0);
  return round(used / ids.length / tookMs * 100);
}
