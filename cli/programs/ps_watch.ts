// `hana ps --watch`: rows that come, change and go, of one node or of all that come and go themselves.
// Decides what becomes of rows whose node is lost: they stay, as what was known last, until it is back.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import type { NodeView } from "../../lib/node/mod.ts";
import type { ProgramSnapshot } from "../../lib/supervision/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { isPresent } from "../nodes/filter.ts";
import { EXIT, Watch, whileRead } from "../output/mod.ts";
import { type Host, type Hosts, isWithoutPrograms } from "./hosts.ts";
import { byNameAndNode, isSameForWatcher, type ListedProgram, psRendering } from "./ps_rendering.ts";
import { type ProgramOp, ProgramWatches } from "./watched.ts";

/** Times in a table that is looked at must not stand still. */
const REFRESH_MS = 1_000;
/** A node whose session ended while it still lives: its supervisor was restarted, mostly. */
const RETRY_MS = 500;

/** Which nodes are watched. */
interface Scope {
  readonly nodes: readonly NodeView[];
  readonly isNamed: boolean;
  readonly isWhoEver: boolean;
}

/** Shows programs until the time is up, a signal comes, or nobody reads any more. */
export async function watchPrograms(
  cli: Cli,
  hosts: Hosts,
  scope: Scope,
  isMeant: (row: ListedProgram) => boolean,
): Promise<void> {
  const view = await Watch.open(cli.output, psRendering(() => []));
  const over = Promise.withResolvers<void>();
  const rows = new PsRows(view, isMeant, over.resolve);
  const keeper = new WatchedNodes(cli, hosts, rows, scope.isNamed);
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    over.resolve();
  });
  void hosts.client.local?.ended.then((end) => {
    if (end.kind !== "local") {
      over.reject(
        new HanaError("closed", {
          what: "the node of this machine stopped",
          why: end.error?.message ?? end.reason,
          hint: "hana ps --watch",
        }),
      );
    }
  });
  const wanted = new Set(scope.nodes.map(({ id }) => id));
  await hosts.client.watch((op, node) => {
    if (!scope.isWhoEver && !wanted.has(node.id)) return;
    keeper.onNode(op === "remove" ? { ...node, state: "left" } : node);
  });
  await Promise.all(scope.nodes.map((node) => keeper.attach(node)));
  whileRead(() => view.sync(), over.resolve);
  const refresh = view.isDrawn ? setInterval(() => rows.redraw(), REFRESH_MS) : undefined;
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => over.resolve(), timeout / 1000);
  try {
    await over.promise;
  } finally {
    keeper.stop();
    clearTimeout(timer);
    clearInterval(refresh);
    view.close();
  }
}

/** Rows as they are shown. */
class PsRows {
  readonly #shown = new Map<string, ListedProgram>();

  constructor(
    readonly view: Watch<ListedProgram>,
    readonly isMeant: (row: ListedProgram) => boolean,
    readonly onGone: () => void,
  ) {}

  change(op: ProgramOp, host: Host, program: ProgramSnapshot): void {
    const row: ListedProgram = {
      node: host.name,
      nodeId: host.id,
      program,
      reachable: true,
      aheadMs: host.aheadMs,
    };
    const key = `${program.name}@${host.id}`;
    if (!this.isMeant(row)) return;
    const before = this.#shown.get(key);
    if (op === "remove") {
      if (this.#shown.delete(key)) this.#tell("remove", row);
      return;
    }
    this.#shown.set(key, row);
    if (before === undefined) this.#tell("add", row);
    else if (this.view.isDrawn || !isSameForWatcher(before, row)) this.#tell("update", row);
  }

  /** All rows of a host, as they are now; others that were known of it are gone. */
  replace(host: Host, programs: readonly ProgramSnapshot[]): void {
    const names = new Set(programs.map(({ name }) => name));
    for (const row of [...this.#shown.values()]) {
      if (row.nodeId === host.id && !names.has(row.program.name)) this.change("remove", host, row.program);
    }
    for (const program of programs) this.change("update", host, program);
  }

  /** A host is lost: what was known last stays. */
  lose(host: Host): void {
    for (const [key, row] of this.#shown) {
      if (row.nodeId !== host.id || !row.reachable) continue;
      const lost = { ...row, reachable: false };
      this.#shown.set(key, lost);
      this.#tell("update", lost);
    }
  }

  redraw(): void {
    const [row] = [...this.#shown.values()].sort(byNameAndNode);
    if (row !== undefined) this.view.change("update", row);
  }

  #tell(op: ProgramOp, row: ListedProgram): void {
    whileRead(() => this.view.change(op, row), this.onGone);
  }
}

/** Sessions with the nodes that are watched; a lost one is sought again when the node is heard of. */
class WatchedNodes {
  readonly #watches: ProgramWatches;
  readonly #attached = new Set<string>();
  readonly #known = new Map<string, NodeView>();
  readonly #timers = new Set<number>();
  #stopped = false;

  constructor(
    readonly cli: Cli,
    readonly hosts: Hosts,
    readonly rows: PsRows,
    readonly isNamed: boolean,
  ) {
    this.#watches = new ProgramWatches(hosts);
  }

  onNode(node: NodeView): void {
    this.#known.set(node.id, node);
    if (isPresent(node) && node.role !== "observer") void this.attach(node);
  }

  async attach(node: NodeView): Promise<void> {
    if (this.#stopped || this.#attached.has(node.id)) return;
    this.#attached.add(node.id);
    this.#known.set(node.id, node);
    let host: Host | null = null;
    try {
      const reached = await this.hosts.reach(node);
      host = reached;
      const { host: { aheadMs } } = await this.hosts.list(reached);
      reached.aheadMs = aheadMs;
      const watched = await this.#watches.of(reached);
      watched.onChange((op, program) => this.rows.change(op, reached, program));
      this.rows.replace(reached, watched.programs);
      watched.onEnd(() => this.#onLost(node, reached));
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", `${node.name} cannot be reached`);
      // Who supervises nothing is asked again only when it has become another node.
      if (isWithoutPrograms(error) && !this.isNamed) return;
      if (this.#stopped) return;
      this.cli.output.warn(`${node.name} is not in the list: ${error.message}`);
      if (host !== null) this.rows.lose(host);
      this.#attached.delete(node.id);
    }
  }

  #onLost(node: NodeView, host: Host): void {
    this.#attached.delete(node.id);
    if (this.#stopped) return;
    this.rows.lose(host);
    this.cli.output.warn(`${node.name} cannot be reached; what it runs goes on without it`);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const now = this.#known.get(node.id) ?? node;
      if (isPresent(now)) void this.attach(now);
    }, RETRY_MS);
    this.#timers.add(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
