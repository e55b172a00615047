// Bytes and nothing else: codecs with limits, frames, fixed layouts, message schemas.
// Decides how values look on the wire and which values a message may hold; never what a message means, who may send
// it, or where it goes.

export { type Codec, CODEC_NAMES, type CodecName, isCodecName } from "./codec.ts";
export { createCodec } from "./codecs.ts";
export { type DecodeLimits, DEFAULT_DECODE_LIMITS } from "./limits.ts";
export {
  DEFAULT_MAX_FRAME_BYTES,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  type FrameHandler,
  type FrameProblem,
  writeFrameHeader,
} from "./framing.ts";
export { ByteReader } from "./reader.ts";
export { ByteWriter, MAX_VARINT, varintBytes } from "./writer.ts";
export { compileSchema, schemaError, type Validator } from "./schema.ts";
export { type PropertySpecs, s } from "./schema_builder.ts";
export type { SchemaProblem } from "./schema_check.ts";
export { describeSchema, describeValue } from "./schema_describe.ts";
export { parseSchema } from "./schema_parse.ts";
export { coerceArguments, coerceText } from "./schema_text.ts";
export {
  type ArraySchema,
  type BooleanSchema,
  type BytesSchema,
  type ConstSchema,
  type EnumSchema,
  type Infer,
  type MapSchema,
  type NullableSchema,
  type NullSchema,
  type NumberSchema,
  type ObjectSchema,
  type Schema,
  SCHEMA_BOUNDS,
  type SchemaNotes,
  type SchemaProperties,
  type StringSchema,
  type UnknownSchema,
} from "./schema_types.ts";
export { isUtf8, utf8Length } from "./utf8.ts";
