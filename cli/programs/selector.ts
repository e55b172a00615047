// `--on`: which nodes are meant. A name or id, `all`, `tag:KEY=VALUE`, a condition (`gpu.vramMb>=8000`),
// `@least-loaded`, a group (nodes with the tag `group=NAME`); several with commas.
// Decides by what nodes announce of themselves; ties by name, so that the same mesh gives the same answer.

import { HanaError } from "../../lib/base/mod.ts";
import { parseCondition, parseTag } from "../../lib/discovery/mod.ts";
import type { NodeView } from "../../lib/node/mod.ts";
import { nearest } from "../config/mod.ts";
import { isPresent } from "../nodes/filter.ts";

/** The nodes that are meant. */
export interface NodeChoice {
  /** By name; at least one. */
  readonly nodes: readonly NodeView[];
  /** Whether each of them was named; else they are those that fit. */
  readonly isNamed: boolean;
}

/** Load that counts as full where a node tells none: one that tells is taken first. */
const UNKNOWN_LOAD = 101;

/** Reads `--on`. Throws `usage` for what cannot be read, `not-found` with what there is instead. */
export function readSelector(text: string, known: readonly NodeView[], via: string): NodeChoice {
  const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (parts.length === 0) {
    throw new HanaError("usage", {
      what: "--on wants a node",
      why: "a name, all, tag:KEY=VALUE, a condition such as gpu.vramMb>=8000, or @least-loaded",
      hint: "hana discover",
    });
  }
  const chosen = new Map<string, NodeView>();
  let isNamed = true;
  for (const part of parts) {
    const choice = readPart(part, known, via);
    isNamed &&= choice.isNamed;
    for (const node of choice.nodes) chosen.set(node.id, node);
  }
  return { nodes: [...chosen.values()].sort(byName), isNamed };
}

function readPart(part: string, known: readonly NodeView[], via: string): NodeChoice {
  const there = known.filter((node) => isPresent(node) && node.role !== "observer");
  if (part === "all" || part === "*") return fitting(part, there, there, via);
  if (part === "@least-loaded") {
    const daemons = there.filter((node) => node.role === "daemon");
    const [first] = [...(daemons.length > 0 ? daemons : there)].sort(byLoad);
    return fitting(part, first === undefined ? [] : [first], there, via);
  }
  if (part.startsWith("@")) {
    throw new HanaError("usage", {
      what: `there is no choice ${part}`,
      why: "the only one of its kind is @least-loaded",
      hint: "--on @least-loaded",
    });
  }
  if (part.startsWith("tag:")) {
    const isMeant = parseTag(part.slice("tag:".length));
    return fitting(part, there.filter(isMeant), there, via);
  }
  const named = known.filter((node) => node.name === part && node.role !== "observer");
  const meant = named.length > 0
    ? named
    : /^[0-9a-f]{4,32}$/.test(part)
    ? known.filter((node) => node.id.startsWith(part))
    : [];
  if (meant.length > 0) {
    const living = meant.filter(isPresent);
    const [first, second] = living.length > 0 ? living : meant;
    if (second !== undefined) {
      throw new HanaError("usage", {
        what: `${part} means ${meant.length} nodes`,
        why: meant.map((node) => `${node.name} ${node.id.slice(0, 8)}`).slice(0, 6).join(", "),
        hint: `--on ${second.id.slice(0, 8)}`,
      });
    }
    return { nodes: first === undefined ? [] : [first], isNamed: true };
  }
  const group = there.filter((node) => node.tags.group === part);
  if (group.length > 0) return { nodes: group, isNamed: false };
  if (/[<>=~!]|\./.test(part)) {
    const isMeant = parseCondition(part);
    return fitting(part, there.filter(isMeant), there, via);
  }
  throw unknownNode(part, there, via);
}

function fitting(
  part: string,
  nodes: readonly NodeView[],
  there: readonly NodeView[],
  via: string,
): NodeChoice {
  if (nodes.length > 0) return { nodes, isNamed: false };
  throw new HanaError("not-found", {
    what: there.length === 0 ? "no node answers" : `no node fits ${part}`,
    why: there.length === 0 ? `${via} shows none` : `${via} shows ${shortList(there)}`,
    hint: there.length === 0 ? "hana serve" : "hana discover --resources",
  });
}

function unknownNode(name: string, there: readonly NodeView[], via: string): HanaError {
  const near = nearest(name, there.map((node) => node.name));
  if (near !== null) {
    return new HanaError("not-found", {
      what: `no node ${name} is known`,
      why: `did you mean ${near}? ${via} shows ${shortList(there)}`,
      hint: "hana discover",
    });
  }
  return new HanaError("not-found", {
    what: `no node ${name} is known`,
    why: there.length === 0 ? `${via} shows none at all` : `${via} shows ${shortList(there)}`,
    hint: "hana discover",
  });
}

/** The least busy first: of processors and graphics card the busier one counts, then free memory, then the name. */
function byLoad(a: NodeView, b: NodeView): number {
  const busy = (node: NodeView): number =>
    node.load === null
      ? UNKNOWN_LOAD
      : Math.max(node.load.cpuPercent ?? UNKNOWN_LOAD, node.load.gpuPercent ?? 0);
  const free = (node: NodeView): number => node.load?.memoryFreeMb ?? 0;
  return busy(a) - busy(b) || free(b) - free(a) || byName(a, b);
}

function byName(a: NodeView, b: NodeView): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1;
}

function shortList(nodes: readonly NodeView[]): string {
  const names = nodes.map((node) => node.name).sort();
  return names.length <= 6
    ? names.join(", ")
    : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`;
}
