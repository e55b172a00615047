// Which nodes a fact is about. Excerpts weigh facts by them, the page marks rows by them.
// Decides nothing of how a fact is told (fact_line.ts).

import type { Fact } from "../observe.ts";

/** The scenario's names of the nodes that `fact` is about; none for a phase, a claim, a stranger. */
export function nodesOf(fact: Fact): readonly string[] {
  switch (fact.kind) {
    case "view":
      return fact.subject === null ? [fact.observer] : [fact.observer, fact.subject];
    case "session":
    case "path":
      return [fact.node, fact.peer];
    case "sent":
    case "received":
    case "answered":
    case "frame":
      return [fact.from, fact.to];
    case "commanded":
      return [fact.from, fact.node];
    case "fault":
      return fact.chosen;
    case "violation":
      return fact.violation.nodes;
    case "asked":
      return [fact.node, fact.target];
    case "process":
    case "signalled":
    case "behaves":
    case "program":
    case "node-started":
    case "node-ready":
    case "node-stopped":
    case "discovery":
    case "crash":
    case "state":
      return [fact.node];
    default:
      return [];
  }
}
