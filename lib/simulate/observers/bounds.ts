// Rules of what a node may cost: traffic while nothing happens, memory at any time.

import type { ObserverDefinition, Oracle, RunContext } from "../observe.ts";
import { beatUs, deathUs, seconds } from "./measure.ts";

/**
 * Bytes a second that a node may send of discovery while nothing happens. In each beat a heartbeat of about 100 bytes
 * leaves every interface by multicast and by broadcast, and another goes to each node that hears neither. The rest is
 * for measuring round trips and asking for the dead: a few pings a second, whatever the size of the mesh.
 */
function idleCap(nodes: number, interfaces: number, beatsUs: number): number {
  return (512 * interfaces + 128 * nodes) * 1_000_000 / beatsUs + 256;
}

/** A leader renews its lease with six voters, again where one does not answer, and tells everybody; a voter acknowledges. */
const LEADER_BYTES = 2_400;
const VOTER_BYTES = 192;

function leaseCap(oracle: Oracle, node: string): number {
  const standing = oracle.lease?.(node) ?? null;
  if (standing === null) return 0;
  return standing.actsBy === null ? VOTER_BYTES : LEADER_BYTES;
}

/** Whether a node looks for somebody whom it misses, or for a leader: then something happens. */
function isSearching(oracle: Oracle, node: string): boolean {
  const standing = oracle.lease?.(node) ?? null;
  if (standing !== null && standing.lineage !== null && standing.follows === null) return true;
  for (const { state } of oracle.view(node).values()) {
    if (state !== "alive" && state !== "dead" && state !== "left") return true;
  }
  return false;
}

/** Whether a node asks somebody who cannot answer, over and over: frames hardly pass between them. */
function asksInVain(oracle: Oracle, node: string): boolean {
  const isBad = (from: string, to: string): boolean => ["poor", "none"].includes(oracle.quality(from, to));
  return oracle.nodes.some((other) =>
    other !== node && oracle.isUp(other) && (isBad(node, other) || isBad(other, node))
  );
}

const IDLE_WINDOW_US = 5_000_000;

/** Silence is cheap. */
export const boundedTraffic: ObserverDefinition = {
  id: "bounded_traffic",
  kind: "safety",
  summary:
    "While nothing happens, a node sends at most 512 bytes of discovery a beat, and 256 bytes and 4 for each " +
    "node of the mesh a second; 2,400 more while it leads.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext) => {
    const interfaces = new Map(scenario.nodes.map((node) => [node.name, node.interfaces.length]));
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
        const now = new Map<string, number>();
        for (const node of oracle.nodes) {
          const bytes = oracle.sentBytes(node);
          if (bytes === null) continue;
          now.set(node, bytes);
          const cap = idleCap(oracle.nodes.length, interfaces.get(node) ?? 1, beatUs(oracle)) +
            leaseCap(oracle, node);
          const rate = (bytes - (before.get(node) ?? bytes)) * 1_000_000 / (nowUs - windowUs);
          if (rate <= cap || oracle.wasStalled(node, IDLE_WINDOW_US) || isSearching(oracle, node)) continue;
          if (asksInVain(oracle, node)) continue;
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
