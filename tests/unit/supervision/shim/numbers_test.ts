// Numbers of runs and the ends that are told of them, across shims that are lost and machines that lose their power.

import { assertEquals } from "@std/assert";
import { Bench, MS, SECOND } from "./support.ts";

Deno.test("a machine that loses its power gives no number of a run again", async () => {
  const bench = new Bench();
  await bench.start(["ends", "1", "1000"]);
  await bench.until(() => bench.state.run === 3 && bench.state.process !== null, "the third run");
  await bench.pass(10 * MS);
  bench.host.restart();
  await bench.start(["stays"]);
  await bench.until(() => bench.state.process !== null, "the next run");
  assertEquals(bench.state.run, 4);
});

Deno.test("a shim that follows a lost one tells the end of the run that was lost, not of its own", async () => {
  const bench = new Bench();
  await bench.start(["stays"]);
  await bench.until(() => bench.state.state === "running", "it runs");
  const [shim] = bench.host.processTable.named("hana").filter(({ processId }) =>
    processId === bench.shim?.processId
  );
  shim?.signal("SIGKILL");
  await bench.pass(1 * SECOND);
  await bench.start(["stays"]);
  await bench.until(() => bench.state.run === 2 && bench.state.state === "running", "the next run");
  const ends = bench.events.filter(({ kind }) => kind === "exited").map(({ run, detail }) => {
    const exit = detail["exit"] as { readonly run: number; readonly class: string };
    return [run, exit.run, exit.class];
  });
  assertEquals(ends, [[1, 1, "shim-lost"]]);
});

Deno.test("what a full disk refused is on it for good a few seconds after it has room again", async () => {
  const bench = new Bench();
  await bench.start(["stays"]);
  await bench.until(() => bench.state.state === "running", "it runs");
  bench.host.disk.limitBytes = bench.host.disk.usedBytes;
  bench.host.processTable.named("stays")[0]?.signal("SIGKILL");
  await bench.until(() => bench.state.run === 2 && bench.state.state === "running", "the second run");
  bench.host.disk.limitBytes = null;
  // Nothing happens that would have to be synced.
  await bench.pass(6 * SECOND);
  bench.host.restart();
  await bench.start(["stays"]);
  await bench.until(() => bench.state.process !== null, "the next run");
  assertEquals(bench.state.run, 3);
});
