// The database of programs: what is wanted, what ran, what happened, who asked. Survives what the machine survives.
// Decides what is done when the file is damaged, missing or cannot be written: supervision goes on from the copies beside
// the programs, and whoever asks is told that the disk keeps nothing. Never decides what a row means.

import { HanaError } from "../../base/mod.ts";
import type {
  Database,
  Durability,
  Platform,
  Row,
  RowChange,
  RowRange,
  TimerHandle,
} from "../../platform/mod.ts";

/** The tables (research, section 1.10). */
export const TABLES = ["program", "instance", "event", "show", "op"] as const;
/** The name of a table. */
export type TableName = (typeof TABLES)[number];

/** How the database was found. */
export type StoreOrigin =
  | "opened"
  /** There was none. */
  | "made"
  /** It was damaged: it stands aside under another name. */
  | "damaged"
  /** The disk refuses: everything stands in memory alone. */
  | "memory";

/** Damaged files that are kept for whoever wants to look; older ones are removed. */
const MAX_DAMAGED = 3;
/** Changes that wait for a disk that refuses; beyond them events and answers are dropped first. */
const MAX_PENDING = 4_096;
/** While the disk refuses, what need not be synced is tried once in so many commits. */
const TRY_EVERY = 16;
/** How soon what was refused is tried again, though nothing else is to be written. */
const RETRY_US = 2_000_000;
/** What stands beside a database in use. */
const BESIDE = ["-wal", "-shm", "-journal"];

/** Counters of a store; they only grow. */
export interface StoreCounters {
  commits: number;
  /** Commits that the disk refused. */
  failed: number;
  /** Changes that were dropped, for want of room, while the disk refused. */
  dropped: number;
  /** Rows that could not be read. */
  unreadable: number;
}

/** The database. */
export class Store {
  readonly counters: StoreCounters = { commits: 0, failed: 0, dropped: 0, unreadable: 0 };
  /** Why the disk keeps nothing at present; null while it does. */
  problem: HanaError | null = null;
  /** Told when the disk begins to refuse, and (null) when it takes everything again. */
  onProblem: ((problem: HanaError | null) => void) | null = null;
  readonly origin: StoreOrigin;
  readonly #platform: Platform;
  #database: Database;
  #retry: TimerHandle | null = null;
  #isClosed = false;
  #waited = 0;
  /** What was refused: the newest change of each row. */
  readonly #pending = new Map<string, RowChange>();

  private constructor(
    platform: Platform,
    database: Database,
    origin: StoreOrigin,
    problem: HanaError | null,
  ) {
    this.#platform = platform;
    this.#database = database;
    this.origin = origin;
    this.problem = problem;
  }

