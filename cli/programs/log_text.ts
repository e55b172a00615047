// Lines that programs wrote, as a terminal or a pipe gets them.
// Decides prefixes, what is left of escape sequences, and how pieces of long lines come together again.
// Never lets a program steer the terminal of who reads its log: colours alone pass, and only where colours are wanted.

import type { LogRecord } from "../../lib/supervision/mod.ts";
import { type Palette, printable, type Tone } from "../output/mod.ts";

/** Whose line it is. */
export interface LogSource {
  readonly name: string;
  readonly node: string;
}

/** How lines are shown. */
export interface LogLook {
  readonly palette: Palette;
  /** Whether lines begin with whose they are: more than one program is read. */
  readonly prefixed: boolean;
  /** Whether lines begin with when they were written, and by which clock. */
  readonly clock: ((wallMs: number) => string) | null;
}

/** Tones for prefixes, one a program in the order of their coming. */
const TONES: readonly Tone[] = ["strong", "good", "warn", "bad", "dim"];

/** Makes one text of the lines of several programs. */
export class LogText {
  readonly #look: LogLook;
  readonly #tones = new Map<string, Tone>();
  #width = 0;
  /** Whose line has no end yet. */
  #open: string | null = null;

  constructor(look: LogLook, sources: readonly LogSource[]) {
    this.#look = look;
    for (const source of sources) this.#toneOf(source);
  }

  /** The text for records of one program, in order. */
  records(source: LogSource, records: readonly LogRecord[]): string {
    let text = "";
    for (const record of records) text += this.#record(source, record);
    return text;
  }

  /** A remark of hana between the lines, such as how many were missed. */
  remark(source: LogSource, words: string): string {
    const ended = this.#close();
    return `${ended}${this.#prefix(source, null)}${
      this.#look.palette.paint("dim", `… ${printable(words)}`)
    }\n`;
  }

  /** What ends the last line. */
  end(): string {
    return this.#close();
  }

  #record(source: LogSource, record: LogRecord): string {
    const key = `${source.name}\0${source.node}\0${record.stream}`;
    const isOn = this.#open === key;
    const ended = isOn ? "" : this.#close();
    this.#open = record.partial ? key : null;
    const { palette } = this.#look;
    const words = logWords(record.text, palette.enabled);
    const painted = record.stream === "hana"
      ? palette.paint("dim", `— ${words}`)
      : record.stream === "stderr" && !words.includes("\x1b")
      ? palette.paint("warn", words)
      : words;
    return `${ended}${isOn ? "" : this.#prefix(source, record)}${painted}${record.partial ? "" : "\n"}`;
  }

  #close(): string {
    const isOpen = this.#open !== null;
    this.#open = null;
    return isOpen ? "\n" : "";
  }

  #prefix(source: LogSource, record: LogRecord | null): string {
    const { palette, prefixed, clock } = this.#look;
    const time = clock === null || record === null ? "" : `${palette.paint("dim", clock(record.atWallMs))} `;
    if (!prefixed) return time;
    const label = printable(`${source.name}@${source.node}`).padEnd(this.#width);
    return `${time}${palette.paint(this.#toneOf(source), `${label} |`)} `;
  }

  #toneOf(source: LogSource): Tone {
    const label = `${source.name}@${source.node}`;
    let tone = this.#tones.get(label);
    if (tone === undefined) {
      tone = TONES[this.#tones.size % TONES.length] ?? "none";
      this.#tones.set(label, tone);
      this.#width = Math.max(this.#width, label.length);
    }
    return tone;
  }
}

// Escape sequences: colours (SGR), other CSI, OSC and friends up to their end, and single ones.
const ESCAPES =
  // deno-lint-ignore no-control-regex
  /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?/g;

/** A line of a program's, safe to print: of its escape sequences colours alone are left, and those only with `colours`. */
export function logWords(text: string, colours: boolean): string {
  const kept: string[] = [];
  const plain = text.replace(/\r$|\uf8ff/g, "").replace(ESCAPES, (whole, sgr: string | undefined) => {
    if (!colours || sgr === undefined) return "";
    kept.push(whole);
    // A private-use character holds its place; the text has none of these any more.
    return "\uf8ff";
  });
  const safe = plain.split("\uf8ff").map((part) => part.split("\t").map(printable).join("\t"));
  let words = safe[0] ?? "";
  for (const [at, sequence] of kept.entries()) words += sequence + (safe[at + 1] ?? "");
  return kept.length === 0 ? words : `${words}\x1b[0m`;
}
