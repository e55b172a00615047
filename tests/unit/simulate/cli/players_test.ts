// Worker processes: used again while they work, replaced when they do not, never in the way of each other.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Job, WorkerTrouble } from "../../../../cli/simulate/job.ts";
import { Players, workerProgram } from "../../../../cli/simulate/players.ts";
import { denoRun } from "../../../support/cli.ts";
import { scenarioFor } from "../reports/fixture.ts";
import { DOES } from "./fake_worker.ts";

const NEVER = new AbortController().signal;

function players(size: number, runLimitMs = 20_000, abortGraceMs = 20_000): Players {
  return new Players({
    program: denoRun(new URL("fake_worker.ts", import.meta.url).pathname),
    size,
    runLimitMs,
    abortGraceMs,
  });
}

function job(does: keyof typeof DOES): Job {
  const keeping = { frames: false, timeline: false, digests: false };
  return { scenario: scenarioFor(), seed: DOES[does], software: "1.0", keeping, stopAtFirst: false };
}

Deno.test("a worker is used again, unless a fresh one is asked for", async () => {
  await using pool = players(1);
  const places: number[] = [];
  for (const fresh of [false, false, true, false]) {
    places.push((await pool.play(job("answer"), NEVER, fresh)).result.events);
  }
  assertEquals(places, [1, 2, 1, 3]);
});

Deno.test("runs that throw, die or babble are told by name, and the next one gets a new worker", async () => {
  await using pool = players(1);
  const told: [keyof typeof DOES, RegExp][] = [
    ["throw", /^TypeError: x is not a thing$/],
    ["die", /^its worker died \(exit code 9\): last words$/],
    ["exhaust", /^its worker died \(SIGABRT\)/],
    ["babble", /^its worker wrote something else than answers: hello there$/],
  ];
  for (const [does, text] of told) {
    const error = await assertRejects(() => pool.play(job(does), NEVER), WorkerTrouble);
    assert(text.test(error.message), error.message);
    assertEquals(
      (await pool.play(job("answer"), NEVER)).result.events,
      1,
      "a new worker has played nothing yet",
    );
  }
});

Deno.test("a run that never ends is ended", async () => {
  await using pool = players(1, 400);
  await assertRejects(
    () => pool.play(job("hang"), NEVER),
    WorkerTrouble,
    "took longer than 0.4 s of real time",
  );
});

Deno.test("a run that is told to stop hands over what it has; one that does not hear is ended", async () => {
  const controller = new AbortController();
  await using patient = players(1);
  await using impatient = players(1, 20_000, 100);
  const listening = patient.play(job("wait"), controller.signal);
  const deaf = assertRejects(
    () => impatient.play(job("hang"), controller.signal),
    WorkerTrouble,
    "ended by request",
  );
  controller.abort();
  assertEquals((await listening).result.seed, DOES.wait);
  await deaf;
});

Deno.test("one that dies takes none of the others with it", async () => {
  await using pool = players(3);
  const outcomes = await Promise.allSettled(
    (["answer", "die", "answer", "answer"] as const).map((does) => pool.play(job(does), NEVER)),
  );
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
});

Deno.test("a program that cannot be started is trouble, too", async () => {
  await using pool = new Players({ program: ["/nowhere/hana"], size: 1, runLimitMs: 1_000 });
  await assertRejects(() => pool.play(job("answer"), NEVER), WorkerTrouble, "/nowhere/hana");
});

Deno.test("the worker of hana itself plays a scenario", async () => {
  await using pool = new Players({ program: workerProgram(), size: 1, runLimitMs: 20_000 });
  const { result, digests } = await pool.play(
    { ...job("answer"), keeping: { frames: false, timeline: true, digests: true } },
    NEVER,
  );
  assertEquals([result.scenario, result.simulatedUs], ["fixture", 20_000_000]);
  assertEquals(digests.length, 20);
  assertEquals(digests.at(-1), result.digest);
});
