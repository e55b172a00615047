// Bytes to updates, and to what hosts and standbys say of them.
// Decides which bytes are a message: exactly those that encoder.ts writes.
// Never throws, never makes more of bytes than they hold, never judges who may say so.

import type { StandbyUpdate } from "../host/mod.ts";
import { type DecodeProblem, FieldReader, MAX_NUMBER } from "../messages/mod.ts";
import { COPY_KINDS, MAX_COPY_BYTES, MAX_PART_BYTES } from "./limits.ts";
import type { CopyMessage, CopyPart } from "./types.ts";
import { readEpoch, UpdateReader } from "./update_reader.ts";

/** Decodes one after the other. */
export class CopyDecoder {
  readonly #in = new FieldReader();
  readonly #updates = new UpdateReader();

  /** Where the field with the problem begins, in bytes. */
  get problemAt(): number {
    return this.#in.problemAt;
  }

  /** The update in `bytes`, which shares no memory with them; or what is wrong with them. */
  decodeUpdate(bytes: Uint8Array): StandbyUpdate | DecodeProblem {
    const reader = this.#in;
    reader.reset(bytes);
    if (bytes.length > MAX_COPY_BYTES) reader.fail("trailing", MAX_COPY_BYTES);
    const update = this.#updates.read(reader);
    return reader.problem ?? update;
  }

  /** The message in `bytes`, or what is wrong with them. */
  decode(bytes: Uint8Array): CopyMessage | DecodeProblem {
    const reader = this.#in;
    reader.reset(bytes);
    if (bytes.length > MAX_PART_BYTES) reader.fail("trailing", MAX_PART_BYTES);
    const first = reader.u8();
    const message = reader.problem === null ? this.#message(first & 0x1f, first >> 5) : null;
    if (reader.problem === null && reader.remaining > 0) reader.fail("trailing", reader.at);
    return reader.problem ?? message ?? "unknown-kind";
  }

  #message(kind: number, flags: number): CopyMessage | null {
    const reader = this.#in;
    const flagCount = kind === COPY_KINDS.part || kind === COPY_KINDS.question ? 2 : 1;
    if (flags >> flagCount !== 0) reader.fail("out-of-range", 0);
    switch (kind) {
      case COPY_KINDS.part:
        return this.#part((flags & 1) !== 0, (flags & 2) !== 0);
      case COPY_KINDS.confirmation: {
        const epoch = readEpoch(reader);
        return { kind: "confirmation", epoch, number: flags === 0 ? null : reader.varint(MAX_NUMBER, 1) };
      }
      case COPY_KINDS.question: {
        const { epoch, number } = this.#standing(flags);
        return { kind: "question", epoch, number, wants: (flags & 2) !== 0 };
      }
      case COPY_KINDS.answer:
        return { kind: "answer", ...this.#standing(flags) };
      default:
        reader.fail("unknown-kind", 0);
        return null;
    }
  }

  #part(isFirst: boolean, isLast: boolean): CopyPart {
    const reader = this.#in;
    const serial = reader.varint(MAX_NUMBER, 1);
    const second = reader.varint(MAX_NUMBER, 1);
    const { remaining } = reader;
    if (remaining === 0) reader.fail("truncated", reader.at);
    const bytes = reader.view(remaining);
    return { kind: "part", serial, at: isFirst ? 0 : second, total: isFirst ? second : null, isLast, bytes };
  }

  #standing(flags: number): Pick<CopyMessage & { readonly kind: "answer" }, "epoch" | "number"> {
    if ((flags & 1) === 0) return { epoch: null, number: 0 };
    return { epoch: readEpoch(this.#in), number: this.#in.varint(MAX_NUMBER) };
  }
}
