// Shared state on its cores, under faults drawn from seeds: a few hundred here, more with STATE_SEEDS=6000.

import { assert, assertEquals } from "@std/assert";
import { CoreShow } from "../support/state/core_show.ts";

const SEEDS = Number(Deno.env.get("STATE_SEEDS") ?? 300);
const FIRST = Number(Deno.env.get("STATE_FIRST_SEED") ?? 1);

Deno.test(`whatever goes wrong, no rule of shared state is broken (${SEEDS} seeds)`, () => {
  const claims = new Map<string, number>();
  let terms = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const result = new CoreShow({ seed }).play();
    assertEquals([seed, result.violations], [seed, []]);
    for (const [claim, times] of result.claims) claims.set(claim, (claims.get(claim) ?? 0) + times);
    terms += result.terms;
  }
  // What these runs are about has happened in them.
  for (
    const claim of ["state_host_changed", "state_copied", "state_resumed", "state_repaired", "state_gap"]
  ) {
    assert((claims.get(claim) ?? 0) > 0, claim);
  }
  assert(terms > SEEDS, `${terms} terms`);
});
