// One key for every purpose, derived from one secret: HKDF-SHA-256 (RFC 5869) with an info text of its own each.
// Decides the texts and what a key of a ring must be able to do; never who holds a secret (mesh_key.ts, access_key.ts).

import { hkdfSync } from "node:crypto";

/** What a derived key is for; each purpose has a key of its own, so that no use can weaken another. */
export type KeyPurpose =
  | "session psk"
  | "datagram mac"
  | "datagram query"
  | "lease"
  | "page cookie"
  | "udp psk"
  | "udp mac"
  | "udp cookie";

const HKDF_SALT = new TextEncoder().encode("hana mesh key 1");

/** `bytes` bytes derived from `secret` for the use that `info` names. */
export function deriveKey(secret: Uint8Array, info: string, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(`hana ${info}`);
  return new Uint8Array(hkdfSync("sha256", secret, HKDF_SALT, text, bytes));
}

/** A key as a ring holds it: a mesh key, or an access key that was derived from one. */
export interface RingKey {
  /** 8 bytes that name the mesh key, its own or the one that it was derived from. */
  readonly id: Uint8Array;
  /** {@linkcode id} in hex. */
  readonly idText: string;
  /** What the mesh is called on this machine, null where nobody gave it a name. */
  readonly name: string | null;
  /** The 32-byte key for one purpose; the array is shared. Throws `refused` for a purpose that the key does not have. */
  derive(purpose: KeyPurpose): Uint8Array;
}
