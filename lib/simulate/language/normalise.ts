// From what people write to the normal form: extends, parameters, sweeps, defaults, units, names.
// Decides the order of these steps and the defaults; each part is read by the file that is called like it.

import { HanaError } from "../../base/mod.ts";
import { type Scenario, SCENARIO_VERSION } from "../scenario.ts";
import { checkScenario } from "./check.ts";
import { BASES } from "./bases.ts";
import { documentShape, type ScenarioDocument } from "./document.ts";
import { planExpectations } from "./expect.ts";
import { canonical } from "./hash.ts";
import { planNetwork, planTraffic } from "./network.ts";
import { planNodes } from "./nodes.ts";
import { isNormalForm, readNormalForm } from "./normal_form.ts";
import { planPrograms } from "./programs.ts";
import { combinations, merge, type Parameters, substitute } from "./params.ts";
import { kindOf, pathOf, ScenarioProblem, suggest } from "./problem.ts";
import { isRecord, refuseUnknownKeys } from "./shape.ts";
import { documentFields } from "./document.ts";
import { planState } from "./state.ts";
import { type Entry, expandTimeline } from "./timeline.ts";

/** How to read a scenario. */
export interface NormaliseOptions {
  /** Values of parameters; they go before the scenario's own, and before a sweep over them. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Where it comes from, for messages: a file, a name. */
  readonly source?: string;
  /** Finds what `extends` names, as written; undefined for none. `base` is always there. */
  readonly resolveBase?: (name: string) => unknown;
}

const DEFAULT_WARMUP_US = 5_000_000;
const DEFAULT_QUIET_US = 20_000_000;
/** How long it goes on where nothing happens and nobody says how long. */
const CALM_US = 10_000_000;
const MAX_EXTENDS = 8;
const MAX_VARIANTS = 1_000;

/**
 * The scenarios that a file means, one for each variant of its sweep. One in the normal form is returned as it is.
 * Throws `config` with the path of the first mistake.
 */
export function normaliseScenario(raw: unknown, options: NormaliseOptions = {}): Scenario[] {
  const name = isRecord(raw) && typeof raw.name === "string" ? raw.name : "scenario";
  try {
    if (!isRecord(raw)) throw new ScenarioProblem("", `is ${kindOf(raw)}, not a mapping`);
    if (isNormalForm(raw)) {
      const scenario = readNormalForm(raw);
      checkScenario(scenario);
      return [scenario];
    }
    refuseUnknownKeys(raw, Object.keys(documentFields), "");
    const whole = resolveExtends(raw, options.resolveBase);
    return variantsOf(whole, options.params ?? {}).map(({ parameters, label }) =>
      normaliseOne(whole, parameters, label)
    );
  } catch (thrown) {
    if (thrown instanceof ScenarioProblem) throw thrown.toHanaError(options.source ?? name);
    throw thrown;
  }
}

/** The scenario with all that it takes over; `extends` is gone then. */
function resolveExtends(
  raw: Record<string, unknown>,
  resolveBase: NormaliseOptions["resolveBase"],
): Record<string, unknown> {
  const chain: Record<string, unknown>[] = [raw];
  const names: string[] = [];
  for (let extended = raw.extends; extended !== undefined;) {
    const name = extended;
    if (typeof name !== "string") throw new ScenarioProblem("extends", `is ${kindOf(name)}, not a name`);
    if (names.includes(name) || chain.length > MAX_EXTENDS) {
      throw new ScenarioProblem("extends", `goes round: ${[...names, name].join(" → ")}`);
    }
    names.push(name);
    const base = resolveBase?.(name) ?? BASES[name];
    if (base === undefined) {
      throw new ScenarioProblem("extends", `there is no scenario ${name}`, suggest(name, Object.keys(BASES)));
    }
    if (!isRecord(base) || isNormalForm(base)) {
      throw new ScenarioProblem("extends", `${name} is no scenario as written by hand`);
    }
    chain.push(base);
    extended = base.extends;
  }
  let whole: unknown = {};
  for (const each of chain.reverse()) whole = merge(whole, each);
  if (!isRecord(whole)) return {};
  const { extends: _extends, ...rest } = whole;
  return rest;
}

