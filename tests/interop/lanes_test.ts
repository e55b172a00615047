// The packets of lanes as another language has them: tests/interop/lanes_reader.py was written from docs/lanes.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { PacketWriter } from "../../lib/lanes/wire/mod.ts";
import { anyPacket, readPacket, writePacket } from "../support/lane_frames.ts";
import { LANE_VECTORS_URL, type LaneVectors } from "../support/lane_vectors.ts";
import { skippable } from "../support/requirement.ts";

const READER = new URL("./lanes_reader.py", import.meta.url).pathname;
const text = new TextDecoder();

skippable({
  name: "a reader in Python reads, writes and refuses every vector of lanes as hana does",
  needs: ["command:python3"],
  fn: async () => {
    const args = [READER, "verify", LANE_VECTORS_URL.pathname];
    const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
    assertEquals({ code, stderr: text.decode(stderr) }, { code: 0, stderr: "" });
    const { schema: _, ...told } = JSON.parse(Deno.readTextFileSync(LANE_VECTORS_URL)) as LaneVectors;
    const counts = Object.fromEntries(Object.entries(told).map(([name, all]) => [name, all.length]));
    assertEquals(JSON.parse(text.decode(stdout)), { ...counts, wrong: 0 });
  },
});

const vectors = JSON.parse(Deno.readTextFileSync(LANE_VECTORS_URL)) as LaneVectors;
const writer = new PacketWriter();
const step = fc.record({
  how: fc.constantFrom("set", "set", "flip", "insert", "cut", "end"),
  at: fc.nat(100_000),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xbf, 0xc0, 0xff)),
});

/** Packets of which some bytes are others. */
const damagedPacket = fc.tuple(
  fc.oneof(
    fc.constantFrom(...[...vectors.packets, ...vectors.refused].map(({ packet }) => packet)).map(fromHex),
    anyPacket.map((frames) => writePacket(writer, frames)),
  ),
  fc.array(step, { maxLength: 2 }),
).map(([packet, steps]) => {
  const bytes = [...packet];
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
  name: "of thousands of damaged packets the reader in Python makes the same as hana",
  needs: ["command:python3"],
  fn: async () => {
    // An empty line is an empty packet.
    const damaged = fc.sample(damagedPacket, { numRuns: 8_000, seed: 5 });
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
      const { frames, problem, offset } = readPacket(bytes);
      const here = problem === "" ? { frames, written: toHex(bytes) } : { problem, offset };
      assertEquals<unknown>(JSON.parse(answers[i] ?? ""), here, toHex(bytes));
      seen.set(problem, (seen.get(problem) ?? 0) + 1);
    });
    const problems = [
      ...["", "truncated", "unknown-frame", "not-canonical", "out-of-range", "no-previous", "padding"],
      "not-utf8",
    ];
    for (const problem of problems) {
      assert((seen.get(problem) ?? 0) >= 40, `"${problem}": ${seen.get(problem)} of ${damaged.length}`);
    }
  },
});
