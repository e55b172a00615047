// Proof that a discovery datagram comes from a member of the mesh: HMAC-SHA-256 (RFC 2104) cut to 16 bytes.
// Decides the tag and which keys are accepted; never what a datagram means or whether it is a replay.
// The key's two hash blocks are computed once and copied for each datagram: 1.4 to 2.2 µs instead of 3.5 to 8.

import { createHash } from "node:crypto";
import { assert } from "../base/mod.ts";
import { equalInConstantTime } from "./aead.ts";
import type { MeshKey, MeshKeyRing, RingSlot } from "./mesh_key.ts";

/** Bytes of a tag, at the end of the datagram. */
export const DATAGRAM_TAG_BYTES = 16;
/** The key tag of the open mesh. */
export const OPEN_KEY_TAG = 0;

const BLOCK_BYTES = 64;

/** HMAC with a key whose padded blocks are hashed in advance. */
class KeyedHash {
  readonly keyTag: number;
  readonly #inner: ReturnType<typeof createHash>;
  readonly #outer: ReturnType<typeof createHash>;

  constructor(key: MeshKey, trust: "keyed" | "open") {
    this.keyTag = trust === "open" ? OPEN_KEY_TAG : 1 + ((key.id[0] ?? 0) % 255);
    const secret = key.derive("datagram mac");
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(secret);
    this.#inner = createHash("sha256").update(block.map((byte) => byte ^ 0x36));
    this.#outer = createHash("sha256").update(block.map((byte) => byte ^ 0x5c));
  }

  compute(bytes: Uint8Array): Uint8Array {
    const inner = this.#inner.copy().update(bytes).digest();
    return this.#outer.copy().update(inner).digest();
  }
}

/** Signs and checks datagrams with the keys of one ring. */
export class DatagramAuthenticator {
  /** A hint for the header, which key signed: 0 for the open mesh, else 1 … 255 from the key's id. No secret. */
  readonly keyTag: number;
  /** What an authentic datagram proves. */
  readonly trust: "keyed" | "open";
  readonly #primary: KeyedHash;
  readonly #previous: KeyedHash | null;

  constructor(ring: MeshKeyRing) {
    this.#primary = new KeyedHash(ring.primary, ring.trust);
    this.#previous = ring.previous === null ? null : new KeyedHash(ring.previous, ring.trust);
    this.keyTag = this.#primary.keyTag;
    this.trust = ring.trust;
  }

  /** Signs `bytes[0 … length)` with the primary key and writes the tag to `bytes[length … length + 16)`. */
  sign(bytes: Uint8Array, length: number): void {
    assert(length >= 0 && length + DATAGRAM_TAG_BYTES <= bytes.length, "there is room for the tag");
    const tag = this.#primary.compute(bytes.subarray(0, length));
    for (let i = 0; i < DATAGRAM_TAG_BYTES; i++) bytes[length + i] = tag[i] ?? 0;
  }

  /**
   * Which key signed the whole of `bytes`, whose last 16 are the tag; null when none of the ring did.
   * With `keyTag`, the hint from the header, a key with another tag is not tried, so that a stranger's datagram
   * costs nothing; a lie there can only make an authentic datagram be refused.
   */
  verify(bytes: Uint8Array, keyTag?: number): RingSlot | null {
    const length = bytes.length - DATAGRAM_TAG_BYTES;
    if (length < 0) return null;
    if (this.#matches(this.#primary, bytes, length, keyTag)) return "primary";
    if (this.#previous !== null && this.#matches(this.#previous, bytes, length, keyTag)) return "previous";
    return null;
  }

  #matches(key: KeyedHash, bytes: Uint8Array, length: number, keyTag: number | undefined): boolean {
    if (keyTag !== undefined && keyTag !== key.keyTag) return false;
    const tag = key.compute(bytes.subarray(0, length));
    return equalInConstantTime(tag.subarray(0, DATAGRAM_TAG_BYTES), bytes.subarray(length));
  }
}
