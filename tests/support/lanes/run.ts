// One run of a pair from its first packet to its last: load, settling, silence, close; what was found and what it cost.
// Decides how long a connection may take to bring everything (I5) and what silence may cost (I17).

import { CloseCode } from "../../../lib/lanes/mod.ts";
import { type Condition, START_US } from "./conditions.ts";
import { Broken, Pair, type PairOptions, QUANTUM_US } from "./pair.ts";

/** What a run came to. */
export interface RunReport {
  readonly pair: Pair;
  readonly description: string;
  readonly failed: boolean;
  /** Virtual time. */
  readonly endedUs: number;
  readonly settledUs: number;
}

const SECOND = 1_000_000;
/** Whatever happens, a run ends. */
const LONGEST_US: number = 120 * SECOND;
/** How long silence is watched. */
const IDLE_US: number = 3 * SECOND;
/** Keepalives are 500 ms apart, less 10 % (research 4.12); a search for larger datagrams and reports go on beside them. */
const KEEPALIVES_PER_SECOND = 2.3;

/** Runs to the end and checks what only the end can show. */
export function runPair(options: PairOptions): RunReport {
  const pair = new Pair(options);
  let settledUs = -1;
  try {
    settledUs = play(pair, options.condition);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  }
  const failed = pair.findings.violationCount > 0;
  return { pair, failed, description: failed ? pair.describe() : "", endedUs: pair.nowUs, settledUs };
}

function play(pair: Pair, condition: Condition): number {
  const { findings } = pair;
  const calmUs = Math.max(condition.calmFromUs, START_US);
  // The load, and what it takes to bring everything: 30 probe timeouts after the last trouble, and the bytes' own time.
  let untilUs = limitUs(pair, condition, calmUs);
  const isOver = () => pair.isSettled() || pair.closed[0] !== null || pair.closed[1] !== null;
  while (!isOver() && pair.nowUs < untilUs) {
    pair.run(untilUs, isOver);
    untilUs = limitUs(pair, condition, calmUs);
    if (pair.nowUs - START_US > LONGEST_US) break;
  }
  const settledUs = pair.isSettled() ? pair.nowUs : -1;
  for (const side of [0, 1] as const) {
    findings.expect(
      "I5",
      "connection",
      pair.nowUs,
      pair.closed[side] === null,
      () => `${pair.ends[side].name} was closed: ${pair.closed[side]}`,
    );
  }
  if (pair.closed[0] !== null || pair.closed[1] !== null) return -1;
  findings.expect(
    "I5",
    "connection",
    pair.nowUs,
    pair.waitingSources.length === 0,
    () => `sources still wait for room: ${pair.waitingSources.join(", ")}`,
  );
  // Trouble ends; duplicates and replays that are on their way must not matter; unreliable queues run dry.
  pair.run(Math.max(pair.nowUs, calmUs) + 1_200_000);
  for (const side of [0, 1] as const) {
    pair.models[side].finish(pair.nowUs, (id) => pair.peers[side].laneStats(laneId(pair, side, id)));
  }
  watchSilence(pair, condition);
  closeAndWatch(pair, condition);
  return settledUs;
}

/** One probe timeout as the connection would reckon it, without backing off. */
export function probeTimeoutUs(condition: Condition): number {
  const jitterUs = Math.max(condition.forward.jitterUs ?? 0, condition.backward.jitterUs ?? 0);
  const lateUs = Math.max(0, ...(condition.drivers ?? []).map((driver) => driver.lateUs ?? 0));
  return condition.roundTripUs + Math.max(4 * jitterUs, 2 * QUANTUM_US) + 25_000 + 2 * lateUs;
}

/** Nobody is braked below this (lib/lanes/congestion); half of it may be lost. */
const LEAST_BYTES_PER_SECOND = 16_384;

/** 30 probe timeouts after the last trouble (I5), and what the slowest sender needs for what has not come. */
function limitUs(pair: Pair, condition: Condition, calmUs: number): number {
  const probesUs = Math.max(30 * probeTimeoutUs(condition), 5 * SECOND);
  const waiting = Math.max(pair.models[0].outstandingBytes(), pair.models[1].outstandingBytes());
  return Math.max(pair.lastArrivalUs, pair.sourcesEndUs, calmUs) + probesUs +
    waiting / LEAST_BYTES_PER_SECOND * SECOND;
}

function watchSilence(pair: Pair, condition: Condition): void {
  const before = pair.ends.map((end) => end.totals.packets);
  pair.run(pair.nowUs + IDLE_US);
  if (condition.drivers !== undefined) return;
  for (const side of [0, 1] as const) {
    const packets = pair.ends[side].totals.packets - (before[side] ?? 0);
    // A keepalive and the answer to the other's, each; a search for larger datagrams: three tries of three sizes, and
    // what each loss costs.
    const loss = Math.max(
      condition.forward.loss ?? 0,
      condition.backward.loss ?? 0,
      condition.forward.bursts ? 0.1 : 0,
    );
    const bound = Math.ceil((1 + 4 * loss) * (2 * KEEPALIVES_PER_SECOND * IDLE_US / SECOND + 10));
    pair.findings.expect(
      "I17",
      "connection",
      pair.nowUs,
      packets <= bound,
      () =>
        `${pair.ends[side].name} sent ${packets} packets in ${
          IDLE_US / SECOND
        } idle seconds, ${bound} would do`,
    );
  }
}

function closeAndWatch(pair: Pair, condition: Condition): void {
  const first = pair.ends[0];
  first.guard(
    pair.nowUs,
    "close",
    () => pair.peers[0].close(first.localAt(pair.nowUs), CloseCode.done, "over"),
  );
  first.drain(pair.nowUs);
  pair.run(pair.nowUs + 8 * SECOND);
  // CLOSE goes out three times; with half of the packets lost all three may be.
  const certain = (condition.forward.loss ?? 0) < 0.1 && condition.forward.bursts === undefined &&
    condition.changes === undefined;
  pair.findings.expect(
    "I24",
    "connection",
    pair.nowUs,
    !certain || pair.closed[1] !== null,
    () => "B was never told that A closed",
  );
  for (const side of [0, 1] as const) {
    if (side === 1 && pair.closed[1] === null) continue;
    const end = pair.ends[side];
    pair.findings.expect(
      "I24",
      "connection",
      pair.nowUs,
      end.wakeAtUs === Infinity,
      () => `${end.name} still waits for ${JSON.stringify(pair.peers[side].pollTimeout())}`,
    );
  }
}

function laneId(pair: Pair, side: 0 | 1, id: number) {
  return pair.models[side].lane(id).lane.id;
}
