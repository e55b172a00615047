// What goes wrong between a command and the shared state, in three lines: what, why, what to try.
// Decides the words and the exit code of a refusal; the host decides that it is one.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { type ParameterDefinition, parseValueText, type StateValue } from "../../lib/state/mod.ts";
import { EXIT, type ExitCode } from "../output/mod.ts";
import type { Outcome } from "./desk.ts";
import { rangeText, valueText } from "./rendering.ts";

/** The value that a text stands for. Throws `usage`, saying what would have been right. */
export function readValue(definition: ParameterDefinition, text: string): StateValue {
  try {
    return parseValueText(definition, text);
  } catch (thrown) {
    const { what, why, hint } = toHanaError(thrown, "schema", definition.path);
    const meant = /did you mean (\S+)\?/.exec(`${why ?? ""} ${hint ?? ""}`)?.[1];
    // Most refusals say what would have been right.
    const saysRange = meant !== undefined || (why ?? "").includes("takes");
    throw new HanaError("usage", {
      what,
      ...(why === undefined ? {} : { why: saysRange ? why : `${why}; it takes ${rangeText(definition)}` }),
      hint: `hana state set ${definition.path}=${meant ?? valueText(definition, definition.default)}`,
      cause: thrown,
    });
  }
}

/** Why a write was not stored, or has no effect. Null for one that stands. */
export function outcomeError({ path, kind, reason, text, row }: Outcome): HanaError | null {
  if (kind !== "shadowed" && kind !== "refused") return null;
  const holder = row?.holder ?? null;
  const now = row === null ? "" : `; it is ${valueText(row.definition, row.value)}`;
  if (kind === "shadowed") {
    const who = holder === null ? text : `${holder.name} has priority ${row?.priority ?? 0}`;
    const higher = row === null || row.priority >= 200 ? null : row.priority + 1;
    return new HanaError("refused", {
      what: reason === "locked"
        ? `${path} is locked`
        : `${path} does not follow: another value stands above yours`,
      why: `${who}${now}`,
      hint: reason === "locked"
        ? `hana state set ${path}=VALUE --take${higher === null ? "" : ` --priority ${higher}`}`
        : higher === null
        ? `hana state why ${path}`
        : `hana state why ${path}    (or --priority ${higher})`,
    });
  }
  switch (reason) {
    case "owner":
      return new HanaError("refused", {
        what: `${path} was not written`,
        why: `${row?.owner?.name ?? "somebody else"} owns it, and edits it alone`,
        hint: `hana state own ${path}    (asks the owner)`,
      });
    case "unknown-path":
    case "path-changed":
    case "gone":
      return new HanaError("not-found", {
        what: `${path} was not written`,
        why: text,
        hint: "hana state get",
      });
    case "type":
    case "range":
    case "wrong-type":
    case "not-finite":
    case "out-of-range":
    case "unknown-word":
    case "too-long":
      return new HanaError("usage", {
        what: `${path} was not written`,
        why: text,
        hint: row === null
          ? "hana state get"
          : `hana state set ${path}=${valueText(row.definition, row.value)}`,
      });
    case "role":
    case "priority":
      return new HanaError("refused", {
        what: `${path} was not written`,
        why: "the host lets this client look and not write: the mesh is open, or the key here is a viewer's",
        hint: "hana mesh show    (hana mesh create makes a key, where there is none)",
      });
    case "rate":
      return new HanaError("overloaded", {
        what: `${path} was not written`,
        why: text,
        hint: "at most 30 values a second to one path",
      });
    default:
      return new HanaError("refused", {
        what: `${path} was not written`,
        why: text === "" ? `the host says ${reason}` : text,
        hint: `hana state why ${path}`,
      });
  }
}

/** The exit code of several writes. */
export function exitOfOutcomes(outcomes: readonly Outcome[]): ExitCode {
  const standing = outcomes.filter(({ kind }) => kind !== "shadowed" && kind !== "refused").length;
  if (standing === outcomes.length) return EXIT.done;
  return standing === 0 ? EXIT.refused : EXIT.partial;
}
