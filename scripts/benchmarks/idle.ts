// What an idle node takes: share of a core and resident memory, from /proc, over the same half minute for all.
// Each process stands in a network namespace of its own with loopback and one interface.

import { endChildren, startChild } from "./children.ts";
import { compiledHana, compileLine, SOURCE_HANA } from "./executables.ts";
import { isolated } from "./isolation.ts";
import { type Benchmark, CannotMeasure, type Context, type Figures, type Result } from "./result.ts";
import { round, rounded } from "./statistics.ts";

const SETTLE_MS = 5_000;
const WINDOW_MS = 30_000;
/** A node says goodbye within two seconds. */
const GOODBYE_MS = 4_000;
const MAX_CPU_PERCENT = 1;
const MAX_RESIDENT_MB = 120;
/** USER_HZ: the unit of times in /proc, 100 on every Linux that hana is compiled for. */
const TICKS_PER_S = 100;

/** CPU time in ms that a process has used, all its threads together (proc(5), "/proc/pid/stat", fields 14 and 15). */
function cpuMs(processId: number): number {
  const text = Deno.readTextFileSync(`/proc/${processId}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_S);
}

function residentMb(processId: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${processId}/status`))?.[1];
  return Number(kib) * 1024 / 1e6;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function run(context: Context): Promise<Result> {
  if (Deno.build.os !== "linux") throw new CannotMeasure("it reads /proc, which only Linux has");
  const prefix = isolated({ loopbackOnly: false });
  const hana = await compiledHana();
  const waiting = await compileLine(context, "waiting", "setTimeout(() => {}, 3_600_000);");
  const serve = (place: string) => [
    ...["serve", "--name", place, "--log-level", "warn"],
    ...["--state-dir", `${context.directory}/${place}-s`, "--run-dir", `${context.directory}/${place}-r`],
  ];
  const commands = [
    [hana, ...serve("compiled")],
    [SOURCE_HANA, ...serve("source")],
    [waiting],
    [Deno.execPath(), "run", "--quiet", "--no-config", `${waiting}.js`],
  ];
  // Every wrapper replaces itself by the next, so the process id is that of what is measured.
  const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const children = commands.map((command) => startChild([...prefix, ...command], streams));
  try {
    await pause(SETTLE_MS);
    const before = children.map(({ pid }) => cpuMs(pid));
    const started = performance.now();
    await pause(WINDOW_MS);
    const windowMs = performance.now() - started;
    const measured: Figures[] = children.map(({ pid }, at) => ({
      cpuPercent: ((cpuMs(pid) - (before[at] ?? 0)) / windowMs) * 100,
      residentMb: residentMb(pid),
    }));
    return resultOf(measured);
  } finally {
    await endChildren(GOODBYE_MS);
  }
}

function resultOf([compiled = {}, source = {}, bare = {}, bareSource = {}]: readonly Figures[]): Result {
  const cpu = compiled.cpuPercent ?? NaN;
  const memory = compiled.residentMb ?? NaN;
  return {
    name: "idle",
    n: 1,
    idle: rounded({ ...compiled }),
    baseline: { name: "compiled program that waits", idle: rounded({ ...bare }) },
    beside: [
      { name: "hana from source", idle: rounded({ ...source }) },
      { name: "deno run of a program that waits", idle: rounded({ ...bareSource }) },
    ],
    ratio: { residentMb: round(memory / (bare.residentMb ?? NaN)) },
    limit: { cpuPercent: MAX_CPU_PERCENT, residentMb: MAX_RESIDENT_MB },
    met: cpu <= MAX_CPU_PERCENT && memory <= MAX_RESIDENT_MB,
    how:
      `compiled \`hana serve\` alone on its network, ${WINDOW_MS / 1000} s after ${
        SETTLE_MS / 1000
      } s of settling; ` +
      "CPU time counts in steps of 10 ms",
  };
}

/** An idle node. */
export const IDLE: Benchmark = {
  name: "idle",
  summary: "idle `hana serve` over 30 s: ≤ 1 % of a core, ≤ 120 MB resident",
  run,
};
