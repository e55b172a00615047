// The packets of lanes as another language has them: tests/interop/lanes_reader.py was written from docs/lanes.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { PacketWriter } from "../../lib/lanes/wire/mod.ts";
import { anyPacket, readPacket, writePacket } from "../support/lane_frames.ts";
import { LANE_VECTORS_URL, type LaneVectors } from "../support/lane_vectors.ts";
import { damaged, readEach, verifyVectors } from "../support/reader.ts";
import { skippable } from "../support/requirement.ts";

const READER = new URL("./lanes_reader.py", import.meta.url).pathname;

skippable({
  name: "a reader in Python reads, writes and refuses every vector of lanes as hana does",
  needs: ["command:python3"],
  fn: async () => {
    await verifyVectors(READER, LANE_VECTORS_URL);
  },
});

const vectors = JSON.parse(Deno.readTextFileSync(LANE_VECTORS_URL)) as LaneVectors;
const writer = new PacketWriter();
/** Packets of which some bytes are others. */
const damagedPacket = damaged(fc.oneof(
  fc.constantFrom(...[...vectors.packets, ...vectors.refused].map(({ packet }) => packet)).map(fromHex),
  anyPacket.map((frames) => writePacket(writer, frames)),
));

skippable({
  name: "of thousands of damaged packets the reader in Python makes the same as hana",
  needs: ["command:python3"],
  fn: async () => {
    const inputs = fc.sample(damagedPacket, { numRuns: 8_000, seed: 5 });
    const answers = await readEach(READER, inputs);
    const seen = new Map<string, number>();
    inputs.forEach((bytes, i) => {
      const { frames, problem, offset } = readPacket(bytes);
      const here = problem === "" ? { frames, written: toHex(bytes) } : { problem, offset };
      assertEquals<unknown>(answers[i], here, toHex(bytes));
      seen.set(problem, (seen.get(problem) ?? 0) + 1);
    });
    const problems = [
      ...["", "truncated", "unknown-frame", "not-canonical", "out-of-range", "no-previous", "padding"],
      "not-utf8",
    ];
    for (const problem of problems) {
      assert((seen.get(problem) ?? 0) >= 40, `"${problem}": ${seen.get(problem)} of ${inputs.length}`);
    }
  },
});
