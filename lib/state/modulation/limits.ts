// The bounds and times of modulation, its modes, and the lane that it travels on.
// Decides numbers alone; docs/meters-and-modulation.md tells them.

import type { ProgramLane } from "../../lanes/mod.ts";
import { MAX_STREAM_BYTES, type Pace, STREAM_LEASE_US } from "../stream/mod.ts";

/** What a source does to a value, in the order in which modes are carried out, by their numbers on the wire. */
export const MODULATION_MODES = ["replace", "multiply", "add"] as const;
/** One of {@linkcode MODULATION_MODES}. */
export type ModulationMode = (typeof MODULATION_MODES)[number];

/** Places that one source may modulate. All of them fit one packet. */
export const MAX_BINDINGS = 128;
/** Places of one visualization; a vector has three. */
export const MAX_MODULATED_SLOTS = 4_096;
/** Sources of one visualization. */
export const MAX_MODULATION_SOURCES = 64;
/** Sources of one node at one visualization. */
export const MAX_SOURCES_PER_PEER = 16;
/** Effects of one visualization: what all sources together do to all places. */
export const MAX_EFFECTS = 4_096;
/** Effects on one place. */
export const MAX_EFFECTS_PER_SLOT = 16;
/** The name of a source, in bytes of UTF-8. */
export const MAX_SOURCE_NAME_BYTES = 31;
/** The largest factor, either sign. */
export const MAX_FACTOR = 1_000;
/** The largest packet, in bytes. */
export const MAX_MODULATION_BYTES: number = MAX_STREAM_BYTES;

/** A source that was silent for that long has no effect any more, in microseconds. */
export const MODULATION_LEASE_US: number = STREAM_LEASE_US;
/** How long an effect takes to go, so that nothing jumps. */
export const MODULATION_FADE_US = 100_000;
/** A source says its name again that often. */
export const NAME_EVERY_US = 1_000_000;
/**
 * How a source speaks: 1,000 times a second at most, twice again after the last change, each 400 ms otherwise: five frames in a
 * row may be lost before its effect goes.
 */
export const MODULATION_PACE: Pace = { leastUs: 1_000, repeatUs: [20_000, 100_000], refreshUs: 400_000 };

/**
 * The lane of modulation, from a source straight to the visualization. The key of a message is the number of its source: of
 * one source only the newest waits, and the receiver keeps to the newest of each.
 */
export const MODULATION_LANE: ProgramLane = {
  name: "hana.modulation",
  kind: "unreliable-sequenced",
  tier: 1,
  maxQueuedMessages: MAX_SOURCES_PER_PEER,
  maxQueuedBytes: MAX_SOURCES_PER_PEER * MAX_MODULATION_BYTES,
  maxMessageBytes: MAX_MODULATION_BYTES,
  overflow: "drop-oldest",
  ttlUs: 50_000,
  keyed: true,
};
