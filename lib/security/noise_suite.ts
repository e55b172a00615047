// The algorithms of a Noise protocol: a cipher, a hash, X25519. Any combination that the framework names can be
// built, so that the published vectors of all of them run; hana speaks exactly one (SESSION_SUITE).
// Never keeps state: cipher_state.ts and noise.ts do.

import { createHash, createHmac } from "node:crypto";
import type { AeadCipher, AeadName } from "./aead.ts";
import { loadAead } from "./aead_load.ts";

/** Hash names as the Noise Protocol Framework spells them (revision 34, section 12). */
export type NoiseHashName = "SHA256" | "SHA512" | "BLAKE2s" | "BLAKE2b";

/** A hash function with what Noise builds on it. */
export interface NoiseHash {
  readonly name: NoiseHashName;
  /** HASHLEN. */
  readonly bytes: number;
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** The first `outputs` outputs of HKDF(chainingKey, material) (revision 34, section 4.3). */
  hkdf(chainingKey: Uint8Array, material: Uint8Array, outputs: 2 | 3): Uint8Array[];
}

const NATIVE_NAMES: Readonly<Record<NoiseHashName, { readonly native: string; readonly bytes: number }>> = {
  SHA256: { native: "sha256", bytes: 32 },
  SHA512: { native: "sha512", bytes: 64 },
  BLAKE2s: { native: "blake2s256", bytes: 32 },
  BLAKE2b: { native: "blake2b512", bytes: 64 },
};

/** A hash by node:crypto. */
export function noiseHash(name: NoiseHashName): NoiseHash {
  const { native, bytes } = NATIVE_NAMES[name];
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const state = createHmac(native, key);
    for (const part of parts) state.update(part);
    return new Uint8Array(state.digest());
  };
  return {
    name,
    bytes,
    hash: (...parts) => {
      const state = createHash(native);
      for (const part of parts) state.update(part);
      return new Uint8Array(state.digest());
    },
    hkdf: (chainingKey, material, outputs) => {
      const temporary = hmac(chainingKey, material);
      const derived: Uint8Array[] = [];
      let last: Uint8Array = new Uint8Array(0);
      for (let i = 1; i <= outputs; i++) {
        last = hmac(temporary, last, new Uint8Array([i]));
        derived.push(last);
      }
      return derived;
    },
  };
}

/** A cipher and a hash; the Diffie-Hellman function is always 25519. */
export interface NoiseSuite {
  /** As in the protocol name, such as `25519_ChaChaPoly_SHA256`. */
  readonly name: string;
  readonly cipher: AeadCipher;
  readonly hash: NoiseHash;
}

/** Joins a cipher that is already loaded with a hash. */
export function noiseSuite(cipher: AeadCipher, hashName: NoiseHashName): NoiseSuite {
  return { name: `25519_${cipher.name}_${hashName}`, cipher, hash: noiseHash(hashName) };
}

/**
 * The suite of hana's sessions. ChaChaPoly, because its WebAssembly back end is three times as fast as anything
 * native at 64 B, twice at 256 B and no slower at 1,200 B (scripts/bench aead); SHA256, because it is native and the same hash
 * authenticates discovery.
 */
export const SESSION_SUITE: {
  readonly cipher: AeadName;
  readonly hash: NoiseHashName;
  readonly number: number;
} = {
  cipher: "ChaChaPoly",
  hash: "SHA256",
  number: 1,
};

let sessionSuite: Promise<NoiseSuite> | null = null;

/** Loads the suite of hana's sessions with the fastest back end that proves itself; later calls share the first. */
export function loadSessionSuite(): Promise<NoiseSuite> {
  sessionSuite ??= loadAead(SESSION_SUITE.cipher).then(({ cipher }) =>
    noiseSuite(cipher, SESSION_SUITE.hash)
  );
  return sessionSuite;
}
