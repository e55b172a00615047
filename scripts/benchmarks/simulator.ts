// What the simulated world costs: an event with nothing in it, a timer, and the events of whole nodes that are quiet.
// Decides the rounds and the sizes; the worlds are programs/simulated_worlds.ts, each size in a process of its own.

import type { Benchmark, Context, Figures, Result } from "./result.ts";
import { median, rounded } from "./statistics.ts";
import { MeasuringProcess } from "./worker.ts";

const EVENTS = 1_000_000;
const ROUNDS = 5;
/** Nodes, and quiet seconds. */
const SIZES: readonly (readonly [number, number])[] = [[10, 600], [30, 300], [100, 60], [300, 20]];
const LIMIT_EVENT_US = 0.5;
/** A minute of a show of a hundred with a stream to all; ten minutes in 15 s are wanted. */
const STREAM = { nodes: 100, seconds: 60 } as const;
/** 0.7 million events a second. */
const LIMIT_NODE_EVENT_US = 1.43;

/** What a world of nodes took. */
interface Timed {
  readonly joinMs: number;
  readonly quietMs: number;
  readonly events: number;
  readonly residentMb: number;
}

/** What a show with a stream took. */
interface Streamed {
  readonly cpuMs: number;
  readonly events: number;
  readonly residentMb: number;
}

/** Microseconds an event, the median of some rounds after a first one. */
async function costOf(process: MeasuringProcess, what: "events" | "timers"): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const { ms } = await process.ask<{ ms: number }>({ what, count: EVENTS });
    if (round > 0) costs.push((ms * 1000) / EVENTS);
  }
  return median(costs);
}

async function run(context: Context): Promise<Result> {
  const us: Record<string, number> = {};
  const ms: Record<string, number> = {};
  const memory: Record<string, number> = {};
  let bare = NaN;
  {
    await using process = new MeasuringProcess("simulated_worlds.ts", []);
    bare = await costOf(process, "events");
    us.timer = await costOf(process, "timers");
  }
  for (const [nodes, seconds] of SIZES) {
    await using process = new MeasuringProcess("simulated_worlds.ts", []);
    const timed = await process.ask<Timed>({ what: "nodes", nodes, seconds });
    us[`event of ${nodes} nodes`] = (timed.quietMs * 1000) / timed.events;
    us[`node-second of ${nodes} nodes`] = (timed.quietMs * 1000) / (nodes * seconds);
    ms[`join of ${nodes}`] = timed.joinMs;
    ms[`${nodes} × ${seconds} s`] = timed.quietMs;
    memory[`${nodes} nodes residentMb`] = timed.residentMb;
    context.say(`${nodes} nodes: ${(timed.events / timed.quietMs / 1000).toFixed(2)} M events/s`);
  }
  {
    await using process = new MeasuringProcess("simulated_worlds.ts", []);
    const { cpuMs, events, residentMb } = await process.ask<Streamed>({ what: "stream", ...STREAM });
    ms[`${STREAM.nodes} × ${STREAM.seconds} s with a 60 Hz stream to all`] = cpuMs;
    us["event with a stream"] = (cpuMs * 1000) / events;
    memory["stream residentMb"] = residentMb;
    context.say(`${STREAM.nodes} nodes and a stream: ${(events / cpuMs / 1000).toFixed(2)} M events/s`);
  }
  const largest = us["event of 100 nodes"] ?? NaN;
  const limit: Figures = { timer: LIMIT_EVENT_US, "event of 100 nodes": LIMIT_NODE_EVENT_US };
  return {
    name: "simulator",
    n: EVENTS * ROUNDS,
    us: rounded(us),
    ms: rounded(ms),
    idle: rounded(memory),
    baseline: { name: "an event that nobody sees", us: rounded({ event: bare }) },
    ratio: rounded({ timer: (us.timer ?? NaN) / bare }),
    limit,
    met: (us.timer ?? NaN) <= LIMIT_EVENT_US && largest <= LIMIT_NODE_EVENT_US,
    how: `${EVENTS.toLocaleString("en")} events a round; nodes with a mesh key on one switched network, ` +
      "quiet once all have met",
  };
}

/** The simulated world. */
export const SIMULATOR: Benchmark = {
  name: "simulator",
  summary: "simulated world: ≤ 0.5 µs a timer that does nothing, ≥ 0.7 M events/s with 100 quiet nodes",
  run,
};
