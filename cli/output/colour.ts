// Colour on a terminal: whether at all, and which tone means what.
// Decides by flag, then environment (no-color.org, bixense.com/clicolors), then by the terminal.
// Never carries a meaning alone: whoever uses a tone prints a word beside it.

/** What a colour says. `dim` is for rows that are history. */
export type Tone = "good" | "warn" | "bad" | "strong" | "dim" | "none";

/** `--color`. */
export type ColourChoice = "auto" | "always" | "never";

/** Reads one environment variable. */
export type ReadEnvironment = (name: string) => string | undefined;

/** Whether to colour what goes to a stream. */
export function shouldColour(choice: ColourChoice, isTerminal: boolean, env: ReadEnvironment): boolean {
  if (choice !== "auto") return choice === "always";
  if (isSet(env("NO_COLOR"))) return false;
  if (isForced(env("CLICOLOR_FORCE")) || isForced(env("FORCE_COLOR"))) return true;
  if (env("CLICOLOR") === "0" || env("TERM") === "dumb") return false;
  return isTerminal;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

function isForced(value: string | undefined): boolean {
  return isSet(value) && value !== "0";
}

const SGR: Readonly<Record<Tone, string>> = {
  good: "32",
  warn: "33",
  bad: "31",
  strong: "1",
  dim: "2",
  none: "",
};

/** Puts text into tones, or leaves it alone. */
export class Palette {
  readonly enabled: boolean;

  constructor(enabled: boolean) {
    this.enabled = enabled;
  }

  /** `text` in `tone`; unchanged without colour. */
  paint(tone: Tone, text: string): string {
    if (!this.enabled || tone === "none" || text === "") return text;
    return `\x1b[${SGR[tone]}m${text}\x1b[0m`;
  }
}
