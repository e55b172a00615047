// Frames that are well formed and mean anything: what a peer sends that holds the keys and knows no rules.
// Decides bytes alone. Writes the layout by itself, so that a bug of the writer under test is not repeated here.

import type { Draws } from "./random.ts";

/** Numbers near which rules break. */
const EDGES: readonly number[] = [
  0,
  1,
  2,
  31,
  255,
  256,
  1_023,
  1_024,
  16_383,
  16_384,
  65_535,
  65_536,
  2 ** 30 - 1,
];
const EDGES_32: readonly number[] = [...EDGES, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];

/** Makes packets out of random frames. */
export class FrameMaker {
  #bytes: number[] = [];

  constructor(private readonly draws: Draws) {}

  /** The frames of one packet. Numbers are drawn near `near`: a peer that lies lies best close to the truth. */
  packet(near: { message: number; packet: number }): Uint8Array {
    this.#bytes = [];
    for (let count = this.draws.between(1, 4); count > 0; count--) this.#frame(near);
    if (this.draws.happens(0.05)) { for (let i = this.draws.below(40); i >= 0; i--) this.#bytes.push(0); }
    return Uint8Array.from(this.#bytes.slice(0, 1_400));
  }

  #frame(near: { message: number; packet: number }): void {
    const { draws } = this;
    const lane = draws.happens(0.9) ? draws.below(5) : [14, 16, 17, 18, 254, 255][draws.below(6)] ?? 16;
    switch (draws.below(10)) {
      case 0:
        return this.#put(0x01, ...u32(draws.u32()));
      case 1: {
        const ranges = draws.below(4);
        this.#put(
          draws.happens(0.5) ? 0x02 : 0x03,
          ...u32(this.#close(near.packet)),
          ...u16(draws.below(65_536)),
        );
        if (this.#bytes[this.#bytes.length - 7] === 0x03) this.#put(...u32(draws.u32()));
        this.#put(ranges, ...varint(1 + this.#small()));
        for (let i = 0; i < ranges; i++) {
          this.#put(...varint(1 + this.#small()), ...varint(1 + this.#small()));
        }
        return;
      }
      case 2:
        return this.#put(0x04, lane, ...u32(this.#close(near.message)), ...u32(this.#edge32()));
      case 3:
        return this.#put(0x05, lane, ...u32(this.#close(near.message)));
      case 4:
        return this.#put(draws.happens(0.5) ? 0x07 : 0x08, ...u32(draws.u32()), ...u32(draws.u32()));
      case 5: {
        const own = 16 + draws.below(200);
        this.#put(0x0a, own, draws.below(4), draws.below(8), draws.below(2), ...u32(this.#edge32()));
        return this.#put(3, 0x61, 0x62, 0x63);
      }
      case 6:
        this.#put(0x09);
        for (let i = 0; i < 12; i++) this.#put(draws.below(256));
        return;
      default:
        return this.#data(lane, near.message);
    }
  }

  #data(lane: number, near: number): void {
    const { draws } = this;
    const isPiece = draws.happens(0.5);
    const isKeyed = draws.happens(0.3);
    const type = 0x80 | (isPiece ? 0x40 : 0) | (isKeyed ? 0x10 : 0);
    if (lane < 15) this.#put(type | lane);
    else this.#put(type | 15, lane);
    this.#put(...u32(this.#close(near)));
    if (isKeyed) this.#put(...varint(this.#edge()));
    const length = draws.between(1, 60);
    if (isPiece) {
      const total = Math.max(2, length + 1, draws.happens(0.7) ? draws.below(20_000) : this.#edge());
      const offset = Math.min(total - length, draws.happens(0.7) ? draws.below(total) : this.#edge());
      this.#put(...varint(offset), ...varint(total));
    }
    this.#put(...varint(length));
    for (let i = 0; i < length; i++) this.#put(draws.below(256));
  }

  #close(value: number): number {
    if (this.draws.happens(0.1)) return this.#edge32();
    return (value + this.draws.between(-4, 8) + 2 ** 32) % 2 ** 32;
  }

  #small(): number {
    return this.draws.happens(0.8) ? this.draws.below(4) : this.#edge() - 1;
  }

  #edge(): number {
    return EDGES[1 + this.draws.below(EDGES.length - 1)] ?? 1;
  }

  #edge32(): number {
    return EDGES_32[this.draws.below(EDGES_32.length)] ?? 0;
  }

  #put(...bytes: readonly number[]): void {
    this.#bytes.push(...bytes);
  }
}

function u16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}

function u32(value: number): number[] {
  return [Math.floor(value / 2 ** 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function varint(value: number): number[] {
  if (value < 64) return [value];
  if (value < 16_384) return [0x40 | (value >> 8), value & 255];
  return [0x80 | (value >>> 24), (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
