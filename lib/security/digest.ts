// SHA-256 of files and texts, piece by piece: what tells two programs, or two manifests, apart.
// Decides nothing; no key is involved (keyed_mac.ts has those).

import { createHash } from "node:crypto";
import { toHex } from "../base/mod.ts";

/** A digest that grows with what it is given. */
export class Sha256 {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  /** 64 hex digits. Call it once, at the end. */
  hex(): string {
    return toHex(new Uint8Array(this.#hash.digest()));
  }
}

/** The digest of some bytes in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return new Sha256().update(bytes).hex();
}
