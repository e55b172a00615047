// A console in the tests' own process: hears everything that a node tells of its programs, and asks for changes.
// Decides what counts as awaited: a look at every change and every event. Never polls, never starts a process.

import { assertEquals } from "@std/assert";
import { Node } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { type KeyRing, openMeshKeyRing } from "../../../lib/security/mod.ts";
import type { BodyOf, Session } from "../../../lib/session/mod.ts";
import {
  type CrashBundle,
  FOLLOW_EVENTS,
  LIST_PROGRAMS,
  type LogQuery,
  type LogRecord,
  PROGRAM_EVENT,
  PROGRAM_LOGS,
  type ProgramEvent,
  type ProgramEventEntry,
  type ProgramEventKind,
  PROGRAMS_DELTA,
  type ProgramSnapshot,
  REMOVE_PROGRAM,
  RESTART_PROGRAM,
  SIGNAL_PROGRAM,
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
  WATCH_PROGRAMS,
  WHY_PROGRAM,
} from "../../../lib/supervision/mod.ts";
import { HANG_MS, withDeadline } from "../captured_process.ts";

/** How long a verb may take: a removal waits for the end of everything. */
const PATIENCE = { timeoutUs: 30_000_000 };
const MAX_EVENTS = 10_000;

/** What a verb answers, as far as tests look. */
export interface Answered {
  readonly name: string;
  readonly generation: number;
  readonly run: number;
  readonly changed: boolean;
  readonly replayed: boolean;
  readonly durable: boolean;
}

/** How to reach a node. */
export interface ConsoleOptions {
  /** Keys to open a session with; none unless given, as local sessions need none. */
  readonly keys?: KeyRing;
  /** Events behind this id are wanted; all unless given. */
  readonly afterId?: number;
}

let ops = 0;

/** An operation's name that was never used. */
export function newOp(): string {
  return `test-${Deno.pid}-${String(++ops).padStart(6, "0")}-${crypto.randomUUID().slice(0, 8)}`;
}

/** A session with a node, and what it tells. */
export class Console implements AsyncDisposable {
  /** Programs as they were last told of, by name. */
  readonly programs = new Map<string, ProgramSnapshot>();
  /** Events in the node's order. */
  readonly entries: ProgramEventEntry[] = [];
  /** Events that the node had to leave out. */
  missed = 0;
  readonly #node: Node;
  readonly session: Session;
  readonly #looks = new Set<() => void>();

  /** Opens a session with the node at `address`, and follows its programs and events. */
  static async open(address: string, options: ConsoleOptions = {}): Promise<Console> {
    const node = await Node.start(denoPlatform(), {
      role: "observer",
      name: "console",
      software: "tests",
      stateDirectory: "/nonexistent",
      runDirectory: null,
      keys: options.keys ?? openMeshKeyRing(),
      tcpPort: null,
      discovery: null,
    });
    try {
      const session = await node.open(address, { timeoutUs: 5_000_000 });
      const desk = new Console(node, session);
      await desk.#follow(options.afterId ?? 0);
      return desk;
    } catch (thrown) {
      await node.stop();
      throw thrown;
    }
  }

  private constructor(node: Node, session: Session) {
    this.#node = node;
    this.session = session;
    node.onEvent(PROGRAMS_DELTA, ({ op, program }) => {
      const snapshot = program as ProgramSnapshot;
      if (op === "remove") this.programs.delete(snapshot.name);
      else this.programs.set(snapshot.name, snapshot);
      this.#look();
    });
    node.onEvent(PROGRAM_EVENT, ({ entry, missed }) => {
      this.missed += missed;
      this.#take(entry as ProgramEventEntry);
      this.#look();
    });
  }

  /** The newest event's id; 0 before one. */
  get lastId(): number {
    return this.entries.at(-1)?.id ?? 0;
  }

  /** The program as it stands. Throws when there is none. */
  program(name: string): ProgramSnapshot {
    const found = this.programs.get(name);
    if (found === undefined) throw new Error(`no program ${name}`);
    return found;
  }

  /** The number of its leading process. Throws when none runs. */
  processId(name: string): number {
    const { process } = this.program(name);
    if (process === null) throw new Error(`${name} does not run`);
    return process.processId;
  }

  /** Events of a program, oldest first; of these kinds if any are given. */
  events(name: string, ...kinds: ProgramEventKind[]): ProgramEvent[] {
    return this.entries.map(({ event }) => event).filter(({ program, kind }) =>
      program === name && (kinds.length === 0 || kinds.includes(kind))
    );
  }

  /** Waits until `probe`, asked at everything that is told, gives something. */
  async until<T>(
    what: string,
    probe: (desk: Console) => T,
    timeoutMs = HANG_MS,
  ): Promise<Exclude<T, null | undefined | false>> {
    const { promise, resolve, reject } = Promise.withResolvers<Exclude<T, null | undefined | false>>();
    const look = (): void => {
      try {
        const found = probe(this);
        if (found !== null && found !== undefined && found !== false) {
          resolve(found as Exclude<T, null | undefined | false>);
        }
      } catch (thrown) {
        reject(thrown);
      }
    };
    this.#looks.add(look);
    look();
    try {
      return await withDeadline(promise, timeoutMs, () => `${what}\n${this.#told()}`);
    } finally {
      this.#looks.delete(look);
    }
  }

