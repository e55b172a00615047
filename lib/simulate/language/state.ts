// How the shared state of a scenario is written: who hosts, which parameters there are, which apps work with them.
// Decides keys, units and defaults; what is not said of a parameter is left to the schema's own defaults.

import { HanaError } from "../../base/mod.ts";
import { readDefinition, type StateValue } from "../../state/mod.ts";
import type { NodePlan } from "../scenario.ts";
import {
  type AppPlan,
  type AppWrites,
  meansName,
  type ParameterPlan,
  type ParameterRules,
  type StateAction,
  type StatePlan,
} from "../state_plan.ts";
import { pathOf, ScenarioProblem, suggest } from "./problem.ts";
import { checkSelector, isRandomSelector, selectNodes, selectorText } from "./selector.ts";
import {
  byKind,
  choice,
  list,
  mapping,
  optional,
  plainNumber,
  quantity,
  record,
  type RecordOutput,
  required,
  type Shape,
  text,
  yesNo,
} from "./shape.ts";
import { DURATION, FREQUENCY, writeQuantity } from "./units.ts";

/** Apps and parameters of one scenario. */
export const MAX_APPS = 200;
export const MAX_PARAMETERS = 2_000;
const NAME_PATTERN = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

const duration = quantity(DURATION);
const lasting = quantity(DURATION, 1);

/** A priority as clients have it. */
export const priorityShape: Shape<number> = plainNumber("a priority", { min: 1, max: 200, integer: true });

/** A path, or a pattern with one star. */
export const pathPattern: Shape<string> = text(
  "a path such as viz-0/hue, or several: viz-*/hue",
  "^[a-z0-9*][a-z0-9._*-]*(/[a-z0-9*][a-z0-9._*-]*)*$",
);

/** Any value that a parameter can have. */
export const anyValue: Shape<StateValue> = {
  read: (raw) => raw as StateValue,
  schema: () => ({ type: ["number", "boolean", "string", "array", "object", "null"] }),
};

const ruleFields = {
  type: required(
    choice(["f32", "unit", "i32", "bool", "enum", "text", "bytes", "vec3", "quat", "json"]),
    "Type of its values.",
  ),
  subsystem: optional(text("a name of a subsystem", NAME_PATTERN), "The subsystem; params unless given."),
  default: optional(anyValue, "What stands while nobody writes."),
  range: optional(
    list(plainNumber("a number", { min: -1e9, max: 1e9 }), { min: 2, max: 2 }),
    "Least and greatest value.",
  ),
  words: optional(list(text("a word"), { min: 1, max: 256 }), "The words of an enum."),
  merge: optional(choice(["latest", "highest", "sum", "lock"]), "How several writers make one value."),
  on_loss: optional(choice(["hold", "default", "fallback"]), "What stays when its writer is gone."),
  fade: optional(duration, "How long another writer's value fades in."),
  rate: optional(choice(["fast", "slow", "rare"]), "30, 10 or 2 patches a second."),
};

/** The rules of a parameter as they are written. */
export const rulesShape = record(ruleFields);

const parameterFields = {
  ...ruleFields,
  on: optional(
    selectorText,
    "Visualizations that declare it, below their names; the host itself unless given.",
  ),
  count: optional(
    plainNumber("a count", { min: 1, max: 1_000, integer: true }),
    "How many: name-0, name-1, …",
  ),
};

const everyFields = {
  every: optional(lasting, "The pause between two."),
  rate: optional(quantity(FREQUENCY), "How often, instead of every."),
};

const writesFields = {
  path: required(pathPattern, "Which paths; each time one of them is drawn."),
  ...everyFields,
  priority: optional(priorityShape, "1 to 200; 100 unless given."),
  momentary: optional(yesNo, "Its claims end unless they are refreshed."),
};

