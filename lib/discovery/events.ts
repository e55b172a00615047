// What discovery tells its owner as it happens. The registry's deltas say what the list looks like; these say why.

import type { Incarnation, NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import type { IsolationCause } from "./isolation.ts";
import type { LeaseEvent } from "./lease/mod.ts";
import type { LeaveReason } from "./messages/mod.ts";

/** Something happened. `id` names the other node; its entry stands in the registry. */
export type DiscoveryEvent =
  | { readonly kind: "added"; readonly id: NodeId }
  | { readonly kind: "updated"; readonly id: NodeId }
  | { readonly kind: "suspected"; readonly id: NodeId; readonly silentUs: number }
  /** A suspect was heard after all. */
  | { readonly kind: "cleared"; readonly id: NodeId }
  /** A suspect that does not answer us: others hear it, or nobody confirms that it is gone. */
  | { readonly kind: "unreachable"; readonly id: NodeId; readonly isVouched: boolean }
  | { readonly kind: "lost"; readonly id: NodeId; readonly silentUs: number }
  /** A lost node, or one asleep, is back in the same incarnation. */
  | { readonly kind: "returned"; readonly id: NodeId }
  | { readonly kind: "restarted"; readonly id: NodeId; readonly was: Incarnation; readonly now: Incarnation }
  | { readonly kind: "left"; readonly id: NodeId; readonly reason: LeaveReason }
  /** Our ping number `token` was answered, or was not in time. */
  | { readonly kind: "pong"; readonly token: number; readonly id: NodeId; readonly rttUs: number }
  | { readonly kind: "ping-lost"; readonly token: number }
  /** Our query number `token` has been quiet for as long as it was told. */
  | { readonly kind: "query-done"; readonly token: number; readonly answers: number }
  /** We took another name because an earlier node has ours. */
  | { readonly kind: "renamed"; readonly wanted: string; readonly name: string }
  /** An earlier process holds our id: the owner must start anew under another one. Nothing is sent any more. */
  | { readonly kind: "id-conflict"; readonly from: IpEndpoint }
  /** There are more nodes than fit; at most once a minute. */
  | { readonly kind: "peer-limit"; readonly overflow: number }
  /** Nodes with another key are near; at most once a minute. */
  | { readonly kind: "foreign"; readonly sources: number }
  /** A node speaks another major version; at most once a minute. */
  | { readonly kind: "incompatible"; readonly version: number; readonly from: IpEndpoint }
  /** So many others are silent, or our own multicast is lost, that it is us: nobody is declared dead meanwhile. */
  | { readonly kind: "isolated"; readonly cause: IsolationCause; readonly silent: number }
  /** We can judge others again. */
  | { readonly kind: "rejoined" }
  /** A node was asleep and goes on as the same one. */
  | { readonly kind: "resumed"; readonly id: NodeId; readonly asleepMs: number }
  /** Our wall clock was set: nothing follows, because nothing rests on it. */
  | { readonly kind: "clock-jump"; readonly jumpMs: number }
  /** We were not running for a while (paused, overloaded), so nobody's silence until now counts. */
  | { readonly kind: "stalled"; readonly lateUs: number }
  /** Our own multicast did not come back on a link for `times` watches: join again, then bind again, then tell. */
  | { readonly kind: "echo-missing"; readonly link: string; readonly times: number }
  | { readonly kind: "echo-back"; readonly link: string }
  /** Who leads, and what came of leaders apart: see `LeaseEvent`. */
  | LeaseEvent
  /** Others are heard by broadcast and nobody by multicast for 30 s; told again every minute until that is over. */
  | { readonly kind: "multicast-degraded"; readonly link: string; readonly sinceUs: number }
  | { readonly kind: "multicast-restored"; readonly link: string }
  /** All goodbyes are out. */
  | { readonly kind: "goodbye-sent" };
