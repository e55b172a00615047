// What goes wrong at one node now, and what goes wrong with its clock and its speed.
// Decides what a faulty wall clock reads and how a slow node is slow. Never touches what comes in (incoming.ts).

import type { Clock, Platform, Timers } from "../../../lib/platform/mod.ts";
import type { LinkSpec } from "../../../lib/simulate/mod.ts";
import type { ClockFault, Impairments } from "./channel.ts";

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
