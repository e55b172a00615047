// The nodes of the mesh with the shows that they have.
// Decides which generation is the newest, and who is behind it; never what is applied.

import { HanaError, nearest, toHanaError } from "../../../lib/base/mod.ts";
import { parseCondition } from "../../../lib/discovery/mod.ts";
import type { NodeView } from "../../../lib/node/mod.ts";
import {
  type KnownHost,
  type ProgramSnapshot,
  SHOW_STATUS,
  type ShowRecord,
} from "../../../lib/supervision/mod.ts";
import { isPresent } from "../../nodes/filter.ts";
import { ofHost } from "../errors.ts";
import { type Host, type Hosts, isWithoutPrograms } from "../hosts.ts";

/** A node that does not answer within this is silent. */
const ANSWER_US = 3_000_000;

/** A generation of a show, without its text. */
export type ShowHeading = Omit<ShowRecord, "text">;

/** A node that supervises programs. */
export interface ShowHost {
  readonly node: NodeView;
  readonly host: Host;
  /** Newest first. */
  readonly generations: readonly ShowHeading[];
  /** How many programs its show brought. */
  readonly count: number;
  readonly staged: readonly string[];
  readonly halted: boolean;
  readonly programs: readonly ProgramSnapshot[];
}

/** A node that does not answer. */
export interface SilentNode {
  readonly name: string;
  readonly error: HanaError;
}

/** Who has which show. */
export interface ShowMesh {
  /** By name. */
  readonly hosts: readonly ShowHost[];
  readonly silent: readonly SilentNode[];
}

/** Asks all nodes. Throws `not-found` for a name of `only` that nobody has. */
export async function lookAtShows(hosts: Hosts, only: readonly string[] | null): Promise<ShowMesh> {
  const all = await hosts.client.nodes();
  const meant = all.filter((node) => node.role !== "observer");
  for (const name of only ?? []) {
    if (meant.some((node) => node.name === name)) continue;
    const near = nearest(name, meant.map((node) => node.name));
    throw new HanaError("not-found", {
      what: `no node ${name} is known`,
      why: near === null ? `${hosts.client.via} shows ${meant.length}` : `did you mean ${near}?`,
      hint: near === null ? "hana discover" : `--only ${near}`,
    });
  }
  const found: ShowHost[] = [];
  const silent: SilentNode[] = [];
  await Promise.all(meant.map(async (node) => {
    // A node that is gone is silent only while somebody still expects it.
    if (!isPresent(node)) {
      if (node.state === "left") return;
      const error = new HanaError("unreachable", {
        what: `${node.name} cannot be reached`,
        why: `it has been silent for ${Math.round(node.ageMs / 1000)} s`,
      });
      silent.push({ name: node.name, error });
      return;
    }
    try {
      found.push(await ask(hosts, node));
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", `${node.name} cannot be reached`);
      if (!isWithoutPrograms(error)) silent.push({ name: node.name, error });
    }
  }));
  found.sort(byHost);
  const names = new Set(found.map(({ host }) => host.name));
  const mute = silent.filter(({ name }) => !names.has(name)).sort((a, b) => a.name < b.name ? -1 : 1);
  return { hosts: found, silent: mute };
}

/** One node and its show. */
async function ask(hosts: Hosts, node: NodeView): Promise<ShowHost> {
  const host = await hosts.reach(node);
  try {
    const { programs } = await hosts.list(host);
    return await showOf(host, node, programs);
  } catch (thrown) {
    throw ofHost(toHanaError(thrown, "unreachable", `${node.name} does not answer`), node.name);
  }
}

/** The show of a host whose programs are known. */
export async function showOf(
  host: Host,
  node: NodeView,
  programs: readonly ProgramSnapshot[],
): Promise<ShowHost> {
  const status = await host.session.request(SHOW_STATUS, {}, { timeoutUs: ANSWER_US });
  const { programs: count, staged, halted } = status;
  return { node, host, generations: status.generations as ShowHeading[], count, staged, halted, programs };
}

/** What of a node decides where programs go. */
export function knownHost({ node, programs }: ShowHost): KnownHost {
  const { load } = node;
  return {
    name: node.name,
    tags: node.tags,
    isPresent: true,
    busyPercent: load === null || load.cpuPercent === null
      ? null
      : Math.max(load.cpuPercent ?? 0, load.gpuPercent ?? 0),
    programs: new Set(programs.map(({ name }) => name)),
    fits: (condition) => parseCondition(condition)(node),
  };
}

/** The newest generation of each host by the name of its show; hosts without one are in none. */
export function showsInForce({ hosts }: ShowMesh): Map<string, ShowHost[]> {
  const shows = new Map<string, ShowHost[]>();
  for (const host of hosts) {
    const [newest] = host.generations;
    // A show without programs on a host is over there.
    if (newest === undefined) continue;
    shows.set(newest.name, [...shows.get(newest.name) ?? [], host]);
  }
  return shows;
}

/** The newest generation among hosts; null where none has any. */
export function newestOf(hosts: readonly ShowHost[]): ShowHeading | null {
  let newest: ShowHeading | null = null;
  for (const { generations: [first] } of hosts) {
    if (first !== undefined && (newest === null || first.generation > newest.generation)) newest = first;
  }
  return newest;
}

/** The same, of these hosts alone. */
export function onlyThese(mesh: ShowMesh, only: readonly string[] | null): ShowMesh {
  if (only === null) return mesh;
  return {
    hosts: mesh.hosts.filter(({ host }) => only.includes(host.name)),
    silent: mesh.silent.filter(({ name }) => only.includes(name)),
  };
}

/** Hosts with another generation of their show than the newest: an older one, or one of that number and another text. */
export function behind(mesh: ShowMesh): { readonly host: ShowHost; readonly newest: ShowHeading }[] {
  return [...showsInForce(mesh).values()].flatMap((hosts) => {
    const newest = newestOf(hosts);
    if (newest === null) return [];
    return hosts.filter(({ generations: [first], count }) =>
      count > 0 && first !== undefined &&
      (first.generation < newest.generation || first.sha256 !== newest.sha256)
    ).map((host) => ({ host, newest }));
  });
}

function byHost(a: ShowHost, b: ShowHost): number {
  return a.host.name < b.host.name ? -1 : a.host.name > b.host.name ? 1 : a.host.id < b.host.id ? -1 : 1;
}
