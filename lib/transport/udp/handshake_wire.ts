// The three datagrams of the handshake, byte by byte, big-endian:
//   INIT 1,200 B: 01 · version u8 · suite u8 · offers u8 (1 or 2) · sender index u32 · hello length u16 · key id 8 B an offer
//     · ephemeral key 32 B · sealed hello with tag, an offer · zeros · at 1152: mac1 16 B an offer (zeros for none) · mac2 16 B
//   RESPONSE 1,200 B: 02 · version · suite · offer taken u8 · receiver index u32 · sender index u32 · hello length u16
//     · ephemeral key 32 B · sealed hello with tag · zeros · at 1184: mac1 16 B
//   COOKIE 52 B: 03 · version · suite · offer u8 · receiver index u32 · nonce 12 B · sealed cookie 16 + 16 B
// Both long ones are full size, so that an answer never outweighs its question and both directions carry 1,200 bytes.
// Decides form alone: which bytes stand where, and what cannot be. Never checks a tag.

import {
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  KEY_ID_BYTES,
  MAC_BYTES,
  X25519_BYTES,
} from "../../security/mod.ts";
import { MAX_HELLO_BYTES } from "./hello.ts";
import { readU16, readU32, writeU16, writeU32 } from "./numbers.ts";

/** The version of this handshake. */
export const UDP_HANDSHAKE_VERSION = 1;
/** Bytes of INIT and RESPONSE: what every path must carry (RFC 9000 section 14.1). */
export const HANDSHAKE_BYTES = 1200;
/** As many offers as a key ring has keys. */
export const MAX_UDP_OFFERS = 2;
/** Bytes of a cookie. */
export const COOKIE_BYTES: number = MAC_BYTES;

/** The first byte. */
export const HandshakeType = { init: 1, response: 2, cookie: 3 } as const;

export const VERSION_AT = 1;
export const SUITE_AT = 2;
/** INIT: how many offers. RESPONSE and COOKIE: which offer was taken. */
export const OFFER_AT = 3;
/** INIT: the sender's index. RESPONSE and COOKIE: the receiver's. */
export const INDEX_AT = 4;

const INIT_HELLO_LENGTH_AT = 8;
const KEY_IDS_AT = 10;
/** What mac1 of INIT covers ends here. */
export const INIT_MAC1_AT: number = HANDSHAKE_BYTES - (MAX_UDP_OFFERS + 1) * MAC_BYTES;
/** What mac2 covers ends here. */
export const INIT_MAC2_AT: number = HANDSHAKE_BYTES - MAC_BYTES;

const RESPONSE_SENDER_AT = 8;
const RESPONSE_HELLO_LENGTH_AT = 12;
const RESPONSE_MESSAGE_AT = 14;
/** What mac1 of RESPONSE covers ends here. */
export const RESPONSE_MAC1_AT: number = HANDSHAKE_BYTES - MAC_BYTES;

export const COOKIE_NONCE_AT = 8;
export const COOKIE_SEALED_AT: number = COOKIE_NONCE_AT + AEAD_NONCE_BYTES;
/** Bytes of a COOKIE. */
export const COOKIE_DATAGRAM_BYTES: number = COOKIE_SEALED_AT + COOKIE_BYTES + AEAD_TAG_BYTES;

const LABEL = new TextEncoder().encode("hana udp handshake");

/** Bytes of the head of an INIT with this many offers: with a label before them, the prologue of the handshake. */
function initHeadBytes(offers: number): number {
  return KEY_IDS_AT + offers * KEY_ID_BYTES;
}

/** Starts an INIT: all but the Noise messages and the tags. */
export function startInit(
  suite: number,
  keyIds: readonly Uint8Array[],
  senderIndex: number,
  helloBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_BYTES);
  bytes[0] = HandshakeType.init;
  bytes[VERSION_AT] = UDP_HANDSHAKE_VERSION;
  bytes[SUITE_AT] = suite;
  bytes[OFFER_AT] = keyIds.length;
  writeU32(bytes, INDEX_AT, senderIndex);
  writeU16(bytes, INIT_HELLO_LENGTH_AT, helloBytes);
  for (const [i, id] of keyIds.entries()) bytes.set(id, KEY_IDS_AT + i * KEY_ID_BYTES);
  return bytes;
}

