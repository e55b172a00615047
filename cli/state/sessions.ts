// `hana state sessions` and `hana state host`: who takes part, what each holds, and who hosts.
// Decides what a person is told of a host that alone has what it acknowledged.

import type { Command } from "@commander-js/extra-typings";
import type { ReplyOf } from "../../lib/session/mod.ts";
import type { STATE_SESSIONS } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import {
  briefDuration,
  type Cell,
  counted,
  EXIT,
  type JsonObject,
  type RecordRendering,
  type Rendering,
} from "../output/mod.ts";
import { addStateSettings } from "./flags.ts";
import { askWhoHosts, type HostAnswer, openDesk } from "./opening.ts";

type Sessions = ReplyOf<typeof STATE_SESSIONS>;
type Client = Sessions["clients"][number];

const LOOK_US = 1_000_000;
const LISTED = 4;

/** A client with the names that people know. */
interface ClientRow extends Client {
  readonly nodeName: string | null;
  /** How many values it holds. */
  readonly holds: number;
  readonly isSelf: boolean;
}

/** Declares `hana state sessions`. */
export function defineSessions(command: Command, cli: Cli): void {
  command.summary("who takes part, and what they hold").description(
    "lists the clients of the shared state: who is there, what each holds and owns, who is privileged, how much waits for it",
  );
  setExamples(
    command,
    { call: "hana state sessions", why: "who is there" },
    { call: "hana state sessions --json", why: "and every owned object, for scripts" },
  );
  command.action(async () => await sessions(cli));
  addStateSettings(command);
}

async function sessions(cli: Cli): Promise<void> {
  const open = await openDesk(cli);
  try {
    const { desk } = open;
    const reply = await desk.client.sessions();
    const nodes = new Map((await open.mesh.nodes()).map(({ id, name }) => [id as string, name]));
    const rows = desk.rows();
    const clients = reply.clients.map((client): ClientRow => ({
      ...client,
      // Commands and other observers are on nobody's list.
      nodeName: nodes.get(client.node) ?? null,
      holds: rows.filter(({ holder }) => holder?.client === client.client).length,
      isSelf: client.client === desk.client.number,
    }));
    // This command itself is nobody whom a crew looks for.
    const others = cli.output.mode === "table" ? clients.filter(({ isSelf }) => !isSelf) : clients;
    await cli.output.rows(sessionsRendering(reply), others);
    if (others.length === 0) cli.output.message("nobody else takes part");
    if (cli.output.mode === "table" && desk.client.privilege.standing.state === "none") {
      cli.output.message("nobody is privileged; try: hana state privilege request --as NAME");
    }
  } finally {
    await open.close();
  }
}

function sessionsRendering(reply: Sessions): Rendering<ClientRow> {
  return {
    what: "state.sessions",
    row: "client",
    id: ({ name }) => name,
    columns: [
      { header: "CLIENT", cell: ({ name }) => name },
      { header: "NUMBER", cell: ({ client }) => client, align: "right", spare: 2 },
      { header: "NODE", cell: ({ nodeName }) => nodeName, spare: 3 },
      { header: "LEVEL", cell: ({ level }) => level, spare: 1 },
      { header: "STATE", cell: stateOf, plain: ({ state }) => state },
      { header: "HOLDS", cell: ({ holds }) => holds, align: "right" },
      { header: "OWNS", cell: ownsOf, plain: ({ owns }) => owns.join(","), shrinks: true },
      {
        header: "PRIVILEGED",
        cell: ({ privileged }) => privileged ? { text: "yes", tone: "good" } : null,
        plain: ({ privileged }) => privileged ? "yes" : "no",
      },
      {
        header: "WAITS",
        cell: ({ queuedBytes }) => queuedBytes === 0 ? null : `${queuedBytes} B`,
        plain: ({ queuedBytes }) => queuedBytes,
        align: "right",
        needed: (clients) => clients.some(({ queuedBytes }) => queuedBytes > 0),
      },
    ],
    json: clientJson,
    document: (clients) => ({
      epoch: { ...reply.epoch },
      clients: clients.map(clientJson),
      privilege: { ...reply.privilege },
      objects: reply.objects.map((object) => ({ ...object })),
      subsystems: reply.subsystems.map((subsystem) => ({ ...subsystem })),
      summary: {
        total: clients.length,
        privileged: clients.find(({ privileged }) => privileged)?.name ?? null,
      },
    }),
    summary: (clients) => {
      const values = reply.subsystems.reduce((sum, { entries }) => sum + entries, 0);
      return clients.length === 0
        ? null
        : `${counted(clients.length, "client")}, ${counted(values, "value")}`;
    },
  };
}

