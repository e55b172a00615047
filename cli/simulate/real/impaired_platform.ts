// A machine whose network, clock and speed go wrong as a rehearsal says: wraps a real platform.
// Decides what of that is played inside a process: what comes in, by the host that sent it. What is lost for everybody
// (partitions, cables) is played outside, by the network. The monotonic clock stays right.

import type { Clock, Platform, Timers } from "../../../lib/platform/mod.ts";
import type { LinkSpec } from "../../../lib/simulate/mod.ts";
import { Incoming } from "./incoming.ts";
import { impairDatagrams, impairStreams } from "./incoming_sockets.ts";
import type { ClockFault, Fates, Impairments } from "./rehearsal.ts";

/** The wrapped platform, and how to tell it what goes wrong. */
export interface ImpairedPlatform {
  readonly platform: Platform;
  impair(impairments: Impairments): void;
  readonly fates: Fates;
}

/** Wraps `real`. Until something is told, everything passes as it is. */
export function impairPlatform(real: Platform): ImpairedPlatform {
  const state = new ImpairedState(real);
  const incoming = new Incoming(state);
  const { timers } = state;
  return {
    platform: {
      ...real,
      clock: state.clock,
      timers,
      datagrams: impairDatagrams(real.datagrams, incoming, state),
      streams: impairStreams(real.streams, incoming, state),
    },
    fates: incoming.fates,
    impair(impairments) {
      state.impairments = impairments;
      incoming.onImpairments(impairments);
    },
  };
}

/** What goes wrong now, for whoever plays it. */
export class ImpairedState {
  impairments: Impairments | null = null;
  readonly clock: Clock;
  /** Timers of the node: slow ones where it is slow. */
  readonly timers: Timers;
  readonly #pause = new Int32Array(new SharedArrayBuffer(4));

  constructor(readonly real: Platform) {
    this.clock = {
      nowUs: () => real.clock.nowUs(),
      wallMs: () => wrongWallMs(real.clock.wallMs(), this.impairments?.clock ?? null),
    };
    this.timers = {
      schedule: (atUs, callback) => real.timers.schedule(atUs, () => this.run(callback)),
      defer: (callback) => real.timers.defer(callback),
    };
  }

  /** Runs a callback of the node, which takes longer where the node is slow. */
  run(callback: () => void): void {
    callback();
    const slowUs = this.impairments?.slowUs ?? 0;
    if (slowUs > 0) Atomics.wait(this.#pause, 0, 0, slowUs / 1000);
  }

  /** How what comes from a host fares; null where nothing happens to it. */
  specFrom(host: string): LinkSpec | null {
    return this.impairments?.from[host] ?? null;
  }
}

/** What a wall clock that goes wrong reads when it should read `wallMs`. */
export function wrongWallMs(wallMs: number, fault: ClockFault | null): number {
  if (fault === null) return wallMs;
  const { offsetMs, drift, sine } = fault;
  const drifted = drift === null ? 0 : (wallMs - drift.sinceMs) * drift.ppm / 1e6;
  const swung = sine === null
    ? 0
    : sine.amplitudeMs * Math.sin(2 * Math.PI * (wallMs - sine.sinceMs) * 1000 / sine.periodUs);
  return Math.floor(wallMs + offsetMs + drifted + swung);
}
