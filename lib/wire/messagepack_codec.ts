// The MessagePack codec: check, then the package's encoder; scan, then our own reader.
// Decides how long the encoder's buffer lives. Never hands out bytes of the caller's input.

import { Encoder } from "@msgpack/msgpack";
import type { Codec } from "./codec.ts";
import { refusedBytes } from "./decode_error.ts";
import { EncodableCheck } from "./encodable.ts";
import type { DecodeLimits } from "./limits.ts";
import { MessagePackReader } from "./messagepack_decode.ts";
import { MessagePackScanner } from "./messagepack_scan.ts";

/** An encode buffer that grew beyond this is given back after use: one large message must not cost for ever. */
const MAX_KEPT_BUFFER_BYTES = 256 * 1024;

/** MessagePack behind the {@linkcode Codec} interface. */
export class MessagePackCodec implements Codec {
  readonly name = "msgpack";
  readonly #limits: DecodeLimits;
  readonly #check: EncodableCheck;
  readonly #scanner: MessagePackScanner;
  readonly #reader = new MessagePackReader();
  #encoder: Encoder;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
    this.#check = new EncodableCheck(limits);
    this.#scanner = new MessagePackScanner(limits);
    this.#encoder = this.#newEncoder();
  }

  encode(value: unknown): Uint8Array {
    this.#check.check(value);
    const bytes = this.#encoder.encodeSharedRef(value);
    if (bytes.buffer.byteLength > MAX_KEPT_BUFFER_BYTES) this.#encoder = this.#newEncoder();
    return bytes;
  }

  decode(bytes: Uint8Array): unknown {
    const refusal = this.#scanner.scan(bytes);
    if (refusal !== null) throw refusedBytes("MessagePack", refusal, this.#scanner.refusedAt, this.#limits);
    return this.#reader.decode(bytes);
  }

  #newEncoder(): Encoder {
    // The package counts the value itself as one level; its own limit must never speak before ours.
    return new Encoder({
      ignoreUndefined: true,
      maxDepth: this.#limits.maxDepth + 1,
      initialBufferSize: 512,
    });
  }
}
