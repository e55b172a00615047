// The codec of a name: MessagePack (the default) or JSON (for people with a packet sniffer).
// Decides that a codec always has complete limits.
// Never what a codec does with a value (codec.ts says what all of them promise).

import type { Codec, CodecName } from "./codec.ts";
import { JsonCodec } from "./json_codec.ts";
import { completeLimits, type DecodeLimits } from "./limits.ts";
import { MessagePackCodec } from "./messagepack_codec.ts";

/** A codec with its own buffers; one per connection is right. Limits that are not given are the defaults. */
export function createCodec(name: CodecName, limits?: Partial<DecodeLimits>): Codec {
  const complete = completeLimits(limits);
  return name === "msgpack" ? new MessagePackCodec(complete) : new JsonCodec(complete);
}
