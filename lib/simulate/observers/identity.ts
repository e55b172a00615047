// Rules of who is who: incarnations, ids, names, clocks, and strangers.

import type { ObserverDefinition, RunContext } from "../observe.ts";
import { settledPairs } from "./membership.ts";
import { seconds } from "./measure.ts";
import { watchProgramNumbers } from "./programs.ts";

/** Lives of an id follow each other. */
export const incarnationMonotonic: ObserverDefinition = {
  id: "incarnation_monotonic",
  kind: "safety",
  summary:
    "Each start of an id has a later incarnation than the one before, and no view goes back to an older one; runs and " +
    "events of a program are counted on, whatever becomes of its shim, its node and its machine.",
  byDefault: true,
  create: (context: RunContext) => {
    const { oracle, violate, scenario } = context;
    const onProgram = scenario.programs === undefined ? null : watchProgramNumbers(context);
    const started = new Map<string, { node: string; incarnation: number }>();
    const seen = new Map<string, Map<string, number>>();
    // Ids that two nodes have had: until one of them takes another, views go from one to the other.
    const copied = new Set<string>();
    return {
      wants: onProgram === null
        ? ["node-started", "view"]
        : ["node-started", "view", "process", "program", "fault"],
      onFact: (fact) => {
        if (fact.kind === "process" || fact.kind === "program" || fact.kind === "fault") {
          onProgram?.(fact);
        } else if (fact.kind === "node-started") {
          seen.delete(fact.node);
          const last = started.get(fact.id);
          started.set(fact.id, { node: fact.node, incarnation: fact.incarnation });
          if (last !== undefined && last.node !== fact.node) copied.add(fact.id);
          if (last === undefined || last.node !== fact.node || fact.incarnation > last.incarnation) return;
          violate({
            id: "incarnation_monotonic",
            kind: "safety",
            nodes: [fact.node],
            text: `${fact.node} starts as incarnation ${fact.incarnation} after it was ${last.incarnation}`,
          });
        } else if (fact.kind === "view" && fact.op !== "remove") {
          let views = seen.get(fact.observer);
          if (views === undefined) seen.set(fact.observer, views = new Map());
          const last = views.get(fact.id) ?? 0;
          if (fact.incarnation >= last || copied.has(fact.id)) {
            views.set(fact.id, fact.incarnation);
            return;
          }
          const subject = fact.subject ?? fact.listedName;
          violate({
            id: "incarnation_monotonic",
            kind: "safety",
            nodes: [fact.observer, subject],
            text:
              `${fact.observer} goes back from incarnation ${last} of ${subject} to ${fact.incarnation} ` +
              `at ${seconds(oracle.nowUs)}`,
          });
        }
      },
    };
  },
};

function uniqueAfterQuiet(
  id: string,
  what: string,
  summary: string,
  valueOf: (oracle: RunContext["oracle"], node: string) => string | null,
): ObserverDefinition {
  return {
    id,
    kind: "liveness",
    summary,
    byDefault: true,
    create: ({ oracle, violate }: RunContext) => ({
      wants: ["phase"],
      onFact: (fact) => {
        if (fact.kind !== "phase" || fact.phase !== "end" || oracle.phase !== "quiet") return;
        for (const [a, b] of settledPairs(oracle)) {
          const value = valueOf(oracle, a);
          if (a > b || value === null || value !== valueOf(oracle, b)) continue;
          violate({
            id,
            kind: "liveness",
            nodes: [a, b],
            text: `${a} and ${b} both have the ${what} ${value}`,
          });
        }
      },
    }),
  };
}

/** In the end names are unique. */
export const uniqueNamesAfterQuiet = uniqueAfterQuiet(
  "unique_names_after_quiet",
  "name",
  "At the end of the quiet tail, no two nodes that can talk have the same name.",
  (oracle, node) => oracle.currentName(node),
);

/** In the end ids are unique. */
export const uniqueIdsAfterQuiet = uniqueAfterQuiet(
  "unique_ids_after_quiet",
  "id",
  "At the end of the quiet tail, no two nodes that can talk have the same id.",
  (oracle, node) => oracle.currentId(node),
);

/** Who has no key sees and reaches nobody. */
export const strangersStayBlind: ObserverDefinition = {
  id: "strangers_stay_blind",
  kind: "safety",
  summary: "Nodes of different keys never list each other and never open a session.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => ({
    wants: ["view", "session", "received"],
    onFact: (fact) => {
      let pair: [string, string] | null = null;
      let text = "";
      if (fact.kind === "view" && fact.subject !== null && fact.op !== "remove") {
        pair = [fact.observer, fact.subject];
        text = `${fact.observer} lists ${fact.subject}, which holds another key`;
      } else if (fact.kind === "session" && fact.what === "open") {
        pair = [fact.node, fact.peer];
        text = `${fact.node} has a session with ${fact.peer}, which holds another key`;
      } else if (fact.kind === "received") {
        pair = [fact.from, fact.to];
        text = `${fact.to} takes a message of ${fact.from}, which holds another key`;
      }
      if (pair === null || !pair.every((name) => oracle.nodes.includes(name)) || oracle.sharesMesh(...pair)) {
        return;
      }
      violate({ id: "strangers_stay_blind", kind: "safety", nodes: pair, text });
    },
  }),
};

/** A monotonic clock only goes on, and at the true pace. */
export const timersMonotonic: ObserverDefinition = {
  id: "timers_monotonic",
  kind: "safety",
  summary: "Whatever happens to a node's wall clock, its monotonic clock goes on at the true pace.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const last = new Map<string, { trueUs: number; ownUs: number; lifeUs: number }>();
    return {
      onTick: (nowUs) => {
        for (const node of oracle.nodes) {
          const ownUs = oracle.monotonicUs(node);
          const before = last.get(node);
          if (ownUs === null) {
            last.delete(node);
            continue;
          }
          const lifeUs = oracle.sinceUs(node);
          last.set(node, { trueUs: nowUs, ownUs, lifeUs });
          if (before === undefined || before.lifeUs !== lifeUs) continue;
          const errorUs = ownUs - before.ownUs - (nowUs - before.trueUs);
          if (errorUs === 0) continue;
          violate({
            id: "timers_monotonic",
            kind: "safety",
            nodes: [node],
            text: `the monotonic clock of ${node} jumps by ${errorUs} µs`,
          });
        }
      },
    };
  },
};
