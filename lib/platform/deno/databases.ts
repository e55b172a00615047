// Tables that last, on the SQLite that comes with the runtime.
// Decides how its promises are kept: a write-ahead log, which a synced commit flushes and a relaxed one does not; a check
// of the whole file before it is opened for writing; one opener by a lock beside the file. Never looks into a row.
// SQLite is loaded by the first `open`: most commands never need it. While it has the file, nobody else of this process may
// open that: closing any descriptor of a file gives up all locks that the process has on it (fcntl(2)).

import process from "node:process";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { HanaError } from "../../base/mod.ts";
import type { Database, Databases, Durability, FileLock, Files, Row, RowChange, RowRange } from "../mod.ts";
import { checkChanges, checkTableName, noSuchTable } from "../row_text.ts";

/** "hana" in ASCII; SQLite keeps it in the header for us (sqlite.org/fileformat2, offset 68). */
const APPLICATION_ID = 0x68616e61;
/** Of our tables' form: key and value, no row ids. */
const USER_VERSION = 1;
const MAGIC = "SQLite format 3\0";
const HEADER_BYTES = 100;
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;
/** Somebody may look at the file with another tool for a moment. */
const BUSY_MS = 2000;
const UNLIMITED = -1;
/** What the log may keep of the disk once it was moved into the file. */
const LOG_BYTES = 4 * 1024 * 1024;
/** Rows may hold what programs are started with: secrets too. */
const MODE = 0o600;

/** What SQLite says of a file that it cannot make sense of; the runtime tells no codes. */
const DAMAGE = /not a database|malformed|corrupt|unsupported file format|encrypted/i;

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function damaged(path: string, why: string, cause?: unknown): HanaError {
  return new HanaError("decode", {
    what: `cannot use the database ${path}`,
    why,
    hint: `it was left as it is; move it away to begin anew: mv ${path} ${path}.damaged`,
    cause,
  });
}

function failure(thrown: unknown, doing: string, path: string): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const why = textOf(thrown);
  if (DAMAGE.test(why)) return damaged(path, why, thrown);
  const hint = /full/i.test(why) ? `df -h ${path}` : undefined;
  return new HanaError("storage", { what: `cannot ${doing} the database ${path}`, why, hint, cause: thrown });
}

/** Refuses a file that its header says is not ours, before SQLite touches anything. */
function checkHeader(files: Files, path: string): void {
  const header = files.readAt(path, 0, HEADER_BYTES);
  if (header === null || header.length === 0) return;
  // A making that was broken off: SQLite puts it right by its journal, and the pragmas are looked at afterwards.
  if (files.stat(`${path}-journal`) !== null) return;
  if (header.length < HEADER_BYTES) throw damaged(path, "it is shorter than a database");
  for (let i = 0; i < MAGIC.length; i++) {
    if (header[i] !== MAGIC.charCodeAt(i)) throw damaged(path, "it is no database");
  }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  checkOwner(path, view.getUint32(APPLICATION_ID_AT), view.getUint32(USER_VERSION_AT));
}

function checkOwner(path: string, applicationId: number, version: number): void {
  if (applicationId !== APPLICATION_ID) throw damaged(path, "it is a database of another program");
  if (version === USER_VERSION) return;
  throw damaged(path, `its form is ${version}, this hana knows form ${USER_VERSION}`);
}

function numberOf(database: DatabaseSync, pragma: "application_id" | "user_version"): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}

/** The statements of one table, prepared when they are first needed. */
class TableStatements {
  readonly #database: DatabaseSync;
  readonly #table: string;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, table: string) {
    this.#database = database;
    this.#table = table;
  }

  get get(): StatementSync {
    return this.#prepare(`SELECT value FROM "${this.#table}" WHERE key = ?`);
  }

  get put(): StatementSync {
    return this.#prepare(`INSERT OR REPLACE INTO "${this.#table}" (key, value) VALUES (?, ?)`);
  }

  get remove(): StatementSync {
    return this.#prepare(`DELETE FROM "${this.#table}" WHERE key = ?`);
  }

  /** Takes the bounds that are set, then the limit. */
  list(range: RowRange): StatementSync {
    const bounds: string[] = [];
    if (range.after !== undefined) bounds.push("key > ?");
    if (range.before !== undefined) bounds.push("key < ?");
    const where = bounds.length === 0 ? "" : `WHERE ${bounds.join(" AND ")} `;
    const order = range.reverse === true ? "DESC" : "ASC";
    return this.#prepare(`SELECT key, value FROM "${this.#table}" ${where}ORDER BY key ${order} LIMIT ?`);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }
}

