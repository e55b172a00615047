// Sweeps: order, when a scenario has been tried enough, budgets, trouble, and what an end in between leaves.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { WorkerTrouble } from "../../../../cli/simulate/job.ts";
import { parseJobs } from "../../../../cli/simulate/sweep.ts";
import { codeOfReports, codeOfResult, worstCode } from "../../../../cli/simulate/outcome.ts";
import { reportOf, resultOf, runOf, scenarioFor, violationOf } from "../reports/fixture.ts";
import { playedOf, sweepWith, targetOf } from "./support.ts";

const a = targetOf("a");
const b = targetOf("b");
const FAIL = { verdict: "fail", violations: [violationOf()] } as const;

Deno.test("every scenario is played once before any is played twice", async () => {
  const { order, reports } = await sweepWith(
    [{ target: a, seeds: [1, 2] }, { target: b, seeds: [1, 2, 3] }],
    (job) => playedOf(job),
  );
  assertEquals(order, ["a:1", "b:1", "a:2", "b:2", "b:3"]);
  assertEquals(reports.map(({ runs }) => runs.length), [2, 3]);
});

Deno.test("a scenario that failed is left alone, the others go on", async () => {
  const { order } = await sweepWith(
    [{ target: a, seeds: [1, 2, 3] }, { target: b, seeds: [1, 2] }],
    (job) => playedOf(job, job.scenario.name === "a" && job.seed === 1 ? FAIL : {}),
  );
  assertEquals(order, ["a:1", "b:1", "b:2"]);
});

Deno.test("--keep-going plays all seeds, and reports stand in the order of seeds", async () => {
  const { order, reports } = await sweepWith(
    [{ target: a, seeds: [3, 1, 2] }],
    (job) => playedOf(job, FAIL),
    { keepGoing: true },
  );
  assertEquals(order, ["a:3", "a:1", "a:2"]);
  assertEquals(reports[0]?.runs.map(({ result }) => result.seed), [1, 2, 3]);
});

Deno.test("a budget ends new runs, but every scenario is played once", async () => {
  function* endless(): Generator<number> {
    for (let seed = 1;; seed++) yield seed;
  }
  const { order } = await sweepWith(
    [{ target: a, seeds: endless() }, { target: b, seeds: endless() }],
    (job) => playedOf(job),
    { budgetMs: 4 },
  );
  assertEquals(order, ["a:1", "b:1", "a:2", "b:2", "a:3"]);
  const late = await sweepWith(
    [{ target: a, seeds: endless() }, { target: b, seeds: endless() }],
    (job) => playedOf(job),
    { budgetMs: 0 },
  );
  assertEquals(late.order, ["a:1", "b:1"]);
});

Deno.test("a worker that dies costs its run alone, which is told with seed and command", async () => {
  const { reports, order } = await sweepWith(
    [{ target: a, seeds: [1, 2] }, { target: b, seeds: [1] }],
    (job) => {
      if (job.scenario.name === "a") throw new WorkerTrouble("its worker died (SIGKILL)");
      return playedOf(job);
    },
  );
  assertEquals(order, ["a:1", "b:1"]);
  const [failure] = reports[0]?.failures ?? [];
  assertEquals(failure?.seed, 1);
  assertMatch(failure?.repro ?? "", /^hana simulate replay a@[0-9a-f]{16}:1:1\.0\+x$/);
  assertEquals(codeOfReports(reports), 70);
});

Deno.test("an end by a signal keeps what is whole, and a failure that was found", async () => {
  const controller = new AbortController();
  const { reports, cutOff, ended } = await sweepWith(
    [{ target: a, seeds: [1, 2] }, { target: b, seeds: [1, 2] }],
    (job, signal) => {
      if (job.seed === 1) return playedOf(job);
      controller.abort();
      assertEquals(signal.aborted, true);
      return playedOf(
        job,
        job.scenario.name === "a" ? { verdict: "inconclusive", reason: "interrupted" } : FAIL,
      );
    },
    {},
    controller.signal,
  );
  assertEquals(ended, "signal");
  assertEquals(reports.map(({ runs }) => runs.length), [1, 1]);
  assertEquals(cutOff, 1);
});