/** What both ends must agree on: the label and the head of the INIT. */
export function prologueOf(init: Uint8Array): Uint8Array {
  const head = init.subarray(0, initHeadBytes(init[OFFER_AT] ?? 0));
  const prologue = new Uint8Array(LABEL.length + head.length);
  prologue.set(LABEL);
  prologue.set(head, LABEL.length);
  return prologue;
}

/** Writes Noise message 1 of one offer: the ephemeral key, which all offers share, and what is sealed under that key. */
export function setInitMessage(init: Uint8Array, offer: number, message: Uint8Array): void {
  const at = initHeadBytes(init[OFFER_AT] ?? 0);
  const sealedBytes = message.length - X25519_BYTES;
  init.set(message.subarray(0, X25519_BYTES), at);
  init.set(message.subarray(X25519_BYTES), at + X25519_BYTES + offer * sealedBytes);
}

/** Noise message 1 of one offer. */
export function initMessage(init: Uint8Array, offer: number): Uint8Array {
  const at = initHeadBytes(init[OFFER_AT] ?? 0);
  const sealedBytes = readU16(init, INIT_HELLO_LENGTH_AT) + AEAD_TAG_BYTES;
  const sealedAt = at + X25519_BYTES + offer * sealedBytes;
  const message = new Uint8Array(X25519_BYTES + sealedBytes);
  message.set(init.subarray(at, at + X25519_BYTES));
  message.set(init.subarray(sealedAt, sealedAt + sealedBytes), X25519_BYTES);
  return message;
}

/** The initiator's ephemeral key. */
export function initEphemeral(init: Uint8Array): Uint8Array {
  const at = initHeadBytes(init[OFFER_AT] ?? 0);
  return init.subarray(at, at + X25519_BYTES);
}

/** The key id of one offer. */
export function initKeyId(init: Uint8Array, offer: number): Uint8Array {
  const at = KEY_IDS_AT + offer * KEY_ID_BYTES;
  return init.subarray(at, at + KEY_ID_BYTES);
}

/** Where mac1 of one offer stands. */
export function initMac1At(offer: number): number {
  return INIT_MAC1_AT + offer * MAC_BYTES;
}

/** Whether an INIT of our version says nothing impossible. */
export function isPossibleInit(bytes: Uint8Array): boolean {
  const offers = bytes[OFFER_AT] ?? 0;
  return bytes.length === HANDSHAKE_BYTES && offers >= 1 && offers <= MAX_UDP_OFFERS &&
    readU16(bytes, INIT_HELLO_LENGTH_AT) <= MAX_HELLO_BYTES;
}

/** A RESPONSE but for its tag. */
export function startResponse(
  suite: number,
  offer: number,
  receiverIndex: number,
  senderIndex: number,
  helloBytes: number,
  message: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_BYTES);
  bytes[0] = HandshakeType.response;
  bytes[VERSION_AT] = UDP_HANDSHAKE_VERSION;
  bytes[SUITE_AT] = suite;
  bytes[OFFER_AT] = offer;
  writeU32(bytes, INDEX_AT, receiverIndex);
  writeU32(bytes, RESPONSE_SENDER_AT, senderIndex);
  writeU16(bytes, RESPONSE_HELLO_LENGTH_AT, helloBytes);
  bytes.set(message, RESPONSE_MESSAGE_AT);
  return bytes;
}

/** Whether a RESPONSE of our version says nothing impossible. */
export function isPossibleResponse(bytes: Uint8Array): boolean {
  return bytes.length === HANDSHAKE_BYTES && (bytes[OFFER_AT] ?? 0) < MAX_UDP_OFFERS &&
    readU16(bytes, RESPONSE_HELLO_LENGTH_AT) <= MAX_HELLO_BYTES;
}

/** The responder's index. */
export function responseSender(response: Uint8Array): number {
  return readU32(response, RESPONSE_SENDER_AT);
}

/** Noise message 2. */
export function responseMessage(response: Uint8Array): Uint8Array {
  const length = X25519_BYTES + readU16(response, RESPONSE_HELLO_LENGTH_AT) + AEAD_TAG_BYTES;
  return response.subarray(RESPONSE_MESSAGE_AT, RESPONSE_MESSAGE_AT + length);
}
