// Round trips and one-way messages over one session, beside the same bytes over a bare socket.
// Decides the rounds: bare and hana in turn, the order changing every round, the first round thrown away.
// Every side is a process of its own.

import { toHex } from "../../lib/base/mod.ts";
import { type Baseline, type Benchmark, CannotMeasure, type Context, type Result } from "./result.ts";
import { median, percentile, round, rounded } from "./statistics.ts";
import { MeasuringProcess } from "./worker.ts";

const RTT_ROUNDS = 11;
const TRIPS = 2_000;
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

/** Runs `measures` in turn, `rounds` times and once to warm up; the answers by measure. */
async function interleave<T>(rounds: number, measures: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const all: T[][] = measures.map(() => []);
  for (let i = 0; i <= rounds; i++) {
    const order = measures.map((_, at) => (at + i) % measures.length);
    for (const at of order) {
      const measured = await measures[at]?.();
      if (i > 0 && measured !== undefined) all[at]?.push(measured);
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

async function trips(context: Context, what: "unix" | "tcp", cpu: number | undefined) {
  return await withPairs(context, cpu, async ({ bare, node }) => {
    const command = { what, count: TRIPS };
    const [bareRounds = [], nodeRounds = []] = await interleave(RTT_ROUNDS, [
      () => bare.ask<number[]>(command),
      () => node.ask<number[]>(command),
    ]);
    return { bare: tripFigures(bareRounds), node: tripFigures(nodeRounds) };
  });
}

/** The processor that the pinned runs share: the last one, which the system itself uses least. */
function pinnedCpu(): number {
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
      const ratio = { p50: pinned.node.p50 / pinned.bare.p50, p99: pinned.node.p99 / pinned.bare.p99 };
      return {
        name,
        n: RTT_ROUNDS * TRIPS,
        rttUs: rounded(pinned.node),
        baseline: { name: "bare echo", rttUs: rounded(pinned.bare) },
        beside: [
          { name: "hana, processes on any core", rttUs: rounded(free.node) },
          { name: "bare echo, processes on any core", rttUs: rounded(free.bare) },
        ],
        ratio: rounded(ratio),
        limit,
        met: ratio.p50 <= limit.p50 && ratio.p99 <= (limit.p99 ?? Infinity),
        how: `both processes share one core, so that neither sleeps; ${RTT_ROUNDS} rounds of ${TRIPS}, ` +
          "medians of the rounds' percentiles",
      };
    },
  };
}

/** Limits of the one-way benchmark: either is enough. */
const MIN_MSGS_PER_S = 400_000;
const MIN_SHARE = 0.6;

async function oneWay(context: Context): Promise<Result> {
  const [single = 0, batched = 0, hana = 0] = await withPairs(context, undefined, async ({ bare, node }) => {
    const rounds = await interleave(ONE_WAY_ROUNDS, [
      () => bare.ask<number>({ what: "one-way", count: MESSAGES, perWrite: 1 }),
      () => bare.ask<number>({ what: "one-way", count: MESSAGES, perWrite: BATCH }),
      () => node.ask<number>({ what: "one-way", count: MESSAGES }),
    ]);
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
