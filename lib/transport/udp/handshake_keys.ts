// What a handshake over datagrams takes from a mesh key, computed once a key: the pre-shared key of the Noise pattern, the
// code of mac1, the cipher of cookies. Each has a purpose of its own, so that no use can weaken another.

import { type Aead, KeyedMac, type KeyRing, type MeshKey, type NoiseSuite } from "../../security/mod.ts";

/** One mesh key, ready for handshakes. */
export interface HandshakeKey {
  readonly key: MeshKey;
  readonly psk: Uint8Array;
  readonly mac1: KeyedMac;
  readonly cookieAead: Aead;
}

/** What both roles of a handshake share. */
export interface HandshakeContext {
  readonly suite: NoiseSuite;
  readonly ring: KeyRing;
  /** In the order of the ring: the key that is preferred first. */
  readonly keys: readonly HandshakeKey[];
}

/** Prepares the keys of a ring. An access key has none for this: the head of INIT has no room to say whose it is. */
export function handshakeContext(suite: NoiseSuite, ring: KeyRing): HandshakeContext {
  return {
    suite,
    ring,
    keys: ring.kind === "access" ? [] : ring.keys.map((key) => ({
      key,
      psk: key.derive("udp psk"),
      mac1: new KeyedMac(key.derive("udp mac")),
      cookieAead: suite.cipher.withKey(key.derive("udp cookie")),
    })),
  };
}

/** The label under which the handshake exports the keys of its path. */
export const UDP_KEYS_LABEL = "udp handshake";