function stateOf({ state, expiresMs, heardMs }: ClientRow): Cell {
  if (state === "joined") return { text: state, tone: "good" };
  const left = expiresMs === null ? "" : `, held for ${briefDuration(expiresMs * 1_000)}`;
  return { text: `${state} (${briefDuration(heardMs * 1_000)} ago${left})`, tone: "warn" };
}

function ownsOf({ owns }: ClientRow): string | null {
  if (owns.length === 0) return null;
  const more = owns.length - LISTED;
  return owns.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function clientJson({ owns, ...client }: ClientRow): JsonObject {
  return { ...client, owns: [...owns] };
}

/** Declares `hana state host`. */
export function defineHost(command: Command, cli: Cli): void {
  command.summary("who hosts the shared state").description(
    "says which node hosts the shared state, who keeps copies of it, and whether acknowledged writes would survive its loss; exit code 1 when nobody hosts",
  );
  setExamples(
    command,
    { call: "hana state host", why: "which node, and its standbys" },
    { call: "hana state host -q", why: "its name alone" },
  );
  command.action(async () => await host(cli));
  addStateSettings(command);
}

async function host(cli: Cli): Promise<void> {
  const mesh = await MeshClient.open(cli, { timeoutUs: LOOK_US });
  try {
    let { asked, answer } = await askWhoHosts(mesh);
    const { host: known } = answer;
    if (known !== null && !answer.hosting) {
      // Its standbys are known to the host alone.
      const node = (await mesh.nodes()).find(({ id }) => id === known.id);
      if (node !== undefined) {
        const own = await askWhoHosts(mesh, undefined, node);
        if (own.answer.host !== null) ({ asked, answer } = own);
      }
    }
    cli.output.record(hostRecord(answer, asked));
    if (answer.host !== null) return;
    cli.output.message("no app leads the mesh, and no node was started with --host-state");
    cli.output.message("try: hana serve --role app (or, on the show machine: hana serve --host-state)");
    cli.exitWith(EXIT.negative);
  } finally {
    await mesh.close();
  }
}

function hostRecord({ host, hosting, epoch, standbys, single }: HostAnswer, asked: string): RecordRendering {
  const nameOf = ({ id, name }: { readonly id: string; readonly name: string | null }): string =>
    name ?? id.slice(0, 8);
  const listed = standbys.map((each) => `${nameOf(each)}${each.confirmed ? "" : " (not yet whole)"}`).join(
    ", ",
  );
  return {
    what: "state.host",
    fields: [
      { label: "host", value: host === null ? "nobody" : nameOf(host) },
      ...(host === null ? [] : [
        { label: "id", value: host.id },
        { label: "mode", value: MODES[host.mode] ?? host.mode },
      ]),
      ...(epoch === null ? [] : [{ label: "term", value: epoch.term }]),
      ...(hosting
        ? [
          { label: "standbys", value: listed === "" ? "none" : listed },
          {
            label: "safe",
            value: single
              ? { text: "no: what is written now would be lost with this machine", tone: "warn" as const }
              : { text: "yes: a standby has what is acknowledged", tone: "good" as const },
            plain: single ? "no" : "yes",
          },
        ]
        : []),
      { label: "asked", value: asked },
    ],
    quiet: host === null ? [] : [nameOf(host)],
    json: {
      host: host === null ? null : { ...host },
      hosting,
      epoch: epoch === null ? null : { ...epoch },
      standbys: standbys.map((each) => ({ ...each })),
      single,
      asked,
    },
  };
}

const MODES: Readonly<Record<string, string>> = {
  leader: "it leads the mesh",
  fixed: "it was started with --host-state",
};
