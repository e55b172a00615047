// What the flow model is given and what it returns: links, flows, results.

import type { CongestionControl } from "../../lib/lanes/congestion/mod.ts";

/** The one link that all flows share, and what happens around it. Times in microseconds, rates in bytes a second. */
export interface Link {
  rate: number;
  bufferBytes: number;
  /** Each way. */
  delayUs: number;
  /** Each way, plus or minus; order is kept. */
  jitterUs?: number;
  /** Share of packets lost after the queue. */
  loss?: number;
  /** Mean length of a burst of losses in packets; 1 for independent ones. */
  lossBurst?: number;
  /** Every so often nothing passes for so long. */
  outage?: { everyUs: number; forUs: number };
  /** Tokens of a policer instead of a queue: `bufferBytes` deep, no delay. */
  isPolicer?: boolean;
}

/** One sender. */
export interface FlowSpec {
  /** Absent for a greedy Reno flow. */
  control?: CongestionControl;
  startUs?: number;
  endUs?: number;
  /** Bytes a second that the application offers; absent: always more. */
  offered?: number;
  /** Acknowledged after 32 packets or 25 ms instead of 10 or 5. */
  isLazy?: boolean;
  packetBytes?: number;
  /** The reader's socket buffer. */
  receiveBufferBytes?: number;
  /** The reader does nothing for `forUs` every `everyUs`. */
  readerStall?: { everyUs: number; forUs: number };
  /** The sender does nothing for `forUs` every `everyUs`. */
  senderStall?: { everyUs: number; forUs: number };
  /** Both ends act at multiples of this alone (a driver that polls once a frame). */
  frameUs?: number;
}

/** What a flow did. */
export interface FlowResult {
  sentPackets: number;
  deliveredPackets: number;
  /** Dropped by the full bottleneck. */
  queueDrops: number;
  /** Dropped by the reader's full kernel buffer. */
  readerDrops: number;
  /** Lost by chance. */
  chanceDrops: number;
  /** Bytes delivered in each 10 ms. */
  binBytes: Float64Array;
  /** Packets that were sent in each 10 ms, and those of them that the full queue or the reader's kernel dropped. */
  binSent: Float64Array;
  binDrops: Float64Array;
  /** Declared lost and acknowledged later. */
  spurious: number;
}

/** What the run showed. */
export interface RunResult {
  flows: FlowResult[];
  /** Time in the bottleneck's queue of each packet, by the time of arrival. */
  queueUs: Float64Array;
  queueAtUs: Float64Array;
}

export const BIN_US = 10_000;
