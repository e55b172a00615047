// Random walks through the state machine, with a world that behaves as badly as it likes.
// What must hold on every step: one run at a time, a deadline for whatever is under way, a stop that leads to idle.

import { assert, assertEquals } from "@std/assert";
import {
  type MachineCounters,
  type MachineEvent,
  ProgramMachine,
  readSavedMachine,
  STATE_RULES,
} from "../../../../lib/supervision/machine/mod.ts";
import type { ExitClass, ProgramSpec } from "../../../../lib/supervision/model/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/random.ts";
import { ProgramModel, SECOND, specOf } from "./program_model.ts";

/** Together 10^6 (research, section 1.15, T26). */
const WALKS = 50;
const STEPS_A_WALK = 20_000;
const EXITS: readonly ExitClass[] = [
  "success",
  "failure",
  "crash",
  "fatal",
  "temporary",
  "stay-down",
  "stopped",
  "oom",
];
const SPECS: readonly ProgramSpec[] = [
  specOf(),
  specOf({ restart: "on-failure", fallback: { after: 2, argv: ["slate"] } }),
  specOf({ restart: "never" }),
  specOf({
    giveUp: { after: 5, withinUs: 60 * SECOND },
    fallback: { after: 3, argv: ["slate"] },
    hang: { warnUs: 2 * SECOND, killUs: 6 * SECOND, stallUs: 2 * SECOND, stall: "restart" },
  }),
];

class Walk {
  readonly program: ProgramModel;
  readonly random: PhiloxStream;
  #spec: ProgramSpec;
  #counters: MachineCounters;
  #run = 0;
  readonly visited = new Set<string>();

