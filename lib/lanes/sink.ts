// Where a connection's news go. Called synchronously from the connection's own input methods; a sink may send,
// but must not feed input back into the connection from inside a call.

import type { LaneId, LaneKind } from "./lane.ts";

/** A lane that the peer opened, as its receiver sees it. */
export interface ReceivedLane {
  readonly id: LaneId;
  readonly name: string;
  readonly kind: LaneKind;
  readonly tier: number;
  readonly keyed: boolean;
  readonly maxMessageBytes: number;
}

/** What becomes of messages that were sent with `report`. Numbers are those that `send()` returned. */
export interface LaneReports {
  /** The peer has the whole message. */
  onDelivered(lane: LaneId, number: number): void;
  /** It was dropped unsent: its time to live was over, a newer value took its place, or the queue was full. */
  onExpired(lane: LaneId, number: number): void;
  /** Unreliable lanes: its packet, or one of them, was lost. */
  onLost(lane: LaneId, number: number): void;
  /** The lane was full and has room again; once each time. */
  onWritable(lane: LaneId): void;
}

/** What comes from a connection. */
export interface LaneSink extends LaneReports {
  /** A message: `bytes[start … start + length)`, valid during the call only. */
  onMessage(lane: LaneId, bytes: Uint8Array, start: number, length: number, number: number): void;
  /** The peer opened a lane of its own; messages of it follow. */
  onOpened(lane: ReceivedLane): void;
  /** The peer closed the connection, or broke it: nothing follows. */
  onClosed(code: number, text: string): void;
}
