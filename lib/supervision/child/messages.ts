// The messages of the child protocol, version 1: one JSON object a line in both directions (research, section 1.7).
// Decides their fields as they are after reading: every text is clean and bounded, every number checked, what was left out is null.

/** What a program can do. Others than these are kept and mean nothing here. */
export type ChildCapability = "hb" | "stop" | "frame" | "reload" | "dump";

/** A program says. */
export type FromChild =
  | {
    readonly t: "hello";
    readonly v: number;
    readonly token: string;
    readonly name: string | null;
    readonly sdk: string | null;
    readonly caps: readonly string[];
    /** The run that it believes to be in (HANA_RUN); null where it does not say. */
    readonly run: number | null;
  }
  | { readonly t: "ready" }
  | {
    readonly t: "hb";
    readonly n: number | null;
    readonly frame: number | null;
    readonly fps: number | null;
    readonly lateMs: number | null;
  }
  | { readonly t: "status"; readonly text: string; readonly pct: number | null }
  | { readonly t: "extend"; readonly us: number; readonly why: string | null }
  | { readonly t: "fault"; readonly code: string; readonly fatal: boolean; readonly text: string | null }
  | { readonly t: "bye"; readonly reason: string | null }
  | { readonly t: "pong"; readonly n: number };

/** A shim says, as it stands on the wire. */
export type ToChild =
  | {
    readonly t: "welcome";
    readonly v: number;
    readonly run: number;
    readonly hb_ms: number;
    readonly last_exit: string | null;
  }
  | { readonly t: "stop"; readonly grace_ms: number; readonly reason: string }
  | { readonly t: "ping"; readonly n: number }
  | { readonly t: "dump" }
  | { readonly t: "reload"; readonly path?: string };

/** What a later version might say; programs pass over it. */
export interface UnknownToChild {
  readonly t: "hana.unknown";
  readonly value: unknown;
}

/** What a `sd_notify` datagram says, as far as it matters here. */
export interface NotifyMessage {
  readonly ready: boolean;
  readonly stopping: boolean;
  readonly reloading: boolean;
  readonly watchdog: "beat" | "trigger" | null;
  readonly status: string | null;
  readonly extendUs: number | null;
  /** Assignments that mean nothing here (MAINPID, FDSTORE, …). */
  readonly ignored: number;
}

/** The rules of the protocol that a program can break, by name. */
export type ChildRule =
  /** A line over 64 KiB, or one with too many values. */
  | "line-size"
  /** Not UTF-8, or no JSON. */
  | "json"
  /** Nested too deep. */
  | "depth"
  /** A JSON value that is no object, or one without a text `t`. */
  | "message"
  /** A field of the wrong kind or out of its range. */
  | "field"
  /** Something came before the hello. */
  | "hello-first"
  /** A connection without a hello for 5 s. */
  | "hello-late"
  /** A second hello in one run. */
  | "hello-twice"
  /** The token is not this run's. */
  | "token"
  /** A version that nobody here speaks. */
  | "version"
  /** It says that it is another run. */
  | "run"
  /** Too many broken lines in a second: the connection was closed. */
  | "garbage"
  /** Too many lines in a second: some were dropped. */
  | "flood"
  /** Too many connections at a time. */
  | "connections"
  /** A datagram over 4 KiB. */
  | "notify-size"
  /** A datagram that is no list of assignments. */
  | "notify";

/** A broken rule and what exactly was wrong. */
export interface BrokenRule {
  readonly rule: ChildRule;
  readonly detail: string;
}
