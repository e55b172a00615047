// The end of process trees that do not want to end.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FORCE_US, MAX_SCAN_MEMBERS, TreeKill } from "../../../../lib/supervision/tree/mod.ts";
import { Ending, Forest, type Nature, SHIM } from "./forest.ts";

const POLITE: Nature = { termUs: 10_000 };

Deno.test("a polite program is asked once, and a scan of its descendants proves that it is gone", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const ending = new Ending(forest, leader).begin("stop");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.own, forest.asked], ["empty", 0, 1]);
  assertEquals(forest.groupSignals, []);
  assertEquals([forest.scans, forest.wideScans], [1, 0]);
  assert(tookUs < 100_000, `took ${tookUs} us`);
});

Deno.test("a program that ignores SIGTERM has its grace and a second more, then ends by force", () => {
  const forest = new Forest();
  const leader = forest.start({});
  const ending = new Ending(forest, leader).begin("stop");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assertEquals(forest.groupSignals, ["SIGTERM", "SIGKILL"]);
  assert(tookUs >= 6_000_000 && tookUs < 6_200_000, `took ${tookUs} us`);
});

Deno.test("without grace nobody is asked", () => {
  const forest = new Forest();
  const leader = forest.start({});
  const ending = new Ending(forest, leader).begin("now");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.asked], ["empty", 0]);
  assert(tookUs >= 1_000_000 && tookUs < 1_200_000, `took ${tookUs} us`);
});

Deno.test("a grace is cut short by a wish for none, and a milder wish changes nothing", () => {
  const forest = new Forest();
  const leader = forest.start({});
  const ending = new Ending(forest, leader).begin("stop");
  ending.run(500_000);
  ending.begin("stop").begin("now").begin("stop").begin("now");
  assertEquals([forest.asked, forest.groupSignals], [1, ["SIGTERM"]]);
  assert(ending.run() < 1_200_000);
  assertEquals(ending.result, "empty");
});

Deno.test("a leader that goes politely does not leave a child behind that ignores SIGTERM", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  forest.start({}, leader.processId);
  const ending = new Ending(forest, leader).begin("stop");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assert(tookUs < 200_000, `took ${tookUs} us`);
});

Deno.test("a child that goes a while after SIGTERM is not killed because its leader went sooner", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  forest.start({ termUs: 400_000 }, leader.processId);
  // The model starts each process in a group of its own; these two share one.
  const signalGroup = forest.signalGroup.bind(forest);
  forest.signalGroup = (groupId, signal) => {
    signalGroup(groupId, signal);
    signalGroup(groupId + 1, signal);
  };
  const ending = new Ending(forest, leader).begin("now");
  ending.run(100_000);
  assertEquals([ending.result, ending.sawLeader, forest.own], [null, false, 1]);
  ending.begin("sweep");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.own, ending.kill.stats.killed], ["empty", 0, 0]);
  assert(tookUs > 250_000 && tookUs < 500_000, `took ${tookUs} us`);
});

Deno.test("a group is not signalled by its leader's number once the leader is gone: somebody else may have it", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  forest.start({ detaches: true }, leader.processId);
  const ending = new Ending(forest, leader).begin("now");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assertEquals(forest.groupSignals, ["SIGTERM"]);
  assert(tookUs >= 1_000_000 && tookUs < 1_200_000, `took ${tookUs} us`);
});

Deno.test("where children may live on nobody is signalled by a group that they may be in", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const helper = forest.start(POLITE, leader.processId);
  const kept = forest.start({ ...POLITE, name: "steam-helper" }, leader.processId);
  const ending = new Ending(forest, leader, { keepChildren: ["^steam"] }).begin("now");
  const tookUs = ending.run();
  assertEquals([ending.result, forest.groupSignals], ["empty", []]);
  assertEquals([forest.has(leader), forest.has(helper), forest.has(kept)], [false, false, true]);
  // Both went when they were asked.
  assertEquals(ending.kill.stats.killed, 0);
  assert(tookUs < 200_000, `took ${tookUs} us`);
});

Deno.test("a look at what lives beside the leader's end begins nothing", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const kept = forest.start({ name: "steam-helper" }, leader.processId);
  const slate = forest.start({ name: "slate" });
  const { kill } = new Ending(forest, leader, { keepChildren: ["^steam"] });
  forest.exit(leader);
  assertEquals(kill.livesOn(forest.scan(false), [slate]), false);
  assertEquals(kill.livesOn(forest.scan(false), []), true);
  assertEquals([kill.phase, forest.has(kept), forest.has(slate)], ["idle", true, true]);
});

