// A tiny end of a conversation for tests of the harness itself: sends each message once, whole, in a packet of its own, and
// hands on whatever comes. Keeps the promises of no lane; can be told to break one. Never part of anything that ships.

import type { LaneSink, LaneStats } from "../../../lib/lanes/mod.ts";
import { type LaneId, newLaneStats } from "../../../lib/lanes/mod.ts";
import type { Peer, PeerOptions } from "./face.ts";
import { framesOf } from "./frames.ts";

/** What a fake does wrong. */
export type Fault =
  | "none"
  | "twice"
  | "changed"
  | "early-report"
  | "busy"
  | "number-again"
  | "throws"
  | "endless";

/** An end without any care. */
export class FakePeer implements Peer {
  packetNumber: number;
  readonly packetPath = 1;
  readonly packetImmediate = false;
  readonly #sink: LaneSink;
  readonly #queue: { lane: LaneId; number: number; bytes: Uint8Array }[] = [];
  readonly #stats = new Map<number, LaneStats>();
  readonly #next = new Map<number, number>();
  readonly #seen = new Set<number>();
  readonly #first: number;
  #nowUs: number;

  constructor(options: PeerOptions, private readonly fault: Fault) {
    this.#sink = options.sink;
    this.#first = options.firstMessageNumber;
    this.packetNumber = options.firstPacketNumber - 1;
    this.#nowUs = options.nowUs;
  }

  send(nowUs: number, lane: LaneId, bytes: Uint8Array): number {
    this.#nowUs = nowUs;
    const number = this.#next.get(lane) ?? this.#first;
    this.#next.set(lane, number + 1);
    this.#queue.push({ lane, number, bytes: bytes.slice() });
    this.laneStats(lane).sentMessages++;
    return number;
  }

  handlePacket(
    nowUs: number,
    _path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#nowUs = nowUs;
    if (this.fault === "throws") throw new Error("planted");
    this.#seen.add(number);
    const copy = bytes.slice();
    if (this.fault === "changed") copy[end - 1] = (copy[end - 1] ?? 0) ^ 1;
    for (const frame of framesOf(copy, start, end)) {
      if (frame.type !== "data") continue;
      const { lane, number, start, length } = frame.data;
      for (let i = this.fault === "twice" ? 2 : 1; i > 0; i--) {
        this.#sink.onMessage(lane as LaneId, copy, start, length, number);
      }
    }
  }

  expandNumber(number32: number): number {
    return number32;
  }

  canAccept(number: number): boolean {
    return !this.#seen.has(number);
  }

  pollPacket(nowUs: number, out: Uint8Array): number {
    this.#nowUs = nowUs;
    const next = this.fault === "endless" ? this.#queue[0] : this.#queue.shift();
    if (next === undefined) return 0;
    if (this.fault !== "number-again") this.packetNumber++;
    const { lane, number, bytes } = next;
    if (this.fault === "early-report") this.#sink.onDelivered(lane, number);
    let at = 0;
    if (lane < 15) out[at++] = 0x80 | lane;
    else {
      out[at++] = 0x8f;
      out[at++] = lane;
    }
    for (let shift = 24; shift >= 0; shift -= 8) out[at++] = number >>> shift;
    if (bytes.length < 64) out[at++] = bytes.length;
    else {
      out[at++] = 0x40 | (bytes.length >> 8);
      out[at++] = bytes.length;
    }
    out.set(bytes, at);
    return at + bytes.length;
  }

  pollTimeout(): { atUs: number; reason: string } | null {
    return this.fault === "busy" ? { atUs: this.#nowUs, reason: "planted" } : null;
  }

  handleTimeout(_nowUs: number): void {}

  close(_nowUs: number, _code: number, _text: string): void {}

  laneStats(id: LaneId): LaneStats {
    let stats = this.#stats.get(id);
    if (stats === undefined) this.#stats.set(id, stats = newLaneStats());
    return stats;
  }
}
