// Nodes as rows: the columns, the JSON and the closing sentence of `hana discover`.

import { isDeepStrictEqual } from "node:util";
import { NODE_STATES, type NodeEvent, type NodeState, type NodeView } from "../../lib/node/mod.ts";
import {
  briefDuration,
  type Cell,
  type CellValue,
  type Column,
  counted,
  type JsonObject,
  type Rendering,
  type Tone,
} from "../output/mod.ts";
import { RESOURCE_COLUMNS } from "./resource_cells.ts";

/** What a node's clients hold of the shared state. */
export interface StateHolds {
  /** Objects that they own. */
  readonly owned: number;
  readonly privileged: boolean;
}

/** A node in a list, with what happened to it when it was told last, and what it holds of the shared state. */
export type ListedNode = NodeView & { readonly event?: NodeEvent; readonly holds?: StateHolds };

/** Which columns. */
export interface NodesRenderingOptions {
  /** What the machines have and how busy they are, instead of where they are. */
  readonly resources?: boolean;
}

/** How nodes are shown. `elapsedMs` says how long looking took. */
export function nodesRendering(
  elapsedMs: () => number,
  options: NodesRenderingOptions = {},
): Rendering<ListedNode> {
  return {
    what: "discover",
    row: "node",
    id: (node) => node.name,
    key: (node) => node.id,
    order: byStateAndName,
    dimmed: (node) => node.state !== "alive" && node.state !== "suspect",
    columns: options.resources === true
      ? [NAME, { ...ROLE, spare: 1 }, STATE, ...RESOURCE_COLUMNS, SINCE]
      : [NAME, ROLE, ...WHERE],
    json: nodeJson,
    document: (nodes) => ({
      nodes: nodes.map(nodeJson),
      summary: { total: nodes.length, alive: countAlive(nodes), elapsedMs: elapsedMs() },
    }),
    summary: (nodes) => summaryOf(nodes, elapsedMs()),
  };
}

const NAME: Column<ListedNode> = {
  header: "NAME",
  cell: (node) => {
    const marks = [...(node.self ? ["here"] : []), ...(node.leader ? ["leads"] : [])];
    return marks.length === 0 ? node.name : `${node.name} (${marks.join(", ")})`;
  },
  plain: (node) => node.name,
};

const ROLE: Column<ListedNode> = { header: "ROLE", cell: (node) => node.role };

const STATE: Column<ListedNode> = { header: "STATE", cell: stateOf, plain: (node) => node.state };

const SINCE: Column<ListedNode> = {
  header: "SINCE",
  cell: (node) =>
    node.state === "alive"
      ? null
      : node.sinceMs < 1000
      ? "just now"
      : `${briefDuration(node.sinceMs * 1000)} ago`,
  plain: (node) => node.sinceMs,
  needed: (nodes) => nodes.some((node) => node.state !== "alive"),
  align: "right",
};

const WHERE: readonly Column<ListedNode>[] = [
  { header: "ADDRESS", cell: addressOf, shrinks: true },
  { header: "INTERFACE", cell: (node) => node.interface, spare: 3 },
  { header: "VERSION", cell: (node) => node.version, spare: 2 },
  {
    header: "AGE",
    cell: (node) => node.self ? null : briefDuration(node.ageMs * 1000),
    plain: (node) => node.ageMs,
    align: "right",
    spare: 4,
  },
  { header: "RTT", cell: rttOf, plain: (node) => node.rttMs, align: "right" },
  STATE,
  // Of the shared state: what its clients own, and whether one of them is privileged.
  { header: "OWNER", cell: ownerOf, spare: 1 },
  // Last, so that the columns that scripts count on keep their places.
  SINCE,
];

/** The living first, then by name, so that two looks read alike. */
export function byStateAndName(a: NodeView, b: NodeView): number {
  const byState = NODE_STATES.indexOf(a.state) - NODE_STATES.indexOf(b.state);
  if (byState !== 0) return byState;
  if (a.name === b.name) return a.id < b.id ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** How many nodes are there, as far as anybody can tell. */
export function countAlive(nodes: readonly NodeView[]): number {
  return nodes.filter((node) => node.state === "alive").length;
}

/** The promised form of a node in JSON; `owned` and `privileged` where a host of the shared state has told. */
export function nodeJson({ holds, ...node }: ListedNode): JsonObject {
  return { ...node, ...holds } as unknown as JsonObject;
}

function ownerOf({ holds }: ListedNode): CellValue {
  if (holds === undefined) return null;
  const parts = [
    ...(holds.privileged ? ["privileged"] : []),
    ...(holds.owned > 0 ? [`owns ${holds.owned}`] : []),
  ];
  return parts.length === 0 ? null : parts.join(", ");
}

/**
 * Whether two views are the same to a watcher; whatever has a reason is not. Ages and round trips alone are no changes,
 * and the load is one only for who asked for it.
 */
export function isSameForWatcher(a: ListedNode, b: ListedNode, watchesLoad = false): boolean {
  if (b.event !== undefined) return false;
  const still = { ageMs: 0, sinceMs: 0, rttMs: null, event: undefined };
  const load = watchesLoad ? {} : { load: null };
  return isDeepStrictEqual({ ...a, ...still, ...load }, { ...b, ...still, ...load });
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

const TONES: Readonly<Record<NodeState, Tone>> = {
  alive: "good",
  suspect: "warn",
  unreachable: "warn",
  partitioned: "warn",
  dead: "bad",
  left: "none",
};

/** Events that a person would otherwise miss: the state is the same before and after. */
const SHOWN_EVENTS: readonly string[] = ["restarted", "resumed", "renamed"];

function stateOf(node: ListedNode): Cell {
  const remarks: string[] = node.trust === "open" ? ["open"] : [];
  if (node.event !== undefined && SHOWN_EVENTS.includes(node.event.kind)) remarks.push(node.event.kind);
  const behind = remarks.length === 0 ? "" : ` (${remarks.join(", ")})`;
  return { text: `${node.state}${behind}`, tone: TONES[node.state] ?? "none" };
}

function summaryOf(nodes: readonly NodeView[], elapsedMs: number): string {
  const parts = [counted(nodes.length, "node")];
  for (const state of NODE_STATES) {
    if (state === "alive") continue;
    const count = nodes.filter((node) => node.state === state).length;
    if (count > 0) parts.push(`${count} ${state}`);
  }
  const other = nodes.find((node) => !node.self && node.state === "alive");
  const next = other === undefined ? "" : `; try: hana ping ${other.name}`;
  return `${parts.join(", ")}, answered in ${briefDuration(elapsedMs * 1000)}${next}`;
}
