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
  await bench.until(() => bench.see("viz").run === 2 && bench.see("viz").state === "running", "the second run");
  await bench.verb("stop", "viz");
  await bench.until(() => bench.see("viz").state === "idle" && !bench.see("viz").supervised, "its shim has ended");
  await bench.verb("start", "viz");
  await bench.untilState("viz", "running");
  assertEquals(bench.see("viz").run, 3);
  bench.host.disk.limitBytes = null;
  const seqs = bench.events().filter(({ origin, event }) => origin === "shim" && event.program === "viz")
    .map(({ event }) => event.seq);
  assertEquals(new Set(seqs).size, seqs.length, "no number twice");
  assert(seqs.every((seq, at) => at === 0 || seq > (seqs[at - 1] ?? 0)), seqs.join(" "));
});
