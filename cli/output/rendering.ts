// How a command describes its data once, so that every output mode comes out of it.
// Decides the vocabulary: rows with columns, or one record with fields; never how a mode looks (output.ts, table.ts).

import type { Tone } from "./colour.ts";
import type { JsonObject } from "./document.ts";
import { printable } from "./text.ts";

/** A text with a tone. The tone repeats what the text says. */
export interface Cell {
  readonly text: string;
  readonly tone: Tone;
}

/** What stands in a cell; `null` reads `-`. */
export type CellValue = string | number | null | Cell;

/** One column of a table. */
export interface Column<Row> {
  /** The heading, in capitals. */
  readonly header: string;
  /** The value for people. */
  readonly cell: (row: Row) => CellValue;
  /** The exact value for `--plain`, where the one for people is rounded or decorated. */
  readonly plain?: (row: Row) => CellValue;
  readonly align?: "left" | "right";
  /** May be cut when the terminal is too narrow. */
  readonly shrinks?: boolean;
  /** Whether a table for people needs the column, given its rows. Plain output always has it. */
  readonly needed?: (rows: readonly Row[]) => boolean;
  /** Left out of a table that is too wide for the terminal, before anything is cut; the lowest number goes first. */
  readonly spare?: number;
}

/** Rows that a command shows. */
export interface Rendering<Row> {
  /** Names the schema of the `--json` document: `hana.<what>/1`. */
  readonly what: string;
  /** Names the schema of one NDJSON row: `hana.<what>.<row>/1`. */
  readonly row: string;
  readonly columns: readonly Column<Row>[];
  /** What `-q` prints. */
  readonly id: (row: Row) => string;
  /** What `--watch` tells rows apart by, where that is not what `-q` prints: names can change, or be there twice. */
  readonly key?: (row: Row) => string;
  /** One row for scripts. */
  readonly json: (row: Row) => JsonObject;
  /** The body of the `--json` document. */
  readonly document: (rows: readonly Row[]) => JsonObject;
  /** The order of rows in a table that is redrawn; that of their coming unless given. */
  readonly order?: (a: Row, b: Row) => number;
  /** Whether a row is history and fades. */
  readonly dimmed?: (row: Row) => boolean;
  /** A closing sentence for people, on stderr. */
  readonly summary?: (rows: readonly Row[]) => string | null;
}

/** One line of a record. */
export interface Field {
  readonly label: string;
  readonly value: CellValue;
  /** The exact value for `--plain`. */
  readonly plain?: CellValue;
}

/** One thing that a command shows. */
export interface RecordRendering {
  /** Names the schema: `hana.<what>/1`. */
  readonly what: string;
  readonly fields: readonly Field[];
  /** What `-q` prints, a line each. */
  readonly quiet: readonly string[];
  readonly json: JsonObject;
  /** Sentences for a terminal that say it better than the fields. */
  readonly sentences?: readonly string[];
}

/** The text of a cell, safe to print. */
export function cellText(value: CellValue): string {
  if (value === null) return "-";
  if (typeof value === "object") return printable(value.text);
  const text = printable(String(value));
  return text === "" ? "-" : text;
}

/** The tone of a cell. */
export function cellTone(value: CellValue): Tone {
  return value !== null && typeof value === "object" ? value.tone : "none";
}
