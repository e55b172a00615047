// A key for a person: a name and a level, with the secret that a mesh key gives for exactly that name and level.
// Nodes need no list: who holds the mesh key derives the same secret from what the dialler says of itself, and a lie there
// gives another secret, which fits nothing.
// Decides what an access key can do: open sessions as its holder, and ask who is there. It can sign nothing that nodes take
// for each other's word, answer no handshake, and give nobody else a key.

import { type AccessLevel, equalBytes, HanaError, isAccessLevel, isNodeName, toHex } from "../base/mod.ts";
import { deriveKey, type KeyPurpose, type RingKey } from "./derivation.ts";

/** Bytes of each of the two secrets in an access key: 128 bits, so that a code with both can still be typed. */
export const ACCESS_SECRET_BYTES = 16;
/** The longest name of a holder in UTF-8. */
export const MAX_HOLDER_BYTES = 32;
/** The latest end of a grant: it travels in 32 bits. */
export const MAX_EXPIRES_S: number = 2 ** 32 - 1;

/** Who may do how much, and until when. */
export interface AccessGrant {
  /** The holder, as nodes write it into their logs. */
  readonly name: string;
  readonly level: AccessLevel;
  /** Seconds since 1970 at which it ends, by the clock of the node that is asked; null for never. */
  readonly expiresS: number | null;
}

/** What a dialler with an access key has proved to be, and why the mesh wants nothing of it all the same. */
export interface AccessClaim {
  readonly grant: AccessGrant;
  /** Revoked or expired; null when neither. */
  readonly refusal: HanaError | null;
}

/** Whether a text can be the name of a holder: one shell word without slashes, in composed form (Unicode NFC). */
export function isHolderName(name: string): boolean {
  return isNodeName(name) && name.normalize("NFC") === name &&
    new TextEncoder().encode(name).length <= MAX_HOLDER_BYTES;
}

/** Throws `usage` for a grant that cannot be. */
export function checkGrant({ name, level, expiresS }: AccessGrant): void {
  if (!isHolderName(name)) {
    throw new HanaError("usage", {
      what: `${JSON.stringify(name.slice(0, 64))} cannot name the holder of a key`,
      why:
        `a name is one word of letters, digits, dots, dashes and underscores, ${MAX_HOLDER_BYTES} bytes at most`,
      hint: "hana mesh grant anna --role crew",
    });
  }
  if (!isAccessLevel(level)) {
    throw new HanaError("usage", { what: `there is no role ${level}`, why: "roles: viewer, crew, operator" });
  }
  if (expiresS !== null && !(Number.isInteger(expiresS) && expiresS > 0 && expiresS <= MAX_EXPIRES_S)) {
    throw new HanaError("usage", { what: "the end of the grant cannot be", why: "it is past the year 2105" });
  }
}

/** What the secret of a grant is derived from, next to the mesh key. Parts of it cannot run into each other. */
function infoOf({ name, level, expiresS }: AccessGrant): string {
  return `access/${level}/${name}${expiresS === null ? "" : `/${expiresS}`}`;
}

/** The key of one holder. */
export class AccessKey implements RingKey {
  readonly id: Uint8Array;
  readonly idText: string;
  readonly #secret: Uint8Array;
  readonly #querySecret: Uint8Array;
  readonly #derived = new Map<KeyPurpose, Uint8Array>();

  /**
   * @param keyId which mesh key it was derived from @param secret opens sessions, for this grant alone
   * @param querySecret signs questions of discovery, the same for all access keys of a mesh key
   * Throws `config` for lengths that are wrong and `usage` for a grant that cannot be.
   */
  constructor(
    keyId: Uint8Array,
    readonly grant: AccessGrant,
    secret: Uint8Array,
    querySecret: Uint8Array,
    readonly name: string | null = null,
  ) {
    checkGrant(grant);
    if (secret.length !== ACCESS_SECRET_BYTES || querySecret.length !== ACCESS_SECRET_BYTES) {
      throw new HanaError("config", { what: "access key", why: "has secrets of a wrong length" });
    }
    this.id = keyId.slice();
    this.idText = toHex(keyId);
    this.#secret = secret.slice();
    this.#querySecret = querySecret.slice();
  }

  /** The key of a grant, as the holder of the mesh key `meshSecret` with id `keyId` derives it. */
  static derived(
    meshSecret: Uint8Array,
    keyId: Uint8Array,
    grant: AccessGrant,
    name: string | null,
  ): AccessKey {
    return new AccessKey(
      keyId,
      grant,
      deriveKey(meshSecret, infoOf(grant), ACCESS_SECRET_BYTES),
      querySecretOf(meshSecret),
      name,
    );
  }

  derive(purpose: KeyPurpose): Uint8Array {
    let key = this.#derived.get(purpose);
    if (key !== undefined) return key;
    if (purpose === "session psk") key = deriveKey(this.#secret, "access session psk", 32);
    else if (purpose === "datagram query") key = queryKeyOf(this.#querySecret);
    else {
      throw new HanaError("refused", {
        what: `the access key of ${this.grant.name} has no ${purpose}`,
        why: "only the mesh key gives one",
      });
    }
    this.#derived.set(purpose, key);
    return key;
  }

  /** Copies of both secrets, for saving and sharing alone. */
  exportSecrets(): { readonly secret: Uint8Array; readonly querySecret: Uint8Array } {
    return { secret: this.#secret.slice(), querySecret: this.#querySecret.slice() };
  }
}

/** What all access keys of a mesh key share: enough to ask who is there, and to be nobody's word. */
function querySecretOf(meshSecret: Uint8Array): Uint8Array {
  return deriveKey(meshSecret, "access/query", ACCESS_SECRET_BYTES);
}

function queryKeyOf(querySecret: Uint8Array): Uint8Array {
  return deriveKey(querySecret, "datagram query", 32);
}

/** The key by which a holder of the mesh key checks questions of access keys. */
export function queryKey(meshSecret: Uint8Array): Uint8Array {
  return queryKeyOf(querySecretOf(meshSecret));
}

/** The keys of a machine that holds an access key alone: it asks and dials; it answers nobody and is listed nowhere. */
export class AccessKeyRing {
  readonly kind = "access";
  readonly trust = "keyed";
  readonly previous: null = null;

  constructor(readonly primary: AccessKey) {}

  get keys(): AccessKey[] {
    return [this.primary];
  }

  /** Who the holder is. */
  get grant(): AccessGrant {
    return this.primary.grant;
  }

  /** The key when it was derived from the mesh key with this id, or null. */
  find(keyId: Uint8Array): AccessKey | null {
    return equalBytes(this.primary.id, keyId) ? this.primary : null;
  }
}
