// One direction of a network, in virtual time: delay, correlated jitter, loss in bursts that time drives, duplicates,
// overtaking, a rate with a bounded buffer, a largest size, flipped bits, outages, holds, replays.
// Decides when which copies of a packet arrive. Never reads what is inside. The same seed plays the same link.

import type { Draws } from "./random.ts";

/** A place where packets wait for their turn. Several links may share one. */
export class Bottleneck {
  #busyUntilUs = 0;
  dropped = 0;

  constructor(readonly bytesPerSecond: number, readonly bufferBytes: number) {}

  /** When a packet that comes now has left; −1 when there is no room for it. */
  pass(nowUs: number, bytes: number): number {
    const startUs = Math.max(nowUs, this.#busyUntilUs);
    const waitingBytes = (startUs - nowUs) * this.bytesPerSecond / 1e6;
    if (waitingBytes + bytes > this.bufferBytes) {
      this.dropped++;
      return -1;
    }
    this.#busyUntilUs = startUs + bytes * 1e6 / this.bytesPerSecond;
    return this.#busyUntilUs;
  }
}

/** A stretch of time, its end not included. */
export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** How packets of one direction fare. Everything left out is perfect. */
export interface LinkSpec {
  readonly delayUs?: number;
  /** Deviation of the delay; it never goes below a quarter of `delayUs`. */
  readonly jitterUs?: number;
  /** How much of a packet's jitter the one before had as well, 0 to 1. */
  readonly jitterCorrelation?: number;
  /** Each packet alone. */
  readonly loss?: number;
  /** Two states that last exponential times whether packets come or not. */
  readonly bursts?: {
    readonly goodUs: number;
    readonly badUs: number;
    readonly lossGood: number;
    readonly lossBad: number;
  };
  readonly duplicate?: { readonly share: number; readonly lateUs: number };
  /** Some are held for longer and so overtaken. */
  readonly reorder?: { readonly share: number; readonly minUs: number; readonly maxUs: number };
  readonly bytesPerSecond?: number;
  readonly bufferBytes?: number;
  /** Larger datagrams vanish. Steps in time order. */
  readonly mtu?: readonly { readonly fromUs: number; readonly bytes: number }[];
  readonly corrupt?: number;
  /** Everything is lost. */
  readonly outages?: readonly Span[];
  /** Nothing arrives; all of it comes at the end, in order. */
  readonly holds?: readonly Span[];
  /** Every packet comes once more within this time. */
  readonly replayWithinUs?: number;
}

/** A datagram on its way. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly sentAtUs: number;
  /** Bits were flipped: a tag would not fit any more. */
  readonly corrupt: boolean;
  /** 0 for the first to arrive; duplicates and replays count up. */
  readonly copy: number;
}

/** What became of packets, for tests of the statistics of the connection and of the link itself. */
export interface LinkCounts {
  sent: number;
  sentBytes: number;
  lost: number;
  overflowed: number;
  tooLarge: number;
  duplicated: number;
  reordered: number;
  corrupted: number;
  replayed: number;
}

/** One direction of a network. */
export class Link {
  readonly counts: LinkCounts = {
    ...{ sent: 0, sentBytes: 0, lost: 0, overflowed: 0, tooLarge: 0, duplicated: 0, reordered: 0 },
    ...{ corrupted: 0, replayed: 0 },
  };
  #spec: LinkSpec;
  #bottleneck: Bottleneck | null;
  #jitter = 0;
  #lastArrivalUs = 0;
  #bad = false;
  #stateUntilUs = -1;
  #outagesExtra: Span[] = [];

  /**
   * @param spec How packets fare.
   * @param random Its own stream of draws.
   * @param deliver Told each copy with its time of arrival, at once when it is sent.
   * @param shared A bottleneck that other links use too; without one it has its own if `spec` names a rate.
   */
  constructor(
    spec: LinkSpec,
    private readonly random: Draws,
    private readonly deliver: (atUs: number, datagram: Datagram) => void,
    shared: Bottleneck | null = null,
  ) {
    this.#spec = spec;
    this.#bottleneck = shared ?? ownBottleneck(spec);
  }

  /** The link is another one from now on. */
  change(spec: LinkSpec): void {
    this.#spec = spec;
    this.#bottleneck = ownBottleneck(spec);
    this.#stateUntilUs = -1;
  }

  /** Everything that is sent in this span is lost as well. */
  cut(span: Span): void {
    this.#outagesExtra.push(span);
  }

  /** Sockets of datagrams take any number. */
  canTake(): boolean {
    return true;
  }

