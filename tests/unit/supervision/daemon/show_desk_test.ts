// A show that a node takes over and rolls out by and by: what waits, who is first, what a crew, a dead console, a lost
// daemon and lost power make of it.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { sha256Hex } from "../../../../lib/security/mod.ts";
import type { ApplyCall, PrepareCall, RollOutResult, ShowProgram } from "../../../../lib/supervision/mod.ts";
import { Bench, SECOND, specOf } from "./support.ts";

function show(
  bench: Bench,
  generation: number,
  programs: readonly ShowProgram[],
  more: Partial<ApplyCall> = {},
): ApplyCall {
  const text = `generation ${generation}`;
  const heading = { generation, name: "tour", sha256: "0".repeat(64), text };
  return { op: bench.op(), by: "anna", show: heading, programs, staged: true, ...more };
}

function wanted(name: string, argv: [string, ...string[]] = ["stays"], more = {}): ShowProgram {
  return { name, spec: specOf(argv, more), want: "up" };
}

function prepare(
  bench: Bench,
  programs: readonly ShowProgram[],
  more: Partial<PrepareCall> = {},
): PrepareCall {
  return { op: bench.op(), by: "anna", programs, ...more };
}

function rollOut(bench: Bench, generation: number, names: string[], halt = false): Promise<RollOutResult> {
  return bench.settle(bench.supervisor.desk.rollOut({ by: "anna", generation, names, halt }));
}

function argvs(bench: Bench): string[] {
  return bench.supervisor.programs().map(({ name, argv, state }) => `${name}: ${argv.join(" ")} ${state}`);
}

/** Two programs of generation 1 that run. */
async function begun(seed = 1, limits = {}): Promise<Bench> {
  const bench = new Bench(seed);
  const { desk } = await bench.open({ limits });
  await bench.settle(desk.apply(show(bench, 1, [wanted("a"), wanted("b")], { staged: false })));
  await bench.untilState("a", "running");
  await bench.untilState("b", "running");
  return bench;
}

const SECOND_SHOW = [wanted("a", ["stays", "2"]), wanted("c")];

Deno.test("preparing tells what a show would change, and changes nothing", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  const before = argvs(bench);
  const { eventId } = bench.supervisor;
  const found = await bench.settle(
    desk.prepare(prepare(bench, [wanted("a", ["stays", "2"]), wanted("c")], { base: 1 })),
  );
  assertEquals(found, {
    base: 1,
    platform: "linux-x64",
    added: ["c"],
    changed: [{ name: "a", lines: ['argv: ["stays"] -> ["stays","2"]'], restarts: true }],
    removed: ["b"],
    unchanged: [],
    staged: [],
    problems: [],
  });
  await bench.pass(60 * SECOND);
  assertEquals(argvs(bench), before);
  assertEquals(bench.supervisor.eventId, eventId);
  assertEquals(desk.all().length, 1);
});

