// `hana discover --trace`: listens on the mesh as an observer of its own and shows every datagram that passes.
// Decides which datagrams are shown and what happens when the reader is slow: lines wait in a bounded queue, and what
// does not fit is counted and told. Never changes what discovery does; the observer itself asks once who is there.

import type { NodeId } from "../../lib/base/mod.ts";
import { HanaError } from "../../lib/base/mod.ts";
import { KIND_NUMBERS, type TraceEntry } from "../../lib/discovery/mod.ts";
import { Node, TRACE, TRACE_ENTRY, type TracedDatagram } from "../../lib/node/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { counted, document, EXIT, type JsonObject, jsonText, type OutputMode } from "../output/mod.ts";
import { MeshClient } from "./mesh_client.ts";
import { commonOptions } from "./options.ts";
import {
  kindText,
  paintedLine,
  TRACE_HEADINGS,
  traceCells,
  type TraceContext,
  traceJson,
  traceLine,
} from "./trace_rendering.ts";

/** What the flags of `hana discover --trace` say. */
export interface TraceFlags {
  readonly kind?: readonly string[];
  readonly node?: readonly string[];
  readonly wide?: boolean;
  /** The node that runs here instead of an observer of our own. */
  readonly attach?: boolean;
}

/** Lines that wait for a slow reader; one more is dropped and counted. */
const MAX_WAITING = 4_096;
/** Datagrams of one `--json` document; the later ones are counted alone. */
const MAX_COLLECTED = 20_000;
/** Names that are remembered. */
const MAX_NAMES = 4_096;
const QUERY = { quietUs: 250_000, timeoutUs: 2_000_000 };
/** How long the last lines may take to be read once the trace has ended. */
const DRAIN_MS = 500;

/** Lines on their way to a reader that may be slow. */
export class LinePump {
  readonly #waiting: string[] = [];
  readonly #write: (text: string) => Promise<void>;
  readonly #dropLine: (dropped: number) => string;
  #isWriting = false;
  #idle: PromiseWithResolvers<void> | null = null;
  #unreported = 0;
  #isBroken = false;
  /** Lines that were not shown. */
  dropped = 0;
  /** Resolves with what went wrong when nobody reads any more. */
  readonly broken = Promise.withResolvers<unknown>();

  /** `dropLine` words how many lines are missing at a place. */
  constructor(write: (text: string) => Promise<void>, dropLine: (dropped: number) => string) {
    this.#write = write;
    this.#dropLine = dropLine;
  }

  /** Takes one line without its end. */
  push(line: string): void {
    if (this.#isBroken) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.dropped++;
      this.#unreported++;
      return;
    }
    if (this.#unreported > 0) {
      this.#waiting.push(this.#dropLine(this.#unreported));
      this.#unreported = 0;
    }
    this.#waiting.push(line);
    if (!this.#isWriting) void this.#run();
  }

  /** Resolves once everything is written, or nobody reads. */
  drained(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        // What came meanwhile goes out together; it leaves the queue now, so that the bound holds for what waits.
        const text = this.#waiting.splice(0, 256).join("\n") + "\n";
        await this.#write(text);
      }
    } catch (thrown) {
      this.#isBroken = true;
      this.#waiting.length = 0;
      this.broken.resolve(thrown);
    } finally {
      this.#isWriting = false;
      this.#idle?.resolve();
      this.#idle = null;
    }
  }
}

/** Which datagrams are meant. Throws `usage` for a kind that there is not. */
export function traceFilter(
  flags: TraceFlags,
  interfaces: readonly string[],
  nameOf: (id: string) => string | null,
): (entry: TraceEntry) => boolean {
  const kinds = flags.kind?.flatMap((text) => text.split(",")).map((text) => text.trim());
  for (const kind of kinds ?? []) {
    if (kind !== "unknown" && !Object.hasOwn(KIND_NUMBERS, kind)) {
      throw new HanaError("usage", {
        what: `there is no kind ${kind}`,
        why: `the kinds are ${Object.keys(KIND_NUMBERS).join(", ")}, and unknown for what is not hana's`,
        hint: "hana discover --trace --kind announce,bye",
      });
    }
  }
  const { node: nodes } = flags;
  return (entry) => {
    if (kinds !== undefined && !kinds.includes(kindText(entry))) return false;
    if (nodes !== undefined && !nodes.some((wanted) => isOf(entry, wanted, nameOf))) return false;
    const { link } = entry;
    return interfaces.length === 0 || link === null || link.loopback || interfaces.includes(link.name) ||
      interfaces.includes(link.address);
  };
}

