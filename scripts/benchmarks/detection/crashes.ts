// One mesh, one model of loss, a crash now and then: how soon is it noticed, and who is taken for dead that lives?
// Decides the schedule and what counts: a death is false when its node has been up for a second or more.

import type { DiscoveryEvent } from "../../../lib/discovery/mod.ts";
import { type LossModel, Network, Random, SECOND, type Station } from "./network.ts";

const SETTLE_US = 12 * SECOND;
/** A crashed node comes back after this, when everybody should know. */
const DOWN_US = 16 * SECOND;
const MIN_PAUSE_US = 20 * SECOND;
const PAUSE_SPREAD_US = 6 * SECOND;

/** What is to be run. */
export interface Plan {
  readonly nodes: number;
  readonly seconds: number;
  readonly seed: number;
  readonly loss: (nodes: number, seed: number) => LossModel;
  /** Whether nodes crash. */
  readonly crashes?: boolean;
}

/** What came of it; times in seconds. */
export interface Outcome {
  readonly crashes: number;
  /** Until the first node knew, for each crash. */
  readonly first: number[];
  /** Until the last node knew, for each crash; infinite when some node did not within 16 s. */
  readonly last: number[];
  /** Until a node knew, for each node and crash. */
  readonly each: number[];
  readonly missed: number;
  readonly falseDeaths: number;
  /** Up to ten of them, for people. */
  readonly falseList: string[];
  readonly isolations: number;
  readonly unreachable: number;
  readonly suspected: number;
  readonly pairHours: number;
  /** Datagrams a second of the whole mesh by kind. */
  readonly rates: Record<string, number>;
}

/** Runs a plan. */
export function runPlan(plan: Plan): Outcome {
  const { nodes, seconds, seed } = plan;
  const counts = { false: 0, isolated: 0, unreachable: 0, suspected: 0 };
  const falseList: string[] = [];
  let victim: Station | null = null;
  let crashUs = 0;
  let isMeasuring = false;
  const known = new Map<Station, number>();
  const network = new Network(seed, (nowUs: number, station: Station, event: DiscoveryEvent) => {
    if (!isMeasuring) return;
    if (event.kind === "isolated") counts.isolated++;
    else if (event.kind === "unreachable") counts.unreachable++;
    else if (event.kind === "suspected") counts.suspected++;
    else if (event.kind === "lost") {
      const subject = network.stations.find(({ id }) => id === event.id);
      if (subject === undefined) return;
      if (subject === victim && !subject.isUp) {
        if (!known.has(station)) known.set(station, nowUs);
      } else if (subject.isUp && nowUs - subject.upSinceUs > SECOND && nowUs - station.upSinceUs > SECOND) {
        counts.false++;
        if (falseList.length < 10) {
          falseList.push(
            `${Math.round(nowUs / 1e4) / 100} s: ${station.index} takes ${subject.index} for dead`,
          );
        }
      }
    }
  });
  for (let i = 0; i < nodes; i++) {
    network.add();
    network.run(Math.min(20_000, 2 * SECOND / nodes));
  }
  network.run(SETTLE_US);
  network.loss = plan.loss(nodes, seed + 7);
  network.run(SETTLE_US);
  isMeasuring = true;
  const startUs = network.nowUs;
  const before = { ...network.sent };
  const random = new Random(seed + 99);
  const [first, last, each]: [number[], number[], number[]] = [[], [], []];
  let crashes = 0;
  let missed = 0;
  while (network.nowUs - startUs < seconds * SECOND) {
    if (plan.crashes === false) {
      network.run(seconds * SECOND);
      break;
    }
    network.run(MIN_PAUSE_US - DOWN_US + PAUSE_SPREAD_US * random.float());
    const one = network.stations[Math.floor(random.float() * nodes)];
    if (one === undefined) break;
    victim = one;
    crashUs = network.nowUs;
    known.clear();
    network.crash(one);
    network.run(DOWN_US);
    crashes++;
    const times = [...known.values()].map((atUs) => (atUs - crashUs) / SECOND);
    each.push(...times);
    if (times.length > 0) first.push(Math.min(...times));
    last.push(times.length < nodes - 1 ? Infinity : Math.max(...times));
    missed += nodes - 1 - times.length;
    network.restart(one);
    victim = null;
  }
  const elapsed = (network.nowUs - startUs) / SECOND;
  const rates: Record<string, number> = {};
  for (const [kind, count] of Object.entries(network.sent)) {
    rates[kind] = Math.round((count - (before[kind] ?? 0)) / elapsed * 10) / 10;
  }
  return {
    crashes,
    first,
    last,
    each,
    missed,
    falseDeaths: counts.false,
    falseList,
    isolations: counts.isolated,
    unreachable: counts.unreachable,
    suspected: counts.suspected,
    pairHours: nodes * (nodes - 1) * elapsed / 3_600,
    rates,
  };
}

/** The value that this share of all values does not exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
