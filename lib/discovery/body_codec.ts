// The codec of datagram bodies: MessagePack with limits that fit 1,143 bytes.
// Decides the limits alone (discovery research 6.9); the codec is lib/wire's.

import { createCodec, type DecodeLimits } from "../wire/mod.ts";
import { type BodyCodec, MAX_BODY_BYTES } from "./datagram.ts";
import { MAX_WHOLE_RECORD_BYTES } from "./messages/mod.ts";

/**
 * No body that hana makes comes near any of these; depth counts body, list, entry, record and four levels of capabilities
 * (record.ts): what one node may announce, another must be able to list in a page.
 */
export const BODY_LIMITS: DecodeLimits = {
  maxDepth: 8,
  maxStringBytes: MAX_BODY_BYTES,
  maxBinaryBytes: MAX_BODY_BYTES,
  maxArrayLength: 64,
  maxMapEntries: 64,
  maxNodes: 1_200,
};

/** Limits for our own bodies, which are shortened until they fit and so begin larger than what is read. */
const ENCODE_LIMITS: Partial<DecodeLimits> = { maxNodes: 10_000, maxStringBytes: 65_536 };

/** The codec of datagram bodies. One a core: it reuses its buffers. */
export function createBodyCodec(): BodyCodec {
  const reader = createCodec("msgpack", BODY_LIMITS);
  const writer = createCodec("msgpack", { ...BODY_LIMITS, ...ENCODE_LIMITS });
  return { encode: (value) => writer.encode(value), decode: (bytes) => reader.decode(bytes) };
}

/** The codec of whole records, which may be larger than a datagram. */
export function createRecordCodec(): BodyCodec {
  const limits = {
    ...BODY_LIMITS,
    maxStringBytes: MAX_WHOLE_RECORD_BYTES,
    maxBinaryBytes: MAX_WHOLE_RECORD_BYTES,
    maxNodes: 8_192,
  };
  const reader = createCodec("msgpack", limits);
  const writer = createCodec("msgpack", { ...limits, ...ENCODE_LIMITS });
  return { encode: (value) => writer.encode(value), decode: (bytes) => reader.decode(bytes) };
}
