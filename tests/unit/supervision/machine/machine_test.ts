// What a program's machine does when programs start, fail, hang, and people press buttons.

import { assert, assertEquals } from "@std/assert";
import { ProgramModel, SECOND, specOf } from "./program_model.ts";

Deno.test("a program whose needs are there is spawned in the call that wants it", () => {
  const program = new ProgramModel();
  program.start();
  assertEquals(program.machine.state, "starting");
  assertEquals(program.taken(), ["spawn"]);
  program.spawned();
  program.tell({ kind: "ready" });
  assertEquals([program.machine.state, program.machine.health, program.machine.run], ["running", "ready", 1]);
});

Deno.test("a program that waits for its needs says so each minute, starts when they come, and is idle when stopped", () => {
  const program = new ProgramModel();
  program.start(false);
  program.pass(150 * SECOND);
  assertEquals(program.machine.state, "waiting");
  assertEquals(program.notes.filter((note) => note === "waiting").length, 3, "on entering, and twice");
  program.tell({ kind: "clear" });
  assertEquals(program.machine.state, "starting");

  const other = new ProgramModel();
  other.start(false);
  other.stop();
  assertEquals([other.machine.state, other.machine.deadline(), other.taken()], ["idle", null, []]);
});

Deno.test("the first crash is answered by the next spawn in the same call", () => {
  const program = new ProgramModel();
  program.run();
  program.taken();
  program.exit("crash");
  assertEquals([program.machine.state, program.taken(), program.machine.fails], ["starting", ["spawn"], 1]);
});

Deno.test("a crash loop keeps the times of the formula within 20 %, and 30 s of readiness begin it anew", () => {
  const program = new ProgramModel(specOf({ backoffCapUs: 15 * SECOND }));
  program.start();
  const nominal = [0, 0.25, 0.5, 1, 2, 4, 8, 15, 15, 15];
  for (const seconds of nominal) {
    const before = program.nowUs;
    program.spawned();
    program.tell({ kind: "ready" });
    program.exit("crash");
    program.pass(19 * SECOND);
    const gap = ((program.spawnedAtUs.at(-1) ?? NaN) - before) / SECOND;
    assert(Math.abs(gap - seconds) <= 0.2 * seconds + 1e-6, `${gap} s instead of ${seconds} s`);
    program.nowUs = Math.max(before, program.spawnedAtUs.at(-1) ?? 0);
  }
  assertEquals(program.machine.fails, nominal.length);
  program.spawned();
  program.tell({ kind: "ready" });
  program.pass(29 * SECOND);
  assertEquals(program.machine.fails, nominal.length);
  program.pass(1 * SECOND);
  assertEquals(program.machine.fails, 0);
  program.exit("crash");
  assertEquals(program.machine.state, "starting", "no delay again");
});

Deno.test("readiness that was interrupted by silence does not make a program stable", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash");
  program.spawned();
  program.tell({ kind: "ready" });
  program.pass(20 * SECOND);
  program.tell({ kind: "silent" });
  program.pass(SECOND);
  program.tell({ kind: "heard" });
  program.pass(20 * SECOND);
  assertEquals(program.machine.fails, 1);
  program.pass(11 * SECOND);
  assertEquals(program.machine.fails, 0);
});

Deno.test("a program that is not ready in time is ended and tried again, and an extension gives it more time", () => {
  const program = new ProgramModel(specOf({ startUs: 15 * SECOND }));
  program.start();
  program.spawned();
  program.pass(10 * SECOND);
  program.tell({ kind: "extend", us: 500 * SECOND });
  program.pass(119 * SECOND);
  assertEquals(program.machine.state, "starting", "120 s at most, and those are not over");
  program.pass(2 * SECOND);
  assertEquals([program.machine.state, program.machine.reason], ["killing", "start-timeout"]);
  assertEquals(program.taken(), ["spawn", "kill"]);
  program.exit("crash");
  assertEquals([program.machine.state, program.taken()], ["starting", ["spawn"]]);
  assertEquals(program.machine.fails, 1);
});

Deno.test("a silent program is hung, speaks again, or is ended", () => {
  const program = new ProgramModel();
  program.run();
  program.tell({ kind: "silent" });
  assertEquals(program.machine.state, "hung");
  program.tell({ kind: "heard" });
  assertEquals([program.machine.state, program.machine.health], ["running", "ready"]);
  assert(program.notes.includes("recovered"));
  program.tell({ kind: "silent" });
  program.tell({ kind: "dead" });
  assertEquals([program.machine.state, program.machine.reason], ["killing", "hang"]);
});

