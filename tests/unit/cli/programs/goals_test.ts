// When a goal is reached, when it cannot be, and what is said meanwhile: every goal in every state.

import { assert, assertEquals, assertNotMatch } from "@std/assert";
import { type Goal, standing, stateWords } from "../../../../cli/programs/goals.ts";
import { CLASSES, exit, NOW, program, STATES } from "../../supervision/crew/support.ts";

const START = { generation: 3, afterRun: 6 };
const GOALS: readonly Goal[] = ["ready", "started", "stopped", "exited"];

Deno.test("every goal in every state after every ending has words, and none says undefined", () => {
  for (const goal of GOALS) {
    for (const state of STATES) {
      for (const ending of [null, ...CLASSES]) {
        for (const want of ["up", "down", "once"] as const) {
          const lastExit = ending === null ? null : exit({ class: ending });
          for (const note of [null, "waits for tracker"]) {
            const at = standing(goal, program({ state, want, lastExit, note, readyUs: null }), START, NOW);
            assert(at.words.length > 2, `${goal} ${state}`);
            assertNotMatch(at.words, /undefined|null|NaN/);
          }
        }
      }
    }
  }
});

Deno.test("a program is ready when a new run is up, and not while the old one still is", () => {
  const ready = (run: number) => standing("ready", program({ run }), START, NOW);
  assertEquals(ready(7), { outcome: "reached", words: "up, ready in 1.8 s (run 7)" });
  assertEquals(ready(6).outcome, "under-way");
});

Deno.test("a snapshot from before the demand decides nothing", () => {
  for (const goal of GOALS) {
    const at = standing(goal, program({ generation: 2, state: "parked", run: 9 }), START, NOW);
    assertEquals(at.outcome, "under-way", goal);
  }
});

Deno.test("a program that rests will not get ready; one between tries may", () => {
  const outcome = (change: Parameters<typeof program>[0]) =>
    standing("ready", program(change), START, NOW).outcome;
  assertEquals(outcome({ state: "parked", lastExit: exit({ run: 7 }) }), "failed");
  assertEquals(outcome({ state: "idle", want: "down" }), "failed");
  assertEquals(outcome({ state: "idle", want: "up" }), "under-way");
  assertEquals(outcome({ state: "backoff", lastExit: exit({ run: 7 }) }), "under-way");
  assertEquals(outcome({ state: "done", lastExit: exit({ run: 7, class: "success" }) }), "reached");
  assertEquals(outcome({ state: "done", lastExit: exit({ run: 7, class: "failure" }) }), "failed");
  assertEquals(outcome({ state: "done", lastExit: exit({ run: 6, class: "success" }) }), "under-way");
});

Deno.test("a program that was removed is stopped, and nothing else", () => {
  assertEquals(GOALS.map((goal) => standing(goal, undefined, START, NOW).outcome), [
    "failed",
    "failed",
    "reached",
    "failed",
  ]);
});

Deno.test("an ending is what was waited for when it belongs to the run that was meant", () => {
  const at = (run: number, ending: "success" | "failure") =>
    standing(
      "exited",
      program({ lastExit: exit({ run, class: ending, signal: null, code: 3 }) }),
      START,
      NOW,
    );
  assertEquals(at(6, "success").outcome, "under-way");
  assertEquals(at(7, "success").outcome, "reached");
  assertEquals(at(7, "failure"), { outcome: "failed", words: "ended (run 7: exit 3) after 42 s" });
});

Deno.test("how far a program is, is said with what holds it up", () => {
  const words = (change: Parameters<typeof program>[0]) => stateWords(program(change), NOW);
  assertEquals(words({ state: "waiting", note: "waits for tracker" }), "waiting (waits for tracker)");
  assertEquals(words({ state: "starting", status: "loading 66 %" }), 'starting, run 7, says "loading 66 %"');
  assertEquals(
    words({ state: "backoff", fails: 4, lastExit: exit(), nextTryWallMs: NOW + 2_000 }),
    "between tries: failed 4 times (SIGSEGV), next in 2 s",
  );
  assertEquals(
    words({
      state: "parked",
      lastExit: exit({ class: "config", why: "cannot start ./x: No such file or directory" }),
    }),
    "parked (file ./x is missing)",
  );
});
