// Updates, their parts, and what hosts and standbys say of them, to bytes.
// Decides the layout of messages (docs/state-protocol.md); decoder.ts is its mirror. Never sends.

import { ByteWriter } from "../../wire/mod.ts";
import type { StandbyUpdate } from "../host/mod.ts";
import { MAX_NUMBER, writeVarint } from "../messages/mod.ts";
import type { StateEpoch } from "../model/mod.ts";
import { COPY_KINDS, MAX_COPY_BYTES, MAX_PART_BYTES } from "./limits.ts";
import { CopyParts } from "./parts.ts";
import type { CopyMessage, CopyPart } from "./types.ts";
import { UpdateWriter, writeEpoch } from "./update_writer.ts";

/** Encodes one after the other. */
export class CopyEncoder {
  readonly #updates = new UpdateWriter();
  readonly #out = new ByteWriter(MAX_PART_BYTES, 256);
  #serial = 0;

  /**
   * An update as messages, of which each is 60 KiB at most.
   * @returns null for an update that is too large, breaks a bound, or holds a value without a form.
   */
  split(update: StandbyUpdate): CopyParts | null {
    const bytes = this.encodeUpdate(update);
    if (bytes === null) return null;
    return new CopyParts(bytes, ++this.#serial, (part) => this.encode(part)?.slice() ?? null);
  }

  /** The bytes of an update, which are the caller's; null as for {@linkcode split}. */
  encodeUpdate(update: StandbyUpdate): Uint8Array | null {
    const out = new ByteWriter(MAX_COPY_BYTES, 512);
    this.#updates.write(out, update);
    return out.failed ? null : out.view();
  }

  /** The bytes of a message, good until the next call; null for one that breaks a bound. */
  encode(message: CopyMessage): Uint8Array | null {
    const out = this.#out;
    out.reset();
    switch (message.kind) {
      case "part":
        this.#part(message);
        break;
      case "confirmation":
        out.u8(COPY_KINDS.confirmation | (message.number === null ? 0 : 0x20));
        writeEpoch(out, message.epoch);
        if (message.number !== null) writeVarint(out, message.number, MAX_NUMBER, 1);
        break;
      case "question":
      case "answer":
        this.#standing(
          COPY_KINDS[message.kind] | (message.kind === "question" && message.wants ? 0x40 : 0),
          message.epoch,
          message.number,
        );
    }
    return out.failed ? null : out.view();
  }

  #part({ serial, at, total, isLast, bytes }: CopyPart): void {
    const out = this.#out;
    out.u8(COPY_KINDS.part | (total === null ? 0 : 0x20) | (isLast ? 0x40 : 0));
    writeVarint(out, serial, MAX_NUMBER, 1);
    if (total === null) writeVarint(out, at, MAX_NUMBER, 1);
    else {
      if (at !== 0) out.fail();
      writeVarint(out, total, MAX_NUMBER, 1);
    }
    if (bytes.length === 0) out.fail();
    out.bytes(bytes);
  }

  #standing(first: number, epoch: StateEpoch | null, number: number): void {
    const out = this.#out;
    out.u8(first | (epoch === null ? 0 : 0x20));
    if (epoch !== null) {
      writeEpoch(out, epoch);
      writeVarint(out, number, MAX_NUMBER);
    } else if (number !== 0) out.fail();
  }
}
