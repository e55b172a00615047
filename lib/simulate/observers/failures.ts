// Rules that are about hana itself: no callback lets an exception out, whatever came over the network.

import type { ObserverDefinition, RunContext } from "../observe.ts";

/** No callback throws. */
export const noUnhandledException: ObserverDefinition = {
  id: "no_unhandled_exception",
  kind: "safety",
  summary: "No timer, no datagram, no stream and no handler ends in an exception that nobody expected.",
  byDefault: true,
  always: true,
  create: ({ seed, oracle, violate }: RunContext) => ({
    wants: ["crash"],
    onFact: (fact) => {
      if (fact.kind !== "crash") return;
      violate({
        id: "no_unhandled_exception",
        kind: "internal",
        nodes: fact.node === "" ? [] : [fact.node],
        text: `with seed ${seed} at ${oracle.nowUs} µs: ${fact.text}`,
      });
    },
  }),
};

/** Broken bytes cost counters and nothing else. */
export const decoderNeverThrows: ObserverDefinition = {
  id: "decoder_never_throws",
  kind: "safety",
  summary: "Frames with broken bits are counted and dropped: reading them never ends in an exception.",
  byDefault: true,
  always: true,
  create: ({ violate }: RunContext) => {
    return {
      wants: ["crash"],
      onFact: (fact) => {
        if (fact.kind !== "crash" || !/^a callback of (udp|tcp|unix):/.test(fact.text)) return;
        violate({
          id: "decoder_never_throws",
          kind: "internal",
          nodes: fact.node === "" ? [] : [fact.node],
          text: `what came from the network was not dropped: ${fact.text.split("\n", 1)[0] ?? ""}`,
        });
      },
    };
  },
};
