// What a supervisor does with verbs: on disk before it answers, once however often it is asked.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { Bench, MS, SECOND, specOf } from "./support.ts";

Deno.test("a program that is spawned gets a shim, runs and is told of", async () => {
  const bench = new Bench();
  await bench.open();
  const ops: string[] = [];
  bench.supervisor.watch((op, { name, state }) => ops.push(`${op} ${name} ${state}`));
  const result = await bench.spawn("aurora", ["stays"]);
  assertEquals({ generation: result.generation, changed: result.changed, durable: result.durable }, {
    generation: 1,
    changed: true,
    durable: true,
  });
  await bench.untilState("aurora", "running");
  const { want, supervised, run, generation } = bench.see("aurora");
  assertEquals({ want, supervised, run, generation }, {
    want: "up",
    supervised: true,
    run: 1,
    generation: 1,
  });
  assertEquals(ops[0], "add aurora idle");
  assert(ops.includes("update aurora running"));
  assertEquals(bench.alive("stays").length, 1);
  assertEquals(bench.crashes, []);
});

Deno.test("the same demand again replays the answer, also after the daemon was killed", async () => {
  const bench = new Bench();
  const first = await bench.open();
  const call = {
    op: "op-one-and-only",
    name: "aurora",
    by: "anna",
    want: "up" as const,
    spec: specOf(["stays"]),
  };
  const answer = await bench.settle(first.spawn(call));
  const again = await bench.settle(first.spawn(call));
  assertEquals({ ...again, program: null }, { ...answer, program: null, replayed: true });
  const second = await bench.reopen();
  const later = await bench.settle(second.spawn(call));
  assertEquals([later.replayed, later.generation], [true, 1]);
  await assertRejects(
    () => second.stop({ op: call.op, name: "aurora", by: "anna" }),
    HanaError,
    "was used for another demand",
  );
  await bench.pass(5 * SECOND);
  assertEquals(bench.starts.length, 1);
});

Deno.test("a verb for another generation is refused and changes nothing", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await assertRejects(
    () => bench.verb("stop", "aurora", { expectGeneration: 7 }),
    HanaError,
    "generation 1, not 7",
  );
  const isNew = {
    op: bench.op(),
    by: "ben",
    want: "up" as const,
    spec: specOf(["stays"]),
    expectGeneration: 0,
  };
  const refused = await assertRejects(() => bench.supervisor.spawn({ ...isNew, name: "aurora" }), HanaError);
  assertEquals(refused.code, "conflict");
  assertEquals(bench.see("aurora").want, "up");
  await bench.verb("stop", "aurora", { expectGeneration: 1 });
  await bench.untilState("aurora", "idle");
});

Deno.test("stop, start and restart change what runs, and every run has a number of its own", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  await bench.verb("restart", "aurora");
  await bench.until(() => bench.see("aurora").run === 2 && bench.see("aurora").state === "running", "run 2");
  await bench.verb("stop", "aurora");
  await bench.untilState("aurora", "idle");
  assertEquals(bench.alive("stays"), []);
  await bench.until(() => bench.alive("hana").length <= 1, "the shim has ended");
  const again = await bench.verb("stop", "aurora");
  assertEquals(again.changed, false);
  const started = await bench.verb("start", "aurora");
  assertEquals(started.changed, true);
  await bench.untilState("aurora", "running");
  assertEquals(bench.see("aurora").run, 3);
  assertEquals(bench.alive("stays").length, 1);
  assertEquals(bench.crashes, []);
});

Deno.test("fifty restarts of one run from five consoles at once are one", async () => {
  const bench = new Bench();
  const supervisor = await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  const calls = Array.from(
    { length: 50 },
    (_, at) => supervisor.restart({ op: bench.op(), name: "aurora", by: `console ${at % 5}` }),
  );
  const results = await bench.settle(Promise.all(calls));
  assertEquals(results.filter(({ changed }) => changed).length, 1);
  await bench.untilState("aurora", "running");
  await bench.pass(30 * SECOND);
  assertEquals(bench.see("aurora").run, 2);
  assertEquals(bench.starts.length, 2);
  assertEquals(bench.alive("stays").length, 1);
});

Deno.test("a restart of a run that is over does nothing", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  await bench.verb("restart", "aurora", { run: 1 });
  await bench.until(() => bench.see("aurora").run === 2, "run 2");
  const late = await bench.verb("restart", "aurora", { run: 1 });
  assertEquals(late.changed, false);
  await bench.pass(10 * SECOND);
  assertEquals(bench.see("aurora").run, 2);
});

Deno.test("a program that is removed leaves no process, no row and no file", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["litters"]);
  await bench.untilState("aurora", "running");
  const result = await bench.verb("remove", "aurora");
  assertEquals(result.program, null);
  assertEquals(bench.supervisor.programs(), []);
  assertEquals([...bench.alive("litters"), ...bench.alive("stays")], []);
  const { files } = bench.host.platform;
  assertEquals(files.list("/var/hana/nodes/stage/programs"), []);
  await bench.reopen();
  assertEquals(bench.supervisor.programs(), []);
  assertEquals(bench.crashes, []);
});

