// Figures of a run of the flow model: shares, delays, times. Reads results, never changes them.

import { BIN_US, type FlowResult, type RunResult } from "./lanes_flow_spec.ts";

/** Bytes a second that a flow delivered in a span. */
export function deliveredRate({ binBytes }: FlowResult, fromUs: number, toUs: number): number {
  let bytes = 0;
  for (let bin = Math.floor(fromUs / BIN_US); bin < Math.floor(toUs / BIN_US); bin++) {
    bytes += binBytes[bin] ?? 0;
  }
  return bytes * 1e6 / (toUs - fromUs);
}

/** Jain's index: 1 when all have the same, 1/n when one has everything. */
export function fairness(rates: readonly number[]): number {
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const squares = rates.reduce((total, rate) => total + rate * rate, 0);
  return squares === 0 ? 0 : sum * sum / (rates.length * squares);
}

/** A share of the queueing delays of packets that came in a span, in milliseconds. */
export function queueMs(
  { queueUs, queueAtUs }: RunResult,
  share: number,
  fromUs = 0,
  toUs = Infinity,
): number {
  const within = queueUs.filter((_, at) => (queueAtUs[at] ?? 0) >= fromUs && (queueAtUs[at] ?? 0) < toUs)
    .sort();
  return (within[Math.min(within.length - 1, Math.floor(share * within.length))] ?? 0) / 1_000;
}

/** The share of what was sent that the bottleneck or the reader's full kernel dropped: our own doing. */
export function ownLoss(flows: readonly FlowResult[], fromUs = 0, toUs = Infinity): number {
  let dropped = 0;
  let sent = 0;
  for (const { binDrops, binSent } of flows) {
    const end = Math.min(binSent.length, toUs / BIN_US);
    for (let bin = Math.floor(fromUs / BIN_US); bin < end; bin++) {
      dropped += binDrops[bin] ?? 0;
      sent += binSent[bin] ?? 0;
    }
  }
  return dropped / Math.max(1, sent);
}

/** When the flows together first delivered so much over 50 ms, in microseconds after `fromUs`; Infinity for never. */
export function timeToRate(flows: readonly FlowResult[], rate: number, fromUs = 0): number {
  const bins = flows[0]?.binBytes.length ?? 0;
  const width = 5;
  for (let bin = Math.floor(fromUs / BIN_US); bin + width <= bins; bin++) {
    let bytes = 0;
    for (const { binBytes } of flows) for (let at = bin; at < bin + width; at++) bytes += binBytes[at] ?? 0;
    if (bytes * 1e6 / (width * BIN_US) >= rate) return (bin + width) * BIN_US - fromUs;
  }
  return Infinity;
}
