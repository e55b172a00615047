// Round trips and one-way messages over one session, beside the same bytes over a bare socket.
// Decides the rounds: bare and hana in turn, the order changing every round, after a warm-up of both. The runtime
// compiles hot code for tens of thousands of calls, on the same core where processes are pinned; a session lives for
// a whole show, so that is shown beside the figures and not mixed into them.
// Every side is a process of its own.

import { toHex } from "../../lib/base/mod.ts";
import { type Baseline, type Benchmark, CannotMeasure, type Context, type Result } from "./result.ts";
import { median, percentile, round, rounded } from "./statistics.ts";
import { MeasuringProcess } from "./worker.ts";

const RTT_ROUNDS = 15;
const TRIPS = 4_000;
/** After so many trips the tail of the bare echo's and of hana's round trips no longer gets shorter. */
const WARM_UP_TRIPS = 40_000;
const ONE_WAY_ROUNDS = 11;
const MESSAGES = 100_000;
/** As many frames a write as fit the link's high-water mark. */
const BATCH = 256;

/** Both pairs of processes. */
interface Pairs {
  readonly bare: MeasuringProcess;
  readonly node: MeasuringProcess;
}

async function withPairs<T>(
  context: Context,
  cpu: number | undefined,
  use: (pairs: Pairs) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir({ dir: context.directory });
  const key = toHex(crypto.getRandomValues(new Uint8Array(32)));
  await using bareServer = new MeasuringProcess("bare_server.ts", [`${directory}/b`], { cpu });
  const { port } = await bareServer.next<{ port: number }>();
  await using nodeServer = new MeasuringProcess("node_server.ts", [directory, key], { cpu });
  const { addresses } = await nodeServer.next<{ addresses: string[] }>();
  const local = addresses.find((address) => address.startsWith("unix://"));
  const tcp = addresses.find((address) => address.startsWith("tcp://"));
  if (local === undefined || tcp === undefined) {
    throw new CannotMeasure("the node has no local socket or no TCP");
  }
  const overLoopback = `tcp://127.0.0.1:${tcp.slice(tcp.lastIndexOf(":") + 1)}`;
  await using bare = new MeasuringProcess("bare_client.ts", [`${directory}/b`, String(port)], { cpu });
  await using node = new MeasuringProcess("node_client.ts", [key, local, overLoopback], { cpu });
  return await use({ bare, node });
}

/** Runs `measures` in turn, `rounds` times; the answers by measure. */
async function interleave<T>(rounds: number, measures: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const all: T[][] = measures.map(() => []);
  for (let i = 0; i < rounds; i++) {
    const order = measures.map((_, at) => (at + i) % measures.length);
    for (const at of order) {
      const measured = await measures[at]?.();
      if (measured !== undefined) all[at]?.push(measured);
    }
  }
  return all;
}

/** Medians over the rounds of each round's percentiles. */
function tripFigures(rounds: readonly number[][]): { p50: number; p99: number } {
  return {
    p50: median(rounds.map((samples) => percentile(samples, 0.5))),
    p99: median(rounds.map((samples) => percentile(samples, 0.99))),
  };
}

interface Trips {
  /** The first trips of fresh processes. */
  readonly cold: { p50: number; p99: number };
  readonly warm: { p50: number; p99: number };
}

async function trips(
  context: Context,
  what: "unix" | "tcp",
  cpu: number | undefined,
): Promise<{ readonly bare: Trips; readonly node: Trips }> {
  return await withPairs(context, cpu, async ({ bare, node }) => {
    const ask = (count: number) => [
      () => bare.ask<number[]>({ what, count }),
      () => node.ask<number[]>({ what, count }),
    ];
    const [coldBare = [], coldNode = []] = await interleave(1, ask(TRIPS));
    await interleave(1, ask(WARM_UP_TRIPS));
    const [warmBare = [], warmNode = []] = await interleave(RTT_ROUNDS, ask(TRIPS));
    return {
      bare: { cold: tripFigures(coldBare), warm: tripFigures(warmBare) },
      node: { cold: tripFigures(coldNode), warm: tripFigures(warmNode) },
    };
  });
}

