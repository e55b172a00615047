// Meters and modulation as another language has them: tests/interop/streams_reader.py reads docs/meters-and-modulation.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { METER_PROBLEMS } from "../../lib/state/meters/mod.ts";
import { MODULATION_PROBLEMS } from "../../lib/state/modulation/mod.ts";
import { METER_VECTORS_URL, type MeterVectors, readPacket } from "../support/meter_vectors.ts";
import { MODULATION_VECTORS_URL, type ModulationVectors, readFrame } from "../support/modulation_vectors.ts";
import { damaged, verifyVectors } from "../support/reader.ts";
import { skippable } from "../support/requirement.ts";

const READER = new URL("./streams_reader.py", import.meta.url).pathname;
const text = new TextDecoder();

for (const [what, url] of [["meters", METER_VECTORS_URL], ["modulation", MODULATION_VECTORS_URL]] as const) {
  skippable({
    name:
      `a reader in Python reads, writes and refuses every vector of ${what} as hana does, and makes the same marks`,
    needs: ["command:python3"],
    fn: async () => {
      await verifyVectors(READER, url);
    },
  });
}

const meters = JSON.parse(Deno.readTextFileSync(METER_VECTORS_URL)) as MeterVectors;
const modulation = JSON.parse(Deno.readTextFileSync(MODULATION_VECTORS_URL)) as ModulationVectors;

/** What the reader makes of each input. */
async function readEach(what: string, inputs: readonly Uint8Array[]): Promise<unknown[]> {
  const child = new Deno.Command("python3", {
    ...{ args: [READER, "read", what], stdin: "piped", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const stdin = child.stdin.getWriter();
  const lines = inputs.map((bytes) => toHex(bytes) + "\n").join("");
  const written = stdin.write(new TextEncoder().encode(lines)).then(() => stdin.close());
  const { code, stdout } = await child.output();
  await written;
  assertEquals(code, 0);
  return text.decode(stdout).trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);
}

const CASES = [
  {
    what: "meters",
    whole: [...meters.packets, ...meters.refused].map(({ bytes }) => bytes),
    read: readPacket as (bytes: Uint8Array) => unknown,
    problems: METER_PROBLEMS as readonly string[],
  },
  {
    what: "modulation",
    whole: [...modulation.frames, ...modulation.refused].map(({ bytes }) => bytes),
    read: readFrame as (bytes: Uint8Array) => unknown,
    problems: MODULATION_PROBLEMS as readonly string[],
  },
];

for (const { what, whole, read, problems } of CASES) {
  skippable({
    name: `of thousands of damaged packets of ${what} the reader in Python makes the same as hana`,
    needs: ["command:python3"],
    fn: async () => {
      const inputs = fc.sample(damaged(fc.constantFrom(...whole).map(fromHex)), { numRuns: 6_000, seed: 13 });
      const answers = await readEach(what, inputs);
      assertEquals(answers.length, inputs.length);
      const seen = new Map<string, number>();
      inputs.forEach((bytes, i) => {
        const here = read(bytes);
        const expected = typeof here === "string" ? { problem: here } : { read: here };
        assertEquals<unknown>(answers[i], JSON.parse(JSON.stringify(expected)), toHex(bytes));
        const result = typeof here === "string" ? here : "read";
        seen.set(result, (seen.get(result) ?? 0) + 1);
      });
      for (const result of ["read", ...problems]) {
        assert((seen.get(result) ?? 0) >= 15, `${result}: ${seen.get(result)} of ${inputs.length}`);
      }
    },
  });
}