Deno.test("a program that is spawned anew while it is removed stays, and whoever removed it is told", async () => {
  const bench = new Bench();
  const supervisor = await bench.open();
  bench.program("stubborn", (program) => {
    program.onSignal = () => {};
  });
  await bench.spawn("aurora", ["stubborn"], { graceUs: 3 * SECOND });
  await bench.untilState("aurora", "running");
  const call = { op: bench.op(), name: "aurora", by: "anna" };
  const refused = assertRejects(() => supervisor.remove(call), HanaError);
  await bench.untilState("aurora", "stopping");
  await bench.spawn("aurora", ["stays"]);
  assertEquals((await bench.settle(refused)).code, "conflict");
  await bench.untilState("aurora", "running");
  await bench.pass(10 * SECOND);
  assertEquals([bench.alive("stubborn").length, bench.alive("stays").length], [0, 1]);
  assertEquals(bench.crashes, []);
});

Deno.test("a program waits for what it needs with a named reason, and starts behind it", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"], { needs: { tracker: "ready" } });
  await bench.pass(5 * SECOND);
  assertEquals(bench.see("aurora").state, "waiting");
  assertEquals(bench.see("aurora").note, "waits for tracker, which is not known here");
  assertEquals(bench.starts, []);
  await bench.spawn("tracker", ["stays"]);
  await bench.untilState("aurora", "running");
  assertEquals(bench.starts.length, 2);
  assert(bench.see("tracker").readyUs !== null);
  // Ready without a protocol means alive for a second.
  const [tracker, aurora] = bench.starts;
  assert((aurora?.atUs ?? 0) - (tracker?.atUs ?? 0) >= 900 * MS);
});

Deno.test("programs that would wait for each other are refused, and nothing of them is kept", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("a", ["stays"], { needs: { b: "ready" } });
  await bench.spawn("b", ["stays"], { needs: { c: "started" } });
  const error = await assertRejects(() => bench.spawn("c", ["stays"], { needs: { a: "done" } }), HanaError);
  assertEquals(error.code, "config");
  assertEquals(bench.supervisor.programs().map(({ name }) => name), ["a", "b"]);
});

Deno.test("a program that is bound is started again when what it needs was", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("tracker", ["stays"]);
  await bench.spawn("aurora", ["stays"], { needs: { tracker: "ready" }, bind: true });
  await bench.spawn("slate", ["stays"], { needs: { tracker: "ready" } });
  await bench.untilState("aurora", "running");
  await bench.untilState("slate", "running");
  await bench.verb("restart", "tracker");
  await bench.until(() => bench.see("aurora").run === 2, "aurora is started again");
  await bench.pass(20 * SECOND);
  assertEquals([bench.see("aurora").run, bench.see("tracker").run, bench.see("slate").run], [2, 2, 1]);
});

Deno.test("a program that ran once and ended well is not started again by a new daemon or a new boot", async () => {
  const bench = new Bench();
  const supervisor = await bench.open();
  const call = {
    op: bench.op(),
    name: "render",
    by: "anna",
    want: "once" as const,
    spec: specOf(["ends", "0"]),
  };
  await bench.settle(supervisor.spawn(call));
  await bench.untilState("render", "done");
  await bench.pass(SECOND);
  await bench.reopen();
  await bench.pass(5 * SECOND);
  await bench.powerCycle();
  await bench.pass(5 * SECOND);
  assertEquals(bench.starts.length, 1);
  assertEquals(bench.see("render").state, "done");
  await bench.verb("start", "render");
  await bench.until(() => bench.starts.length === 2, "it runs when it is asked for");
});

Deno.test("events have ids without gaps, and those of one program numbers without gaps", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["dies", "300"]);
  await bench.spawn("slate", ["stays"]);
  await bench.pass(20 * SECOND);
  await bench.reopen();
  await bench.pass(20 * SECOND);
  const entries = bench.events();
  assertEquals(entries.map(({ id }) => id), entries.map((_, at) => at + 1));
  for (const name of ["aurora", "slate"]) {
    const seqs = entries.filter(({ origin, event }) => origin === "shim" && event.program === name)
      .map(({ event }) => event.seq);
    assertEquals(seqs, seqs.map((_, at) => at + 1));
    assert(seqs.length > 2);
  }
  assertEquals(bench.supervisor.counters.eventsMissed, 0);
});

Deno.test("events are kept up to their bound, and pages tell where to go on", async () => {
  const bench = new Bench();
  await bench.open({ limits: { maxEvents: 20 } });
  for (let at = 0; at < 50; at++) {
    bench.supervisor.noteRefused({
      program: at % 2 === 0 ? "even" : "odd",
      verb: "spawn",
      by: "eve",
      why: "no",
    });
  }
  const all = bench.supervisor.events({ after: 0, limit: 1000 });
  assertEquals([all.events.length, all.oldest, all.last], [20, 31, 50]);
  const odd = bench.supervisor.events({ program: "odd", limit: 3 });
  assertEquals(odd.events.map(({ id }) => id), [46, 48, 50]);
  const next = bench.supervisor.events({ after: 40, program: "odd", limit: 2 });
  assertEquals(next.events.map(({ id }) => id), [42, 44]);
  assertEquals(next.last, 44);
  assertEquals(bench.supervisor.counters.refused, 50);
});

Deno.test("a shim that waits ready takes the next spawn, and ends with its daemon", async () => {
  const bench = new Bench();
  await bench.open({ warm: true });
  await bench.pass(SECOND);
  // The daemon's own process goes by the name, too.
  assertEquals(bench.alive("hana").length, 2);
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  const { shims } = bench.supervisor.statistics() as { shims: Record<string, number> };
  assertEquals([shims.started, shims.warm], [1, 1]);
  await bench.pass(SECOND);
  assertEquals(bench.alive("hana").length, 3);
  bench.host.main.kill();
  await bench.pass(SECOND);
  assertEquals(bench.alive("hana").length, 1);
  assertEquals(bench.alive("stays").length, 1);
});
