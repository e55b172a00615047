// The way between the two ends of a simulated stream: how long a piece takes, or that it cannot pass now.
// Decides that a piece counts with all its headers against a rate, and is lost or held as one.

import type { Engine } from "./engine.ts";
import { CUT, LOST } from "./link.ts";
import type { HostNetwork, Route } from "./network.ts";

/** One direction of a connection. */
export interface StreamPath {
  /** Microseconds until a piece arrives (null carries nothing), `LOST`, or `HELD`, which wants {@linkcode hold}. */
  planUs(piece: Uint8Array | null): number;
  /** Keeps a piece that is held; `go` hears of it like the caller of {@linkcode planUs}. */
  hold(piece: Uint8Array | null, go: (delayUs: number) => void): void;
}

/** A Unix socket, or TCP to the own host. */
const LOCAL_DELAY_US = 10;

/** IP and TCP headers. */
const HEADER_BYTES = 40;

/** Both ends on one machine: nothing is ever lost. */
export const LOCAL_PATH: StreamPath = {
  planUs: () => LOCAL_DELAY_US,
  hold: (_piece, go) => go(LOCAL_DELAY_US),
};

/** From a host to an address, over whatever way leads there at the time. */
export class NetworkPath implements StreamPath {
  readonly #engine: Engine;
  readonly #from: HostNetwork;
  readonly #source: string;
  readonly #to: string;

  constructor(engine: Engine, from: HostNetwork, source: string, to: string) {
    this.#engine = engine;
    this.#from = from;
    this.#source = source;
    this.#to = to;
  }

  planUs(piece: Uint8Array | null): number {
    const route = this.#route();
    if (route === null) return LOST;
    const { out, target } = route;
    if (out.segment === null) return out.powered ? LOCAL_DELAY_US : LOST;
    if (target === null) return LOST;
    const size = sizeOf(piece, out.segment.mtuBytes);
    const delayUs = out.segment.planUs(out, target, size, "stream");
    if (delayUs >= 0) this.#tap(route, size, piece, delayUs);
    else if (delayUs === LOST || delayUs === CUT) {
      this.#tap(route, size, piece, delayUs);
      return LOST;
    }
    return delayUs;
  }

  hold(piece: Uint8Array | null, go: (delayUs: number) => void): void {
    const route = this.#route();
    const segment = route?.out.segment ?? null;
    if (route === null || route.target === null || segment === null) {
      go(LOST);
      return;
    }
    const size = sizeOf(piece, segment.mtuBytes);
    segment.hold(route.out, route.target, size, "stream", (delayUs) => {
      this.#tap(route, size, piece, delayUs);
      go(delayUs < 0 ? LOST : delayUs);
    });
  }

  #route(): Route | null {
    const route = this.#from.route(this.#to);
    return route === null || this.#from.owner(this.#source) === null ? null : route;
  }

  #tap(route: Route, size: number, piece: Uint8Array | null, delayUs: number): void {
    const tap = this.#engine.frameTap;
    if (tap === null) return;
    const fate = delayUs >= 0 ? "delivered" : delayUs === CUT ? "cut" : "lost";
    const arrivesUs = delayUs < 0 ? -1 : this.#engine.nowUs + delayUs;
    tap(route.out.hostName, route.target?.hostName ?? this.#to, size, piece, fate, arrivesUs, "stream");
  }
}

/** Bytes on the wire: every packet of a piece has headers. */
function sizeOf(piece: Uint8Array | null, mtuBytes: number): number {
  const bytes = piece === null ? 0 : piece.length;
  return bytes + HEADER_BYTES * Math.max(1, Math.ceil(bytes / Math.max(1, mtuBytes - HEADER_BYTES)));
}
