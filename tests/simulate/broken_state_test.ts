// Rules of shared state, broken on purpose in the cores of the nodes that ship: the invariants of the simulator must see it.
// More bugs are planted by scripts/mutants --of state.

import { assert, assertEquals } from "@std/assert";
import { ClaimTable } from "../../lib/state/merge/mod.ts";
import { StateDocument, StateHost } from "../../lib/state/host/mod.ts";
import { Privilege } from "../../lib/state/holding/mod.ts";
import { StateReplica } from "../../lib/state/replica/mod.ts";
import { normaliseScenario, type RunResult, runScenario, type Scenario } from "../../lib/simulate/mod.ts";

const [show] = normaliseScenario({
  name: "show",
  nodes: { viz: { count: 1 }, app: { count: 3 } },
  warmup: "6s",
  quiet: "10s",
  state: {
    parameters: { hue: { type: "f32", range: [0, 1], count: 4 } },
    apps: { desk: { on: "app-*", writes: [{ path: "hue-*", rate: "8Hz" }] }, wall: { on: "viz-0" } },
  },
  timeline: [
    { at: "6500ms", privilege: { app: "desk", on: "app-1" } },
    { at: "8s", write: { app: "desk", on: "app-0", path: "hue-0", value: 1, priority: 150 } },
    { at: "9s", release: { app: "desk", on: "app-0", path: "hue-0" } },
    { at: "10s", crash: "@state-host", for: "6s" },
  ],
});

const play = (scenario: Scenario): Promise<RunResult> =>
  runScenario(scenario, { seed: 3, software: "0.1.0" });

/** Plays the show with a method of a core in place of its own. */
async function broken<T extends object, K extends keyof T>(
  core: T,
  method: K,
  instead: (own: T[K]) => T[K],
): Promise<string[]> {
  assert(show !== undefined);
  const own = core[method];
  core[method] = instead(own);
  try {
    const { violations } = await play(show);
    return [...new Set(violations.map(({ id }) => id))];
  } finally {
    core[method] = own;
  }
}

function assertBarks(ids: readonly string[], invariant: string): void {
  assert(ids.includes(invariant), `${invariant} did not bark, only ${ids.join(", ") || "nobody"}`);
}

Deno.test("the cores that ship break no rule", async () => {
  assert(show !== undefined);
  const { verdict, violations, reason } = await play(show);
  assertEquals([verdict, violations, reason], ["pass", [], null]);
});

Deno.test("a host that takes what it has sent to a standby for copied is caught by state_acknowledged_kept", async () => {
  const ids = await broken(StateHost.prototype, "pollStandby", (own) =>
    function (this: StateHost) {
      const next = own.call(this);
      // Nobody has told it so.
      if (next !== null) this.handleStandbyConfirmed(0, next.to, next.update.number);
      return next;
    });
  assertBarks(ids, "state_acknowledged_kept");
});

Deno.test("a host that forgets the claims of the one before is caught by state_acknowledged_kept", async () => {
  const ids = await broken(ClaimTable.prototype, "handleCopy", () => function () {});
  assertBarks(ids, "state_acknowledged_kept");
});

Deno.test("a host that shows nobody what was given up is caught by state_priority", async () => {
  const ids = await broken(StateDocument.prototype, "settle", () => function () {});
  assertBarks(ids, "state_priority");
});

Deno.test("a host that does not know who was privileged is caught by state_one_holder", async () => {
  const ids = await broken(Privilege.prototype, "handleReign", () => function () {});
  assertBarks(ids, "state_one_holder");
});

Deno.test("an app that never says what it wrote is caught by state_answered_after_quiet", async () => {
  const ids = await broken(StateReplica.prototype, "poll", (own) =>
    function (this: StateReplica) {
      const message = own.call(this);
      return message?.kind === "set" ? own.call(this) : message;
    });
  assertBarks(ids, "state_answered_after_quiet");
});
