// Rules of supervision, broken on purpose: each must be caught by the invariant that is named for it, and the shim and the
// daemon that ship must pass the very same scenario.

import { assert, assertEquals } from "@std/assert";
import { type RunHarness, type RunResult, runScenario, type Scenario } from "../../lib/simulate/mod.ts";
import { at, node, nodes, plan, SECOND } from "../unit/simulate/run/plans.ts";
import { blind, forgetful, lockless, unsynced, untold, withRestarts } from "./supervision_breakers.ts";

type Programs = NonNullable<Scenario["programs"]>;
type Does = Programs[number]["does"];

/** One program on viz-0. */
function scene(does: Partial<Does> = {}, rules: Programs[number]["rules"] = {}): Programs {
  return [{
    name: "scene",
    on: "viz-0",
    startUs: 1 * SECOND,
    want: "up",
    does: { speaks: "protocol", startTakesUs: 200_000, ...does },
    rules,
  }];
}

const MESH = [...nodes(1), node("app", 0)];
const play = (scenario: Scenario, harness: RunHarness = {}): Promise<RunResult> =>
  runScenario(scenario, { seed: 7, software: "0.1.0", harness });

function assertBarks(broken: RunResult, invariant: string): void {
  assertEquals(broken.verdict, "fail", broken.reason ?? "");
  const ids = [...new Set(broken.violations.map(({ id }) => id))];
  assert(ids.includes(invariant), `${invariant} did not bark, only ${ids.join(", ")}`);
}

async function assertSound(scenario: Scenario): Promise<void> {
  const sound = await play(scenario);
  assertEquals(sound.violations, []);
  assertEquals(sound.verdict, "pass", sound.reason ?? "");
}

Deno.test("a shim that starts the next run before the tree is empty is caught by nothing_left_behind", async () => {
  const scenario = plan({
    nodes: MESH,
    programs: scene({ forks: 3, ignoresTerm: true }),
    timeline: [at(6 * SECOND, { verb: "kill-program", nodes: "viz-0", program: "scene", signal: "SIGKILL" })],
  });
  await assertSound(scenario);
  assertBarks(
    await play(scenario, { shimPlatform: (_node, platform) => blind(platform) }),
    "nothing_left_behind",
  );
});

Deno.test("a daemon that starts a second shim without asking the lock is caught by no_double_spawn", async () => {
  const scenario = plan({
    nodes: MESH,
    programs: scene(),
    timeline: [
      at(6 * SECOND, { verb: "stop-shim", nodes: "viz-0", program: "scene" }, 12 * SECOND),
      at(7 * SECOND, { verb: "crash", nodes: "viz-0" }, 1 * SECOND),
    ],
  });
  await assertSound(scenario);
  const broken = await play(scenario, {
    platform: (_node, platform) => lockless(platform),
    shimPlatform: (_node, platform) => lockless(platform),
  });
  assertBarks(broken, "no_double_spawn");
});

Deno.test("a node that does a repeated demand again is caught by demand_done_once", async () => {
  // The demand arrives, and its answer does not: the console asks again when it can.
  const scenario = plan({
    nodes: MESH,
    link: { delay: { kind: "constant", us: 1_000 } },
    durationUs: 60 * SECOND,
    programs: scene({ stopTakesUs: 300_000 }),
    timeline: [
      // Opens the session.
      at(5 * SECOND, { verb: "start-program", nodes: "viz-0", program: "scene", from: "app-0" }),
      at(6 * SECOND, { verb: "restart-program", nodes: "viz-0", program: "scene", from: "app-0" }),
      at(6 * SECOND + 500, { verb: "cut", from: "viz-0", to: "app-0" }, 25 * SECOND),
    ],
  });
  await assertSound(scenario);
  let asked = 0;
  const broken = await withRestarts(
    (call) => ({ ...call, op: `again-${String(++asked).padStart(6, "0")}` }),
    () => play(scenario),
  );
  assert(asked > 1, "the console asked again");
  assertBarks(broken, "demand_done_once");
});

