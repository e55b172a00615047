// Smaller scenarios of a scenario: without nodes, without its tail, squeezed in time.
// Decides what must change along, so that each is one that can be played and written as a file; runs nothing.

import { checkScenario, isRandom, isSettled, namesOf, VERBS } from "../language/mod.ts";
import { meansProgram, PROGRAM_ACTIONS, type ProgramPlan } from "../program_plan.ts";
import type { Action, NodePlan, Scenario, Selector, TimedAction } from "../scenario.ts";
import { isStateAction, meansName, type StatePlan } from "../state_plan.ts";

/** The scenario with other parts; null when it could not be played. */
export function changed(scenario: Scenario, parts: Partial<Scenario>): Scenario | null {
  const candidate = { ...scenario, ...parts };
  try {
    checkScenario(candidate);
    return candidate;
  } catch {
    return null;
  }
}

/** The scenario without these nodes: selectors that named them name the others; what is left without anybody goes. */
export function withoutNodes(scenario: Scenario, gone: ReadonlySet<string>): Scenario | null {
  const nodes = scenario.nodes.filter(({ name, cloneOf }) =>
    !gone.has(name) && (cloneOf === undefined || !gone.has(cloneOf))
  );
  if (nodes.length === 0) return null;
  const rewrite = (selector: Selector): Selector | null => remaining(selector, scenario.nodes, nodes);
  const timeline = scenario.timeline.flatMap((timed) => {
    const action = rewriteAction(timed.action, rewrite);
    return action === null ? [] : [{ ...timed, action }];
  });
  const traffic = scenario.traffic.flatMap((plan) => {
    const [from, to] = [rewrite(plan.from), rewrite(plan.to)];
    return from === null || to === null ? [] : [{ ...plan, from, to }];
  });
  const overrides = scenario.network.overrides.flatMap((override) => {
    const [from, to] = [rewrite(override.from), rewrite(override.to)];
    return from === null || to === null ? [] : [{ ...override, from, to }];
  });
  const programs = scenario.programs?.flatMap((plan) => {
    const on = rewrite(plan.on);
    return on === null ? [] : [{ ...plan, on }];
  });
  const used = new Set(nodes.flatMap(({ interfaces }) => interfaces.map(({ segment }) => segment)));
  const segments = scenario.network.segments.filter(({ name }) => used.has(name));
  const network = { segments: segments.length === 0 ? scenario.network.segments : segments, overrides };
  const { state: before } = scenario;
  const state = before === undefined ? undefined : stateAmong(before, rewrite);
  const parts = {
    nodes,
    timeline: state === undefined ? timeline : timeline.filter(({ action }) => meansApp(action, state)),
    traffic,
    network,
    ...(state === undefined ? {} : { state }),
  };
  return programs === undefined ? changed(scenario, parts) : changed(withPrograms(scenario, programs), {
    ...parts,
    timeline: parts.timeline.filter(({ action }) => meansSomething(action, programs)),
  });
}

/** Shared state among fewer nodes. */
function stateAmong(plan: StatePlan, rewrite: (selector: Selector) => Selector | null): StatePlan {
  return {
    hosts: plan.hosts === null ? null : rewrite(plan.hosts),
    parameters: plan.parameters.flatMap((each) => {
      const on = each.on === null ? null : rewrite(each.on);
      return each.on !== null && on === null ? [] : [{ ...each, on }];
    }),
    apps: plan.apps.flatMap((each) => {
      const on = rewrite(each.on);
      return on === null ? [] : [{ ...each, on }];
    }),
  };
}

/** The scenario without one app of its shared state: actions on it alone go too. */
export function withoutApp(scenario: Scenario, name: string): Scenario | null {
  const { state: before } = scenario;
  if (before === undefined) return null;
  const state = { ...before, apps: before.apps.filter((each) => each.name !== name) };
  return changed(scenario, {
    state,
    timeline: scenario.timeline.filter(({ action }) => meansApp(action, state)),
  });
}

function meansApp(action: Action, { apps, parameters }: StatePlan): boolean {
  if (!isStateAction(action)) return true;
  if (action.verb === "redefine") {
    return parameters.some(({ name, on }) => on !== null && meansName(action.parameter, name));
  }
  return !("app" in action) || apps.some(({ name }) => meansName(action.app, name));
}

/** The scenario with these programs; without the key where there are none. */
function withPrograms(scenario: Scenario, programs: readonly ProgramPlan[]): Scenario {
  const { programs: _programs, ...rest } = scenario;
  return programs.length === 0 ? rest : { ...rest, programs };
}

/** The scenario without one of its programs: actions on it, and what needs it, go too. */
export function withoutProgram(scenario: Scenario, name: string): Scenario | null {
  const programs = scenario.programs?.filter((plan) =>
    plan.name !== name && plan.rules.needs?.[name] === undefined
  );
  if (programs === undefined) return null;
  const timeline = scenario.timeline.filter(({ action }) => meansSomething(action, programs));
  return changed(withPrograms(scenario, programs), { timeline });
}

