// The bounds and times of metering, and the lane that it travels on.
// Decides numbers alone; docs/meters-and-modulation.md tells them.

import type { ProgramLane } from "../../lanes/mod.ts";
import { MAX_STREAM_BYTES, type Pace, STREAM_LEASE_US } from "../stream/mod.ts";

/** Meters of one source. All of them fit one packet. */
export const MAX_METERS = 256;
/** Sources of one board. */
export const MAX_METER_SOURCES = 64;
/** Clients of one board. */
export const MAX_METER_CLIENTS = 256;
/** Prefixes that one client subscribes to. */
export const MAX_METER_PREFIXES = 16;
/** Values that a view hands out places for. */
export const MAX_METER_SLOTS = 16_384;
/** Characters of a unit. */
export const MAX_METER_UNIT = 16;
/** The largest packet of meters, in bytes. */
export const MAX_METER_PACKET_BYTES: number = MAX_STREAM_BYTES;
/** Sources that one answer tells the tables of. */
export const MAX_TABLES_PER_ANSWER = 16;

/** The least time between two packets of a source, and between two turns of a client: 30 a second. */
export const METER_PERIOD_US = 33_333;
/** A source that was silent for that long is shown as stale, in microseconds. */
export const METER_STALE_US: number = STREAM_LEASE_US;
/** One that was silent for that long is dropped. */
export const METER_DROP_US = 60_000_000;
/**
 * How a source speaks: 30 times a second at most, twice again after the last change, each half second otherwise: four packets
 * in a row may be lost before anybody calls it stale.
 */
export const METER_PACE: Pace = {
  leastUs: METER_PERIOD_US,
  repeatUs: [METER_PERIOD_US, 100_000],
  refreshUs: 500_000,
};

/**
 * The lane of meters, from a source to the host and from the host to a client: apart from all reliable lanes, behind them,
 * and what waited for three periods is not worth sending. Packets carry numbers of their own, so that none must wait for
 * another.
 */
export const METER_LANE: ProgramLane = {
  name: "hana.state.meters",
  kind: "unreliable-unordered",
  tier: 3,
  maxQueuedMessages: MAX_METER_SOURCES,
  maxQueuedBytes: MAX_METER_SOURCES * MAX_METER_PACKET_BYTES,
  maxMessageBytes: MAX_METER_PACKET_BYTES,
  overflow: "drop-oldest",
  ttlUs: 100_000,
};