  constructor(seed: number) {
    this.random = new PhiloxStream(seed, "walk");
    this.#spec = SPECS[seed % SPECS.length] ?? specOf();
    this.program = new ProgramModel(this.#spec, seed);
    this.#counters = this.program.machine.counters;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.random.float() * list.length)];
    assert(item !== undefined);
    return item;
  }

  /** Something happens: a wish, a word, a lie, the truth about the process, or time. */
  step(): void {
    const { program, random } = this;
    const kind = Math.floor(random.float() * 100);
    if (kind < 12) program.tell(this.#wish());
    else if (kind < 40) program.tell(this.#word());
    else if (kind < 50) this.#lie();
    else if (kind < 80) this.#truth();
    else if (kind < 99) this.#time();
    else this.#loseShim();
    this.check();
  }

  /** What must hold whatever happened. */
  check(): void {
    const { machine, nowUs } = this.program;
    this.visited.add(machine.state);
    const due = machine.deadline();
    if (STATE_RULES[machine.state].limit !== null) {
      assert(due !== null, `${machine.state} without a deadline`);
    }
    assertEquals(machine.nextTryUs === null, machine.state !== "backoff");
    assert(machine.run >= this.#run, "a run was taken back");
    this.#run = machine.run;
    const counters = machine.counters;
    for (const key of Object.keys(counters) as (keyof MachineCounters)[]) {
      assert(counters[key] >= this.#counters[key], `${key} went down`);
    }
    this.#counters = counters;
    assert(machine.fails <= counters.failures, "more failures in a row than at all");
    if (machine.want === "down") {
      assert(
        ["idle", "stopping", "killing", "unkillable"].includes(machine.state),
        `${machine.state}, wanted down`,
      );
    }
    if (["idle", "waiting", "backoff", "parked", "done"].includes(machine.state)) {
      assert(!this.program.leader && !this.program.remains, `${machine.state}, and something lives`);
    }
    assert(machine.sinceUs <= nowUs, "it is in its state since a time to come");
  }

  /** A stop leads to idle in a bounded time, when what is killed dies. */
  rest(): void {
    const { program } = this;
    program.stop();
    for (let i = 0; i < 20 && program.machine.state !== "idle"; i++) {
      if (program.spawning) program.spawned();
      else if (program.machine.state === "killing" || program.machine.state === "unkillable") program.empty();
      else program.pass(6 * SECOND);
    }
    assertEquals(program.machine.state, "idle");
    assertEquals([program.leader, program.remains, program.spawning, program.fallback], [
      false,
      false,
      false,
      false,
    ]);
  }

  #wish(): MachineEvent {
    return this.pick<MachineEvent>([
      { kind: "start", want: "up", clear: true },
      { kind: "start", want: "up", clear: false },
      { kind: "start", want: "once", clear: true },
      { kind: "clear" },
      { kind: "stop", now: false },
      { kind: "stop", now: true },
      { kind: "restart", now: false },
      { kind: "restart", now: true },
      { kind: "file-changed" },
    ]);
  }

  /** What may come at any time, whether it makes sense or not. */
  #word(): MachineEvent {
    return this.pick<MachineEvent>([
      { kind: "ready" },
      { kind: "ready" },
      { kind: "ready", told: false },
      { kind: "heard" },
      { kind: "silent" },
      { kind: "dead" },
      { kind: "frozen" },
      { kind: "moving" },
      { kind: "fault", fatal: this.random.float() < 0.2 },
      { kind: "over-memory" },
      { kind: "extend", us: 1e9 * this.random.float() },
      { kind: "adopted" },
      { kind: "suspended" },
      { kind: "survivors" },
    ]);
  }

  /** Events about the process that are not so: none of them may be believed. */
  #lie(): void {
    const { program } = this;
    const { machine } = program;
    const before = machine.state;
    const ending = before === "stopping" || before === "killing" || before === "unkillable";
    if (!program.spawning) program.tell({ kind: "spawned" });
    if (!program.spawning) program.tell({ kind: "spawn-failed", class: "config" });
    if (!ending) program.tell({ kind: "tree-empty" });
    program.tell({ kind: "exited", class: "crash", remains: false, run: machine.run + 1 });
    if (!program.leader && !program.spawning) {
      program.tell({ kind: "exited", class: "crash", remains: false });
    }
    assertEquals(machine.state, before);
  }

  #truth(): void {
    const { program, random } = this;
    const { state } = program.machine;
    const ending = state === "stopping" || state === "killing" || state === "unkillable";
    if (program.spawning) {
      if (random.float() < 0.8) program.spawned();
      else program.spawnFailed(this.pick(["config", "resources"]));
    } else if (program.leader && random.float() < 0.4) {
      program.exit(this.pick(EXITS), random.float() < 0.3);
    } else if (ending && (program.remains || program.leader)) {
      program.empty();
    }
  }

  #time(): void {
    const { program, random } = this;
    const due = program.machine.deadline();
    // To the deadline, short of it, or far beyond it as after a suspended night.
    const chance = random.float();
    const leftUs = due === null ? SECOND : Math.max(0, due.atUs - program.nowUs);
    program.nowUs += chance < 0.6
      ? leftUs
      : chance < 0.9
      ? Math.floor(leftUs * random.float())
      : Math.floor(1e10 * random.float());
    program.take(program.machine.handleDeadline(program.nowUs));
    const next = program.machine.deadline();
    assert(next === null || next.atUs > program.nowUs, `${next?.reason} is due again at once`);
  }

  #loseShim(): void {
    const { program } = this;
    const saved = readSavedMachine(JSON.parse(JSON.stringify(program.machine.save(program.nowUs))));
    assert(saved !== null);
    program.remains ||= program.leader || program.spawning;
    program.leader = false;
    program.spawning = false;
    program.fallback = false;
    program.machine = new ProgramMachine(this.#spec, this.random);
    program.take(program.machine.restore(program.nowUs, saved));
  }
}

Deno.test("a million random steps never start a second copy, lose a deadline, or leave a stop unanswered", () => {
  const visited = new Set<string>();
  let spawns = 0;
  for (let seed = 1; seed <= WALKS; seed++) {
    const walk = new Walk(seed);
    try {
      for (let i = 0; i < STEPS_A_WALK; i++) {
        walk.step();
        walk.program.done.length = 0;
        walk.program.notes.length = 0;
        walk.program.spawnedAtUs.length = 0;
        if (i % 500 === 499) walk.rest();
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    for (const state of walk.visited) visited.add(state);
    spawns += walk.program.spawns;
  }
  assertEquals(visited.size, Object.keys(STATE_RULES).length, "every state was visited");
  assert(spawns > 10_000, `${spawns} spawns`);
});
