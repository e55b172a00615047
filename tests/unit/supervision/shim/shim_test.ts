// The process that stands by a program, whole, on a simulated machine.

import { assert, assertEquals } from "@std/assert";
import { Bench, MS, SECOND } from "./support.ts";

Deno.test("a program that lives for a second counts as ready without a word", async () => {
  const bench = new Bench();
  await bench.start(["stays"]);
  await bench.untilState("running");
  assertEquals(bench.state.health, "unknown");
  assertEquals(bench.state.readyUs, 1 * SECOND);
  assertEquals(bench.starts.length, 1);
});

Deno.test("a crash is answered by the next run within milliseconds, the second one after a quarter of a second", async () => {
  const bench = new Bench();
  await bench.start(["ends", "3", "1500"]);
  await bench.until(() => bench.starts.length === 3, "the third run");
  const [first = 0, second = 0, third = 0] = bench.starts;
  assert(second - first - 1500 * MS < 4 * MS, `${second - first} µs`);
  const pauseUs = third - second - 1500 * MS;
  assert(pauseUs > 190 * MS && pauseUs < 310 * MS, `${pauseUs} µs`);
  const exits = bench.events.filter(({ kind }) => kind === "exited");
  assertEquals(exits.map(({ run }) => run), [1, 2]);
});

Deno.test("stopping leaves nothing of a tree behind, whatever ignores it", async () => {
  const bench = new Bench();
  await bench.start(["litters", "0", "600000"], { graceUs: 1 * SECOND });
  await bench.untilState("running");
  assertEquals(bench.alive().length, 3);
  bench.demand({ t: "want", want: "down", generation: 2 });
  await bench.until(() => bench.shim?.isRunning === false, "the end of the shim");
  assertEquals(bench.alive(), []);
  assertEquals(bench.told.at(-1)?.t, "bye");
  assertEquals(bench.host.disk.stat("/run/c"), null);
});

Deno.test("what a crashed program left is gone before the next run begins", async () => {
  const bench = new Bench();
  let most = 0;
  bench.program("litters", (program) => {
    most = Math.max(most, bench.alive().length);
    program.start(["stubborn"], { newGroup: true });
    const { timers, clock } = program.platform;
    timers.schedule(clock.nowUs() + 200 * MS, () => program.exit(1));
  });
  await bench.start(["litters"]);
  await bench.until(() => bench.state.run >= 4, "the fourth run");
  assertEquals(most, 1);
});

Deno.test("processes that wait in a driver are named, and the program goes on by itself when they let go", async () => {
  const bench = new Bench();
  bench.program("inDriver", (program) => program.waitInKernel("nvidia_ioctl", 20 * SECOND));
  await bench.start(["inDriver"], { graceUs: 100 * MS });
  await bench.untilState("running");
  bench.demand({ t: "restart" });
  await bench.untilState("unkillable");
  assert(bench.state.note?.includes("nvidia_ioctl"), bench.state.note ?? "no note");
  assertEquals(bench.starts.length, 1, "a new copy would fight it for the GPU");
  await bench.until(() => bench.state.state === "running" && bench.state.run === 2, "the next run");
});

Deno.test("fifty restarts at once are one", async () => {
  const bench = new Bench();
  await bench.start(["stubborn"], { graceUs: 500 * MS });
  await bench.untilState("running");
  for (let i = 0; i < 50; i++) bench.demand({ t: "restart", run: 1 });
  await bench.until(() => bench.state.state === "running" && bench.state.run === 2, "the second run");
  await bench.pass(5 * SECOND);
  assertEquals(bench.starts.length, 2);
  assertEquals(bench.state.run, 2);
});

Deno.test("a missing file parks the program, and its coming starts it", async () => {
  const bench = new Bench();
  await bench.start(["/shows/late"]);
  await bench.untilState("parked");
  assert(bench.state.note?.includes("/shows/late"), bench.state.note ?? "no note");
  bench.program("/shows/late", () => {});
  await bench.untilState("running");
});

Deno.test("a fatal exit code parks the program, and a human's word starts it again", async () => {
  const bench = new Bench();
  await bench.start(["ends", "78", "10"]);
  await bench.untilState("parked");
  await bench.pass(60 * SECOND);
  assertEquals(bench.starts.length, 1);
  bench.demand({ t: "want", want: "up" });
  await bench.until(() => bench.starts.length === 2, "another try");
});

