// Shows that nodes kept: which one `--rollback` and `--resume` mean, and its manifest from whoever has it.
// Decides which generation was before; never applies it.

import { HanaError, toHanaError } from "../../../lib/base/mod.ts";
import { SHOW_TEXT } from "../../../lib/supervision/mod.ts";
import { ofHost } from "../errors.ts";
import { type LoadedShow, readShow } from "./load.ts";
import { isLost } from "./plan.ts";
import { newestOf, type ShowHeading, type ShowHost, type ShowMesh, showsInForce } from "./show_hosts.ts";

const ANSWER_US = 10_000_000;

/** A show from the past, and the generation that it was. */
export interface PastShow {
  readonly show: LoadedShow;
  readonly generation: number;
}

/** The newest show as its hosts keep it. Rejects with `not-found`, or `usage` where several shows are in force. */
export async function newestShow(mesh: ShowMesh): Promise<PastShow> {
  const { hosts, newest } = theShow(mesh);
  return await textOf(hosts, newest);
}

/**
 * The show before the one in force, or generation `wanted`. Rejects with `not-found` where nobody keeps it, and `usage` where
 * several shows are in force.
 */
export async function showBefore(mesh: ShowMesh, wanted: number | null): Promise<PastShow> {
  const { hosts, newest } = theShow(mesh);
  const kept = new Map(
    hosts.flatMap(({ generations }) => generations).map((each) => [each.generation, each]),
  );
  // Who went back once goes back further, and not forth again.
  const present = newest.of ?? newest.generation;
  const before = [...kept.values()].filter(({ generation, of }) => generation < present && of === null)
    .sort((a, b) => b.generation - a.generation)[0];
  const meant = wanted === null ? before : kept.get(wanted);
  if (meant !== undefined) return await textOf(hosts, meant);
  const numbers = [...kept.keys()].sort((a, b) => b - a).join(", ");
  throw new HanaError("not-found", {
    what: wanted === null
      ? `there is no generation before ${present} to go back to`
      : `no host keeps generation ${wanted}`,
    why: `kept are ${numbers}`,
    hint: "hana apply --status --json",
  });
}

function theShow(mesh: ShowMesh): { hosts: readonly ShowHost[]; newest: ShowHeading } {
  const shows = [...showsInForce(mesh)].map(([name, all]) =>
    [name, all.filter(({ count }) => count > 0)] as const
  )
    .filter(([, hosts]) => hosts.length > 0);
  const [first, second] = shows;
  if (first === undefined) {
    throw new HanaError("not-found", {
      what: "no show is in force",
      why: mesh.hosts.length === 0 ? "no node that supervises programs answers" : "nobody has applied any",
      hint: "hana apply show.yaml",
    });
  }
  if (second !== undefined) {
    throw new HanaError("usage", {
      what: `${shows.length} shows are in force`,
      why: shows.map(([name, hosts]) => `${name} on ${hosts.map(({ host }) => host.name).join(", ")}`).join(
        "; ",
      ),
      hint: `--only ${first[1][0]?.host.name ?? "HOST"}`,
    });
  }
  const newest = newestOf(first[1]);
  if (newest === null) throw new HanaError("not-found", { what: "no show is in force" });
  return { hosts: first[1], newest };
}

async function textOf(hosts: readonly ShowHost[], { generation }: ShowHeading): Promise<PastShow> {
  let lost: HanaError | null = null;
  for (const { host, generations } of hosts) {
    if (!generations.some((each) => each.generation === generation)) continue;
    try {
      const { name, text } = await host.session.request(SHOW_TEXT, { generation }, { timeoutUs: ANSWER_US });
      return { show: readShow(`generation ${generation} of ${name}`, text), generation };
    } catch (thrown) {
      lost = ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
      if (!isLost(lost)) throw lost;
    }
  }
  throw lost ?? new HanaError("not-found", { what: `nobody keeps generation ${generation}` });
}
