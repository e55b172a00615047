// A carrier brings payloads to the same lane of the peer. Streams carry lanes now; datagrams will.
// Decides the face that sessions use; never what a payload means.

import type { HanaError } from "../base/mod.ts";
import type { Lane, LaneId } from "./lane.ts";
import type { LaneStats } from "./stats.ts";

/** What became of a payload given to {@linkcode Carrier.send}. */
export type SendStatus =
  | "sent" // handed to the network, or next in line
  | "queued" // waits behind others
  | "full" // a reliable lane is at its bound: nothing was taken
  | "too-large" // over the carrier's limit: nothing was taken
  | "closed"; // the carrier is gone: nothing was taken

/** What a carrier tells its owner; nothing follows `onClose`. */
export interface CarrierHandlers {
  /** Payloads may be sent. */
  onOpen(): void;
  /** A payload came. Valid during the call only. */
  onPayload(lane: LaneId, payload: Uint8Array): void;
  /** A write went through: lanes may be writable again ({@linkcode Carrier.isWritable}). */
  onWritable(): void;
  /** The carrier is gone: null when both sides ended it in order. */
  onClose(error: HanaError | null): void;
}

/** Payloads over lanes to one peer. */
export interface Carrier {
  /** `stream` or, later, `udp`. */
  readonly kind: "stream";
  /** Whether payloads travel sealed. */
  readonly secure: boolean;
  /** Both ends as URLs. */
  readonly local: string;
  readonly remote: string;
  /** The largest payload that it takes. */
  readonly maxPayloadBytes: number;
  /** Starts the carrier. Called once. */
  open(handlers: CarrierHandlers): void;
  /** Sends a payload; returns at once. The bytes may be reused afterwards. */
  send(lane: Lane, payload: Uint8Array): SendStatus;
  /** Whether nothing waits on the lane: its next payload goes out as soon as its tier has its turn. */
  isWritable(lane: Lane): boolean;
  /** Sends what is queued, then ends. */
  end(): void;
  /** Drops everything at once. */
  abort(error: HanaError | null): void;
  /** Counters of one lane. */
  laneStats(lane: LaneId): LaneStats;
  /** Bytes on the wire, both ways. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}
