// The verbs of a timeline: how each is written, and what it means in the normal form.
// Decides the keys of every verb, whether it lasts, and when it may happen. Verbs that make several actions out of one
// stand in generators.ts; both are rows of one table, which the schema reads as well.

import type { Action, ClockChange, NodePlan } from "../scenario.ts";
import { link } from "./links.ts";
import { plainName } from "./nodes.ts";
import { ScenarioProblem, suggest } from "./problem.ts";
import { selectorText } from "./selector.ts";
import {
  byKind,
  choice,
  list,
  mapped,
  optional,
  quantity,
  record,
  required,
  type Shape,
  text,
} from "./shape.ts";
import { CLOCK_DIFFERENCE, DRIFT, DURATION, SHARE } from "./units.ts";

/** What a verb may know of its scenario. */
export interface VerbContext {
  readonly nodes: readonly NodePlan[];
  /** When the action begins. */
  readonly atUs: number;
  /** For how long, where that is said or follows from the scenario. */
  readonly forUs: number | undefined;
  /** Names the draws that a generator makes: the same id and name of a scenario give the same ones. */
  readonly drawName: string;
  readonly path: string;
}

/** One action that a verb makes. */
export interface Part {
  /** After the beginning of the verb. */
  readonly afterUs: number;
  /** How long it lasts; what the verb as a whole lasts when not given. */
  readonly forUs?: number;
  readonly action: Action;
}

/** A verb, as a row of the table. */
export interface Verb<Argument = unknown> {
  readonly verb: string;
  /** One sentence. */
  readonly summary: string;
  readonly example: string;
  readonly argument: Shape<Argument>;
  /**
   * What `for` means (an argument may turn a `must end` into an `instant`): `must end`: it lasts until then, or until the quiet tail; `may end`: it is undone only where
   * `for` says so; `needs end`: without `for` it means nothing; `instant`: it has no length.
   */
  readonly length: "must end" | "may end" | "needs end" | "instant";
  readonly isInstant?: (argument: Argument) => boolean;
  /** Whether it hurts, and so has no place in warm-up and quiet tail. */
  readonly hurts: boolean;
  /** Whether it may happen in the warm-up although it hurts. */
  readonly inWarmup?: boolean;
  /** Whether `heal` ends it. */
  readonly healed?: boolean;
  expand(argument: Argument, context: VerbContext): Part[];
}

/** Keeps the type of the argument between shape and expansion, and forgets it for the table. */
export function verb<Argument>(definition: Verb<Argument>): Verb {
  return definition as Verb;
}

const share = quantity(SHARE);

/** A selector alone, or a mapping with `nodes` and more. */
function nodesAnd<T extends { nodes: string }>(
  mappingShape: Shape<T>,
  alone: (nodes: string) => NoInfer<T>,
): Shape<T> {
  return byKind<T>("a selector or a mapping", { string: mapped(selectorText, alone), object: mappingShape });
}

/** Verbs that take a selector and nothing else. */
const onlyNodes: Shape<{ nodes: string }> = nodesAnd(
  record({ nodes: required(selectorText, "Who.") }),
  (nodes) => ({ nodes }),
);

const fromTo = {
  from: required(selectorText, "Senders."),
  to: required(selectorText, "Receivers."),
};

const one = (action: Action): Part[] => [{ afterUs: 0, action }];

/** Several selectors in a list are one with commas. */
const groupShape: Shape<string> = byKind<string>("a selector or a list of them", {
  string: selectorText,
  array: mapped(list(selectorText, { min: 1 }), (parts) => parts.join(",")),
});

const clockFields = {
  nodes: required(selectorText, "Whose wall clock."),
  offset: optional(quantity(CLOCK_DIFFERENCE), "It stands that far off true time from now on."),
  step: optional(quantity(CLOCK_DIFFERENCE), "It jumps by so much."),
  drift: optional(quantity(DRIFT), "It runs fast by so many parts per million."),
  sine: optional(
    record({
      amplitude: required(quantity(CLOCK_DIFFERENCE), "How far it swings to either side."),
      period: required(quantity(DURATION, 1), "In which time."),
    }),
    "It swings around true time.",
  ),
};

