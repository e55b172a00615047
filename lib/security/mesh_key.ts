// The secret that makes a mesh: 32 bytes that every member holds, and the ring of two that a rotation needs.
// Decides how a key is named (id, fingerprint) and how every other key is derived from it, one a purpose.
// Never reads or writes files (key_file.ts); never lets the secret into a log: it has no printable field.

import { equalBytes, HanaError, toHex } from "../base/mod.ts";
import type { RandomStream } from "../platform/mod.ts";
import { type AccessClaim, type AccessGrant, AccessKey, type AccessKeyRing, queryKey } from "./access_key.ts";
import { encodeBase32 } from "./base32.ts";
import { deriveKey, type KeyPurpose, type RingKey } from "./derivation.ts";
import { type Revocation, stillRevoked } from "./revocation.ts";

/** Bytes in a mesh key. */
export const MESH_KEY_BYTES = 32;
/** Bytes in a key id. */
export const KEY_ID_BYTES = 8;
/** The longest mesh name in UTF-8. */
export const MAX_MESH_NAME_BYTES = 64;

/** The key that everybody knows: gives the open mesh the same code path, and no secrecy at all. */
const OPEN_KEY_TEXT = "hana open mesh: a key that is public";

/** A mesh key with its name. Comparing is by {@linkcode MeshKey.id}. */
export class MeshKey implements RingKey {
  /** The first 8 bytes of a derivation of the key: tells keys apart without telling the key. */
  readonly id: Uint8Array;
  /** {@linkcode id} in hex. */
  readonly idText: string;
  /** 80 bits for people to compare over the phone: `7K3Q-0ZXW-PA5M-11JD`. */
  readonly fingerprint: string;
  /** What the mesh is called, null where nobody gave it a name. */
  readonly name: string | null;
  /** When the key was made, in milliseconds since 1970 by the maker's clock; null when unknown. */
  readonly createdWallMs: number | null;
  readonly #secret: Uint8Array;
  readonly #derived = new Map<KeyPurpose, Uint8Array>();

  /** Throws `config` on any other length than 32 bytes and on a name that cannot be used. */
  constructor(secret: Uint8Array, name: string | null = null, createdWallMs: number | null = null) {
    if (secret.length !== MESH_KEY_BYTES) {
      throw new HanaError("config", {
        what: "mesh key",
        why: `has ${secret.length} bytes instead of ${MESH_KEY_BYTES}`,
      });
    }
    if (name !== null) checkMeshName(name);
    this.#secret = secret.slice();
    this.id = deriveKey(secret, "key id", KEY_ID_BYTES);
    this.idText = toHex(this.id);
    this.fingerprint = encodeBase32(deriveKey(secret, "fingerprint", 10)).replace(/(.{4})(?=.)/g, "$1-");
    this.name = name;
    this.createdWallMs = createdWallMs;
  }

