// What scripts/bench state decides without a clock: its options, and how many bytes hana's own side sends for each load.

import { assert, assertEquals } from "@std/assert";
import { loadOf, LOADS, moveOn } from "../../../scripts/benchmarks/state/edits.ts";
import { parseOptions, PARTS, SYSTEMS } from "../../../scripts/benchmarks/state/options.ts";
import { renderGrowth, renderPatches } from "../../../scripts/benchmarks/state/rendering.ts";
import { HanaSystem } from "../../../scripts/benchmarks/state/systems/hana.ts";
import { bytesOf } from "../../../scripts/benchmarks/state/systems/system.ts";

/** What was asked for, in bytes of a patch; docs/state-numbers.md has what it is compared with. */
const MOST = { "1 fader": 16, "16 faders": 120, "300 floats": 1_600 } as const;
/** A patch says once a second what everything must be: eight bytes more. */
const DIGEST_BYTES = 8;

Deno.test("without options everything is measured, in one order, and unknown words are refused", () => {
  assertEquals(parseOptions([])?.parts, PARTS);
  assertEquals(parseOptions([])?.systems, SYSTEMS);
  assertEquals(parseOptions(["--only", "growth,patches", "--minutes", "0.5"])?.parts, ["patches", "growth"]);
  assertEquals(parseOptions(["--only", "growht"]), null);
  assertEquals(parseOptions(["--minutes", "0"]), null);
  assertEquals(parseOptions(["--json"]), null);
  assertEquals(parseOptions(["--fast"]), null);
});

Deno.test("patches of a real host with a hundred objects are as small as was asked, and the reader has what was written", () => {
  const system = new HanaSystem();
  // Beyond 16,384 versions, where they take four bytes; and whose the values are is told with the first write alone.
  for (let frame = 1; frame <= 60; frame++) {
    for (const load of LOADS) {
      moveOn(load, frame);
      system.read(system.relay(system.write(load.edits)));
      system.settle();
    }
  }
  for (const { name, edits } of LOADS) {
    const load = loadOf(name);
    const most = MOST[name as keyof typeof MOST];
    let digests = 0;
    for (let frame = 1; frame <= 90; frame++) {
      moveOn(load, frame);
      const told = system.relay(system.write(edits));
      assertEquals(told.length, 1, "one patch for each write");
      const bytes = bytesOf(told);
      if (bytes > most) digests++;
      assert(bytes <= most + DIGEST_BYTES, `${name}: ${bytes} B`);
      system.read(told);
      system.settle();
    }
    assert(digests <= 4, `${name}: ${digests} of 90 patches are larger`);
    for (const edit of edits) assertEquals(system.valueOf(edit), edit.value);
  }
});

Deno.test("what a newcomer is sent does not grow with what happened before", () => {
  const system = new HanaSystem();
  const load = loadOf("16 faders");
  const before = system.join();
  for (let frame = 1; frame <= 600; frame++) {
    moveOn(load, frame);
    system.read(system.relay(system.write(load.edits)));
    system.settle();
  }
  const after = system.join();
  // Counts that have become larger, and whose the faders are.
  assert(bytesOf(after.messages) <= bytesOf(before.messages) + 64);
  for (const edit of load.edits) assertEquals(after.valueOf(edit), edit.value);
});

Deno.test("the tables have a line for each system, and units in their heads", () => {
  const figures = {
    patches: 1,
    upBytes: 90,
    downBytes: 91.3,
    writeUs: 5,
    relayUs: 8,
    readUs: 3,
    settleUs: 8,
    cpuUs: 40,
  };
  const growth = {
    frames: 900,
    schemaBytes: 10,
    beforeBytes: 20,
    afterBytes: 21,
    joinUs: 1_500,
    heapBytes: 2_000,
    frameUs: 90,
  };
  const cells = [{ system: "hana", runtime: "deno", patches: { "16 faders": figures }, growth }] as const;
  assertEquals(renderPatches(cells).split("\n").length, 2);
  assert(renderPatches(cells).includes("B down"));
  assertEquals(renderGrowth(cells).split("\n").length, 2);
});
