// What a command speaks to: data in the chosen mode on stdout, messages on stderr.
// Decides how rows and records look in each mode; never what they hold, and never when the process ends.

import type { HanaError } from "../../lib/base/mod.ts";
import { Palette } from "./colour.ts";
import { document, documentText, type JsonObject, jsonText } from "./document.ts";
import { errorLines } from "./errors.ts";
import type { OutputMode } from "./mode.ts";
import { Progress } from "./progress.ts";
import { cellText, cellTone, type CellValue, type RecordRendering, type Rendering } from "./rendering.ts";
import { printable } from "./text.ts";
import type { Streams } from "./writer.ts";

/** How an {@linkcode Output} is set up. */
export interface OutputOptions {
  readonly streams: Streams;
  readonly mode: OutputMode;
  /** Whether a flag chose the mode; else the terminal did. */
  readonly modeWasAsked: boolean;
  /** Colours for stdout and for stderr: one may be a terminal while the other is not. */
  readonly outColour: boolean;
  readonly errColour: boolean;
  /** `--header`: plain output begins with the headings. */
  readonly header: boolean;
  /** `--debug`: errors come with their stack. */
  readonly debug: boolean;
}

/** The output of one command. */
export class Output {
  readonly mode: OutputMode;
  readonly modeWasAsked: boolean;
  readonly streams: Streams;
  /** Tones for stdout. */
  readonly palette: Palette;
  /** Tones for stderr. */
  readonly errPalette: Palette;
  readonly header: boolean;
  readonly #debug: boolean;
  #endTransient: (() => void) | null = null;

  constructor(options: OutputOptions) {
    this.mode = options.mode;
    this.modeWasAsked = options.modeWasAsked;
    this.streams = options.streams;
    this.palette = new Palette(options.outColour);
    this.errPalette = new Palette(options.errColour);
    this.header = options.header;
    this.#debug = options.debug;
  }

  /** Shows rows in the chosen mode, whole. */
  async rows<Row>(rendering: Rendering<Row>, rows: readonly Row[]): Promise<void> {
    this.endTransient();
    const { out } = this.streams;
    if (this.mode === "json") {
      out.write(documentText(document(rendering.what, rendering.document(rows)), out.isTerminal));
    } else if (this.mode === "ndjson") {
      for (const row of rows) this.event(`${rendering.what}.${rendering.row}`, rendering.json(row));
    } else if (this.mode === "quiet") {
      out.write(rows.map((row) => printable(rendering.id(row)) + "\n").join(""));
    } else if (this.mode === "plain") {
      if (this.header) out.write(rendering.columns.map((column) => column.header).join("\t") + "\n");
      out.write(rows.map((row) => this.plainLine(rendering, row)).join(""));
    } else {
      const { tableLines } = await import("./table.ts");
      const lines = tableLines(rendering, rows, this.palette, out.columns());
      out.write(lines.map((line) => line + "\n").join(""));
      const summary = rendering.summary?.(rows);
      if (summary !== undefined && summary !== null) this.message(summary);
    }
  }

  /** One row of a plain table, with its newline. */
  plainLine<Row>(rendering: Rendering<Row>, row: Row): string {
    return rendering.columns.map((column) => this.#painted((column.plain ?? column.cell)(row))).join("\t") +
      "\n";
  }

  /** Shows one thing in the chosen mode. */
  record(rendering: RecordRendering): void {
    this.endTransient();
    const { out } = this.streams;
    if (this.mode === "json" || this.mode === "ndjson") {
      const whole = document(rendering.what, rendering.json);
      out.write(documentText(whole, this.mode === "json" && out.isTerminal));
    } else if (this.mode === "quiet") {
      out.write(rendering.quiet.map((line) => printable(line) + "\n").join(""));
    } else if (this.mode === "plain") {
      if (this.header) out.write("FIELD\tVALUE\n");
      for (const field of rendering.fields) {
        out.write(`${field.label}\t${this.#painted(field.plain ?? field.value)}\n`);
      }
    } else if (rendering.sentences !== undefined) {
      out.write(rendering.sentences.map((line) => printable(line) + "\n").join(""));
    } else {
      const width = Math.max(...rendering.fields.map((field) => field.label.length)) + 2;
      for (const field of rendering.fields) {
        const label = this.palette.paint("strong", field.label) + " ".repeat(width - field.label.length);
        out.write(`${label}${this.#painted(field.value)}\n`);
      }
    }
  }

  /** One NDJSON line, flushed: `{schema: "hana.<what>/1", ts, …body}`. */
  event(what: string, body: JsonObject): void {
    this.endTransient();
    this.streams.out.write(jsonText(document(what, body)) + "\n");
  }

  /** Writes text that is data in itself (a script, a help page), as it is. */
  raw(text: string): void {
    this.endTransient();
    this.streams.out.write(text);
  }

  /** A sentence for people, on stderr; silent with `-q`. */
  message(text: string): void {
    if (this.mode === "quiet") return;
    this.endTransient();
    this.streams.err.write(printable(text) + "\n");
  }

  /** Something that a person should know although the command goes on. */
  warn(text: string): void {
    this.endTransient();
    this.streams.err.write(`${this.errPalette.paint("warn", "warning:")} ${printable(text)}\n`);
  }

  /** Reports an error on stderr. */
  error(error: HanaError): void {
    this.endTransient();
    this.streams.err.write(errorLines(error, this.errPalette, this.#debug).join("\n") + "\n");
  }

  /** Starts telling on stderr that something takes time; ends by `done()` or with the next output. */
  progress(text: string): Progress {
    this.endTransient();
    const progress = new Progress(this.streams.err, text, { silent: this.mode === "quiet" });
    this.setTransient(() => progress.done());
    return progress;
  }

  /** Takes note of what has to be ended or wiped before anything else is written. */
  setTransient(end: () => void): void {
    this.#endTransient = end;
  }

  /** Ends a running progress line. */
  endTransient(): void {
    const end = this.#endTransient;
    this.#endTransient = null;
    end?.();
  }

  #painted(value: CellValue): string {
    return this.palette.paint(cellTone(value), cellText(value));
  }
}
