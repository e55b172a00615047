// What every program of a supervisor shares, and what is counted of them all.
// Decides nothing: it is the seam between one program and the others.

import type { Platform } from "../../platform/mod.ts";
import type { LogRecord, ProgramSnapshot } from "../model/mod.ts";
import type { EventLog } from "./event_log.ts";
import type { Gate } from "./gate.ts";
import type { SupervisorLimits } from "./options.ts";
import type { Places } from "./places.ts";
import type { ShimStarter } from "./shim_starter.ts";
import type { Store } from "./store.ts";

/** What a program needs of its supervisor. */
export interface ProgramContext {
  readonly platform: Platform;
  readonly places: Places;
  readonly store: Store;
  readonly events: EventLog;
  readonly starter: ShimStarter;
  readonly starts: Gate;
  readonly limits: SupervisorLimits;
  readonly nodeName: string;
  readonly counters: SupervisorCounters;
  standing(name: string): ProgramSnapshot | null;
  onChanged(before: ProgramSnapshot, now: ProgramSnapshot): void;
  onLog(name: string, records: readonly LogRecord[], missed: number): void;
  /** Whether anybody follows the lines of this program. */
  isFollowed(name: string): boolean;
  /** Nothing of it is left. */
  onForgotten(name: string): void;
}

/** Counters of a supervisor; they only grow. */
export interface SupervisorCounters {
  /** Shims of an earlier daemon that were taken over. */
  adopted: number;
  /** Shims that were gone without a word. */
  shimsLost: number;
  /** Processes that lost shims left, and that were ended. */
  swept: number;
  /** Shims that did not get to answer. */
  failedStarts: number;
  /** Something answered in a shim's place that is none of ours. */
  strangers: number;
  /** Events that a shim did not keep until we heard of them. */
  eventsMissed: number;
  /** Copies of what is wanted that could not be written beside the program. */
  copiesFailed: number;
  /** Verbs that were refused. */
  refused: number;
  /** Restarts that another one had done already. */
  coalesced: number;
}
