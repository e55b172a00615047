// Borderless tables for a terminal, cut to its width.
// Decides the widths of columns; never which columns there are. Loaded only when a table is really drawn.

import Table from "cli-table3";
import type { Palette } from "./colour.ts";
import { cellText, cellTone, type Column, type Rendering } from "./rendering.ts";

const GAP = 2;
const MIN_COLUMN = 6;

const NO_BORDER = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": "",
};

/** The lines of a table, heading first; none without rows. `columns` is the terminal's width, null for no limit. */
export function tableLines<Row>(
  rendering: Rendering<Row>,
  rows: readonly Row[],
  palette: Palette,
  columns: number | null,
): string[] {
  if (rows.length === 0) return [];
  const needed = rendering.columns.filter((column) => column.needed?.(rows) ?? true);
  const shown = columnsThatFit(needed, rows, columns);
  const texts = rows.map((row) => shown.map((column) => cellText(column.cell(row))));
  const widths = fitWidths(shown.map((column) => naturalWidth(column, rows)), shown, columns);
  const table = new Table({
    chars: NO_BORDER,
    head: shown.map((column) => palette.paint("strong", column.header)),
    // The package colours on its own and ignores NO_COLOR unless both styles are empty.
    style: { "head": [], "border": [], "padding-left": 0, "padding-right": GAP, "compact": true },
    colAligns: shown.map((column) => column.align ?? "left"),
    colWidths: widths.map((width) => width + GAP),
  });
  for (const [at, row] of rows.entries()) {
    const dimmed = rendering.dimmed?.(row) === true;
    table.push(shown.map((column, i) => {
      const tone = cellTone(column.cell(row));
      return palette.paint(dimmed ? "dim" : tone, texts[at]?.[i] ?? "");
    }));
  }
  return table.toString().split("\n").map(trimLineEnd);
}

function naturalWidth<Row>(column: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce(
    (most, row) => Math.max(most, displayWidth(cellText(column.cell(row)))),
    column.header.length,
  );
}

/** All columns, less the spare ones that would not fit beside the others. */
function columnsThatFit<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  available: number | null,
): readonly Column<Row>[] {
  if (available === null) return columns;
  const spare = columns.filter((column) => column.spare !== undefined)
    .sort((a, b) => (a.spare ?? 0) - (b.spare ?? 0));
  const dropped = new Set<Column<Row>>();
  let excess = columns.reduce((sum, column) => sum + naturalWidth(column, rows) + GAP, -GAP) - available;
  for (const column of spare) {
    if (excess <= 0) break;
    dropped.add(column);
    excess -= naturalWidth(column, rows) + GAP;
  }
  return columns.filter((column) => !dropped.has(column));
}

/** Takes width from the widest column that may shrink until the line fits, or as far as that goes. */
function fitWidths<Row>(
  natural: number[],
  columns: readonly Column<Row>[],
  available: number | null,
): number[] {
  const widths = [...natural];
  if (available === null) return widths;
  // The last column's gap is trimmed away.
  let excess = widths.reduce((sum, width) => sum + width + GAP, -GAP) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [i, column] of columns.entries()) {
      const floor = Math.max(MIN_COLUMN, column.header.length);
      if (column.shrinks !== true || (widths[i] ?? 0) <= floor) continue;
      if (widest < 0 || (widths[i] ?? 0) > (widths[widest] ?? 0)) widest = i;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

/** Columns that `text` takes on a terminal: wide East Asian letters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) {
    if (/\p{Mark}|\u200d|\ufe0f/u.test(char)) continue;
    width += isWide(char.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

// Blocks of Unicode's EastAsianWidth W and F that names and tags are likely to hold.
function isWide(code: number): boolean {
  return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
}

// Spaces at the end wrap on narrow terminals; a reset sequence may follow them.
function trimLineEnd(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replace(/ +((?:\x1b\[[0-9;]*m)*)$/, "$1");
}
