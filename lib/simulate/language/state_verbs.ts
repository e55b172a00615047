// The verbs about shared state: what apps do, what befalls them, and faults drawn from the seed.
// Rows of the table of verbs (verbs.ts). An app alone means it on every node on which it runs.

import type { FloodKind, OwnDeed, PrivilegeDeed, StateAction, TroubleKind } from "../state_plan.ts";
import type { StateValue } from "../../state/mod.ts";
import { ScenarioProblem } from "./problem.ts";
import { selectorText } from "./selector.ts";
import {
  byKind,
  choice,
  list,
  mapped,
  mapping,
  optional,
  plainNumber,
  quantity,
  record,
  required,
  type Shape,
  text,
  yesNo,
} from "./shape.ts";
import { anyValue, pathPattern, pauseOf, planRules, priorityShape, rulesShape } from "./state.ts";
import { DURATION, FREQUENCY, SHARE } from "./units.ts";
import { type Part, type Verb, verb } from "./verbs.ts";

const EVERYWHERE = "@all";
/** A finger on a fader. */
const DRAG_US = 33_333;
const FLOOD_US = 1_000;
const TROUBLE_US = 3_000_000;
const LONGEST_US = 4_000_000;

/** A name of an app, or a pattern with one star. */
const appPattern: Shape<string> = text(
  "a name of an app, or several: desk-*",
  "^(\\*|[a-z][a-z0-9-]*\\*?[a-z0-9-]*)$",
);
/** An app on one node. */
const appAt: Shape<string> = text("an app on a node: desk@app-1", "^[a-z][a-z0-9-]*@[^\\s@]+$");

const lasting = quantity(DURATION, 1);
const share = quantity(SHARE);
const one = (action: StateAction): Part[] => [{ afterUs: 0, action }];

const appFields = {
  app: required(appPattern, "Which app; desk-* means several."),
  on: optional(selectorText, "On which nodes; wherever it runs unless given."),
};
const pathField = required(pathPattern, "Which path; a pattern means all that fit.");
const priorityField = optional(priorityShape, "1 to 200; 100 unless given.");
const everyFields = {
  every: optional(lasting, "The pause between two."),
  rate: optional(quantity(FREQUENCY), "How often, instead of every."),
};

interface Whose {
  readonly app: string;
  readonly on?: string;
}

/** An app alone, or a mapping with `app`, `on` and more. */
function appAnd<T extends Whose>(fields: Shape<T>): Shape<T> {
  return byKind<T>("an app or a mapping", {
    string: mapped(appPattern, (app) => ({ app }) as T),
    object: fields,
  });
}

const onlyApp = appAnd<Whose>(record(appFields));
const target = ({ app, on = EVERYWHERE }: Whose) => ({ nodes: on, app });

