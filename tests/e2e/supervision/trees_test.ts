// Programs that do not want to end, and those who press buttons meanwhile: whatever a program has started is gone when it
// counts as ended, nothing else is touched, and there is never a second copy.

import { assert, assertEquals } from "@std/assert";
import { hostTest, inspect, lives } from "../../support/programs/host.ts";
import { printFigure } from "../../support/programs/print.ts";

const GRACE = { graceUs: 300_000 };

hostTest(
  "a program that ignores SIGTERM is ended after its grace, and one that hears it before",
  async (host, desk) => {
    await desk.spawn("deaf", host.chaos("deaf", "ignore TERM"), GRACE);
    await desk.spawn("polite", host.chaos("polite", "speak"), { graceUs: 20_000_000 });
    await desk.untilState("deaf", "running");
    await desk.untilState("polite", "running");
    const startMs = performance.now();
    await desk.stop("polite");
    await desk.untilState("polite", "idle");
    assert(performance.now() - startMs < 5_000);
    const stopMs = performance.now();
    await desk.stop("deaf");
    const stopped = await desk.untilState("deaf", "idle");
    const tookMs = performance.now() - stopMs;
    assert(tookMs > 1_200 && tookMs < 5_000, `${tookMs} ms`);
    assertEquals([stopped.lastExit?.class, stopped.lastExit?.signal], ["stopped", "SIGKILL"]);
    assertEquals(desk.program("polite").lastExit?.code, 0);
    await host.untilEmpty();
  },
);

hostTest(
  "what a leader leaves behind when it ends is ended too, also when it ends well",
  async (host, desk) => {
    const once = { want: "once" };
    await desk.spawn(
      "well",
      host.chaos("well", "fork 3", "exit 0 after 300ms"),
      { restart: "on-failure" },
      once,
    );
    await desk.untilState("well", "done");
    assertEquals(host.marked().filter(({ mark }) => mark === host.assignment("well").token), []);
    // And one that is to run again: the next run begins when nothing of the one before lives.
    await desk.spawn("again", host.chaos("again", "fork 3 setsid", "run 1 exit 1 after 300ms"));
    await desk.until(
      "its second run",
      () => desk.program("again").run === 2 && desk.program("again").state === "running",
    );
    assertEquals(host.marked().length, 4);
    await desk.stop("again", true);
    await desk.untilState("again", "idle");
    await host.untilEmpty();
  },
);

hostTest(
  "320 processes that left their session and hear no SIGTERM are ended, and counted",
  async (host, desk) => {
    await desk.spawn("storm", host.chaos("storm", "fork 320 setsid", "say forked"), {
      ...GRACE,
      ready: { kind: "line", text: "forked" },
    });
    await desk.untilState("storm", "running");
    assertEquals(host.marked().length, 321);
    const startMs = performance.now();
    await desk.stop("storm", true);
    await desk.untilState("storm", "idle");
    const tookMs = performance.now() - startMs;
    assertEquals(host.marked(), []);
    assertEquals(desk.events("storm", "unkillable"), []);
    assert(tookMs < 5_000);
    printFigure(`a storm of 321 processes is ended within ${Math.round(tookMs)} ms`);
    // A crash of their leader ends them just the same, and one that emptied its environment with them.
    await desk.spawn(
      "bare",
      host.chaos("bare", "fork 20 setsid bare", "say forked", "run 1 signal SEGV after 500ms"),
      { ready: { kind: "line", text: "forked" } },
    );
    await desk.until(
      "its second run",
      () => desk.program("bare").run === 2 && desk.program("bare").state === "running",
    );
    const orphans = host.processes().filter(({ argv, state }) => argv[1] === "ignore TERM" && state !== "Z");
    assertEquals(orphans.length, 20, "those of the second run");
    await desk.stop("bare", true);
    await desk.untilState("bare", "idle");
    assertEquals(
      host.processes().filter(({ argv, state }) => argv[1] === "ignore TERM" && state !== "Z"),
      [],
    );
  },
);

hostTest("a fork bomb is ended while it grows", async (host, desk) => {
  await desk.spawn("bomb", host.chaos("bomb", "bomb 400"), GRACE);
  await desk.until("it to have grown", () => desk.program("bomb").processes > 50);
  await desk.stop("bomb", true);
  await desk.untilState("bomb", "idle");
  await host.untilEmpty();
  assertEquals(desk.events("bomb", "unkillable"), []);
});

