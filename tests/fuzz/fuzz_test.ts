// What reads streams: frames, codecs, schemas, greetings, sessions, files; packets of lanes; messages of shared state.
// The rest stands in sealed_fuzz_test.ts, a file of its own so that both run at the same time.

import { assert, assertEquals } from "@std/assert";
import { fuzzLanes } from "./lanes_fuzz.ts";
import { DEFAULT_ITERATIONS, fuzzTest, SHARES } from "./plan.ts";
import { fuzzSession } from "./session_fuzz.ts";
import { fuzzState } from "./state_fuzz.ts";
import { fuzzWire } from "./wire_fuzz.ts";

fuzzTest("session", fuzzSession);
fuzzTest("wire", fuzzWire);
fuzzTest("lanes", fuzzLanes);
fuzzTest("state", fuzzState);

Deno.test("the same seed feeds sessions the same inputs, another seed others", () => {
  const [first, again, other] = [fuzzSession(7, 3000), fuzzSession(7, 3000), fuzzSession(8, 3000)];
  assertEquals(first, again);
  assert(first.accepted !== other.accepted);
});

Deno.test("all parts together get the whole, and that is a million at least", () => {
  assertEquals(Object.values(SHARES).reduce((sum: number, share) => sum + share, 0), 100);
  assert(DEFAULT_ITERATIONS >= 1_000_000);
});