interface Variant {
  readonly parameters: Parameters;
  /** `median=1ms,sigma=0.2`; empty without a sweep. */
  readonly label: string;
}

function variantsOf(whole: Record<string, unknown>, given: Parameters): Variant[] {
  const defaults = whole.params === undefined ? {} : documentFields.params.shape.read(whole.params, "params");
  const sweep = whole.sweep === undefined ? {} : documentFields.sweep.shape.read(whole.sweep, "sweep");
  const known = [...new Set([...Object.keys(defaults), ...Object.keys(sweep)])];
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      throw new ScenarioProblem(pathOf("params", name), "there is no such parameter", suggest(name, known));
    }
  }
  // What is given from outside is not swept over.
  const axes = Object.fromEntries(Object.entries(sweep).filter(([name]) => given[name] === undefined));
  const found = combinations(axes);
  if (found.length > MAX_VARIANTS) {
    throw new ScenarioProblem("sweep", `makes more than ${MAX_VARIANTS} scenarios`);
  }
  return found.map((values) => ({
    parameters: { ...defaults, ...values, ...given },
    label: Object.entries(values).map(([name, value]) => `${name}=${value}`).join(","),
  }));
}

function normaliseOne(whole: Record<string, unknown>, parameters: Parameters, label: string): Scenario {
  const { params: _params, sweep: _sweep, ...rest } = whole;
  const document = documentShape.read(substitute(rest, parameters), "");
  const warmupUs = document.warmup ?? DEFAULT_WARMUP_US;
  const quietUs = document.quiet ?? DEFAULT_QUIET_US;
  const network = planNetwork(document.network);
  const nodes = planNodes(document.nodes, network.segments.map(({ name }) => name));
  const entries = document.timeline ?? [];
  const timeline = expandTimeline(entries, {
    nodes,
    warmupUs,
    quietUs,
    durationUs: document.duration ?? null,
  });
  const durationUs = document.duration ?? durationOf(document, timeline, warmupUs, quietUs);
  const programs = planPrograms(document.programs ?? {});
  const scenario: Scenario = {
    version: SCENARIO_VERSION,
    name: label === "" ? document.name : `${document.name}[${label.slice(0, 200)}]`,
    summary: document.summary ?? "",
    tags: document.tags ?? [],
    warmupUs,
    durationUs,
    quietUs,
    network,
    nodes,
    traffic: planTraffic(document.traffic ?? [], { warmupUs, durationUs }),
    // A scenario without programs is the one that it was before there were any.
    ...(programs.length === 0 ? {} : { programs }),
    ...(document.state === undefined ? {} : { state: planState(document.state) }),
    timeline,
    expect: planExpectations(document.expect),
  };
  checkScenario(scenario, (id) => pathOfAction(entries, id));
  return scenario;
}

function durationOf(
  document: ScenarioDocument,
  timeline: Scenario["timeline"],
  warmupUs: number,
  quietUs: number,
): number {
  const ends = timeline.map(({ atUs, forUs = 0 }) => atUs + forUs);
  const trafficEnds = (document.traffic ?? []).map(({ end = 0 }) => end - quietUs);
  const lastUs = Math.max(warmupUs, ...ends, ...trafficEnds);
  return (ends.length === 0 ? lastUs + CALM_US : lastUs) + quietUs;
}

/** Where an action was written: its id, or the beginning of it up to a dot, belongs to one entry. */
function pathOfAction(entries: readonly Entry[], id: string): string {
  const index = entries.findIndex(({ times }, at) => {
    const own = times.id ?? `t${at}`;
    return id === own || id.startsWith(`${own}.`);
  });
  return entries[index]?.path ?? id;
}

/** Reads one scenario that must not be a sweep. Throws `config`. */
export function normaliseSingle(raw: unknown, options: NormaliseOptions = {}): Scenario {
  const [first, second] = normaliseScenario(raw, options);
  if (first !== undefined && second === undefined) return first;
  throw new HanaError("config", {
    what: options.source ?? "scenario",
    why: "is a sweep of several",
    hint: "say which values: --param name=value",
  });
}

/** Whether two scenarios are the same, prose included. */
export function sameScenario(a: Scenario, b: Scenario): boolean {
  return canonical(a) === canonical(b);
}