Deno.test("a storm of 320 detached processes that ignore SIGTERM is gone in a few rounds", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  for (let i = 0; i < 320; i++) forest.start({ detaches: true });
  const ending = new Ending(forest, leader).begin("stop");
  assert(ending.run() < 500_000);
  assertEquals([ending.result, forest.own], ["empty", 0]);
});

Deno.test("a tree that forks while it is being ended is frozen first, and ends", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  for (let i = 0; i < 20; i++) {
    forest.start({ forkUs: 3_000, forks: 60, detaches: i % 2 === 0, dieUs: 5_000 });
  }
  forest.advance(5_000);
  const before = forest.started;
  const ending = new Ending(forest, leader).begin("stop");
  assert(ending.run() < 3_000_000);
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assert(forest.started > before + 50, `${forest.started - before} were started during the end`);
  assert(forest.started < 20 * 60, "and not all of them came to be");
});

Deno.test("more members than one scan deals with are ended in turns, and none of it is unbounded", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  for (let i = 0; i < MAX_SCAN_MEMBERS + 500; i++) forest.start({});
  forest.exit(leader);
  const ending = new Ending(forest, leader).begin("sweep");
  ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assertEquals(forest.largest, MAX_SCAN_MEMBERS);
  assert(ending.kill.stats.truncated >= 500);
});

Deno.test("a process that waits in a driver is named, looked at again, and gone when the driver lets go", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const stuck = forest.start({ name: "gpu", stuckUntilUs: 20_000_000 }, leader.processId);
  const ending = new Ending(forest, leader).begin("stop");
  const tookUs = ending.run();
  assertEquals(ending.result, "survivors");
  assert(tookUs < FORCE_US, `took ${tookUs} us`);
  const [named] = ending.survivors;
  assertEquals([named?.processId, named?.state, named?.waitsIn, ending.survivors.length], [
    stuck.processId,
    "uninterruptible",
    "drm_sched_wait",
    1,
  ]);
  assertEquals([ending.kill.phase, ending.kill.deadline()], ["survivors", null]);
  const scans = forest.scans;
  for (let i = 0; i < 30 && (ending.result as string) !== "empty"; i++) {
    forest.advance(forest.nowUs + 1_000_000);
    ending.result = null;
    ending.begin("sweep");
  }
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assert(forest.scans - scans <= 30, "one look a second");
});

Deno.test("strangers, older processes, the shim and the first process are never signalled", () => {
  const forest = new Forest();
  const before = forest.older(SHIM.processId);
  const leader = forest.start(POLITE);
  const stranger = forest.start({}, 1, false);
  const ending = new Ending(forest, leader).begin("stop");
  ending.run();
  assertEquals([ending.result, forest.has(before), forest.has(stranger)], ["empty", true, true]);

  const kill = new TreeKill({
    leader: null,
    notBefore: 0,
    self: SHIM,
    graceUs: 0,
    keepChildren: [],
    adopts: false,
  });
  assertEquals(kill.begin(0, "sweep"), [{ do: "scan", wide: true }]);
  const facts = { groupId: 1, parentId: 0, name: "x", residentBytes: 0, cpuUs: 0, waitsIn: null };
  const effects = kill.handleScan(0, [
    { ...facts, processId: 1, startedAt: 60, state: "sleeping" },
    { ...facts, processId: SHIM.processId, startedAt: 60, state: "sleeping" },
    { ...facts, processId: 200, startedAt: 60, state: "zombie" },
  ]);
  assertEquals(effects, [{ do: "empty", rounds: 1 }]);
});

Deno.test("a number that is used again by a stranger is not signalled by the leader's name", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const child = forest.start({}, leader.processId);
  forest.exit(leader);
  forest.reuse(leader.processId);
  const ending = new Ending(forest, leader).begin("sweep");
  ending.run();
  assertEquals([ending.result, forest.has(child), forest.own], ["empty", false, 0]);
});

Deno.test("children that may live on do, by their short names alone, and never the leader", () => {
  const forest = new Forest();
  const leader = forest.start({ name: "steam" });
  const kept = forest.start({ name: "steam-helper" }, leader.processId);
  const ended = forest.start({ name: "viz" }, leader.processId);
  const ending = new Ending(forest, leader, { keepChildren: ["^steam"] }).begin("now");
  // The group's signals reach it all the same: it must have left the group to live on.
  forest.signalGroup = () => {};
  ending.run();
  assertEquals([ending.result, forest.has(kept), forest.has(ended), forest.has(leader)], [
    "empty",
    true,
    false,
    false,
  ]);
  assert(ending.kill.stats.kept > 0);
});

Deno.test("a safe look beside the program, and what descends from it, is spared", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const slate = forest.start({ name: "slate" });
  const helper = forest.start({ name: "slate-helper" }, slate.processId);
  const ending = new Ending(forest, leader);
  ending.kill.spare([slate]);
  ending.begin("stop").run();
  assertEquals([ending.result, forest.has(slate), forest.has(helper), forest.has(leader)], [
    "empty",
    true,
    true,
    false,
  ]);
});

