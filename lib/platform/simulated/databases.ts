// Tables that last, on the disk of a simulated host.
// Decides their form there: a file that only grows, one line a commit with a checksum, so that the disk's own promises
// (what is synced, what a loss of power tears, when it is full) are those of the tables. Meant for simulation alone.

import { HanaError } from "../../base/mod.ts";
import type { Database, Databases, Durability, FileLock, Row, RowChange, RowRange } from "../mod.ts";
import { checkChanges, checkTableName, noSuchTable } from "../row_text.ts";
import type { SimulatedDisk } from "./disk.ts";
import { digestBytes } from "./event_log.ts";
import type { SimulatedFiles } from "./files.ts";
import type { ProcessLife } from "./process_life.ts";

const HEADER = "hana simulated tables 1";
const MODE = 0o600;
const NEWLINE = 10;
/** A file that is so long, and more than half of it out of date, is written anew. */
const COMPACT_BYTES = 256 * 1024;

type Change = readonly [table: string, key: string, value: string | null];

/** As SQLite orders: by UTF-8, which is by code point. */
function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Halves of characters above U+FFFF stand behind everything else. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function lineOf(changes: readonly Change[]): Uint8Array {
  const text = JSON.stringify(changes);
  return encode(`${digestOf(encode(text))} ${text}\n`);
}

