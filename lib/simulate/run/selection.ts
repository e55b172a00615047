// Which observers watch a run: those that its scenario asks for, those that are on by default.
// Decides nothing about what they find. Unknown names are mistakes, never silence.

import { HanaError } from "../../base/mod.ts";
import type { ObserverDefinition } from "../observe.ts";
import type { Scenario } from "../scenario.ts";

/** The name in `expect.invariants` for all that are on by default. */
const DEFAULT = "default";

/** The observers of a run. Throws `config` for an invariant, a metric or a claim that nobody knows. */
export function selectObservers(
  scenario: Scenario,
  definitions: readonly ObserverDefinition[],
): ObserverDefinition[] {
  const { invariants, metrics, sometimes } = scenario.expect;
  const rules = definitions.flatMap(({ id, kind }) => kind === "metrics" ? [] : [id]);
  const claims = definitions.flatMap((each) => each.claims ?? []);
  for (const id of invariants) {
    if (id !== DEFAULT && !rules.includes(id)) throw unknown(scenario, `the invariant ${id}`, rules);
  }
  for (const { metric } of metrics) {
    if (definitions.some((each) => makes(each, metric))) continue;
    throw unknown(scenario, `the metric ${metric}`, definitions.flatMap((each) => each.metrics ?? []));
  }
  for (const { claim } of sometimes) {
    if (!claims.includes(claim)) throw unknown(scenario, `the claim ${claim}`, claims);
  }
  return definitions.filter((each) =>
    each.always === true || invariants.includes(each.id) ||
    (each.kind === "metrics"
      ? each.byDefault || metrics.some(({ metric }) => makes(each, metric))
      : each.byDefault && invariants.includes(DEFAULT))
  );
}

/** Whether an observer makes a metric, as far as names tell. */
function makes({ metrics }: ObserverDefinition, metric: string): boolean {
  return metrics?.some((name) => metric === name || metric.startsWith(`${name}.`)) ?? false;
}

function unknown(scenario: Scenario, what: string, known: readonly string[]): HanaError {
  return new HanaError("config", {
    what: `scenario ${scenario.name}`,
    why: `nobody knows ${what}`,
    hint: `known are ${[...new Set(known)].sort().join(", ")}`,
  });
}
