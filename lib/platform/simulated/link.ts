// How a frame fares on its way from one host to another over a segment.
// Decides delay and loss, each from a random stream of its own for each direction of each pair, so that a fault on
// one link leaves the draws of all others alone. Richer models (bursts, stalls, queues) implement the same face.

import type { RandomStream } from "../mod.ts";
import type { SimulatedRandom } from "./random.ts";

/** What {@linkcode LinkModel.planUs} returns for a frame that is lost. */
export const LOST = -1;

/** One direction between two hosts on one segment, with its randomness. */
export class Link {
  readonly from: string;
  readonly to: string;
  readonly loss: RandomStream;
  readonly delay: RandomStream;

  constructor(segment: string, from: string, to: string, random: SimulatedRandom) {
    this.from = from;
    this.to = to;
    const streams = random.under(`segment:${segment}`);
    this.loss = streams.stream(`${from}>${to}/loss`);
    this.delay = streams.stream(`${from}>${to}/delay`);
  }
}

/** Decides the fate of each frame. */
export interface LinkModel {
  /** Microseconds until the frame arrives, or {@linkcode LOST}. `group` tells multicast and broadcast. */
  planUs(link: Link, bytes: number, nowUs: number, group: boolean): number;
}

/** Settings of a {@linkcode UniformLink}. */
export interface UniformLinkOptions {
  /** One-way delay. */
  readonly delayUs?: number;
  /** What is added to the delay at most, evenly spread. */
  readonly jitterUs?: number;
  /** The share of frames that is lost, 0 to 1. */
  readonly lossRate?: number;
}

/** A switched gigabit network crosses in about this time. */
const DEFAULT_DELAY_US = 150;

/** Fixed delay, even jitter, independent loss. */
export class UniformLink implements LinkModel {
  readonly delayUs: number;
  readonly jitterUs: number;
  readonly lossRate: number;

  constructor(options: UniformLinkOptions = {}) {
    this.delayUs = options.delayUs ?? DEFAULT_DELAY_US;
    this.jitterUs = options.jitterUs ?? 0;
    this.lossRate = options.lossRate ?? 0;
  }

  planUs(link: Link, _bytes: number, _nowUs: number, _group: boolean): number {
    if (this.lossRate > 0 && link.loss.float() < this.lossRate) return LOST;
    return this.jitterUs > 0 ? this.delayUs + Math.floor(link.delay.float() * this.jitterUs) : this.delayUs;
  }
}
