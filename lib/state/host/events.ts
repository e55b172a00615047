// What a host tells the node that runs it: for logs, people and what must be decided elsewhere.
// Decides that events wait within a bound; what follows from them is up to the node.

import type { ChangeCause } from "../merge/mod.ts";
import type { StateErrorCode } from "../messages/mod.ts";
import type { ClientEvent, LinkNumber } from "../holding/mod.ts";
import type { ClientNumber, PathId, StateEpoch, SubsystemNumber } from "../model/mod.ts";
import type { HostCounters } from "./counters.ts";
import { MAX_EVENTS } from "./limits.ts";

/** Something happened at the host. */
export type HostEvent =
  /** What happened to a client: it joined, is suspected, lost, back, gone. */
  | ClientEvent
  /** Somebody was not let in. */
  | {
    readonly kind: "refused";
    readonly link: LinkNumber;
    readonly code: StateErrorCode;
    readonly why: string;
  }
  /** Another client's value stands at a path. */
  | {
    readonly kind: "winner";
    readonly path: PathId;
    readonly from: ClientNumber;
    readonly to: ClientNumber;
    readonly cause: ChangeCause;
  }
  /** A client's copy differed, in these parts of its digest (none where it did not tell), and is repaired. */
  | {
    readonly kind: "difference";
    readonly client: ClientNumber;
    readonly subsystem: SubsystemNumber;
    readonly parts: readonly number[];
  }
  /** A client has heard of a later host, or of another one of this term: who hosts has to be settled. */
  | { readonly kind: "newer-term"; readonly term: number }
  | { readonly kind: "two-hosts"; readonly other: StateEpoch }
  /** Acknowledged writes are with this host alone, or with a standby again. */
  | { readonly kind: "durability"; readonly single: boolean };

/** Events that wait to be read. */
export class HostEvents {
  readonly #counters: HostCounters;
  readonly #events: HostEvent[] = [];
  #next = 0;

  constructor(counters: HostCounters) {
    this.#counters = counters;
  }

  /** One more; it is dropped where too many wait. */
  note(event: HostEvent): void {
    if (this.#events.length - this.#next >= MAX_EVENTS) this.#counters.eventsFull++;
    else this.#events.push(event);
  }

  /** The next one; null for none. */
  poll(): HostEvent | null {
    const event = this.#events[this.#next];
    if (event !== undefined) {
      this.#next++;
      return event;
    }
    this.#events.length = this.#next = 0;
    return null;
  }
}
