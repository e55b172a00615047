// A cipher that hides nothing and proves nothing: text in the clear and sixteen zero bytes for a tag, so that tests can
// alter what lies behind the seal. And one that writes down every nonce, to show that none is used twice.

import { toHex } from "../../lib/base/mod.ts";
import {
  type Aead,
  AEAD_TAG_BYTES,
  type AeadCipher,
  type NoiseSuite,
  noiseSuite,
} from "../../lib/security/mod.ts";

/** Seals without a key. Opens what ends with a zero tag. */
export const nullSealer: Aead = {
  seal(out, _nonce, _aad, plain) {
    const { length } = plain;
    if (out.buffer !== plain.buffer || out.byteOffset !== plain.byteOffset) out.set(plain);
    out.fill(0, length, length + AEAD_TAG_BYTES);
    return length + AEAD_TAG_BYTES;
  },
  open(out, _nonce, _aad, sealed) {
    const length = sealed.length - AEAD_TAG_BYTES;
    if (length < 0) return -1;
    for (let i = length; i < sealed.length; i++) if (sealed[i] !== 0) return -1;
    if (out.buffer !== sealed.buffer || out.byteOffset !== sealed.byteOffset) {
      out.set(sealed.subarray(0, length));
    }
    return length;
  },
};

/** {@linkcode nullSealer} under every key. */
export const nullCipher: AeadCipher = { name: "ChaChaPoly", backEnd: "none", withKey: () => nullSealer };

/** A suite around {@linkcode nullCipher}. */
export function nullSuite(): NoiseSuite {
  return noiseSuite(nullCipher, "SHA256");
}

/** A cipher that passes everything on and remembers each pair of key and nonce that sealed something. */
export class RecordingCipher implements AeadCipher {
  readonly name: AeadCipher["name"];
  readonly backEnd = "recording";
  /** Pairs seen, and those that came again. */
  readonly seen = new Set<string>();
  readonly repeated: string[] = [];

  constructor(private readonly cipher: AeadCipher) {
    this.name = cipher.name;
  }

  withKey(key: Uint8Array): Aead {
    const aead = this.cipher.withKey(key);
    const prefix = toHex(key);
    return {
      seal: (out, nonce, aad, plain) => {
        const pair = `${prefix}/${toHex(nonce)}`;
        if (this.seen.has(pair)) this.repeated.push(pair);
        this.seen.add(pair);
        return aead.seal(out, nonce, aad, plain);
      },
      open: (out, nonce, aad, sealed) => aead.open(out, nonce, aad, sealed),
    };
  }
}
