// What a program is to be: command line, environment, and every rule by which it is kept running.
// Decides the fields, their units and their defaults; specification.ts reads what people and peers wrote.
// Plain data with every default filled in: it is stored, sent, compared and handed to the shim as it is.

/** When a program that ended is started again. */
export type RestartPolicy = "always" | "on-failure" | "never";

/** What must be so before a program starts. */
export type Milestone = "started" | "ready" | "done";

/** How it is known that a program is ready. `auto`: by its protocol if it says hello, else when it has lived for a second. */
export type Readiness =
  | { readonly kind: "auto" }
  /** It says so itself, by the child protocol or `sd_notify`. */
  | { readonly kind: "told" }
  /** Something accepts on this TCP port of 127.0.0.1. */
  | { readonly kind: "tcp"; readonly port: number }
  /** It writes a line that contains this text. */
  | { readonly kind: "line"; readonly text: string };

/** What silence and a frozen picture mean. */
export interface HangRules {
  /** Silence after which it counts as hung, in microseconds of observed time. */
  readonly warnUs: number;
  /** Silence after which it is ended and started again. */
  readonly killUs: number;
  /** A frame counter that stands still for this long counts as frozen. */
  readonly stallUs: number;
  /** What is done about a frozen picture. */
  readonly stall: "alert" | "restart";
}

/** A program. */
export interface ProgramSpec {
  readonly argv: readonly [string, ...string[]];
  /** Working directory; the daemon's own unless given. */
  readonly cwd: string | null;
  /** Added to the daemon's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  /** The longest pause between two tries, in microseconds. */
  readonly backoffCapUs: number;
  /** Parks the program after so many failures within this time; null never gives up. */
  readonly giveUp: { readonly after: number; readonly withinUs: number } | null;
  /** How long it may take to end when asked to. */
  readonly graceUs: number;
  /** How long it may take to get ready. */
  readonly startUs: number;
  /** How often it says that it is alive, where it speaks the protocol. */
  readonly heartbeatUs: number;
  readonly hang: HangRules;
  readonly ready: Readiness;
  /** Exit codes that count as success, 0 among them always. */
  readonly successCodes: readonly number[];
  /** Exit codes after which it is parked. */
  readonly fatalCodes: readonly number[];
  /** The safe look: started beside the retries after so many failures in a row, ended when the program has been ready for 10 s. */
  readonly fallback: { readonly after: number; readonly argv: readonly [string, ...string[]] } | null;
  /** Ends and restarts it when its processes hold more than this; null for no limit. */
  readonly memoryMaxBytes: number | null;
  /** 0 to 19. */
  readonly niceness: number;
  /** Handed on as HANA_DISPLAY and HANA_GPU. */
  readonly display: string | null;
  readonly gpu: string | null;
  /** Programs of the same node that come first, by name. */
  readonly needs: Readonly<Record<string, Milestone>>;
  /** Whether it is started again when one that it needs was. */
  readonly bind: boolean;
  /** SHA-256 of the program's file in hex, by `linux-x64` and the like; a file of another one is not started. */
  readonly sha256: Readonly<Record<string, string>>;
  readonly logs: { readonly rotateBytes: number; readonly keep: number };
  /** Whether it starts with the machine where it was wanted, or waits for a word. */
  readonly boot: "restore" | "ask";
  /** Names of processes (regular expressions on the short name) that may outlive it. */
  readonly keepChildren: readonly string[];
}

/** Everything but the command line, as it is where nothing else is said (research, section 1.6). */
export const SPEC_DEFAULTS: Omit<ProgramSpec, "argv"> = {
  cwd: null,
  env: {},
  restart: "always",
  backoffCapUs: 15_000_000,
  giveUp: null,
  graceUs: 5_000_000,
  startUs: 15_000_000,
  heartbeatUs: 1_000_000,
  hang: { warnUs: 2_000_000, killUs: 6_000_000, stallUs: 2_000_000, stall: "alert" },
  ready: { kind: "auto" },
  successCodes: [0],
  fatalCodes: [64, 78, 126, 127],
  fallback: null,
  memoryMaxBytes: null,
  niceness: 0,
  display: null,
  gpu: null,
  needs: {},
  bind: false,
  sha256: {},
  logs: { rotateBytes: 8 << 20, keep: 8 },
  boot: "restore",
  keepChildren: [],
};