function digestOf(bytes: Uint8Array): string {
  return String(digestBytes(bytes));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The rows of one table, with their keys in order: tables mostly grow at their end and shrink at their beginning. */
class TableRows {
  readonly values = new Map<string, string>();
  #keys: string[] | null = [];

  put(key: string, value: string): void {
    if (!this.values.has(key) && this.#keys !== null) {
      const last = this.#keys.at(-1);
      if (last === undefined || compareKeys(last, key) < 0) this.#keys.push(key);
      else this.#keys = null;
    }
    this.values.set(key, value);
  }

  remove(key: string): void {
    if (!this.values.delete(key) || this.#keys === null) return;
    if (this.#keys[0] === key) this.#keys.shift();
    else if (this.#keys.at(-1) === key) this.#keys.pop();
    else this.#keys = null;
  }

  list({ after, before, reverse = false, limit = Infinity }: RowRange): Row[] {
    const keys = this.#keys ??= [...this.values.keys()].sort(compareKeys);
    const from = after === undefined ? 0 : firstFrom(keys, after, true);
    const to = before === undefined ? keys.length : firstFrom(keys, before, false);
    const rows: Row[] = [];
    for (let i = 0; i < to - from && rows.length < limit; i++) {
      const key = keys[reverse ? to - 1 - i : from + i] ?? "";
      rows.push({ key, value: this.values.get(key) ?? "" });
    }
    return rows;
  }
}

/** The place of the first key that is not before `bound`, or that is behind it. */
function firstFrom(keys: readonly string[], bound: string, isBehind: boolean): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareKeys(keys[middle] ?? "", bound);
    if (order < 0 || (isBehind && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows of all tables, and what a file of them alone would take. */
class Rows {
  readonly tables = new Map<string, TableRows>();
  bytes = 0;

  apply(changes: readonly Change[]): void {
    for (const [name, key, value] of changes) {
      const table = this.table(name);
      const old = table.values.get(key);
      if (old !== undefined) this.bytes -= key.length + old.length;
      if (value === null) table.remove(key);
      else {
        table.put(key, value);
        this.bytes += key.length + value.length;
      }
    }
  }

  table(name: string): TableRows {
    let table = this.tables.get(name);
    if (table === undefined) this.tables.set(name, table = new TableRows());
    return table;
  }

  changes(): Change[] {
    const all: Change[] = [];
    for (const [name, table] of this.tables) {
      for (const [key, value] of table.values) all.push([name, key, value]);
    }
    return all;
  }
}

function damaged(path: string, why: string): HanaError {
  return new HanaError("decode", { what: `cannot use the database ${path}`, why });
}

/** Reads a file; a last line without an end was torn and counts as never written. Returns the length of the rest. */
function readRows(path: string, bytes: Uint8Array, rows: Rows): number {
  const whole = bytes.lastIndexOf(NEWLINE) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, whole)).split("\n");
  if (lines[0] !== HEADER) throw damaged(path, "it is no database");
  for (const line of lines.slice(1, -1)) {
    const space = line.indexOf(" ");
    const text = line.slice(space + 1);
    if (digestOf(encode(text)) !== line.slice(0, space)) throw damaged(path, "a commit in it is damaged");
    rows.apply(JSON.parse(text) as Change[]);
  }
  return whole;
}

class SimulatedDatabase implements Database {
  readonly #disk: SimulatedDisk;
  readonly #life: ProcessLife;
  readonly #path: string;
  readonly #tables: ReadonlySet<string>;
  readonly #lock: FileLock;
  readonly #rows: Rows;
  #isOpen = true;

  constructor(
    disk: SimulatedDisk,
    life: ProcessLife,
    path: string,
    tables: readonly string[],
    lock: FileLock,
    rows: Rows,
  ) {
    this.#disk = disk;
    this.#life = life;
    this.#path = path;
    this.#tables = new Set(tables);
    this.#lock = lock;
    this.#rows = rows;
  }

  get(table: string, key: string): string | null {
    return this.#table(table).values.get(key) ?? null;
  }

  list(table: string, range: RowRange = {}): Row[] {
    return this.#table(table).list(range);
  }

  commit(changes: readonly RowChange[], durability: Durability): void {
    this.#check("write");
    checkChanges(changes, this.#tables);
    if (!this.#life.alive) return;
    const made = changes.map(({ table, key, value }): Change => [table, key, value]);
    this.#disk.append(this.#path, lineOf(made), MODE, true);
    if (durability === "synced") this.#disk.sync(this.#path);
    this.#rows.apply(made);
    this.#maybeCompact();
  }

  close(): void {
    if (this.#isOpen) this.#lock.release();
    this.#isOpen = false;
  }

  /** What is written anew is synced, and may be: it is only more than was promised. A full disk waits for better times. */
  #maybeCompact(): void {
    const size = this.#disk.stat(this.#path)?.size ?? 0;
    if (size < COMPACT_BYTES || size < 4 * this.#rows.bytes) return;
    const free = this.#disk.freeBytes;
    const bytes = wholeFile(this.#rows);
    if (free === null || bytes.length <= free) this.#disk.write(this.#path, bytes, MODE);
  }

  #table(name: string): TableRows {
    this.#check("read");
    if (!this.#tables.has(name)) throw noSuchTable(name);
    return this.#rows.table(name);
  }

  #check(doing: string): void {
    if (this.#isOpen) return;
    throw new HanaError("storage", {
      what: `cannot ${doing} the database ${this.#path}`,
      why: "it is closed",
    });
  }
}

function wholeFile(rows: Rows): Uint8Array {
  const header = encode(`${HEADER}\n`);
  const changes = rows.changes();
  if (changes.length === 0) return header;
  const line = lineOf(changes);
  const bytes = new Uint8Array(header.length + line.length);
  bytes.set(header);
  bytes.set(line, header.length);
  return bytes;
}

/** Databases as one process sees them. */
export class SimulatedDatabases implements Databases {
  readonly #disk: SimulatedDisk;
  readonly #files: SimulatedFiles;
  readonly #life: ProcessLife;

  constructor(disk: SimulatedDisk, files: SimulatedFiles, life: ProcessLife) {
    this.#disk = disk;
    this.#files = files;
    this.#life = life;
  }

  open(path: string, tables: readonly string[]): Database {
    for (const table of tables) checkTableName(table);
    const lock = this.#files.lock(`${path}.lock`);
    if (lock === null) {
      throw new HanaError("conflict", {
        what: `cannot open the database ${path}`,
        why: "a process has it open",
      });
    }
    try {
      const rows = new Rows();
      const bytes = this.#disk.read(path);
      const whole = bytes === null || bytes.length === 0 ? 0 : readRows(path, bytes, rows);
      // A torn line would run into the next one.
      if (bytes === null || whole < bytes.length || whole === 0) {
        this.#disk.write(path, bytes === null || whole === 0 ? wholeFile(rows) : bytes.slice(0, whole), MODE);
      }
      return new SimulatedDatabase(this.#disk, this.#life, path, tables, lock, rows);
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }
}
