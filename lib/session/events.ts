// What a session core tells its driver, and what it counts.

import type { HanaError } from "../base/mod.ts";
import type { LaneName, LaneOffer } from "../lanes/mod.ts";
import type { EventDefinition, RequestDefinition } from "./message.ts";
import type { Identity } from "./protocol.ts";

/** Something that the driver acts on. */
export type SessionEvent =
  /** Comes before `open`: what is to be sent was sent, and the carrier may go over to packets. */
  | { readonly type: "lanes"; readonly offer: LaneOffer }
  | { readonly type: "open"; readonly peer: Identity }
  | {
    readonly type: "request";
    readonly id: number;
    readonly definition: RequestDefinition;
    readonly body: unknown;
    readonly timeoutUs: number;
  }
  | { readonly type: "event"; readonly definition: EventDefinition; readonly body: unknown }
  | { readonly type: "response"; readonly id: number; readonly body: unknown }
  | { readonly type: "failure"; readonly id: number; readonly error: HanaError }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "goodbye"; readonly reason: string }
  | { readonly type: "broken"; readonly error: HanaError };

/** A payload that the driver sends, in order, before anything else. */
export interface Transmit {
  readonly lane: LaneName;
  readonly payload: Uint8Array;
  /** Whether it may be left out where its lane is full: pulses and cancels, which the peer does without. */
  readonly optional: boolean;
}

/** When the core wants to be asked again, and why. */
export interface Deadline {
  readonly atUs: number;
  readonly reason: "hello" | "heartbeat" | "silence" | "request";
}

/** Counters of one session; drops are split by reason. */
export interface SessionCounters {
  requestsSent: number;
  requestsReceived: number;
  eventsSent: number;
  eventsReceived: number;
  timedOut: number;
  lateAnswers: number;
  unknownMessage: number;
  wrongRole: number;
  /** Commands of strangers in an open mesh. */
  untrusted: number;
  /** Messages that need more access than the peer's key gives. */
  lowAccess: number;
  /** Commands of a leadership that is over, or of an app that does not lead. */
  fencedOff: number;
  undecodable: number;
  schemaRefused: number;
  overloaded: number;
  unknownKind: number;
  violations: number;
}

/** All zero. */
export function newSessionCounters(): SessionCounters {
  return {
    requestsSent: 0,
    requestsReceived: 0,
    eventsSent: 0,
    eventsReceived: 0,
    timedOut: 0,
    lateAnswers: 0,
    unknownMessage: 0,
    wrongRole: 0,
    untrusted: 0,
    lowAccess: 0,
    fencedOff: 0,
    undecodable: 0,
    schemaRefused: 0,
    overloaded: 0,
    unknownKind: 0,
    violations: 0,
  };
}
