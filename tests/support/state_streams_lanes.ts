// Two connections of lanes in memory and in virtual time, for meters and modulation on the lanes that they travel on.
// Decides which packets are lost; never touches a clock or a socket.

import { LaneConnection, LANES, type LaneSink, PathId, type ProgramLane } from "../../lib/lanes/mod.ts";
import type { Outlet } from "../../lib/state/stream/mod.ts";
import { Draws } from "./lanes/random.ts";

/** One way from a sender to a receiver by a lane of its own. */
export class StreamLane implements Outlet {
  nowUs = 10_000_000;
  /** Packets both ways, and those of them that were lost. */
  packets = 0;
  lost = 0;
  messages = 0;
  readonly #ends: readonly [LaneConnection, LaneConnection];
  readonly #out = new Uint8Array(2_048);
  readonly #lane: number;
  readonly #loss: Draws;

  /**
   * @param key of every message, on a lane with keys.
   * @param onMessage is told each message that comes.
   * @param lossShare of packets, 0 to 1.
   */
  constructor(
    lane: ProgramLane,
    private readonly key: number | null,
    private readonly onMessage: (nowUs: number, bytes: Uint8Array) => void,
    private readonly lossShare = 0,
  ) {
    this.#loss = new Draws(3, "loss");
    const sink: LaneSink = {
      onMessage: (_, bytes, start, length) => {
        this.messages++;
        this.onMessage(this.nowUs, bytes.subarray(start, start + length));
      },
      ...{ onDelivered: () => {}, onExpired: () => {}, onLost: () => {}, onWritable: () => {} },
      onOpened: () => {},
      onClosed: (code, text) => {
        throw new Error(`closed: ${code} ${text}`);
      },
    };
    const make = (seed: number) =>
      new LaneConnection({
        ...{ nowUs: this.nowUs, random: new Draws(seed, "connection"), quantumUs: 2_100, sink },
        lanes: Object.values(LANES),
        path: { kind: "udp", maxPacketBytes: 1_427 },
        ...{ congestion: "fixed", maxRateBytesPerSecond: 1e9 },
      });
    this.#ends = [make(1), make(2)];
    this.#lane = this.#ends[0].openLane(lane).id;
  }

  get isWritable(): boolean {
    return true;
  }

  send(bytes: Uint8Array): boolean {
    const options = this.key === null ? undefined : { key: this.key };
    return this.#ends[0].send(this.nowUs, this.#lane, bytes, options) >= 0;
  }

  /** Hands over what there is to hand over, after some time. */
  step(us: number): void {
    this.nowUs += us;
    const [first, second] = this.#ends;
    this.#pass(first, second);
    this.#pass(second, first);
    for (const [from, to] of [[first, second], [second, first]] as const) {
      const deadline = from.pollTimeout();
      if (deadline === null || deadline.atUs > this.nowUs) continue;
      from.handleTimeout(this.nowUs);
      this.#pass(from, to);
    }
  }

  #pass(from: LaneConnection, to: LaneConnection): void {
    for (;;) {
      const length = from.pollPacket(this.nowUs, this.#out);
      if (length === 0) return;
      this.packets++;
      if (this.#loss.happens(this.lossShare)) this.lost++;
      else {
        const { packetNumber, packetImmediate } = from;
        to.handlePacket(this.nowUs, PathId.udp, packetNumber, this.#out, 0, length, packetImmediate);
      }
    }
  }
}