Deno.test("a hung program does not stay hung when nobody says that it is dead", () => {
  const program = new ProgramModel();
  program.run();
  program.tell({ kind: "silent" });
  program.pass(6 * SECOND);
  assertEquals([program.machine.state, program.machine.reason], ["killing", "hang"]);
});

Deno.test("time that nobody observed ends neither a start nor a hung program", () => {
  for (const silent of [true, false]) {
    const program = new ProgramModel();
    program.start();
    program.spawned();
    if (silent) {
      program.tell({ kind: "ready" });
      program.tell({ kind: "silent" });
    }
    const state = program.machine.state;
    program.nowUs += 3600 * SECOND;
    program.take(program.machine.handleDeadline(program.nowUs));
    assertEquals(program.machine.state, state);
    const due = program.machine.deadline()?.atUs ?? 0;
    assert(due > program.nowUs + SECOND, "the limit begins anew");
    assertEquals(program.machine.counters.forgiven, 1);
    program.pass(due - program.nowUs);
    assertEquals(program.machine.state, "killing", "and strikes then");
  }
});

Deno.test("a suspended machine has its budgets of silence forgiven and its readiness begun anew", () => {
  const program = new ProgramModel();
  program.run();
  program.taken();
  program.tell({ kind: "suspended" });
  assertEquals([program.machine.state, program.taken()], ["running", ["forgive"]]);
});

Deno.test("an extension outlives a suspended machine, and readiness is counted from there", () => {
  const program = new ProgramModel();
  program.start();
  program.spawned();
  program.tell({ kind: "extend", us: 100 * SECOND });
  program.tell({ kind: "suspended" });
  program.pass(99 * SECOND);
  assertEquals(program.machine.state, "starting");

  const other = new ProgramModel();
  other.run();
  other.exit("crash");
  other.spawned();
  other.tell({ kind: "ready" });
  other.pass(29 * SECOND);
  other.tell({ kind: "suspended" });
  other.pass(29 * SECOND);
  assertEquals(other.machine.fails, 1);
  other.pass(SECOND);
  assertEquals(other.machine.fails, 0);
});

Deno.test("an end that nobody asked for is a failure whatever it calls itself", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("stopped");
  assertEquals([program.machine.fails, program.machine.counters.failures], [1, 1]);
});

Deno.test("a picture that stood still before a silence still does after it", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash");
  program.spawned();
  program.tell({ kind: "ready" });
  program.tell({ kind: "frozen" });
  program.tell({ kind: "silent" });
  program.tell({ kind: "heard" });
  assertEquals([program.machine.state, program.machine.health], ["running", "stalled"]);
  program.pass(60 * SECOND);
  assertEquals(program.machine.fails, 1, "nobody saw it well");
  program.tell({ kind: "moving" });
  program.pass(30 * SECOND);
  assertEquals([program.machine.health, program.machine.fails], ["ready", 0]);
});

Deno.test("a frozen picture is told, and ends the program only where its policy says so", () => {
  const program = new ProgramModel();
  program.run();
  program.tell({ kind: "frozen" });
  program.tell({ kind: "frozen" });
  assertEquals([program.machine.state, program.machine.health], ["running", "stalled"]);
  assertEquals(program.notes.filter((note) => note === "stalled").length, 1);
  program.tell({ kind: "moving" });
  assertEquals(program.machine.health, "ready");

  const strict = new ProgramModel(
    specOf({ hang: { warnUs: 2 * SECOND, killUs: 6 * SECOND, stallUs: 2 * SECOND, stall: "restart" } }),
  );
  strict.run();
  strict.tell({ kind: "frozen" });
  assertEquals([strict.machine.state, strict.machine.reason], ["killing", "stall"]);
});

Deno.test("a stop is polite for the grace, then forced, then says what cannot be ended", () => {
  const program = new ProgramModel(specOf({ graceUs: 5 * SECOND }));
  program.run();
  program.taken();
  program.stop();
  assertEquals([program.machine.state, program.taken()], ["stopping", ["ask-stop"]]);
  program.pass(5 * SECOND);
  assertEquals([program.machine.state, program.taken()], ["killing", ["kill"]]);
  program.pass(5 * SECOND);
  assertEquals(program.machine.state, "unkillable");
  program.pass(3 * SECOND);
  assertEquals(program.taken(), ["sweep", "sweep", "sweep"]);
  program.empty();
  assertEquals([program.machine.state, program.machine.deadline()], ["idle", null]);
});

Deno.test("a stop without grace kills at once, also where a polite one is under way", () => {
  const program = new ProgramModel();
  program.run();
  program.taken();
  program.stop(true);
  assertEquals([program.machine.state, program.taken()], ["killing", ["kill"]]);

  const other = new ProgramModel();
  other.run();
  other.stop();
  other.taken();
  other.stop(true);
  assertEquals([other.machine.state, other.taken()], ["killing", ["kill"]]);
});

