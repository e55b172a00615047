// One direction of an encrypted conversation: a key, a counter that is the nonce, and REKEY.
// Noise Protocol Framework revision 34, sections 4.2, 5.1 and 11.3. Never repeats a nonce, never goes back.

import { HanaError } from "../base/mod.ts";
import {
  type Aead,
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  type AeadCipher,
  NO_AAD,
  setNonce,
} from "./aead.ts";

/** The last counter that a number holds exactly; a million messages a second reach it in 285 years. */
const LAST_COUNTER = Number.MAX_SAFE_INTEGER;

/** CipherState: encrypts or decrypts messages in order. */
export class CipherState {
  readonly #cipher: AeadCipher;
  readonly #nonce: Uint8Array = new Uint8Array(AEAD_NONCE_BYTES);
  #aead: Aead;
  #counter = 0;

  constructor(cipher: AeadCipher, key: Uint8Array) {
    this.#cipher = cipher;
    this.#aead = cipher.withKey(key);
  }

  /** Messages encrypted or decrypted so far, which is the next nonce. */
  get counter(): number {
    return this.#counter;
  }

  /** Encrypts the next message into `out` (see {@linkcode Aead.seal}). Returns the bytes written. */
  seal(out: Uint8Array, aad: Uint8Array, plain: Uint8Array): number {
    this.#prepareNonce();
    const written = this.#aead.seal(out, this.#nonce, aad, plain);
    this.#counter++;
    return written;
  }

  /** Decrypts the next message into `out`; −1 when it is not authentic, and then the counter stays. */
  open(out: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number {
    this.#prepareNonce();
    const written = this.#aead.open(out, this.#nonce, aad, sealed);
    if (written >= 0) this.#counter++;
    return written;
  }

  /**
   * REKEY(): the new key is the encryption of 32 zero bytes under the reserved nonce 2^64 − 1 (section 4.2).
   * The counter goes on. A key that leaks later opens nothing sent before.
   */
  rekey(): void {
    const sealed = new Uint8Array(AEAD_KEY_BYTES + AEAD_TAG_BYTES);
    this.#nonce.fill(0xff);
    this.#nonce.fill(0, 0, 4);
    this.#aead.seal(sealed, this.#nonce, NO_AAD, new Uint8Array(AEAD_KEY_BYTES));
    this.#aead = this.#cipher.withKey(sealed.subarray(0, AEAD_KEY_BYTES));
  }

  #prepareNonce(): void {
    if (this.#counter >= LAST_COUNTER) {
      throw new HanaError("internal", {
        what: "message counter",
        why: "is used up; the session had to be renewed",
      });
    }
    setNonce(this.#nonce, this.#cipher.name, this.#counter);
  }
}
