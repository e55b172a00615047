// How nodes are written: groups (`viz: {count: 8}`) and single ones (`viz-3: …`), and the machines that they make.
// Decides names, machines, interfaces and addresses; never what a node does.

import { PhiloxStream } from "../../platform/simulated/mod.ts";
import type { NodePlan } from "../scenario.ts";
import { pathOf, ScenarioProblem, show, suggest } from "./problem.ts";
import {
  byKind,
  choice,
  isRecord,
  list,
  mapped,
  mapping,
  optional,
  plainNumber,
  quantity,
  record,
  type RecordOutput,
  required,
  type Shape,
  text,
} from "./shape.ts";
import { DURATION, writeQuantity } from "./units.ts";

/** Nodes in one scenario. */
export const MAX_NODES = 2_000;
const NAME_PATTERN = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
const IPV4_PATTERN = "^([0-9]{1,3}\\.){3}[0-9]{1,3}$";
const duration = quantity(DURATION);

/** A name of a node, group or segment. */
export const plainName: Shape<string> = text("a name of small letters, digits and dashes", NAME_PATTERN);

const interfaceFields = {
  name: required(plainName, "Name of the interface."),
  segment: required(plainName, "Segment on which it is."),
  address: required(
    text("an address with prefix, 10.0.0.1/16", "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$"),
    "Address.",
  ),
};

const startShape = byKind<StartPlan>("a start", {
  string: {
    read(raw, path) {
      if (raw === "later") return { atUs: null, spreadUs: 0 };
      return { atUs: duration.read(raw, path), spreadUs: 0 };
    },
    schema: () => ({ anyOf: [{ const: "later" }, duration.schema()] }),
  },
  object: mapped(
    record({
      at: optional(duration, "When the first one may start; at once unless given."),
      spread: required(duration, "They start spread over so long, drawn evenly."),
    }),
    ({ at = 0, spread }): StartPlan => ({ atUs: at, spreadUs: spread }),
  ),
});

interface StartPlan {
  readonly atUs: number | null;
  readonly spreadUs: number;
}

const keyShape: Shape<number | null> = byKind<number | null>("a key", {
  string: mapped(
    choice(["mesh", "open", "stranger"]),
    (word) => word === "mesh" ? 0 : word === "open" ? null : 1,
  ),
  number: plainNumber("the number of a key", { min: 0, max: 1000, integer: true }),
});

const tags = mapping(text("a text"), { what: "a name of a tag", pattern: "^[A-Za-z0-9_.-]+$" });

const nodeFields = {
  count: optional(
    plainNumber("a count", { min: 1, max: MAX_NODES, integer: true }),
    "How many: name-0, name-1, …",
  ),
  role: optional(
    choice(["app", "visualization", "daemon"]),
    "Role; may be left out for groups called app, viz, visualization, daemon.",
  ),
  host: optional(plainName, "Machine that all of them share; each has one of its own unless given."),
  host_of: optional(plainName, "Group on whose machines they run: the first on the first one's, and so on."),
  segment: optional(plainName, "Segment to which eth0 leads; the first one unless given."),
  segments: optional(list(plainName, { min: 1, max: 8 }), "Segments to which eth0, eth1, … lead."),
  interfaces: optional(
    list(record(interfaceFields), { min: 0, max: 8 }),
    "Interfaces in full, instead of segments.",
  ),
  start: optional(
    startShape,
    "When they start: a time, `later` (an action brings them), or spread over a time.",
  ),
  tags: optional(tags, "Tags that they announce."),
  key: optional(keyShape, "Which mesh key: mesh, open (none), stranger, or a number."),
  seeds: optional(list(plainName, { max: 16 }), "Nodes that are asked by unicast, by name."),
  seed_addresses: optional(
    list(text("an address", IPV4_PATTERN), { max: 16 }),
    "Addresses that are asked by unicast.",
  ),
  name: optional(text("a name", "^[^\\s].*$"), "The name that it asks the mesh for; its own unless given."),
  clone_of: optional(plainName, "Node whose disk it is a copy of."),
};

/** A group of nodes, or one. */
export type NodeEntry = RecordOutput<typeof nodeFields>;

/** The `nodes` of a scenario. */
export const nodesShape: Shape<Record<string, NodeEntry>> = mapping(record(nodeFields), {
  what: "a name of a node or group",
  pattern: NAME_PATTERN,
});

const ROLES_BY_GROUP: Readonly<Record<string, NodePlan["role"]>> = {
  app: "app",
  viz: "visualization",
  visualization: "visualization",
  daemon: "daemon",
};