  /** Waits until a program is in one of these states. */
  untilState(name: string, ...states: ProgramSnapshot["state"][]): Promise<ProgramSnapshot> {
    return this.until(`${name} to be ${states.join(" or ")}`, () => {
      const program = this.programs.get(name);
      return program !== undefined && states.includes(program.state) ? program : null;
    });
  }

  /** Waits for the first event of this kind behind an id. */
  untilEvent(
    name: string,
    kind: ProgramEventKind,
    behind = 0,
    timeoutMs = HANG_MS,
  ): Promise<ProgramEvent> {
    return this.until(
      `${kind} of ${name}`,
      () =>
        this.entries.find(({ id, event }) => id > behind && event.program === name && event.kind === kind)
          ?.event,
      timeoutMs,
    );
  }

  /** Spawns a program; `spec` is what it is beside its command line. */
  spawn(
    name: string,
    argv: readonly string[],
    spec: Readonly<Record<string, unknown>> = {},
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Answered> {
    return this.session.request(SPAWN_PROGRAM, {
      op: newOp(),
      by: "tests",
      name,
      spec: { argv, ...spec },
      ...more,
    }, PATIENCE);
  }

  start(name: string): Promise<Answered> {
    return this.session.request(START_PROGRAM, this.#call(name), PATIENCE);
  }

  stop(name: string, now = false): Promise<Answered> {
    return this.session.request(STOP_PROGRAM, { ...this.#call(name), ...(now ? { now } : {}) }, PATIENCE);
  }

  restart(name: string, more: { readonly run?: number; readonly now?: boolean } = {}): Promise<Answered> {
    return this.session.request(RESTART_PROGRAM, { ...this.#call(name), ...more }, PATIENCE);
  }

  signal(name: string, signal: BodyOf<typeof SIGNAL_PROGRAM>["signal"]): Promise<Answered> {
    return this.session.request(SIGNAL_PROGRAM, { ...this.#call(name), signal }, PATIENCE);
  }

  remove(name: string, now = true): Promise<Answered> {
    return this.session.request(REMOVE_PROGRAM, { ...this.#call(name), ...(now ? { now } : {}) }, PATIENCE);
  }

  async logs(name: string, query: LogQuery = {}): Promise<LogRecord[]> {
    const { records } = await this.session.request(PROGRAM_LOGS, { name, query });
    return records as LogRecord[];
  }

  async why(name: string, run?: number): Promise<CrashBundle> {
    const { bundle } = await this.session.request(WHY_PROGRAM, {
      name,
      ...(run === undefined ? {} : { run }),
    });
    return bundle as CrashBundle;
  }

  async list(): Promise<ProgramSnapshot[]> {
    return (await this.session.request(LIST_PROGRAMS, {})).programs as ProgramSnapshot[];
  }

  /** Sequence numbers of every program have no gap, nor have the ids of the node. */
  assertGapFree(): void {
    assertEquals(this.missed, 0, "events were missed");
    const next = new Map<string, number>();
    this.entries.forEach(({ id, origin, event }, index) => {
      const before = this.entries[index - 1]?.id;
      if (before !== undefined) assertEquals(id, before + 1, `ids of events near ${event.program}`);
      const key = `${origin} ${origin === "shim" ? event.program : ""}`;
      const expected = next.get(key);
      if (expected !== undefined) assertEquals(event.seq, expected, `events of ${key}`);
      next.set(key, event.seq + 1);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.stop();
  }

  async #follow(afterId: number): Promise<void> {
    const { programs } = await this.session.request(WATCH_PROGRAMS, {});
    for (const program of programs as ProgramSnapshot[]) {
      if (!this.programs.has(program.name)) this.programs.set(program.name, program);
    }
    const { events } = await this.session.request(FOLLOW_EVENTS, { after: afterId, limit: MAX_EVENTS });
    const early = this.entries.splice(0);
    for (const entry of [...events as ProgramEventEntry[], ...early]) this.#take(entry);
  }

  #take(entry: ProgramEventEntry): void {
    if (entry.id > this.lastId) this.entries.push(entry);
  }

  #call(name: string): { op: string; by: string; name: string } {
    return { op: newOp(), by: "tests", name };
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }

  #told(): string {
    const states = [...this.programs.values()].map(({ name, state, want, run, note }) =>
      `  ${name}: ${want} ${state} run ${run} ${note ?? ""}`
    );
    const events = this.entries.slice(-30).map(({ id, event }) =>
      `  ${id} ${event.program} #${event.seq} run ${event.run} ${event.kind} ${
        JSON.stringify(event.detail).slice(0, 160)
      }`
    );
    return [...states, ...events].join("\n");
  }
}
