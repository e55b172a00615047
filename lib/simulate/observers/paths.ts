// Ways of lanes: how long it took until they went over to datagrams, to the stream when those fell silent, and back.

import type { Fact, ObserverDefinition } from "../observe.ts";
import { Counts, Samples, single } from "./measure.ts";

/** Ways of lanes. */
export const pathFigures: ObserverDefinition = {
  id: "paths",
  kind: "metrics",
  summary:
    "Times that lanes went over to datagrams (`path.udp`), back to their stream (`.stream`) and to another address " +
    "(`.moved`); how long that took after a fault began (`.fallback`) and after one ended (`.return`).",
  byDefault: true,
  metrics: ["path"],
  create: () => {
    const count = new Counts();
    const fallback = new Samples("us");
    const back = new Samples("us");
    let beganUs: number | null = null;
    let endedUs: number | null = null;
    return {
      wants: ["path", "fault"],
      onFact: (fact: Fact) => {
        if (fact.kind === "fault") {
          if (fact.phase === "begin") beganUs = fact.atUs;
          else endedUs = fact.atUs;
        } else if (fact.kind === "path") {
          count.add(fact.moved ? "moved" : fact.path);
          if (fact.path === "stream" && beganUs !== null) fallback.add(fact.atUs - beganUs);
          else if (fact.path === "udp" && endedUs !== null) back.add(fact.atUs - endedUs);
        }
      },
      finish: () => ({
        "path.udp": single("count", count.get("udp")),
        "path.stream": single("count", count.get("stream")),
        "path.moved": single("count", count.get("moved")),
        "path.fallback": fallback.metric(),
        "path.return": back.metric(),
      }),
    };
  },
};