/** Whether a datagram is of or for a node: its name, the beginning of its id, or an address of it. */
function isOf(entry: TraceEntry, wanted: string, nameOf: (id: string) => string | null): boolean {
  const { header, peer, message } = entry;
  if (peer?.host === wanted) return true;
  if (header === null) return false;
  const isPrefix = /^[0-9a-f]{4,32}$/.test(wanted);
  const target = message !== null && "target" in message ? message.target : null;
  if (isPrefix && (header.id.startsWith(wanted) || target?.startsWith(wanted) === true)) return true;
  return nameOf(header.id) === wanted;
}

/** Remembers names as they are heard. */
class Names {
  readonly #names = new Map<string, string>();

  of(id: string): string | null {
    return this.#names.get(id) ?? null;
  }

  note({ message }: TraceEntry): void {
    if (message === null) return;
    if (message.kind === "announce" || message.kind === "offer") {
      this.#set(message.record.id, message.record.name);
    } else if (message.kind === "sync-page") {
      for (const { record } of message.entries) if (record !== null) this.#set(record.id, record.name);
    }
  }

  #set(id: NodeId, name: string): void {
    if (this.#names.size < MAX_NAMES || this.#names.has(id)) this.#names.set(id, name);
  }
}

/** Where datagrams come from, and how to let go of it. */
interface TraceFeed {
  /** The id of whose datagrams go out, null where that is no node of the mesh. */
  readonly observerId: NodeId | null;
  /** Monotonic time now, on the clock of the entries. */
  readonly nowUs: number;
  /** Datagrams begin to be told; those that the source had no room for come as a number. */
  listen(listener: (entry: TraceEntry, missed: number) => void): void;
  /** Resolves when there is nothing more to come; never for an observer of our own. */
  readonly ended: Promise<HanaError>;
  close(): Promise<void>;
}

/** An observer of our own that hears what all are told. */
async function openObserver(cli: Cli): Promise<TraceFeed> {
  const platform = await cli.platform();
  const common = await commonOptions(cli, "observer");
  const node = await Node.start(platform, {
    ...common,
    discovery: { ...common.discovery, listens: true },
    tcpPort: null,
  });
  return {
    observerId: node.id,
    nowUs: platform.clock.nowUs(),
    listen(listener) {
      node.discovery?.trace((entry) => listener(entry, 0));
      for (const { error } of node.discovery?.problems ?? []) cli.output.warn(error.message);
      void node.discovery?.query(QUERY);
    },
    ended: new Promise(() => {}),
    close: () => node.stop(),
  };
}

/** The node that runs on this machine. */
async function attachToNode(cli: Cli): Promise<TraceFeed> {
  const client = await MeshClient.openLocal(cli);
  const local = client?.local ?? null;
  if (client === null || local === null) {
    throw new HanaError("not-found", {
      what: "no node runs on this machine",
      why: "--attach shows the datagrams of one that does",
      hint: "hana discover --trace",
    });
  }
  const waiting: TracedDatagram[] = [];
  let tell = (datagram: TracedDatagram): void => {
    if (waiting.length < MAX_WAITING) waiting.push(datagram);
  };
  client.node.onEvent(TRACE_ENTRY, (body) => tell(body as TracedDatagram));
  const { nowUs } = await local.request(TRACE, {});
  return {
    observerId: null,
    nowUs,
    listen(listener) {
      tell = ({ entry, missed }) => listener(entry, missed);
      for (const datagram of waiting.splice(0)) tell(datagram);
    },
    ended: local.ended.then(({ reason, error }) =>
      error ?? new HanaError("closed", { what: "the node of this machine stopped", why: reason })
    ),
    close: () => client.close(),
  };
}

