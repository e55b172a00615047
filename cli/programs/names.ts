// Programs as people name them: NAME, or NAME@NODE.
// Decides the form; where a program is, hosts.ts finds out.

import { HanaError } from "../../lib/base/mod.ts";
import { isProgramName, programNameOf } from "../../lib/supervision/mod.ts";

/** A program that somebody named. */
export interface ProgramAddress {
  readonly name: string;
  /** Null where the node was left out. */
  readonly node: string | null;
}

/** Reads `NAME` or `NAME@NODE`. Throws `usage`; `command` is what the hint calls. */
export function parseAddress(text: string, command: string): ProgramAddress {
  const cut = text.indexOf("@");
  const name = cut < 0 ? text : text.slice(0, cut);
  const node = cut < 0 ? null : text.slice(cut + 1);
  checkName(name, `${command} ${node === null || node === "" ? "" : "NAME@"}`.trim(), node);
  if (node === "") {
    throw new HanaError("usage", {
      what: `${text} names no node`,
      why: "a program is NAME, or NAME@NODE",
      hint: `${command} ${name}`,
    });
  }
  return { name, node };
}

/** Throws `usage` unless `name` can be a program's name. */
export function checkName(name: string, command: string, node: string | null = null): void {
  if (isProgramName(name)) return;
  const instead = programNameOf([name === "" ? "viz" : name]);
  const behind = node === null || node === "" ? "" : `@${node}`;
  throw new HanaError("usage", {
    what: name === "" ? "a program's name is missing" : `${JSON.stringify(name)} is no name of a program`,
    why: "a name is 1 to 63 of a-z, 0-9, . _ and -, and begins with a letter or a digit",
    hint: `${command.replace(/ NAME@$/, "")} ${instead}${behind}`,
  });
}
