// Readers of hana's bytes in another language, and the damaged bytes that they and hana must take alike.
// Decides how a reader is asked (hex, a line an input; JSON, a line an answer) and how bytes are damaged.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../../lib/base/mod.ts";

const text = new TextDecoder();

/** What `verify` of a reader says of a file of vectors: how many of each kind it took, and how many were wrong. */
export async function verifyVectors(reader: string, vectors: URL): Promise<void> {
  const args = [reader, "verify", vectors.pathname];
  const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
  assertEquals({ code, stderr: text.decode(stderr) }, { code: 0, stderr: "" });
  const { schema: _, ...told } = JSON.parse(Deno.readTextFileSync(vectors)) as Record<string, unknown[]>;
  const counts = Object.fromEntries(Object.entries(told).map(([name, all]) => [name, all.length]));
  assertEquals(JSON.parse(text.decode(stdout)), { ...counts, wrong: 0 });
}

/** What a reader makes of each input, as the JSON that it wrote. An empty line is an empty input. */
export async function readEach(reader: string, inputs: readonly Uint8Array[]): Promise<unknown[]> {
  const child = new Deno.Command("python3", {
    args: [reader, "read"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const lines = inputs.map((bytes) => toHex(bytes) + "\n").join("");
  const written = stdin.write(new TextEncoder().encode(lines)).then(() => stdin.close());
  const { code, stdout } = await child.output();
  await written;
  assertEquals(code, 0);
  const answers = text.decode(stdout).trimEnd().split("\n");
  assertEquals(answers.length, inputs.length);
  return answers.map((answer) => JSON.parse(answer) as unknown);
}

const step = fc.record({
  how: fc.constantFrom("set", "set", "flip", "insert", "cut", "end"),
  at: fc.nat(100_000),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xbf, 0xc0, 0xff)),
});

/** Bytes of which some are others. */
export function damaged(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(whole, fc.array(step, { maxLength: 2 })).map(([before, steps]) => {
    const bytes = [...before];
    for (const { how, at, byte } of steps) {
      const place = at % (bytes.length + 1);
      if (how === "set") bytes[place] = byte;
      if (how === "flip") bytes[place] = (bytes[place] ?? 0) ^ (1 << byte % 8);
      if (how === "insert") bytes.splice(place, 0, byte);
      if (how === "cut") bytes.splice(place, 1);
      if (how === "end") bytes.length = place;
    }
    return Uint8Array.from(bytes);
  });
}
