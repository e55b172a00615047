// Display groups at the host: the desk of groups, what stands in the state about them, and the nodes of displays.
// Decides how the desk's words reach nodes; lib/state/groups decides what is prepared, committed and flagged.

import { HanaError, type NodeId } from "../../base/mod.ts";
import type { MessageDefinition } from "../../session/mod.ts";
import {
  type AbortBody,
  Alarm,
  type CommitBody,
  displayPath,
  type Entry,
  GROUP_ABORT,
  GROUP_COMMIT,
  GROUP_PREPARE,
  GroupDesk,
  type GroupEvent,
  GROUPS,
  HOST,
  type HostService,
  idInPath,
  isRefusal,
  MAX_HOST_PRIORITY,
  NO_PATH,
  type ParameterDefinition,
  type PathId,
  type PrepareBody,
  type PrepareReply,
  type ShownBody,
  statusDefinition,
  statusPath,
  type SubsystemLog,
} from "../../state/mod.ts";

/** A node that has displays, as the host reaches it. */
export interface DisplayNode {
  prepare(body: PrepareBody): Promise<PrepareReply>;
  commit(body: CommitBody): void;
  abort(body: AbortBody): void;
}

/** A node of displays over a session. */
export function displayNodeOf(session: {
  call(definition: MessageDefinition, body: unknown): Promise<unknown>;
  post(definition: MessageDefinition, body: unknown): unknown;
}): DisplayNode {
  return {
    prepare: async (body) => await session.call(GROUP_PREPARE, body) as PrepareReply,
    commit: (body) => void session.post(GROUP_COMMIT, body),
    abort: (body) => void session.post(GROUP_ABORT, body),
  };
}

/** Groups of one reign. */
export class GroupHosting {
  readonly #service: HostService;
  readonly #desk: GroupDesk;
  readonly #nodes = new Map<NodeId, DisplayNode>();
  readonly #changed = new Set<PathId>();
  readonly #onEvent: (event: GroupEvent) => void;
  readonly #alarm: Alarm;
  #isClosed = false;
  /** Messages for nodes that were not there any more, or could not be sent. */
  unsent = 0;

  /** @param onEvent is told of displays and groups, for people and programs. */
  constructor(service: HostService, onEvent: (event: GroupEvent) => void) {
    this.#service = service;
    this.#alarm = new Alarm(service.timers, () => {
      if (this.#isClosed || this.#service.isOver) return;
      this.#desk.handleDeadline(this.#service.nowUs());
      this.pump();
    });
    this.#onEvent = onEvent;
    this.#desk = new GroupDesk(service.nowUs(), service.host.epoch);
    const { document } = service.host;
    document.observe({
      noteLog: () => {},
      noteBook: () => {},
      noteAfter: (log, entry) => this.#noteEntry(log, entry),
    });
    // Those of the host before are prepared again: it costs nothing where displays show them already.
    for (let id = 1; id <= document.book.lastId; id++) {
      if (idInPath(GROUPS, document.book.pathOf(id as PathId) ?? "") !== null) {
        this.#changed.add(id as PathId);
      }
    }
    service.onBatch = () => this.pump();
  }

  /** Figures of the desk. */
  get counters(): Record<string, number> {
    return { ...this.#desk.counters, unsent: this.unsent };
  }

  /** How a node with displays is reached from now on; null: not any more. */
  handleNode(id: NodeId, node: DisplayNode | null): void {
    if (node === null) this.#nodes.delete(id);
    else this.#nodes.set(id, node);
    this.#desk.handleNode(this.#service.nowUs(), id, node !== null);
    this.pump();
  }

  /** A node tells what its displays show. */
  handleShown(id: NodeId, body: ShownBody): void {
    this.#desk.handleShown(this.#service.nowUs(), id, body);
    this.pump();
  }

  /** Declares the displays of a node. */
  define(definitions: readonly ParameterDefinition[]): void {
    const { host } = this.#service;
    for (const definition of definitions) host.define(this.#service.nowUs(), definition);
    this.#service.pumpSoon();
  }

  /** Does what is due. */
  pump(): void {
    if (this.#isClosed || this.#service.isOver) return;
    const desk = this.#desk;
    const { document } = this.#service.host;
    for (const id of this.#changed) {
      const group = idInPath(GROUPS, document.book.pathOf(id) ?? "");
      const entry = document.entryOf(id);
      if (group === null) continue;
      desk.handleGroup(this.#service.nowUs(), group, entry === null || entry.deleted ? null : entry.value);
    }
    this.#changed.clear();
    for (let message = desk.poll(); message !== null; message = desk.poll()) {
      const { node, kind, body } = message;
      const to = this.#nodes.get(node);
      if (to === undefined) this.unsent++;
      else if (kind === "prepare") this.#prepare(node, to, body);
      else if (kind === "commit") this.#post(() => to.commit(body));
      else this.#post(() => to.abort(body));
    }
    for (let change = desk.pollStatus(); change !== null; change = desk.pollStatus()) {
      this.#write(statusPath(change.group), statusDefinition(change.group), change.status);
    }
    for (let event = desk.pollEvent(); event !== null; event = desk.pollEvent()) this.#tell(event);
    this.#arm();
  }

  /** The reign is over. */
  close(): void {
    this.#isClosed = true;
    this.#alarm.set(Infinity);
    this.#service.onBatch = null;
  }

  #noteEntry(log: SubsystemLog, { id }: Entry): void {
    if (log.name === GROUPS) this.#changed.add(id);
  }

  #prepare(node: NodeId, to: DisplayNode, body: PrepareBody): void {
    const { group, order } = body;
    to.prepare(body).then(
      (reply) => this.#desk.handleAnswer(this.#service.nowUs(), node, group, order, reply),
      (thrown) => {
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        this.#desk.handleUnanswered(this.#service.nowUs(), node, group, order, why);
      },
    ).then(() => this.pump());
  }

  #post(send: () => void): void {
    try {
      send();
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.unsent++;
    }
  }

  /** Displays that are there or not are told in their own entry, too. */
  #tell(event: GroupEvent): void {
    if (event.kind === "available" || event.kind === "unavailable") {
      const { document } = this.#service.host;
      const id = document.book.idOf(displayPath(event.display));
      const value = id === NO_PATH ? null : document.entryOf(id)?.value;
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        const status = event.kind === "available" ? "on" : "off";
        this.#service.host.write(this.#service.nowUs(), id, { ...value, status }, MAX_HOST_PRIORITY);
        this.#service.pumpSoon();
      }
    }
    this.#onEvent(event);
  }

  #write(path: string, definition: ParameterDefinition, value: unknown): void {
    const { host } = this.#service;
    const nowUs = this.#service.nowUs();
    let id = host.document.book.idOf(path);
    if (value === null) {
      if (id !== NO_PATH) host.retire(nowUs, id);
    } else {
      if (id === NO_PATH || host.document.book.definitionOf(id) === null) {
        const defined = host.define(nowUs, definition);
        if (isRefusal(defined)) return;
        id = defined.id;
      }
      host.document.set(nowUs, id, HOST, value as Record<string, unknown>, MAX_HOST_PRIORITY, 0);
    }
    this.#service.pumpSoon();
  }

  #arm(): void {
    const atUs = this.#desk.deadline()?.atUs ?? Infinity;
    this.#alarm.set(atUs);
  }
}
