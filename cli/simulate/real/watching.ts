// What real nodes think of each other: one observer without a network, attached to the local socket of every node
// (`hana.nodes.watch`). Decides that a list survives a lost connection: the next snapshot is compared with it.
// Never asks the network and is listed by nobody.

import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import { Node, NODES_DELTA, type NodeView, WATCH_NODES } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { openMeshKeyRing } from "../../../lib/security/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";

/** A frozen node is asked again this often. */
const RETRY_MS = 100;
const REACH_US = 1_000_000;
/** A frozen node must not look like a lost one to its watcher. */
const PATIENCE_US = 3_600_000_000;

/** What a node thinks of another. */
export interface ListedNode {
  readonly state: NodeView["state"];
  readonly incarnation: number;
  readonly name: string;
  readonly sinceUs: number;
}

/** What is told of a change. */
export interface ViewChange {
  readonly observer: string;
  readonly id: NodeId;
  readonly op: "add" | "update" | "remove";
  readonly before: NodeView["state"] | null;
  readonly listed: ListedNode;
}

/** The lists of all nodes. */
export class Watching {
  readonly #attached = new Map<string, Attachment>();
  readonly #bySession = new Map<Session, Attachment>();
  #isOver = false;

  /** Starts the observer. `nowUs` is the clock of the run. */
  static async start(
    platform: Platform,
    nowUs: () => number,
    onChange: (change: ViewChange) => void,
  ): Promise<Watching> {
    const node = await Node.start(platform, {
      role: "observer",
      name: "rehearsal",
      software: "rehearsal",
      stateDirectory: "",
      runDirectory: null,
      keys: openMeshKeyRing(),
      tcpPort: null,
      discovery: null,
      limits: { silenceUs: PATIENCE_US },
    });
    return new Watching(node, nowUs, onChange);
  }

  private constructor(
    private readonly node: Node,
    private readonly nowUs: () => number,
    private readonly onChange: (change: ViewChange) => void,
  ) {
    node.onEvent(NODES_DELTA, ({ op, node: view }, { session }) => {
      const attachment = this.#bySession.get(session);
      if (attachment === undefined) return;
      if ((view as NodeView).self) return;
      if (attachment.early === null) this.#apply(attachment, op, view as NodeView);
      else attachment.early.push({ op, view: view as NodeView });
    });
  }

  /** What a node lists; nothing while it is down. */
  list(observer: string): ReadonlyMap<NodeId, ListedNode> {
    return this.#attached.get(observer)?.listed ?? new Map();
  }

  /** Watches the node behind a local socket from now on, until {@linkcode detach}. Resolves with its first list. */
  async attach(observer: string, address: string): Promise<void> {
    this.detach(observer);
    const attachment: Attachment = { observer, address, listed: new Map(), early: [], isOver: false };
    this.#attached.set(observer, attachment);
    await this.#reach(attachment);
  }

  /** The node is gone, and its list with it. */
  detach(observer: string): void {
    const attachment = this.#attached.get(observer);
    if (attachment === undefined) return;
    attachment.isOver = true;
    this.#attached.delete(observer);
    for (const [session, owner] of this.#bySession) {
      if (owner !== attachment) continue;
      this.#bySession.delete(session);
      session.abort(new HanaError("closed", { what: "the node is gone" }));
    }
  }

  /** Ends watching. */
  async stop(): Promise<void> {
    this.#isOver = true;
    for (const observer of [...this.#attached.keys()]) this.detach(observer);
    await this.node.stop();
  }

  async #reach(attachment: Attachment): Promise<void> {
    while (!attachment.isOver && !this.#isOver) {
      try {
        attachment.early = [];
        const session = await this.node.open(attachment.address, { timeoutUs: REACH_US });
        this.#bySession.set(session, attachment);
        void session.ended.then(() => {
          this.#bySession.delete(session);
          return this.#reach(attachment);
        });
        const { nodes } = await session.request(WATCH_NODES, {});
        this.#compare(attachment, nodes as NodeView[]);
        const { early } = attachment;
        attachment.early = null;
        for (const { op, view } of early ?? []) this.#apply(attachment, op, view);
        return;
      } catch (thrown) {
        if (!(thrown instanceof HanaError)) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Takes a whole list: what changed while nobody watched is told now. */
  #compare(attachment: Attachment, nodes: readonly NodeView[]): void {
    const there = new Set(nodes.map(({ id }) => id));
    for (const view of nodes) {
      if (view.self) continue;
      const known = attachment.listed.get(view.id);
      const isNews = known?.state !== view.state || known.incarnation !== view.incarnation ||
        known.name !== view.name;
      if (isNews) this.#apply(attachment, known === undefined ? "add" : "update", view);
    }
    for (const [id, known] of [...attachment.listed]) {
      if (there.has(id)) continue;
      attachment.listed.delete(id);
      const listed = { ...known, sinceUs: this.nowUs() };
      this.onChange({ observer: attachment.observer, id, op: "remove", before: known.state, listed });
    }
  }

  #apply(attachment: Attachment, op: "add" | "update" | "remove", view: NodeView): void {
    const { id, state, incarnation, name } = view;
    const known = attachment.listed.get(id);
    const sinceUs = known?.state === state && op !== "remove" ? known.sinceUs : this.nowUs();
    const listed: ListedNode = { state, incarnation, name, sinceUs };
    if (op === "remove") attachment.listed.delete(id);
    else attachment.listed.set(id, listed);
    this.onChange({ observer: attachment.observer, id, op, before: known?.state ?? null, listed });
  }
}

interface Attachment {
  readonly observer: string;
  readonly address: string;
  readonly listed: Map<NodeId, ListedNode>;
  /** Changes that came in one read with the list that they change, which is taken first; null once it is. */
  early: { readonly op: "add" | "update" | "remove"; readonly view: NodeView }[] | null;
  isOver: boolean;
}
