// The ends that ship, in the face that the harness drives.
// Decides nothing: options are handed on, calls are passed through.

import type { Lane, LaneId, LaneStats } from "../../../lib/lanes/mod.ts";
import { LaneConnection } from "../../../lib/lanes/connection/mod.ts";
import type { ConnectionStats } from "../../../lib/lanes/mod.ts";
import type { Peer, PeerExtras, PeerOptions, PeerSendOptions } from "./face.ts";
import { Draws } from "./random.ts";

/** A connection of lanes as the harness knows it. */
export class RealPeer implements Peer, PeerExtras {
  readonly connection: LaneConnection;
  /** Told when the moved address is proved. */
  onMoved: (() => void) | null = null;

  constructor(options: PeerOptions) {
    const { nowUs, quantumUs, lanes, sink, kind, maxPacketBytes, congestion, maxRateBytesPerSecond } =
      options;
    this.connection = new LaneConnection({
      ...{ nowUs, quantumUs, lanes, sink, congestion, maxRateBytesPerSecond },
      path: { kind, maxPacketBytes },
      pathSink: { onPath: () => {}, onMoved: () => this.onMoved?.() },
      random: new Draws(options.seed, "connection"),
      firstPacketNumber: options.firstPacketNumber,
      firstMessageNumber: options.firstMessageNumber,
    });
  }

  get packetNumber(): number {
    return this.connection.packetNumber;
  }
  get packetPath(): number {
    return this.connection.packetPath;
  }
  get packetImmediate(): boolean {
    return this.connection.packetImmediate;
  }
  set streamReady(isReady: boolean) {
    this.connection.streamReady = isReady;
  }

  send(nowUs: number, lane: LaneId, bytes: Uint8Array, options?: PeerSendOptions): number {
    return this.connection.send(nowUs, lane, bytes, options);
  }

  handlePacket(
    nowUs: number,
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate: boolean,
  ): void {
    this.connection.handlePacket(nowUs, path, number, bytes, start, end, immediate);
  }

  expandNumber(number32: number): number {
    return this.connection.expandNumber(number32);
  }
  canAccept(number: number): boolean {
    return this.connection.canAccept(number);
  }
  pollPacket(nowUs: number, out: Uint8Array): number {
    return this.connection.pollPacket(nowUs, out);
  }
  pollTimeout(): { readonly atUs: number; readonly reason: string } | null {
    return this.connection.pollTimeout();
  }
  handleTimeout(nowUs: number): void {
    this.connection.handleTimeout(nowUs);
  }
  close(nowUs: number, code: number, text: string): void {
    this.connection.close(nowUs, code, text);
  }
  laneStats(id: LaneId): LaneStats {
    return this.connection.laneStats(id);
  }
  stats(): ConnectionStats {
    return this.connection.stats();
  }

  openLane(lane: Lane): Lane {
    return this.connection.openLane(lane);
  }
  setReading(lane: LaneId, isReading: boolean): void {
    this.connection.setReading(lane, isReading);
  }
  addMovedPath(nowUs: number, maxPacketBytes: number): void {
    this.connection.addPath(nowUs, MOVED_PATH, "udp", maxPacketBytes);
  }
}

/** `PathId.udpMoved`. */
const MOVED_PATH = 2;

/** Makes an end that ships. */
export function realPeer(options: PeerOptions): RealPeer {
  return new RealPeer(options);
}
