// The first bytes of an encrypted connection, in the clear and bound into the handshake as its prologue.
//   magic "HANA" · version u8 · suite u8 · offers u8 (1 or 2) · key id 8 B for each offer
//   · ephemeral key 32 B · tag 16 B for each offer
// Two offers while a key is being rotated: the dialler proves both keys at once, with one ephemeral key, so that old
// and new machines meet at the first attempt. The answer is the index of the offer taken, u8, then message 2 (48 B).
// Decides form alone; channel.ts decides what to do about it.

import type { ChannelFailure } from "./channel_failure.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";
import { KEY_ID_BYTES } from "./mesh_key.ts";
import { NOISE_HANDSHAKE_OVERHEAD_BYTES } from "./noise.ts";
import { X25519_BYTES } from "./x25519.ts";

/** The version of the channel that this hana speaks. */
export const CHANNEL_VERSION = 1;
/** As many offers as a key ring has keys. */
export const MAX_OFFERS = 2;
/** The answer: the index of an offer and message 2 without payload. */
export const ANSWER_BYTES: number = 1 + NOISE_HANDSHAKE_OVERHEAD_BYTES;

const MAGIC = new Uint8Array([0x48, 0x41, 0x4e, 0x41]); // "HANA"
const VERSION_AT = 4;
const SUITE_AT = 5;
const OFFERS_AT = 6;
const HEAD_BYTES = 7;

/** Bytes of an opening with the most offers. */
export const MAX_OPENING_BYTES: number = openingBytes(MAX_OFFERS);

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

/**
 * What the first bytes of an opening say so far, judged as early as they can be: how many bytes the whole of it
 * has, 0 while that is not known, or why there is no point in reading on.
 */
export function openingLength(bytes: Uint8Array, suite: number): number | ChannelFailure {
  for (let i = 0; i < MAGIC.length && i < bytes.length; i++) if (bytes[i] !== MAGIC[i]) return "not-hana";
  const version = bytes[VERSION_AT];
  if (version === undefined) return 0;
  if (version !== CHANNEL_VERSION) return "bad-version";
  const itsSuite = bytes[SUITE_AT];
  if (itsSuite === undefined) return 0;
  if (itsSuite !== suite) return "bad-suite";
  const offers = bytes[OFFERS_AT];
  if (offers === undefined) return 0;
  if (offers < 1 || offers > MAX_OFFERS) return "bad-preamble";
  return openingBytes(offers);
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
