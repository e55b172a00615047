// What goes wrong between a command and the programs it is about, in three lines: what, why, what to try.
// Decides the words and the hint; the codes decide the exit code (cli/output/exit_codes.ts).

import { HanaError } from "../../lib/base/mod.ts";
import { nearest } from "../config/mod.ts";
import { shellWord } from "../output/mod.ts";

/** Nobody supervises on this machine. */
export function noNodeHere(): HanaError {
  return new HanaError("not-found", {
    what: "no node runs on this machine",
    why: "programs are kept running by a node that stays",
    hint: "hana serve    (or --on NODE for another machine)",
  });
}

/** What a node answered, said by its name, with a hint that helps with programs. */
export function ofHost(error: HanaError, node: string): HanaError {
  switch (error.code) {
    case "unknown-message":
      return new HanaError("not-found", {
        what: `${node} supervises no programs`,
        why: "it was started without",
        hint: `hana serve --programs on    (on ${node})`,
        cause: error,
      });
    case "refused":
      return new HanaError("refused", {
        what: error.what.includes(node) ? error.what : `${node} refuses: ${error.what}`,
        ...(error.why === undefined ? {} : { why: error.why }),
        hint: error.hint ??
          (/allow/i.test(`${error.what} ${error.why ?? ""}`)
            ? `hana serve --allow-exec    (on ${node})`
            : `hana mesh show    (here and on ${node})`),
        cause: error,
      });
    case "unreachable":
    case "timeout":
    case "closed":
      return new HanaError(error.code, {
        what: error.what.includes(node) ? error.what : `${node} does not answer: ${error.what}`,
        ...(error.why === undefined ? {} : { why: error.why }),
        hint: error.hint ?? `hana ping ${shellWord(node)}`,
        cause: error,
      });
    case "internal":
      // A fault of the node there, no bug of the hana that asked.
      return new HanaError("protocol", {
        what: `${node} failed: ${error.what}`,
        ...(error.why === undefined ? {} : { why: error.why }),
        hint: `hana events --on ${shellWord(node)}`,
        cause: error,
      });
    default:
      return error;
  }
}

/** No node has the program. */
export function hostOfProgramUnknown(
  name: string,
  listed: readonly { readonly programs: readonly { readonly name: string }[] }[],
  silent: readonly { readonly name: string }[],
  command: string,
): HanaError {
  const names = [...new Set(listed.flatMap(({ programs }) => programs.map((program) => program.name)))]
    .sort();
  const near = nearest(name, names);
  const mute = silent.length === 0
    ? ""
    : `; ${silent.map((each) => each.name).slice(0, 4).join(", ")} did not answer`;
  if (near !== null) {
    return new HanaError("not-found", {
      what: `no program ${name} is known`,
      why: `did you mean ${near}?${mute}`,
      hint: `${command} ${near}`,
    });
  }
  const where = listed.length === 0
    ? "no node that supervises programs answers"
    : names.length === 0
    ? "no node has any"
    : `there are ${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${names.length - 6} more` : ""}`;
  return new HanaError("not-found", {
    what: `no program ${name} is known`,
    why: where + mute,
    hint: listed.length === 0 ? "hana serve" : names.length === 0 ? "hana spawn -- CMD" : "hana ps --on all",
  });
}
