// Which generation of which show every node has: `hana apply --status`, and the warning of `hana ps`.
// Decides who counts as behind, and the command that mends it.

import type { Cli } from "../../frame/mod.ts";
import { type Cell, counted, EXIT, type JsonObject, type Rendering } from "../../output/mod.ts";
import { isoTime, wallClock } from "../clock.ts";
import type { Hosts, ListedHost } from "../hosts.ts";
import { behind, newestOf, type ShowHost, type ShowMesh, showOf, showsInForce } from "./show_hosts.ts";

/** What mends a host that is behind. */
export const CATCH_UP = "hana apply --resume";

type State = "in-force" | "behind" | "rolling-out" | "halted" | "none";

interface StatusRow {
  readonly host: ShowHost;
  readonly state: State;
  /** The newest generation of its show anywhere. */
  readonly newest: number;
}

/** Shows who has which generation. */
export async function showStatus(cli: Cli, mesh: ShowMesh): Promise<void> {
  const late = new Set(behind(mesh).map(({ host }) => host));
  const shows = showsInForce(mesh);
  const rows = mesh.hosts.map((host): StatusRow => {
    const [first] = host.generations;
    const newest = first === undefined ? 0 : newestOf(shows.get(first.name) ?? [])?.generation ?? 0;
    const state = first === undefined
      ? "none"
      : late.has(host)
      ? "behind"
      : host.halted && host.staged.length > 0
      ? "halted"
      : host.staged.length > 0
      ? "rolling-out"
      : "in-force";
    return { host, state, newest };
  });
  await cli.output.rows(rendering(mesh), rows);
  for (const { name, error } of mesh.silent) cli.output.warn(`${name} is not in the list: ${error.message}`);
  if (mesh.silent.length > 0) cli.exitWith(EXIT.partial);
  else if (rows.every(({ state }) => state === "none")) cli.exitWith(EXIT.negative);
}

/** The sentences of {@linkcode lagging} about hosts that were asked for their programs; one that does not tell says nothing. */
export async function laggingHosts(hosts: Hosts, listed: readonly ListedHost[]): Promise<string[]> {
  const nodes = await hosts.client.nodes();
  const found = await Promise.all(listed.map(async ({ host, programs }) => {
    const node = nodes.find(({ id }) => id === host.id);
    return node === undefined ? null : await showOf(host, node, programs).catch(() => null);
  }));
  return lagging({ hosts: found.filter((each) => each !== null), silent: [] });
}

/** A sentence for each node that is behind or was halted. */
export function lagging(mesh: ShowMesh): string[] {
  return [
    ...behind(mesh).map(({ host, newest }) => {
      const has = host.generations[0]?.generation ?? 0;
      return `${host.host.name} is behind: it has generation ${has} of ${newest.name || "the show"}, ` +
        `${newest.generation} is in force; try: ${CATCH_UP}`;
    }),
    ...mesh.hosts.filter(({ halted, staged }) => halted && staged.length > 0).map(({ host, staged }) =>
      `${host.name}: ${counted(staged.length, "program")} of the show wait for a word; try: ${CATCH_UP}`
    ),
  ];
}

const WORDS: Readonly<Record<State, Cell>> = {
  "in-force": { text: "in force", tone: "good" },
  behind: { text: "behind", tone: "bad" },
  "rolling-out": { text: "rolling out", tone: "warn" },
  halted: { text: "halted", tone: "bad" },
  none: { text: "no show", tone: "dim" },
};

function rendering(mesh: ShowMesh): Rendering<StatusRow> {
  const clock = wallClock();
  const json = ({ host, state, newest }: StatusRow): JsonObject => ({
    node: host.host.name,
    nodeId: host.host.id,
    state,
    newest,
    show: host.generations[0]?.name ?? null,
    generation: host.generations[0]?.generation ?? null,
    programs: host.count,
    staged: host.staged,
    generations: host.generations as unknown as JsonObject[],
  });
  return {
    what: "apply-status",
    row: "node",
    id: ({ host }) => host.host.name,
    columns: [
      { header: "HOST", cell: ({ host }) => host.host.name },
      { header: "SHOW", cell: ({ host }) => host.generations[0]?.name || null },
      { header: "GENERATION", cell: ({ host }) => host.generations[0]?.generation ?? null, align: "right" },
      { header: "STATE", cell: ({ state }) => WORDS[state], plain: ({ state }) => state },
      { header: "PROGRAMS", cell: ({ host }) => host.count, align: "right", spare: 1 },
      { header: "WAITING", cell: ({ host }) => host.staged.join(", ") || null, spare: 3 },
      {
        header: "APPLIED",
        cell: ({ host: { generations: [first] } }) => first === undefined ? null : clock(first.atWallMs),
        plain: ({ host: { generations: [first] } }) => first === undefined ? null : isoTime(first.atWallMs),
        spare: 2,
      },
      { header: "BY", cell: ({ host }) => host.generations[0]?.by || null, shrinks: true },
    ],
    json,
    document: (rows) => ({
      nodes: rows.map(json),
      silent: mesh.silent.map(({ name, error }) => ({ node: name, why: error.message })),
      summary: {
        total: rows.length,
        inForce: rows.filter(({ state }) => state === "in-force").length,
        behind: rows.filter(({ state }) => state === "behind").length,
        silent: mesh.silent.length,
      },
    }),
    summary: () => lagging(mesh).join("\n") || null,
  };
}
