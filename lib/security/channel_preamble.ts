// The first bytes of an encrypted connection, in the clear and bound into the handshake as its prologue.
//   magic "HANA" · version u8 · suite u8 · offers u8 (1 or 2) · key id 8 B for each offer
//   · ephemeral key 32 B · tag 16 B for each offer
// Two offers while a key is being rotated: the dialler proves both keys at once, with one ephemeral key, so that old
// and new machines meet at the first attempt. The answer is the index of the offer taken, u8, then message 2 (48 B).
// Version 2 is for who holds an access key alone, and says whose it is in place of a second offer:
//   magic "HANA" · version u8 = 2 · suite u8 · level u8 · name length u8 (1 to 32) · end u32 (seconds since 1970, 0 for never)
//   · id of the mesh key 8 B · name · ephemeral key 32 B · tag 16 B
// The name and level choose the pre-shared key, so that others than the true ones give a tag that does not fit.
// Decides form alone; channel.ts decides what to do about it.

import { ACCESS_LEVELS } from "../base/mod.ts";
import { type AccessGrant, isHolderName, MAX_HOLDER_BYTES } from "./access_key.ts";
import type { ChannelFailure } from "./channel_failure.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";
import { KEY_ID_BYTES } from "./mesh_key.ts";
import { NOISE_HANDSHAKE_OVERHEAD_BYTES } from "./noise.ts";
import { X25519_BYTES } from "./x25519.ts";

/** The version of the channel that this hana speaks. */
export const CHANNEL_VERSION = 1;
/** The version of the opening by an access key; all that follows it is the same. */
export const ACCESS_CHANNEL_VERSION = 2;
/** As many offers as a key ring has keys. */
export const MAX_OFFERS = 2;
/** The answer: the index of an offer and message 2 without payload. */
export const ANSWER_BYTES: number = 1 + NOISE_HANDSHAKE_OVERHEAD_BYTES;

const MAGIC = new Uint8Array([0x48, 0x41, 0x4e, 0x41]); // "HANA"
const VERSION_AT = 4;
const SUITE_AT = 5;
const OFFERS_AT = 6;
const HEAD_BYTES = 7;

const LEVEL_AT = 6;
const NAME_LENGTH_AT = 7;
const EXPIRES_AT = 8;
const ACCESS_KEY_ID_AT = 12;
const NAME_AT = 20;

/** Bytes of the longest opening of either version. */
export const MAX_OPENING_BYTES: number = Math.max(
  openingBytes(MAX_OFFERS),
  NAME_AT + MAX_HOLDER_BYTES + NOISE_HANDSHAKE_OVERHEAD_BYTES,
);

/** Bytes of the preamble and message 1 with this many offers. */
export function openingBytes(offers: number): number {
  return preambleBytes(offers) + X25519_BYTES + offers * AEAD_TAG_BYTES;
}

/** Bytes of the preamble alone, which is the prologue of the handshake. */
export function preambleBytes(offers: number): number {
  return HEAD_BYTES + offers * KEY_ID_BYTES;
}

/** The preamble that offers these keys, best first. */
export function encodePreamble(suite: number, keyIds: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(preambleBytes(keyIds.length));
  bytes.set(MAGIC);
  bytes[VERSION_AT] = CHANNEL_VERSION;
  bytes[SUITE_AT] = suite;
  bytes[OFFERS_AT] = keyIds.length;
  for (const [i, id] of keyIds.entries()) bytes.set(id, HEAD_BYTES + i * KEY_ID_BYTES);
  return bytes;
}

/** The preamble of who holds the access key of `grant`, derived from the mesh key with this id. */
export function encodeAccessPreamble(suite: number, keyId: Uint8Array, grant: AccessGrant): Uint8Array {
  const name = new TextEncoder().encode(grant.name);
  const bytes = new Uint8Array(NAME_AT + name.length);
  bytes.set(MAGIC);
  bytes[VERSION_AT] = ACCESS_CHANNEL_VERSION;
  bytes[SUITE_AT] = suite;
  bytes[LEVEL_AT] = ACCESS_LEVELS.indexOf(grant.level);
  bytes[NAME_LENGTH_AT] = name.length;
  new DataView(bytes.buffer).setUint32(EXPIRES_AT, grant.expiresS ?? 0);
  bytes.set(keyId, ACCESS_KEY_ID_AT);
  bytes.set(name, NAME_AT);
  return bytes;
}

