// One sending lane on a bench: packets of any size are filled from it, read back, and acknowledged or lost at will.

import { assert, assertEquals } from "@std/assert";
import { type Lane, laneDefaults, type LaneId, type LaneKind } from "../../../../lib/lanes/mod.ts";
import { SendLane } from "../../../../lib/lanes/sending/mod.ts";
import { expand32, FRAME_END, FrameReader, FrameType, PacketWriter } from "../../../../lib/lanes/wire/mod.ts";

/** A lane of a program, with what a test wants of it. */
export function testLane(kind: LaneKind, fields: Partial<Lane> = {}): Lane {
  return { id: 20 as LaneId, name: "test", kind, ...laneDefaults(kind), ...fields };
}

/** A reference as the lane gave it. */
export interface Ref {
  readonly number: number;
  /** −1 for a whole message. */
  readonly offset: number;
  readonly length: number;
}

/** A DATA frame as a peer would read it. */
export interface SentFrame {
  readonly number: number;
  readonly key: number;
  readonly offset: number;
  /** −1 for a whole message. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

/** What one packet carried. */
export interface SentPacket {
  readonly refs: readonly Ref[];
  readonly frames: readonly SentFrame[];
  readonly written: number;
}

export class LaneBench {
  nowUs = 1_000_000;
  readonly lane: SendLane;
  /** Outcomes in the order they were told, such as `delivered 3`. */
  readonly told: string[] = [];
  onTold: (() => void) | null = null;
  readonly #writer = new PacketWriter();
  readonly #reader = new FrameReader();
  readonly #out = new Uint8Array(65_536);
  #refs: Ref[] = [];

  constructor(lane: Lane, readonly firstNumber = 0) {
    this.lane = new SendLane(lane, {
      onDelivered: (_lane, number) => this.#tell(`delivered ${number}`),
      onExpired: (_lane, number) => this.#tell(`expired ${number}`),
      onLost: (_lane, number) => this.#tell(`lost ${number}`),
      onWritable: () => this.#tell("writable"),
    }, firstNumber);
  }

  push(bytes: Uint8Array | number, options: { key?: number; ttlUs?: number; report?: boolean } = {}): number {
    const message = typeof bytes === "number" ? new Uint8Array(bytes).fill(bytes & 255) : bytes;
    return this.lane.push(this.nowUs, message, options.key, options.ttlUs, options.report ?? true);
  }

  /** Fills a packet of `limitBytes`, of which `usedBytes` hold something else. */
  packet(limitBytes = 1175, budgetBytes = Infinity, usedBytes = 0): SentPacket {
    this.#refs = [];
    this.#writer.reset(this.#out, limitBytes);
    for (let i = 0; i < usedBytes; i += 5) this.#writer.ping(0);
    const from = this.#writer.length;
    const written = this.lane.fill(this.nowUs, this.#writer, this, budgetBytes);
    assertEquals(written, this.#writer.length - from);
    assert(this.#writer.length <= limitBytes);
    const frames = this.#read(from, this.#writer.length);
    assertEquals(frames.length, this.#refs.length);
    return { refs: this.#refs, frames, written };
  }

  /** Packets until the lane has nothing more to send now. */
  packets(limitBytes = 1175): SentPacket[] {
    const packets: SentPacket[] = [];
    while (this.lane.hasWork(this.nowUs)) {
      const packet = this.packet(limitBytes);
      if (packet.written === 0) break;
      packets.push(packet);
    }
    return packets;
  }

  ack(...packets: SentPacket[]): void {
    for (const packet of packets) this.#settle(packet, true);
  }

  lose(...packets: SentPacket[]): void {
    for (const packet of packets) this.#settle(packet, false);
  }

  // As SentPackets is called.
  addRun(lane: number, number: number): void {
    assertEquals(lane, this.lane.id);
    this.#refs.push({ number, offset: -1, length: 0 });
  }
  addPiece(lane: number, number: number, offset: number, length: number): void {
    assertEquals(lane, this.lane.id);
    this.#refs.push({ number, offset, length });
  }

  /** Messages in a row are told in one call, as by the log of references. */
  #settle(packet: SentPacket, acked: boolean): void {
    const { refs } = packet;
    for (let i = 0; i < refs.length;) {
      const { number, offset, length } = refs[i] as Ref;
      if (offset >= 0) {
        this.lane.onPiece(number, offset, length, acked, this.nowUs);
        i++;
        continue;
      }
      let count = 1;
      while (refs[i + count]?.number === number + count && refs[i + count]?.offset === -1) count++;
      this.lane.onRun(number, count, acked, this.nowUs);
      i += count;
    }
  }

  #read(start: number, end: number): SentFrame[] {
    const frames: SentFrame[] = [];
    const reader = this.#reader;
    reader.reset(this.#out, start, end);
    for (let type = reader.next(); type !== FRAME_END; type = reader.next()) {
      assertEquals(type, FrameType.data, reader.problem);
      assertEquals(reader.lane, this.lane.id);
      frames.push({
        number: expand32(reader.number, this.firstNumber),
        key: reader.key,
        offset: reader.fragmentOffset,
        total: reader.total,
        bytes: this.#out.slice(reader.payloadStart, reader.payloadStart + reader.payloadLength),
      });
    }
    return frames;
  }

  #tell(text: string): void {
    this.told.push(text);
    this.onTold?.();
  }
}

/** Numbers of a packet's frames. */
export function numbersOf(packet: SentPacket): number[] {
  return packet.frames.map((frame) => frame.number);
}

/** Lets the peer have `messages` more messages and all the bytes it may want. */
export function withCredit(bench: LaneBench, messageLimit: number, byteLimit = 2 ** 40): LaneBench {
  bench.lane.handleCredit(messageLimit, byteLimit);
  return bench;
}
