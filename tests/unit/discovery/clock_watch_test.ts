// Sleep and wall clocks that are set.

import { assertEquals } from "@std/assert";
import { ClockWatch } from "../../../lib/discovery/clock_watch.ts";
import { MS, SECOND } from "./mesh.ts";

Deno.test("a wall clock that gained two seconds and more tells of sleep, one that lost them was set, less is nothing", () => {
  const watch = new ClockWatch();
  assertEquals(watch.look(0, 1_700_000_000_000), null);
  assertEquals(watch.look(SECOND, 1_700_000_001_000), null);
  assertEquals(watch.look(2 * SECOND, 1_700_000_003_900), null, "steered by 1.9 s");
  assertEquals(watch.look(3 * SECOND, 1_700_000_065_000), { kind: "resumed", jumpMs: 60_100 });
  assertEquals(watch.look(4 * SECOND, 1_700_000_066_000), null, "it is told once");
  assertEquals(watch.look(5 * SECOND, 1_699_996_467_000), { kind: "clock-jump", jumpMs: -3_600_000 });
  assertEquals(watch.look(5 * SECOND + 500 * MS, 1_699_996_467_500), null);
});
