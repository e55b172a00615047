// Proof that a discovery datagram comes from a member of the mesh: HMAC-SHA-256 (RFC 2104) cut to 16 bytes.
// Who holds an access key alone signs with another key, which members check and never use: it can ask, and is nobody's word.
// Decides the tag and which keys are accepted; never what a datagram means or whether it is a replay.

import { assert } from "../base/mod.ts";
import { KeyedMac, MAC_BYTES } from "./keyed_mac.ts";
import type { RingKey } from "./derivation.ts";
import type { KeyRing, RingSlot } from "./mesh_key.ts";

/** Bytes of a tag, at the end of the datagram. */
export const DATAGRAM_TAG_BYTES: number = MAC_BYTES;
/** The key tag of the open mesh. */
export const OPEN_KEY_TAG = 0;

/** One key of the ring with its hint. */
class KeyedHash {
  readonly keyTag: number;
  readonly mac: KeyedMac;

  constructor(key: RingKey, trust: "keyed" | "open", purpose: "datagram mac" | "datagram query") {
    this.keyTag = trust === "open" ? OPEN_KEY_TAG : 1 + ((key.id[0] ?? 0) % 255);
    this.mac = new KeyedMac(key.derive(purpose));
  }
}

/** Whose tag a datagram has: that of a key of the ring, or that of who holds an access key of one of them. */
export type DatagramSigner = RingSlot | "guest";

/** Signs and checks datagrams with the keys of one ring. */
export class DatagramAuthenticator {
  /** A hint for the header, which key signed: 0 for the open mesh, else 1 … 255 from the key's id. No secret. */
  readonly keyTag: number;
  /** What an authentic datagram proves: nothing in the open mesh, and nothing to who holds an access key alone. */
  readonly trust: "keyed" | "open";
  readonly #primary: KeyedHash;
  readonly #previous: KeyedHash | null;
  readonly #guests: readonly KeyedHash[];
  /** Members' tags cannot be checked with an access key: what names the right mesh key is taken for what it says. */
  readonly #takesAll: boolean;

  constructor(ring: KeyRing) {
    const isGuest = ring.kind === "access";
    const purpose = isGuest ? "datagram query" : "datagram mac";
    this.#primary = new KeyedHash(ring.primary, ring.trust, purpose);
    this.#previous = ring.previous === null ? null : new KeyedHash(ring.previous, ring.trust, purpose);
    this.#guests = isGuest || ring.trust === "open"
      ? []
      : ring.keys.map((key) => new KeyedHash(key, ring.trust, "datagram query"));
    this.#takesAll = isGuest;
    this.keyTag = this.#primary.keyTag;
    this.trust = isGuest ? "open" : ring.trust;
  }

  /** Signs `bytes[0 … length)` with the primary key and writes the tag to `bytes[length … length + 16)`. */
  sign(bytes: Uint8Array, length: number): void {
    assert(length >= 0 && length + DATAGRAM_TAG_BYTES <= bytes.length, "there is room for the tag");
    this.#primary.mac.sign(bytes, 0, length, bytes, length);
  }

  /**
   * Which key signed the whole of `bytes`, whose last 16 are the tag; null when none of the ring did.
   * With `keyTag`, the hint from the header, a key with another tag is not tried, so that a stranger's datagram
   * costs nothing; a lie there can only make an authentic datagram be refused.
   */
  verify(bytes: Uint8Array, keyTag?: number): DatagramSigner | null {
    const length = bytes.length - DATAGRAM_TAG_BYTES;
    if (length < 0) return null;
    if (this.#takesAll) return keyTag === this.keyTag ? "primary" : null;
    if (this.#matches(this.#primary, bytes, length, keyTag)) return "primary";
    if (this.#previous !== null && this.#matches(this.#previous, bytes, length, keyTag)) return "previous";
    for (const guest of this.#guests) if (this.#matches(guest, bytes, length, keyTag)) return "guest";
    return null;
  }

  #matches(key: KeyedHash, bytes: Uint8Array, length: number, keyTag: number | undefined): boolean {
    if (keyTag !== undefined && keyTag !== key.keyTag) return false;
    return key.mac.verify(bytes, 0, length, bytes, length);
  }
}
