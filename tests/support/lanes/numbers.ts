// What the numbers of the lanes are measured with, in virtual time: one transfer over a link, the age of a stream of
// values beside it, what silence and acknowledgements cost.
// Decides from when to when something is measured; never what is good enough (tests/lanes/numbers_test.ts).

import { LANES } from "../../../lib/lanes/mod.ts";
import type { LinkSpec } from "./link.ts";
import type { Pair } from "./pair.ts";
import { connectionOf, laneOf, MILLISECOND, quietPair, SECOND } from "./quiet.ts";

/** 1 Mbit/s in bytes a second. */
export const MBIT = 125_000;
/** Transfers run in pieces of this size unless they are one message. */
const PIECE_BYTES = 65_536;
/** What a connection has carried before a transfer counts as warm. */
const WARM_UP_MESSAGES = 16;
/** Not a divisor of the stream's period, so that ages of all phases are seen. */
const SAMPLE_US = 997;
const STREAM_US: number = MILLISECOND;
const LONGEST_US: number = 60 * SECOND;

const ASSET = laneOf("asset", "reliable-ordered", {
  tier: 3,
  maxMessageBytes: 1 << 20,
  maxQueuedBytes: 64 << 20,
});

/** A link: one way's delay, its rate, its buffer, its loss. */
export interface NumbersLink {
  readonly delayUs: number;
  readonly mbit: number;
  readonly bufferBytes: number;
  readonly loss?: number;
}

/** One transfer of one message. */
export interface Transfer {
  /** Time from `send` to the whole message at the receiver, by size ÷ rate + delay. */
  readonly ratio: number;
  /** Bytes of datagrams from the sender by bytes of the message. */
  readonly bytes: number;
}

/** One message of `bytes` over the link, by a connection that has just begun or one that has carried 16 MB. */
export function transfer(link: NumbersLink, bytes: number, isWarm: boolean, seed: number): Transfer {
  const rate = link.mbit * MBIT;
  const pair = quietPair(specOf(link), { seed, lanes: [ASSET], maxRateBytesPerSecond: rate });
  const { id } = pair.laneOf(0, ASSET);
  const { messages } = pair.models[0].lane(id);
  if (isWarm) { for (let i = 0; i < WARM_UP_MESSAGES; i++) pair.send(0, id, 1_000_000); }
  pair.run(pair.nowUs + LONGEST_US, () => messages.every(({ deliveries }) => deliveries > 0) && isWarm);
  // The path is known, and nothing is on its way.
  pair.run(isWarm ? pair.nowUs + 200 * MILLISECOND : pair.nowUs + SECOND);
  const before = pair.ends[0].totals.bytes;
  const startUs = pair.nowUs;
  pair.send(0, id, bytes);
  pair.run(startUs + LONGEST_US, () => (messages.at(-1)?.deliveries ?? 0) > 0);
  return {
    ratio: (pair.nowUs - startUs) / (bytes / rate * 1e6 + link.delayUs),
    bytes: (pair.ends[0].totals.bytes - before) / bytes,
  };
}

/** Ages of the newest value at the receiver, in microseconds. */
export interface Ages {
  readonly p50: number;
  readonly p99: number;
  /** How long the transfer beside it took; 0 without one. */
  readonly transferUs: number;
}

/** How a stream of values is sent. */
export interface StreamOptions {
  readonly link: NumbersLink;
  readonly seed: number;
  readonly kind?: "udp" | "stream";
  readonly keys?: number;
  readonly forUs?: number;
  /** Bytes of a reliable transfer beside it; the ages are those of its time. */
  readonly bulkBytes?: number;
}

/** A value of 24 B each millisecond on the modulation lane. */
export function streamAges(options: StreamOptions): Ages {
  const { link, seed, kind = "udp", keys = 1, forUs = 10 * SECOND, bulkBytes = 0 } = options;
  const pair = quietPair(specOf(link), {
    ...{ seed, kind, lanes: [ASSET] },
    // Nobody tells it how fast the link is.
    maxRateBytesPerSecond: 4 * link.mbit * MBIT,
  });
  const bulk = new Bulk(pair, bulkBytes);
  const { id } = LANES.modulation;
  pair.run(pair.nowUs + SECOND);
  const startUs = pair.nowUs;
  const fromUs = startUs + SECOND / 2;
  let untilUs = startUs + forUs;
  for (let i = 0; pair.nowUs < untilUs; i++) {
    pair.run(startUs + i * STREAM_US);
    if (pair.nowUs >= fromUs) bulk.feed();
    pair.send(0, id, 24, { key: i % keys });
    if (bulkBytes > 0) untilUs = bulk.isDone ? pair.nowUs : startUs + LONGEST_US;
  }
  const ages = agesOf(pair, id, fromUs, pair.nowUs);
  const at = (share: number) => ages[Math.min(ages.length - 1, Math.floor(ages.length * share))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), transferUs: bulkBytes > 0 ? pair.nowUs - fromUs : 0 };
}

