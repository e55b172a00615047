// A secret from the command line or from stdin. Read from stdin it stands neither in the shell's history nor in
// the list of processes. It is echoed: nobody types sixty characters blind without a slip.

import { HanaError } from "../../lib/base/mod.ts";
import type { Cli } from "../frame/mod.ts";

/** Far longer than any join code. */
const MAX_BYTES = 4096;

/** `given` itself, or what stdin holds when it is `-`: up to the first line end from a terminal, else all of it. */
export async function readSecretText(cli: Cli, given: string): Promise<string> {
  if (given !== "-") return given;
  const typed = Deno.stdin.isTerminal();
  if (typed) cli.output.streams.err.write("join code: ");
  const buffer = new Uint8Array(MAX_BYTES);
  let length = 0;
  while (length < MAX_BYTES) {
    const n = await Deno.stdin.read(buffer.subarray(length));
    if (n === null) break;
    length += n;
    if (typed && buffer[length - 1] === 0x0a) break;
  }
  const text = new TextDecoder().decode(buffer.subarray(0, length)).trim();
  if (text !== "") return text;
  throw new HanaError("usage", {
    what: "no join code on stdin",
    hint: "hana mesh show --reveal -q (on a machine of the mesh)",
  });
}