/** The processor that the pinned runs share: the last one, which the system itself uses least. */
function pinnedCpu(): number {
  try {
    new Deno.Command("taskset", { args: ["--version"], stdin: "null", stdout: "null" }).outputSync();
  } catch {
    throw new CannotMeasure("it needs taskset (util-linux), to let both processes share a core");
  }
  return navigator.hardwareConcurrency - 1;
}

function rtt(
  name: string,
  what: "unix" | "tcp",
  limit: { p50: number; p99?: number },
  summary: string,
): Benchmark {
  return {
    name,
    summary,
    async run(context): Promise<Result> {
      const pinned = await trips(context, what, pinnedCpu());
      const free = await trips(context, what, undefined);
      const hana = pinned.node.warm;
      const bare = pinned.bare.warm;
      const ratio = { p50: hana.p50 / bare.p50, p99: hana.p99 / bare.p99 };
      const anyCore = "each process on any core";
      const cold = `the first ${TRIPS} trips`;
      return {
        name,
        n: RTT_ROUNDS * TRIPS,
        rttUs: rounded(hana),
        baseline: { name: "bare echo", rttUs: rounded(bare) },
        beside: [
          { name: `hana, ${anyCore}`, rttUs: rounded(free.node.warm) },
          { name: `bare echo, ${anyCore}`, rttUs: rounded(free.bare.warm) },
          { name: `hana, ${cold}`, rttUs: rounded(pinned.node.cold) },
          { name: `bare echo, ${cold}`, rttUs: rounded(pinned.bare.cold) },
        ],
        ratio: rounded(ratio),
        limit,
        met: ratio.p50 <= limit.p50 && ratio.p99 <= (limit.p99 ?? Infinity),
        how:
          `both processes share one core, so that it never sleeps; ${RTT_ROUNDS} rounds of ${TRIPS} after ` +
          `${TRIPS + WARM_UP_TRIPS} to warm up; medians of the rounds' percentiles`,
      };
    },
  };
}

/** Limits of the one-way benchmark: either is enough. */
const MIN_MSGS_PER_S = 400_000;
const MIN_SHARE = 0.6;

async function oneWay(context: Context): Promise<Result> {
  const [single = 0, batched = 0, hana = 0] = await withPairs(context, undefined, async ({ bare, node }) => {
    const measures = [
      () => bare.ask<number>({ what: "one-way", count: MESSAGES, perWrite: 1 }),
      () => bare.ask<number>({ what: "one-way", count: MESSAGES, perWrite: BATCH }),
      () => node.ask<number>({ what: "one-way", count: MESSAGES }),
    ];
    await interleave(1, measures);
    const rounds = await interleave(ONE_WAY_ROUNDS, measures);
    return rounds.map((times) => MESSAGES / (median(times) / 1000));
  });
  const beside: Baseline = { name: `raw frames, ${BATCH} a write`, msgsPerS: round(batched) };
  const ratio = hana / single;
  return {
    name: "oneway-unix",
    n: ONE_WAY_ROUNDS * MESSAGES,
    msgsPerS: round(hana),
    baseline: { name: "raw frames, one a write", msgsPerS: round(single) },
    beside: [beside],
    ratio: rounded({ msgsPerS: ratio, ofBatched: hana / batched }),
    limit: { msgsPerS: MIN_SHARE, orMsgsPerS: MIN_MSGS_PER_S },
    met: hana >= MIN_MSGS_PER_S || ratio >= MIN_SHARE,
    how:
      `${ONE_WAY_ROUNDS} rounds of ${MESSAGES} messages of 64 bytes, timed until the receiver says that it ` +
      "handled the last one; medians",
  };
}

/** Benchmarks of one session between two processes. */
export const STREAM_BENCHMARKS: readonly Benchmark[] = [
  rtt(
    "rtt-unix",
    "unix",
    { p50: 2.0, p99: 2.5 },
    "request and answer, 64 B, Unix socket: p50 ≤ 2.0×, p99 ≤ 2.5× a bare echo",
  ),
  rtt(
    "rtt-tcp",
    "tcp",
    { p50: 2.5 },
    "request and answer, 64 B, encrypted TCP by loopback: p50 ≤ 2.5× a bare echo",
  ),
  {
    name: "oneway-unix",
    summary: "100,000 messages of 64 B over a Unix socket: ≥ 400,000 a second, or ≥ 60 % of raw frames",
    run: oneWay,
  },
];
