// The system's secure random source behind the named-stream interface. All names share it: nothing here is
// repeatable, and nothing may be. Draws of 32 bits come out of a block that is fetched whole, since a system
// call a draw would cost more than the draw.

import type { RandomSource, RandomStream } from "../mod.ts";

const BLOCK_WORDS = 1024;
/** `crypto.getRandomValues` refuses more at once (Web Cryptography API, 10.1.1). */
const MAX_FILL_BYTES = 65536;

class SecureStream implements RandomStream {
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #used = BLOCK_WORDS;

  u32(): number {
    if (this.#used === BLOCK_WORDS) {
      crypto.getRandomValues(this.#block);
      this.#used = 0;
    }
    const word = this.#block[this.#used] ?? 0;
    this.#block[this.#used++] = 0; // what was handed out must not be found in memory later
    return word;
  }

  float(): number {
    return ((this.u32() >>> 5) * 0x4000000 + (this.u32() >>> 6)) / 0x20000000000000;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let at = 0; at < target.length; at += MAX_FILL_BYTES) {
      const part = target.subarray(at, at + MAX_FILL_BYTES);
      // Typed for plain buffers; shared ones are refused by the runtime.
      crypto.getRandomValues(part as Uint8Array<ArrayBuffer>);
    }
    return target;
  }
}

/** Every stream is the same secure source. */
export class DenoRandom implements RandomSource {
  readonly #stream = new SecureStream();

  stream(_name: string): RandomStream {
    return this.#stream;
  }
}
