// Small durable tables: text under text, changed together or not at all.
// Decides what a commit promises; never what stands in a table. Synchronous, since every answer waits for it.

/** One change of a commit: `value` null removes the row. */
export interface RowChange {
  readonly table: string;
  readonly key: string;
  readonly value: string | null;
}

/** A row. */
export interface Row {
  readonly key: string;
  readonly value: string;
}

/** Which rows of a table, in the order of their keys (by code point). */
export interface RowRange {
  /** Keys after this one. */
  readonly after?: string;
  /** Keys before this one. */
  readonly before?: string;
  /** From the end. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

/**
 * `synced`: on the disk when the call returns, through a loss of power. `relaxed`: through a crash of the process; a loss of
 * power may take the last ones, in order, never parts of one.
 */
export type Durability = "synced" | "relaxed";

/**
 * An open database. Every method throws `storage` when the system refuses or it is closed, and `schema` for a table that it
 * was not opened with and for text that holds a zero byte or half of a character.
 */
export interface Database {
  get(table: string, key: string): string | null;
  list(table: string, range?: RowRange): Row[];
  /** All of the changes or none of them. */
  commit(changes: readonly RowChange[], durability: Durability): void;
  close(): void;
}

/** Opens databases. */
export interface Databases {
  /**
   * Opens or makes a database with these tables, and checks it. Throws `decode` when the file is damaged or no database
   * (it is left as it is), `storage` when the system refuses, `conflict` when another process has it open.
   */
  open(path: string, tables: readonly string[]): Database;
}
