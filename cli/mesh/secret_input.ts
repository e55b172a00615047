// A secret from the command line, from stdin or from a file. Read from stdin it stands neither in the shell's history nor in
// the list of processes. It is echoed: nobody types sixty characters blind without a slip.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** Far longer than any join code or key file. */
const MAX_BYTES = 4096;

/** `given` itself, or what stdin holds when it is `-`: up to the first line end from a terminal, else all of it. */
export async function readSecretText(cli: Cli, given: string): Promise<string> {
  if (given !== "-") return given;
  const typed = Deno.stdin.isTerminal();
  if (typed) cli.output.streams.err.write("join code: ");
  const text = (await readText(Deno.stdin, typed)).trim();
  if (text !== "") return text;
  throw new HanaError("usage", {
    what: "no join code on stdin",
    hint: "hana mesh show --reveal -q (on a machine of the mesh)",
  });
}

/** What the file at `path` holds. Throws `not-found` or `config`. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    return await readText(file, false);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) {
      throw new HanaError("not-found", { what: `no file ${path}`, hint: "hana mesh join -" });
    }
    throw toHanaError(thrown, "config", `${path} cannot be read`);
  }
}

/** The beginning of what `from` holds; a device or a pipe may have no end. */
async function readText(from: Pick<typeof Deno.stdin, "read">, isLine: boolean): Promise<string> {
  const buffer = new Uint8Array(MAX_BYTES);
  let length = 0;
  while (length < MAX_BYTES) {
    const n = await from.read(buffer.subarray(length));
    if (n === null) break;
    length += n;
    if (isLine && buffer[length - 1] === 0x0a) break;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}