Deno.test("without adoption every scan asks for the mark, and detached processes are found by it", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  forest.start({ detaches: true }, 1);
  const ending = new Ending(forest, leader, { adopts: false }).begin("stop");
  ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
  assertEquals(forest.scans, forest.wideScans);
});

Deno.test("once anybody was found, descendants alone prove nothing any more, later looks included", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  forest.start({}, leader.processId);
  const astray = forest.start({ stuckUntilUs: 20_000_000 }, 1);
  const ending = new Ending(forest, leader).begin("stop");
  ending.run();
  assertEquals([ending.result, ending.survivors[0]?.processId], ["survivors", astray.processId]);
  ending.result = null;
  ending.begin("sweep");
  assertEquals(ending.result, "survivors" as string);
});

Deno.test("a sweep looks again at once while new ones appear, and less often while the killed take their time", () => {
  const facts = { groupId: 1, parentId: 100, name: "x", residentBytes: 0, cpuUs: 0, waitsIn: null };
  const member = (processId: number) => ({
    ...facts,
    processId,
    startedAt: 2_000,
    state: "sleeping" as const,
  });
  const { kill } = new Ending(new Forest(), null);
  kill.begin(0, "sweep");
  const pauses: number[] = [];
  let nowUs = 0;
  for (const found of [[201], [201], [201], [201, 202], [202]]) {
    kill.handleScan(nowUs, found.map(member));
    const dueUs = kill.deadline()?.atUs ?? 0;
    pauses.push(dueUs - nowUs);
    nowUs = dueUs;
    kill.handleDeadline(nowUs);
  }
  assertEquals(pauses, [1_000, 2_000, 4_000, 1_000, 2_000]);
});

Deno.test("what a lost shim left is found by its mark alone", () => {
  const forest = new Forest();
  const leader = forest.start({}, 1);
  forest.start({ forkUs: 2_000, forks: 50, detaches: true }, leader.processId);
  forest.advance(10_000);
  const ending = new Ending(forest, null, { notBefore: leader.startedAt }).begin("sweep");
  ending.run();
  assertEquals([ending.result, forest.own], ["empty", 0]);
});

Deno.test("scans and exits that nobody asked for change nothing", () => {
  const forest = new Forest();
  const leader = forest.start(POLITE);
  const { kill } = new Ending(forest, leader);
  assertEquals(kill.handleScan(0, forest.scan(true)), []);
  assertEquals(kill.handleDeadline(0), []);
  assertEquals(kill.handleExit(0), []);
  assertEquals([kill.phase, kill.deadline()], ["idle", null]);
});

Deno.test("whatever a tree does, it is proven empty or named in a bounded time, and no stranger is touched", () => {
  const nature: fc.Arbitrary<Nature> = fc.record({
    name: fc.constantFrom("viz", "gpu", "helper"),
    termUs: fc.option(fc.integer({ min: 0, max: 8_000_000 }), { nil: undefined }),
    forkUs: fc.option(fc.integer({ min: 300, max: 500_000 }), { nil: undefined }),
    forks: fc.integer({ min: 0, max: 40 }),
    detaches: fc.boolean(),
    stuckUntilUs: fc.option(fc.integer({ min: 0, max: 20_000_000 }), { nil: undefined }),
    dieUs: fc.integer({ min: 0, max: 100_000 }),
  }, { requiredKeys: [] }) as fc.Arbitrary<Nature>;
  fc.assert(
    fc.property(
      nature,
      fc.array(nature, { maxLength: 12 }),
      fc.constantFrom("stop", "now", "sweep"),
      fc.boolean(),
      fc.integer({ min: 0, max: 3_000_000 }),
      (first, others, mode, adopts, ageUs) => {
        const forest = new Forest();
        const stranger = forest.older(SHIM.processId);
        const leader = forest.start(first);
        for (const other of others) forest.start(other, leader.processId);
        forest.start({}, 1, false);
        forest.advance(ageUs);
        if (mode === "sweep") forest.exit(leader);
        const ending = new Ending(forest, leader, { adopts }).begin(mode);
        const tookUs = ending.run();
        assert(ending.result !== null, "no result");
        assert(tookUs <= 5_000_000 + FORCE_US + 200_000, `took ${tookUs} us`);
        assert(forest.has(stranger));
        if (ending.result === "empty") assertEquals(forest.own, 0);
        else assert(ending.survivors.length > 0 && forest.own >= ending.survivors.length);
      },
    ),
    { numRuns: 300 },
  );
});
