// The shared state of a scenario in its normal form: parameters, apps that work with them, what a timeline does to both.
// Decides the vocabulary alone; how it is written stands in language/state.ts, what plays it in run/state.

import type { ParameterDefinition, StateValue } from "../state/mod.ts";
import type { Selector } from "./selector_text.ts";

/** The shared state of a scenario. */
export interface StatePlan {
  /** Nodes that are set up to host; null: whoever leads. */
  readonly hosts: Selector | null;
  readonly parameters: readonly ParameterPlan[];
  readonly apps: readonly AppPlan[];
}

/** A parameter. Its path is `<node>/<name>` for each of the nodes that declare it, else its name. */
export interface ParameterPlan {
  readonly name: string;
  /** Visualizations that declare it; null: the host itself does. */
  readonly on: Selector | null;
  readonly rules: ParameterRules;
}

/** What a definition says beside its path; the rest is as usual. */
export type ParameterRules = Partial<Omit<ParameterDefinition, "path" | "type">> & {
  readonly type: ParameterDefinition["type"];
};

/** A client of the shared state, once on each of its nodes. */
export interface AppPlan {
  readonly name: string;
  readonly on: Selector;
  /** When it first runs; null: an action brings it. */
  readonly startUs: number | null;
  /** Beginnings of paths that it wants to hear of; all when not given. */
  readonly interests?: readonly string[];
  /** What it writes by itself. */
  readonly writes: readonly AppWrites[];
  /** It does all kinds of things at random, so often. */
  readonly playsEveryUs?: number;
}

/** Random values on paths drawn from a pattern, again and again. */
export interface AppWrites {
  readonly path: string;
  readonly everyUs: number;
  readonly priority?: number;
  readonly momentary?: boolean;
}

/** What one may do about an object. */
export type OwnDeed = "request" | "steal" | "release" | "transfer" | "consent" | "refuse";
/** What one may do about the privilege. */
export type PrivilegeDeed =
  | "request"
  | "release"
  | "offer"
  | "accept"
  | "decline"
  | "seize"
  | "consent";
/** What a hostile client floods the host with. */
export type FloodKind = "writes" | "wishes" | "hellos" | "garbage";
/** Kinds of faults that `trouble` draws from. */
export type TroubleKind =
  | "crash-host"
  | "freeze-host"
  | "crash"
  | "isolate"
  | "partition"
  | "loss"
  | "cut-app"
  | "kill-app"
  | "spoil"
  | "damage"
  | "restart";

/** Whom an action means: apps by a name or a pattern (`desk-*`), on these nodes. */
interface OfApp {
  readonly nodes: Selector;
  readonly app: string;
}

/** What a timeline does to shared state. */
export type StateAction =
  | OfApp & {
    readonly verb: "write";
    readonly path: string;
    readonly value: StateValue;
    readonly priority?: number;
    readonly momentary?: boolean;
    readonly take?: boolean;
  }
  | OfApp & { readonly verb: "claim"; readonly path: string; readonly priority?: number }
  | OfApp & { readonly verb: "release"; readonly path: string }
  /** A finger on a fader until it ends. */
  | OfApp & {
    readonly verb: "drag";
    readonly path: string;
    readonly everyUs: number;
    readonly priority?: number;
  }
  | OfApp & {
    readonly verb: "own";
    readonly path: string;
    readonly does: OwnDeed;
    /** To whose app on which node. */
    readonly to?: string;
  }
  | OfApp & { readonly verb: "privilege"; readonly does: PrivilegeDeed; readonly to?: string }
  /** All or nothing, and only while the guarded paths are as the app sees them. */
  | OfApp & {
    readonly verb: "transaction";
    readonly guard?: string;
    readonly put?: Readonly<Record<string, StateValue>>;
    readonly define?: readonly string[];
    readonly remove?: readonly string[];
  }
  | OfApp & { readonly verb: "save-state"; readonly as: string }
  | OfApp & { readonly verb: "load-state"; readonly from: string; readonly priority?: number }
  | OfApp & { readonly verb: "start-app" }
  /** It says goodbye; with an end it comes back as somebody new. */
  | OfApp & { readonly verb: "leave-app" }
  /** Its process is gone; with an end it comes back, with its token or as somebody new. */
  | OfApp & { readonly verb: "kill-app"; readonly token: "kept" | "lost" }
  /** Its session with the host breaks, and it makes another one. */
  | OfApp & { readonly verb: "cut-app" }
  | OfApp & { readonly verb: "flood"; readonly everyUs: number; readonly with: FloodKind }
  /** Bits in its memory flip. */
  | OfApp & { readonly verb: "damage"; readonly entries: number }
  /** Messages to it are lost, repeated and swapped above all that promises otherwise. */
  | OfApp & {
    readonly verb: "spoil";
    readonly loss: number;
    readonly duplicate: number;
    readonly reorder: number;
  }
  /** A visualization declares a parameter otherwise. */
  | {
    readonly verb: "redefine";
    readonly nodes: Selector;
    readonly parameter: string;
    readonly rules: ParameterRules;
  }
  /** Faults drawn from the seed, one after the other until it ends. */
  | {
    readonly verb: "trouble";
    readonly nodes: Selector;
    readonly kinds: readonly TroubleKind[];
    readonly everyUs: number;
    readonly longestUs: number;
  };

/** Verbs of {@linkcode StateAction}. */
export const STATE_ACTIONS: ReadonlySet<string> = new Set<StateAction["verb"]>([
  "write",
  "claim",
  "release",
  "drag",
  "own",
  "privilege",
  "transaction",
  "save-state",
  "load-state",
  "start-app",
  "leave-app",
  "kill-app",
  "cut-app",
  "flood",
  "damage",
  "spoil",
  "redefine",
  "trouble",
]);

/** Whether an action is about shared state. */
export function isStateAction(action: { readonly verb: string }): action is StateAction {
  return STATE_ACTIONS.has(action.verb);
}

/** Whether the pattern of an action means a name: one star stands for anything. */
export function meansName(pattern: string, name: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === name;
  return name.length >= pattern.length - 1 && name.startsWith(pattern.slice(0, star)) &&
    name.endsWith(pattern.slice(star + 1));
}
