// How fast nodes find each other, notice that one is gone, and agree again after a disturbance.

import type { Fact, MetricValue, ObserverDefinition, RunContext } from "../observe.ts";
import { Samples, single } from "./measure.ts";
import { settledPairs } from "./membership.ts";

/** One start, and who still has to see whom because of it. */
interface Start {
  readonly atUs: number;
  readonly incarnation: number;
  readonly waiting: Set<string>;
  /** Of those, whom it waits for itself. */
  own: number;
  readonly times: number[];
  firstUs: number | null;
  /** Whether it came into a mesh that stood. */
  readonly isLate: boolean;
}

const pairKey = (observer: string, subject: string): string => `${observer}>${subject}`;

/** From a start until the lists show it. */
export const discoveryTimes: ObserverDefinition = {
  id: "discovery",
  kind: "metrics",
  summary:
    "From a node's start until others list it and it lists them: each pair (`discovery`), the first who sees " +
    "it (`.first`), the last of both directions (`.all`), itself (`.join`); who never did (`.missing`). Of those who come " +
    "after the warm-up: until it lists all (`join.knows_all`), until all list it (`join.known_by_all`).",
  byDefault: true,
  metrics: ["discovery", "join"],
  create: ({ oracle }: RunContext) => {
    const pairs = new Samples("us");
    const first = new Samples("us");
    const all = new Samples("us");
    const join = new Samples("us");
    const knowsAll = new Samples("us");
    const knownByAll = new Samples("us");
    const starts = new Map<string, Start>();
    const starter = new Map<string, string>();
    let missing = 0;
    const see = (observer: string, subject: string, atUs: number): void => {
      const key = pairKey(observer, subject);
      const name = starter.get(key);
      const start = name === undefined ? undefined : starts.get(name);
      if (name === undefined || start === undefined || !start.waiting.delete(key)) return;
      starter.delete(key);
      const tookUs = atUs - start.atUs;
      pairs.add(tookUs);
      start.times.push(tookUs);
      if (subject === name && start.firstUs === null) first.add(start.firstUs = tookUs);
      if (observer === name && --start.own === 0) {
        join.add(tookUs);
        if (start.isLate) knowsAll.add(tookUs);
      }
      if (start.isLate && subject === name && start.waiting.size === start.own) knownByAll.add(tookUs);
      if (start.waiting.size === 0) all.add(Math.max(...start.times));
    };
    const drop = (name: string): void => {
      const start = starts.get(name);
      for (const key of start?.waiting ?? []) starter.delete(key);
      starts.delete(name);
      for (const [other, start] of starts) {
        const [own, theirs] = [pairKey(other, name), pairKey(name, other)];
        if (start.waiting.delete(own)) {
          starter.delete(own);
          start.own--;
        }
        if (start.waiting.delete(theirs)) starter.delete(theirs);
      }
    };
    return {
      wants: ["node-started", "node-stopped", "view", "phase"],
      onFact: (fact: Fact) => {
        if (fact.kind === "node-started") {
          drop(fact.node);
          const start: Start = {
            atUs: fact.atUs,
            incarnation: fact.incarnation,
            waiting: new Set(),
            own: 0,
            times: [],
            firstUs: null,
            isLate: oracle.phase !== "warmup",
          };
          for (const other of oracle.nodes) {
            if (other === fact.node || !oracle.isUp(other) || !oracle.sharesMesh(other, fact.node)) continue;
            if (!oracle.canTalk(other, fact.node) || !oracle.canTalk(fact.node, other)) continue;
            for (const key of [pairKey(other, fact.node), pairKey(fact.node, other)]) {
              start.waiting.add(key);
              starter.set(key, fact.node);
            }
            start.own++;
          }
          starts.set(fact.node, start);
        } else if (fact.kind === "node-stopped") drop(fact.node);
        else if (
          fact.kind === "view" && fact.subject !== null && fact.op !== "remove" && fact.state === "alive"
        ) {
          // The entry of a former life does not count.
          const life = starts.get(fact.subject);
          if (oracle.currentId(fact.subject) !== fact.id || life?.incarnation !== fact.incarnation) return;
          see(fact.observer, fact.subject, fact.atUs);
        } else if (fact.kind === "phase" && fact.phase === "end") {
          for (const { waiting, atUs } of starts.values()) if (oracle.nowUs > atUs) missing += waiting.size;
        }
      },
      finish: () => ({
        "discovery": pairs.metric(),
        "discovery.first": first.metric(),
        "discovery.all": all.metric(),
        "discovery.join": join.metric(),
        "discovery.missing": single("count", missing),
        "join.knows_all": knowsAll.metric(),
        "join.known_by_all": knownByAll.metric(),
      }),
    };
  },
};

