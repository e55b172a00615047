// How a run is watched: one stream of facts, and observers that make metrics, violations and claims of it.
// Decides the faces; parts that come later add observers by registering them, never by editing the runner.
// Observers look from outside (the oracle), never through the simulated network.

import type { NodeId } from "../base/mod.ts";
import type { LeaseMode, LeaseToken } from "../discovery/mod.ts";
import type { NodeState } from "../node/mod.ts";
import type { ProgramEvent, ProgramSnapshot } from "../supervision/mod.ts";
import type { Scenario } from "./scenario.ts";
import type { StateFact, StateOracle } from "./state_facts.ts";

/** Something that happened. `atUs` is true time since the run began. */
export type Fact =
  | {
    readonly kind: "node-started";
    readonly atUs: number;
    readonly node: string;
    readonly id: NodeId;
    readonly incarnation: number;
  }
  /** It can be reached: `Node.start` has resolved. */
  | { readonly kind: "node-ready"; readonly atUs: number; readonly node: string }
  | {
    readonly kind: "node-stopped";
    readonly atUs: number;
    readonly node: string;
    readonly how: "leave" | "crash" | "power-loss" | "failed";
    readonly why?: string;
  }
  /** What one node thinks of another changed. */
  | {
    readonly kind: "view";
    readonly atUs: number;
    readonly observer: string;
    /** The other node's name in the scenario; null for somebody who is none of them. */
    readonly subject: string | null;
    /** The id that is listed. */
    readonly id: NodeId;
    readonly op: "add" | "update" | "remove";
    readonly state: NodeState;
    readonly before: NodeState | null;
    readonly incarnation: number;
    readonly listedName: string;
  }
  | { readonly kind: "discovery"; readonly atUs: number; readonly node: string; readonly event: string }
  | {
    readonly kind: "session";
    readonly atUs: number;
    readonly node: string;
    readonly peer: string;
    readonly what: "open" | "lost" | "goodbye" | "closed";
  }
  /** Lanes of a session take another way, as one of its ends sees it. */
  | {
    readonly kind: "path";
    readonly atUs: number;
    readonly node: string;
    readonly peer: string;
    readonly path: "stream" | "udp";
    /** They went by datagrams before, to another address. */
    readonly moved: boolean;
    readonly why: string;
  }
  | {
    readonly kind: "sent";
    readonly atUs: number;
    readonly traffic: string;
    readonly from: string;
    readonly to: string;
    readonly number: number;
    readonly status: string;
  }
  | {
    readonly kind: "received";
    readonly atUs: number;
    readonly traffic: string;
    readonly from: string;
    readonly to: string;
    readonly number: number;
    readonly sentAtUs: number;
    /** Numbers the sessions of the run; within one, a reliable ordered lane never changes the order. */
    readonly session: number;
  }
  /** A request is settled at its sender: `ok`, or the code of an error. */
  | {
    readonly kind: "answered";
    readonly atUs: number;
    readonly traffic: string;
    readonly from: string;
    readonly to: string;
    readonly number: number;
    readonly status: string;
    readonly sentAtUs: number;
  }
  /** An executor has let a leader's command through its fence. */
  | {
    readonly kind: "commanded";
    readonly atUs: number;
    readonly node: string;
    readonly from: string;
    readonly token: LeaseToken;
  }
  /** A frame on a segment; only where somebody asked for frames. */
  | {
    readonly kind: "frame";
    readonly atUs: number;
    readonly from: string;
    readonly to: string;
    readonly bytes: number;
    readonly payloadBytes?: number;
    readonly type: string;
    readonly fate: "delivered" | "lost" | "cut" | "duplicated" | "corrupted";
    readonly arrivesUs: number;
  }
  | {
    readonly kind: "fault";
    readonly atUs: number;
    readonly action: string;
    readonly phase: "begin" | "end";
    readonly verb: string;
    readonly chosen: readonly string[];
    readonly text: string;
  }
  /** A process of a program or a shim began, stands by its program, or ended: the truth of its machine. */
  | {
    readonly kind: "process";
    readonly atUs: number;
    readonly node: string;
    /** Empty for a shim without a task. */
    readonly program: string;
    readonly what: "started" | "holds" | "ended";
    readonly part: "leader" | "slate" | "child" | "shim";
    readonly processId: number;
    readonly run: number | null;
    /** Of one that ended: its code, its signal, or `power-lost`. */
    readonly how: string | null;
  }
  /** A node's daemon, or the shim of one of its programs, has signalled another process. */
  | {
    readonly kind: "signalled";
    readonly atUs: number;
    readonly node: string;
    /** Whose shim; null for the daemon. */
    readonly program: string | null;
    readonly signal: string;
    readonly processId: number;
    /** Null for somebody who has nothing to do with programs. */
    readonly target: { readonly node: string; readonly program: string; readonly part: string } | null;
  }
  /** A program does by itself what its plan says. */
  | {
    readonly kind: "behaves";
    readonly atUs: number;
    readonly node: string;
    readonly program: string;
    readonly run: number;
    readonly what: "ready" | "ends" | "hangs" | "freezes" | "waits-in-kernel";
  }
  /** A node has learnt what happened to one of its programs. */
  | {
    readonly kind: "program";
    readonly atUs: number;
    readonly node: string;
    readonly origin: "shim" | "daemon";
    readonly event: ProgramEvent;
  }
  /** A console asks a node for something, or has its answer. */
  | {
    readonly kind: "asked";
    readonly atUs: number;
    /** The console. */
    readonly node: string;
    readonly target: string;
    readonly program: string;
    readonly verb: "spawn" | "start" | "stop" | "restart" | "apply";
    readonly op: string;
    /** The run that a restart means; null where it means any. */
    readonly run: number | null;
    readonly sentAtUs: number;
    /** `sent`, `ok`, or the code of an error. */
    readonly status: string;
    readonly answer: AskedAnswer | null;
  }
  | StateFact
  | { readonly kind: "phase"; readonly atUs: number; readonly phase: "warm" | "quiet" | "end" }
  | { readonly kind: "claim"; readonly atUs: number; readonly claim: string }
  | { readonly kind: "crash"; readonly atUs: number; readonly node: string; readonly text: string }
  | { readonly kind: "violation"; readonly atUs: number; readonly violation: Violation };

