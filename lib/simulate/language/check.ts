// What must hold in every scenario in the normal form, however it came about: written by hand, shrunk, or sent.
// Decides nothing about structure (normal_form.ts does); here names must mean somebody and times must fit.

import { meansProgram, PROGRAM_ACTIONS } from "../program_plan.ts";
import type { Action, NodePlan, Scenario, TimedAction } from "../scenario.ts";
import { isStateAction } from "../state_plan.ts";
import { pathOf, ScenarioProblem, suggest } from "./problem.ts";
import { checkSelector, isRandomSelector, selectNodes } from "./selector.ts";
import { PROGRAM_VERBS } from "./program_verbs.ts";
import { checkPrograms } from "./programs.ts";
import { STATE_VERBS } from "./state_verbs.ts";
import { checkState, checkStateAction } from "./state.ts";
import { PLAIN_VERBS } from "./verbs.ts";

/** The longest run. */
export const MAX_DURATION_US = 48 * 3600 * 1_000_000;

/** Refuses a scenario that cannot be played. `pathOfAction` tells where an action was written. */
export function checkScenario(scenario: Scenario, pathOfAction?: (id: string) => string): void {
  const { durationUs, warmupUs, quietUs } = scenario;
  if (durationUs <= 0) throw new ScenarioProblem("duration", "is nothing");
  if (durationUs > MAX_DURATION_US) throw new ScenarioProblem("duration", "is more than 48h");
  if (warmupUs + quietUs > durationUs) {
    throw new ScenarioProblem("duration", "is less than warmup and quiet together", "make it longer");
  }
  checkNodes(scenario);
  scenario.network.overrides.forEach((override, index) => {
    const path = pathOf("network.overrides", index);
    checkSelector(override.from, scenario.nodes, `${path}.from`);
    checkSelector(override.to, scenario.nodes, `${path}.to`);
  });
  scenario.traffic.forEach((plan, index) => {
    const path = pathOf("traffic", index);
    checkSelector(plan.from, scenario.nodes, `${path}.from`);
    checkSelector(plan.to, scenario.nodes, `${path}.to`);
    if (plan.endUs < plan.startUs) throw new ScenarioProblem(`${path}.end`, "lies before the start");
  });
  checkPrograms(scenario.programs ?? [], scenario.nodes);
  if (scenario.state !== undefined) checkState(scenario.state, scenario.nodes);
  const ids = new Set<string>();
  scenario.timeline.forEach((timed, index) => {
    const path = pathOfAction?.(timed.id) ?? pathOf("timeline", index);
    if (ids.has(timed.id)) throw new ScenarioProblem(path, `the id ${timed.id} is there twice`);
    ids.add(timed.id);
    checkAction(timed, scenario, path);
    checkPlace(timed, scenario, path);
  });
}

const verbs = new Map([...PLAIN_VERBS, ...PROGRAM_VERBS, ...STATE_VERBS].map((row) => [row.verb, row]));

/** What hurts has no place in the warm-up and in the quiet tail. */
function checkPlace({ atUs, forUs = 0, action }: TimedAction, scenario: Scenario, path: string): void {
  const row = verbs.get(action.verb);
  if (row?.hurts === false) return;
  if (atUs < scenario.warmupUs && row?.inWarmup !== true) {
    throw new ScenarioProblem(
      path,
      "lies in the warm-up, in which the mesh must form undisturbed",
      "let it begin later",
    );
  }
  if (atUs + forUs > scenario.durationUs - scenario.quietUs) {
    throw new ScenarioProblem(
      path,
      "reaches into the quiet tail, where nothing may hurt",
      "make duration longer or quiet shorter",
    );
  }
}