  /** The largest datagram that passes now. */
  mtuAt(nowUs: number): number {
    let bytes = Infinity;
    for (const step of this.#spec.mtu ?? []) if (nowUs >= step.fromUs) bytes = step.bytes;
    return bytes;
  }

  /** Sends the datagram; `bytes` must not change afterwards. Says what became of it. */
  send(nowUs: number, bytes: Uint8Array, wireBytes: number): "sent" | "lost" {
    const spec = this.#spec;
    const random = this.random;
    this.counts.sent++;
    this.counts.sentBytes += wireBytes;
    if (wireBytes > this.mtuAt(nowUs)) return this.#lose("tooLarge");
    let leftUs = nowUs;
    if (this.#bottleneck !== null) {
      leftUs = this.#bottleneck.pass(nowUs, wireBytes);
      if (leftUs < 0) return this.#lose("overflowed");
    }
    if (isIn(spec.outages, nowUs) || isIn(this.#outagesExtra, nowUs)) return this.#lose("lost");
    if (random.happens(spec.loss ?? 0) || this.#burstLoses(nowUs)) return this.#lose("lost");

    let arrivalUs = leftUs + this.#delay();
    if (spec.reorder !== undefined && random.happens(spec.reorder.share)) {
      this.counts.reordered++;
      arrivalUs += random.between(spec.reorder.minUs, spec.reorder.maxUs);
    } else {
      // Jitter alone lets nothing overtake: radios and switches queue.
      arrivalUs = Math.max(arrivalUs, this.#lastArrivalUs);
      this.#lastArrivalUs = arrivalUs;
    }
    for (const hold of spec.holds ?? []) {
      if (arrivalUs >= hold.fromUs && arrivalUs < hold.toUs) arrivalUs = hold.toUs;
    }
    arrivalUs = Math.round(arrivalUs);

    let corrupt = false;
    let received = bytes;
    if (random.happens(spec.corrupt ?? 0)) {
      this.counts.corrupted++;
      corrupt = true;
      received = flipBits(bytes, random, random.between(1, 8));
    }
    this.deliver(arrivalUs, { bytes: received, sentAtUs: nowUs, corrupt, copy: 0 });
    if (spec.duplicate !== undefined && random.happens(spec.duplicate.share)) {
      this.counts.duplicated++;
      const lateUs = arrivalUs + random.below(spec.duplicate.lateUs + 1);
      this.deliver(lateUs, { bytes, sentAtUs: nowUs, corrupt: false, copy: 1 });
    }
    if (spec.replayWithinUs !== undefined) {
      this.counts.replayed++;
      const lateUs = arrivalUs + 1 + random.below(spec.replayWithinUs);
      this.deliver(lateUs, { bytes, sentAtUs: nowUs, corrupt: false, copy: 2 });
    }
    return "sent";
  }

  #lose(cause: "lost" | "overflowed" | "tooLarge"): "lost" {
    this.counts[cause]++;
    return "lost";
  }

  #delay(): number {
    const { delayUs = 0, jitterUs = 0, jitterCorrelation = 0 } = this.#spec;
    if (jitterUs === 0) return delayUs;
    this.#jitter = jitterCorrelation * this.#jitter +
      Math.sqrt(1 - jitterCorrelation * jitterCorrelation) * this.random.normal();
    return Math.max(delayUs / 4, delayUs + this.#jitter * jitterUs);
  }

  #burstLoses(nowUs: number): boolean {
    const bursts = this.#spec.bursts;
    if (bursts === undefined) return false;
    if (this.#stateUntilUs < 0) {
      this.#bad = this.random.happens(bursts.badUs / (bursts.goodUs + bursts.badUs));
      this.#stateUntilUs = nowUs + this.random.exponential(this.#bad ? bursts.badUs : bursts.goodUs);
    }
    while (nowUs >= this.#stateUntilUs) {
      this.#bad = !this.#bad;
      this.#stateUntilUs += this.random.exponential(this.#bad ? bursts.badUs : bursts.goodUs);
    }
    return this.random.happens(this.#bad ? bursts.lossBad : bursts.lossGood);
  }
}

/** A copy of `bytes` with `count` flipped bits; the same bit may be hit twice, but never back to what it was. */
export function flipBits(bytes: Uint8Array, random: Draws, count: number): Uint8Array {
  const copy = bytes.slice();
  const hit = new Set<number>();
  for (let i = 0; i < count && bytes.length > 0; i++) {
    const bit = random.below(bytes.length * 8);
    if (hit.has(bit)) continue;
    hit.add(bit);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
  return copy;
}

function ownBottleneck(spec: LinkSpec): Bottleneck | null {
  return spec.bytesPerSecond === undefined
    ? null
    : new Bottleneck(spec.bytesPerSecond, spec.bufferBytes ?? Infinity);
}

function isIn(spans: readonly Span[] | undefined, nowUs: number): boolean {
  if (spans === undefined) return false;
  for (const span of spans) if (nowUs >= span.fromUs && nowUs < span.toUs) return true;
  return false;
}
