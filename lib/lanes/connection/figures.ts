// The figures of one connection, gathered from its parts.
// Decides nothing; a snapshot shares no object with what goes on counting.

import type { LossDetector, SentPackets } from "../recovery/mod.ts";
import type { ConnectionStats } from "../stats.ts";
import type { PacketBuilder } from "./packet_builder.ts";
import type { PathSet } from "./path_set.ts";

/** What only the connection itself counts. */
export type OwnFigures = Pick<
  ConnectionStats,
  "packetsReceived" | "bytesReceived" | "duplicates" | "peerLost" | "peerReceived" | "wakeups"
>;

/** Figures as they stand. */
export function connectionStats(
  paths: PathSet,
  sent: SentPackets,
  loss: LossDetector,
  builder: PacketBuilder,
  own: OwnFigures,
): ConnectionStats {
  const { active } = paths;
  const { rtt, control } = active;
  return {
    ...own,
    rttUs: { smoothed: rtt.smoothedUs, latest: rtt.latestUs, min: rtt.minUs, variance: rtt.varianceUs },
    reorderUs: loss.reorderUs(active.epoch),
    rateBytesPerSecond: control.rateBytesPerSecond,
    windowBytes: control.windowBytes,
    inFlightBytes: sent.inFlightBytes,
    congestion: control.name,
    mtuBytes: active.mtu?.sizeBytes ?? 0,
    packetsSent: builder.packetsSent,
    bytesSent: builder.bytesSent,
    packetsAcked: sent.acked,
    packetsLost: sent.lost,
    packetsSpuriouslyLost: sent.spurious,
    acksSent: builder.acksSent,
    acksReceived: loss.acks,
    ackOnlyPackets: builder.ackOnly,
    probeTimeouts: loss.ptos,
    pathChanges: paths.changes,
  };
}
