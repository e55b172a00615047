// What becomes of programs when the daemon, their shim, the database or the machine is lost.

import { assert, assertEquals } from "@std/assert";
import { Bench, DIRECTORY, MS, SECOND } from "./support.ts";

const DATABASE = `${DIRECTORY}/programs.db`;

Deno.test("a new daemon takes over what runs, disturbs nothing and knows the same", async () => {
  const bench = new Bench();
  await bench.open();
  for (const name of ["a", "b", "c"]) await bench.spawn(name, ["stays"]);
  for (const name of ["a", "b", "c"]) await bench.untilState(name, "running");
  const before = bench.supervisor.programs().map(({ name, process, run }) => ({ name, process, run }));
  const beganUs = bench.world.nowUs;
  await bench.reopen();
  assert(bench.world.nowUs - beganUs < 200 * MS);
  assertEquals(bench.supervisor.programs().map(({ name, process, run }) => ({ name, process, run })), before);
  assertEquals(bench.supervisor.programs().every(({ supervised }) => supervised), true);
  assertEquals(bench.supervisor.counters.adopted, 3);
  assertEquals(bench.starts.length, 3);
  assertEquals(bench.crashes, []);
});

Deno.test("twenty programs are taken over within 200 ms", async () => {
  const bench = new Bench();
  await bench.open();
  for (let at = 0; at < 20; at++) await bench.spawn(`p${at}`, ["stays"]);
  await bench.until(() => bench.supervisor.programs().every(({ state }) => state === "running"), "all run");
  const beganUs = bench.world.nowUs;
  await bench.reopen();
  assert(bench.world.nowUs - beganUs < 200 * MS);
  assertEquals(bench.supervisor.counters.adopted, 20);
  assertEquals(bench.starts.length, 20);
});

Deno.test("a daemon that is killed a hundred times under churn costs no program its process and no event its number", async () => {
  const bench = new Bench(7);
  await bench.open();
  await bench.spawn("still", ["stays"]);
  await bench.spawn("restless", ["dies", "700"]);
  await bench.untilState("still", "running");
  const pid = bench.see("still").process?.processId;
  for (let round = 0; round < 100; round++) {
    await bench.pass((round * 37 % 400) * MS);
    await bench.reopen();
  }
  await bench.pass(SECOND);
  assertEquals(bench.see("still").process?.processId, pid);
  assertEquals(bench.see("still").run, 1);
  const seqs = bench.events().filter(({ origin, event }) => origin === "shim" && event.program === "restless")
    .map(({ event }) => event.seq);
  assertEquals(seqs, seqs.map((_, at) => at + 1));
  assertEquals(bench.alive("stays").length, 1);
  assert(bench.alive("dies").length <= 1);
  assertEquals(bench.crashes, []);
});

Deno.test("a shim that is killed is replaced within two seconds, once, and nothing of its program lives on", async () => {
  const bench = new Bench();
  await bench.open();
  bench.program("leader", (program) => {
    program.start(["stays"], { newGroup: true });
  });
  await bench.spawn("aurora", ["leader"]);
  await bench.untilState("aurora", "running");
  const [orphan] = bench.alive("stays");
  killShim(bench, "aurora");
  const beganUs = bench.world.nowUs;
  await bench.until(() => bench.see("aurora").run === 2 && bench.see("aurora").process !== null, "replaced");
  assert(bench.world.nowUs - beganUs < 2 * SECOND);
  assertEquals(bench.alive("leader").length, 1);
  await bench.pass(10 * SECOND);
  assertEquals(bench.alive("leader").length, 1);
  assertEquals(bench.alive("stays").length, 1);
  assert(!bench.alive("stays").includes(orphan ?? 0));
  assertEquals(bench.supervisor.counters.shimsLost, 1);
  const losses = bench.events().filter(({ event }) => event.kind === "shim-lost");
  assertEquals(losses.length, 1);
});

Deno.test("a shim and its daemon that are killed together leave one program, not two", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["litters"]);
  await bench.untilState("aurora", "running");
  killShim(bench, "aurora");
  await bench.reopen();
  await bench.untilState("aurora", "running");
  await bench.pass(10 * SECOND);
  assertEquals([bench.alive("litters").length, bench.alive("stays").length], [1, 1]);
  assertEquals(bench.events().filter(({ event }) => event.kind === "shim-lost").length, 1);
});

