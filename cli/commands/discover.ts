// `hana discover`: the nodes of the mesh, once or for as long as somebody watches.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { NodeEvent, NodeView } from "../../lib/node/mod.ts";
import { addSettingFlags, type Cli, collect, setExamples } from "../frame/mod.ts";
import { isPresent, nodeFilter } from "../nodes/filter.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import { withHolds } from "../nodes/state_holds.ts";
import {
  byStateAndName,
  countAlive,
  isSameForWatcher,
  type ListedNode,
  nodesRendering,
} from "../nodes/rendering.ts";
import { counted, EXIT, type Rendering, Watch, type WatchOp, whileRead } from "../output/mod.ts";

/** How long is waited for nodes that are expected, and for answers where no node runs here. */
const DEFAULT_TIMEOUT_US = 2_000_000;

/** How often a table that is watched gets new ages. */
const REFRESH_MS = 1_000;

/** Beats of a mesh of 100 come once a second; a node that tells no load must not hold up the others for long. */
const HEAR_LOAD_US = 1_500_000;

/** For how long an event stands beside the state of a node on a terminal. */
const EVENT_IN_SIGHT_MS = 10_000;

interface DiscoverOptions {
  readonly role?: string;
  readonly state?: string;
  readonly tag?: string[];
  readonly capability?: string[];
  readonly expect?: string;
  readonly resources?: true;
  readonly watch?: true;
  readonly direct?: true;
  readonly trace?: true;
  readonly allServices?: true;
  readonly kind?: string[];
  readonly node?: string[];
  readonly wide?: true;
  readonly attach?: true;
}

/** Declares `hana discover`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "lists the nodes of the mesh; asks the node on this machine, or the network when none runs",
  );
  setExamples(
    command,
    { call: "hana discover", why: "who is there" },
    {
      call: "hana discover --expect 12 --timeout 10s",
      why: "wait until twelve are; exit code 3 if they are not",
    },
    { call: "hana discover --watch", why: "and who comes and goes" },
    { call: "hana discover --trace", why: "every datagram in and out, and why it was ignored" },
    { call: "hana discover --all-services", why: "the show gear that announces itself" },
    { call: "hana discover --resources", why: "what the machines have, and how much of it is free" },
    {
      call: "hana discover --role visualization --capability 'free.vramMb>=4GB' -q",
      why: "the names of those with so much free",
    },
  );
  command
    .option("--role <ROLE>", "only nodes of this role, or these (app,daemon)")
    .option(
      "--state <STATE>",
      "only nodes in this state, or these: alive, suspect, unreachable, partitioned, dead, left; all (with -q: alive and suspect unless given)",
    )
    .option("--tag <KEY=VALUE>", "only nodes with this tag; KEY alone, KEY!=VALUE; repeatable", collect)
    .option(
      "--capability <CONDITION>",
      "only nodes that can do or have this: gpu.vramMb>=8000, free.vramMb>=4GB, display.width>=3840, load.cpu<50; repeatable",
      collect,
    )
    .option(
      "--resources",
      "show what the machines have and how much is free; with --watch, tell changes of that too",
    )
    .option("--expect <N|NAMES>", "wait for this many nodes, or for these names (a,b,c)")
    .option("--watch", "go on and show every change")
    .option("--direct", "ask the network even if a node runs here")
    .option("--all-services", "instead of nodes: whatever announces itself by DNS-SD, such as OSC, MIDI, NDI")
    .option("--trace", "listen as an observer of its own and show every datagram, until Ctrl-C or --timeout")
    .option("--attach", "with --trace: the datagrams of the node that runs here, instead of an observer's")
    .option("--kind <KIND>", "with --trace: only this kind, or these; unknown is what is not hana's", collect)
    .option("--node <NODE>", "with --trace: only of or for this name, id or address; repeatable", collect)
    .option("--wide", "with --trace: messages whole")
    .action(async (options) => await discover(cli, options as DiscoverOptions));
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function discover(cli: Cli, options: DiscoverOptions): Promise<void> {
  if (options.trace === true) return await trace(cli, options);
  for (const flag of ["kind", "node", "wide", "attach"] as const) {
    if (options[flag] === undefined) continue;
    throw new HanaError("usage", {
      what: `--${flag} without --trace`,
      why: "it chooses among datagrams, and these are shown by --trace alone",
      hint: "hana discover --trace --node NAME --kind announce",
    });
  }
  if (options.allServices === true) return await allServices(cli, options);
  const startedMs = performance.now();
  const elapsedMs = (): number => Math.round(performance.now() - startedMs);
  const isChosen = nodeFilter(options);
  // Who asks for names alone wants to do something with those nodes.
  const isMeant = cli.output.mode === "quiet" && options.state === undefined
    ? (node: NodeView) => isPresent(node) && isChosen(node)
    : isChosen;
  const rendering = nodesRendering(elapsedMs, { resources: options.resources === true });
  if (options.watch === true && options.expect !== undefined) {
    throw new HanaError("usage", {
      what: "--watch and --expect together",
      why: "--expect ends as soon as the nodes are there, --watch goes on",
      hint: "without --watch",
    });
  }
  const expected = options.expect === undefined ? null : expectationOf(options.expect);
  const timeoutUs = cli.settings.timeout ?? DEFAULT_TIMEOUT_US;
  const progress = cli.output.progress("looking for nodes");
  const client = await MeshClient.open(cli, {
    timeoutUs,
    direct: options.direct === true,
    watch: options.watch === true || expected !== null || wantsLoad(options),
  });
  try {
    if (options.watch === true) {
      progress.done();
      return await watch(cli, client, isMeant, rendering, options.resources === true);
    }
    if (wantsLoad(options) && expected === null) {
      await hearLoad(client, Math.min(HEAR_LOAD_US, timeoutUs - elapsedMs() * 1000));
    }
    const nodes = expected === null
      ? (await client.nodes()).filter(isMeant)
      : await waitFor(client, isMeant, expected, timeoutUs - elapsedMs() * 1000);
    progress.done();
    const isNamesAlone = cli.output.mode === "quiet";
    await cli.output.rows(rendering, isNamesAlone ? nodes : await withHolds(client, nodes));
    if (expected !== null && !expected.isMet(nodes)) {
      cli.output.error(
        new HanaError("not-found", { what: expected.missing(nodes), why: `seen through ${client.via}` }),
      );
      cli.exitWith(EXIT.partial);
    } else if (nodes.length === 0) {
      cli.output.message(nobody(client, options));
      cli.exitWith(EXIT.negative);
    }
  } finally {
    await client.close();
  }
}

/** Whether somebody asks for what changes all the time: it comes with beats, not with answers. */
function wantsLoad(options: DiscoverOptions): boolean {
  return options.resources === true ||
    (options.capability ?? []).some((condition) => /^\s*!?\s*(free|load)\./.test(condition));
}

