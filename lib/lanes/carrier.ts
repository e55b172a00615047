// A carrier brings payloads to the same lane of the peer. Streams carry lanes now; datagrams will.
// Decides the face that sessions use; never what a payload means.

import type { HanaError } from "../base/mod.ts";
import type { Lane, LaneId, ProgramLane } from "./lane.ts";
import type { ReceivedLane } from "./sink.ts";
import type { ConnectionStats, LaneStats } from "./stats.ts";

/** What became of a payload given to {@linkcode Carrier.send}. */
export type SendStatus =
  | "sent" // handed to the network, or next in line
  | "queued" // waits behind others
  | "full" // the lane is at its bound: nothing was taken
  | "no-credit" // the same, because the peer does not read
  | "too-large" // over the carrier's limit: nothing was taken
  | "closed"; // the carrier is gone: nothing was taken

/** The version of the packets that this build speaks. */
export const LANES_VERSION = 1;

/** How a side takes packets of lanes; what its greeting says. */
export interface LaneOffer {
  /** Version of the packets; the lower one of both is spoken. */
  readonly version: number;
  /** Where its datagrams are to be sent beside the stream; null when it takes none. */
  readonly udp: { readonly port: number; readonly index: number } | null;
}

/** How to send one payload. */
export interface CarrierSendOptions {
  /** Of one key only the newest payload waits; for lanes with keys. */
  readonly key?: number;
  /** Dropped when it waited unsent for this many microseconds; the lane's own time when not given. */
  readonly ttlUs?: number;
  /** `onFate` follows, with the number that {@linkcode Carrier.lastNumber} says after `send`. */
  readonly report?: boolean;
}

/** What became of a payload in the end. `lost`: the network's doing; `expired`: dropped unsent. */
export type PayloadFate = "delivered" | "lost" | "expired";

/** Which way lanes take, and why. */
export interface CarrierPath {
  readonly kind: "stream" | "udp";
  /** Where it leads, as a URL: `udp://10.0.0.2:4711`. */
  readonly remote: string;
  /** For people, like `no datagram came back`. */
  readonly why: string;
  /** Whether lanes go by the stream while the peer is asked for datagrams: they move when it answers. */
  readonly isAsking: boolean;
  /** The smoothed round trip in microseconds, null before the first. */
  readonly rttUs: number | null;
}

/** What a carrier tells its owner; nothing follows `onClose`. */
export interface CarrierHandlers {
  /** Payloads may be sent. */
  onOpen(): void;
  /** A payload came. Valid during the call only. */
  onPayload(lane: LaneId, payload: Uint8Array): void;
  /** What became of a payload that was sent with `report`. Carriers that know nothing of it never call. */
  onFate?(lane: LaneId, number: number, fate: PayloadFate): void;
  /** The peer opened a lane of its own; its payloads follow. */
  onOpened?(lane: ReceivedLane): void;
  /** Lanes take another way. */
  onPath?(path: CarrierPath): void;
  /** A write went through: lanes may be writable again ({@linkcode Carrier.isWritable}). */
  onWritable(): void;
  /** The carrier is gone: null when both sides ended it in order. */
  onClose(error: HanaError | null): void;
}

/** Payloads over lanes to one peer. */
export interface Carrier {
  /** Which way lanes take now. */
  readonly path: CarrierPath;
  /** What the greeting says of lanes; null when this carrier has no packets. */
  readonly offer: LaneOffer | null;
  /** The peer takes packets, too: all that is sent from now on goes in them. Lanes may overtake each other then. */
  useLanes(peer: LaneOffer): void;
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
  send(lane: Lane, payload: Uint8Array, options?: CarrierSendOptions): SendStatus;
  /** The number of the last payload that `send` took, within its lane. */
  readonly lastNumber: number;
  /** Opens a lane of the program's own, on which this side sends. Throws `unsupported` where there are no packets. */
  openLane(options: ProgramLane): Lane;
  /** How long a payload that is sent now would wait, in microseconds, as far as known. */
  queuedUs(lane: Lane): number;
  /** Figures of the packets; null where there are none. */
  connectionStats(): ConnectionStats | null;
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
