// A machine's `hana serve` under measurement: its directories, its life, and a session through which programs are asked
// for. Decides that all it starts carries the run's mark; never what is measured.

import { Node, PING } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { type KeyRing, openMeshKeyRing } from "../../../lib/security/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";
import {
  FOLLOW_EVENTS,
  LIST_PROGRAMS,
  PROGRAM_EVENT,
  PROGRAM_EVENTS,
  type ProgramEvent,
  type ProgramEventEntry,
  type ProgramSnapshot,
  REMOVE_PROGRAM,
  RESTART_PROGRAM,
  SPAWN_PROGRAM,
  STOP_PROGRAM,
} from "../../../lib/supervision/mod.ts";
import { startChild } from "../children.ts";
import { eventually, MARK_NAME } from "./processes.ts";

const READY_MS = 20_000;
const PATIENCE = { timeoutUs: 30_000_000 };
let ops = 0;

/** Where and how hana runs. */
export interface DaemonOptions {
  /** How hana is called. */
  readonly hana: readonly string[];
  /** Comes before the command, such as what enters a network namespace. */
  readonly prefix: readonly string[];
  /** State, sockets and the ready file are kept below it; short, for the socket paths. */
  readonly directory: string;
  readonly mark: string;
  readonly args?: readonly string[];
}

/** `hana serve`, which may be killed and started again. */
export class Daemon {
  readonly #options: DaemonOptions;
  #child: Deno.ChildProcess | null = null;
  #starts = 0;
  /** How to reach it, once it has started. */
  addresses: readonly string[] = [];
  /** The wall clock in milliseconds just before it was started last, and the time until it could be reached. */
  startedWallMs = 0;
  readyMs = 0;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get processId(): number {
    return this.#child?.pid ?? -1;
  }

  get environment(): Record<string, string> {
    const { directory, mark } = this.#options;
    return {
      HOME: directory,
      HANA_STATE_DIR: `${directory}/s`,
      HANA_RUN_DIR: `${directory}/r`,
      [MARK_NAME]: mark,
    };
  }

  /** Where its node keeps everything. Throws when there is none yet. */
  get nodeDirectory(): string {
    for (const path of walk(`${this.#options.directory}/s`)) {
      if (path.endsWith("/programs.db")) return path.slice(0, -"/programs.db".length);
    }
    throw new Error("the daemon keeps no programs");
  }

  /** Starts it; resolves when it can be reached. */
  async start(): Promise<void> {
    const { hana, prefix, directory, args = [] } = this.#options;
    const readyFile = `${directory}/ready-${++this.#starts}`;
    const command = [...prefix, ...hana, "serve", "--ready-file", readyFile, "--log-level", "error", ...args];
    this.startedWallMs = Date.now();
    const began = performance.now();
    const child = startChild(command, {
      env: this.environment,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    this.#child = child;
    let isOver = false;
    void child.status.then(() => isOver = true);
    const note = await eventually(() => readNote(readyFile) ?? (isOver ? "over" : null), READY_MS, 2);
    this.readyMs = performance.now() - began;
    if (note === null || note === "over") throw new Error("hana serve did not get ready");
    this.addresses = note.addresses;
  }

  /** Ends it as a crash would, and waits until it is gone. */
  async crash(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
  }

  /** Lets it say goodbye. Programs go on. */
  async stop(): Promise<void> {
    this.#child?.kill("SIGTERM");
    await this.#child?.status;
  }

  /** Runs hana as a person would, in the daemon's own surroundings. */
  async call(args: readonly string[], timeoutMs = 40_000): Promise<{ code: number; text: string }> {
    const [command = "", ...before] = [...this.#options.prefix, ...this.#options.hana];
    const ran = await new Deno.Command(command, {
      args: [...before, ...args],
      env: this.environment,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(timeoutMs),
    }).output();
    const decoder = new TextDecoder();
    return { code: ran.code, text: decoder.decode(ran.stdout) + decoder.decode(ran.stderr) };
  }

  /** A session from this process. */
  async console(): Promise<Console> {
    const local = this.addresses.find((each) => each.startsWith("unix:"));
    if (local === undefined) throw new Error("the daemon has no local socket");
    return await Console.open(local);
  }
}

/** A session with a daemon: asks for programs, and hears what happens to them. */
export class Console {
  readonly events: ProgramEvent[] = [];
  readonly #node: Node;
  readonly #session: Session;

  private constructor(node: Node, session: Session) {
    this.#node = node;
    this.#session = session;
    node.onEvent(PROGRAM_EVENT, ({ entry }) => {
      const { event } = entry as ProgramEventEntry;
      this.events.push(event);
      this.onEvent?.(event);
    });
  }

  /** Told of every event as it comes. */
  onEvent: ((event: ProgramEvent) => void) | null = null;

  static async open(address: string, keys: KeyRing = openMeshKeyRing()): Promise<Console> {
    const node = await Node.start(denoPlatform(), {
      role: "observer",
      name: "bench",
      software: "bench",
      stateDirectory: "/nonexistent",
      runDirectory: null,
      keys,
      tcpPort: null,
      discovery: null,
    });
    try {
      const session = await node.open(address, { timeoutUs: 5_000_000 });
      const console = new Console(node, session);
      await session.request(FOLLOW_EVENTS, { limit: 0 });
      return console;
    } catch (thrown) {
      await node.stop();
      throw thrown;
    }
  }

  async spawn(
    name: string,
    argv: readonly string[],
    spec: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.#session.request(SPAWN_PROGRAM, { op: newOp(), name, spec: { argv, ...spec } }, PATIENCE);
  }

  async stop(name: string): Promise<void> {
    await this.#session.request(STOP_PROGRAM, { op: newOp(), name }, PATIENCE);
  }

  async restart(name: string, run?: number): Promise<void> {
    const which = run === undefined ? {} : { run };
    await this.#session.request(RESTART_PROGRAM, { op: newOp(), name, ...which }, PATIENCE);
  }

  async remove(name: string): Promise<void> {
    await this.#session.request(REMOVE_PROGRAM, { op: newOp(), name, now: true }, PATIENCE);
  }

  async list(): Promise<ProgramSnapshot[]> {
    return (await this.#session.request(LIST_PROGRAMS, {})).programs as ProgramSnapshot[];
  }

  /** A request that does nothing. */
  async ping(): Promise<void> {
    await this.#session.request(PING.control, { payload: new Uint8Array(8) });
  }

  /** The newest events that the daemon keeps. */
  async past(): Promise<ProgramEvent[]> {
    const { events } = await this.#session.request(PROGRAM_EVENTS, { limit: 2_000 });
    return (events as ProgramEventEntry[]).map(({ event }) => event);
  }

  /** The first event of this kind of a program; null when none comes in time. */
  async untilEvent(
    program: string,
    kind: ProgramEvent["kind"],
    timeoutMs: number,
  ): Promise<ProgramEvent | null> {
    return await eventually(
      () => this.events.find((event) => event.program === program && event.kind === kind),
      timeoutMs,
    );
  }

  async close(): Promise<void> {
    await this.#node.stop();
  }
}

function newOp(): string {
  return `bench-${Deno.pid}-${String(++ops).padStart(6, "0")}-${crypto.randomUUID().slice(0, 8)}`;
}

function readNote(path: string): { readonly addresses: readonly string[] } | null {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return null;
  }
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}
