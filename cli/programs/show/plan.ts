// What applying a show would change on every host, and what is in its way: asked of the hosts themselves.
// Decides which generation it would be, and which hosts have to be told. Changes nothing.

import { HanaError, toHanaError } from "../../../lib/base/mod.ts";
import {
  type HostPlacement,
  type Placed,
  PREPARE_SHOW,
  type PrepareResult,
  resolveManifest,
  type RolloutOrder,
  rolloutOrder,
} from "../../../lib/supervision/mod.ts";
import { ofHost } from "../errors.ts";
import { type LoadedShow, ManifestRefused } from "./load.ts";
import { knownHost, newestOf, type ShowHost, type ShowMesh, type SilentNode } from "./show_hosts.ts";

/** Reading large programs for their checksums takes seconds. */
const PREPARE_US = 60_000_000;

/** What one host is to have, and what that changes. */
export interface HostPlan {
  readonly name: string;
  readonly host: ShowHost;
  readonly programs: readonly Placed[];
  readonly prepared: PrepareResult;
  /** Whether the host is told: something changes, or it has another generation. */
  readonly isTold: boolean;
}

/** What would happen. */
export interface ShowPlan {
  readonly show: LoadedShow;
  /** The generation that this one goes back to; null for a new one. */
  readonly of: number | null;
  /** The newest that is in force anywhere; 0 for none. */
  readonly before: number;
  readonly generation: number;
  readonly hosts: readonly HostPlan[];
  /** Hosts of the show that do not answer: they are told when they are back and somebody applies again. */
  readonly pending: readonly SilentNode[];
  readonly order: RolloutOrder;
  /** Another show that is in force on some of the hosts. */
  readonly replaces: readonly { readonly host: string; readonly show: string; readonly by: string }[];
}

/** What is asked. */
export interface PlanRequest {
  readonly show: LoadedShow;
  readonly of: number | null;
  readonly only: readonly string[] | null;
  readonly op: string;
  readonly by: string;
}

/** Asks all hosts. Throws {@linkcode ManifestRefused} where programs cannot be placed, and the first refusal of a host. */
export async function makePlan(mesh: ShowMesh, request: PlanRequest): Promise<ShowPlan> {
  const { show, of, only, op, by } = request;
  const { manifest } = show;
  const resolution = resolveManifest(manifest, mesh.hosts.map(knownHost));
  const order = rolloutOrder(manifest, resolution.hosts, resolution.problems);
  if (resolution.problems.count > 0) throw new ManifestRefused(show.source, resolution.problems);
  const placements = withLeavers(resolution.hosts, mesh, manifest.show)
    .filter(({ host }) => only === null || only.includes(host));
  const pending: SilentNode[] = [];
  const asked: { placement: HostPlacement; host: ShowHost }[] = [];
  for (const placement of placements) {
    const [host, second] = mesh.hosts.filter(({ node }) => node.name === placement.host);
    if (second !== undefined) {
      throw new HanaError("usage", {
        what: `two nodes are called ${placement.host}`,
        why: "a show means a host by its name",
        hint: "hana serve --name OTHER",
      });
    }
    if (host !== undefined) asked.push({ placement, host });
    else pending.push(silentOf(mesh, placement.host));
  }
  // Shows of other hosts count by themselves.
  const own = mesh.hosts.filter(({ node, generations: [first] }) =>
    first?.name === manifest.show || placements.some(({ host }) => host === node.name)
  );
  const newest = newestOf(own)?.generation ?? 0;
  const answers = await Promise.all(asked.map(async ({ placement, host }) => {
    try {
      const base = host.generations[0]?.generation ?? 0;
      const programs = placement.programs.map(({ name, spec, want }) => ({ name, spec, want }));
      const prepared = await host.host.session.request(PREPARE_SHOW, { op, by, programs, base }, {
        timeoutUs: PREPARE_US,
      });
      return { name: placement.host, host, programs: placement.programs, prepared };
    } catch (thrown) {
      const error = ofHost(
        toHanaError(thrown, "unreachable", `${placement.host} does not answer`),
        placement.host,
      );
      if (!isLost(error)) throw error;
      pending.push({ name: placement.host, error });
      return null;
    }
  }));
  const there = answers.filter((each) => each !== null);
  const isInForce = ({ host }: { host: ShowHost }): boolean => {
    const [first] = host.generations;
    return first?.generation === newest && first.sha256 === show.sha256 && first.name === manifest.show;
  };
  const changes = ({ prepared }: { prepared: PrepareResult }): boolean =>
    prepared.added.length + prepared.changed.length + prepared.removed.length > 0;
  // Hosts that lag behind get the generation that the others have, if it is this very manifest.
  const others = own.filter(({ generations: [first] }) => first?.generation === newest);
  const isNewest = newest > 0 && of === null &&
    others.every((host) =>
      host.generations[0]?.sha256 === show.sha256 && host.generations[0].name === manifest.show
    );
  const needsNew = !isNewest || there.some((each) => isInForce(each) && changes(each));
  const generation = needsNew ? newest + 1 : newest;
  const hosts = there.map((each): HostPlan => ({
    ...each,
    isTold: (each.host.generations[0]?.generation ?? 0) < generation &&
      (changes(each) || each.programs.length > 0 || each.host.count > 0),
  }));
  const replaces = hosts.flatMap(({ name, host }) => {
    const [first] = host.generations;
    const isOther = first !== undefined && first.name !== manifest.show && host.count > 0;
    return isOther ? [{ host: name, show: first.name, by: first.by }] : [];
  });
  pending.sort((a, b) => a.name < b.name ? -1 : 1);
  return { show, of, before: newest, generation, hosts, pending, order, replaces };
}