class SqliteDatabase implements Database {
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #statements = new Map<string, TableStatements>();
  readonly #tables: ReadonlySet<string>;
  #database: DatabaseSync | null;
  #durability: Durability = "relaxed";

  constructor(database: DatabaseSync, path: string, tables: readonly string[], lock: FileLock) {
    this.#database = database;
    this.#path = path;
    this.#lock = lock;
    this.#tables = new Set(tables);
    for (const table of tables) this.#statements.set(table, new TableStatements(database, table));
  }

  get(table: string, key: string): string | null {
    return this.#try("read", () => {
      const value = this.#of(table).get.get(key)?.value;
      return typeof value === "string" ? value : null;
    });
  }

  list(table: string, range: RowRange = {}): Row[] {
    const values: (string | number)[] = [];
    if (range.after !== undefined) values.push(range.after);
    if (range.before !== undefined) values.push(range.before);
    values.push(range.limit ?? UNLIMITED);
    return this.#try("read", () => {
      const rows = this.#of(table).list(range).all(...values);
      return rows.map(({ key, value }) => ({ key: String(key), value: String(value) }));
    });
  }

  commit(changes: readonly RowChange[], durability: Durability): void {
    this.#try("write", (database) => {
      checkChanges(changes, this.#tables);
      if (durability !== this.#durability) {
        database.exec(`PRAGMA synchronous = ${durability === "synced" ? "FULL" : "NORMAL"}`);
        this.#durability = durability;
      }
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const { table, key, value } of changes) {
          const statements = this.#of(table);
          if (value === null) statements.remove.run(key);
          else statements.put.run(key, value);
        }
        database.exec("COMMIT");
      } catch (thrown) {
        this.#rollBack(database);
        throw thrown;
      }
    });
  }

  close(): void {
    const database = this.#database;
    if (database === null) return;
    this.#database = null;
    try {
      database.close();
    } catch (thrown) {
      throw failure(thrown, "close", this.#path);
    } finally {
      this.#lock.release();
    }
  }

  #of(table: string): TableStatements {
    const statements = this.#statements.get(table);
    if (statements === undefined) throw noSuchTable(table);
    return statements;
  }

  #rollBack(database: DatabaseSync): void {
    try {
      database.exec("ROLLBACK");
    } catch {
      // A full disk rolls back by itself; the commit's own error is the one to report.
    }
  }

  #try<T>(doing: string, run: (database: DatabaseSync) => T): T {
    const database = this.#database;
    if (database === null) {
      throw new HanaError("storage", {
        what: `cannot ${doing} the database ${this.#path}`,
        why: "it is closed",
      });
    }
    try {
      return run(database);
    } catch (thrown) {
      throw failure(thrown, doing, this.#path);
    }
  }
}

/** Opens databases of this machine. */
export class DenoDatabases implements Databases {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
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
      checkHeader(this.#files, path);
      const sqlite = process.getBuiltinModule("node:sqlite");
      this.#checkContent(sqlite.DatabaseSync, path);
      // SQLite itself would make it as the umask says, and its log and index like it.
      this.#files.openAppend(path, MODE).close();
      const database = new sqlite.DatabaseSync(path);
      try {
        this.#prepare(database, path, tables);
      } catch (thrown) {
        database.close();
        throw thrown;
      }
      return new SqliteDatabase(database, path, tables, lock);
    } catch (thrown) {
      lock.release();
      throw failure(thrown, "open", path);
    }
  }

  /** Looks at every page on a connection that cannot write: one that could would change the file when it is closed. */
  #checkContent(open: typeof DatabaseSync, path: string): void {
    const stat = this.#files.stat(path);
    if (stat === null || stat.size === 0 || this.#files.stat(`${path}-journal`) !== null) return;
    const database = new open(path, { readOnly: true });
    try {
      const [first] = database.prepare("PRAGMA quick_check(1)").all();
      const verdict = first?.quick_check;
      if (verdict !== "ok") throw damaged(path, `the check says: ${String(verdict)}`);
    } finally {
      database.close();
    }
  }

  #prepare(database: DatabaseSync, path: string, tables: readonly string[]): void {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL`);
    const isNew = database.prepare("SELECT name FROM sqlite_schema LIMIT 1").get() === undefined;
    if (isNew) {
      // Before the log is switched on, so that the header itself says whose file it is.
      database.exec(
        `BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${USER_VERSION}; COMMIT`,
      );
    }
    checkOwner(path, numberOf(database, "application_id"), numberOf(database, "user_version"));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${LOG_BYTES}`);
    for (const table of tables) {
      database.exec(
        `CREATE TABLE IF NOT EXISTS "${table}" (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
      );
    }
    database.exec("PRAGMA synchronous = NORMAL");
  }
}