/** A reliable transfer in pieces, as fast as its lane takes them. */
class Bulk {
  readonly #id;
  readonly #messages;
  #left: number;

  constructor(private readonly pair: Pair, bytes: number) {
    this.#id = pair.laneOf(0, ASSET).id;
    this.#messages = pair.models[0].lane(this.#id).messages;
    this.#left = bytes;
  }

  feed(): void {
    while (this.#left > 0) {
      const bytes = Math.min(PIECE_BYTES, this.#left);
      if (this.pair.send(0, this.#id, bytes) < 0) return;
      this.#left -= bytes;
    }
  }

  get isDone(): boolean {
    return this.#left === 0 && (this.#messages.at(-1)?.deliveries ?? 0) > 0;
  }
}

/** Sorted. */
function agesOf(pair: Pair, id: number, fromUs: number, toUs: number): Float64Array {
  const came = pair.models[0].lane(id).messages.filter(({ deliveries }) => deliveries > 0)
    .sort((a, b) => a.deliveredAtUs - b.deliveredAtUs);
  const ages: number[] = [];
  let next = 0;
  let newestUs = -Infinity;
  for (let atUs = fromUs; atUs < toUs; atUs += SAMPLE_US) {
    for (; next < came.length && (came[next]?.deliveredAtUs ?? Infinity) <= atUs; next++) {
      newestUs = Math.max(newestUs, came[next]?.acceptedAtUs ?? 0);
    }
    ages.push(atUs - newestUs);
  }
  return Float64Array.from(ages).sort();
}

/** Packets that each side sends in `forUs` of silence, after a conversation and a search for larger datagrams. */
export function idlePackets(
  link: NumbersLink,
  kind: "udp" | "stream",
  forUs: number,
  seed: number,
): number[] {
  const pair = quietPair(specOf(link), { seed, kind });
  pair.send(0, LANES.events.id, 100);
  pair.run(pair.nowUs + 5 * SECOND);
  const before = pair.ends.map(({ totals }) => totals.packets);
  pair.run(pair.nowUs + forUs);
  return pair.ends.map(({ totals }, side) => totals.packets - (before[side] ?? 0));
}

/** What acknowledgements cost the receiver of a transfer: packets and bytes of its own by those that it received. */
export function ackShare(link: NumbersLink, bytes: number, seed: number): { packets: number; bytes: number } {
  const pair = quietPair(specOf(link), { seed, lanes: [ASSET], maxRateBytesPerSecond: link.mbit * MBIT });
  const bulk = new Bulk(pair, bytes);
  const before = pair.ends.map(({ totals }) => ({ packets: totals.packets, bytes: totals.bytes }));
  const untilUs = pair.nowUs + LONGEST_US;
  while (!bulk.isDone && pair.nowUs < untilUs) {
    bulk.feed();
    pair.run(pair.nowUs + MILLISECOND);
  }
  const [sent, back] = pair.ends.map(({ totals }, side) => ({
    packets: totals.packets - (before[side]?.packets ?? 0),
    bytes: totals.bytes - (before[side]?.bytes ?? 0),
  }));
  return {
    packets: (back?.packets ?? NaN) / (sent?.packets ?? NaN),
    bytes: (back?.bytes ?? NaN) / (sent?.bytes ?? NaN),
  };
}

/** Packets that counted as lost and were not, by packets sent, in a transfer. */
export function spuriousShare(link: NumbersLink, bytes: number, seed: number): number {
  const pair = quietPair(specOf(link), { seed, lanes: [ASSET], maxRateBytesPerSecond: link.mbit * MBIT });
  const bulk = new Bulk(pair, bytes);
  const untilUs = pair.nowUs + LONGEST_US;
  while (!bulk.isDone && pair.nowUs < untilUs) {
    bulk.feed();
    pair.run(pair.nowUs + MILLISECOND);
  }
  const stats = connectionOf(pair, 0).stats();
  return stats.packetsSpuriouslyLost / stats.packetsSent;
}

/** The middle of an odd number of figures. */
export function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function specOf({ delayUs, mbit, bufferBytes, loss = 0 }: NumbersLink): LinkSpec {
  return { delayUs, loss, bytesPerSecond: mbit * MBIT, bufferBytes };
}