interface Draft {
  readonly name: string;
  readonly group: string;
  readonly index: number;
  readonly entry: NodeEntry;
  readonly path: string;
}

/** `viz-3` is number 3 of `viz`; other names are groups. */
function memberOf(name: string): { readonly group: string; readonly index: number } | null {
  const match = /^(.*)-(\d+)$/.exec(name);
  return match === null ? null : { group: match[1] ?? "", index: Number(match[2]) };
}

/** Every node of the written form, groups counted out. `viz-3` beside `viz` changes that one of the group. */
function draftsOf(entries: Record<string, NodeEntry>): Draft[] {
  const drafts = new Map<string, Draft>();
  for (const [key, entry] of Object.entries(entries)) {
    const path = pathOf("nodes", key);
    const member = memberOf(key);
    if (member === null) {
      for (let index = 0; index < (entry.count ?? 1); index++) {
        const name = `${key}-${index}`;
        // What stands in its own entry has been read before or will be laid over.
        const before = drafts.get(name);
        drafts.set(name, {
          name,
          group: key,
          index,
          entry: { ...entry, ...before?.entry },
          path: before?.path ?? path,
        });
      }
      continue;
    }
    if (entry.count !== undefined) {
      throw new ScenarioProblem(`${path}.count`, "is for groups; this is one node");
    }
    const before = drafts.get(key);
    const { count: _count, ...shared } = before?.entry ?? {};
    drafts.set(key, { name: key, ...member, entry: { ...shared, ...entry }, path });
  }
  return [...drafts.values()];
}

const hostOfDraft = (draft: Draft, groups: ReadonlyMap<string, Draft[]>): string => {
  const { entry, path } = draft;
  if (entry.host !== undefined && entry.host_of !== undefined) {
    throw new ScenarioProblem(`${path}.host_of`, "contradicts host: say one of both");
  }
  if (entry.host_of === undefined) return entry.host ?? draft.name;
  const owners = groups.get(entry.host_of) ?? [];
  const owner = owners[draft.index % Math.max(1, owners.length)];
  if (owner === undefined) {
    throw new ScenarioProblem(
      `${path}.host_of`,
      `there is no group ${entry.host_of}`,
      suggest(entry.host_of, groups.keys()),
    );
  }
  if (owner.entry.host_of !== undefined) {
    throw new ScenarioProblem(`${path}.host_of`, `${entry.host_of} has no machines of its own`);
  }
  return owner.entry.host ?? owner.name;
};

/** Addresses of the machine with this number (from 1) on the segment with this number (from 0). */
function addressOf(segment: number, host: number): string {
  return `10.${segment}.${Math.floor((host - 1) / 250)}.${((host - 1) % 250) + 1}`;
}
const PREFIX = 16;

type Interfaces = NodePlan["interfaces"];

function interfacesOf(draft: Draft, number: number, segments: readonly string[]): Interfaces {
  const { entry, path } = draft;
  if (entry.interfaces !== undefined) {
    if (entry.segment !== undefined || entry.segments !== undefined) {
      throw new ScenarioProblem(`${path}.interfaces`, "contradicts segment: say one of both");
    }
    return entry.interfaces.map(({ name, segment, address }) => {
      const [host = "", prefix = ""] = address.split("/");
      return { name, segment, address: host, prefix: Number(prefix) };
    });
  }
  const wanted = entry.segments ?? [entry.segment ?? segments[0] ?? ""];
  return wanted.map((segment, index) => {
    const at = segments.indexOf(segment);
    if (at < 0) {
      throw new ScenarioProblem(
        `${path}.segment`,
        `there is no segment ${segment}`,
        suggest(segment, segments),
      );
    }
    return { name: `eth${index}`, segment, address: addressOf(at, number), prefix: PREFIX };
  });
}

/** The nodes of a scenario, in the order in which they are written. Draws of spread starts hang on names alone. */
export function planNodes(entries: Record<string, NodeEntry>, segments: readonly string[]): NodePlan[] {
  const drafts = draftsOf(entries);
  if (drafts.length === 0) throw new ScenarioProblem("nodes", "there is none", "nodes: {viz: {count: 3}}");
  if (drafts.length > MAX_NODES) throw new ScenarioProblem("nodes", `there are more than ${MAX_NODES}`);
  const groups = Map.groupBy(drafts, ({ group }) => group);
  const hosts = new Map<string, { readonly number: number; readonly interfaces: Interfaces }>();
  const hostNames = new Map(drafts.map((draft) => [draft.name, hostOfDraft(draft, groups)]));
  for (const draft of drafts) {
    const name = hostNames.get(draft.name) ?? draft.name;
    // A machine has the interfaces of the first node on it that has a say.
    const says = draft.entry.segment ?? draft.entry.segments ?? draft.entry.interfaces;
    if (hosts.has(name) || (says === undefined && draft.entry.host_of !== undefined)) continue;
    const number = hosts.size + 1;
    hosts.set(name, { number, interfaces: interfacesOf(draft, number, segments) });
  }
  const plans = drafts.map((draft) =>
    planOf(draft, hostNames.get(draft.name) ?? draft.name, hosts, segments)
  );
  return plans.map((plan, at) =>
    resolveNames(plan, drafts[at]?.entry ?? {}, plans, drafts[at]?.path ?? "nodes")
  );
}

