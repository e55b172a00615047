// What may stand in a row: text that every platform gives back as it was taken.
// Decides that zero bytes and halves of characters are refused (the database behind the real tables cuts text at the one
// and replaces the other); never what the text means.

import { HanaError } from "../base/mod.ts";
import type { RowChange } from "./databases.ts";

const TABLE_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const PREFIX_OF_DATABASE = "sqlite_";

/** Refuses a table name that cannot be one. Throws `schema`. */
export function checkTableName(name: string): void {
  if (TABLE_NAME.test(name) && !name.startsWith(PREFIX_OF_DATABASE)) return;
  throw new HanaError("schema", {
    what: `table ${JSON.stringify(name)}`,
    why: "a table is named with small letters, digits and _, 63 at most",
  });
}

/** Refuses changes of tables that are not there, and text that would not come back as it is. Throws `schema`. */
export function checkChanges(changes: readonly RowChange[], tables: ReadonlySet<string>): void {
  for (const { table, key, value } of changes) {
    if (!tables.has(table)) throw noSuchTable(table);
    if (!isKeepable(key)) throw unkeepable(table, "a key");
    if (value !== null && !isKeepable(value)) throw unkeepable(table, `the value of ${key}`);
  }
}

/** A table that was not named when the database was opened. */
export function noSuchTable(table: string): HanaError {
  return new HanaError("schema", {
    what: `table ${JSON.stringify(table)}`,
    why: "the database was not opened with it",
  });
}

function isKeepable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function unkeepable(table: string, what: string): HanaError {
  return new HanaError("schema", {
    what: `${what} in table ${table}`,
    why: "holds a zero byte or half of a character",
  });
}