Deno.test("a lost shim of a program that is wanted down is told of, and its program is ended", async () => {
  const bench = new Bench();
  await bench.open();
  bench.program("stubborn", (program) => {
    program.onSignal = () => {};
  });
  await bench.spawn("aurora", ["stubborn"], { graceUs: 30 * SECOND });
  await bench.untilState("aurora", "running");
  await bench.verb("stop", "aurora");
  await bench.untilState("aurora", "stopping");
  killShim(bench, "aurora");
  await bench.untilState("aurora", "idle", 5 * SECOND);
  assertEquals(bench.alive("stubborn"), []);
  const losses = bench.events().filter(({ event }) => event.kind === "shim-lost");
  assertEquals(losses.map(({ origin }) => origin), ["daemon"]);
});

Deno.test("what a lost shim left and cannot be ended keeps a new copy away until it is gone", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["inDriver"]);
  await bench.untilState("aurora", "running");
  const [stuck] = bench.alive("inDriver");
  killShim(bench, "aurora");
  await bench.untilState("aurora", "unkillable", 10 * SECOND);
  assertEquals(bench.see("aurora").note, `cannot be ended: ${stuck}`);
  await bench.pass(20 * SECOND);
  assertEquals(bench.alive("inDriver"), [stuck]);
  bench.host.processTable.find(stuck ?? 0)?.waitInKernel(null);
  await bench.until(() => bench.see("aurora").run === 2, "a new copy");
  const kinds = bench.events().filter(({ event }) => event.kind === "unkillable");
  assertEquals(kinds.length, 1);
});

Deno.test("a shim that stands still is neither doubled nor ended", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  const shim = shimOf(bench, "aurora");
  bench.host.platform.processTable.signal(shim, "SIGSTOP");
  await bench.reopen();
  await bench.pass(20 * SECOND);
  assertEquals(bench.see("aurora").supervised, false);
  assertEquals(bench.see("aurora").note, "its shim does not answer");
  assertEquals(bench.alive("stays").length, 1);
  bench.host.platform.processTable.signal(shim, "SIGCONT");
  await bench.until(() => bench.see("aurora").supervised, "it answers again");
  assertEquals(bench.see("aurora").run, 1);
  assertEquals(bench.starts.length, 1);
});

Deno.test("a damaged database stands aside and is built anew from what runs and from what does not", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"], { env: { SEED: "42" } });
  await bench.spawn("slate", ["stays"]);
  await bench.untilState("aurora", "running");
  await bench.verb("stop", "slate");
  await bench.untilState("slate", "idle");
  const eventsBefore = bench.events().filter(({ event }) => event.program === "aurora").length;
  bench.host.main.kill();
  bench.host.disk.write(DATABASE, new TextEncoder().encode("no database at all"), 0o600);
  await bench.reopen();
  assertEquals(bench.see("aurora").run, 1);
  assertEquals(bench.see("aurora").supervised, true);
  assertEquals(bench.supervisor.desired("aurora").spec.env, { SEED: "42" });
  assertEquals([bench.see("slate").want, bench.see("slate").state], ["down", "idle"]);
  assertEquals(bench.see("slate").generation, 2);
  const events = bench.events();
  const [alert] = events.filter(({ event }) => event.kind === "fault");
  assertEquals(alert?.event.detail["programs"], ["aurora", "slate"]);
  assert(events.filter(({ event }) => event.program === "aurora").length >= eventsBefore);
  const aside = bench.host.disk.list(DIRECTORY).filter((name) => name.startsWith("programs.db.damaged-"));
  assertEquals(aside.length, 1);
  assertEquals(bench.starts.length, 2);
  await bench.pass(10 * SECOND);
  assertEquals(bench.starts.length, 2);
  assertEquals(bench.crashes, []);
});

Deno.test("a database that is missing is built anew, and what is wanted after that is kept", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  bench.host.main.kill();
  for (const name of bench.host.disk.list(DIRECTORY)) {
    if (name.startsWith("programs.db")) bench.host.disk.remove(`${DIRECTORY}/${name}`);
  }
  await bench.reopen();
  assertEquals(bench.see("aurora").run, 1);
  await bench.verb("stop", "aurora");
  await bench.reopen();
  await bench.untilState("aurora", "idle");
  assertEquals(bench.see("aurora").want, "down");
});