Deno.test("preparing finds what is missing on the machine, and the names that people use", async () => {
  const bench = new Bench();
  const { desk } = await bench.open();
  await bench.spawn("mine", ["stays"]);
  const { files } = bench.host.platform;
  files.makeDirectory("/shows", 0o755);
  files.write("/shows/viz", new TextEncoder().encode("one"), 0o755);
  files.write("/shows/notes", new TextEncoder().encode("one"), 0o644);
  const sum = sha256Hex(new TextEncoder().encode("one"));
  const inShows = (name: string, argv: [string], more = {}) => wanted(name, argv, { cwd: "/shows", ...more });
  const { problems } = await bench.settle(desk.prepare(prepare(bench, [
    inShows("fine", ["./viz"], { sha256: { "linux-x64": sum } }),
    inShows("absent", ["./vis"]),
    inShows("text", ["./notes"]),
    inShows("other", ["./viz"], { sha256: { "linux-x64": "0".repeat(64) } }),
    inShows("elsewhere", ["./viz"], { sha256: { "windows-x64": sum } }),
    wanted("homeless", ["stays"], { cwd: "/nowhere" }),
    wanted("uninstalled", ["no-such"]),
    wanted("waits", ["stays"], { needs: { nobody: "ready" } }),
    wanted("mine"),
    inShows("dark", ["./viz"], { fallback: { after: 3, argv: ["./slate"] } }),
  ])));
  assertEquals(
    problems.map(({ program, why, fatal }) => `${program}${fatal ? "" : "?"}: ${why}`).sort(),
    [
      "absent: /shows/./vis is missing",
      "dark?: /shows/./slate is missing",
      "elsewhere?: sha256 has windows-x64, and not linux-x64",
      "homeless: /nowhere is missing",
      "mine: anna spawned another program of this name (hana rm mine --stop)",
      `other: its SHA-256 is ${sum}, and the show wants ${"0".repeat(64)}`,
      "text: /shows/./notes is not marked as a program (chmod +x)",
      "uninstalled: no program no-such is installed there",
      "waits: no program of this name is there, or comes with the show",
    ],
  );
  assertEquals(bench.crashes, []);
});

Deno.test("a show that was taken over changes a program when its turn comes, and not before", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  const result = await bench.settle(desk.apply(show(bench, 2, SECOND_SHOW)));
  assertEquals([result.added, result.changed, result.removed, result.staged], [["c"], ["a"], ["b"], [
    "a",
    "b",
    "c",
  ]]);
  await bench.pass(5 * SECOND);
  assertEquals(argvs(bench), ["a: stays running", "b: stays running"]);
  const gone = await rollOut(bench, 2, ["b"]);
  assertEquals(gone.released.map(({ name, removed }) => `${name} ${removed}`), ["b true"]);
  await bench.until(() => bench.supervisor.programs().length === 1, "b is gone");
  const changed = await rollOut(bench, 2, ["a"]);
  assertEquals(changed.released, [{ name: "a", generation: 2, run: 1, restarts: true, removed: false }]);
  await bench.until(() => bench.see("a").run === 2 && bench.see("a").state === "running", "a runs anew");
  assertEquals(changed.staged, ["c"]);
  await rollOut(bench, 2, ["c"]);
  await bench.untilState("c", "running");
  assertEquals(desk.standing().staged, []);
  assertEquals(bench.crashes, []);
});

Deno.test("a console that dies leaves a host that goes on by itself; one that halts leaves it as it is until it is told", async () => {
  const bench = await begun();
  await bench.settle(bench.supervisor.desk.apply(show(bench, 2, SECOND_SHOW)));
  await bench.pass(29 * SECOND);
  assertEquals(argvs(bench), ["a: stays running", "b: stays running"]);
  // Every word of the console counts.
  await rollOut(bench, 2, []);
  await bench.pass(29 * SECOND);
  assertEquals(bench.supervisor.desk.standing().staged, ["a", "b", "c"]);
  await bench.pass(5 * SECOND);
  await bench.until(() => argvs(bench).join() === "a: stays 2 running,c: stays running", "it goes on");

  const halted = await begun(2);
  await halted.settle(halted.supervisor.desk.apply(show(halted, 2, SECOND_SHOW)));
  await rollOut(halted, 2, ["c"], true);
  await halted.pass(600 * SECOND);
  assertEquals(argvs(halted), ["a: stays running", "b: stays running", "c: stays running"]);
  const { staged, halted: isHalted } = halted.supervisor.desk.standing();
  assertEquals([staged, isHalted], [["a", "b"], true]);
  // Back to the first one: what was never changed is not changed now.
  const back = await halted.settle(halted.supervisor.desk.apply(show(halted, 3, [wanted("a"), wanted("b")])));
  assertEquals([back.changed, back.removed], [["a", "b"], ["c"]]);
  await rollOut(halted, 3, ["a", "b", "c"]);
  await halted.until(() => argvs(halted).join() === "a: stays running,b: stays running", "as before");
  assertEquals([halted.see("a").run, halted.see("b").run], [1, 1]);
});

