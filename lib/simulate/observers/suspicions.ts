// Suspicions, judged by the oracle: right, wrong, or about somebody who did not answer because it could not.

import type { Fact, ObserverDefinition, RunContext } from "../observe.ts";
import { beatUs, Counts, Samples, single } from "./measure.ts";

/** States from which a node comes back. */
const GONE: ReadonlySet<string> = new Set(["suspect", "unreachable", "partitioned", "dead"]);

/** Suspicions and how they turned out. */
export const suspicions: ObserverDefinition = {
  id: "suspicion",
  kind: "metrics",
  summary:
    "Suspicions of nodes that were gone or cut off (`.true`), that could be heard all the time (`.false`), and " +
    "that were frozen or slow (`.stalled`); how long they lasted (`.length`); how often one node went to and fro " +
    "on one list (`flap`).",
  byDefault: true,
  metrics: ["suspicion", "flap"],
  create: ({ oracle }: RunContext) => {
    const counts = new Counts();
    const length = new Samples("us");
    const since = new Map<string, number>();
    const flaps = new Counts();
    let returns = 0;
    const judge = (observer: string, subject: string, atUs: number): string => {
      // What led to a suspicion happened within 3.3 beats and the slack before it.
      const windowUs = 3.3 * beatUs(oracle) + 500_000;
      if (!oracle.isUp(subject) || atUs - oracle.sinceUs(subject) < windowUs) return "true";
      for (const [from, to] of [[observer, subject], [subject, observer]] as const) {
        if (!oracle.canTalk(from, to) || atUs - oracle.canTalkSinceUs(from, to) < windowUs) return "true";
      }
      const isStalled = oracle.wasStalled(observer, windowUs) || oracle.wasStalled(subject, windowUs);
      return isStalled ? "stalled" : "false";
    };
    return {
      wants: ["view", "node-started", "node-stopped"],
      onFact: (fact: Fact) => {
        if (fact.kind !== "view" || fact.subject === null) return;
        const key = `${fact.observer}>${fact.subject}`;
        if (fact.op !== "remove" && fact.state === "suspect" && fact.before !== "suspect") {
          counts.add(judge(fact.observer, fact.subject, fact.atUs));
          since.set(key, fact.atUs);
        } else if (fact.state !== "suspect" || fact.op === "remove") {
          const suspectedUs = since.get(key);
          if (suspectedUs !== undefined) length.add(fact.atUs - suspectedUs);
          since.delete(key);
        }
        const isBack = fact.op !== "remove" && fact.state === "alive" && fact.before !== null &&
          GONE.has(fact.before);
        if (!isBack) return;
        returns++;
        flaps.add(fact.subject);
        flaps.add(`${key} pair`);
      },
      finish: () => ({
        "suspicion.true": single("count", counts.get("true")),
        "suspicion.false": single("count", counts.get("false")),
        "suspicion.stalled": single("count", counts.get("stalled")),
        "suspicion.length": length.metric(),
        "flap": single("count", returns),
        "flap.max_per_node": single("count", Math.max(0, ...oracle.nodes.map((node) => flaps.get(node)))),
        "flap.max_per_pair": single(
          "count",
          Math.max(
            0,
            ...flaps.entries().filter(([name]) => name.endsWith(" pair")).map(([, count]) => count),
          ),
        ),
      }),
    };
  },
};
