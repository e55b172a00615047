// Both ciphers by node:crypto, which Deno computes natively: the fastest above a few KiB, where the fixed
// 2 to 4 µs of making a cipher object no longer count, and the second opinion in every self-test.
// Never asynchronous: no WebCrypto (it finishes out of order, lanes research 4.10).

import { createCipheriv, createDecipheriv } from "node:crypto";
import { type Aead, AEAD_TAG_BYTES, type AeadCipher, type AeadName } from "./aead.ts";

const TAG_LENGTH = { authTagLength: AEAD_TAG_BYTES };

class NodeChaChaPoly implements Aead {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): number {
    const cipher = createCipheriv("chacha20-poly1305", this.#key, nonce, TAG_LENGTH);
    if (aad.length > 0) cipher.setAAD(aad, { plaintextLength: plain.length });
    const text = cipher.update(plain);
    cipher.final();
    out.set(text, 0);
    out.set(cipher.getAuthTag(), plain.length);
    return plain.length + AEAD_TAG_BYTES;
  }

  open(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number {
    const length = sealed.length - AEAD_TAG_BYTES;
    if (length < 0) return -1;
    const decipher = createDecipheriv("chacha20-poly1305", this.#key, nonce, TAG_LENGTH);
    if (aad.length > 0) decipher.setAAD(aad, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const text = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return -1; // the one way in which node:crypto says "forged"
    }
    out.set(text, 0);
    return length;
  }
}

class NodeAesGcm implements Aead {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): number {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce, TAG_LENGTH);
    if (aad.length > 0) cipher.setAAD(aad);
    const text = cipher.update(plain);
    cipher.final();
    out.set(text, 0);
    out.set(cipher.getAuthTag(), plain.length);
    return plain.length + AEAD_TAG_BYTES;
  }

  open(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): number {
    const length = sealed.length - AEAD_TAG_BYTES;
    if (length < 0) return -1;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce, TAG_LENGTH);
    if (aad.length > 0) decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(length));
    const text = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    out.set(text, 0);
    return length;
  }
}

/** A cipher by node:crypto. */
export function nodeCipher(name: AeadName): AeadCipher {
  return {
    name,
    backEnd: "node:crypto",
    withKey: (key) => {
      const copy = key.slice();
      return name === "ChaChaPoly" ? new NodeChaChaPoly(copy) : new NodeAesGcm(copy);
    },
  };
}