Deno.test("after the power was gone, what was wanted up runs again, and what asks first waits for a word", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.spawn("desk", ["stays"], { boot: "ask" });
  await bench.spawn("off", ["stays"]);
  for (const name of ["aurora", "desk", "off"]) await bench.untilState(name, "running");
  await bench.verb("stop", "off");
  await bench.untilState("off", "idle");
  // A new daemon of the same boot asks nobody.
  await bench.reopen();
  assertEquals(bench.see("desk").state, "running");
  await bench.powerCycle();
  await bench.untilState("aurora", "running");
  await bench.pass(5 * SECOND);
  assertEquals([bench.see("desk").state, bench.see("desk").want], ["idle", "up"]);
  assertEquals(bench.see("desk").note, "waits for a word since the machine was started anew");
  assertEquals(bench.see("off").state, "idle");
  await bench.reopen();
  await bench.pass(5 * SECOND);
  assertEquals(bench.see("desk").state, "idle");
  await bench.verb("start", "desk");
  await bench.untilState("desk", "running");
  assertEquals(bench.alive("stays").length, 2);
  assertEquals(bench.crashes, []);
});

Deno.test("tokens, sockets and numbers of another boot mean nobody: nothing is signalled", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  await bench.verb("stop", "aurora");
  await bench.untilState("aurora", "idle");
  const file = `${DIRECTORY}/programs/aurora/assignment.json`;
  const kept = JSON.parse(new TextDecoder().decode(bench.host.disk.read(file) ?? new Uint8Array()));
  bench.host.restart();
  // Somebody who carries the mark of the earlier boot, by whatever accident.
  const bystander = bench.host.platform.processes.spawn(
    { argv: ["stays"], env: { HANA_INSTANCE: kept.token } },
    { onExit: () => {} },
  );
  await bench.pass(SECOND);
  await bench.open();
  await bench.verb("start", "aurora");
  await bench.untilState("aurora", "running");
  assert(bystander.isRunning);
  assertEquals(bench.supervisor.counters.swept, 0);
});

Deno.test("desired state that was answered survives a loss of power in the very next instant", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const bench = new Bench(seed);
    await bench.open();
    await bench.spawn("aurora", ["stays"]);
    await bench.pass(seed * 83 * MS);
    const { generation } = await bench.verb("stop", "aurora");
    await bench.powerCycle();
    assertEquals([bench.see("aurora").want, bench.see("aurora").generation], ["down", generation]);
    await bench.pass(5 * SECOND);
    assertEquals(bench.alive("stays"), []);
  }
});

Deno.test("a disk that refuses stops nothing: verbs say that they are not kept, and it is kept when it can be", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  bench.host.disk.refuse = (operation) => operation === "write" ? "no space left" : null;
  const result = await bench.verb("stop", "aurora");
  assertEquals(result.durable, false);
  await bench.untilState("aurora", "idle");
  bench.host.disk.refuse = null;
  const later = await bench.verb("start", "aurora");
  assertEquals(later.durable, true);
  await bench.untilState("aurora", "running");
  const own = bench.events().filter(({ origin }) => origin === "daemon").map(({ event }) => event.kind);
  assertEquals(own, ["disk-full", "disk-freed"]);
  await bench.reopen();
  assertEquals(bench.see("aurora").want, "up");
});

Deno.test("a disk that takes no database at all still lets a daemon find and command what runs", async () => {
  const bench = new Bench();
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.untilState("aurora", "running");
  bench.host.main.kill();
  for (const name of bench.host.disk.list(DIRECTORY)) {
    if (name.startsWith("programs.db")) bench.host.disk.remove(`${DIRECTORY}/${name}`);
  }
  bench.host.disk.refuse = (operation, path) =>
    operation === "write" || (operation === "lock" && path.startsWith(DATABASE)) ? "read-only" : null;
  await bench.reopen();
  assertEquals((bench.supervisor.statistics()["store"] as { origin: string }).origin, "memory");
  assertEquals([bench.see("aurora").run, bench.see("aurora").supervised], [1, true]);
  const result = await bench.verb("stop", "aurora");
  assertEquals([result.changed, result.durable], [true, false]);
  await bench.untilState("aurora", "idle");
  const own = bench.events().filter(({ origin }) => origin === "daemon").map(({ event }) => event.kind);
  assertEquals(own, ["fault", "disk-full"]);
  assertEquals(bench.crashes, []);
});

function shimOf(bench: Bench, name: string): { processId: number; startedAt: number } {
  const lead = bench.see(name).process;
  const facts = bench.host.platform.processTable.inspect(lead?.processId ?? 0);
  const shim = bench.host.platform.processTable.inspect(facts?.parentId ?? 0);
  assert(shim !== null && shim.name === "hana", `${name} has a shim`);
  return shim;
}

function killShim(bench: Bench, name: string): void {
  assert(bench.host.platform.processTable.signal(shimOf(bench, name), "SIGKILL"));
}
