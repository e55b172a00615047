// The output mode: which of five forms a command's data takes.
// Decides by flags, then by whether stdout is a terminal; never what the data is.

import { HanaError } from "../../lib/base/mod.ts";

/** `table`: for people. `plain`: tab-separated. `json`: one document. `ndjson`: a line an event. `quiet`: ids alone. */
export type OutputMode = "table" | "plain" | "json" | "ndjson" | "quiet";

/** The flags that choose a mode. */
export interface ModeFlags {
  readonly json?: boolean | undefined;
  readonly ndjson?: boolean | undefined;
  readonly plain?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** The mode that flags and terminal ask for. Throws `usage` when two flags ask for different ones. */
export function chooseMode(flags: ModeFlags, isTerminal: boolean): OutputMode {
  const asked: OutputMode[] = [];
  for (const mode of ["json", "ndjson", "plain", "quiet"] as const) {
    if (flags[mode] === true) asked.push(mode);
  }
  const [first, second] = asked;
  if (second !== undefined) {
    throw new HanaError("usage", {
      what: `--${first} and --${second} together`,
      why: "each of them chooses the whole form of the output",
      hint: `without --${second}`,
    });
  }
  return first ?? (isTerminal ? "table" : "plain");
}
