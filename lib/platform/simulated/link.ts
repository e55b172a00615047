// How a frame fares on its way from one host to another over a segment: the face of all link models, and the plain one.
// Decides that frame n of a direction has its own draws, made from seed, names and n alone: what one frame needs never
// shifts the draws of another, nor one link those of another link. Richer models stand in spec_link.ts.

import { philox, type SimulatedRandom } from "./random.ts";

/** What {@linkcode LinkModel.planUs} returns for a frame that is lost. */
export const LOST = -1;
/** What a segment answers for a frame that cannot pass: a cut, a pulled cable, a machine without power. */
export const CUT = -2;
/** What a segment answers for a frame that waits until its direction is no longer clogged. */
export const HELD = -3;

/** What a frame belongs to: a datagram to one host, one to a group or everybody, or a byte stream. */
export type Traffic = "unicast" | "group" | "stream";

const MAX_U32 = 0x100000000;
/** The block of draws that is a segment's own, out of reach of any model. */
const SEGMENT_BLOCK = 255;

/** The draws of the frame that was asked for last: one buffer for all links, since a world has very many of them. */
const WORDS = new Uint32Array(4);
let wordsOf: Link | null = null;

/** One direction between two hosts on one segment, with its randomness and what a model found out beside the delay. */
export class Link {
  readonly from: string;
  readonly to: string;
  /** When a second copy of the frame arrives, in microseconds from now; {@linkcode LOST} for none. Set by a model. */
  copyUs = LOST;
  /** Which bit of the payload arrives flipped; -1 for none. Set by a model. */
  flippedBit = -1;
  readonly #random: SimulatedRandom;
  #stateModel: LinkModel | null = null;
  #state: object | null = null;
  #otherStates: Map<LinkModel, object> | null = null;
  #key0 = 0;
  #key1 = 0;
  #nonce = 0;
  #isKeyed = false;
  #frame = 0;
  #block = -1;

  /** `random` holds the streams of the segment. */
  constructor(from: string, to: string, random: SimulatedRandom) {
    this.from = from;
    this.to = to;
    this.#random = random;
  }

  /** Begins the next frame. */
  beginFrame(): void {
    this.#frame = (this.#frame + 1) >>> 0;
    this.#block = -1;
    this.copyUs = LOST;
    this.flippedBit = -1;
  }

  /** Draw `index` (0 to 3) of block `block` (0 to 254) of the present frame, in [0, 1) with 32 bits. */
  draw(block: number, index: number): number {
    if (this.#block !== block || wordsOf !== this) this.#fill(block);
    return (WORDS[index] ?? 0) / MAX_U32;
  }

  /** A draw for what the segment itself decides. */
  drawForSegment(): number {
    return this.draw(SEGMENT_BLOCK, 0);
  }

  /** What `model` keeps about this direction; `make` makes it at the first time. It stays when models change. */
  stateOf<State extends object>(model: LinkModel, make: (link: Link) => State): State {
    if (this.#stateModel === model) return this.#state as State;
    if (this.#stateModel !== null && this.#state !== null) {
      this.#otherStates ??= new Map();
      this.#otherStates.set(this.#stateModel, this.#state);
    }
    const state = (this.#otherStates?.get(model) as State | undefined) ?? make(this);
    this.#stateModel = model;
    this.#state = state;
    return state;
  }

  /** The draws of a process that runs with time on this direction, whatever frames pass. */
  processCalled(name: string): TimeProcess {
    return new TimeProcess(this.#random, `${this.from}>${this.to}/${name}`);
  }

  #fill(block: number): void {
    if (!this.#isKeyed) {
      const words = this.#random.hash(`${this.from}>${this.to}`);
      // As signed integers, which the engine keeps within the object: a world has very many of these.
      this.#key0 = (words[0] ?? 0) | 0;
      this.#key1 = (words[1] ?? 0) | 0;
      this.#nonce = (words[2] ?? 0) | 0;
      this.#isKeyed = true;
    }
    this.#block = block;
    wordsOf = this;
    WORDS[0] = this.#frame;
    WORDS[1] = block;
    WORDS[2] = this.#nonce;
    WORDS[3] = 0;
    philox(WORDS, this.#key0, this.#key1);
  }
}

/** Draws of a process that goes on with time. */
export class TimeProcess {
  readonly #stream;

  constructor(random: SimulatedRandom, name: string) {
    this.#stream = random.fresh(name);
  }

  /** A span of exponential length with this mean, at least 1 µs. */
  exponentialUs(meanUs: number): number {
    return Math.max(1, Math.round(-Math.log(1 - this.#stream.float()) * meanUs));
  }
}

/** Decides the fate of each frame. */
export interface LinkModel {
  /** Datagrams over this are lost on the way, as on a switch with smaller frames; streams fit themselves to it. */
  readonly mtuBytes?: number;
  /** Whether no frame can pass at all: the oracle then counts the direction as cut. */
  readonly isBlocked?: boolean;
  /**
   * Microseconds until the frame arrives, or {@linkcode LOST}; sets {@linkcode Link.copyUs} and
   * {@linkcode Link.flippedBit} where a datagram fares so. A stream is told `LOST` where a datagram would arrive broken.
   */
  planUs(link: Link, bytes: number, nowUs: number, traffic: Traffic): number;
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

  planUs(link: Link): number {
    if (this.lossRate > 0 && link.draw(0, 0) < this.lossRate) return LOST;
    return this.jitterUs > 0 ? this.delayUs + Math.floor(link.draw(0, 1) * this.jitterUs) : this.delayUs;
  }
}
