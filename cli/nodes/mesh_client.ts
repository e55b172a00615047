// How a command sees the mesh: through the node that runs on this machine, or, without one, as an observer that
// joins for a moment and is never listed. Decides which of the two; hides the difference.

import { HanaError, type NodeId } from "../../lib/base/mod.ts";
import {
  chooseLocalNode,
  LIST_NODES,
  listLocalNodes,
  type LocalNode,
  Node,
  type NodeEvent,
  type NodeListener,
  type NodeOptions,
  NODES_DELTA,
  type NodeView,
  WATCH_NODES,
} from "../../lib/node/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { commonOptions } from "./options.ts";
import { byStateAndName } from "./rendering.ts";

/** How to look. */
export interface MeshClientOptions {
  /** Do not use the local node even if one runs. */
  readonly direct?: boolean;
  /** An observer goes on listening after the first answers, instead of asking once. */
  readonly watch?: boolean;
  /** How long an observer waits for answers, in microseconds. */
  readonly timeoutUs: number;
  /** The id that the command had the last time, for nodes that kept something for it. */
  readonly observerId?: NodeId;
}

/** Answers stop coming when nobody has spoken for this long: offers come within 5 ms a rank and 8 ranks. */
const QUIET_US = 250_000;
/** A local node answers in well under a millisecond; one that does not within this is stuck. */
const LOCAL_TIMEOUT_US = 1_000_000;

/** A command's view of the mesh. */
export class MeshClient {
  private constructor(
    /** The observer that dials; its own discovery is off while a local node answers. */
    readonly node: Node,
    /** The session with the local node, null without one. */
    readonly local: Session | null,
  ) {}

  /** Looks through the node of this machine alone; null when none runs. */
  static async openLocal(cli: Cli, observerId?: NodeId): Promise<MeshClient | null> {
    const platform = await cli.platform();
    const candidates = listLocalNodes(platform.files, cli.settings.runDir);
    if (candidates.length === 0) return null;
    const options = { ...await observerOptions(cli, observerId), tcpPort: null, discovery: null };
    for (const candidate of inOrder(candidates)) {
      const node = await Node.start(platform, options);
      const local = await reachLocal(node, candidate);
      if (local !== null) return new MeshClient(node, local);
      await node.stop();
    }
    return null;
  }

  /** Looks at the mesh. Rejects with `network-unusable`, or with what is wrong with the key file. */
  static async open(cli: Cli, options: MeshClientOptions): Promise<MeshClient> {
    const local = options.direct === true ? null : await MeshClient.openLocal(cli, options.observerId);
    if (local !== null) return local;
    const common = await observerOptions(cli, options.observerId);
    const node = await Node.start(await cli.platform(), {
      ...common,
      discovery: { ...common.discovery, listens: options.watch === true },
      tcpPort: null,
    });
    for (const { error } of node.discovery?.problems ?? []) cli.output.warn(error.message);
    await node.discovery?.query({ quietUs: QUIET_US, timeoutUs: options.timeoutUs });
    return new MeshClient(node, null);
  }

  /** How the mesh is seen, for people. */
  get via(): string {
    return this.local === null ? "the network" : `the local node ${this.local.peer.name}`;
  }

  /** All nodes that are known now, the living first, by name, so that two looks read alike. */
  async nodes(): Promise<NodeView[]> {
    const nodes = this.local === null
      ? this.node.nodes()
      : (await this.local.request(LIST_NODES, {})).nodes as NodeView[];
    return nodes.sort(byStateAndName);
  }

  /** The nodes that are known now, and `listener` for every change from then on. */
  async watch(listener: NodeListener): Promise<NodeView[]> {
    if (this.local === null) {
      this.node.watchNodes(listener);
      return this.node.nodes();
    }
    this.node.onEvent(
      NODES_DELTA,
      ({ op, node, event }) => listener(op, node as NodeView, event as NodeEvent | undefined),
    );
    return (await this.local.request(WATCH_NODES, {})).nodes as NodeView[];
  }

  /**
   * The node that `target` means: a name, an id or the beginning of one (4 digits at least).
   * Throws `not-found` with what was seen, `usage` when several fit.
   */
  async find(target: string): Promise<NodeView> {
    const nodes = await this.nodes();
    const named = nodes.filter((node) => node.name === target);
    const fitting = named.length > 0
      ? named
      : nodes.filter((node) => isIdPrefix(target) && node.id.startsWith(target));
    const living = fitting.filter((node) => node.state !== "dead" && node.state !== "left");
    const [first, second] = living.length > 0 ? living : fitting;
    if (first === undefined) {
      const names = nodes.filter((node) => node.state === "alive").map((node) => node.name);
      throw new HanaError("not-found", {
        what: `no node ${target} is known`,
        why: names.length === 0 ? `${this.via} shows none at all` : `${this.via} shows ${shortList(names)}`,
        hint: "hana discover",
      });
    }
    if (second !== undefined) {
      throw new HanaError("usage", {
        what: `${target} means ${fitting.length} nodes`,
        why: shortList(fitting.map((node) => `${node.name} ${node.id.slice(0, 8)}`)),
        hint: `name one by its id, such as ${first.id.slice(0, 8)}`,
      });
    }
    return first;
  }

  /** Says goodbye and leaves nothing behind. */
  close(): Promise<void> {
    return this.node.stop();
  }
}

async function observerOptions(cli: Cli, observerId: NodeId | undefined): Promise<NodeOptions> {
  return { ...await commonOptions(cli, "observer"), ...(observerId === undefined ? {} : { observerId }) };
}

/** The node that is asked first is the one that tools talk to; the others only if it does not answer. */
function inOrder(nodes: readonly LocalNode[]): LocalNode[] {
  const first = chooseLocalNode(nodes, undefined);
  return first === null ? [] : [first, ...nodes.filter((node) => node !== first)];
}

/** A session with a local node, null when its note is all that is left of it. */
async function reachLocal(node: Node, candidate: LocalNode): Promise<Session | null> {
  try {
    return await node.open(candidate.address, { timeoutUs: LOCAL_TIMEOUT_US });
  } catch (thrown) {
    if (thrown instanceof HanaError) return null;
    throw thrown;
  }
}

function isIdPrefix(text: string): boolean {
  return /^[0-9a-f]{4,32}$/.test(text);
}

function shortList(names: readonly string[]): string {
  return names.length <= 6
    ? names.join(", ")
    : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`;
}
