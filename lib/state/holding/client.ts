// A client of a host as the host knows it, and what happens to clients.
// Types alone.

import type { AccessLevel, NodeId } from "../../base/mod.ts";
import type { StateErrorCode } from "../messages/mod.ts";
import type { ClientNumber, PathId, StateValue } from "../model/mod.ts";

/** A connection between a client and the host, by the host's number; never used again. */
export type LinkNumber = number & { readonly __brand: "LinkNumber" };

/** Who is at the other end, as the transport has proven it. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  /** Its key in hex; null where the mesh is open. */
  readonly key: string | null;
}

/**
 * How a client stands: it is there; it has been silent for so long that it is suspected; or it is lost, and may come back
 * with its token.
 */
export type ClientState = "joined" | "suspect" | "suspended";

/** A client. The object behind it changes with the next call of its table. */
export interface Client {
  readonly number: ClientNumber;
  readonly peer: PeerIdentity;
  readonly name: string;
  readonly level: AccessLevel;
  readonly state: ClientState;
  /** Its connection; null while it is suspended. */
  readonly link: LinkNumber | null;
  /** The last of its writes that the host has. */
  readonly sequence: number;
  readonly lastHeardUs: number;
  /** When it is forgotten, in microseconds; Infinity unless it is suspended and its grace has begun. */
  readonly expiresUs: number;
}

/** What is to be written in the name of a client when it goes. */
export interface LeaveOperation {
  /** At its loss, or when its time to come back is over. A clean leave does both. */
  readonly at: "loss" | "expiry";
  readonly id: PathId;
  readonly value: StateValue;
  /** 0 gives the claim up. */
  readonly priority: number;
}

/** First words of a client on a connection. */
export interface Greeting {
  readonly link: LinkNumber;
  readonly peer: PeerIdentity;
  readonly name: string;
  readonly level: AccessLevel;
  /** That of its last welcome; null for none. */
  readonly token: Uint8Array | null;
}

/** It is in. */
export interface Welcomed {
  readonly isWelcome: true;
  readonly client: ClientNumber;
  /** For its next greeting. */
  readonly token: Uint8Array;
  readonly resumed: boolean;
  /** The last of its writes that the host has; 0 for none. */
  readonly sequence: number;
}

/** It is not. */
export interface Unwelcome {
  readonly isWelcome: false;
  readonly code: StateErrorCode & ("token" | "full" | "protocol");
  /** For a person. */
  readonly text: string;
}

/** What happened to a client. Events come in the order in which things happened. */
export type ClientEvent =
  | { readonly kind: "joined"; readonly client: ClientNumber }
  /** It is back with its token: its claims are live again where nobody wrote meanwhile. */
  | { readonly kind: "resumed"; readonly client: ClientNumber }
  /** Silent for 7.5 s: its claims turn stale. */
  | { readonly kind: "suspect"; readonly client: ClientNumber }
  /** Heard again. */
  | { readonly kind: "heard"; readonly client: ClientNumber }
  /** Lost: nothing is taken from it until it resumes. */
  | {
    readonly kind: "suspended";
    readonly client: ClientNumber;
    readonly why: "silent" | "closed";
    readonly operations: readonly LeaveOperation[];
  }
  /** What it holds waits for it until then. */
  | { readonly kind: "grace"; readonly client: ClientNumber; readonly untilUs: number }
  /** The host suspects itself: the grace has not begun after all. */
  | { readonly kind: "spared"; readonly client: ClientNumber }
  /** Gone for good: it left, its time is over, or its node came as another client. */
  | {
    readonly kind: "gone";
    readonly client: ClientNumber;
    readonly why: "left" | "expired" | "replaced";
    readonly operations: readonly LeaveOperation[];
  }
  /** A connection has no client any more: say goodbye and close it. */
  | { readonly kind: "unlinked"; readonly link: LinkNumber; readonly why: "silent" | "replaced" }
  /** Half of all clients went within a second: the host's own network may be at fault. */
  | { readonly kind: "self-suspicion"; readonly untilUs: number };