/** Whether applying this plan does nothing at all on the hosts that answer. */
export function isSettled({ hosts }: ShowPlan): boolean {
  return hosts.every(({ isTold, prepared }) => !isTold && prepared.staged.length === 0);
}

/** Keeps other consoles away for a moment: one host after the other, in the same order for all. Throws `conflict`. */
export async function reserve({ hosts }: ShowPlan, op: string, by: string): Promise<void> {
  const inOrder = hosts.filter(({ isTold }) => isTold)
    .sort((a, b) => a.host.host.id < b.host.host.id ? -1 : 1);
  for (const { name, host, prepared: { base } } of inOrder) {
    try {
      const body = { op, by, programs: [], base, reserve: true };
      await host.host.session.request(PREPARE_SHOW, body, { timeoutUs: PREPARE_US });
    } catch (thrown) {
      throw onHost(ofHost(toHanaError(thrown, "unreachable", `${name} does not answer`), name), name);
    }
  }
}

/** Says on which host it was where the error does not. */
export function onHost(error: HanaError, name: string): HanaError {
  if (error.what.includes(name)) return error;
  return new HanaError(error.code, {
    what: `${name}: ${error.what}`,
    ...(error.why === undefined ? {} : { why: error.why }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}

/** Whether a host was lost, and has not refused. */
export function isLost({ code }: HanaError): boolean {
  return code === "unreachable" || code === "timeout" || code === "closed";
}

/** Hosts that had programs of this show and are not in it any more: they lose them. */
function withLeavers(
  placements: readonly HostPlacement[],
  { hosts }: ShowMesh,
  show: string,
): readonly HostPlacement[] {
  const names = new Set(placements.map(({ host }) => host));
  const leavers = hosts.filter(({ node, generations: [first], count }) =>
    !names.has(node.name) && first?.name === show && count > 0
  );
  return [...placements, ...leavers.map(({ node }) => ({ host: node.name, programs: [] }))]
    .sort((a, b) => a.host < b.host ? -1 : 1);
}

function silentOf({ silent }: ShowMesh, name: string): SilentNode {
  return silent.find((each) => each.name === name) ?? {
    name,
    error: new HanaError("unreachable", {
      what: `${name} cannot be reached`,
      why: "no node of this name that supervises programs is known",
      hint: `hana serve --name ${name}    (there)`,
    }),
  };
}
