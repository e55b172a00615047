// What every codec is: values to bytes and back, and the names that two nodes can agree on.
// Decides what codecs have in common: which values travel, limits, errors. All carry exactly the same values.
// Never makes one (codecs.ts), never frames (framing.ts), never knows messages (schema.ts).

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

/** Whether `text` names a codec. */
export function isCodecName(text: string): text is CodecName {
  return (CODEC_NAMES as readonly string[]).includes(text);
}
