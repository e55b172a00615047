// Every state, ending and event in words: three sentences each, none empty, with name, place and time.

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import {
  CREW_CASES,
  type CrewText,
  ENDINGS,
  explain,
  explainExit,
  sentencesOf,
  tell,
  tellAdopted,
  tellReachable,
  tellUnreachable,
} from "../../../../lib/supervision/crew/mod.ts";
import type { Health, ProgramEvent } from "../../../../lib/supervision/model/mod.ts";
import { bundle, CLASSES, CONTEXT, event, exit, KINDS, NOW, program, STATES } from "./support.ts";

/** What a person behind a stage should not have to know. */
const JARGON =
  /\b(undefined|null|NaN|SIG[A-Z]+|pid|exit code|stderr|stdout|errno|daemon|shim|watchdog|heartbeat|backoff|Infinity|object Object)\b/;

function assertReadable(text: CrewText, label: string): void {
  for (const sentence of sentencesOf(text)) {
    assert(sentence.trim() === sentence && sentence.length > 5, `${label}: ${JSON.stringify(sentence)}`);
    assertNotMatch(sentence, /undefined|null|NaN|Infinity|\[object|\$\{|\s{2}| ,|\.\.|\.,|\( ?\)/, label);
    assert(sentence.length <= 420, `${label} is too long: ${sentence}`);
  }
  assertNotMatch(text.happened, JARGON, label);
  assertMatch(text.happened, /\d\d:\d\d:\d\d/, label);
  assert(text.happened.includes("stage-left"), label);
  if (text.program !== null) assert(text.happened.startsWith(`${text.program} on stage-left `), label);
  assertMatch(text.done, /^[A-Z0-9].*\.$/, label);
  assertMatch(text.todo, /^[A-Z]/, label);
  if (text.command === null) assertMatch(text.todo, /\.$/, label);
  else {
    assert(text.todo.endsWith(`: ${text.command}`), label);
    assertMatch(text.command, /^hana [a-z-]+( |$)/, label);
  }
  assert(text.code in CREW_CASES, label);
}

Deno.test("every state after every ending, whatever is wanted and known, has three whole sentences", () => {
  let count = 0;
  for (const state of STATES) {
    for (const ending of [null, ...CLASSES]) {
      for (const want of ["up", "down", "once"] as const) {
        for (const supervised of [true, false]) {
          for (const scarce of [true, false]) {
            const lastExit = ending === null ? null : exit({
              class: ending,
              ...(scarce
                ? { code: null, signal: null, peakBytes: null }
                : { why: "file ./aurora is missing." }),
            });
            const known = scarce
              ? {
                process: null,
                startedWallMs: null,
                readyUs: null,
                fps: null,
                frame: null,
                processes: 0,
                run: 0,
              }
              : { note: "waits for tracker", status: "loading 66 %", nextTryWallMs: NOW + 4_000, fails: 4 };
            const text = explain(program({ state, want, supervised, lastExit, ...known }), CONTEXT);
            assertReadable(text, `${state} ${ending} ${want} ${supervised} ${scarce}`);
            count++;
          }
        }
      }
    }
  }
  assertEquals(count, 11 * 15 * 3 * 2 * 2);
});

Deno.test("every health of a running program has three whole sentences", () => {
  for (const health of ["unknown", "ready", "degraded", "stalled"] satisfies readonly Health[]) {
    for (const fps of [null, 59.94]) {
      for (const readyUs of [null, 1_800_000]) {
        for (const status of [null, "tired."]) {
          assertReadable(
            explain(program({ health, fps, readyUs, status }), CONTEXT),
            `${health} ${fps} ${readyUs} ${status}`,
          );
        }
      }
    }
  }
});

Deno.test("every ending is told of itself, and every kind of event with and without what belongs to it", () => {
  for (const each of CLASSES) assertReadable(explainExit("aurora", exit({ class: each }), CONTEXT), each);
  const details: readonly Readonly<Record<string, unknown>>[] = [
    {},
    { exit: exit() },
    { exit: { class: "no such class" }, text: 7, delayUs: "soon", fails: NaN, us: Infinity, pid: "x" },
    {
      text: "shader compile",
      why: "disk",
      fails: 3,
      delayUs: 4_000_000,
      us: 2_000_000,
      pid: 4711,
      fatal: true,
    },
    {
      want: "up",
      generation: 4,
      bytes: 7e9,
      lines: 12,
      frame: 3,
      silentUs: 3_000_000,
      readyUs: 12,
      verb: "stop",
    },
    { exit: { class: "crash" } },
  ];
  for (const kind of KINDS) {
    for (const detail of details) {
      for (const by of [null, "operator anna at foh"]) {
        assertReadable(tell(event(kind, detail, { by }), CONTEXT), `${kind} ${JSON.stringify(detail)}`);
      }
    }
  }
  for (const each of CLASSES) {
    assertReadable(tell(event("exited", { exit: exit({ class: each }) }), CONTEXT), `exited ${each}`);
  }
  assertReadable(tell(event("of-tomorrow" as ProgramEvent["kind"]), CONTEXT), "a kind of a newer shim");
});

Deno.test("a machine out of reach, back, and a supervisor that came back are told with place and time", () => {
  for (const running of [null, 0, 2]) assertReadable(tellUnreachable(NOW, running, CONTEXT), `${running}`);
  assertReadable(tellReachable(NOW, CONTEXT), "reachable");
  for (const programs of [0, 1, 3]) assertReadable(tellAdopted(NOW, programs, CONTEXT), `${programs}`);
  assertEquals(
    tellUnreachable(NOW, 2, CONTEXT).done,
    "Its programs keep running on their own (last known: 2 running).",
  );
  assertEquals(tellAdopted(NOW, 3, CONTEXT).done, "3 programs were not interrupted.");
});

const TOLD: readonly (readonly [string, CrewText, string, readonly string[]])[] = [
  [
    "a crash that is over",
    explain(program({ lastExit: exit() }), CONTEXT),
    "P101",
    [
      "aurora on stage-left crashed (memory access error) at 20:14:04.",
      "Started again, back after 1.9 s.",
      "Nothing to do.",
    ],
  ],
  [
    "three crashes and the safe look",
    explain(
      program({ state: "backoff", fails: 3, fallback: true, lastExit: exit(), nextTryWallMs: NOW + 4_000 }),
      {
        ...CONTEXT,
        events: [43, 20, 3].map((s, n) =>
          event("exited", { exit: exit() }, { run: 4 + n, atWallMs: NOW - s * 1_000 })
        ),
      },
    ),
    "P102",
    [
      "aurora on stage-left crashed 3 times in 40 s, last at 20:14:04.",
      "The safe look is showing; the next try is in 4 s.",
      "If it goes on, read its last lines: hana logs aurora@stage-left --run 6",
    ],
  ],
  [
    "a frozen picture",
    explain(program({ health: "stalled" }), CONTEXT),
    "P103",
    [
      "aurora on stage-left is alive, but its picture has not moved since 20:14:06 (last frame 90210).",
      "It is watched.",
      "If it looks frozen: hana restart aurora@stage-left",
    ],
  ],
  [
    "a missing file",
    explain(
      program({ state: "parked", lastExit: exit({ class: "config", why: "file ./aurora is missing" }) }),
      CONTEXT,
    ),
    "P105",
    [
      "aurora on stage-left cannot start at 20:14:04: file ./aurora is missing.",
      "It is not tried again, but starts by itself when the file is changed or appears.",
      "To try at once: hana start aurora@stage-left",
    ],
  ],
  [
    "a program that gave up by its own word",
    explain(
      program({ state: "parked", lastExit: exit({ class: "fatal", code: 78, signal: null }) }),
      CONTEXT,
    ),
    "P113",
    [
      "aurora on stage-left ended at 20:14:04 and cannot go on (error 78: its set-up is wrong).",
      "It is not tried again: it said that this would be of no use.",
      "Read what it said, put it right, then start it: hana logs aurora@stage-left --run 6",
    ],
  ],
  [
    "memory",
    explain(program({ lastExit: exit({ class: "oom" }) }), CONTEXT),
    "P106",
    [
      "aurora on stage-left used 6.0 GiB of memory, more than it may, at 20:14:04.",
      "Started again, back after 1.9 s.",
      "Nothing to do.",
    ],
  ],
  [
    "a program that is well",
    explain(bundle(), CONTEXT),
    "P100",
    [
      "aurora on stage-left runs since 20:14:04 (run 7).",
      "It was ready after 1.8 s, and shows 60 frames a second.",
      "Nothing to do.",
    ],
  ],
  [
    "a stop, and who wanted it",
    explain(
      bundle({
        snapshot: program({
          state: "idle",
          want: "down",
          lastExit: exit({ class: "stopped", signal: "SIGTERM" }),
        }),
        events: [event("stopping", {}, { by: "anna at foh" })],
      }),
      CONTEXT,
    ),
    "P116",
    [
      "aurora on stage-left was stopped at 20:14:04 by anna at foh.",
      "Nothing of it runs, and nothing is to run.",
      "To have it run: hana start aurora@stage-left",
    ],
  ],
  [
    "a lost watcher",
    explain(program({ supervised: false }), CONTEXT),
    "P112",
    [
      "aurora on stage-left has no watcher since 20:14:06.",
      "This is what was known last: running, run 7. It is looked for, and started again where it is gone.",
      "If this does not change within seconds: hana restart aurora@stage-left",
    ],
  ],
];

for (const [what, text, code, sentences] of TOLD) {
  Deno.test(`${what} reads as ${code}`, () => {
    assertEquals([text.code, ...sentencesOf(text)], [code, ...sentences]);
  });
}

Deno.test("yesterday's crash is no news of a program that has run since", () => {
  const started = NOW - 3_600_000;
  const text = explain(
    program({ startedWallMs: started, lastExit: exit({ atWallMs: started - 100 }) }),
    CONTEXT,
  );
  assertEquals(text.code, "P100");
});

Deno.test("what a program says of itself cannot add lines or endless words to a sentence", () => {
  const text = explain(program({ state: "starting", status: `one\ntwo\r${"x".repeat(1_000)}` }), CONTEXT);
  assertNotMatch(text.done, /[\n\r]/);
  assert(text.done.length < 240);
});

Deno.test("every number for the manual can come up", () => {
  const seen = new Set<string>();
  for (const ending of Object.values(ENDINGS)) seen.add(ending.code);
  for (const kind of KINDS) seen.add(tell(event(kind), CONTEXT).code);
  seen.add(tell(event("backoff", { fails: 5 }), CONTEXT).code);
  for (const state of STATES) {
    for (const each of CLASSES) {
      seen.add(explain(program({ state, lastExit: exit({ class: each }) }), CONTEXT).code);
    }
  }
  seen.add(tellUnreachable(NOW, 1, CONTEXT).code);
  assertEquals(Object.keys(CREW_CASES).filter((code) => !seen.has(code)), []);
});
