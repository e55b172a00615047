// Files that people write for the shared state: YAML or JSON, from a file or from stdin; and where they are written.
// Decides how much is read. Never what stands in them.

import { HanaError } from "../../lib/base/mod.ts";
import { shellWord } from "../output/mod.ts";

/** No show has more; who gives more has mistaken the file. */
const MAX_BYTES = 16 << 20;

/** The text of a file; `-` is stdin. Throws `usage`, with `hint` where there is no such file. */
export async function readText(file: string, hint: string): Promise<string> {
  if (file === "-") return new TextDecoder().decode(await readStdin());
  try {
    const { size } = await Deno.stat(file);
    if (size <= MAX_BYTES) return await Deno.readTextFile(file);
  } catch (thrown) {
    throw new HanaError("usage", {
      what: `${file} cannot be read`,
      why: thrown instanceof Deno.errors.NotFound
        ? "no such file"
        : thrown instanceof Error
        ? thrown.message
        : String(thrown),
      hint,
      cause: thrown,
    });
  }
  throw new HanaError("usage", { what: `${file} is too large`, why: "16 MB at most", hint });
}

/** The value of a YAML or JSON file; `-` is stdin. Throws `usage`. */
export async function readYaml(file: string, hint: string): Promise<unknown> {
  const text = await readText(file, hint);
  const { parse } = await import("../deps/yaml.ts");
  try {
    return parse(text);
  } catch (thrown) {
    throw new HanaError("usage", {
      what: `${file === "-" ? "stdin" : file} is no YAML`,
      why: thrown instanceof Error ? thrown.message.split("\n")[0] ?? "" : String(thrown),
      hint,
      cause: thrown,
    });
  }
}

/** Writes a text; `-` is stdout. Throws `storage`. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(file, text);
  } catch (thrown) {
    throw new HanaError("storage", {
      what: `${file} cannot be written`,
      why: thrown instanceof Error ? thrown.message : String(thrown),
      hint: `hana state snapshot export - > ${shellWord(file)}`,
      cause: thrown,
    });
  }
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new HanaError("usage", { what: "stdin is too much", why: "16 MB at most" });
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
