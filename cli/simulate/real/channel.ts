// What goes in and out of a rehearsed node: cues on its stdin, reports on its stdout, a line of JSON each.
// Decides the lines of that channel, and nothing of what either side does with them (rehearsal.ts, node_process.ts).

import type { NodeId } from "../../../lib/base/mod.ts";
import type { Fact, Gauge, LinkSpec, Scenario } from "../../../lib/simulate/mod.ts";

/** The variable that makes a node wait for its cue. */
export const REHEARSAL_VARIABLE = "HANA_REHEARSAL";
/** What every report names as its form. */
export const SCHEMA = "hana.rehearsal/1";

/** How a wall clock goes wrong. Moments are milliseconds since 1970 on the clock that is right. */
export interface ClockFault {
  readonly offsetMs: number;
  readonly drift: { readonly ppm: number; readonly sinceMs: number } | null;
  readonly sine: { readonly amplitudeMs: number; readonly periodUs: number; readonly sinceMs: number } | null;
}

/** What goes wrong at one node. It replaces what was said before. */
export interface Impairments {
  readonly seed: number;
  /** The host on which the node runs. */
  readonly self: string;
  /** Which host has an address. Datagrams from elsewhere pass. */
  readonly hosts: Readonly<Record<string, string>>;
  /** How what comes from a host fares; from hosts that are not named it passes. */
  readonly from: Readonly<Record<string, LinkSpec>>;
  /** What comes from these hosts is held until they are named no more, then let out in order. */
  readonly clogged: readonly string[];
  /** The share of multicast and broadcast from a host that is lost. */
  readonly groupLoss: Readonly<Record<string, number>>;
  /** Every callback takes this much longer. */
  readonly slowUs: number;
  readonly clock: ClockFault | null;
}

/** The part that a node plays. */
export interface Part {
  readonly self: string;
  readonly scenario: Scenario;
  readonly seed: number;
  /** When the run began, in milliseconds since 1970 as `performance.timeOrigin` counts them. */
  readonly zeroMs: number;
  /** The ids of all nodes. */
  readonly ids: Readonly<Record<string, NodeId>>;
  /** Where strangers may be knocked at: they know nobody by name. */
  readonly doors: Readonly<Record<string, string>>;
  /** The last number that each flow of this node has sent, by `traffic/from/to`. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly wanted: readonly Fact["kind"][];
}

/** A line on stdin. */
export type Cue =
  | { readonly cue: "start"; readonly part: Part }
  | { readonly cue: "impair"; readonly impairments: Impairments };

/** Datagrams to which something happened inside a process, as counts since it began. */
export interface Fates {
  lost: number;
  corrupted: number;
  duplicated: number;
}

/** What a node holds, now and then. */
export interface Sample {
  readonly fates: Fates | null;
  readonly gauges: readonly Gauge[];
  readonly sentBytes: number | null;
}

/** A line on stdout, beside those that hana itself writes. */
export type Report =
  | { readonly schema: typeof SCHEMA; readonly prepared: true }
  | { readonly schema: typeof SCHEMA; readonly fact: Fact }
  | { readonly schema: typeof SCHEMA; readonly sample: Sample };

/** Reads a line of stdout; null for what hana itself wrote. */
export function readReport(line: string): Report | null {
  const value = JSON.parse(line) as { readonly schema?: unknown };
  return value.schema === SCHEMA ? value as Report : null;
}