Deno.test("a restart that does not look at the run is caught by demand_done_once", async () => {
  // One console is cut off as it presses, and is heard when the other one's restart is long over.
  const press = { verb: "restart-program", nodes: "viz-0", program: "scene", sameRun: true } as const;
  const scenario = plan({
    nodes: [...MESH, node("app", 1)],
    durationUs: 40 * SECOND,
    programs: scene(),
    timeline: [
      at(6 * SECOND, { verb: "cut", from: "app-0", to: "viz-0" }, 3 * SECOND),
      at(6 * SECOND + 100_000, { ...press, from: "app-0" }),
      at(6 * SECOND + 100_000, { ...press, from: "app-1" }),
    ],
  });
  await assertSound(scenario);
  const broken = await withRestarts(({ run: _run, ...call }) => call, () => play(scenario));
  assertBarks(broken, "demand_done_once");
});

Deno.test("an answer before what is wanted is on the disk is caught by answered_want_kept", async () => {
  const scenario = plan({
    nodes: MESH,
    programs: scene(),
    timeline: [
      at(6 * SECOND, { verb: "stop-program", nodes: "viz-0", program: "scene" }),
      at(6 * SECOND + 200_000, { verb: "power-loss", nodes: "viz-0" }, 2 * SECOND),
    ],
  });
  // Where a loss of power tears what was not synced is drawn: some seeds lose the wish, others do not.
  const harness: RunHarness = {
    platform: (_node, platform) => unsynced(platform),
    shimPlatform: (_node, platform) => unsynced(platform),
  };
  const barks: string[][] = [];
  for (let seed = 1; seed <= 8; seed++) {
    const sound = await runScenario(scenario, { seed, software: "0.1.0" });
    assertEquals(sound.violations, []);
    const broken = await runScenario(scenario, { seed, software: "0.1.0", harness });
    barks.push(broken.violations.map(({ id }) => id));
  }
  assert(barks.some((ids) => ids.includes("answered_want_kept")), JSON.stringify(barks));
});

Deno.test("runs that are counted anew are caught by incarnation_monotonic", async () => {
  const scenario = plan({
    nodes: MESH,
    programs: scene(),
    timeline: [at(6 * SECOND, { verb: "kill-shim", nodes: "viz-0", program: "scene" })],
  });
  await assertSound(scenario);
  const broken = await play(scenario, {
    platform: (_node, platform) => untold(platform),
    shimPlatform: (_node, platform) => forgetful(platform),
  });
  assertBarks(broken, "incarnation_monotonic");
});

Deno.test("a shim that signals whoever it likes is caught by nothing_unrelated_signalled", async () => {
  const scenario = plan({
    nodes: MESH,
    programs: scene(),
    timeline: [at(6 * SECOND, { verb: "stop-program", nodes: "viz-0", program: "scene" })],
  });
  await assertSound(scenario);
  // It takes everything on the machine for the program's: what the supervisor of another user would do.
  const broken = await play(scenario, {
    // Younger than the program: an older process is taken for nobody's.
    world: (world) =>
      world.at(3 * SECOND, () => {
        world.host("viz-0-host")?.platform.processes.spawn({ argv: ["/opt/bystander"] }, {
          onExit: () => {},
        });
      }),
    shimPlatform: (_node, platform) => ({
      ...blind(platform),
      processTable: {
        ...blind(platform).processTable,
        marked: () => platform.processTable.descendants([1]).filter(({ name }) => name === "bystander"),
        descendants: () => platform.processTable.descendants([1]).filter(({ name }) => name !== "hana"),
      },
    }),
  });
  assertBarks(broken, "nothing_unrelated_signalled");
});

Deno.test("a program that nobody starts again is caught by desired_reached_after_quiet", async () => {
  const scenario = plan({
    nodes: MESH,
    durationUs: 50 * SECOND,
    quietUs: 30 * SECOND,
    programs: scene(),
    timeline: [at(6 * SECOND, { verb: "kill-program", nodes: "viz-0", program: "scene", signal: "SIGKILL" })],
  });
  await assertSound(scenario);
  // The system refuses every start but the first.
  let starts = 0;
  const broken = await play(scenario, {
    shimPlatform: (_node, platform) => ({
      ...platform,
      processes: {
        spawn: (options, handlers) =>
          platform.processes.spawn(++starts > 1 ? { ...options, argv: ["/nowhere"] } : options, handlers),
        listenNotify: (path, onMessage) => platform.processes.listenNotify(path, onMessage),
      },
    }),
  });
  assertBarks(broken, "desired_reached_after_quiet");
});
