// The picture of the reference visualization: a small block on the terminal, with its parameters.
// Decides how a value looks; where nobody watches (a pipe) each change is one line and nothing moves.

import { type Output, printable } from "../output/mod.ts";
import { type Parameter, rgbOf } from "./parameters.ts";

/** What is drawn. */
export interface Picture {
  readonly title: string;
  readonly frame: number;
  readonly fps: number | null;
  readonly parameters: readonly Parameter[];
}

/** Redraws are this far apart: 10 a second are enough for the eye and cost a terminal little. */
export const DRAW_EVERY_FRAMES = 6;

const BAR_CELLS = 16;
const MAX_ROWS = 12;

/** Draws in place on a terminal, line by line elsewhere. */
export class Drawing {
  readonly #output: Output;
  #drawnLines = 0;
  readonly isAnimated: boolean;

  constructor(output: Output) {
    this.#output = output;
    this.isAnimated = output.mode === "table" && output.streams.out.isTerminal;
  }

  /** Draws anew, in the place of what stands there. */
  draw(picture: Picture): void {
    if (!this.isAnimated) return;
    if (this.#drawnLines === 0) {
      this.#output.endTransient();
      // Whatever is said in between goes where the picture stood.
      this.#output.setTransient(() => this.#wipe());
    }
    const { out } = this.#output.streams;
    const columns = Math.max(20, (out.columns() ?? 80) - 1);
    const lines = pictureLines(picture, this.#output.palette.enabled, columns);
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    out.write(`${up}\r\x1b[J\x1b[?7l${lines.map((line) => line + "\n").join("")}\x1b[?7h`);
    this.#drawnLines = lines.length;
  }

  /** Says one change, where nothing is drawn. */
  tell(parameter: Parameter): void {
    if (this.isAnimated) return;
    const { name, value, text = String(value), local } = parameter;
    this.#output.message(`${name} is ${text}${local === true ? " (set here alone)" : ""}`);
  }

  /** Ends; the last picture goes. */
  close(): void {
    if (this.#drawnLines > 0) this.#output.endTransient();
  }

  #wipe(): void {
    if (this.#drawnLines === 0) return;
    this.#output.streams.out.write(`\x1b[${this.#drawnLines}A\r\x1b[J`);
    this.#drawnLines = 0;
  }
}

/** The block: who draws how fast, then the parameters. */
export function pictureLines(picture: Picture, hasColour: boolean, columns: number): string[] {
  const { title, frame, fps, parameters } = picture;
  const rate = fps === null ? "-" : fps.toFixed(1);
  const head = `${WHEEL[Math.floor(frame / DRAW_EVERY_FRAMES) % WHEEL.length] ?? ""} ${
    printable(title)
  }  ${rate} fps  frame ${frame}`;
  const shown = parameters.slice(0, MAX_ROWS);
  const width = Math.min(24, Math.max(0, ...shown.map(({ name }) => printable(name).length)));
  const rows = shown.map((parameter) => {
    const name = printable(parameter.name).slice(0, width).padEnd(width);
    return `  ${name}  ${valueText(parameter, hasColour, columns - width - 4)}`;
  });
  const more = parameters.length - shown.length;
  return [head.slice(0, columns), ...rows, ...(more > 0 ? [`  and ${more} more`] : [])];
}

const WHEEL = ["|", "/", "-", "\\"];

function valueText(parameter: Parameter, hasColour: boolean, room: number): string {
  const shown = shownText(parameter, hasColour, room);
  return parameter.local === true ? `${shown} (set here alone)` : shown;
}

function shownText({ kind, value, text, share }: Parameter, hasColour: boolean, room: number): string {
  if (share !== undefined) return `${bar(share)} ${text ?? String(value)}`;
  if (typeof value === "number" && value >= 0 && value <= 1 && text === undefined) {
    return `${bar(value)} ${value.toFixed(2)}`;
  }
  if (kind === "colour" && typeof value === "string") {
    if (!hasColour) return value;
    return `\x1b[48;2;${rgbOf(value).join(";")}m    \x1b[0m ${value}`;
  }
  if (typeof value === "boolean") return value ? "on" : "off";
  return printable(text ?? String(value)).slice(0, Math.max(8, room));
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
}
