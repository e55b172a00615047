// Values to bytes and back, in MessagePack (the default) or JSON (for people with a packet sniffer).
// Decides what both have in common: which values travel, limits, errors. Both carry exactly the same values.
// Never frames (framing.ts), never knows messages (schema.ts).

import { completeLimits, type DecodeLimits } from "./limits.ts";
import { JsonCodec } from "./json_codec.ts";
import { MessagePackCodec } from "./messagepack_codec.ts";

/** The encodings that two nodes can agree on. */
export type CodecName = "msgpack" | "json";

/** All codec names, preferred first. */
export const CODEC_NAMES: readonly CodecName[] = ["msgpack", "json"];

/**
 * Encodes and decodes values: null, booleans, numbers, text, `Uint8Array`, arrays, plain objects with string keys.
 *
 * Numbers are doubles. NaN and the infinities travel (a schema refuses them, so that one bad value costs one message
 * and not the connection); −0 arrives as 0. Properties that are undefined are left out. Where a peer sends a key
 * twice, the last value counts.
 */
export interface Codec {
  readonly name: CodecName;
  /**
   * The bytes of `value`, valid until the next `encode` of this codec: copy what must live longer.
   * Throws `schema` for a value that has no form on the wire, a cycle, or one over the limits.
   */
  encode(value: unknown): Uint8Array;
  /**
   * The value in `bytes`, sharing no memory with them.
   * Throws `decode` for anything but exactly one value within the limits, and says which limit.
   */
  decode(bytes: Uint8Array): unknown;
}

/** A codec with its own buffers; one per connection is right. Limits that are not given are the defaults. */
export function createCodec(name: CodecName, limits?: Partial<DecodeLimits>): Codec {
  const complete = completeLimits(limits);
  return name === "msgpack" ? new MessagePackCodec(complete) : new JsonCodec(complete);
}

/** Whether `text` names a codec. */
export function isCodecName(text: string): text is CodecName {
  return (CODEC_NAMES as readonly string[]).includes(text);
}
