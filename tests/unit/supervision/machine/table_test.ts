// The state table itself: nothing undefined, nothing without a way out, and the page that shows it.

import { assert, assertEquals } from "@std/assert";
import { type Actual, RESTING } from "../../../../lib/supervision/model/mod.ts";
import {
  GUARDS,
  type MachineEvent,
  rowsFor,
  STATE_RULES,
  STATE_TABLE,
  STEPS,
  TABLE_EVENTS,
  TABLE_STATES,
} from "../../../../lib/supervision/machine/mod.ts";
import { supervisionStates } from "../../../../scripts/supervision_states.ts";
import { ProgramModel, SECOND, specOf } from "./program_model.ts";

Deno.test("every event has a row in every state that holds whatever else is so", () => {
  for (const state of TABLE_STATES) {
    for (const event of TABLE_EVENTS) {
      const rows = rowsFor(state, event);
      assertEquals(rows.filter((row) => row.guard === null).length, 1, `${state} ${event}`);
      assertEquals(rows.at(-1)?.guard, null, `${state} ${event}: the last row has no condition`);
    }
  }
});

Deno.test("every condition and every step of the table is used and explained, and every row says why", () => {
  const guards = new Set(STATE_TABLE.map((row) => row.guard));
  const steps = new Set(STATE_TABLE.flatMap((row) => row.actions));
  for (const guard of Object.keys(GUARDS)) assert([...guards].includes(guard as never), guard);
  for (const step of Object.keys(STEPS)) assert([...steps].includes(step as never), step);
  for (const row of STATE_TABLE) assert(row.why.length > 5, JSON.stringify(row));
});

Deno.test("every state that does not rest has a limit that does something, and a way out", () => {
  for (const state of TABLE_STATES) {
    if (RESTING.includes(state)) continue;
    assert(STATE_RULES[state].limit !== null, `${state} has no limit`);
    const timers = rowsFor(state, "deadline");
    assert(
      timers.some((row) => row.to !== "same" || row.actions.length > 0),
      `${state}: its limit does nothing`,
    );
    const exits = STATE_TABLE.filter((row) =>
      row.from.includes(state) && row.to !== "same" && row.to !== state
    );
    assert(exits.length > 0, `${state} has no exit`);
  }
});

Deno.test("a stop leads from every state to idle", () => {
  for (const state of TABLE_STATES) {
    const program = reach(state);
    program.stop();
    // The program itself never helps; its tree ends a while after it is being killed.
    for (let i = 0; i < 10 && program.machine.state !== "idle"; i++) {
      if (program.machine.state === "unkillable") program.empty();
      program.pass(6 * SECOND);
    }
    assertEquals(program.machine.state, "idle", `from ${state}`);
    assertEquals([program.leader, program.remains, program.fallback], [false, false, false]);
  }
});

Deno.test("a start leads from every state to running when the program works", () => {
  for (const state of TABLE_STATES) {
    const program = reach(state);
    program.start();
    for (let i = 0; i < 10 && program.machine.state !== "running"; i++) {
      if (program.spawning) program.spawned();
      else if (program.machine.state === "starting") program.tell({ kind: "ready" });
      else if (program.machine.state === "hung") program.tell({ kind: "heard" });
      else program.empty();
    }
    assertEquals(program.machine.state, "running", `from ${state}`);
  }
});

Deno.test("every event may come in every state, and none throws or loses its deadline", () => {
  for (const state of TABLE_STATES) {
    for (const event of EVENTS) {
      const program = reach(state);
      const before = program.machine.counters.spurious;
      const actions = program.machine.handle(program.nowUs, event);
      const to = program.machine.state;
      if (STATE_RULES[to].limit !== null) {
        const due = program.machine.deadline();
        assert(due !== null && due.atUs > program.nowUs, `${state} ${event.kind}: ${to} without a deadline`);
      }
      // Nothing happens only where the table says so.
      const rows = rowsFor(state, event.kind);
      if (rows.length === 1 && rows[0]?.actions.includes("count") === true) {
        assertEquals(program.machine.counters.spurious, before + 1, `${state} ${event.kind}`);
        assertEquals([to, actions.length], [state, 0], `${state} ${event.kind}`);
      }
    }
  }
});

Deno.test("the page of the states shows the table that ships", async () => {
  const page = await Deno.readTextFile(new URL("../../../../docs/supervision-states.md", import.meta.url));
  assertEquals(page, supervisionStates(), "run scripts/supervision_states.ts");
});

const EVENTS: readonly MachineEvent[] = [
  { kind: "start", want: "up", clear: true },
  { kind: "start", want: "once", clear: false },
  { kind: "clear" },
  { kind: "stop", now: false },
  { kind: "stop", now: true },
  { kind: "restart", now: false },
  { kind: "restart", now: true },
  { kind: "spawned" },
  { kind: "spawn-failed", class: "config" },
  { kind: "spawn-failed", class: "resources" },
  { kind: "ready" },
  { kind: "ready", told: false },
  { kind: "heard" },
  { kind: "silent" },
  { kind: "dead" },
  { kind: "frozen" },
  { kind: "moving" },
  { kind: "fault", fatal: false },
  { kind: "fault", fatal: true },
  { kind: "over-memory" },
  { kind: "extend", us: SECOND },
  { kind: "extend", us: NaN },
  { kind: "exited", class: "crash", remains: false },
  { kind: "exited", class: "success", remains: true },
  { kind: "tree-empty" },
  { kind: "survivors" },
  { kind: "file-changed" },
  { kind: "adopted" },
  { kind: "suspended" },
];

/** A program in this state. */
function reach(state: Actual): ProgramModel {
  const program = new ProgramModel(specOf());
  switch (state) {
    case "idle":
      break;
    case "waiting":
      program.start(false);
      break;
    case "starting":
      program.start();
      program.spawned();
      break;
    case "running":
      program.run();
      break;
    case "hung":
      program.run();
      program.tell({ kind: "silent" });
      break;
    case "stopping":
      program.run();
      program.tell({ kind: "restart", now: false });
      break;
    case "killing":
      program.run();
      program.tell({ kind: "over-memory" });
      break;
    case "backoff":
      program.run();
      program.exit("crash");
      program.spawned();
      program.exit("crash");
      break;
    case "parked":
      program.run();
      program.exit("fatal");
      break;
    case "done":
      program.run();
      program.exit("stay-down");
      break;
    case "unkillable":
      program.run();
      program.exit("crash", true);
      program.tell({ kind: "survivors" });
      break;
  }
  assertEquals(program.machine.state, state);
  program.taken();
  return program;
}