const appFields = {
  on: required(selectorText, "Nodes on which it runs; a node has one app at most."),
  start: optional(
    byKind<number | null>("a time or `later`", {
      string: {
        read: (raw, path) => raw === "later" ? null : duration.read(raw, path),
        schema: () => ({ anyOf: [{ const: "later" }, duration.schema()] }),
      },
    }),
    "When it first runs; 1s unless given, `later`: an action brings it.",
  ),
  interests: optional(
    list(text("the beginning of paths"), { min: 1, max: 64 }),
    "Beginnings of paths that it wants to hear of; all unless given.",
  ),
  writes: optional(list(record(writesFields), { max: 32 }), "What it writes by itself."),
  plays: optional(lasting, "So often it does something of all that an app can do, at random."),
};

const stateFields = {
  host: optional(selectorText, "Nodes that are set up to host; the leader unless given."),
  parameters: optional(
    mapping(record(parameterFields), { what: "a name of a parameter", pattern: NAME_PATTERN }),
    "Parameters by name.",
  ),
  apps: optional(
    mapping(record(appFields), { what: "a name of an app", pattern: NAME_PATTERN }),
    "Clients of the state by name, each once on every node that it runs on.",
  ),
};

/** The `state` of a scenario. */
export const stateShape = record(stateFields);
/** The `state` of a scenario as it is written. */
export type StateEntry = RecordOutput<typeof stateFields>;
type RulesEntry = RecordOutput<typeof ruleFields>;

const DEFAULT_START_US = 1_000_000;

/** A pause from either of two ways to say it; null where neither is said. */
export function pauseOf(
  { every, rate }: { readonly every?: number; readonly rate?: number },
  path: string,
): number | null {
  if (every !== undefined && rate !== undefined) {
    throw new ScenarioProblem(pathOf(path, "rate"), "contradicts every: say one of both");
  }
  if (rate !== undefined && rate <= 0) throw new ScenarioProblem(pathOf(path, "rate"), "is nothing");
  return every ?? (rate === undefined ? null : Math.max(1, Math.round(1_000_000 / rate)));
}

/** The shared state, groups counted out. */
export function planState({ host, parameters = {}, apps = {} }: StateEntry): StatePlan {
  const numbered = <T extends { readonly name: string }>(plan: T, count: number | undefined): T[] =>
    count === undefined
      ? [plan]
      : Array.from({ length: count }, (_, index) => ({ ...plan, name: `${plan.name}-${index}` }));
  return {
    hosts: host ?? null,
    parameters: Object.entries(parameters).flatMap(([name, { on, count, ...rules }]) =>
      numbered<ParameterPlan>({ name, on: on ?? null, rules: planRules(rules) }, count)
    ),
    apps: Object.entries(apps).map(([name, { on, start, interests, writes = [], plays }]): AppPlan => ({
      name,
      on,
      startUs: start === undefined ? DEFAULT_START_US : start,
      ...(interests === undefined ? {} : { interests }),
      writes: writes.map((each, index): AppWrites => {
        const path = pathOf(pathOf(pathOf("state.apps", name), "writes"), index);
        const { path: where, priority, momentary } = each;
        const everyUs = pauseOf(each, path);
        if (everyUs === null) throw new ScenarioProblem(path, "does not say how often", "rate: 30Hz");
        return {
          path: where,
          everyUs,
          ...(priority === undefined ? {} : { priority }),
          ...(momentary === undefined ? {} : { momentary }),
        };
      }),
      ...(plays === undefined ? {} : { playsEveryUs: plays }),
    })),
  };
}

/** The rules of a parameter in the normal form. */
export function planRules({ range, on_loss, fade, ...rest }: RulesEntry): ParameterRules {
  const [min, max] = range ?? [];
  return {
    ...rest,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(on_loss === undefined ? {} : { onLoss: on_loss }),
    ...(fade === undefined ? {} : { fadeUs: fade }),
  };
}

/** The definition of a parameter at a path. Throws {@linkcode ScenarioProblem} for rules that cannot be. */
function checkRules(rules: ParameterRules, path: string): void {
  try {
    readDefinition({ ...rules, path: "node/parameter" });
  } catch (thrown) {
    if (thrown instanceof HanaError) throw new ScenarioProblem(path, thrown.why ?? thrown.message);
    throw thrown;
  }
}

