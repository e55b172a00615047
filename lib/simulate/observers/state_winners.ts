// Rules about what stands at a path: always the winner of its claims, and never another value just because somebody is lost.
// The rule of the winner is said here a second time, for claims of writers who are all there, so that the first can be wrong.

import type { Claim, ParameterDefinition, PathId, StateHost } from "../../state/mod.ts";
import type { ObserverDefinition, RunContext, RunObserver } from "../observe.ts";

/** What stands is what wins. */
export const statePriority: ObserverDefinition = {
  id: "state_priority",
  kind: "safety",
  summary:
    "At every host the value of every path is that of the winner of its claims: of the highest priority, the newest.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    return {
      onTick: () => {
        for (const { node, host } of oracle.state?.hosts() ?? []) {
          const why = strayOf(host);
          if (why !== null) {
            violate({ id: "state_priority", kind: "safety", nodes: [node], text: `${node}: ${why}` });
          }
        }
      },
    };
  },
};

/** Why the state of a host is not what its claims say; null when it is. */
export function strayOf(host: StateHost): string | null {
  const { book, claims } = host.document;
  const stray = host.document.findStray();
  if (stray !== null) return `${book.pathOf(stray) ?? `#${stray}`} is not the winner of its claims`;
  for (let number = 1; number <= book.lastId; number++) {
    const id = number as PathId;
    const definition = book.definitionOf(id);
    const record = definition === null ? null : claims.recordOf(id);
    if (definition === null || record === null) continue;
    const expected = winnerOf(record.claims, definition);
    const entry = host.document.entryOf(id);
    if (expected === null || entry === null) continue;
    if (entry.holder === expected.client && entry.priority === expected.priority) continue;
    return `${definition.path} is held by client ${entry.holder} with priority ${entry.priority}, and client ` +
      `${expected.client} claims it with ${expected.priority}`;
  }
  return null;
}

/** Who should hold a path: null where that takes more than priority and age. */
function winnerOf(claims: readonly Claim[], { merge }: ParameterDefinition): Claim | null {
  if (merge !== "latest" && merge !== "highest") return null;
  let best: Claim | null = null;
  for (const claim of claims) {
    if (claim.standing === "released") continue;
    if (claim.standing !== "live") return null;
    if (claim.priority === 0) continue;
    const order = best === null ? 1 : claim.priority - best.priority ||
      (merge === "highest" ? Number(claim.value) - Number(best.value) : 0) ||
      claim.term - best.term || claim.seq - best.seq;
    if (order > 0) best = claim;
  }
  return best;
}

/** Loss changes nothing. */
export const stateHoldsOnLoss: ObserverDefinition = {
  id: "state_holds_on_loss",
  kind: "safety",
  summary:
    "Where a parameter holds its value, the loss of whoever wrote it changes nothing until somebody writes.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state" || fact.what !== "changed" || fact.deleted || fact.revived) return;
        const { node, path, cause, from, to, holds, overlaid, writeBefore, writeNow } = fact;
        if (!holds || overlaid || writeNow !== writeBefore || (cause !== "left" && cause !== "deadline")) {
          return;
        }
        if (JSON.stringify(from) === JSON.stringify(to)) return;
        violate({
          id: "state_holds_on_loss",
          kind: "safety",
          nodes: [node],
          text: `${node}: ${path} goes from ${JSON.stringify(from)} to ${
            JSON.stringify(to)
          } although nobody wrote (${cause})`,
        });
      },
    };
  },
};
