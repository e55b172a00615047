// Nodes as rows: the columns, the JSON and the closing sentence of `hana discover`.

import { isDeepStrictEqual } from "node:util";
import type { NodeView } from "../../lib/node/mod.ts";
import {
  briefDuration,
  type Cell,
  type CellValue,
  counted,
  type JsonObject,
  type Rendering,
} from "../output/mod.ts";

/** How nodes are shown. `elapsedMs` says how long looking took. */
export function nodesRendering(elapsedMs: () => number): Rendering<NodeView> {
  return {
    what: "discover",
    row: "node",
    id: (node) => node.name,
    key: (node) => node.id,
    dimmed: (node) => node.state === "dead" || node.state === "left",
    columns: [
      {
        header: "NAME",
        cell: (node) => node.self ? `${node.name} (here)` : node.name,
        plain: (node) => node.name,
      },
      { header: "ROLE", cell: (node) => node.role },
      { header: "ADDRESS", cell: addressOf, shrinks: true },
      { header: "INTERFACE", cell: (node) => node.interface, spare: 3 },
      { header: "VERSION", cell: (node) => node.version, spare: 2 },
      {
        header: "AGE",
        cell: (node) => node.self ? null : briefDuration(node.ageMs * 1000),
        plain: (node) => node.ageMs,
        align: "right",
      },
      { header: "RTT", cell: rttOf, plain: (node) => node.rttMs, align: "right" },
      { header: "STATE", cell: stateOf, plain: (node) => node.state },
      { header: "OWNER", cell: () => null, spare: 1 },
    ],
    json: nodeJson,
    document: (nodes) => ({
      nodes: nodes.map(nodeJson),
      summary: { total: nodes.length, alive: countAlive(nodes), elapsedMs: elapsedMs() },
    }),
    summary: (nodes) => summaryOf(nodes, elapsedMs()),
  };
}

/** Sorts nodes by name, so that two looks read alike. */
export function byName(a: NodeView, b: NodeView): number {
  if (a.name === b.name) return a.id < b.id ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** How many nodes are there, as far as anybody can tell. */
export function countAlive(nodes: readonly NodeView[]): number {
  return nodes.filter((node) => node.state === "alive").length;
}

/** The promised form of a node in JSON. */
export function nodeJson(node: NodeView): JsonObject {
  return { ...node } as unknown as JsonObject;
}

/** Whether two views differ in what a watcher would see; ages and round trips alone do not count. */
export function isSameForWatcher(a: NodeView, b: NodeView): boolean {
  const still = { ageMs: 0, sinceMs: 0, rttMs: null };
  return isDeepStrictEqual({ ...a, ...still }, { ...b, ...still });
}

/** The address that says most: over the network if there is one. */
function addressOf(node: NodeView): string | null {
  const endpoint = node.endpoints.find(({ kind }) => kind === "tcp") ?? node.endpoints[0];
  return endpoint?.address.replace(/^tcp:\/\//, "") ?? null;
}

function rttOf(node: NodeView): CellValue {
  if (node.self || node.rttMs === null) return null;
  return `${node.rttMs < 10 ? node.rttMs.toFixed(2) : Math.round(node.rttMs)} ms`;
}

function stateOf(node: NodeView): Cell {
  const since = node.state === "alive" ? "" : ` ${briefDuration(node.sinceMs * 1000)}`;
  const tone = node.state === "alive"
    ? "good"
    : node.state === "suspect"
    ? "warn"
    : node.state === "dead"
    ? "bad"
    : "none";
  return {
    text: `${node.state}${since}${node.trust === "open" ? " (open)" : ""}`,
    tone: tone as Cell["tone"],
  };
}

function summaryOf(nodes: readonly NodeView[], elapsedMs: number): string {
  const parts = [counted(nodes.length, "node")];
  for (const state of ["suspect", "dead", "left"] as const) {
    const count = nodes.filter((node) => node.state === state).length;
    if (count > 0) parts.push(`${count} ${state}`);
  }
  const other = nodes.find((node) => !node.self && node.state === "alive");
  const next = other === undefined ? "" : `; try: hana ping ${other.name}`;
  return `${parts.join(", ")}, answered in ${briefDuration(elapsedMs * 1000)}${next}`;
}
