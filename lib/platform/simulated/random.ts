// Random streams by name: a counter-based generator, so that a draw depends on seed, name and position alone.
// Adding a node or a fault to a world shifts nobody else's draws, which is what makes a failing run shrinkable.
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) on 32-bit integers.

import type { RandomSource, RandomStream } from "../mod.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The high half of the 64-bit product of two 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // No sum of these exceeds 32 bits, so that signed arithmetic loses nothing.
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const rest = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (rest >>> 16)) | 0;
}

/** Enciphers the four words of `block` in place under the two words of the key. */
export function philox(block: Uint32Array, key0: number, key1: number): void {
  let c0 = (block[0] ?? 0) | 0;
  let c1 = (block[1] ?? 0) | 0;
  let c2 = (block[2] ?? 0) | 0;
  let c3 = (block[3] ?? 0) | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** 128 bits from seed and name: the cipher chained over the name's bytes, sixteen at a time, length last. */
function hashName(seed: number, name: string): Uint32Array {
  const seedLow = seed >>> 0;
  const seedHigh = Math.floor(seed / 0x100000000) >>> 0;
  const bytes = new TextEncoder().encode(name);
  const state = new Uint32Array(4);
  for (let at = 0; at <= bytes.length; at += 16) {
    for (let i = 0; i < 16; i++) {
      const word = i >> 2;
      state[word] = (state[word] ?? 0) ^ ((bytes[at + i] ?? 0) << (8 * (i & 3)));
    }
    philox(state, seedLow, seedHigh);
  }
  state[0] = (state[0] ?? 0) ^ bytes.length;
  philox(state, seedLow, seedHigh);
  return state;
}

/** One named stream. */
export class PhiloxStream implements RandomStream {
  readonly #key0: number;
  readonly #key1: number;
  readonly #nonce0: number;
  readonly #nonce1: number;
  readonly #block = new Uint32Array(4);
  #blocks = 0;
  #used = 4;

  constructor(seed: number, name: string) {
    const hash = hashName(seed, name);
    this.#key0 = hash[0] ?? 0;
    this.#key1 = hash[1] ?? 0;
    this.#nonce0 = hash[2] ?? 0;
    this.#nonce1 = hash[3] ?? 0;
  }

  u32(): number {
    if (this.#used === 4) this.#refill();
    return this.#block[this.#used++] ?? 0;
  }

  float(): number {
    return ((this.u32() >>> 5) * 0x4000000 + (this.u32() >>> 6)) / 0x20000000000000;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let at = 0; at < target.length; at += 4) {
      let word = this.u32();
      const end = Math.min(at + 4, target.length);
      for (let i = at; i < end; i++) {
        target[i] = word & 255;
        word >>>= 8;
      }
    }
    return target;
  }

  #refill(): void {
    this.#block[0] = this.#blocks >>> 0;
    this.#block[1] = Math.floor(this.#blocks / 0x100000000);
    this.#block[2] = this.#nonce0;
    this.#block[3] = this.#nonce1;
    this.#blocks++;
    philox(this.#block, this.#key0, this.#key1);
    this.#used = 0;
  }
}

/** All streams of one seed whose names begin with `prefix`. */
export class SimulatedRandom implements RandomSource {
  readonly #seed: number;
  readonly #prefix: string;
  readonly #streams = new Map<string, PhiloxStream>();

  /** `seed` is an integer in 0 … 2^53 − 1. */
  constructor(seed: number, prefix: string) {
    this.#seed = seed;
    this.#prefix = prefix;
  }

  stream(name: string): RandomStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new PhiloxStream(this.#seed, this.#prefix + name);
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /** The stream called `name` from its beginning, whoever else draws from it. */
  fresh(name: string): PhiloxStream {
    return new PhiloxStream(this.#seed, this.#prefix + name);
  }

  /** 128 bits from the seed and a name. */
  hash(name: string): Uint32Array {
    return hashName(this.#seed, this.#prefix + name);
  }

  /** The streams of a part of the world, by a longer prefix. */
  under(name: string): SimulatedRandom {
    return new SimulatedRandom(this.#seed, `${this.#prefix}${name}/`);
  }
}
