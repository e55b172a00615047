// Rules of messages: order on reliable ordered lanes, one execution and one answer for every request.

import { isReliable, LANES } from "../../lanes/mod.ts";
import type { ObserverDefinition, RunContext } from "../observe.ts";
import { seconds } from "./measure.ts";

/** Reliable lanes repeat nothing; ordered ones keep the order. */
export const orderKept: ObserverDefinition = {
  id: "order_kept",
  kind: "safety",
  summary: "Within a session, reliable lanes deliver nothing twice, and ordered ones nothing out of order.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext) => {
    const plans = new Map(scenario.traffic.map((plan) => [plan.id, plan]));
    const last = new Map<string, { number: number; seen: Set<number> | null }>();
    return {
      wants: ["received"],
      onFact: (fact) => {
        if (fact.kind !== "received") return;
        const plan = plans.get(fact.traffic);
        if (plan === undefined || plan.kind !== "stream") return;
        const { kind } = LANES[plan.lane];
        if (!isReliable(kind)) return;
        const key = `${fact.traffic}/${fact.from}/${fact.to}/${fact.session}`;
        let known = last.get(key);
        const isFirst = known === undefined;
        known ??= { number: 0, seen: kind === "reliable-ordered" ? null : new Set() };
        if (isFirst) last.set(key, known);
        const isRepeated = known.seen === null ? fact.number === known.number : known.seen.has(fact.number);
        const isLate = known.seen === null && fact.number < known.number;
        known.number = Math.max(known.number, fact.number);
        if (known.seen !== null) remember(known.seen, fact.number, known.number);
        if (!isRepeated && !isLate) return;
        violate({
          id: "order_kept",
          kind: "safety",
          nodes: [fact.to, fact.from],
          text: `${fact.to} gets message ${fact.number} of ${fact.traffic} from ${fact.from} ` +
            (isRepeated ? "twice" : `after message ${known.number}`),
        });
      },
    };
  },
};

/** Messages of a lane without order overtake each other by no more than this. */
const WINDOW = 4096;

function remember(seen: Set<number>, number: number, highest: number): void {
  seen.add(number);
  if (seen.size <= 2 * WINDOW) return;
  for (const each of seen) if (each < highest - WINDOW) seen.delete(each);
}

/** A request waits 5 s for its answer, session and all (lib/session/keeper.ts). */
const REQUEST_US = 5_000_000;
const SETTLE_SLACK_US = 1_000_000;

interface Asked {
  readonly from: string;
  readonly to: string;
  readonly sentAtUs: number;
  readonly lifeUs: number;
  received: number;
  answered: string | null;
}

/** A request is settled once, and what was answered was done once. */
export const acknowledgedOnce: ObserverDefinition = {
  id: "acknowledged_once",
  kind: "safety",
  summary:
    "Every request is settled exactly once, done at most once, and never answered without having been done.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext) => {
    const requests = new Set(scenario.traffic.filter(({ kind }) => kind === "request").map(({ id }) => id));
    const open = new Map<string, Asked>();
    const say = (asked: Asked, text: string): void =>
      violate({ id: "acknowledged_once", kind: "safety", nodes: [asked.from, asked.to], text });
    return {
      wants: requests.size === 0 ? [] : ["sent", "received", "answered"],
      onFact: (fact) => {
        if (fact.kind !== "sent" && fact.kind !== "received" && fact.kind !== "answered") return;
        if (!requests.has(fact.traffic)) return;
        const name = `request ${fact.number} of ${fact.traffic} from ${fact.from} to ${fact.to}`;
        const key = `${fact.traffic}/${fact.from}/${fact.to}/${fact.number}`;
        if (fact.kind === "sent") {
          const { from, to, atUs } = fact;
          const lifeUs = oracle.sinceUs(from);
          open.set(key, { from, to, sentAtUs: atUs, lifeUs, received: 0, answered: null });
          return;
        }
        const asked = open.get(key);
        if (asked === undefined) return;
        if (fact.kind === "received") {
          if (++asked.received > 1) say(asked, `${name} is done ${asked.received} times`);
          return;
        }
        if (asked.answered !== null) {
          say(asked, `${name} is settled as ${asked.answered} and as ${fact.status}`);
        }
        if (fact.status === "ok" && asked.received === 0) {
          say(asked, `${name} is answered, but was never done`);
        }
        asked.answered = fact.status;
      },
      onTick: (nowUs) => {
        for (const [key, asked] of open) {
          const ageUs = nowUs - asked.sentAtUs;
          // A duplicate may come for as long as frames are under way; then it is forgotten.
          if (ageUs < REQUEST_US + SETTLE_SLACK_US) break;
          const isStalled = oracle.wasStalled(asked.from, ageUs);
          if (asked.answered === null && isStalled) continue;
          open.delete(key);
          if (asked.answered !== null) continue;
          if (!oracle.isUp(asked.from) || oracle.sinceUs(asked.from) !== asked.lifeUs) continue;
          say(asked, `a request of ${asked.from} to ${asked.to} is not settled after ${seconds(ageUs)}`);
        }
      },
    };
  },
};
