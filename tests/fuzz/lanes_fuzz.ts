// Feeds broken bytes to what reads packets of lanes: headers of datagrams, marks of streams, frames.
// A run fails on anything thrown, on a byte read past an end, and on a packet that is accepted although it is not
// what the writer would have written for it.

import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  FRAME_BROKEN,
  FRAME_END,
  FrameReader,
  PACKET_HEADER_BYTES,
  PACKET_TAG_BYTES,
  PacketHeader,
  PacketWriter,
  streamPacketNumber,
  writePacketHeader,
  writeStreamPacketHeader,
} from "../../lib/lanes/wire/mod.ts";
import { plainFrame, writeFrame } from "../support/lane_frames.ts";
import { laneVectors } from "../support/lane_vectors.ts";
import { Mutator } from "./mutate.ts";
import type { Report } from "./plan.ts";

/** What stands around a packet, and must never be seen. */
const AROUND = 8;

/** Runs `iterations` mutated packets; the same seed runs the same ones. Throws at the first wrong answer. */
export function fuzzLanes(seed: number, iterations: number): Report {
  const mutator = new Mutator(seed);
  const { packets, refused, headers } = laneVectors();
  const seeds = [...packets, ...refused].map(({ packet }) => fromHex(packet));
  const datagrams = headers.map(({ header }, i) =>
    Uint8Array.from([
      ...fromHex(header),
      ...seeds[i % seeds.length] ?? [],
      ...new Uint8Array(PACKET_TAG_BYTES),
    ])
  );
  const feed = new Feed();
  let accepted = 0;
  for (let i = 0; i < iterations; i++) {
    // Headers are few bytes: one in eight inputs is a datagram, all others are frames.
    const isDatagram = i % 8 === 0;
    const from = isDatagram ? datagrams : seeds;
    const bytes = mutator.mutate(from[mutator.below(from.length)] ?? new Uint8Array(0));
    try {
      if (isDatagram ? feed.datagram(bytes) : feed.frames(bytes, mutator)) accepted++;
    } catch (error) {
      throw new Error(`lanes, seed ${seed}, iteration ${i}, input ${toHex(bytes)}`, { cause: error });
    }
  }
  return { iterations, accepted, refused: iterations - accepted };
}

/** One reader and one writer for all inputs, as a connection has them. */
class Feed {
  readonly #reader = new FrameReader();
  readonly #fresh = new FrameReader();
  readonly #writer = new PacketWriter();
  readonly #header = new PacketHeader();
  readonly #out = new Uint8Array(256 * 1024);

  frames(bytes: Uint8Array, mutator: Mutator): boolean {
    const around = mutator.bytes(AROUND + bytes.length + AROUND);
    around.set(bytes, AROUND);
    const end = AROUND + bytes.length;
    const reader = this.#reader;
    const writer = this.#writer;
    reader.reset(around, AROUND, end);
    // The same bytes alone, in a reader that has read nothing: every answer must be the same.
    const fresh = bytes.length % 4 === 0 ? new FrameReader() : this.#fresh;
    fresh.reset(bytes, 0, bytes.length);
    writer.reset(this.#out, bytes.length);
    for (let frames = 0;; frames++) {
      const type = reader.next();
      if (type !== fresh.next() || reader.offset !== fresh.offset || reader.problem !== fresh.problem) {
        throw new Error(`two readers differ: ${type} at ${reader.offset} and ${fresh.offset}`);
      }
      if (type === FRAME_END) break;
      if (frames > bytes.length) throw new Error("more frames than bytes");
      if (type === FRAME_BROKEN) {
        if (reader.problem === "" || reader.offset < 0 || reader.offset > bytes.length) {
          throw new Error(`refused for "${reader.problem}" at ${reader.offset} of ${bytes.length}`);
        }
        return false;
      }
      const frame = plainFrame(reader, type, around);
      if (frame.type === "data" && reader.payloadStart + reader.payloadLength > end) {
        throw new Error("the payload goes past the end");
      }
      if (!writeFrame(writer, frame)) throw new Error(`does not fit again: ${JSON.stringify(frame)}`);
    }
    if (writer.length !== bytes.length || bytes.some((byte, i) => byte !== this.#out[i])) {
      throw new Error(`accepted, but written as ${toHex(this.#out.slice(0, writer.length))}`);
    }
    return true;
  }

  datagram(bytes: Uint8Array): boolean {
    const again = new Uint8Array(PACKET_HEADER_BYTES);
    const mark = streamPacketNumber(bytes, 0, bytes.length);
    if (mark >= 0) {
      writeStreamPacketHeader(again, 0, mark);
      if (again.subarray(0, 5).some((byte, i) => byte !== bytes[i])) throw new Error("not as it was read");
    }
    const header = this.#header;
    if (!header.read(bytes, 0, bytes.length)) return mark >= 0;
    const { keyPhase, isImmediate, receiverIndex, number } = header;
    writePacketHeader(again, 0, keyPhase, isImmediate, receiverIndex, number);
    if (again.some((byte, i) => byte !== bytes[i])) throw new Error("not as it was read");
    return true;
  }
}
