// A stream that takes what is sent and tells of nothing: its segments are lost and wait for their retransmission.
// Decides when a stream counts as stuck: then datagrams are asked at once and not after their rest, and what it holds
// goes by datagrams again. A lossy network hurts both, and TCP waits longer with every loss (RFC 6298 section 5.5).

import type { SentPackets } from "../recovery/mod.ts";
import type { Path } from "./path.ts";

/** Nothing acknowledged for this long or four round trips: as long as datagrams may be silent (path.ts). */
const STUCK_US = 300_000;

/** When the stream counts as stuck unless an acknowledgement comes; Infinity without one and while nothing is in flight. */
export function stuckAtUs(path: Path | null, sent: SentPackets): number {
  if (path === null) return Infinity;
  const route = sent.path(path.epoch);
  if (route === null || route.outstanding === 0) return Infinity;
  const oldest = sent.oldest(route);
  if (oldest < 0) return Infinity;
  return Math.max(route.newsAtUs, sent.sentAtUs(oldest)) + Math.max(STUCK_US, 4 * path.rtt.smoothedUs);
}