/** What a whole opening by an access key says of its sender. */
export interface AccessOpening {
  /** The mesh key from which the access key was derived. */
  readonly keyId: Uint8Array;
  readonly grant: AccessGrant;
  /** What the handshake is bound to. */
  readonly prologue: Uint8Array;
  /** Noise message 1. */
  readonly message: Uint8Array;
}

/** Whether a whole opening is one by an access key. */
export function isAccessOpening(opening: Uint8Array): boolean {
  return opening[VERSION_AT] === ACCESS_CHANNEL_VERSION;
}

/** Reads a whole opening by an access key; null when it names nobody that could be. */
export function readAccessOpening(opening: Uint8Array): AccessOpening | null {
  const level = ACCESS_LEVELS[opening[LEVEL_AT] ?? ACCESS_LEVELS.length];
  const messageAt = NAME_AT + (opening[NAME_LENGTH_AT] ?? 0);
  // Bytes that are no UTF-8 become a name that gives another key, or none.
  const name = new TextDecoder().decode(opening.subarray(NAME_AT, messageAt));
  if (level === undefined || !isHolderName(name)) return null;
  const expiresS = new DataView(opening.buffer, opening.byteOffset, opening.length).getUint32(EXPIRES_AT);
  return {
    keyId: opening.subarray(ACCESS_KEY_ID_AT, ACCESS_KEY_ID_AT + KEY_ID_BYTES),
    grant: { name, level, expiresS: expiresS === 0 ? null : expiresS },
    prologue: opening.subarray(0, messageAt),
    message: opening.subarray(messageAt),
  };
}

/**
 * What the first bytes of an opening say so far, judged as early as they can be: how many bytes the whole of it
 * has, 0 while that is not known, or why there is no point in reading on.
 */
export function openingLength(bytes: Uint8Array, suite: number): number | ChannelFailure {
  for (let i = 0; i < MAGIC.length && i < bytes.length; i++) if (bytes[i] !== MAGIC[i]) return "not-hana";
  const version = bytes[VERSION_AT];
  if (version === undefined) return 0;
  if (version !== CHANNEL_VERSION && version !== ACCESS_CHANNEL_VERSION) return "bad-version";
  const itsSuite = bytes[SUITE_AT];
  if (itsSuite === undefined) return 0;
  if (itsSuite !== suite) return "bad-suite";
  if (version === ACCESS_CHANNEL_VERSION) return accessOpeningLength(bytes);
  const offers = bytes[OFFERS_AT];
  if (offers === undefined) return 0;
  if (offers < 1 || offers > MAX_OFFERS) return "bad-preamble";
  return openingBytes(offers);
}

function accessOpeningLength(bytes: Uint8Array): number | ChannelFailure {
  const level = bytes[LEVEL_AT];
  if (level === undefined) return 0;
  if (level >= ACCESS_LEVELS.length) return "bad-preamble";
  const nameBytes = bytes[NAME_LENGTH_AT];
  if (nameBytes === undefined) return 0;
  if (nameBytes < 1 || nameBytes > MAX_HOLDER_BYTES) return "bad-preamble";
  return NAME_AT + nameBytes + NOISE_HANDSHAKE_OVERHEAD_BYTES;
}

/** How many keys a whole opening offers. */
export function offerCount(opening: Uint8Array): number {
  return opening[OFFERS_AT] ?? 0;
}

/** The key id of one offer of a whole opening. */
export function offeredKeyId(opening: Uint8Array, index: number): Uint8Array {
  const at = HEAD_BYTES + index * KEY_ID_BYTES;
  return opening.subarray(at, at + KEY_ID_BYTES);
}

/** Message 1 under the key of one offer: the ephemeral key, which all offers share, and that offer's tag. */
export function offeredMessage(opening: Uint8Array, index: number): Uint8Array {
  const at = preambleBytes(offerCount(opening));
  const message = new Uint8Array(NOISE_HANDSHAKE_OVERHEAD_BYTES);
  message.set(opening.subarray(at, at + X25519_BYTES));
  const tagAt = at + X25519_BYTES + index * AEAD_TAG_BYTES;
  message.set(opening.subarray(tagAt, tagAt + AEAD_TAG_BYTES), X25519_BYTES);
  return message;
}