/** Waits until all nodes that are there have told their load; a local node has heard it before. */
async function hearLoad(client: MeshClient, timeoutUs: number): Promise<void> {
  if (client.local !== null) return;
  const heard = Promise.withResolvers<void>();
  const waiting = new Set<string>();
  const check = (node: NodeView): void => {
    if (isPresent(node) && node.load === null) waiting.add(node.id);
    else waiting.delete(node.id);
  };
  for (
    const node of await client.watch((_op, node) => {
      check(node);
      if (waiting.size === 0) heard.resolve();
    })
  ) check(node);
  if (waiting.size === 0) return;
  const timer = setTimeout(() => heard.resolve(), Math.max(0, timeoutUs / 1000));
  await heard.promise;
  clearTimeout(timer);
}

/** Every datagram instead of the list. */
async function trace(cli: Cli, options: DiscoverOptions): Promise<void> {
  for (
    const other of [
      "role",
      "state",
      "tag",
      "capability",
      "expect",
      "resources",
      "watch",
      "allServices",
    ] as const
  ) {
    if (options[other] === undefined) continue;
    throw new HanaError("usage", {
      what: `--trace and --${other === "allServices" ? "all-services" : other} together`,
      why: "--trace shows datagrams, not nodes",
      hint: "hana discover --trace --node NAME --kind announce",
    });
  }
  const { traceDatagrams } = await import("../nodes/trace.ts");
  await traceDatagrams(cli, options);
}

/** Services instead of nodes. */
async function allServices(cli: Cli, options: DiscoverOptions): Promise<void> {
  for (const other of ["role", "state", "tag", "capability", "expect", "resources"] as const) {
    if (options[other] === undefined) continue;
    throw new HanaError("usage", {
      what: `--all-services and --${other} together`,
      why: "--all-services shows what announces itself by DNS-SD, not nodes",
      hint: "hana discover --all-services --watch",
    });
  }
  const { listServices } = await import("../nodes/services.ts");
  await listServices(cli, { watch: options.watch === true });
}

function nobody(client: MeshClient, options: DiscoverOptions): string {
  const filtered = options.role !== undefined || options.state !== undefined || options.tag !== undefined ||
    options.capability !== undefined;
  return filtered
    ? `no node of ${client.via} fits`
    : "no node answered; try: hana serve   on this or another machine, with the same mesh key";
}

/** What `--expect` wants. */
interface Expectation {
  isMet(nodes: readonly NodeView[]): boolean;
  missing(nodes: readonly NodeView[]): string;
}

