// What a host tells the node that runs it: for logs, people and what must be decided elsewhere.
// Types alone.

import type { ChangeCause } from "../merge/mod.ts";
import type { StateErrorCode } from "../messages/mod.ts";
import type { ClientNumber, PathId, StateEpoch, SubsystemNumber } from "../model/mod.ts";
import type { LinkName } from "./subscriber.ts";

/** Something happened at the host. */
export type HostEvent =
  | {
    readonly kind: "joined";
    readonly client: ClientNumber;
    readonly name: string;
    readonly resumed: boolean;
  }
  /** It was not let in. */
  | { readonly kind: "refused"; readonly link: LinkName; readonly code: StateErrorCode; readonly why: string }
  | { readonly kind: "suspect" | "lost" | "returned" | "expired" | "left"; readonly client: ClientNumber }
  /** Another client's value stands at a path. */
  | {
    readonly kind: "winner";
    readonly path: PathId;
    readonly from: ClientNumber;
    readonly to: ClientNumber;
    readonly cause: ChangeCause;
  }
  /** A client's copy differed, in these parts of its digest (all sixteen where it did not tell), and is repaired. */
  | {
    readonly kind: "difference";
    readonly client: ClientNumber;
    readonly subsystem: SubsystemNumber;
    readonly parts: number;
  }
  /** A client has heard of a later host, or of another one of this term: who hosts has to be settled. */
  | { readonly kind: "newer-term"; readonly term: number }
  | { readonly kind: "two-hosts"; readonly other: StateEpoch }
  /** Acknowledged writes are with this host alone, or with a standby again. */
  | { readonly kind: "durability"; readonly single: boolean };