Deno.test("fifty restarts while one is under way give one new run, without delay and without a failure", () => {
  const program = new ProgramModel();
  program.run();
  for (let i = 0; i < 50; i++) program.tell({ kind: "restart", now: false });
  assertEquals([program.machine.state, program.machine.counters.coalesced], ["stopping", 49]);
  program.exit("failure");
  assertEquals([program.machine.state, program.spawns, program.machine.fails], ["starting", 2, 0]);
  program.spawned();
  program.tell({ kind: "ready" });
  program.pass(60 * SECOND);
  assertEquals(program.spawns, 2);
});

Deno.test("of a restart and a stop while it is stopping the newest wins, either way", () => {
  const program = new ProgramModel();
  program.run();
  program.tell({ kind: "restart", now: false });
  program.stop();
  program.exit("success");
  assertEquals([program.machine.state, program.machine.want], ["idle", "down"]);

  const other = new ProgramModel();
  other.run();
  other.stop();
  other.tell({ kind: "restart", now: false });
  other.exit("success");
  assertEquals([other.machine.state, other.machine.want], ["starting", "up"]);
});

Deno.test("a start in a pause skips it and keeps the counter; a stop in a pause ends it", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash");
  program.spawned();
  program.exit("crash");
  assertEquals(program.machine.state, "backoff");
  assert((program.machine.nextTryUs ?? 0) > program.nowUs);
  program.start();
  assertEquals([program.machine.state, program.machine.fails], ["starting", 2]);
  program.spawned();
  program.exit("crash");
  assertEquals(program.machine.state, "backoff");
  program.stop();
  assertEquals([program.machine.state, program.machine.deadline()?.reason], ["idle", "calm"]);
});

Deno.test("descendants that are left go before the next try", () => {
  const program = new ProgramModel();
  program.run();
  program.taken();
  program.exit("crash", true);
  assertEquals([program.machine.state, program.taken()], ["killing", ["sweep"]]);
  assertEquals(program.machine.fails, 1, "the crash counts at once");
  program.pass(SECOND);
  program.empty();
  assertEquals([program.machine.state, program.taken(), program.machine.fails], ["starting", ["spawn"], 1]);
});

Deno.test("a human's wish during the end of a crashed tree takes effect when it is empty", () => {
  for (const wish of ["start", "restart", "stop"] as const) {
    const program = new ProgramModel();
    program.run();
    program.exit("fatal", true);
    if (wish === "start") program.start();
    else if (wish === "restart") program.tell({ kind: "restart", now: false });
    else program.stop();
    program.empty();
    assertEquals(program.machine.state, wish === "stop" ? "idle" : "starting");
  }
});

Deno.test("a human's haste is over with the next try: later failures are delayed as ever", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash", true);
  program.start();
  program.empty();
  assertEquals(program.machine.state, "starting");
  for (const state of ["backoff", "backoff"]) {
    program.spawned();
    program.exit("crash");
    assertEquals(program.machine.state, state);
    program.pass((program.machine.nextTryUs ?? 0) - program.nowUs);
  }
});

Deno.test("an end counts once, however often and in whatever order it is told", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash", true);
  program.tell({ kind: "exited", class: "crash", remains: false });
  assertEquals(program.machine.state, "killing", "the leader cannot end twice");
  program.empty();
  program.spawned();
  program.tell({ kind: "exited", class: "crash", remains: false, run: 1 });
  assertEquals([program.machine.state, program.machine.run, program.machine.fails], ["starting", 2, 1]);
  assertEquals(program.machine.counters.spurious, 2);
});

Deno.test("codes and policies lead where they should", () => {
  const cases = [
    ["always", "up", "success", "starting"],
    ["always", "once", "success", "done"],
    ["on-failure", "up", "success", "done"],
    ["on-failure", "up", "failure", "starting"],
    ["never", "up", "failure", "done"],
    ["never", "once", "crash", "done"],
    ["always", "once", "failure", "starting"],
    ["always", "up", "fatal", "parked"],
    ["always", "up", "stay-down", "done"],
    ["always", "up", "temporary", "backoff"],
    ["always", "up", "oom", "starting"],
  ] as const;
  for (const [restart, want, ended, state] of cases) {
    const program = new ProgramModel(specOf({ restart }));
    program.tell({ kind: "start", want, clear: true });
    program.spawned();
    program.tell({ kind: "ready" });
    program.exit(ended);
    assertEquals(program.machine.state, state, `${restart} ${want} ${ended}`);
  }
});