function expectationOf(text: string): Expectation {
  if (/^\d+$/.test(text)) {
    const wanted = Number(text);
    return {
      isMet: (nodes) => countAlive(nodes) >= wanted,
      missing: (nodes) => `${countAlive(nodes)} of ${counted(wanted, "node")} answered`,
    };
  }
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length === 0) {
    throw new HanaError("usage", {
      what: "--expect wants a number or names",
      hint: "hana discover --expect stage-left,stage-right",
    });
  }
  const absent = (nodes: readonly NodeView[]): string[] =>
    names.filter((name) => !nodes.some((node) => node.name === name && node.state === "alive"));
  return {
    isMet: (nodes) => absent(nodes).length === 0,
    missing: (nodes) => `missing: ${absent(nodes).join(", ")}`,
  };
}

/** The nodes once the expectation is met, or as they are when the time is up. */
async function waitFor(
  client: MeshClient,
  isMeant: (node: NodeView) => boolean,
  expected: Expectation,
  timeoutUs: number,
): Promise<NodeView[]> {
  const known = new Map<string, NodeView>();
  const met = Promise.withResolvers<void>();
  const check = (): void => {
    if (expected.isMet([...known.values()])) met.resolve();
  };
  const first = await client.watch((op, node) => {
    if (op === "remove" || !isMeant(node)) known.delete(node.id);
    else known.set(node.id, node);
    check();
  });
  for (const node of first) if (isMeant(node) && !known.has(node.id)) known.set(node.id, node);
  check();
  const timer = setTimeout(() => met.resolve(), Math.max(0, timeoutUs / 1000));
  await met.promise;
  clearTimeout(timer);
  return [...known.values()].sort(byStateAndName);
}

async function watch(
  cli: Cli,
  client: MeshClient,
  isMeant: (node: NodeView) => boolean,
  rendering: Rendering<ListedNode>,
  watchesLoad: boolean,
): Promise<void> {
  const view = await Watch.open(cli.output, rendering);
  const over = Promise.withResolvers<void>();
  const shown = new Map<string, ListedNode>();
  const events = new EventsInSight();
  const tell = (op: WatchOp, node: ListedNode): void => whileRead(() => view.change(op, node), over.resolve);
  const show = (op: WatchOp, listed: NodeView, event?: NodeEvent): void => {
    if (event !== undefined) events.note(listed, event);
    const node: ListedNode = view.isDrawn
      ? events.of(listed)
      : event === undefined
      ? listed
      : { ...listed, event };
    const before = shown.get(node.id);
    if (op === "remove" || !isMeant(node)) {
      // As it was shown last, but for the state that it is in now.
      if (shown.delete(node.id) && before !== undefined) tell("remove", node);
      return;
    }
    shown.set(node.id, node);
    if (before === undefined) tell("add", node);
    else if (!isSameForWatcher(before, node, watchesLoad)) tell("update", node);
  };
  for (const node of (await client.watch(show)).sort(byStateAndName)) {
    if (!shown.has(node.id)) show("add", node);
  }
  view.sync();
  const stopRefreshing = view.isDrawn
    ? refresh(client, shown, events, (node) => view.change("update", node))
    : null;
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    over.resolve();
  });
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => over.resolve(), timeout / 1000);
  void client.local?.ended.then((end) => {
    if (end.kind !== "local") {
      over.reject(
        end.error ??
          new HanaError("closed", {
            what: "the local node stopped",
            why: end.reason,
            hint: "hana discover --watch --direct",
          }),
      );
    }
  });
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    stopRefreshing?.();
    view.close();
  }
}

/** Ages and round trips are no changes to tell a script, but what a person looks at must not stand still. */
function refresh(
  client: MeshClient,
  shown: Map<string, ListedNode>,
  events: EventsInSight,
  show: (node: ListedNode) => void,
): () => void {
  const timer = setInterval(() => {
    client.nodes().then((nodes) => {
      for (const listed of nodes) {
        if (!shown.has(listed.id)) continue;
        const node = events.of(listed);
        shown.set(node.id, node);
        show(node);
      }
    }, () => {
      // A local node that is gone is told by the end of its session.
    });
  }, REFRESH_MS);
  return () => clearInterval(timer);
}

/** What happened to nodes a moment ago. Who looks at a table would miss it otherwise. */
class EventsInSight {
  readonly #events = new Map<string, { readonly event: NodeEvent; readonly untilMs: number }>();

  note(node: NodeView, event: NodeEvent): void {
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#events) if (untilMs <= nowMs) this.#events.delete(id);
    this.#events.set(node.id, { event, untilMs: nowMs + EVENT_IN_SIGHT_MS });
  }

  /** The node, with what happened to it if that was just now. */
  of(node: NodeView): ListedNode {
    const noted = this.#events.get(node.id);
    if (noted === undefined) return node;
    if (noted.untilMs > performance.now()) return { ...node, event: noted.event };
    this.#events.delete(node.id);
    return node;
  }
}
