// The names of programs: what people type, and what folders are called.
// Decides which texts can be one, and which one a command line gives; never whether a name is free.

import { HanaError } from "../../base/mod.ts";

/** Longest name in characters, all of them ASCII. */
const MAX_NAME_LENGTH = 63;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Whether `text` can be the name of a program: one shell word, one folder on every system. */
export function isProgramName(text: string): boolean {
  // A trailing dot is dropped by Windows: two names would be one folder.
  return NAME.test(text) && !text.endsWith(".") && !WINDOWS_DEVICE.test(text);
}
/** Names that mean devices there, whatever follows the first dot. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/;

/** Returns `text` where it can be the name of a program; throws `schema` otherwise. `field` says where it stood. */
export function checkProgramName(text: unknown, field = "name"): string {
  if (typeof text === "string" && isProgramName(text)) return text;
  const shown = typeof text === "string" ? `"${text.slice(0, 80)}"` : `a value of type ${typeof text}`;
  throw new HanaError("schema", {
    what: `${field} cannot be ${shown}`,
    why: "a program's name has 1 to 63 characters a-z, 0-9, . _ and -, begins with a letter or a digit, " +
      "ends with no dot, and is no device of Windows",
    hint: typeof text === "string" && text.length > 0
      ? `for example ${programNameOf([text])}`
      : "for example aurora",
  });
}

/** A name for a program by its command line: the file's name without folders and ending. */
export function programNameOf(argv: readonly [string, ...string[]]): string {
  const file = argv[0].split(/[\\/]/).at(-1) ?? "";
  const name = file.toLowerCase()
    .replace(/\.(exe|cmd|bat|com|app|sh|py|js|mjs|ts|pl|rb|jar|appimage|x86_64)$/, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, MAX_NAME_LENGTH)
    .replace(/[^a-z0-9]+$/, "");
  return isProgramName(name) ? name : "program";
}
