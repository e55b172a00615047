// Both ciphers by @noble/ciphers: audited, pure TypeScript, the reference of the tests and the last fallback.
// Slow for small messages (5 µs for 64 B) and 2 ms to load, so nothing imports this file statically.

import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Aead, AEAD_TAG_BYTES, type AeadCipher, type AeadName } from "./aead.ts";

class NobleAead implements Aead {
  readonly #construct: typeof chacha20poly1305 | typeof gcm;
  readonly #key: Uint8Array;

  constructor(name: AeadName, key: Uint8Array) {
    this.#construct = name === "ChaChaPoly" ? chacha20poly1305 : gcm;
    this.#key = key;
  }

  seal(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): number {
    const sealed = this.#construct(this.#key, nonce, aad).encrypt(plain);
    out.set(sealed, 0);
    return sealed.length;
  }

  open(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number {
    if (sealed.length < AEAD_TAG_BYTES) return -1;
    let plain: Uint8Array;
    try {
      plain = this.#construct(this.#key, nonce, aad).decrypt(sealed);
    } catch {
      return -1; // the one way in which the library says "forged"
    }
    out.set(plain, 0);
    return plain.length;
  }
}

/** A cipher by @noble/ciphers. */
export function nobleCipher(name: AeadName): AeadCipher {
  return { name, backEnd: "@noble/ciphers", withKey: (key) => new NobleAead(name, key.slice()) };
}