/** What a node answered to a console. */
export interface AskedAnswer {
  readonly generation: number;
  readonly changed: boolean;
  readonly replayed: boolean;
  /** Whether it is on the disk. */
  readonly durable: boolean;
}

/** A rule that was broken. */
export interface Violation {
  /** Id of the invariant, or `metric:<name>`. */
  readonly id: string;
  /** `safety` and `liveness` are invariants; `metric` is a threshold; `internal` is a bug of hana. */
  readonly kind: "safety" | "liveness" | "metric" | "internal";
  readonly atUs: number;
  readonly nodes: readonly string[];
  /** A sentence for people. */
  readonly text: string;
}

/** Statistics of one metric. */
export interface MetricValue {
  /** `us`, `bytes`, `frames`, `count`, `share`. */
  readonly unit: string;
  readonly count: number;
  /** The value itself where there is just one. */
  readonly value?: number;
  readonly min?: number;
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly max?: number;
}

/** What the oracle knows for sure, without touching the network. */
export interface Oracle {
  readonly nowUs: number;
  readonly phase: "warmup" | "active" | "quiet";
  /** All nodes of the scenario. */
  readonly nodes: readonly string[];
  /** Whether a node's process runs and is ready. */
  isUp(node: string): boolean;
  /** Since when it is up or down. */
  sinceUs(node: string): number;
  /** Whether its host is frozen or slowed now, or was within the last `withinUs`. */
  wasStalled(node: string, withinUs: number): boolean;
  /** Whether frames can pass from one node to the other now: neither cut, isolated, unplugged nor without power. */
  canTalk(from: string, to: string): boolean;
  /** Since when {@linkcode canTalk} has been as it is. */
  canTalkSinceUs(from: string, to: string): number;
  /** How well frames pass now. What is judged strictly is judged on good ways alone. */
  quality(from: string, to: string): PathQuality;
  /** Whether both hold the same key: strangers never count as peers. */
  sharesMesh(a: string, b: string): boolean;
  /** The scenario's name of the node with this id in its present life; null for none. */
  nameOf(id: string): string | null;
  /** What `observer` lists now, by the scenario's names. */
  view(
    observer: string,
  ): ReadonlyMap<string, { readonly state: string; readonly incarnation: number; readonly sinceUs: number }>;
  /** The name under which a node goes in the mesh now; null while it is down. */
  currentName(node: string): string | null;
  /** The id that it has now; null while it is down. */
  currentId(node: string): NodeId | null;
  /** What a node holds beside the bound on it: nodes listed, sessions, messages that wait. Empty while it is down. */
  gauges(node: string): readonly Gauge[];
  /** Bytes of discovery that a node's present life has sent; null while it is down or where nobody counts. */
  sentBytes(node: string): number | null;
  /** What a node's present life has sent and received of discovery; null while it is down. */
  datagrams?(node: string): DatagramCounts | null;
  /** How the leader lease stands at a node; null while it is down, frozen, or takes no part. */
  lease?(node: string): LeaseStanding | null;
  /** Messages and datagrams that a node's present life has dropped because something was full; null where nobody counts. */
  drops?(node: string): number | null;
  /** A program as its node shows it; null where the node is down or does not know it. */
  program?(node: string, program: string): ProgramSnapshot | null;
  /** What lives of a program, by the machine's own table: processes, and shims that stand by it. */
  lives?(node: string, program: string): LivingProgram;
  /** How often a node's present life has missed events of its programs; null where nobody counts. */
  programCounters?(node: string): Readonly<Record<string, number>> | null;
  /** Shared state; null where the scenario has none. */
  readonly state?: StateOracle | null;
  /** A node's monotonic clock; null while it is down or where nobody can read it. */
  monotonicUs(node: string): number | null;
}

