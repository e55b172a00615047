// The messages of shared state as another language has them: tests/interop/state_reader.py reads docs/state-protocol.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { DECODE_PROBLEMS, MessageDecoder, MessageEncoder } from "../../lib/state/messages/mod.ts";
import { skippable } from "../support/requirement.ts";
import { anyMessage, plainMessage } from "../support/state_messages.ts";
import { STATE_VECTORS_URL, type StateVectors } from "../support/state_vectors.ts";

const READER = new URL("./state_reader.py", import.meta.url).pathname;
const text = new TextDecoder();

skippable({
  name: "a reader in Python reads, writes and refuses every vector of shared state as hana does",
  needs: ["command:python3"],
  fn: async () => {
    const args = [READER, "verify", STATE_VECTORS_URL.pathname];
    const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
    assertEquals({ code, stderr: text.decode(stderr) }, { code: 0, stderr: "" });
    const { schema: _, ...told } = JSON.parse(Deno.readTextFileSync(STATE_VECTORS_URL)) as StateVectors;
    const counts = Object.fromEntries(Object.entries(told).map(([name, all]) => [name, all.length]));
    assertEquals(JSON.parse(text.decode(stdout)), { ...counts, wrong: 0 });
  },
});

const vectors = JSON.parse(Deno.readTextFileSync(STATE_VECTORS_URL)) as StateVectors;
const encoder = new MessageEncoder();
const decoder = new MessageDecoder();

const step = fc.record({
  how: fc.constantFrom("set", "set", "flip", "insert", "cut", "end"),
  at: fc.nat(100_000),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xbf, 0xc0, 0xff)),
});

/** Messages of which some bytes are others. */
const damagedMessage = fc.tuple(
  fc.oneof(
    fc.constantFrom(...[...vectors.messages, ...vectors.refused].map(({ bytes }) => bytes)).map(fromHex),
    anyMessage.map((message) => encoder.encode(message)?.slice() ?? new Uint8Array(0)),
  ),
  fc.array(step, { maxLength: 2 }),
).map(([message, steps]) => {
  const bytes = [...message];
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

skippable({
  name: "of thousands of damaged messages the reader in Python makes the same as hana",
  needs: ["command:python3"],
  fn: async () => {
    const damaged = fc.sample(damagedMessage, { numRuns: 8_000, seed: 7 });
    const child = new Deno.Command("python3", {
      args: [READER, "read"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const stdin = child.stdin.getWriter();
    const lines = damaged.map((bytes) => toHex(bytes) + "\n").join("");
    const written = stdin.write(new TextEncoder().encode(lines)).then(() => stdin.close());
    const { code, stdout } = await child.output();
    await written;
    assertEquals(code, 0);
    const answers = text.decode(stdout).trimEnd().split("\n");
    assertEquals(answers.length, damaged.length);
    const seen = new Map<string, number>();
    damaged.forEach((bytes, i) => {
      const read = decoder.decode(bytes);
      const there = JSON.parse(answers[i] ?? "") as Record<string, unknown>;
      if (typeof read === "string") assertEquals<unknown>(there, { problem: read }, toHex(bytes));
      else {
        const here = plainMessage(read);
        // MessagePack inside of values has several forms: only hana's own is written again.
        const rewritten = JSON.stringify(here).includes('"json"') ? there.written : toHex(bytes);
        assertEquals(inJson(there), inJson({ message: here, written: rewritten }), toHex(bytes));
      }
      const result = typeof read === "string" ? read : "read";
      seen.set(result, (seen.get(result) ?? 0) + 1);
    });
    for (const result of ["read", ...DECODE_PROBLEMS]) {
      assert((seen.get(result) ?? 0) >= 15, `${result}: ${seen.get(result)} of ${damaged.length}`);
    }
  },
});

/** As JSON has it: no NaN, no minus zero. */
function inJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
