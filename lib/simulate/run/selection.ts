// Which observers watch a run: those that its scenario asks for, those that are on by default.
// Decides nothing about what they find. Unknown names are mistakes, never silence.

import { HanaError } from "../../base/mod.ts";
import type { ObserverDefinition } from "../observe.ts";
import type { Scenario } from "../scenario.ts";

/** The name in `expect.invariants` for all that are on by default. */
const DEFAULT = "default";

/** The observers of a run. Throws `config` for an invariant or a metric that nobody knows. */
export function selectObservers(
  scenario: Scenario,
  definitions: readonly ObserverDefinition[],
): ObserverDefinition[] {
  const { invariants, metrics } = scenario.expect;
  for (const id of invariants) {
    if (id !== DEFAULT && !definitions.some((each) => each.id === id && each.kind !== "metrics")) {
      throw unknown(scenario, `the invariant ${id}`, definitions.filter(({ kind }) => kind !== "metrics"));
    }
  }
  for (const { metric } of metrics) {
    if (!definitions.some((each) => makes(each, metric))) {
      throw unknown(scenario, `the metric ${metric}`, definitions.filter(({ kind }) => kind === "metrics"));
    }
  }
  return definitions.filter((each) =>
    each.always === true || invariants.includes(each.id) ||
    (each.kind === "metrics"
      ? each.byDefault || metrics.some(({ metric }) => makes(each, metric))
      : each.byDefault && invariants.includes(DEFAULT))
  );
}

function makes(definition: ObserverDefinition, metric: string): boolean {
  return definition.metrics?.some((name) => metric === name || metric.startsWith(`${name}.`)) ?? false;
}

function unknown(scenario: Scenario, what: string, known: readonly ObserverDefinition[]): HanaError {
  const names = known.flatMap(({ id, kind, metrics }) => kind === "metrics" ? metrics ?? [] : [id]);
  return new HanaError("config", {
    what: `scenario ${scenario.name}`,
    why: `nobody knows ${what}`,
    hint: `known are ${[...new Set(names)].sort().join(", ")}`,
  });
}