/** The verbs that make one action each (a clock may make several). */
export const PLAIN_VERBS: readonly Verb[] = [
  verb({
    verb: "partition",
    summary: "Nobody of one group reaches anybody of another; one group alone stands against all others.",
    example: "partition: [[viz-0..3, app-0], [viz-4..7]]",
    argument: list(groupShape, { min: 1, max: 64 }),
    length: "must end",
    hurts: true,
    healed: true,
    expand: (groups) => one({ verb: "partition", groups }),
  }),
  verb({
    verb: "isolate",
    summary: "Each of them is alone: nothing in, nothing out.",
    example: 'isolate: "@random(2)"',
    argument: onlyNodes,
    length: "must end",
    hurts: true,
    healed: true,
    expand: ({ nodes }) => one({ verb: "isolate", nodes }),
  }),
  verb({
    verb: "cut",
    summary: "Nothing gets from the ones to the others; the way back stays as it is.",
    example: 'cut: {from: viz-2, to: "@all"}',
    argument: record(fromTo),
    length: "must end",
    hurts: true,
    healed: true,
    expand: ({ from, to }) => one({ verb: "cut", from, to }),
  }),
  verb({
    verb: "clog",
    summary: "What they send is held, and let out in order when it ends.",
    example: "clog: {from: app-0, to: viz-*}",
    argument: record(fromTo),
    length: "must end",
    hurts: true,
    healed: true,
    expand: ({ from, to }) => one({ verb: "clog", from, to }),
  }),
  verb({
    verb: "heal",
    summary: "Ends every partition, isolation, cut and clog.",
    example: "heal: all",
    argument: choice(["all"]),
    length: "instant",
    hurts: false,
    expand: () => one({ verb: "heal" }),
  }),
  verb({
    verb: "link",
    summary:
      "The links from the ones to the others fare as said; with `nodes`, both ways between them and everybody.",
    example: "link: {nodes: viz-5, link: wifi-lossy}",
    argument: record({
      from: optional(selectorText, "Senders."),
      to: optional(selectorText, "Receivers."),
      nodes: optional(selectorText, "Instead of from and to: these and all others, both ways."),
      link: required(link, "How frames fare."),
    }),
    length: "must end",
    hurts: true,
    inWarmup: true,
    expand({ from, to, nodes, link }, { path }) {
      if (nodes !== undefined && (from !== undefined || to !== undefined)) {
        throw new ScenarioProblem(`${path}.nodes`, "contradicts from and to: say one of both");
      }
      if (nodes !== undefined) {
        return [
          { afterUs: 0, action: { verb: "link", from: nodes, to: "@all", link } },
          { afterUs: 0, action: { verb: "link", from: "@all", to: nodes, link } },
        ];
      }
      return one({ verb: "link", from: from ?? "@all", to: to ?? "@all", link });
    },
  }),
  verb({
    verb: "group-loss",
    summary: "Multicast and broadcast to and from them is lost while unicast lives.",
    example: "group-loss: {nodes: viz-*, loss: 100%}",
    argument: nodesAnd(
      record({
        nodes: required(selectorText, "Who."),
        loss: optional(share, "Share of frames that is lost; all unless given."),
      }),
      (nodes) => ({ nodes }),
    ),
    length: "must end",
    hurts: true,
    inWarmup: true,
    expand: ({ nodes, loss = 1 }) => one({ verb: "group-loss", nodes, loss }),
  }),
  verb({
    verb: "interface",
    summary: "A cable is pulled or put back, an interface vanishes or comes anew.",
    example: "interface: {nodes: viz-3, change: down}",
    argument: record({
      nodes: required(selectorText, "Whose."),
      name: optional(plainName, "Which; eth0 unless given."),
      change: required(choice(["down", "up", "remove", "recreate"]), "What happens."),
    }),
    length: "must end",
    isInstant: ({ change }) => change === "up" || change === "recreate",
    hurts: true,
    expand: ({ nodes, name = "eth0", change }) => one({ verb: "interface", nodes, name, change }),
  }),
  verb({
    verb: "wrong-interface",
    summary:
      "An interface that leads nowhere appears and becomes the default one, as a VPN's or a container's does.",
    example: "wrong-interface: viz-2",
    argument: onlyNodes,
    length: "must end",
    hurts: true,
    inWarmup: true,
    expand: ({ nodes }) => one({ verb: "wrong-interface", nodes }),
  }),
  verb({
    verb: "address",
    summary: "An interface gets another address, as from a DHCP server.",
    example: "address: {nodes: viz-1, address: 10.0.9.1/16}",
    argument: record({
      nodes: required(selectorText, "Whose: one node."),
      name: optional(plainName, "Which interface; eth0 unless given."),
      address: required(
        text("an address with prefix, 10.0.0.1/16", "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$"),
        "The new address.",
      ),
    }),
    length: "may end",
    hurts: true,
    expand({ nodes, name = "eth0", address }) {
      const [host = "", prefix = ""] = address.split("/");
      return one({ verb: "address", nodes, name, address: host, prefix: Number(prefix) });
    },
  }),
  verb({
    verb: "crash",
    summary: "The process is gone without a word; its disk stays. With `for` it is started again after that.",
    example: "crash: viz-3, for: 4s",
    argument: onlyNodes,
    length: "may end",
    hurts: true,
    expand: ({ nodes }) => one({ verb: "crash", nodes }),
  }),
  verb({
    verb: "power-loss",
    summary:
      "The whole machine is gone, and what was not synced to disk. With `for` it is started again after that.",
    example: "power-loss: viz-6, for: 20s",
    argument: onlyNodes,
    length: "may end",
    hurts: true,
    expand: ({ nodes }) => one({ verb: "power-loss", nodes }),
  }),
  verb({
    verb: "freeze",
    summary:
      "Nothing runs on the machine (shader compile, closed lid); then everything that was due runs late.",
    example: "freeze: viz-4, for: 3s",
    argument: onlyNodes,
    length: "must end",
    hurts: true,
    expand: ({ nodes }) => one({ verb: "freeze", nodes }),
  }),
  verb({
    verb: "slow",
    summary: "Every callback on the machine takes so much longer.",
    example: "slow: {nodes: viz-0, extra: 20ms}",
    argument: record({
      nodes: required(selectorText, "Who."),
      extra: required(quantity(DURATION, 1), "By how much longer."),
    }),
    length: "must end",
    hurts: true,
    expand: ({ nodes, extra }) => one({ verb: "slow", nodes, extraUs: extra }),
  }),
  verb({
    verb: "restart",
    summary: "The process says goodbye, and starts anew as soon as it is gone; with `for`, after that.",
    example: "restart: {nodes: viz-0, software: 0.2.0}, for: 1500ms",
    argument: nodesAnd(
      record({
        nodes: required(selectorText, "Who."),
        software: optional(text("a version", "^.{1,48}$"), "The version that it comes back with."),
      }),
      (nodes) => ({ nodes }),
    ),
    length: "may end",
    hurts: true,
    expand: ({ nodes, software }) =>
      one({ verb: "restart", nodes, ...(software === undefined ? {} : { software }) }),
  }),
  verb({
    verb: "start",
    summary: "Starts nodes that were to start later, or had gone.",
    example: "start: viz-7",
    argument: onlyNodes,
    length: "instant",
    hurts: true,
    inWarmup: true,
    expand: ({ nodes }) => one({ verb: "start", nodes }),
  }),
  verb({
    verb: "leave",
    summary: "They say goodbye and go. With `for` they are started again after that.",
    example: "leave: viz-1",
    argument: onlyNodes,
    length: "may end",
    hurts: true,
    expand: ({ nodes }) => one({ verb: "leave", nodes }),
  }),
  verb({
    verb: "clock",
    summary: "A wall clock goes wrong; the monotonic clock never does.",
    example: "clock: {nodes: viz-1, offset: 1.2s, drift: 80ppm}",
    argument: record(clockFields),
    length: "instant",
    hurts: true,
    inWarmup: true,
    expand({ nodes, offset, step, drift, sine }, { path }) {
      const changes: ClockChange[] = [
        ...(offset === undefined ? [] : [{ kind: "offset", ms: offset } as const]),
        ...(step === undefined ? [] : [{ kind: "step", ms: step } as const]),
        ...(drift === undefined ? [] : [{ kind: "drift", ppm: drift } as const]),
        ...(sine === undefined
          ? []
          : [{ kind: "sine", amplitudeMs: sine.amplitude, periodUs: sine.period } as const]),
      ];
      if (changes.length === 0) {
        throw new ScenarioProblem(path, "changes nothing", "say offset, step, drift or sine");
      }
      return changes.map((change): Part => ({ afterUs: 0, action: { verb: "clock", nodes, change } }));
    },
  }),
  verb({
    verb: "mark",
    summary: "A note in the report.",
    example: "mark: doors open",
    argument: text("a note", "^.{1,200}$"),
    length: "instant",
    hurts: false,
    expand: (note) => one({ verb: "mark", text: note }),
  }),
];

/** The row of a verb. */
export function findVerb(verbs: readonly Verb[], name: string, path: string): Verb {
  const found = verbs.find((each) => each.verb === name);
  if (found !== undefined) return found;
  throw new ScenarioProblem(path, "there is no such verb", suggest(name, verbs.map((each) => each.verb)));
}
