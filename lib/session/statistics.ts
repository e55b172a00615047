// The figures of one session, gathered from its core and its carrier.
// Decides nothing; a snapshot shares no object with what goes on counting.

import type { HanaError } from "../base/mod.ts";
import { type Carrier, type ConnectionStats, type LaneName, LANES, type LaneStats } from "../lanes/mod.ts";
import type { CodecName } from "../wire/mod.ts";
import type { SessionCore } from "./core.ts";
import type { SessionCounters } from "./events.ts";

/** How a session ended. */
export interface SessionEnd {
  /** `local`: we closed it. `goodbye`: the peer said so. `lost`: it broke, crashed or fell silent. */
  readonly kind: "local" | "goodbye" | "lost";
  readonly reason: string;
  /** Why a lost session was lost. */
  readonly error: HanaError | null;
}

/** Figures of one session. */
export interface SessionStatistics {
  readonly path: {
    readonly local: string;
    readonly remote: string;
    readonly secure: boolean;
    /** `udp` or `stream`, and why. */
    readonly carrier: string;
    readonly why: string;
  };
  /** Figures of the packets; null where the peer takes none. */
  readonly connection: ConnectionStats | null;
  readonly codec: CodecName;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Round trips of heartbeats and requests in microseconds. */
  readonly rttUs: {
    readonly count: number;
    readonly latest: number | null;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly pendingRequests: number;
  readonly lanes: Readonly<Record<LaneName, LaneStats>>;
  readonly counters: SessionCounters;
}

/** Figures as they stand. */
export function statisticsOf(core: SessionCore, carrier: Carrier): SessionStatistics {
  const { rtt } = core;
  const lanes = {} as Record<LaneName, LaneStats>;
  for (const name of Object.keys(LANES) as LaneName[]) lanes[name] = { ...carrier.laneStats(LANES[name].id) };
  return {
    path: {
      local: carrier.local,
      remote: carrier.remote,
      secure: carrier.secure,
      carrier: carrier.path.kind,
      why: carrier.path.why,
    },
    connection: carrier.connectionStats(),
    codec: core.codecName,
    bytesSent: carrier.bytesSent,
    bytesReceived: carrier.bytesReceived,
    rttUs: {
      count: rtt.count,
      latest: core.latestRttUs,
      p50: rtt.percentile(0.5),
      p99: rtt.percentile(0.99),
      max: rtt.max,
    },
    pendingRequests: core.pendingRequests,
    lanes,
    counters: { ...core.counters },
  };
}
