// Memory of meters in a steady state. Each load runs in a process of its own, whose heap nothing else fills.

import { assert } from "@std/assert";
import { streamAllocation } from "../../../support/state_streams_allocation.ts";

Deno.test("100,000 times 256 values are set and nothing is allocated for them", async () => {
  const figures = await streamAllocation("meters", 100_000);
  const seen = JSON.stringify(figures);
  assert(figures.kept <= 8, seen);
  assert(figures.allocated <= 200, seen);
});

Deno.test("100,000 packets of 256 meters through a board into a view leave nothing and allocate less than an object a value", async () => {
  const figures = await streamAllocation("view", 100_000);
  const seen = JSON.stringify(figures);
  assert(figures.kept <= 8, seen);
  // The views of two packets, and numbers beyond 2^31; an object a value would be 4,096 B.
  assert(figures.allocated <= 1_500, seen);
});