  /** The 32-byte key for one purpose. The array is shared: do not write to it. */
  derive(purpose: KeyPurpose): Uint8Array {
    let key = this.#derived.get(purpose);
    if (key === undefined) {
      key = purpose === "datagram query" ? queryKey(this.#secret) : deriveKey(this.#secret, purpose, 32);
      this.#derived.set(purpose, key);
    }
    return key;
  }

  /** The access key of a holder. Throws `usage` for a grant that cannot be. */
  accessKey(grant: AccessGrant): AccessKey {
    return AccessKey.derived(this.#secret, this.id, grant, this.name);
  }

  /** A copy of the secret itself, for saving and sharing alone. */
  exportSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

/** Throws `config` unless `name` is 1 to 64 bytes of printable text without spaces at its ends. */
export function checkMeshName(name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  const why = bytes === 0
    ? "is empty"
    : bytes > MAX_MESH_NAME_BYTES
    ? `has ${bytes} bytes, more than ${MAX_MESH_NAME_BYTES}`
    : /[\p{C}\p{Zl}\p{Zp}]/u.test(name)
    ? "has a character that cannot be printed"
    : name.trim() !== name
    ? "begins or ends with a space"
    : null;
  if (why !== null) throw new HanaError("config", { what: `mesh name ${JSON.stringify(name)}`, why });
}

/** Draws a new key. `random` must be the platform's secure source. */
export function createMeshKey(random: RandomStream, name: string | null, createdWallMs: number): MeshKey {
  return new MeshKey(random.fill(new Uint8Array(MESH_KEY_BYTES)), name, createdWallMs);
}

/** Which key of a ring. */
export type RingSlot = "primary" | "previous";

/**
 * The keys that a node accepts: it offers both, prefers the primary, and forgets the previous one at the next
 * rotation. So a mesh rotates machine by machine, and only a machine left out twice falls off it.
 */
export class MeshKeyRing {
  readonly kind = "mesh";
  readonly primary: MeshKey;
  readonly previous: MeshKey | null;
  /** `open`: there is no secret, so a peer has proved nothing (architecture section 5). */
  readonly trust: "keyed" | "open";
  /** Holders of access keys that this machine does not serve any more. */
  readonly revoked: readonly Revocation[];

  constructor(
    primary: MeshKey,
    previous: MeshKey | null,
    trust: "keyed" | "open" = "keyed",
    revoked: readonly Revocation[] = [],
  ) {
    this.primary = primary;
    this.previous = previous;
    this.trust = trust;
    this.revoked = revoked;
  }

  /** The keys in order of preference. */
  get keys(): MeshKey[] {
    return this.previous === null ? [this.primary] : [this.primary, this.previous];
  }

  /** The key with this id, or null. */
  find(keyId: Uint8Array): MeshKey | null {
    if (equalBytes(this.primary.id, keyId)) return this.primary;
    if (this.previous !== null && equalBytes(this.previous.id, keyId)) return this.previous;
    return null;
  }

  /** What is to be thought of a dialler that has proved to hold the access key of this grant. */
  judge(grant: AccessGrant, wallMs: number): AccessClaim {
    const { name, level, expiresS } = grant;
    const why = this.revoked.some((revoked) => revoked.name === name)
      ? "that key was revoked here"
      : expiresS !== null && wallMs >= expiresS * 1000
      ? "that key has expired, by the clock of this machine"
      : null;
    const refusal = why === null ? null : new HanaError("refused", {
      what: `the key of ${name} (${level}) is not taken`,
      why,
      hint: "a new code (hana mesh grant, on a machine with the mesh key), then hana mesh join -",
    });
    return { grant, refusal };
  }
}

/** The keys of a machine: mesh keys, or an access key alone. */
export type KeyRing = MeshKeyRing | AccessKeyRing;

/**
 * The ring after a rotation: the new key first, the key that was first until now still accepted, the one before
 * that forgotten. Throws `conflict` when the new key is in the ring already, `refused` on the open mesh.
 */
export function rotate(ring: MeshKeyRing, newKey: MeshKey): MeshKeyRing {
  if (ring.trust === "open") {
    throw new HanaError("refused", {
      what: "rotating the mesh key",
      why: "this machine is in the open mesh, which has none",
      hint: "hana mesh create",
    });
  }
  if (ring.find(newKey.id) !== null) {
    throw new HanaError("conflict", { what: `mesh key ${newKey.idText}`, why: "is in the key ring already" });
  }
  const revoked = stillRevoked(ring.revoked, [newKey.idText, ring.primary.idText]);
  return new MeshKeyRing(newKey, ring.primary, "keyed", revoked);
}

/** The ring of a machine that was given no key. */
export function openMeshKeyRing(): MeshKeyRing {
  const secret = deriveKey(new TextEncoder().encode(OPEN_KEY_TEXT), "open mesh", MESH_KEY_BYTES);
  return new MeshKeyRing(new MeshKey(secret, null, null), null, "open");
}