Deno.test("a crew that restarts, stops or starts a program that waits gets what the show wants of it", async () => {
  const bench = await begun();
  await bench.settle(bench.supervisor.desk.apply(show(bench, 2, SECOND_SHOW)));
  await bench.verb("stop", "a");
  await bench.untilState("a", "idle");
  await bench.verb("start", "a");
  await bench.until(() => bench.see("a").state === "running", "a runs");
  assertEquals(bench.see("a").argv, ["stays", "2"]);
  await bench.verb("start", "c");
  await bench.untilState("c", "running");
  assertEquals(bench.supervisor.desk.standing().staged, ["b"]);
  // And the show still wants the same: nothing of it was lost.
  const { changed, added, removed } = await bench.settle(
    bench.supervisor.desk.prepare(prepare(bench, SECOND_SHOW)),
  );
  assertEquals([changed, added, removed], [[], [], []]);
});

Deno.test("the same demand twice changes nothing twice, and a demand of the same name for something else is refused", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  const call = show(bench, 2, SECOND_SHOW, { base: 1 });
  const first = await bench.settle(desk.apply(call));
  const again = await bench.settle(desk.apply(call));
  assertEquals(again, { ...first, replayed: true });
  await bench.reopen();
  const later = await bench.settle(bench.supervisor.desk.apply(call));
  assertEquals(later, { ...first, replayed: true });
  const other = { ...call, programs: [] };
  const error = await assertRejects(() => bench.settle(bench.supervisor.desk.apply(other)), HanaError);
  assertEquals(error.code, "conflict");
  assertEquals(bench.supervisor.desk.all().length, 2);
});

Deno.test("of two consoles that apply at once one wins, and the other learns who it was", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  const anna = prepare(bench, SECOND_SHOW, { base: 1, reserve: true });
  const ben = prepare(bench, [wanted("d")], { base: 1, reserve: true, by: "ben" });
  await bench.settle(desk.prepare(anna));
  const busy = await assertRejects(() => bench.settle(desk.prepare(ben)), HanaError);
  assertEquals([busy.code, busy.why], ["conflict", "anna does it right now"]);
  await bench.settle(desk.apply(show(bench, 2, SECOND_SHOW, { op: anna.op, base: 1 })));
  const late = await assertRejects(
    () => bench.settle(desk.apply(show(bench, 2, [wanted("d")], { by: "ben", base: 1 }))),
    HanaError,
  );
  assertEquals(late.code, "conflict");
  assertMatch(late.message, /generation 2 is in force, not 1: anna applied it/);
  const old = await assertRejects(() => rollOut(bench, 1, ["a"]), HanaError);
  assertEquals(old.code, "conflict");
  // Whoever reserved and went away keeps nobody out for long.
  await bench.settle(desk.prepare({ ...ben, base: 2, op: bench.op() }));
  await bench.pass(20 * SECOND);
  await bench.settle(desk.prepare({ ...anna, base: 2, op: bench.op() }));
});

Deno.test("a file that was replaced between prepare and its turn is not started, and said to be another", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  const { files } = bench.host.platform;
  files.makeDirectory("/shows", 0o755);
  files.write("/shows/viz", new TextEncoder().encode("one"), 0o755);
  const sha256 = { "linux-x64": sha256Hex(new TextEncoder().encode("one")) };
  const programs = [wanted("a"), wanted("b"), wanted("viz", ["/shows/viz"], { sha256 })];
  const { problems } = await bench.settle(desk.prepare(prepare(bench, programs)));
  assertEquals(problems, []);
  await bench.settle(desk.apply(show(bench, 2, programs)));
  files.write("/shows/viz", new TextEncoder().encode("two"), 0o755);
  const refused = await rollOut(bench, 2, ["viz"]);
  assertEquals([refused.released, refused.staged], [[], ["viz"]]);
  assertMatch(refused.problems[0]?.what ?? "", /\/shows\/viz is another file/);
  const fault = bench.events().find(({ event }) => event.kind === "fault" && event.program === "viz");
  assertEquals(fault?.event.detail["code"], "show");
});

