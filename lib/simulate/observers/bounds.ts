// Rules of what a node may cost: traffic while nothing happens, memory at any time.

import type { ObserverDefinition, RunContext } from "../observe.ts";
import { beatUs, deathUs, seconds } from "./measure.ts";

/**
 * Bytes that a node may send of discovery while nothing happens. A beat is a heartbeat of about 100 bytes by
 * multicast, by broadcast, and to nodes that hear neither; twice that is the cap of a beat, and the rest is for
 * measuring round trips and asking for the dead: a few pings a second, whatever the size of the mesh.
 */
function idleCap(nodes: number, beatsUs: number): number {
  return 512 * 1_000_000 / beatsUs + 256 + 4 * nodes;
}

const IDLE_WINDOW_US = 5_000_000;

/** Silence is cheap. */
export const boundedTraffic: ObserverDefinition = {
  id: "bounded_traffic",
  kind: "safety",
  summary:
    "While nothing happens, a node sends at most 512 bytes of discovery a beat, and 256 bytes and 4 for each " +
    "node of the mesh a second.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    let eventUs = 0;
    let windowUs = 0;
    let before = new Map<string, number>();
    return {
      wants: ["fault", "node-started", "node-stopped", "view", "phase"],
      onFact: (fact) => {
        if (fact.kind === "view" && fact.op === "update" && fact.before === fact.state) return;
        eventUs = oracle.nowUs;
      },
      onTick: (nowUs) => {
        // What the last event set off must be over too.
        if (nowUs - eventUs < deathUs(oracle)) {
          before = new Map();
          return;
        }
        if (before.size > 0 && nowUs - windowUs < IDLE_WINDOW_US) return;
        const cap = idleCap(oracle.nodes.length, beatUs(oracle));
        const now = new Map<string, number>();
        for (const node of oracle.nodes) {
          const bytes = oracle.sentBytes(node);
          if (bytes === null) continue;
          now.set(node, bytes);
          const rate = (bytes - (before.get(node) ?? bytes)) * 1_000_000 / (nowUs - windowUs);
          if (rate <= cap || oracle.wasStalled(node, IDLE_WINDOW_US)) continue;
          violate({
            id: "bounded_traffic",
            kind: "safety",
            nodes: [node],
            text:
              `${node} sends ${Math.round(rate)} bytes a second while nothing happens; ${
                Math.round(cap)
              } are ` +
              "allowed",
          });
        }
        before = now;
        windowUs = nowUs;
      },
    };
  },
};

const LOOK_EVERY_US = 1_000_000;

/** Every table and queue keeps to its bound. */
export const boundedMemory: ObserverDefinition = {
  id: "bounded_memory",
  kind: "safety",
  summary: "No table and no queue of a node grows over its bound.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const told = new Set<string>();
    let nextUs = 0;
    return {
      onTick: (nowUs) => {
        if (nowUs < nextUs) return;
        nextUs = nowUs + LOOK_EVERY_US;
        for (const node of oracle.nodes) {
          for (const { name, value, bound } of oracle.gauges(node)) {
            if (value <= bound || told.has(`${node}/${name}`)) continue;
            told.add(`${node}/${name}`);
            violate({
              id: "bounded_memory",
              kind: "safety",
              nodes: [node],
              text: `${node} holds ${value} ${name} at ${seconds(nowUs)}, over the bound of ${bound}`,
            });
          }
        }
      },
    };
  },
};