/** What lives of a program. */
export interface LivingProgram {
  readonly leaders: number;
  /** All its processes, the safe look's too. */
  readonly processes: number;
  readonly shims: number;
  /** Whether one of its processes waits in the kernel. */
  readonly inKernel: boolean;
}

/** Datagrams of discovery. */
export interface DatagramCounts {
  readonly sent: number;
  readonly received: number;
  readonly receivedBytes: number;
}

/** How the leader lease stands at one node. */
export interface LeaseStanding {
  /** The token by which it may act itself now; null when it may not. */
  readonly actsBy: LeaseToken | null;
  /** Whom it takes for the leader, itself perhaps. */
  readonly follows: LeaseToken | null;
  /** What that leadership rests on. */
  readonly mode: LeaseMode | null;
  /** The voters to whom it belongs; null before there are any. */
  readonly lineage: string | null;
  /** Commands of followed leaders that its fence has refused in this life. */
  readonly refused: number;
}

/**
 * `none`: nothing passes. `poor`: so much is lost or held that a node may rightly be taken for dead. `fair`: some is
 * lost. `clean`: nothing is.
 */
export type PathQuality = "none" | "poor" | "fair" | "clean";

/** Something of a node that must stay bounded. */
export interface Gauge {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
}

/** A frame on a segment, as observers of traffic see it; the object is used again after the call. */
export interface FrameSample {
  readonly atUs: number;
  readonly from: string;
  readonly to: string;
  /** On the wire, with all headers. */
  readonly bytes: number;
  /** What it carries. */
  readonly payloadBytes: number;
  /** A kind of discovery's datagrams, `stream` for sessions, `other`. */
  readonly type: string;
  readonly fate: "delivered" | "lost" | "cut" | "duplicated" | "corrupted";
  readonly arrivesUs: number;
}

/** What an observer is given at the start of a run. */
export interface RunContext {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly oracle: Oracle;
  /** Reports a violation at once; the run goes on unless it is the first and the runner stops at the first. */
  violate(violation: Omit<Violation, "atUs">): void;
  /** Says that something happened which a `sometimes` claim may ask for. */
  claim(name: string): void;
}

/** One watcher of one run. */
export interface RunObserver {
  /** The kinds of facts that it wants; all when not given. Facts that nobody wants are not made. */
  readonly wants?: readonly Fact["kind"][];
  onFact?(fact: Fact): void;
  /** Frames are tapped only in runs in which somebody has this. */
  onFrame?(frame: FrameSample): void;
  /** Called every simulated 100 ms. */
  onTick?(nowUs: number): void;
  /** Called once at the end; returns its metrics. */
  finish?(): Readonly<Record<string, MetricValue>>;
}

/** A kind of watcher: an invariant or a set of metrics. */
export interface ObserverDefinition {
  readonly id: string;
  readonly kind: "safety" | "liveness" | "metrics";
  /** One sentence: the rule, or what is measured. */
  readonly summary: string;
  /** On without being asked for. */
  readonly byDefault: boolean;
  /** On even where a scenario lists its own invariants: a bug of hana is never beside the point. */
  readonly always?: boolean;
  /** Names, or beginnings of names up to a dot, of the metrics that it makes: a bound on one switches it on. */
  readonly metrics?: readonly string[];
  /** Names of the claims that it tells of. */
  readonly claims?: readonly string[];
  create(context: RunContext): RunObserver;
}

/** The outcome of one run. */
export interface RunResult {
  readonly scenario: string;
  readonly hash: string;
  readonly seed: number;
  /** hana's version and commit. */
  readonly software: string;
  readonly verdict: "pass" | "fail" | "inconclusive" | "invalid";
  readonly simulatedUs: number;
  readonly events: number;
  /** Digest of everything that happened. */
  readonly digest: string;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly violations: readonly Violation[];
  /** Claims with how often they happened, and how often they had to. */
  readonly claims: readonly { readonly claim: string; readonly times: number; readonly atLeast: number }[];
  /** Why the run is invalid or inconclusive. */
  readonly reason: string | null;
}
