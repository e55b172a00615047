// What a connection is made from, and its numbers.
// Decides the bounds and intervals; the connection keeps to them. Sources stand beside each number.

import type { RandomStream } from "../../platform/mod.ts";
import type { CongestionControl } from "../congestion/mod.ts";
import type { Lane } from "../lane.ts";
import type { LaneSink } from "../sink.ts";
import type { PathKind, PathSink } from "./path.ts";

/** The first way on which a connection can send. */
export interface FirstPath {
  readonly kind: PathKind;
  /** Plaintext bytes that one packet may have. */
  readonly maxPacketBytes: number;
  /** Whether it stays within one machine. */
  readonly isLocal?: boolean;
}

/** What a connection is made from. */
export interface ConnectionOptions {
  /** The monotonic time now: a clock never starts at a guess (research: lanes 4.0). */
  readonly nowUs: number;
  /** Jitter of keepalives, contents of challenges, skipped packet numbers. */
  readonly random: RandomStream;
  /** How late a timer of the driver may be, in microseconds. */
  readonly quantumUs: number;
  /** The lanes on which we send from the start, which are those on which the peer sends from the start. */
  readonly lanes: readonly Lane[];
  readonly sink: LaneSink;
  /** Told when another path carries the lanes. */
  readonly pathSink?: PathSink;
  /** A path that is proved already: the one on which the peer greeted. */
  readonly path: FirstPath;
  /** How UDP paths are braked; a stream has its own law. */
  readonly congestion?: "delay-brake" | "fixed" | ((nowUs: number) => CongestionControl);
  /** No path sends more than this many bytes a second. */
  readonly maxRateBytesPerSecond?: number;
  /** Sizes of UDP datagrams that are tried, growing; all of them must be above 1200. */
  readonly mtuSteps?: readonly number[];
  /** How long we may hold an acknowledgement back, in microseconds. */
  readonly maxAckDelayUs?: number;
  /** A ping goes out when nothing else did for this long, in microseconds; 0 for never. */
  readonly keepaliveUs?: number;
  /** The connection is over when nothing authentic came for this long, in microseconds; 0 for never. */
  readonly silenceUs?: number;

  /** For tests: where numbers start. */
  readonly firstPacketNumber?: number;
  readonly firstMessageNumber?: number;
}

/** What a message may say of itself. */
export interface MessageOptions {
  readonly key?: number;
  readonly ttlUs?: number;
  readonly report?: boolean;
}

/** An acknowledgement is held back no longer than this (research: lanes 4.2). */
export const DEFAULT_MAX_ACK_DELAY_US = 25_000;
/** A ping after this much silence of ours (research: lanes 4.12). */
export const DEFAULT_KEEPALIVE_US = 500_000;
/** A peer that was not heard for this long is gone (research: lanes 4.12). */
export const DEFAULT_SILENCE_US = 5_000_000;
/** Sealing and header of a UDP packet: 9 bytes before the text, 16 behind it. */
export const UDP_OVERHEAD_BYTES = 25;
/** Datagrams of this size pass everywhere (RFC 9000 section 14). */
export const BASE_DATAGRAM_BYTES = 1200;
/** Plaintext of one packet over a stream: a modulation message waits behind one of these at most. */
export const STREAM_PACKET_BYTES: number = 16 * 1024;
/** What a sender says of the newest hundred packets, once a second. */
export const REPORT_INTERVAL_US = 1_000_000;
/** A closed connection says so three times, this far apart (research: lanes 4.12). */
export const CLOSE_INTERVAL_US = 50_000;
/** How often CLOSE is sent. */
export const CLOSE_REPEATS = 3;
/** Lanes that a peer may open. */
export const MAX_OPENED_LANES = 64;
