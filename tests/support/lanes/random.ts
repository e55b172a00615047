// Seeded draws for the harness of the lanes: fast, the same on every machine, one stream a purpose.
// Decides nothing about links or loads. sfc32 of Chris Doty-Humphrey's PractRand.

import type { RandomStream } from "../../../lib/platform/mod.ts";

/** A stream of draws. The same seed and name give the same draws. */
export class Draws implements RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#a = seed >>> 0;
    this.#b = hash >>> 0;
    this.#c = Math.floor(seed / 0x1_0000_0000) >>> 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  float(): number {
    return this.u32() / 0x1_0000_0000;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() >>> 24;
    return target;
  }

  /** An integer in 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.float() * n);
  }

  /** An integer in low … high. */
  between(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1));
  }

  /** Whether something of probability `share` happens. */
  happens(share: number): boolean {
    return share > 0 && this.float() < share;
  }

  /** An exponential draw with this mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.float());
  }

  /** A normal draw of mean 0 and deviation 1, from four uniform ones: the tails do not matter here. */
  normal(): number {
    return (this.float() + this.float() + this.float() + this.float() - 2) * 1.7320508;
  }
}