Deno.test("a program that is to run once is done when it ends well, and its shim ends", async () => {
  const bench = new Bench();
  await bench.start(["ends", "0", "50"], { restart: "on-failure" });
  await bench.until(() => bench.shim?.isRunning === false, "the end of the shim");
  assertEquals(bench.state.state, "done");
  assertEquals(bench.state.lastExit?.class, "success");
});

Deno.test("a line makes a program ready where that is said", async () => {
  const bench = new Bench();
  await bench.start(["talks"], { ready: { kind: "line", text: "ready to draw" } });
  await bench.untilState("running");
  assertEquals(bench.state.health, "ready");
  assert((bench.state.readyUs ?? Infinity) < 100 * MS);
});

Deno.test("a program that holds too much memory is ended for it", async () => {
  const bench = new Bench();
  bench.program("eats", (program) => {
    program.residentBytes = 7 * 2 ** 30;
  });
  await bench.start(["eats"], { memoryMaxBytes: 6 * 2 ** 30 });
  await bench.until(() => bench.state.lastExit !== null, "its end");
  assertEquals(bench.state.lastExit?.class, "oom");
  assertEquals(bench.state.lastExit?.peakBytes, 7 * 2 ** 30);
});

Deno.test("the safe look stands in from the third failure on, and ends when the program has been ready for ten seconds", async () => {
  const bench = new Bench();
  let slates = 0;
  bench.program("slate", () => void slates++);
  let tries = 0;
  bench.program("flaky", (program) => {
    if (++tries > 4) return;
    const { timers, clock } = program.platform;
    timers.schedule(clock.nowUs() + 100 * MS, () => program.exit(1));
  });
  await bench.start(["flaky"], { fallback: { after: 3, argv: ["slate"] } });
  await bench.until(() => bench.state.fallback, "the safe look");
  assertEquals(bench.state.fails, 3);
  await bench.until(() => bench.state.state === "running", "the program");
  assert(bench.state.fallback);
  await bench.until(() => !bench.state.fallback, "the end of the safe look");
  await bench.pass(2 * SECOND);
  assertEquals(slates, 1);
  assertEquals(
    bench.host.platform.processTable.marked("HANA_INSTANCE", "00112233445566778899aabbccddeeff.slate"),
    [],
  );
});

Deno.test("a shim that is killed leaves a program that the next one ends before it starts it anew", async () => {
  const bench = new Bench();
  await bench.start(["stubborn"]);
  await bench.untilState("running");
  bench.shim?.kill("SIGKILL");
  await bench.until(() => !bench.isConnected, "the loss");
  assertEquals(bench.alive().length, 1);
  await bench.start(["stubborn"]);
  await bench.until(() => bench.state.run === 2 && bench.state.state === "running", "the second run");
  assertEquals(bench.alive().length, 1);
  assert(bench.kinds().includes("shim-lost"));
  const seqs = bench.events.map(({ seq }) => seq);
  assertEquals(seqs, seqs.map((_, i) => (seqs[0] ?? 0) + i), "numbers have no gaps");
});

Deno.test("without a daemon a program is kept all the same, and whoever comes back hears what happened", async () => {
  const bench = new Bench();
  await bench.start(["ends", "1", "2000"]);
  await bench.untilState("running");
  const heard = bench.events.length;
  bench.host.platform.processTable;
  await bench.pass(60 * SECOND);
  await bench.connect();
  await bench.until(
    () => bench.told.at(-1)?.t === "welcome" || bench.told.some(({ t }) => t === "welcome"),
    "a welcome",
  );
  await bench.pass(100 * MS);
  assert(bench.events.length > heard + 10);
  const seqs = new Set(bench.events.map(({ seq }) => seq));
  assertEquals(seqs.size, Math.max(...seqs) - Math.min(...seqs) + 1);
});

Deno.test("a shim refuses to stand by a program that another one stands by", async () => {
  const bench = new Bench();
  await bench.start(["stays"]);
  await bench.untilState("running");
  const first = bench.shim;
  await bench.start(["stays"]);
  await bench.pass(2 * SECOND);
  assertEquals(bench.shim?.isRunning, false);
  assertEquals(first?.isRunning, true);
  assertEquals(bench.starts.length, 1);
});