function meansSomething(action: Action, programs: readonly ProgramPlan[]): boolean {
  if (!PROGRAM_ACTIONS.has(action.verb)) return true;
  if (!("program" in action)) return programs.length > 0;
  return programs.some(({ name }) => meansProgram(action.program, name));
}

/** The selector among fewer nodes; null when it means nobody any more. */
function remaining(
  selector: Selector,
  before: readonly NodePlan[],
  after: readonly NodePlan[],
): Selector | null {
  if (isSettled(selector, after)) return selector;
  if (isRandom(selector)) return null;
  const known = new Set(after.map(({ name }) => name));
  const names = namesOf(selector, before).filter((name) => known.has(name));
  return names.length === 0 ? null : names.join(",");
}

/** The action with other selectors; null when one of them means nobody. */
export function rewriteAction(
  action: Action,
  rewrite: (selector: Selector) => Selector | null,
): Action | null {
  switch (action.verb) {
    case "heal":
    case "mark":
      return action;
    case "partition": {
      const groups = action.groups.flatMap((group) => rewrite(group) ?? []);
      // One group alone would stand against everybody: something else than was meant.
      return groups.length < Math.min(2, action.groups.length) ? null : { ...action, groups };
    }
    case "cut":
    case "clog":
    case "link": {
      const [from, to] = [rewrite(action.from), rewrite(action.to)];
      return from === null || to === null ? null : { ...action, from, to };
    }
    case "start-program":
    case "stop-program":
    case "restart-program": {
      const { from, ...rest } = action;
      const nodes = rewrite(action.nodes);
      const asker = from === undefined ? null : rewrite(from);
      if (nodes === null) return null;
      return { ...rest, nodes, ...(asker === null ? {} : { from: asker }) };
    }
    default: {
      const nodes = rewrite(action.nodes);
      return nodes === null ? null : { ...action, nodes };
    }
  }
}

const hurts = new Map(VERBS.map(({ verb, hurts }) => [verb, hurts]));
const mustEnd = new Map(VERBS.map(({ verb, length }) => [verb, length === "must end"]));

/** When the last action that hurts has ended. */
export function lastEndUs(scenario: Scenario): number {
  const ends = scenario.timeline.filter(({ action }) => hurts.get(action.verb) !== false)
    .map(({ atUs, forUs = 0 }) => atUs + forUs);
  return Math.max(scenario.warmupUs, ...ends);
}

/** The scenario ending at `durationUs` with so much quiet: later actions go, longer ones are cut. */
export function endingAt(scenario: Scenario, durationUs: number, quietUs: number): Scenario | null {
  const limitUs = durationUs - quietUs;
  if (limitUs < scenario.warmupUs) return null;
  const timeline = scenario.timeline.flatMap((timed): TimedAction[] => {
    const { action, atUs, forUs } = timed;
    if (hurts.get(action.verb) === false) return atUs > durationUs ? [] : [timed];
    if (atUs > limitUs || (forUs !== undefined && atUs >= limitUs)) return [];
    if (forUs === undefined || atUs + forUs <= limitUs) return [timed];
    if (mustEnd.get(action.verb) === true) return [{ ...timed, forUs: limitUs - atUs }];
    // What would have come back after the end does not come back.
    return [withoutEnd(timed)];
  });
  const traffic = scenario.traffic.flatMap((plan) =>
    plan.startUs >= durationUs ? [] : [{ ...plan, endUs: Math.min(plan.endUs, durationUs) }]
  );
  return changed(scenario, { durationUs, quietUs, timeline, traffic });
}

function withoutEnd({ id, atUs, action }: TimedAction): TimedAction {
  return { id, atUs, action };
}

/** The scenario with everything from `fromUs` on so much earlier. */
export function earlier(scenario: Scenario, fromUs: number, byUs: number): Scenario | null {
  const shift = (atUs: number): number => atUs >= fromUs ? atUs - byUs : atUs;
  const warmupUs = fromUs <= scenario.warmupUs ? Math.max(0, scenario.warmupUs - byUs) : scenario.warmupUs;
  const timeline = scenario.timeline.map((timed) => ({ ...timed, atUs: shift(timed.atUs) }));
  const traffic = scenario.traffic.map((plan) => ({
    ...plan,
    startUs: shift(plan.startUs),
    endUs: Math.max(shift(plan.startUs), shift(plan.endUs)),
  }));
  return changed(scenario, { durationUs: scenario.durationUs - byUs, warmupUs, timeline, traffic });
}

/** How large a scenario is, for people. */
export function sizeOf(scenario: Scenario): string {
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  const parts = [
    count(scenario.nodes.length, "node"),
    count(scenario.timeline.length, "action"),
    ...(scenario.traffic.length === 0 ? [] : [`${scenario.traffic.length} traffic`]),
    `${Math.round(scenario.durationUs / 100_000) / 10} s`,
  ];
  return parts.join(", ");
}
