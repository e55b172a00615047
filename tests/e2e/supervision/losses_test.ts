// Whoever stands by a program is lost: its shim, its daemon, both, a hundred times. Real processes: no program may notice
// that its daemon is gone, and none may be there twice. HANA_CHAOS_KILLS says how often a daemon is killed.

import { assert, assertEquals } from "@std/assert";
import type { ProgramSnapshot } from "../../../lib/supervision/mod.ts";
import { type Console } from "../../support/programs/console.ts";
import { type Host, hostTest, lives } from "../../support/programs/host.ts";
import { latenessOf } from "../../support/programs/lateness.ts";
import { printFigure } from "../../support/programs/print.ts";

const KILLS = Number(Deno.env.get("HANA_CHAOS_KILLS") ?? "100");

hostTest("a daemon killed a hundred times disturbs no program, and loses no event", async (host, first) => {
  const steady = ["beats", "writes", "family"];
  const fast = { backoffCapUs: 400_000 };
  await first.spawn("beats", host.chaos("beats", "speak", "chatter 20 for 3000s"));
  await first.spawn("writes", host.chaos("writes", "chatter 100 for 3000s"));
  await first.spawn("family", host.chaos("family", "fork 2 setsid"));
  await first.spawn("fails", host.chaos("fails", "chatter 50 for 9s", "exit 3 after 700ms"), fast);
  await first.spawn("breaks", host.chaos("breaks", "chatter 50 for 9s", "signal SEGV after 400ms"), fast);
  await first.spawn("pressed", host.chaos("pressed", "speak"));
  for (const name of steady) await first.untilState(name, "running");
  const before = new Map(steady.map((name) => [name, lasting(first.program(name))]));
  const readyMs: number[] = [];
  let presses = 0;
  let kills = 0;
  for (let round = 0; kills < KILLS; round++) {
    kills++;
    if (round % 2 === 1) {
      // In the middle of its start, wherever that is.
      await host.crash();
      const early = host.startDaemon();
      await pause(Math.random() * 400);
      early.kill("SIGKILL");
      kills++;
      await early.ended();
    } else await host.crash();
    const startMs = performance.now();
    await host.serve();
    readyMs.push(performance.now() - startMs);
    await using desk = await host.console({ afterId: first.lastId });
    for (const name of steady) {
      const found = await desk.until(
        `${name} to be adopted`,
        () => desk.program(name).supervised ? desk.program(name) : null,
      );
      assertEquals(lasting(found), before.get(name), `round ${round}`);
    }
    if (round % 10 === 5) {
      await desk.until("a shim", () => desk.program("pressed").supervised);
      assert((await desk.restart("pressed")).changed);
      presses++;
    }
    await pause(Math.random() * 100);
  }
  for (const name of steady) assert(lives(before.get(name)?.process?.processId ?? 0), name);
  await using last = await host.console();
  last.assertGapFree();
  for (const name of ["fails", "breaks", "pressed"]) checkRuns(host, last, name);
  assertEquals(host.stamps("pressed").filter(({ what }) => what === "start").length, 1 + presses);
  for (const name of steady) assertEquals(host.stamps(name).length, 1, name);
  const { p50Ms, p99Ms, maxMs } = latenessOf(readyMs);
  printFigure(
    `a daemon that adopts 6 programs is ready after p50 ${round(p50Ms)}, p99 ${round(p99Ms)}, most ${
      round(maxMs)
    } ms`,
  );
}, { limitMs: 20_000 + KILLS * 6_000 });

hostTest(
  "a shim that is killed is replaced within two seconds, its program with it, once",
  async (host, desk) => {
    await desk.spawn("wall", host.chaos("wall", "fork 3 setsid", "speak"));
    await desk.untilState("wall", "running");
    const before = desk.processId("wall");
    const shim = host.shimOf(desk, "wall");
    const startMs = performance.now();
    Deno.kill(shim, "SIGKILL");
    const after = await untilOther(desk, "wall", before);
    const tookMs = performance.now() - startMs;
    assert(tookMs < 2_000, `${tookMs} ms`);
    assert(!lives(before) && !lives(shim));
    assert(lives(after));
    assertEquals(host.stamps("wall").filter(({ what }) => what === "start").length, 2);
    // One leader and its three children: nothing of the first run is left.
    assertEquals(host.marked().length, 4);
    assertEquals(desk.events("wall", "shim-lost").length, 1);
    desk.assertGapFree();
  },
);

