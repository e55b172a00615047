// How datagrams get lost: one by one, or all of them for a while at one receiver or between two nodes.
// Decides by a stream of its own, so that the loss does not change with what the nodes draw.

import { type LossModel, Random } from "./network.ts";

/** Each datagram by itself. */
export function independent(share: number, seed: number): LossModel {
  const random = new Random(seed);
  return { isLost: () => random.float() < share };
}

/** A process that is on and off for random times (a Gilbert–Elliott channel without loss in the good state). */
class Bursts {
  readonly #untilUs: Float64Array;
  readonly #isOff: Uint8Array;
  readonly #random: Random;

  /** @param count processes @param share of time that each is off @param meanUs mean length of an outage */
  constructor(count: number, readonly share: number, readonly meanUs: number, seed: number) {
    this.#untilUs = new Float64Array(count);
    this.#isOff = new Uint8Array(count);
    this.#random = new Random(seed);
  }

  isOff(nowUs: number, which: number): boolean {
    let untilUs = this.#untilUs[which] ?? 0;
    if (untilUs === 0) {
      this.#isOff[which] = this.#random.float() < this.share ? 1 : 0;
      untilUs = nowUs + this.#lengthUs(which);
    }
    while (untilUs <= nowUs) {
      this.#isOff[which] = 1 - (this.#isOff[which] ?? 0);
      untilUs += this.#lengthUs(which);
    }
    this.#untilUs[which] = untilUs;
    return this.#isOff[which] === 1;
  }

  #lengthUs(which: number): number {
    const meanUs = this.#isOff[which] === 1 ? this.meanUs : this.meanUs * (1 - this.share) / this.share;
    return -Math.log(1 - this.#random.float()) * meanUs;
  }
}

/** A receiver that hears nothing at all for a while. */
export function deafReceivers(nodes: number, share: number, meanUs: number, seed: number): LossModel {
  const bursts = new Bursts(nodes, share, meanUs, seed);
  return { isLost: (nowUs, _from, to) => bursts.isOff(nowUs, to) };
}

/** A receiver that hears no multicast for a while, and loses some unicast always: as a wireless access point does. */
export function deafToMulticast(
  nodes: number,
  share: number,
  meanUs: number,
  unicast: number,
  seed: number,
): LossModel {
  const bursts = new Bursts(nodes, share, meanUs, seed);
  const random = new Random(seed + 1);
  return {
    isLost: (nowUs, _from, to, isMulticast) =>
      isMulticast ? bursts.isOff(nowUs, to) : random.float() < unicast,
  };
}

/** Two nodes between which nothing passes for a while, either way. */
export function cutPairs(nodes: number, share: number, meanUs: number, seed: number): LossModel {
  const bursts = new Bursts(nodes * nodes, share, meanUs, seed);
  return {
    isLost: (nowUs, from, to) => bursts.isOff(nowUs, Math.min(from, to) * nodes + Math.max(from, to)),
  };
}