Deno.test("a file that was replaced while the machine was off is not started, until it is the right one again", async () => {
  const bench = new Bench();
  bench.program("/shows/viz", () => {});
  const { files: disk } = bench.host.platform;
  const put = (text: string) =>
    bench.host.platform.files.write("/shows/viz", new TextEncoder().encode(text), 0o755);
  disk.makeDirectory("/shows", 0o755);
  put("one");
  const sha256 = { "linux-x64": sha256Hex(new TextEncoder().encode("one")) };
  await bench.open();
  await bench.settle(
    bench.supervisor.desk.apply(
      show(bench, 1, [wanted("viz", ["/shows/viz"], { sha256 })], { staged: false }),
    ),
  );
  await bench.untilState("viz", "running");
  put("two");
  await bench.powerCycle();
  await bench.pass(30 * SECOND);
  assertEquals(bench.starts.length, 1);
  assertMatch(bench.see("viz").note ?? "", /\/shows\/viz is another file/);
  put("one");
  await bench.untilState("viz", "running");
  assertEquals(bench.crashes, []);
});

Deno.test("power that goes anywhere between taking a show over and its end leaves the old one or the new one", async () => {
  const found = new Set<number>();
  for (let delayUs = 0; delayUs <= 6_000; delayUs += 300) {
    const bench = await begun(delayUs + 7);
    const { timers, clock } = bench.host.platform;
    timers.schedule(clock.nowUs() + delayUs, () => {
      const { desk } = bench.supervisor;
      desk.apply(show(bench, 2, SECOND_SHOW))
        .then(() => desk.rollOut({ by: "anna", generation: 2, names: ["a"] })).catch(() => {});
    });
    await bench.pass(3_000);
    await bench.powerCycle();
    const generation = bench.supervisor.shows()[0]?.generation ?? 0;
    await bench.until(
      () =>
        argvs(bench).join() ===
          (generation === 1 ? "a: stays running,b: stays running" : "a: stays 2 running,c: stays running"),
      `generation ${generation} whole after ${delayUs} us: ${argvs(bench)}`,
    );
    assertEquals(bench.supervisor.desk.standing().staged, []);
    found.add(generation);
  }
  assertEquals([...found].sort(), [1, 2]);
});

Deno.test("a daemon that is lost while a show is rolled out comes back with all of it", async () => {
  const bench = await begun();
  await bench.settle(bench.supervisor.desk.apply(show(bench, 2, SECOND_SHOW)));
  await rollOut(bench, 2, ["c"]);
  await bench.reopen();
  await bench.until(() => argvs(bench).join() === "a: stays 2 running,c: stays running", "the whole show");
  assertEquals(bench.see("c").run, 1);
  assertEquals(bench.crashes, []);
});

Deno.test("ten generations are kept, with who applied them and what they go back to", async () => {
  const bench = await begun();
  const { desk } = bench.supervisor;
  for (let generation = 2; generation <= 14; generation++) {
    const call = show(bench, generation, [wanted("a", ["stays", String(generation)])], { staged: false });
    const of = generation === 14 ? 12 : null;
    await bench.settle(desk.apply({ ...call, show: { ...call.show, of } }));
  }
  const kept = desk.all();
  assertEquals(kept.map(({ generation }) => generation), [14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
  assertEquals([kept[0]?.of, kept[1]?.of, kept[0]?.by, kept[0]?.name], [12, null, "anna", "tour"]);
  assert(kept.every(({ text, generation }) => text === `generation ${generation}`));
});