hostTest(
  "daemon and shim killed together leave nothing behind that the next daemon does not find",
  async (host, first) => {
    await first.spawn("wall", host.chaos("wall", "fork 5 setsid", "speak", "ignore TERM"));
    await first.spawn("calm", host.chaos("calm", "speak"));
    await first.untilState("wall", "running");
    await first.untilState("calm", "running");
    const [before, calm] = [first.processId("wall"), first.processId("calm")];
    const shim = host.shimOf(first, "wall");
    host.node.process.kill("SIGKILL");
    Deno.kill(shim, "SIGKILL");
    await host.node.process.ended();
    assert(lives(before), "without anybody it goes on");
    await host.serve();
    await using desk = await host.console();
    await untilOther(desk, "wall", before);
    await desk.until("the calm one to be adopted", () => desk.program("calm").supervised);
    assertEquals(desk.processId("calm"), calm);
    assert(!lives(before));
    assertEquals(host.stamps("wall").length, 2);
    // A leader with five, and the calm one.
    assertEquals(host.marked().length, 7);
    desk.assertGapFree();
  },
);

hostTest(
  "a shim goes on alone: it restarts what crashes while no daemon lives, and tells the next one",
  async (host, first) => {
    await first.spawn(
      "wall",
      host.chaos("wall", "speak", "run 1 signal SEGV after 1s", "run 2 exit 3 after 300ms"),
    );
    await first.untilState("wall", "running");
    await host.crash();
    await untilStamps(host, "wall", 5);
    await host.serve();
    await using desk = await host.console();
    await desk.until(
      "its third run",
      () => desk.program("wall").supervised && desk.program("wall").run === 3,
    );
    const exits = desk.events("wall", "exited").map(({ detail }) => (detail.exit as { class: string }).class);
    assertEquals(exits, ["crash", "failure"]);
    desk.assertGapFree();
  },
);

/** What stays the same as long as nothing happens to a program. */
function lasting(
  program: ProgramSnapshot,
): Partial<ProgramSnapshot> & { process: ProgramSnapshot["process"] } {
  const { name, generation, argv, want, state, process, run, fails, startedWallMs, readyUs, lastExit } =
    program;
  return { name, generation, argv, want, state, process, run, fails, startedWallMs, readyUs, lastExit };
}

/** Every start is one that its events tell of, with the same process, and no run was there twice. */
function checkRuns(host: Host, desk: Console, name: string): void {
  const started = desk.events(name, "started").map(({ run, detail }) => `${run} ${detail.pid}`);
  const stamped = host.stamps(name).filter(({ what }) => what === "start")
    .map(({ run, processId }) => `${run} ${processId}`);
  // The newest start may not have been told yet.
  assertEquals(started, stamped.slice(0, started.length), name);
  assert(stamped.length - started.length <= 1, `${name}: ${stamped.length} starts, ${started.length} told`);
}

function untilOther(desk: Console, name: string, before: number): Promise<number> {
  return desk.until(`another process of ${name}`, () => {
    const { process, state } = desk.program(name);
    return process !== null && process.processId !== before && state === "running" ? process.processId : null;
  });
}

/** Waits for lines in a stamp file while nobody can be asked. */
async function untilStamps(host: Host, name: string, count: number): Promise<void> {
  for (const endMs = performance.now() + 15_000; host.stamps(name).length < count;) {
    if (performance.now() > endMs) throw new Error(`${name} stamped ${host.stamps(name).length} times`);
    await pause(20);
  }
}

/** Random moments are the point here; nothing is awaited by it. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function round(ms: number): number {
  return Math.round(ms);
}
