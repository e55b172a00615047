import { assert, assertEquals } from "@std/assert";
import { isLaneName, isReliable, LANES } from "../../../lib/lanes/mod.ts";

const lanes = Object.values(LANES);

Deno.test("the standard lanes are named as they are called, and their numbers are their own and below 16", () => {
  for (const [name, lane] of Object.entries(LANES)) assertEquals(lane.name, name);
  assertEquals(new Set(lanes.map((lane) => lane.id)).size, lanes.length);
  for (const { id } of lanes) assert(Number.isInteger(id) && id >= 0 && id < 16);
});

Deno.test("control goes before everything, modulation before bulk, telemetry last", () => {
  const { control, state, modulation, events, telemetry } = LANES;
  for (const lane of lanes) if (lane !== control) assert(control.tier < lane.tier);
  assert(modulation.tier < state.tier && modulation.tier < events.tier);
  for (const lane of lanes) if (lane !== telemetry) assert(lane.tier < telemetry.tier);
});

Deno.test("every lane is bounded, in messages and in bytes", () => {
  for (const { maxQueuedMessages, maxQueuedBytes } of lanes) {
    assert(maxQueuedMessages > 0 && Number.isSafeInteger(maxQueuedMessages));
    assert(maxQueuedBytes > 0 && Number.isSafeInteger(maxQueuedBytes));
  }
});

Deno.test("kinds say by their name whether they keep every message", () => {
  for (const { kind } of lanes) assertEquals(isReliable(kind), kind.startsWith("reliable-"));
});

Deno.test("only the names of lanes are names of lanes", () => {
  for (const name of Object.keys(LANES)) assert(isLaneName(name));
  for (const text of ["", "Control", "toString", "__proto__", "constructor"]) assert(!isLaneName(text));
});