/** From an end until the lists show it. */
export const undiscoveryTimes: ObserverDefinition = {
  id: "undiscovery",
  kind: "metrics",
  summary:
    "From a node's end until others list it as dead or left, or not at all: after a goodbye (`.leave`), a " +
    "crash (`.crash`), a power loss (`.power`); until the first (`.first`) and the last of them does (`.every`), and until " +
    "each takes it for alive no more, whatever for (`.noticed`).",
  byDefault: true,
  metrics: ["undiscovery"],
  create: ({ oracle }: RunContext) => {
    const all = new Samples("us");
    const by = { leave: new Samples("us"), crash: new Samples("us"), "power-loss": new Samples("us") };
    const first = new Samples("us");
    const every = new Samples("us");
    const noticed = new Samples("us");
    const ends = new Map<
      string,
      { atUs: number; how: keyof typeof by; waiting: Set<string>; unaware: Set<string>; isFirst: boolean }
    >();
    const forget = (observer: string): void => {
      for (const { waiting, unaware } of ends.values()) {
        waiting.delete(observer);
        unaware.delete(observer);
      }
    };
    return {
      wants: ["node-started", "node-stopped", "view"],
      onFact: (fact: Fact) => {
        if (fact.kind === "node-started") {
          ends.delete(fact.node);
          forget(fact.node);
        } else if (fact.kind === "node-stopped") {
          forget(fact.node);
          if (fact.how === "failed") return;
          const waiting = new Set(oracle.nodes.filter((other) => {
            const state = oracle.view(other).get(fact.node)?.state;
            return other !== fact.node && oracle.isUp(other) && (state === "alive" || state === "suspect");
          }));
          const unaware = new Set(waiting);
          ends.set(fact.node, { atUs: fact.atUs, how: fact.how, waiting, unaware, isFirst: true });
        } else if (fact.kind === "view" && fact.subject !== null) {
          const end = ends.get(fact.subject);
          if (end === undefined || (fact.op !== "remove" && fact.state === "alive")) return;
          const tookUs = fact.atUs - end.atUs;
          if (end.unaware.delete(fact.observer)) noticed.add(tookUs);
          if (fact.op !== "remove" && fact.state !== "dead" && fact.state !== "left") return;
          if (!end.waiting.delete(fact.observer)) return;
          all.add(tookUs);
          by[end.how].add(tookUs);
          if (end.isFirst) first.add(tookUs);
          end.isFirst = false;
          if (end.waiting.size === 0) every.add(tookUs);
        }
      },
      finish: () => ({
        "undiscovery": all.metric(),
        "undiscovery.first": first.metric(),
        "undiscovery.every": every.metric(),
        "undiscovery.noticed": noticed.metric(),
        "undiscovery.leave": by.leave.metric(),
        "undiscovery.crash": by.crash.metric(),
        "undiscovery.power": by["power-loss"].metric(),
      }),
    };
  },
};

/** Verbs whose end can bring nodes together again. */
const PARTING = new Set([
  "partition",
  "isolate",
  "cut",
  "clog",
  "link",
  "group-loss",
  "interface",
  "wrong-interface",
  "address",
  "heal",
  "freeze",
]);

/** From the end of a disturbance until the lists agree with the truth. */
export const convergenceTimes: ObserverDefinition = {
  id: "convergence",
  kind: "metrics",
  summary:
    "From the last end of a disturbance of the network until all nodes that can talk list each other as alive.",
  byDefault: true,
  metrics: ["convergence"],
  create: ({ oracle }: RunContext) => {
    const times = new Samples("us");
    let healedUs: number | null = null;
    let changedUs = 0;
    let never = 0;
    const isConverged = (): boolean => {
      for (const a of oracle.nodes) {
        if (!oracle.isUp(a)) continue;
        const view = oracle.view(a);
        for (const b of oracle.nodes) {
          if (a === b || !oracle.isUp(b) || view.get(b)?.state === "alive" || !oracle.sharesMesh(a, b)) {
            continue;
          }
          if (oracle.canTalk(a, b) && oracle.canTalk(b, a)) return false;
        }
      }
      return true;
    };
    return {
      wants: ["fault", "view", "phase"],
      onFact: (fact: Fact) => {
        if (fact.kind === "view") {
          if (fact.before !== fact.state) changedUs = fact.atUs;
        } else if (fact.kind === "phase") {
          if (fact.phase === "end" && healedUs !== null) never++;
        } else if (fact.kind === "fault" && PARTING.has(fact.verb)) {
          const heals = fact.phase === "end" || fact.verb === "heal" || fact.verb === "address";
          // The next disturbance begins before this one is over: nobody could have agreed meanwhile.
          healedUs = heals ? fact.atUs : null;
          if (heals) changedUs = fact.atUs;
        }
      },
      onTick: () => {
        if (healedUs === null || !isConverged()) return;
        times.add(Math.max(0, changedUs - healedUs));
        healedUs = null;
      },
      finish: (): Record<string, MetricValue> => ({
        "convergence": times.metric(),
        "convergence.never": single("count", never),
      }),
    };
  },
};

/** Pairs of the mesh that do not know each other in the end; for people who look at a run that failed. */
export const unmetPairs: ObserverDefinition = {
  id: "unmet",
  kind: "metrics",
  summary: "Pairs that have been able to talk for a while and do not list each other as alive at the end.",
  byDefault: false,
  metrics: ["unmet"],
  create: ({ oracle }: RunContext) => ({
    finish: () => ({
      "unmet": single(
        "count",
        settledPairs(oracle).filter(([a, b]) => oracle.view(a).get(b)?.state !== "alive").length,
      ),
    }),
  }),
};