/** Refuses a state that cannot be: nobody has it, or something is there twice. */
export function checkState(
  { hosts, parameters, apps }: StatePlan,
  nodes: readonly NodePlan[],
): void {
  const settled = (selector: string, path: string): void => {
    checkSelector(selector, nodes, path);
    if (isRandomSelector(selector)) throw new ScenarioProblem(path, "must not hang on a draw");
  };
  const unique = (names: readonly string[], path: string): void => {
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) throw new ScenarioProblem(pathOf(path, name), "is there twice");
      seen.add(name);
    }
  };
  if (hosts !== null) settled(hosts, "state.host");
  if (parameters.length > MAX_PARAMETERS) {
    throw new ScenarioProblem("state.parameters", `there are more than ${MAX_PARAMETERS}`);
  }
  if (apps.length > MAX_APPS) throw new ScenarioProblem("state.apps", `there are more than ${MAX_APPS}`);
  unique(parameters.map(({ name }) => name), "state.parameters");
  unique(apps.map(({ name }) => name), "state.apps");
  for (const { name, on, rules } of parameters) {
    const path = pathOf("state.parameters", name);
    if (on !== null) settled(on, `${path}.on`);
    checkRules(rules, path);
  }
  const taken = new Map<string, string>();
  for (const { name, on } of apps) {
    const path = `${pathOf("state.apps", name)}.on`;
    settled(on, path);
    for (const node of selectNodes(on, { nodes }, path)) {
      const other = taken.get(node);
      if (other !== undefined) {
        throw new ScenarioProblem(path, `${node} has ${other} already: a node has one app`);
      }
      taken.set(node, name);
    }
  }
}

/** Refuses an action on shared state that means nobody. */
export function checkStateAction(action: StateAction, plan: StatePlan | undefined, path: string): void {
  if (plan === undefined) {
    throw new ScenarioProblem(path, "the scenario has no state", "state: {apps: {desk: {on: app-*}}}");
  }
  const find = (pattern: string, names: readonly string[], key: string, what: string): void => {
    if (names.some((name) => meansName(pattern, name))) return;
    throw new ScenarioProblem(`${path}.${key}`, `there is no ${what} ${pattern}`, suggest(pattern, names));
  };
  const apps = plan.apps.map(({ name }) => name);
  if ("app" in action) find(action.app, apps, "app", "app");
  if ("to" in action && action.to !== undefined) {
    find(action.to.split("@")[0] ?? action.to, apps, "to", "app");
  }
  if (action.verb !== "redefine") return;
  const declared = plan.parameters.filter(({ on }) => on !== null).map(({ name }) => name);
  find(action.parameter, declared, "parameter", "parameter that a node declares");
  checkRules(action.rules, path);
}

const us = (value: number): string => writeQuantity(DURATION, value);

/** Writes the rules of a parameter as they would be written by hand. */
export function writeRules({ min, max, onLoss, fadeUs, ...rest }: ParameterRules): Record<string, unknown> {
  return {
    ...rest,
    ...(min === undefined || max === undefined ? {} : { range: [min, max] }),
    ...(onLoss === undefined ? {} : { on_loss: onLoss }),
    ...(fadeUs === undefined ? {} : { fade: us(fadeUs) }),
  };
}

/** Writes the shared state as it would be written by hand. */
export function writeState({ hosts, parameters, apps }: StatePlan): Record<string, unknown> {
  return {
    ...(hosts === null ? {} : { host: hosts }),
    ...(parameters.length === 0 ? {} : {
      parameters: Object.fromEntries(parameters.map(({ name, on, rules }) => [
        name,
        { ...writeRules(rules), ...(on === null ? {} : { on }) },
      ])),
    }),
    ...(apps.length === 0 ? {} : {
      apps: Object.fromEntries(apps.map(({ name, on, startUs, interests, writes, playsEveryUs }) => [name, {
        on,
        start: startUs === null ? "later" : us(startUs),
        ...(interests === undefined ? {} : { interests: [...interests] }),
        ...(writes.length === 0
          ? {}
          : { writes: writes.map(({ everyUs, ...rest }) => ({ ...rest, every: us(everyUs) })) }),
        ...(playsEveryUs === undefined ? {} : { plays: us(playsEveryUs) }),
      }])),
    }),
  };
}
