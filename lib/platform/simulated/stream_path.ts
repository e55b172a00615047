// The way between the two ends of a simulated stream: how long a piece takes, or that it cannot pass now.

import { LOST } from "./link.ts";
import type { HostNetwork } from "./network.ts";

/** One direction of a connection. */
export interface StreamPath {
  /** Microseconds until a piece of `bytes` arrives, or `LOST`. */
  planUs(bytes: number): number;
}

/** A Unix socket, or TCP to the own host. */
const LOCAL_DELAY_US = 10;

/** IP and TCP headers. */
const HEADER_BYTES = 40;

/** Both ends on one machine: nothing is ever lost. */
export const LOCAL_PATH: StreamPath = { planUs: () => LOCAL_DELAY_US };

/** From a host to an address, over whatever way leads there at the time. */
export class NetworkPath implements StreamPath {
  readonly #from: HostNetwork;
  readonly #source: string;
  readonly #to: string;

  constructor(from: HostNetwork, source: string, to: string) {
    this.#from = from;
    this.#source = source;
    this.#to = to;
  }

  planUs(bytes: number): number {
    const route = this.#from.route(this.#to);
    if (route === null || route.target === null || this.#from.owner(this.#source) === null) return LOST;
    const segment = route.out.segment;
    if (segment === null) return route.out.powered ? LOCAL_DELAY_US : LOST;
    return segment.planUs(route.out, route.target, Math.min(bytes + HEADER_BYTES, segment.mtuBytes), false);
  }
}