function planOf(
  draft: Draft,
  host: string,
  hosts: ReadonlyMap<string, { readonly number: number; readonly interfaces: Interfaces }>,
  segments: readonly string[],
): NodePlan {
  const { name, group, entry, path } = draft;
  const role = entry.role ?? ROLES_BY_GROUP[group];
  if (role === undefined) {
    throw new ScenarioProblem(`${path}.role`, "is missing", "role: app, visualization or daemon");
  }
  const machine = hosts.get(host) ?? { number: hosts.size + 1, interfaces: [] };
  if (entry.segment !== undefined || entry.segments !== undefined || entry.interfaces !== undefined) {
    const own = interfacesOf(draft, machine.number, segments);
    if (JSON.stringify(own) !== JSON.stringify(machine.interfaces)) {
      throw new ScenarioProblem(
        path,
        `has other interfaces than its machine ${host}`,
        "nodes of one machine share them",
      );
    }
  }
  const start = entry.start ?? { atUs: 0, spreadUs: 0 };
  const offsetUs = start.spreadUs === 0
    ? 0
    : Math.floor(new PhiloxStream(0, `start/${name}`).float() * start.spreadUs);
  return {
    name,
    group,
    role,
    host,
    interfaces: machine.interfaces,
    startUs: start.atUs === null ? null : start.atUs + offsetUs,
    tags: entry.tags ?? {},
    key: entry.key === undefined ? 0 : entry.key,
    seeds: entry.seed_addresses ?? [],
    ...(entry.name === undefined || entry.name === name ? {} : { wantedName: entry.name }),
    ...(entry.clone_of === undefined ? {} : { cloneOf: entry.clone_of }),
  };
}

/** Settles what names another node: seeds by their addresses, and the first life of a copied disk. */
function resolveNames(plan: NodePlan, entry: NodeEntry, plans: readonly NodePlan[], path: string): NodePlan {
  const find = (name: string, key: string): NodePlan => {
    const found = plans.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new ScenarioProblem(
      `${path}.${key}`,
      `there is no node ${name}`,
      suggest(name, plans.map((each) => each.name)),
    );
  };
  if (entry.clone_of !== undefined && find(entry.clone_of, "clone_of").name === plan.name) {
    throw new ScenarioProblem(`${path}.clone_of`, "is the node itself");
  }
  const seeds = (entry.seeds ?? []).map((name) => {
    const address = find(name, "seeds").interfaces[0]?.address;
    if (address === undefined) throw new ScenarioProblem(`${path}.seeds`, `${show(name)} has no address`);
    return address;
  });
  return { ...plan, seeds: [...plan.seeds, ...seeds] };
}

/** Writes one node as it would be written by hand, in full, so that it keeps its address among fewer nodes. */
export function writeNode(plan: NodePlan): Record<string, unknown> {
  const key = plan.key === 0
    ? undefined
    : plan.key === null
    ? "open"
    : plan.key === 1
    ? "stranger"
    : plan.key;
  const start = plan.startUs === 0
    ? undefined
    : plan.startUs === null
    ? "later"
    : writeQuantity(DURATION, plan.startUs);
  const fields: Record<string, unknown> = {
    role: ROLES_BY_GROUP[plan.group] === plan.role ? undefined : plan.role,
    host: plan.host === plan.name ? undefined : plan.host,
    interfaces: plan.interfaces.map(({ name, segment, address, prefix }) => ({
      name,
      segment,
      address: `${address}/${prefix}`,
    })),
    start,
    tags: Object.keys(plan.tags).length === 0 ? undefined : { ...plan.tags },
    key,
    seed_addresses: plan.seeds.length === 0 ? undefined : [...plan.seeds],
    name: plan.wantedName,
    clone_of: plan.cloneOf,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Whether `nodes` is in the normal form already. */
export function isNormalNodes(nodes: unknown): boolean {
  return Array.isArray(nodes) && nodes.every(isRecord);
}