Deno.test("an end that asks for a later try is not counted and does not spin, and quick good ends do not either", () => {
  for (const ended of ["temporary", "success"] as const) {
    const program = new ProgramModel();
    program.start();
    for (let i = 0; i < 1000 && program.nowUs < 600 * SECOND; i++) {
      program.spawned();
      program.exit(ended);
      program.pass((program.machine.nextTryUs ?? program.nowUs) - program.nowUs);
    }
    assertEquals([program.machine.fails, program.machine.unstable], [0, false]);
    assert(program.spawns < 60, `${program.spawns} starts in ten minutes`);
  }
});

Deno.test("a program that cannot be started is parked until its file changes; a lack of memory is tried again", () => {
  const program = new ProgramModel();
  program.start();
  program.spawnFailed("config");
  assertEquals([program.machine.state, program.machine.reason], ["parked", "config"]);
  assertEquals(program.machine.deadline(), null);
  program.tell({ kind: "file-changed" });
  assertEquals(program.machine.state, "starting");
  program.spawnFailed("resources");
  assertEquals([program.machine.state, program.spawns], ["starting", 3]);
  program.spawnFailed("resources");
  assertEquals(program.machine.state, "backoff");
});

Deno.test("a fatal fault is followed by a polite end and parks", () => {
  const program = new ProgramModel();
  program.run();
  program.tell({ kind: "fault", fatal: false });
  assertEquals([program.machine.state, program.machine.health], ["running", "degraded"]);
  program.taken();
  program.tell({ kind: "fault", fatal: true });
  assertEquals([program.machine.state, program.taken()], ["stopping", ["ask-stop"]]);
  program.exit("success");
  assertEquals([program.machine.state, program.machine.reason], ["parked", "fatal"]);
  program.start();
  assertEquals(program.machine.state, "starting");
});

Deno.test("giving up is opt-in, and a human's start is a new beginning", () => {
  const program = new ProgramModel(specOf({ giveUp: { after: 3, withinUs: 60 * SECOND } }));
  const crashUntilParked = (): number => {
    for (let i = 1; i < 20; i++) {
      program.spawned();
      program.exit("crash");
      if (program.machine.state === "parked") return i;
      program.pass((program.machine.nextTryUs ?? program.nowUs) - program.nowUs);
    }
    return Infinity;
  };
  program.start();
  assertEquals(crashUntilParked(), 3);
  assertEquals(program.machine.gaveUp, true);
  program.pass(SECOND);
  program.start();
  assertEquals(crashUntilParked(), 3);
});

Deno.test("three failures within a minute make a program unstable, and a quiet minute calms it", () => {
  const program = new ProgramModel();
  program.run();
  for (let i = 0; i < 3; i++) {
    assertEquals(program.machine.unstable, false);
    program.exit("crash");
    program.pass((program.machine.nextTryUs ?? program.nowUs) - program.nowUs);
    program.spawned();
    program.tell({ kind: "ready" });
  }
  assertEquals(program.machine.unstable, true);
  program.pass(59 * SECOND);
  assertEquals(program.machine.unstable, true);
  program.pass(2 * SECOND);
  assertEquals(program.machine.unstable, false);
});

Deno.test("the safe look comes with the third failure, stays with the tries, and goes after ten seconds of readiness", () => {
  const program = new ProgramModel(specOf({ fallback: { after: 3, argv: ["slate"] } }));
  program.run();
  for (let i = 1; i <= 4; i++) {
    program.exit("crash");
    assertEquals(program.fallback, i >= 3);
    program.pass((program.machine.nextTryUs ?? program.nowUs) - program.nowUs);
    program.spawned();
    program.tell({ kind: "ready" });
  }
  program.pass(9 * SECOND);
  assert(program.fallback);
  program.pass(SECOND);
  assert(!program.fallback);
  assertEquals(program.machine.fails, 4, "not stable yet");
});

Deno.test("the safe look comes at once where no try comes by itself, and goes with a stop", () => {
  const program = new ProgramModel(specOf({ fallback: { after: 3, argv: ["slate"] } }));
  program.start();
  program.spawnFailed("config");
  assert(program.fallback);
  program.stop();
  assert(!program.fallback);
});

Deno.test("a changed specification is used by the next run", () => {
  const program = new ProgramModel(specOf({ graceUs: 5 * SECOND }));
  program.run();
  program.machine.setSpec(specOf({ graceUs: SECOND }));
  program.tell({ kind: "restart", now: false });
  program.pass(SECOND);
  assertEquals(program.machine.state, "killing");
  program.exit("crash");
  assertEquals(program.machine.state, "starting");
});
