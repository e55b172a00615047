// Numbers of runs and events while a disk is full: what the shim could not write down its daemon still knows.

import { assert, assertEquals } from "@std/assert";
import { Bench } from "./support.ts";

Deno.test("a shim that could not write its journal is followed by one that counts on", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("viz", ["stays"]);
  await bench.untilState("viz", "running");
  bench.host.disk.limitBytes = bench.host.disk.usedBytes;
  await bench.verb("restart", "viz");
  await bench.until(
    () => bench.see("viz").run === 2 && bench.see("viz").state === "running",
    "the second run",
  );
  await bench.verb("stop", "viz");
  await bench.until(
    () => bench.see("viz").state === "idle" && !bench.see("viz").supervised,
    "its shim has ended",
  );
  await bench.verb("start", "viz");
  await bench.untilState("viz", "running");
  assertEquals(bench.see("viz").run, 3);
  bench.host.disk.limitBytes = null;
  const seqs = bench.events().filter(({ origin, event }) => origin === "shim" && event.program === "viz")
    .map(({ event }) => event.seq);
  assertEquals(new Set(seqs).size, seqs.length, "no number twice");
  assert(seqs.every((seq, at) => at === 0 || seq > (seqs[at - 1] ?? 0)), seqs.join(" "));
});

Deno.test("a restart whose daemon dies before it answers is done once, though it is asked for again", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("viz", ["stays"]);
  await bench.untilState("viz", "running");
  const call = { op: "press-0001", name: "viz", by: "anna" };
  const [first] = bench.alive("stays");
  bench.supervisor.restart(call).catch(() => {});
  // The shim has it, and the daemon does not know that yet.
  await bench.until(() => bench.alive("stays")[0] !== first, "the first run ends");
  await bench.reopen();
  await bench.until(
    () => bench.see("viz").run === 2 && bench.see("viz").state === "running",
    "the second run",
  );
  const again = await bench.settle(bench.supervisor.restart(call));
  await bench.pass(5_000_000);
  assertEquals([again.changed, bench.see("viz").run], [false, 2]);
});
