// The text of an error: what failed, why as far as known, what to try. Three lines at most.
// Decides the words on stderr; never the exit code (exit_codes.ts) and never whether to end.

import { HanaError } from "../../lib/base/mod.ts";
import type { Palette } from "./colour.ts";
import { printable } from "./text.ts";

/** The lines for `error`, without newlines; the stack follows only with `debug`. */
export function errorLines(error: HanaError, palette: Palette, debug: boolean): string[] {
  const lines = [`${palette.paint("bad", "error:")} ${printable(error.what)}`];
  if (error.code === "internal") {
    // Two lines for a bug: nothing that a crew member could try would help but telling us.
    lines[0] = `${palette.paint("bad", "error:")} a bug in hana: ${printable(error.message)}`;
    lines.push(`  ${error.hint ?? "try: the same command with --debug, and report what it prints"}`);
  } else {
    if (error.why !== undefined && error.why !== "") lines.push(`  ${printable(error.why)}`);
    if (error.hint !== undefined) lines.push(`  ${palette.paint("strong", "try:")} ${printable(error.hint)}`);
  }
  if (debug) lines.push(...stackLines(error));
  return lines;
}

/** Anything thrown as a {@linkcode HanaError}: what is none is a bug of ours. */
export function asHanaError(thrown: unknown): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new HanaError("internal", { what: text, cause: thrown });
}

function stackLines(error: HanaError): string[] {
  const lines: string[] = [];
  let at: unknown = error;
  // A chain of causes may be a ring.
  for (let depth = 0; at instanceof Error && depth < 5; depth++) {
    const head = depth === 0 ? [] : ["caused by:"];
    lines.push(...head, ...(at.stack ?? String(at)).split("\n").map(printable));
    at = at.cause;
  }
  return lines;
}
