// What is measured: each workload's sizes and times, and how many repetitions make one figure.
// Decides nothing about peers, and computes nothing.

/** Groups of workloads, as the command line names them. */
export const WORKLOAD_KINDS = ["rtt", "rate", "fanout", "mixed", "loss"] as const;

/** One of the groups. */
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** One workload. */
export interface Workload {
  readonly name: string;
  readonly kind: WorkloadKind;
  /** What the drivers call it. */
  readonly task: "echo" | "flow" | "stream" | "mixed" | "loss";
  readonly text: string;
  readonly bytes: number;
  readonly receivers: number;
  readonly warmUpUs: number;
  readonly measureUs: number;
  readonly bulkBytes: number;
  readonly chunkBytes: number;
  readonly transfers: number;
  /** The cable between sender and receivers; null on loopback. */
  readonly cable: CableKind | null;
}

/** What a cable does to frames, each way. */
export interface CableKind {
  readonly lossPpm: number;
  readonly delayUs: number;
  /** Bytes a second that leave, and bytes that wait before it; unlimited when absent. */
  readonly bytesPerS?: number;
  readonly queueBytes?: number;
}

const RECEIVERS = [1, 5, 10, 20] as const;
const SECOND_US = 1_000_000;
const TRANSFER_BYTES = 50_000_000;
const CHUNK_BYTES = 65_536;
const MESSAGE_BYTES = 1_000_000;
const CABLE_DELAY_US = 20_000;
/** 100 Mbit/s behind a queue of 20 ms, as at the port of a small switch. */
const NARROW = { lossPpm: 0, delayUs: 1_000, bytesPerS: 12_500_000, queueBytes: 250_000 } as const;

/** All workloads; `isQuick` for a look, not for figures to keep. */
export function workloads(isQuick: boolean): readonly Workload[] {
  const us = (seconds: number, quick: number): number => (isQuick ? quick : seconds) * SECOND_US;
  const none = { bulkBytes: 0, chunkBytes: 0, transfers: 0, cable: null };
  const one = { ...none, receivers: 1 };
  const all: Workload[] = [];
  for (const bytes of [64, 1024]) {
    all.push({
      ...one,
      name: `rtt-${bytes}`,
      kind: "rtt",
      task: "echo",
      text: `round trip, ${bytes} B, µs`,
      bytes,
      warmUpUs: us(2, 0.5),
      measureUs: us(3, 0.7),
    });
  }
  for (const bytes of [64, 1024]) {
    all.push({
      ...one,
      name: `rate-${bytes}`,
      kind: "rate",
      task: "flow",
      text: `one way, ${bytes} B, messages/s`,
      bytes,
      warmUpUs: us(1.5, 0.5),
      measureUs: us(2, 0.7),
    });
  }
  for (const receivers of RECEIVERS) {
    all.push({
      ...none,
      receivers,
      name: `fanout-${receivers}`,
      kind: "fanout",
      task: "stream",
      text: `1 kHz to ${receivers}, age µs`,
      bytes: 64,
      warmUpUs: us(10, 0.7),
      measureUs: us(4, 1),
    });
  }
  for (const cable of [null, NARROW]) {
    all.push({
      ...one,
      name: cable === null ? "mixed" : "mixed-100",
      kind: "mixed",
      task: "mixed",
      text: `1 kHz beside 50 MB${cable === null ? "" : " by 100 Mbit/s"}, age µs`,
      bytes: 64,
      warmUpUs: us(2, 0.7),
      measureUs: us(4, 1),
      bulkBytes: TRANSFER_BYTES,
      chunkBytes: CHUNK_BYTES,
      cable,
    });
  }
  for (const lossPercent of [1, 5]) {
    all.push({
      ...one,
      name: `loss-${lossPercent}`,
      kind: "loss",
      task: "loss",
      text: `1 kHz and 1 MB at ${lossPercent} % loss, 20 ms, age ms`,
      bytes: 64,
      warmUpUs: us(1, 0.5),
      measureUs: us(8, 2),
      bulkBytes: MESSAGE_BYTES,
      // One message: peers that take no more at once than a chunk would say so.
      chunkBytes: MESSAGE_BYTES,
      transfers: isQuick ? 1 : 3,
      cable: { lossPpm: lossPercent * 10_000, delayUs: CABLE_DELAY_US },
    });
  }
  return all;
}