/** Runs the trace until `--timeout`, Ctrl-C, or until nobody reads it any more. */
export async function traceDatagrams(cli: Cli, flags: TraceFlags): Promise<void> {
  const names = new Names();
  let ownId: NodeId | null = null;
  const nameOf = (id: string): string | null => id === ownId ? "(this trace)" : names.of(id);
  const isMeant = traceFilter(flags, cli.settings.interface, nameOf);
  const feed = flags.attach === true ? await attachToNode(cli) : await openObserver(cli);
  ownId = feed.observerId;
  const over = Promise.withResolvers<void>();
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    over.resolve();
  });
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => over.resolve(), timeout / 1000);
  const sink = new TraceSink(cli, { startUs: feed.nowUs, nameOf, isWide: flags.wide === true });
  const counts = { shown: 0, in: 0, out: 0, ignored: 0, missed: 0 };
  let failure: unknown = null;
  const fail = (thrown: unknown): void => {
    failure ??= thrown;
    over.resolve();
  };
  void sink.pump.broken.promise.then(fail);
  let isClosing = false;
  void feed.ended.then((error) => {
    if (!isClosing) fail(error);
  });
  feed.listen((entry, missed) => {
    counts.missed += missed;
    names.note(entry);
    if (!isMeant(entry)) return;
    counts.shown++;
    counts[entry.direction]++;
    if (entry.refusal !== null) counts.ignored++;
    sink.show(entry);
  });
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    isClosing = true;
    await feed.close();
  }
  await sink.finish({ ...counts, dropped: sink.dropped });
  if (failure instanceof Deno.errors.BrokenPipe) return; // nobody reads any more, as behind `| head`
  const lost = sink.dropped + counts.missed;
  cli.output.message(
    `${counted(counts.shown, "datagram")}: ${counts.in} in, ${counts.out} out, ${counts.ignored} ignored` +
      (lost === 0 ? "" : `; ${lost} more not shown, since the reader was slow`),
  );
  if (failure instanceof HanaError) throw failure;
  if (failure !== null) {
    throw new HanaError("storage", {
      what: "standard output cannot be written",
      why: failure instanceof Error ? failure.message : String(failure),
      cause: failure,
    });
  }
}

/** Shows datagrams in the chosen mode. */
class TraceSink {
  readonly pump: LinePump;
  readonly #cli: Cli;
  readonly #context: TraceContext;
  readonly #mode: OutputMode;
  readonly #columns: number | null;
  readonly #collected: JsonObject[] = [];
  #uncollected = 0;

  constructor(cli: Cli, context: TraceContext) {
    this.#cli = cli;
    this.#context = context;
    this.#mode = cli.output.mode;
    const { out } = cli.output.streams;
    this.#columns = context.isWide ? null : out.columns();
    const isNdjson = this.#mode === "ndjson";
    this.pump = new LinePump(
      writeToStdout,
      (dropped) =>
        isNdjson
          ? jsonText(document("trace.dropped", { dropped }))
          : this.#mode === "table"
          ? `... ${counted(dropped, "datagram")} not shown: the reader is slow`
          : `# ${dropped} not shown: the reader is slow`,
    );
    if (this.#mode === "table") this.pump.push(traceLine(TRACE_HEADINGS, this.#columns));
    else if (this.#mode === "plain" && cli.output.header) this.pump.push(TRACE_HEADINGS.join("\t"));
  }

  /** Datagrams that were meant and not shown. */
  get dropped(): number {
    return this.pump.dropped + this.#uncollected;
  }

  show(entry: TraceEntry): void {
    const context = this.#context;
    switch (this.#mode) {
      case "json":
        if (this.#collected.length < MAX_COLLECTED) this.#collected.push(traceJson(entry, context));
        else this.#uncollected++;
        break;
      case "ndjson":
        this.pump.push(jsonText(document("trace.datagram", traceJson(entry, context))));
        break;
      case "quiet":
        this.pump.push(kindText(entry));
        break;
      case "plain":
        this.pump.push(traceCells(entry, context).join("\t"));
        break;
      default: {
        const line = traceLine(traceCells(entry, context), this.#columns);
        this.pump.push(paintedLine(entry, line, this.#cli.output.palette));
      }
    }
  }

  async finish(summary: JsonObject): Promise<void> {
    if (this.#mode === "json") {
      this.pump.push(jsonText(document("trace", { datagrams: this.#collected, summary })));
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), DRAIN_MS);
    await Promise.race([this.pump.drained(), late.promise]);
    clearTimeout(timer);
  }
}

/** Writes without holding up those who receive: the wait for a slow reader is the pump's. */
async function writeToStdout(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
