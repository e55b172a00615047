// What survives the loss of a shim.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ProgramMachine, readSavedMachine } from "../../../../lib/supervision/machine/mod.ts";
import type { ProgramSpec } from "../../../../lib/supervision/model/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/random.ts";
import { ProgramModel, SECOND, specOf } from "./program_model.ts";

/** Loses the shim: what ran goes on without an owner, and a new machine reads the journal. */
function loseShim(program: ProgramModel, spec: ProgramSpec = specOf()): void {
  const saved = readSavedMachine(JSON.parse(JSON.stringify(program.machine.save(program.nowUs))));
  assert(saved !== null, "what was saved can be read");
  program.remains ||= program.leader || program.spawning;
  program.leader = false;
  program.spawning = false;
  program.fallback = false;
  program.taken();
  program.nowUs = 5 * SECOND;
  program.machine = new ProgramMachine(spec, new PhiloxStream(2, "machine"));
  program.take(program.machine.restore(program.nowUs, saved));
}

Deno.test("a program whose shim was lost is ended, then started anew without a failure", () => {
  const program = new ProgramModel();
  program.run();
  loseShim(program);
  assertEquals([program.machine.state, program.machine.reason], ["killing", "shim-lost"]);
  assertEquals(program.taken(), ["sweep"]);
  program.empty();
  assertEquals([program.machine.state, program.machine.run, program.machine.fails], ["starting", 2, 0]);
});

Deno.test("a shim that is lost again and again does not make its program spin", () => {
  const program = new ProgramModel();
  program.run();
  for (let i = 0; i < 5; i++) {
    loseShim(program);
    program.empty();
    const next = program.machine.nextTryUs;
    assertEquals(next === null, i === 0, "the first try comes at once, later ones do not");
    if (next !== null) program.pass(next - program.nowUs);
    program.spawned();
  }
});

Deno.test("a stop under way is still a stop after the loss of the shim, and a restart a restart", () => {
  for (const wish of ["stop", "restart"] as const) {
    const program = new ProgramModel();
    program.run();
    program.tell({ kind: wish, now: false });
    loseShim(program);
    assertEquals(program.machine.state, "killing");
    program.empty();
    assertEquals(program.machine.state, wish === "stop" ? "idle" : "starting");
  }
});

Deno.test("rest, counters and the reason for them outlive the shim without anything being done", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("fatal");
  const { run, fails, counters } = program.machine;
  loseShim(program);
  assertEquals([program.machine.state, program.machine.reason], ["parked", "fatal"]);
  assertEquals([program.machine.run, program.machine.fails], [run, fails]);
  assertEquals(program.machine.counters, counters);
  assertEquals([program.taken(), program.machine.deadline()], [[], null]);
});

Deno.test("a pause between tries goes on with its count, and the third failure of a minute is still the third", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash");
  program.spawned();
  program.exit("crash");
  assertEquals(program.machine.state, "backoff");
  loseShim(program);
  program.empty();
  assertEquals([program.machine.state, program.machine.fails, program.machine.unstable], [
    "backoff",
    2,
    false,
  ]);
  program.pass((program.machine.nextTryUs ?? 0) - program.nowUs);
  program.spawned();
  program.exit("crash");
  assertEquals([program.machine.fails, program.machine.unstable], [3, true]);
});

Deno.test("a safe look of a lost shim is ended with the rest and started anew", () => {
  const spec = specOf({ fallback: { after: 1, argv: ["slate"] } });
  const program = new ProgramModel(spec);
  program.run();
  program.exit("fatal");
  assert(program.fallback);
  loseShim(program, spec);
  assertEquals(program.taken(), ["sweep"]);
  program.empty();
  assertEquals([program.machine.state, program.fallback], ["parked", true]);
  assertEquals(program.taken(), ["start-fallback"]);
});

Deno.test("a program that waits for its needs still waits after the loss of its shim", () => {
  const program = new ProgramModel();
  program.start(false);
  loseShim(program);
  program.empty();
  assertEquals(program.machine.state, "waiting");
  program.tell({ kind: "clear" });
  assertEquals(program.machine.state, "starting");
});

Deno.test("a human's start that waits is not forgotten for the failure before it", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("fatal");
  program.start(false);
  assertEquals(program.machine.state, "waiting");
  loseShim(program);
  program.empty();
  assertEquals(program.machine.state, "waiting");
});

Deno.test("a lost shim is not charged to the failure before it", () => {
  const program = new ProgramModel();
  program.run();
  program.exit("crash");
  program.spawned();
  assertEquals(program.machine.reason, null);
  loseShim(program);
  assertEquals(program.machine.reason, "shim-lost");
  program.empty();
  assertEquals(program.machine.fails, 1);
});

Deno.test("a torn, foreign or altered record is no saved machine, and reading one never throws", () => {
  const program = new ProgramModel();
  program.run();
  const saved = program.machine.save(program.nowUs);
  assertEquals(readSavedMachine({ ...saved, v: 2 }), null);
  assertEquals(readSavedMachine({ ...saved, state: "toString" }), null);
  assertEquals(readSavedMachine({ ...saved, reason: "constructor" }), null);
  assertEquals(readSavedMachine({ ...saved, fails: -1 }), null);
  assertEquals(readSavedMachine({ ...saved, failureAgesUs: Array(1e5).fill(1) }), null);
  fc.assert(fc.property(
    fc.constantFrom(...Object.keys(saved)),
    fc.anything(),
    (key, value) => {
      const read = readSavedMachine({ ...saved, [key]: value });
      if (read !== null) new ProgramMachine(specOf(), new PhiloxStream(1, "x")).restore(0, read);
    },
  ));
  fc.assert(fc.property(fc.anything(), (value) => {
    readSavedMachine(value);
  }));
});