  /** Opens the database at `path`. Throws `conflict` alone: another process has it open. */
  static open(platform: Platform, path: string): Store {
    const isThere = existsAt(platform, path);
    try {
      return new Store(platform, platform.databases.open(path, TABLES), isThere ? "opened" : "made", null);
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code === "conflict") throw thrown;
      if (thrown.code !== "decode") return new Store(platform, new MemoryTables(), "memory", thrown);
    }
    try {
      setAside(platform, path);
      return new Store(platform, platform.databases.open(path, TABLES), "damaged", null);
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code === "conflict") throw thrown;
      return new Store(platform, new MemoryTables(), "memory", thrown);
    }
  }

  /** Rows of a table; what a disk that cannot be read holds counts as nothing. */
  list(table: TableName, range?: RowRange): Row[] {
    try {
      return this.#database.list(table, range);
    } catch (thrown) {
      this.#noteFailure(thrown);
      return [];
    }
  }

  /** Rows of a table, read; those that cannot be are counted and left out. */
  read<T>(table: TableName, reader: (key: string, value: string) => T | null, range?: RowRange): T[] {
    return this.list(table, range).flatMap(({ key, value }) => {
      const read = reader(key, value);
      if (read === null) this.counters.unreadable++;
      return read === null ? [] : [read];
    });
  }

  /** Writes. False when the disk refused: the changes go with the next commit then. */
  commit(changes: readonly RowChange[], durability: Durability): boolean {
    const mayWait = this.problem !== null && this.origin !== "memory" && durability === "relaxed";
    if (mayWait && ++this.#waited % TRY_EVERY !== 0) {
      this.#keep(changes);
      return false;
    }
    const all = this.#pending.size === 0 ? changes : this.#withPending(changes);
    if (all.length === 0) return this.problem === null;
    try {
      this.#database.commit(all, durability);
    } catch (thrown) {
      this.#keep(changes);
      this.#noteFailure(thrown);
      return false;
    }
    this.counters.commits++;
    this.#pending.clear();
    if (this.origin === "memory") return false;
    if (this.problem !== null) {
      this.problem = null;
      this.onProblem?.(null);
    }
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    if (this.#pending.size > 0) this.commit([], "synced");
    this.#database.close();
  }

  #withPending(changes: readonly RowChange[]): RowChange[] {
    const all = new Map(this.#pending);
    for (const change of changes) all.set(`${change.table}\n${change.key}`, change);
    return [...all.values()];
  }

  #keep(changes: readonly RowChange[]): void {
    for (const change of changes) this.#pending.set(`${change.table}\n${change.key}`, change);
    if (this.#pending.size <= MAX_PENDING) return;
    for (const [id, { table }] of this.#pending) {
      if (this.#pending.size <= MAX_PENDING) return;
      if (table !== "event" && table !== "op") continue;
      this.#pending.delete(id);
      this.counters.dropped++;
    }
  }

  #retryLater(): void {
    if (this.#retry !== null || this.#isClosed || this.origin === "memory") return;
    const { clock, timers } = this.#platform;
    this.#retry = timers.schedule(clock.nowUs() + RETRY_US, () => {
      this.#retry = null;
      if (this.#pending.size > 0) this.commit([], "synced");
    });
  }

  #noteFailure(thrown: unknown): void {
    if (!(thrown instanceof HanaError)) throw thrown;
    this.counters.failed++;
    this.#retryLater();
    if (this.problem !== null) return;
    this.problem = thrown;
    this.onProblem?.(thrown);
  }
}

function existsAt(platform: Platform, path: string): boolean {
  try {
    return platform.files.stat(path) !== null;
  } catch {
    return false;
  }
}

/** Gives a damaged database another name and forgets what stood beside it; only the newest few are kept. */
function setAside(platform: Platform, path: string): void {
  const { files, clock } = platform;
  const at = path.lastIndexOf("/");
  const directory = path.slice(0, at);
  const prefix = `${path.slice(at + 1)}.damaged-`;
  files.rename(path, `${directory}/${prefix}${Math.floor(clock.wallMs())}`);
  for (const end of BESIDE) files.remove(path + end);
  const aside = files.list(directory).filter((name) => name.startsWith(prefix));
  for (const name of aside.slice(0, -MAX_DAMAGED)) files.remove(`${directory}/${name}`);
}

/** Tables that nobody keeps, for a disk that refuses. */
class MemoryTables implements Database {
  readonly #tables = new Map<string, Map<string, string>>(TABLES.map((name) => [name, new Map()]));

  get(table: string, key: string): string | null {
    return this.#tables.get(table)?.get(key) ?? null;
  }

  list(table: string, { after, before, reverse, limit }: RowRange = {}): Row[] {
    const rows = [...this.#tables.get(table) ?? []]
      .filter(([key]) => (after === undefined || key > after) && (before === undefined || key < before))
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => a.key < b.key ? -1 : 1);
    if (reverse === true) rows.reverse();
    return limit === undefined ? rows : rows.slice(0, limit);
  }

  commit(changes: readonly RowChange[]): void {
    for (const { table, key, value } of changes) {
      if (value === null) this.#tables.get(table)?.delete(key);
      else this.#tables.get(table)?.set(key, value);
    }
  }

  close(): void {}
}
