// `--watch`: rows that come, change and go. On a terminal the table is redrawn in place; everywhere else each
// change is one line: NDJSON {op: "add"|"update"|"remove"}, with one {op: "sync"} after the first snapshot so that
// a script knows when the list is complete.
// Never polls and holds no more rows than its owner hands it.

import { HanaError } from "../../lib/base/mod.ts";
import type { Output } from "./output.ts";
import type { Rendering } from "./rendering.ts";
import { counted, printable } from "./text.ts";

/** What happened to a row. */
export type WatchOp = "add" | "update" | "remove";

/** Redraws are gathered for this long: at 10 Hz nobody reads more. */
const REDRAW_MS = 100;

type TableLines = typeof import("./table.ts").tableLines;

/** A list that is watched. */
export class Watch<Row> {
  readonly #output: Output;
  readonly #rendering: Rendering<Row>;
  readonly #tableLines: TableLines | null;
  readonly #rows = new Map<string, Row>();
  #synced = false;
  #drawnLines = 0;
  #timer: number | null = null;
  #closed = false;

  private constructor(output: Output, rendering: Rendering<Row>, tableLines: TableLines | null) {
    this.#output = output;
    this.#rendering = rendering;
    this.#tableLines = tableLines;
  }

  /** Starts watching. Throws `usage` for `--json`: one document has no place for what comes later. */
  static async open<Row>(output: Output, rendering: Rendering<Row>): Promise<Watch<Row>> {
    if (output.mode === "json") {
      throw new HanaError("usage", {
        what: "--watch and --json together",
        why: "--json is one document, --watch goes on for ever",
        hint: "--ndjson instead of --json",
      });
    }
    const draws = output.mode === "table" && output.streams.out.isTerminal;
    return new Watch(output, rendering, draws ? (await import("./table.ts")).tableLines : null);
  }

  /** Whether rows are drawn as a table, for a person; else each change is a line. */
  get isDrawn(): boolean {
    return this.#tableLines !== null;
  }

  /** Tells of one row; `remove` takes the row as it last was. */
  change(op: WatchOp, row: Row): void {
    const key = (this.#rendering.key ?? this.#rendering.id)(row);
    if (op === "remove") this.#rows.delete(key);
    else this.#rows.set(key, row);
    if (this.#tableLines !== null) return this.#redrawSoon();
    this.#writeLine(op, row);
  }

  /** The first snapshot is complete. */
  sync(): void {
    if (this.#synced) return;
    this.#synced = true;
    if (this.#tableLines !== null) return this.#redraw();
    this.#writeSync();
  }

  /** Stops; what stands on the terminal stays. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#tableLines !== null && this.#synced) this.#draw();
  }

  /** Whether lines are plain: asked for by flag. A pipe without a flag gets NDJSON. */
  get #isPlain(): boolean {
    return this.#output.mode === "plain" && this.#output.modeWasAsked;
  }

  #writeLine(op: WatchOp, row: Row): void {
    const { out } = this.#output.streams;
    if (this.#output.mode === "quiet") out.write(`${op}\t${printable(this.#rendering.id(row))}\n`);
    else if (this.#isPlain) out.write(`${op}\t${this.#output.plainLine(this.#rendering, row)}`);
    else this.#output.event(this.#schema, { op, ...this.#rendering.json(row) });
  }

  #writeSync(): void {
    if (this.#isPlain || this.#output.mode === "quiet") this.#output.raw("sync\n");
    else this.#output.event(this.#schema, { op: "sync", count: this.#rows.size });
  }

  get #schema(): string {
    return `${this.#rendering.what}.${this.#rendering.row}`;
  }

  #redrawSoon(): void {
    if (!this.#synced || this.#closed) return;
    this.#timer ??= setTimeout(() => this.#redraw(), REDRAW_MS);
  }

  #redraw(): void {
    this.#timer = null;
    this.#draw();
  }

  #draw(): void {
    if (this.#tableLines === null) return;
    const { out } = this.#output.streams;
    const all = [...this.#rows.values()];
    if (this.#rendering.order !== undefined) all.sort(this.#rendering.order);
    const lines = this.#tableLines(this.#rendering, all, this.#output.palette, out.columns());
    const room = Math.max(2, (out.rows() ?? 24) - 2);
    const shown = lines.slice(0, room);
    if (shown.length < lines.length) shown.push(`… ${counted(lines.length - shown.length, "more row")}`);
    if (lines.length === 0) shown.push("nothing yet");
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    // Wrapping is off while drawing: a wrapped line would break the count of lines to go up.
    out.write(`${up}\r\x1b[J\x1b[?7l${shown.map((line) => line + "\n").join("")}\x1b[?7h`);
    this.#drawnLines = shown.length;
  }
}
