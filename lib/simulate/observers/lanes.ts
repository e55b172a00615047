// What the lanes did with the messages of the scenario's traffic, and what became of the sessions that carried them.

import type { Fact, MetricValue, ObserverDefinition, RunContext } from "../observe.ts";
import { Counts, Samples, single } from "./measure.ts";

/** Figures of one lane. */
class LaneFigures {
  readonly latency = new Samples("us");
  readonly age = new Samples("us");
  readonly gap = new Samples("us");
  readonly answer = new Samples("us");
  sent = 0;
  refused = 0;
  received = 0;
  duplicates = 0;
  outOfOrder = 0;
  failed = 0;
}

/** What came over one lane from one node to another. */
interface Flow {
  lastUs: number;
  lastSentUs: number;
  highest: number;
  /** Numbers not seen below the highest one. */
  readonly missing: Set<number>;
}

/** A gap in the numbers that is wider than this is not remembered number by number. */
const MAX_MISSING = 4096;
/** Messages under way at the end are not lost yet. */
const UNDERWAY_US = 1_000_000;

/** Messages by lane. */
export const laneFigures: ObserverDefinition = {
  id: "lanes",
  kind: "metrics",
  summary:
    "Messages of the scenario's traffic by lane: from sending to arrival (`lane.control.latency`), how old the " +
    "newest one had become when the next came (`.age`), time between two (`.gap`), and how many were sent, refused, " +
    "lost, came twice (`.dup`) or late (`.out_of_order`); for requests, the time to the answer (`.answer`) and " +
    "failures (`.failed`).",
  byDefault: true,
  metrics: ["lane"],
  create: ({ scenario, oracle }: RunContext) => {
    const laneOf = new Map(scenario.traffic.map((plan) => [plan.id, plan]));
    const lanes = new Map<string, LaneFigures>();
    const flows = new Map<string, Flow>();
    for (const { lane } of scenario.traffic) lanes.set(lane, new LaneFigures());
    const figuresOf = (traffic: string): LaneFigures | undefined => {
      const plan = laneOf.get(traffic);
      return plan === undefined ? undefined : lanes.get(plan.lane);
    };
    // What was sent in the last moments may still be under way when the run ends.
    const isCounted = (sentAtUs: number): boolean => scenario.durationUs - sentAtUs >= UNDERWAY_US;
    return {
      wants: scenario.traffic.length === 0 ? [] : ["sent", "received", "answered"],
      onFact: (fact: Fact) => {
        if (fact.kind === "sent") {
          const figures = figuresOf(fact.traffic);
          if (figures === undefined) return;
          const isTaken = fact.status === "sent" || fact.status === "queued";
          if (!isTaken) figures.refused++;
          else if (isCounted(fact.atUs)) figures.sent++;
        } else if (fact.kind === "answered") {
          const figures = figuresOf(fact.traffic);
          if (figures === undefined) return;
          if (fact.status === "ok") figures.answer.add(fact.atUs - fact.sentAtUs);
          else figures.failed++;
        } else if (fact.kind === "received") {
          const figures = figuresOf(fact.traffic);
          if (figures === undefined) return;
          const key = `${fact.traffic}/${fact.from}/${fact.to}`;
          take(figures, key, fact);
        }
      },
      finish: () => {
        const metrics: Record<string, MetricValue> = {};
        for (const [name, each] of lanes) {
          const lane = `lane.${name}`;
          metrics[`${lane}.latency`] = each.latency.metric();
          metrics[`${lane}.age`] = each.age.metric();
          metrics[`${lane}.gap`] = each.gap.metric();
          metrics[`${lane}.answer`] = each.answer.metric();
          metrics[`${lane}.sent`] = single("count", each.sent);
          metrics[`${lane}.received`] = single("count", each.received);
          metrics[`${lane}.refused`] = single("count", each.refused);
          metrics[`${lane}.lost`] = single("count", Math.max(0, each.sent - each.received));
          metrics[`${lane}.dup`] = single("count", each.duplicates);
          metrics[`${lane}.out_of_order`] = single("count", each.outOfOrder);
          metrics[`${lane}.failed`] = single("count", each.failed);
        }
        return metrics;
      },
    };

    function take(figures: LaneFigures, key: string, fact: Extract<Fact, { kind: "received" }>): void {
      figures.latency.add(fact.atUs - fact.sentAtUs);
      const flow = flows.get(key);
      const isInTime = isCounted(fact.sentAtUs);
      if (flow === undefined) {
        if (isInTime) figures.received++;
        const missing = new Set<number>();
        flows.set(key, { lastUs: fact.atUs, lastSentUs: fact.sentAtUs, highest: fact.number, missing });
        for (let number = 1; number < fact.number && number <= MAX_MISSING; number++) missing.add(number);
        return;
      }
      figures.gap.add(fact.atUs - flow.lastUs);
      flow.lastUs = fact.atUs;
      if (fact.number > flow.highest) {
        if (isInTime) figures.received++;
        figures.age.add(oracle.nowUs - flow.lastSentUs);
        flow.lastSentUs = fact.sentAtUs;
        for (let number = flow.highest + 1; number < fact.number; number++) {
          if (flow.missing.size < MAX_MISSING) flow.missing.add(number);
        }
        flow.highest = fact.number;
      } else if (flow.missing.delete(fact.number)) {
        if (isInTime) figures.received++;
        figures.outOfOrder++;
      } else figures.duplicates++;
    }
  },
};

/** Sessions. */
export const sessionFigures: ObserverDefinition = {
  id: "sessions",
  kind: "metrics",
  summary:
    "Sessions that opened (`session.opened`), broke (`.lost`), and how long it took until there was one again " +
    "(`.reconnect`).",
  byDefault: true,
  metrics: ["session"],
  create: (_context: RunContext) => {
    const reconnect = new Samples("us");
    const lostUs = new Map<string, number>();
    const count = new Counts();
    return {
      wants: ["session", "node-started"],
      onFact: (fact: Fact) => {
        if (fact.kind === "node-started") {
          for (const key of [...lostUs.keys()]) if (key.startsWith(`${fact.node}>`)) lostUs.delete(key);
        } else if (fact.kind === "session") {
          const key = `${fact.node}>${fact.peer}`;
          count.add(fact.what);
          if (fact.what === "lost") lostUs.set(key, lostUs.get(key) ?? fact.atUs);
          else if (fact.what === "open") {
            const brokenUs = lostUs.get(key);
            lostUs.delete(key);
            if (brokenUs !== undefined) reconnect.add(fact.atUs - brokenUs);
          }
        }
      },
      finish: () => ({
        "session.opened": single("count", count.get("open")),
        "session.lost": single("count", count.get("lost")),
        "session.goodbye": single("count", count.get("goodbye")),
        "session.reconnect": reconnect.metric(),
      }),
    };
  },
};
