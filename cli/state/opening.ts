// How a command comes to the shared state: finds who hosts it, joins there as a client, and leaves.
// Decides which nodes are asked (the one of this machine, else any that answers), when nobody hosts, and that a command
// leaves cleanly unless it works under a name (`--as`), whose place the host then keeps for a minute.

import { HanaError } from "../../lib/base/mod.ts";
import type { NodeView } from "../../lib/node/mod.ts";
import type { ReplyOf, Session } from "../../lib/session/mod.ts";
import { type ReplicaService, STATE_HOST, StateClient } from "../../lib/state/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { Desk } from "./desk.ts";
import { PlaceFile } from "./place.ts";

/** Who hosts, as a node tells it. */
export type HostAnswer = ReplyOf<typeof STATE_HOST>;

/** Nodes are looked for so long where none runs here, in microseconds. */
const LOOK_US = 1_000_000;
/** A node answers who hosts within this, in microseconds. */
const ASK_US = 1_000_000;
/** The state is here within this unless `--timeout` says otherwise, in microseconds. */
export const READY_US = 5_000_000;
/** Of many nodes these are asked, the most likely first. */
const MAX_ASKED = 6;

/** Who joins. */
export interface OpenOptions {
  /** The name under which several commands are one client. */
  readonly as?: string | undefined;
  /** Only through the node of this machine: nothing is looked for on the network. */
  readonly isLocalOnly?: boolean;
}

/** A client of the shared state, joined and whole. */
export class OpenDesk {
  constructor(
    readonly desk: Desk,
    readonly mesh: MeshClient,
    readonly place: PlaceFile | null,
    private readonly service: ReplicaService,
  ) {}

  /** The name of the node that hosts; its id where nobody knows the name. */
  async hostName(): Promise<string> {
    const id = this.service.hostId;
    if (id === null) return "nobody";
    return (await this.mesh.nodes()).find((node) => node.id === id)?.name ?? id.slice(0, 8);
  }

  /**
   * Leaves: what the client holds is released at once. Under a name it only goes away, and the host keeps its place for a
   * minute, unless it is to leave for good.
   */
  async close(forGood = false): Promise<void> {
    try {
      if (this.place === null || forGood) await this.service.close();
      else this.service.abandon();
      if (forGood) this.place?.forget();
    } finally {
      this.place?.release();
      await this.mesh.close();
    }
  }
}

/**
 * Joins the shared state and waits until all of it is here. Rejects with `unreachable` where nobody hosts it, `timeout`
 * where it does not arrive in time.
 */
export async function openDesk(cli: Cli, { as, isLocalOnly }: OpenOptions = {}): Promise<OpenDesk> {
  const place = as === undefined ? null : await PlaceFile.open(cli, as);
  let mesh: MeshClient | null = null;
  try {
    const observerId = place?.place.id ?? null;
    mesh = isLocalOnly === true ? await MeshClient.openLocal(cli) : await MeshClient.open(cli, {
      timeoutUs: LOOK_US,
      ...(observerId === null ? {} : { observerId }),
    });
    if (mesh === null) throw nobodyHosts();
    return await join(cli, mesh, place);
  } catch (thrown) {
    place?.release();
    await mesh?.close();
    throw thrown;
  }
}

async function join(cli: Cli, mesh: MeshClient, place: PlaceFile | null): Promise<OpenDesk> {
  const platform = await cli.platform();
  const { timeout } = cli.settings;
  const deadlineUs = platform.clock.nowUs() + (timeout ?? READY_US);
  const token = place?.place.token ?? null;
  // Who is told that nobody hosts need not wait for that to change, unless he says so.
  if (timeout === null) await findHost(mesh);
  const service = mesh.node.state.client({
    name: place?.place.name ?? `cli@${mesh.node.name}`,
    findHost: () => findHost(mesh),
    ...(token === null ? {} : { token }),
  });
  const client = new StateClient({ port: service, timers: platform.timers });
  service.onEvent((event) => {
    // The token of before is used up by now: the new one must outlive this process, however that ends.
    if (event.kind === "joined") place?.keep(mesh.node.id, service.replica.token);
  });
  try {
    await client.ready({ timeoutUs: Math.max(0, deadlineUs - platform.clock.nowUs()) });
  } catch (thrown) {
    const why = service.lastFailure;
    await service.close();
    throw why ?? thrown;
  }
  return new OpenDesk(new Desk(client), mesh, place, service);
}

/** The node that hosts. Rejects with `unreachable` where none does. */
async function findHost(mesh: MeshClient): Promise<NodeView> {
  const { host } = (await askWhoHosts(mesh)).answer;
  if (host === null) throw nobodyHosts();
  const node = (await mesh.nodes()).find(({ id }) => id === host.id);
  if (node !== undefined) return node;
  throw new HanaError("unreachable", {
    what: `${host.name ?? host.id.slice(0, 8)} hosts the shared state and cannot be reached from here`,
    why: `${mesh.via} does not show it`,
    hint: "hana discover",
  });
}

/** What the first node says that knows of the shared state, or that of `first`, and which that was. */
export async function askWhoHosts(
  mesh: MeshClient,
  timeoutUs = ASK_US,
  first?: NodeView,
): Promise<{ readonly asked: string; readonly answer: HostAnswer }> {
  let failure: HanaError | null = null;
  let strangers = 0;
  const ask = async (session: Session): Promise<HostAnswer | null> => {
    try {
      return await session.request(STATE_HOST, {}, { timeoutUs });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      if (thrown.code === "unknown-message") strangers++;
      else failure = thrown;
      return null;
    }
  };
  let nobody: { asked: string; answer: HostAnswer } | null = null;
  if (mesh.local !== null && (first === undefined || mesh.local.peer.id === first.id)) {
    const answer = await ask(mesh.local);
    if (answer !== null) nobody = { asked: mesh.local.peer.name, answer };
    if (answer !== null && answer.host !== null) return { asked: mesh.local.peer.name, answer };
  }
  const nodes = first !== undefined
    ? [first]
    : (await mesh.nodes()).filter(({ state, self }) => state === "alive" && !self);
  // The leader knows best: it hosts, or knows who does.
  nodes.sort((a, b) => Number(b.leader) - Number(a.leader));
  for (const node of nobody === null ? nodes.slice(0, MAX_ASKED) : nodes.filter(({ leader }) => leader)) {
    let session: Session;
    try {
      session = await mesh.node.open(node, { timeoutUs });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      failure = thrown;
      continue;
    }
    const answer = await ask(session);
    await session.close("asked");
    if (answer === null) continue;
    nobody ??= { asked: node.name, answer };
    if (answer.host !== null) return { asked: node.name, answer };
  }
  if (nobody !== null) return nobody;
  if (strangers > 0) {
    throw new HanaError("unsupported", {
      what: "the nodes here know nothing of shared state",
      why: "they run an older hana",
      hint: "hana discover    (the column VERSION)",
    });
  }
  throw failure ?? new HanaError("not-found", {
    what: "no node answers",
    why: `${mesh.via} shows none`,
    hint: "hana serve --role app",
  });
}

/** Nobody hosts. */
export function nobodyHosts(): HanaError {
  return new HanaError("unreachable", {
    what: "nobody hosts the shared state",
    why: "no app leads the mesh, and no node was started with --host-state",
    hint: "hana serve --role app    (or, on the show machine: hana serve --host-state)",
  });
}
