// One end alone, fed with packets that a test makes: for what only a peer can do that keeps no rules.
// Decides the strict order of one input and one drain; keeps what the sink was told.

import { assert } from "@std/assert";
import { LANES, type LaneSink } from "../../../lib/lanes/mod.ts";
import { START_US } from "./conditions.ts";
import type { PeerOptions } from "./face.ts";
import { type Frame, framesOf } from "./frames.ts";
import { RealPeer } from "./peers.ts";

/** A message that came. */
export interface Came {
  readonly lane: number;
  readonly number: number;
  readonly text: string;
}

/** An end alone. */
export class Lone {
  nowUs: number;
  readonly closed: string[] = [];
  readonly came: Came[] = [];
  readonly sent: { readonly number: number; readonly frames: readonly Frame[] }[] = [];
  readonly peer: RealPeer;
  readonly #out = new Uint8Array(20_000);
  #next = 0;

  constructor(options: Partial<PeerOptions> = {}) {
    this.nowUs = options.nowUs ?? START_US;
    const sink: LaneSink = {
      onMessage: (lane, bytes, start, length, number) => {
        assert(this.closed.length === 0, "a message after the end");
        const text = String.fromCharCode(...bytes.subarray(start, start + Math.min(length, 60)));
        this.came.push({ lane, number, text });
      },
      ...{
        onDelivered: () => {},
        onExpired: () => {},
        onLost: () => {},
        onWritable: () => {},
        onOpened: () => {},
      },
      onClosed: (code, text) => this.closed.push(`${code} ${text}`),
    };
    this.peer = new RealPeer({
      ...{ nowUs: this.nowUs, quantumUs: 2_100, lanes: Object.values(LANES), sink, kind: "udp", seed: 1 },
      ...{ maxPacketBytes: 1_175, congestion: "delay-brake", maxRateBytesPerSecond: 12_500_000 },
      ...{ firstPacketNumber: 0, firstMessageNumber: 0 },
      ...options,
    });
    this.drain();
  }

  /** A packet of these frames comes, with the next number unless another is given. */
  feed(frames: Uint8Array | readonly number[], number: number = this.#next): void {
    this.#next = number + 1;
    const bytes = Uint8Array.from(frames);
    this.peer.handlePacket(this.nowUs, this.peer.packetPath, number, bytes, 0, bytes.length, false);
    this.drain();
  }

  /** Polls until nothing comes. */
  drain(): void {
    for (let count = 0;; count++) {
      assert(count < 9_000, "a drain does not end");
      const length = this.peer.pollPacket(this.nowUs, this.#out);
      if (length === 0) break;
      this.sent.push({ number: this.peer.packetNumber, frames: framesOf(this.#out, 0, length) });
    }
    const timeout = this.peer.pollTimeout();
    assert(timeout === null || timeout.atUs > this.nowUs, `due at once: ${JSON.stringify(timeout)}`);
    assert(this.closed.length <= 1, `closed more than once: ${this.closed}`);
  }

  /** Time passes to the next deadline, by `us` at most. */
  advance(us: number): void {
    const timeout = this.peer.pollTimeout();
    this.nowUs = Math.min(this.nowUs + us, Math.max(this.nowUs, timeout?.atUs ?? Infinity));
    this.peer.handleTimeout(this.nowUs);
    this.drain();
  }

  /** Time passes, deadline by deadline. */
  wait(us: number): void {
    const untilUs = this.nowUs + us;
    while (this.nowUs < untilUs) this.advance(untilUs - this.nowUs);
  }
}

/** A DATA frame of a standard lane: a whole message, or the piece of one that starts at `offset`. */
export function data(
  lane: number,
  number: number,
  text: string,
  piece?: { offset: number; total: number },
  key = -1,
): number[] {
  const low = [Math.floor(number / 2 ** 24) & 255, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
  const type = 0x80 | (piece === undefined ? 0 : 0x40) | (key < 0 ? 0 : 0x10) | lane;
  const place = piece === undefined ? [] : [...varint(piece.offset), ...varint(piece.total)];
  return [
    type,
    ...low,
    ...(key < 0 ? [] : varint(key)),
    ...place,
    ...varint(text.length),
    ...Array.from(text, (c) => c.charCodeAt(0)),
  ];
}

/** An ACK frame of the packets from `first` to `last`. */
export function ack(first: number, last: number): number[] {
  const low = [Math.floor(last / 2 ** 24) & 255, (last >>> 16) & 255, (last >>> 8) & 255, last & 255];
  return [0x02, ...low, 0, 0, 0, ...varint(last - first + 1)];
}

function varint(value: number): number[] {
  if (value < 64) return [value];
  if (value < 16_384) return [0x40 | (value >> 8), value & 255];
  return [0x80 | (value >>> 24), (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