/** The fields that were said. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

interface Write extends Whose {
  readonly path: string;
  readonly value: StateValue;
  readonly priority?: number;
  readonly momentary?: boolean;
  readonly take?: boolean;
}

interface Structure extends Whose {
  readonly guard?: string;
  readonly put?: Record<string, StateValue>;
  readonly define?: string[];
  readonly remove?: string[];
}

const FLOODS = ["writes", "wishes", "hellos", "garbage"] as const satisfies readonly FloodKind[];
const OWN = [
  "request",
  "steal",
  "release",
  "transfer",
  "consent",
  "refuse",
] as const satisfies readonly OwnDeed[];
const PRIVILEGE = [
  "request",
  "release",
  "offer",
  "accept",
  "decline",
  "seize",
  "consent",
] as const satisfies readonly PrivilegeDeed[];
const TROUBLES = [
  "crash-host",
  "freeze-host",
  "crash",
  "isolate",
  "partition",
  "loss",
  "cut-app",
  "kill-app",
  "spoil",
  "damage",
  "restart",
] as const satisfies readonly TroubleKind[];

/** The verbs about shared state. What an app does of its own accord is no fault, and may happen at any time. */
export const STATE_VERBS: readonly Verb[] = [
  verb({
    verb: "write",
    summary: "An app writes a value.",
    example: "write: {app: desk, path: viz-0/hue, value: 0.5, priority: 120}",
    argument: record({
      ...appFields,
      path: pathField,
      value: required(anyValue, "What."),
      priority: priorityField,
      momentary: optional(
        yesNo,
        "The claim ends unless it is refreshed, which the app does until it releases it.",
      ),
      take: optional(yesNo, "Takes the lock where the path has one."),
    }) as Shape<Write>,
    length: "instant",
    hurts: false,
    expand: ({ path, value, priority, momentary, take, ...whose }) =>
      one({ verb: "write", ...target(whose), path, value, ...given({ priority, momentary, take }) }),
  }),
  verb({
    verb: "claim",
    summary: "An app takes a path with the value that it has: its lock, or a priority.",
    example: "claim: {app: desk, path: viz-0/hue, priority: 150}",
    argument: record({ ...appFields, path: pathField, priority: priorityField }),
    length: "instant",
    hurts: false,
    expand: ({ path, priority, ...whose }) =>
      one({ verb: "claim", ...target(whose), path, ...given({ priority }) }),
  }),
  verb({
    verb: "release",
    summary: "An app gives a path up: the next claim there counts, or the value stays.",
    example: "release: {app: desk, path: viz-0/hue}",
    argument: record({ ...appFields, path: pathField }),
    length: "instant",
    hurts: false,
    expand: ({ path, ...whose }) => one({ verb: "release", ...target(whose), path }),
  }),
  verb({
    verb: "drag",
    summary: "A finger on a fader: random values, 30 a second unless said otherwise.",
    example: "drag: {app: desk, path: viz-0/hue}, for: 2s",
    argument: record({ ...appFields, path: pathField, priority: priorityField, ...everyFields }),
    length: "needs end",
    hurts: false,
    expand: ({ path, priority, every, rate, ...whose }, { path: where }) =>
      one({
        verb: "drag",
        ...target(whose),
        path,
        everyUs: pauseOf(given({ every, rate }), where) ?? DRAG_US,
        ...given({ priority }),
      }),
  }),
  verb({
    verb: "own",
    summary: "An app wants an object for itself, or gives it away.",
    example: "own: {app: desk, path: layer-0, does: steal}",
    argument: record({
      ...appFields,
      path: pathField,
      does: optional(choice(OWN), "What it does about it; request unless given."),
      to: optional(appAt, "To whom it is transferred."),
    }),
    length: "instant",
    hurts: false,
    expand: ({ path, does = "request", to, ...whose }, { path: where }) => {
      if ((does === "transfer") !== (to !== undefined)) {
        throw new ScenarioProblem(`${where}.to`, "goes with transfer, and transfer with it");
      }
      return one({ verb: "own", ...target(whose), path, does, ...given({ to }) });
    },
  }),
  verb({
    verb: "privilege",
    summary: "An app asks for the privilege, hands it over, or gives it up.",
    example: "privilege: {app: desk, does: request}",
    argument: record({
      ...appFields,
      does: optional(choice(PRIVILEGE), "What it does about it; request unless given."),
      to: optional(appAt, "To whom it is offered."),
    }),
    length: "instant",
    hurts: false,
    expand: ({ does = "request", to, ...whose }, { path: where }) => {
      if ((does === "offer") !== (to !== undefined)) {
        throw new ScenarioProblem(`${where}.to`, "goes with offer, and offer with it");
      }
      return one({ verb: "privilege", ...target(whose), does, ...given({ to }) });
    },
  }),
  verb({
    verb: "transaction",
    summary: "An app changes structure, all or nothing, while a path is as it sees it.",
    example: "transaction: {app: desk, guard: cue-0, put: {cue-0: 3}, define: [cue-9]}",
    argument: record({
      ...appFields,
      guard: optional(pathPattern, "Only while this is as the app sees it."),
      put: optional(
        mapping(anyValue, { what: "a path", pattern: "^[a-z0-9][a-z0-9._/-]*$" }),
        "Values by path.",
      ),
      define: optional(list(pathPattern, { max: 64 }), "New paths, as numbers from 0 to 1."),
      remove: optional(list(pathPattern, { max: 64 }), "Paths that go."),
    }) as Shape<Structure>,
    length: "instant",
    hurts: false,
    expand: ({ guard, put, define, remove, ...whose }) =>
      one({ verb: "transaction", ...target(whose), ...given({ guard, put, define, remove }) }),
  }),
  verb({
    verb: "save-state",
    summary: "An app keeps all values that it sees under a name.",
    example: "save-state: {app: desk, as: look-1}",
    argument: record({
      ...appFields,
      as: required(text("a name", "^[a-z][a-z0-9-]*$"), "Under which name."),
    }),
    length: "instant",
    hurts: false,
    expand: ({ as, ...whose }) => one({ verb: "save-state", ...target(whose), as }),
  }),
  verb({
    verb: "load-state",
    summary: "An app writes all values again that were kept under a name.",
    example: "load-state: {app: desk, from: look-1, priority: 120}",
    argument: record({
      ...appFields,
      from: required(text("a name", "^[a-z][a-z0-9-]*$"), "Under which name they were kept."),
      priority: priorityField,
    }),
    length: "instant",
    hurts: false,
    expand: ({ from, priority, ...whose }) =>
      one({ verb: "load-state", ...target(whose), from, ...given({ priority }) }),
  }),
  verb({
    verb: "start-app",
    summary: "Starts an app that was to start later, or had left.",
    example: "start-app: late",
    argument: onlyApp,
    length: "instant",
    hurts: true,
    inWarmup: true,
    expand: (whose) => one({ verb: "start-app", ...target(whose) }),
  }),
  verb({
    verb: "leave-app",
    summary: "The node of an app says goodbye. With `for` it comes back after that, the app as somebody new.",
    example: "leave-app: desk, for: 2s",
    argument: onlyApp,
    length: "may end",
    hurts: true,
    expand: (whose) => one({ verb: "leave-app", ...target(whose) }),
  }),
  verb({
    verb: "kill-app",
    summary:
      "The node of an app crashes. With `for` it comes back after that, the app with its token or without.",
    example: "kill-app: {app: desk, token: lost}, for: 20s",
    argument: appAnd<Whose & { token?: "kept" | "lost" }>(
      record({
        ...appFields,
        token: optional(choice(["kept", "lost"]), "What becomes of it; kept unless given."),
      }),
    ),
    length: "may end",
    hurts: true,
    expand: ({ token = "kept", ...whose }) => one({ verb: "kill-app", ...target(whose), token }),
  }),
  verb({
    verb: "cut-app",
    summary: "The session of an app with the host breaks, and it makes another one.",
    example: "cut-app: desk",
    argument: onlyApp,
    length: "instant",
    hurts: true,
    expand: (whose) => one({ verb: "cut-app", ...target(whose) }),
  }),
  verb({
    verb: "flood",
    summary:
      "A hostile app says as much as it can: writes, wishes about objects, hellos, or bytes that mean nothing.",
    example: "flood: {app: evil, with: garbage, rate: 2kHz}, for: 5s",
    argument: record({
      ...appFields,
      with: optional(choice(FLOODS), "What it says; writes unless given."),
      ...everyFields,
    }),
    length: "must end",
    hurts: true,
    expand: ({ with: kind = "writes", every, rate, ...whose }, { path }) =>
      one({
        verb: "flood",
        ...target(whose),
        everyUs: pauseOf(given({ every, rate }), path) ?? FLOOD_US,
        with: kind,
      }),
  }),
  verb({
    verb: "damage",
    summary: "Bits flip in the memory of an app, in values that it was told.",
    example: "damage: {app: wall, entries: 2}",
    argument: appAnd<Whose & { entries?: number }>(
      record({
        ...appFields,
        entries: optional(
          plainNumber("a count", { min: 1, max: 1_000, integer: true }),
          "How many; 1 unless given.",
        ),
      }),
    ),
    length: "instant",
    hurts: true,
    expand: ({ entries = 1, ...whose }) => one({ verb: "damage", ...target(whose), entries }),
  }),
  verb({
    verb: "spoil",
    summary: "Messages to an app are lost, come twice or late, which no lane should allow.",
    example: "spoil: {app: wall, loss: 5%, duplicate: 5%}, for: 5s",
    argument: record({
      ...appFields,
      loss: optional(share, "Share that is lost."),
      duplicate: optional(share, "Share that comes twice."),
      reorder: optional(share, "Share that comes behind the next one."),
    }),
    length: "must end",
    hurts: true,
    expand: ({ loss = 0, duplicate = 0, reorder = 0, ...whose }) =>
      one({ verb: "spoil", ...target(whose), loss, duplicate, reorder }),
  }),
  verb({
    verb: "redefine",
    summary: "Visualizations restart and declare a parameter otherwise while others write to it.",
    example: "redefine: {on: viz-0, parameter: hue, as: {type: f32, range: [0, 2]}}",
    argument: record({
      on: required(selectorText, "Which visualizations."),
      parameter: required(text("a name of a parameter"), "Which of their parameters."),
      as: required(rulesShape, "Its new rules, all of them."),
    }),
    length: "instant",
    hurts: true,
    expand: ({ on, parameter, as }) => one({ verb: "redefine", nodes: on, parameter, rules: planRules(as) }),
  }),
  verb({
    verb: "trouble",
    summary: "Faults of these kinds, drawn from the seed: when, on whom, how long.",
    example: 'trouble: {on: "@all", every: 3s, longest: 4s}, for: 20s',
    argument: record({
      on: optional(selectorText, "Whom it may hit; everybody unless given."),
      kinds: optional(list(choice(TROUBLES), { min: 1, max: 32 }), "Which; all unless given."),
      every: optional(lasting, "The mean pause between two; 3s unless given."),
      longest: optional(lasting, "The longest of them; 4s unless given."),
    }),
    length: "must end",
    hurts: true,
    expand: ({ on = EVERYWHERE, kinds = [...TROUBLES], every = TROUBLE_US, longest = LONGEST_US }) =>
      one({ verb: "trouble", nodes: on, kinds, everyUs: every, longestUs: longest }),
  }),
];
