// The search for the largest datagram of a path: how it climbs, where it stops, what makes it fall.

import { assert, assertEquals } from "@std/assert";
import { PhiloxStream } from "../../../../lib/platform/simulated/mod.ts";
import { heldBytes, KERNEL_BUFFER_BYTES } from "../../../../lib/lanes/congestion/mod.ts";
import { LOOPBACK_STEPS, MtuSearch, STANDARD_STEPS } from "../../../../lib/lanes/mtu/mod.ts";

const SECOND = 1_000_000;

/** Answers every probe as a path that takes `limit` would; returns the probes of each size. */
function climb(search: MtuSearch, limit: number, fromUs: number): Map<number, number> {
  const probes = new Map<number, number>();
  for (let nowUs = fromUs; nowUs < fromUs + SECOND; nowUs += 10_000) {
    const size = search.pollProbe(nowUs);
    if (size === 0) continue;
    probes.set(size, (probes.get(size) ?? 0) + 1);
    search.onProbe(nowUs + 5_000, size, size <= limit);
  }
  return probes;
}

Deno.test("a path of 1,500 bytes is found with one probe a step, and then nothing is asked for ten minutes", () => {
  const search = new MtuSearch(0);
  assertEquals(search.sizeBytes, 1_200);
  assertEquals([...climb(search, 1_472, 0)], STANDARD_STEPS.map((size) => [size, 1]));
  assertEquals(search.sizeBytes, 1_452);
  assert(search.nextAtUs >= 600 * SECOND);
  assertEquals(search.pollProbe(599 * SECOND), 0);
});

Deno.test("a limit between two steps costs three probes of the step that fails, and is tried again after ten minutes", () => {
  const search = new MtuSearch(0);
  assertEquals([...climb(search, 1_400, 0)], [[1_280, 1], [1_372, 1], [1_452, 3]]);
  assertEquals(search.sizeBytes, 1_372);
  assertEquals(search.pollProbe(590 * SECOND), 0);
  assertEquals([...climb(search, 1_472, 601 * SECOND)], [[1_452, 1]]);
  assertEquals(search.sizeBytes, 1_452);
});

Deno.test("one probe is on its way at a time, and one that nobody speaks of is lost after five seconds", () => {
  const search = new MtuSearch(0);
  assertEquals(search.pollProbe(0), 1_280);
  assertEquals(search.pollProbe(1), 0);
  assertEquals(search.pollProbe(search.nextAtUs), 1_280);
  search.onProbe(6 * SECOND, 1_280, false);
  assertEquals(search.pollProbe(6 * SECOND), 1_280, "the third and last");
  search.onProbe(7 * SECOND, 1_280, false);
  assertEquals(search.pollProbe(8 * SECOND), 0);
  assertEquals(search.sizeBytes, 1_200);
});

Deno.test("a probe that arrives late still proves its size", () => {
  const search = new MtuSearch(0);
  search.onProbe(search.pollProbe(0), 1_280, false);
  search.onProbe(20, 1_280, true);
  assertEquals(search.sizeBytes, 1_280);
});

Deno.test("large packets that vanish while small ones arrive are a black hole after three losses, tried again in 60 s", () => {
  const search = new MtuSearch(0);
  climb(search, 1_472, 0);
  let nowUs = 10 * SECOND;
  for (let n = 0; n < 1_000; n++) search.onPacket(nowUs += 1_000, n % 2 === 0 ? 1_452 : 300, true);
  for (let losses = 1; losses <= 3; losses++) {
    assertEquals(search.sizeBytes, 1_452);
    search.onPacket(nowUs += 1_000, 1_452, false);
    search.onPacket(nowUs += 1_000, 300, true);
  }
  assertEquals(search.sizeBytes, 1_200);
  assertEquals(search.blackHoles, 1);
  assertEquals(search.pollProbe(nowUs + 59 * SECOND), 0);
  climb(search, 1_300, nowUs + 61 * SECOND);
  assertEquals(search.sizeBytes, 1_280);
});

Deno.test("packets that were sent before the fall say nothing after it", () => {
  const search = new MtuSearch(0);
  climb(search, 1_472, 0);
  for (let n = 0; n < 10; n++) {
    search.onPacket(2 * SECOND + n * 2_000, 1_452, false);
    search.onPacket(2 * SECOND + n * 2_000 + 1, 100, true);
  }
  assertEquals(search.blackHoles, 1);
});

for (const loss of [0.01, 0.05, 0.1, 0.3]) {
  Deno.test(`${loss * 100} % of ordinary loss is no black hole in a million packets`, () => {
    const search = new MtuSearch(0);
    climb(search, 1_472, 0);
    const random = new PhiloxStream(1, "loss");
    for (let n = 0; n < 1_000_000; n++) {
      const chance = random.float();
      search.onPacket(2 * SECOND + n * 100, n % 2 === 0 ? 1_452 : 200, chance >= loss);
    }
    assertEquals([search.blackHoles, search.sizeBytes], [0, 1_452]);
  });
}

Deno.test("a burst that takes everything is no black hole, however long", () => {
  const search = new MtuSearch(0);
  climb(search, 1_472, 0);
  for (let n = 0; n < 500; n++) search.onPacket(2 * SECOND + n * 1_000, n % 2 === 0 ? 1_452 : 200, false);
  for (let n = 0; n < 9; n++) search.onPacket(3 * SECOND, 1_452, false);
  assertEquals(search.sizeBytes, 1_452);
});

Deno.test("another path starts at the base and searches at once", () => {
  const search = new MtuSearch(0);
  climb(search, 1_472, 0);
  search.onPathChanged(20 * SECOND);
  assertEquals(search.sizeBytes, 1_200);
  assertEquals(search.pollProbe(20 * SECOND), 1_280);
  search.onProbe(20 * SECOND, 1_452, false);
  assertEquals(
    search.pollProbe(20 * SECOND + 1),
    0,
    "a probe of the old path does not answer for the new one",
  );
});

Deno.test("within one machine two probes find the size that fills the kernel's blocks", () => {
  const search = new MtuSearch(0, { steps: LOOPBACK_STEPS });
  assertEquals(climb(search, 65_507, 0).size, LOOPBACK_STEPS.length);
  assertEquals(search.sizeBytes, 7_600);
  assert(heldBytes(KERNEL_BUFFER_BYTES, 7_600) > 1.7 * heldBytes(KERNEL_BUFFER_BYTES, 8_900));
});

Deno.test("without steps there is nothing to ask", () => {
  const search = new MtuSearch(0, { steps: [] });
  assertEquals([search.pollProbe(0), search.nextAtUs], [0, Infinity]);
});
