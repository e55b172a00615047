// What is seen of shared state: at hosts, at those who keep copies, at apps.
// Types alone. Values and messages are those of the running cores, never made up; what nobody judges is left out.

import type {
  NackCode,
  ReplicaEvent,
  StateEpoch,
  StateHost,
  StateMessageKind,
  StateReplica,
  StateValue,
} from "../state/mod.ts";

/** What a host was doing when something changed. */
export type HostCause = "message" | "hello" | "bye" | "left" | "deadline" | "node" | "begin";

/** Somebody began to host. */
export interface HostingNews {
  readonly what: "hosting";
  readonly epoch: StateEpoch;
  /** The newest write of each client that it knows of from before. */
  readonly clients: readonly (readonly [client: number, sequence: number])[];
  readonly privileged: number;
  /** What a client claims at a path: null for nothing, undefined where nobody can tell. */
  claimOf(client: number, path: string): StateValue | undefined;
}

/** A host has handled a message of a client that may have an effect. */
export interface TookNews {
  readonly what: "took";
  readonly term: number;
  readonly message: "set" | "tx";
  /** 0 for a link without a client. */
  readonly client: number;
  /** How the client stood before; null for none. */
  readonly standing: "joined" | "suspect" | "suspended" | null;
  readonly sequence: number;
  /** The client's newest write that the host had before and has now. */
  readonly before: number;
  readonly after: number;
  /** Paths of the message on which it had an effect. */
  readonly effects: readonly string[];
  /** One of these that somebody else owned; that it owned under another generation; null for none. */
  readonly foreign: string | null;
  readonly outdated: string | null;
  /** It changed structure although another client is privileged. */
  readonly unprivileged: boolean;
}

/** A host refuses a write, or a part of it. */
export interface RefusedNews {
  readonly what: "refused";
  readonly term: number;
  readonly client: number;
  readonly sequence: number;
  /** Null for all of it. */
  readonly path: string | null;
  readonly code: NackCode;
}

/** A host has answered a greeting with a token. */
export interface GreetedNews {
  readonly what: "greeted";
  readonly term: number;
  /** In hex. */
  readonly token: string;
  /** The machine that came with it. */
  readonly peer: string;
  readonly client: number;
  readonly resumed: boolean;
}

/** An entry has changed at its host, by itself or in a way that everybody must be told of. */
export interface ChangedNews {
  readonly what: "changed";
  readonly term: number;
  readonly cause: HostCause;
  readonly id: number;
  readonly path: string;
  readonly from: StateValue;
  readonly to: StateValue;
  readonly deleted: boolean;
  /** Of all writes on the path, the newest before and now. */
  readonly writeBefore: number;
  readonly writeNow: number;
  /** The value stays when its writer is gone. */
  readonly holds: boolean;
  /** A claim on it ends by itself, or stands over the others. */
  readonly overlaid: boolean;
  /** It had been deleted in this term. */
  readonly revived: boolean;
}

/** A node keeps a newer copy. */
export interface CopiedNews {
  readonly what: "copied";
  readonly term: number;
  readonly number: number;
  /** Newest writes of clients that came with it. */
  readonly clients: readonly (readonly [client: number, sequence: number])[];
  /** Who is privileged as of it; null where nothing came about that. */
  readonly privileged: number | null;
}

/** An app says something that is judged. */
export interface SaidNews {
  readonly what: "said";
  readonly app: string;
  readonly term: number;
  readonly message: "hello" | "set" | "tx" | "resync" | "bye";
  readonly client: number;
  readonly sequence: number;
  readonly subsystem: number;
  /** Its claims end unless they are refreshed. */
  readonly momentary: boolean;
  /** Of a set or transaction: paths and values; null gives up. */
  readonly values: readonly (readonly [path: string, value: StateValue])[];
}

/** An app was told something. */
export interface HeardNews {
  readonly what: "heard";
  readonly app: string;
  readonly message: StateMessageKind;
  readonly client: number;
  readonly term: number;
  /** The term that it shows afterwards; 0 for none. */
  readonly shows: number;
  readonly acknowledged: { readonly sequence: number; readonly single: boolean } | null;
  readonly resumed: boolean;
  /** Of a refusal: why, and of which write; the path, where it is one alone. */
  readonly code: NackCode | null;
  readonly refused: number;
  readonly path: string | null;
  /** That of a welcome, in hex. */
  readonly token: string | null;
  readonly subsystem: number;
  readonly base: number;
  readonly version: number;
  /** What it had of the subsystem before and has now, within one term. */
  readonly hadBefore: number;
  readonly hasNow: number;
}

/** What happened to shared state. */
export type StateNews =
  | HostingNews
  | { readonly what: "deposed"; readonly term: number }
  | TookNews
  | RefusedNews
  | GreetedNews
  | ChangedNews
  | CopiedNews
  | SaidNews
  | HeardNews
  | { readonly what: "told"; readonly app: string; readonly event: ReplicaEvent }
  | {
    readonly what: "app";
    readonly app: string;
    readonly does: "starts" | "leaves" | "is-killed" | "is-cut" | "is-back" | "is-spoiled" | "turns-hostile";
  };

/** A fact about shared state, at a node. */
export type StateFact =
  & { readonly kind: "state"; readonly atUs: number; readonly node: string }
  & StateNews;

/** An app as it stands. */
export interface AppStanding {
  /** `desk@app-0`. */
  readonly app: string;
  readonly node: string;
  readonly replica: StateReplica;
  /** Beginnings of paths that it wants; empty for all. */
  readonly interests: readonly string[];
  /** Since when it runs, and since when nothing is done to it. */
  readonly sinceUs: number;
  readonly undisturbedSinceUs: number;
  /** It does what no app should. */
  readonly isHostile: boolean;
}

/** A copy as a node keeps it. */
export interface CopyStanding {
  readonly node: string;
  readonly term: number;
  readonly number: number;
  /** The newest write of a client that it has; -1 for a client that it does not know. */
  sequenceOf(client: number): number;
}

/** What the oracle knows of shared state. */
export interface StateOracle {
  /** Nodes that host, those too that should not any more. */
  hosts(): readonly { readonly node: string; readonly host: StateHost }[];
  apps(): readonly AppStanding[];
  /** Copies that nodes keep now. */
  copies(): readonly CopyStanding[];
  /** When anybody last wrote. */
  readonly lastWriteUs: number;
}