hostTest(
  "a grandchild that holds the output delays neither the end of a run nor the next one",
  async (host, desk) => {
    await desk.spawn("holder", host.chaos("holder", "fork 1 setsid", "run 1 exit 7 after 400ms"));
    const exited = await desk.untilEvent("holder", "exited");
    const exit = exited.detail.exit as { code: number; livedUs: number };
    assertEquals(exit.code, 7);
    assert(exit.livedUs < 2_000_000);
    await desk.until("its second run", () => desk.program("holder").run === 2);
    assertEquals(desk.events("holder", "unkillable"), []);
    // What was left is ended by the rule, by nobody's wish.
    assertEquals(desk.events("holder", "killing").map(({ by }) => by), ["policy"]);
  },
);

hostTest(
  "a program with a zombie runs, and one whose first thread has ended is ended like any other",
  async (host, desk) => {
    await desk.spawn("keeper", host.chaos("keeper", "zombie child"));
    await desk.spawn("threads", host.chaos("threads", "zombie leader", "ignore TERM"), GRACE);
    await desk.untilState("keeper", "running");
    await desk.untilState("threads", "running");
    const leader = desk.processId("threads");
    assertEquals(inspect(leader)?.state, "Z", "what the system shows of it is its first thread");
    await desk.stop("keeper");
    await desk.stop("threads");
    await desk.untilState("keeper", "idle");
    await desk.untilState("threads", "idle");
    assertEquals(inspect(leader), null);
    await host.untilEmpty();
  },
);

hostTest("fifty restarts from five consoles at once are one restart", async (host, desk) => {
  await desk.spawn("wall", host.chaos("wall", "speak"));
  await desk.untilState("wall", "running");
  const consoles = await Promise.all(Array.from({ length: 5 }, () => host.console()));
  try {
    const answers = await Promise.all(
      consoles.flatMap((each) => Array.from({ length: 10 }, () => each.restart("wall", { run: 1 }))),
    );
    assertEquals(answers.filter(({ changed }) => changed).length, 1);
    await desk.until(
      "its second run",
      () => desk.program("wall").run === 2 && desk.program("wall").state === "running",
    );
    // Without naming a run: each press finds one that is being restarted, or a new one.
    await Promise.all(consoles.map((each) => each.restart("wall")));
    await desk.until(
      "it to run",
      () => desk.program("wall").run > 2 && desk.program("wall").state === "running",
    );
  } finally {
    await Promise.all(consoles.map((each) => each[Symbol.asyncDispose]()));
  }
  assertEquals(host.marked().length, 1);
  checkAlone(host.stamps("wall"));
});

hostTest(
  "stopped while it waits it never starts; restarted while it stops it starts once",
  async (host, desk) => {
    await desk.spawn("late", host.chaos("late"), { needs: { nobody: "ready" } });
    await desk.untilState("late", "waiting");
    await desk.stop("late");
    await desk.untilState("late", "idle");
    assertEquals(host.stamps("late"), []);
    await desk.spawn("slow", host.chaos("slow", "ignore TERM"), GRACE);
    await desk.untilState("slow", "running");
    const stopping = desk.lastId;
    await desk.stop("slow");
    await desk.untilEvent("slow", "stopping", stopping);
    await desk.restart("slow");
    await desk.restart("slow");
    await desk.until(
      "its second run",
      () => desk.program("slow").run === 2 && desk.program("slow").state === "running",
    );
    assertEquals(host.marked().length, 1);
    checkAlone(host.stamps("slow"));
  },
);

hostTest("a child that may outlive its program does", async (host, desk) => {
  const path = host.path("keeper");
  await Deno.copyFile(host.child, path);
  await desk.spawn("kept", ["/bin/sh", "-c", `${path} & exec ${host.child}`], {
    keepChildren: ["^keeper$"],
    ...GRACE,
  });
  await desk.untilState("kept", "running");
  const kept = host.processes().find(({ argv }) => argv[0] === path);
  assert(kept !== undefined);
  await desk.stop("kept", true);
  await desk.untilState("kept", "idle");
  assert(lives(kept.processId));
  assertEquals(host.marked().map(({ processId }) => processId), [kept.processId]);
});

/** No run was there beside another: each began when the one before had ended, so their parents are the same shim. */
function checkAlone(
  stamps: readonly { readonly what: string; readonly run: number; readonly parentId: number }[],
): void {
  const runs = stamps.filter(({ what }) => what === "start");
  assertEquals(runs.map(({ run }) => run), runs.map((_, index) => index + 1));
  assertEquals(new Set(runs.map(({ parentId }) => parentId)).size, 1);
}