Deno.test("what never began counts as cut off", async () => {
  const controller = new AbortController();
  controller.abort();
  const { reports, cutOff, order } = await sweepWith(
    [{ target: a, seeds: [1] }, { target: b, seeds: [1] }],
    (job) => playedOf(job),
    {},
    controller.signal,
  );
  assertEquals([order.length, cutOff], [0, 2]);
  assertEquals(codeOfReports(reports), 3);
});

Deno.test("the first failure of a scenario is played again in a fresh place, and must be the same there", async () => {
  const once = await sweepWith(
    [{ target: a, seeds: [1, 2] }],
    (job) => playedOf(job, FAIL),
    { confirms: true, keepGoing: true },
  );
  assertEquals(once.order, ["a:1", "a:1 again", "a:2"]);
  assertEquals(once.differences, []);
  const other = await sweepWith(
    [{ target: a, seeds: [1] }],
    (job, _signal, fresh) => playedOf(job, fresh ? { digest: "ffff" } : FAIL),
    { confirms: true },
  );
  assertEquals(other.differences.length, 1);
  assertMatch(other.differences[0]?.identity ?? "", /^a@[0-9a-f]{16}:1:1\.0\+x$/);
});

Deno.test("a planted bug that is caught is no failure: all its seeds are played", async () => {
  const planted = targetOf("planted", { suite: "smoke", mustFail: true });
  const { order, reports } = await sweepWith(
    [{ target: planted, seeds: [1, 2] }],
    (job) => playedOf(job, FAIL),
  );
  assertEquals(order.length, 2);
  assertEquals(codeOfReports(reports), 0);
  const missed = await sweepWith([{ target: planted, seeds: [1, 2] }], (job) => playedOf(job));
  assertEquals([missed.order.length, codeOfReports(missed.reports)], [1, 1]);
});

Deno.test("several jobs at once lose no run", async () => {
  let running = 0;
  let most = 0;
  const { reports } = await sweepWith(
    [{ target: a, seeds: Array.from({ length: 50 }, (_, seed) => seed) }],
    async (job) => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return playedOf(job);
    },
    { jobs: 4 },
  );
  assertEquals(reports[0]?.runs.length, 50);
  assertEquals(most, 4);
});

Deno.test("each kind of failure has its exit code, and the worst one wins", () => {
  const scenario = scenarioFor();
  const failed = (...kinds: ("safety" | "liveness" | "metric" | "internal")[]) =>
    resultOf(scenario, { verdict: "fail", violations: kinds.map((kind) => violationOf({ kind })) });
  assertEquals(codeOfResult(resultOf(scenario)), 0);
  assertEquals(codeOfResult(failed("safety")), 1);
  assertEquals(codeOfResult(failed("liveness")), 4);
  assertEquals(codeOfResult(failed("metric")), 5);
  assertEquals(codeOfResult(failed("internal", "safety")), 70);
  assertEquals(codeOfResult(failed("metric", "liveness")), 4);
  assertEquals(codeOfResult(failed("metric", "liveness", "safety")), 1);
  assertEquals(codeOfResult(resultOf(scenario, { verdict: "inconclusive" })), 3);
  assertEquals(codeOfResult(resultOf(scenario, { verdict: "invalid" })), 3);
  assertEquals(codeOfResult(failed("internal"), true), 70);
  const order = [70, 6, 1, 4, 5, 3, 0] as const;
  for (const [i, code] of order.entries()) assertEquals(worstCode(order.slice(i)), code);
  assertEquals(worstCode([]), 0);
  const runs = [failed("metric"), resultOf(scenario), failed("liveness")].map((result) => runOf(result));
  assertEquals(codeOfReports([reportOf(scenario, runs)]), 4);
});

Deno.test("--jobs is a number or auto", () => {
  assertEquals([parseJobs("auto", 6), parseJobs("3", 6)], [6, 3]);
  for (const text of ["0", "-1", "1.5", "many", "257"]) {
    assertThrows(() => parseJobs(text, 2), Error, "--jobs");
  }
});