function checkNodes({ nodes, network }: Scenario): void {
  const names = new Set<string>();
  const hosts = new Map<string, NodePlan>();
  const addresses = new Map<string, string>();
  const segments = new Set(network.segments.map(({ name }) => name));
  for (const node of nodes) {
    const path = pathOf("nodes", node.name);
    if (names.has(node.name)) throw new ScenarioProblem(path, "is there twice");
    names.add(node.name);
    const neighbour = hosts.get(node.host);
    if (neighbour !== undefined) {
      if (JSON.stringify(neighbour.interfaces) === JSON.stringify(node.interfaces)) continue;
      throw new ScenarioProblem(path, `has other interfaces than ${neighbour.name} on the same machine`);
    }
    hosts.set(node.host, node);
    for (const { name, segment, address } of node.interfaces) {
      if (!segments.has(segment)) {
        throw new ScenarioProblem(
          `${path}.${name}`,
          `there is no segment ${segment}`,
          suggest(segment, segments),
        );
      }
      const place = `${segment} ${address}`;
      const owner = addresses.get(place);
      if (owner !== undefined) {
        throw new ScenarioProblem(`${path}.${name}`, `${address} is ${owner}'s already`);
      }
      addresses.set(place, node.name);
    }
  }
  for (const node of nodes) {
    if (node.cloneOf === undefined || names.has(node.cloneOf)) continue;
    throw new ScenarioProblem(
      `nodes.${node.name}.clone_of`,
      `there is no node ${node.cloneOf}`,
      suggest(node.cloneOf, names),
    );
  }
}

/** Selectors of an action, with the keys under which they stand. */
export function selectorsOf(action: Action): readonly (readonly [key: string, selector: string])[] {
  switch (action.verb) {
    case "partition":
      return action.groups.map((group, index) => [`groups[${index}]`, group]);
    case "cut":
    case "clog":
    case "link":
      return [["from", action.from], ["to", action.to]];
    case "heal":
    case "mark":
      return [];
    case "start-program":
    case "stop-program":
    case "restart-program":
      return [["on", action.nodes], ...(action.from === undefined ? [] : [["from", action.from] as const])];
    default:
      return [["nodes", action.nodes]];
  }
}

function checkAction({ atUs, forUs, action }: TimedAction, scenario: Scenario, path: string): void {
  const { nodes, durationUs } = scenario;
  const verbPath = pathOf(path, action.verb);
  if (atUs > durationUs) throw new ScenarioProblem(path, "begins after the run has ended");
  if (forUs !== undefined && forUs <= 0) throw new ScenarioProblem(path, "lasts no time");
  for (const [key, selector] of selectorsOf(action)) checkSelector(selector, nodes, pathOf(verbPath, key));
  if (PROGRAM_ACTIONS.has(action.verb)) checkProgramAction(action, scenario, verbPath);
  if (isStateAction(action)) checkStateAction(action, scenario.state, verbPath);
  if (action.verb === "partition") checkGroups(action.groups, nodes, verbPath);
  if (action.verb === "address" || action.verb === "interface") {
    if (isRandomSelector(action.nodes)) return;
    const chosen = selectNodes(action.nodes, { nodes }, verbPath);
    const hosts = new Set(nodes.filter(({ name }) => chosen.includes(name)).map(({ host }) => host));
    if (action.verb === "address" && hosts.size > 1) {
      throw new ScenarioProblem(`${verbPath}.nodes`, `${hosts.size} machines cannot share one address`);
    }
    for (const node of nodes) {
      if (!chosen.includes(node.name) || node.interfaces.some(({ name }) => name === action.name)) continue;
      const known = node.interfaces.map(({ name }) => name);
      throw new ScenarioProblem(
        `${verbPath}.name`,
        `${node.name} has no ${action.name}`,
        suggest(action.name, known),
      );
    }
  }
}

function checkProgramAction(action: Action, { programs = [] }: Scenario, path: string): void {
  if (programs.length === 0) {
    throw new ScenarioProblem(path, "the scenario has no programs", "programs: {scene: {on: viz-*}}");
  }
  if (!("program" in action)) return;
  if (programs.some(({ name }) => meansProgram(action.program, name))) return;
  const names = programs.map(({ name }) => name);
  throw new ScenarioProblem(
    `${path}.program`,
    `there is no program ${action.program}`,
    suggest(action.program, names),
  );
}

function checkGroups(groups: readonly string[], nodes: readonly NodePlan[], path: string): void {
  if (groups.some(isRandomSelector)) return;
  const seen = new Map<string, number>();
  groups.forEach((group, index) => {
    for (const name of selectNodes(group, { nodes }, pathOf(path, index))) {
      if (seen.has(name)) {
        throw new ScenarioProblem(pathOf(path, index), `${name} is in group ${seen.get(name)} already`);
      }
      seen.set(name, index);
    }
  });
}
