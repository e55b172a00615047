// What the harness needs of a connection of lanes: the face that both ends of a pair have, real or made for a test of
// the harness itself. Decides nothing.

import type { Lane, LaneId, LaneKind, LaneSink, LaneStats } from "../../../lib/lanes/mod.ts";

/** Options of one message. */
export interface PeerSendOptions {
  readonly key?: number;
  readonly ttlUs?: number;
  readonly report?: boolean;
}

/** One end of a conversation of lanes, as a driver sees it. */
export interface Peer {
  send(nowUs: number, lane: LaneId, bytes: Uint8Array, options?: PeerSendOptions): number;
  handlePacket(
    nowUs: number,
    path: number,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    immediate: boolean,
  ): void;
  expandNumber(number32: number): number;
  canAccept(number: number): boolean;
  pollPacket(nowUs: number, out: Uint8Array): number;
  readonly packetNumber: number;
  readonly packetPath: number;
  readonly packetImmediate: boolean;
  pollTimeout(): { readonly atUs: number; readonly reason: string } | null;
  handleTimeout(nowUs: number): void;
  close(nowUs: number, code: number, text: string): void;
  laneStats(id: LaneId): LaneStats;
}

/** What some conditions need beyond the face. */
export interface PeerExtras {
  /** Whether the stream takes a packet; set before each poll. */
  streamReady?: boolean;
  /** Opens a lane like this one; the number is the connection's choice. */
  openLane?(lane: Lane): Lane;
  setReading?(lane: LaneId, isReading: boolean): void;
  /** The other end was heard from another address. */
  addMovedPath?(nowUs: number, maxPacketBytes: number): void;
  /** Called when the moved address is proved. */
  onMoved?: (() => void) | null;
}

/** How a pair makes its ends. */
export interface PeerOptions {
  readonly nowUs: number;
  readonly quantumUs: number;
  readonly lanes: readonly Lane[];
  readonly sink: LaneSink;
  readonly kind: "udp" | "stream";
  readonly maxPacketBytes: number;
  readonly congestion: "fixed" | "delay-brake";
  readonly maxRateBytesPerSecond: number;
  readonly firstPacketNumber: number;
  readonly firstMessageNumber: number;
  /** Seed of the end's own draws. */
  readonly seed: number;
}

/** Kinds in two letters, as the tables of the research name them. */
export type KindName = "UU" | "US" | "RU" | "RO" | "connection";

/** The two letters of a kind. */
export const KIND_NAMES: Readonly<Record<LaneKind, Exclude<KindName, "connection">>> = {
  "unreliable-unordered": "UU",
  "unreliable-sequenced": "US",
  "reliable-unordered": "RU",
  "reliable-ordered": "RO",
};
