// Keys for what runs beside a sealed conversation, from the same handshake (as the exporters of TLS, RFC 8446 section
// 7.5): a path over datagrams needs no handshake of its own where a stream has had one.
// Holds a secret that was derived from the handshake's last chaining key, never that key itself: from what an exporter
// holds nobody can work back to what the conversation was sealed with.

import type { NoiseHash } from "./noise_suite.ts";

/** Bytes of an exported key. */
export const EXPORTED_KEY_BYTES = 32;

const TEXT = new TextEncoder();

/** A key for each direction; one end's `send` is the other end's `receive`. */
export interface DirectionKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** Derives keys by label. The same at both ends of one handshake, others in every other handshake. */
export class KeyExporter {
  readonly #hash: NoiseHash;
  readonly #secret: Uint8Array;
  readonly #initiator: boolean;

  /** `chainingKey` is the handshake's last one; it is not kept. */
  constructor(hash: NoiseHash, chainingKey: Uint8Array, initiator: boolean) {
    this.#hash = hash;
    this.#initiator = initiator;
    // Split() feeds the same key with no material at all (Noise revision 34, section 5.2), so the two never meet.
    this.#secret = firstOutput(hash, chainingKey, "hana exporter");
  }

  /** The keys for one use. Asking twice gives the same keys: whoever uses them keeps count of nonces. */
  keys(label: string): DirectionKeys {
    const fromInitiator = this.#derive(`hana export ${label}: from the initiator`);
    const fromResponder = this.#derive(`hana export ${label}: from the responder`);
    return this.#initiator
      ? { send: fromInitiator, receive: fromResponder }
      : { send: fromResponder, receive: fromInitiator };
  }

  #derive(info: string): Uint8Array {
    return firstOutput(this.#hash, this.#secret, info).slice(0, EXPORTED_KEY_BYTES);
  }
}

function firstOutput(hash: NoiseHash, key: Uint8Array, info: string): Uint8Array {
  return hash.hkdf(key, TEXT.encode(info), 2)[0] ?? new Uint8Array(0);
}
