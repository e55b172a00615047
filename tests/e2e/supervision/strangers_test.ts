// Numbers of processes are used again, and files of dead shims lie about: nobody who has nothing to do with a program is
// signalled, and nothing stale keeps one from running. Each machine has numbers of its own here (a pid namespace).

import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../../support/captured_process.ts";
import { chaosChild } from "../../support/chaos_child.ts";
import { liveTest } from "../../support/live.ts";
import type { Console } from "../../support/programs/console.ts";
import { type FoundProcess, Host, hostTest, lives } from "../../support/programs/host.ts";

/** The first process of a namespace: starts what it is given, and goes on when that has ended. */
const FIRST = [
  "unshare",
  "--pid",
  "--fork",
  "--mount-proc",
  "sh",
  "-c",
  '"$@" & wait $!; sleep 1000',
  "first",
];

/** Starts a stranger with exactly this number inside the namespace of `insideOf`; its number as the tests see it. */
async function startStranger(host: Host, insideOf: number, processId: number): Promise<number> {
  const mark = `stranger-${processId}-${crypto.randomUUID().slice(0, 8)}`;
  // Whoever takes the number in between makes it fail, not pass: then it is tried again.
  const script =
    "for try in 1 2 3 4 5 6 7 8; do echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid; setsid sleep 300.$2 </dev/null >/dev/null 2>&1 & " +
    'if [ $! = "$1" ]; then exit 0; fi; kill -9 $!; done; exit 1';
  const digits = String(Math.floor(Math.random() * 1e9));
  const ran = await host.machine.run("nsenter", [
    "--target",
    String(insideOf),
    "--pid",
    "--mount",
    "sh",
    "-c",
    script,
    mark,
    String(processId),
    digits,
  ]);
  assertEquals(ran.code, 0, `the number ${processId} could not be had: ${ran.stderr}`);
  return await eventually(
    "the stranger",
    () =>
      host.processes().find(({ argv }) => argv[0] === "sleep" && argv[1] === `300.${digits}`)?.processId ??
        null,
  );
}

/** The process with this number as the programs of the machine see it. */
function found(host: Host, insideId: number): FoundProcess {
  const process = host.processes().find((each) => each.insideId === insideId);
  if (process === undefined) throw new Error(`no process ${insideId} in the namespace`);
  return process;
}

/** SIGKILL; a process that the end of another one has taken along meanwhile is no error. */
function end(processId: number): void {
  try {
    Deno.kill(processId, "SIGKILL");
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** Registers a test on a machine with process numbers of its own. */
function apartTest(name: string, fn: (host: Host) => Promise<void>): void {
  liveTest(name, async (network) => {
    const host = new Host(network.addMachine("stage"), await chaosChild());
    try {
      await host.serveUnder(FIRST);
      await fn(host);
    } finally {
      // Its first process outlives the one that is known, and holds its output.
      for (const { processId } of host.processes()) end(processId);
    }
  }, ["command:cc", "command:nsenter"]);
}

apartTest("a stranger with the number of an ended leader outlives the end of its tree", async (host) => {
  await using desk = await host.console();
  // The leader goes at SIGTERM, its children never do: the end of the tree goes on without the leader.
  await desk.spawn("wall", host.chaos("wall", "fork 2 setsid"));
  await desk.untilState("wall", "running");
  const insideId = desk.processId("wall");
  const leader = found(host, insideId);
  const shim = leader.parentId;
  const stopping = desk.stop("wall", true);
  await eventually("the leader to end", () => !lives(leader.processId));
  const stranger = await startStranger(host, shim, insideId);
  await stopping;
  await desk.untilState("wall", "idle");
  assert(lives(stranger), "the stranger was ended");
  assertEquals(host.marked(), []);
});

apartTest(
  "strangers with the numbers of a lost program and its shim are left alone by the next daemon",
  async (host) => {
    let insideId = 0;
    {
      await using desk = await host.console();
      await desk.spawn("wall", host.chaos("wall", "fork 2 setsid"));
      await desk.untilState("wall", "running");
      insideId = desk.processId("wall");
    }
    const leader = found(host, insideId);
    const shim = host.processes().find(({ processId }) => processId === leader.parentId);
    const first = host.processes().find((each) => each.insideId === 1);
    assert(shim !== undefined && first !== undefined);
    // The daemon, every shim and every program, all at once; only the first process of the machine stays.
    const lost = host.processes().filter(({ argv, mark }) =>
      mark !== null || argv.at(-1) === "__shim" ||
      (argv.includes("serve") && argv[0]?.endsWith("deno") === true)
    );
    for (const { processId } of lost) end(processId);
    await eventually("everything to end", () => !lost.some(({ processId }) => lives(processId)));
    const strangers = [
      await startStranger(host, first.processId, insideId),
      await startStranger(host, first.processId, shim.insideId),
    ];
    await host.serveUnder(["nsenter", "--target", String(first.processId), "--pid", "--mount"]);
    await using desk = await host.console();
    await desk.until("another run", () => isRunning(desk, "wall", 2));
    assertEquals(strangers.map(lives), [true, true]);
    await desk.stop("wall", true);
    await desk.untilState("wall", "idle");
    assertEquals(strangers.map(lives), [true, true]);
    assertEquals(host.marked(), []);
  },
);

hostTest(
  "sockets that nobody listens behind and files of a dead life keep no program from running",
  async (host, first) => {
    await first.spawn("wall", host.chaos("wall", "speak"));
    await first.untilState("wall", "running");
    const before = first.processId("wall");
    const { controlSocket, childSocket, notifySocket, directory } = host.assignment("wall");
    const shim = host.shimOf(first, "wall");
    host.node.process.kill("SIGKILL");
    end(shim);
    end(before);
    await host.node.process.ended();
    for (const path of [controlSocket, childSocket, notifySocket]) {
      assert(path !== null && exists(path), String(path));
    }
    assert(exists(`${directory}/lock`));
    // A file where a socket should be, and a stale socket for the node itself.
    await Deno.remove(childSocket);
    await Deno.writeTextFile(childSocket, "stale");
    await host.serve();
    await using desk = await host.console();
    await desk.until("another run", () => isRunning(desk, "wall", 2));
    assertEquals(host.marked().length, 1);
  },
);

hostTest(
  "a run directory that is taken away is made again, and the shims are found again",
  async (host, first) => {
    await first.spawn("notes", host.chaos("notes", "notify"), { ready: { kind: "told" } });
    await first.untilState("notes", "running");
    await first.spawn("wall", host.chaos("wall", "speak"));
    await first.untilState("wall", "running");
    const before = first.processId("wall");
    await host.crash();
    await Deno.remove(host.user.runDirectory, { recursive: true });
    await host.serve();
    await using desk = await host.console();
    await desk.until("it to be adopted", () => desk.program("wall").supervised);
    assertEquals(desk.processId("wall"), before);
    // And the next run speaks to its shim as the first one did.
    await desk.restart("wall");
    await desk.until("its second run", () => isRunning(desk, "wall", 2));
    await desk.until("its heartbeat", () => desk.program("wall").fps !== null);
    await desk.restart("notes");
    await desk.until("the datagram of its second run", () => isRunning(desk, "notes", 2));
  },
);

hostTest(
  "after the machine was started anew what is wanted starts, what asks first waits, what was done stays done",
  async (host, first) => {
    await first.spawn("wall", host.chaos("wall", "speak"));
    await first.spawn("asks", host.chaos("asks"), { boot: "ask" });
    await first.spawn("once", host.chaos("once", "exit 0 after 200ms"), { restart: "on-failure" }, {
      want: "once",
    });
    await first.spawn("down", host.chaos("down"));
    for (const name of ["wall", "asks", "down"]) await first.untilState(name, "running");
    await first.stop("down", true);
    await first.untilState("down", "idle");
    await first.untilState("once", "done");
    const { token } = host.assignment("wall");
    // The power fails. Then somebody runs who has nothing to do with it, with the mark of a life that is over.
    host.node.process.kill("SIGKILL");
    for (const { processId } of [...host.shims(), ...host.marked()]) end(processId);
    await host.node.process.ended();
    await host.untilEmpty();
    const stranger = host.machine.start("sleep", ["300"], { env: { HANA_INSTANCE: token } });
    await eventually("the stranger", () => host.marked().length === 1);
    const boot = host.path("boot");
    await Deno.writeTextFile(boot, `${crypto.randomUUID()}\n`);
    const mount = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
    await host.serveUnder(["unshare", "--mount", "sh", "-c", mount, boot]);
    await using desk = await host.console();
    await desk.until("another run", () => isRunning(desk, "wall", 2));
    assert(stranger.isRunning, "a mark of another boot means nobody");
    assertMatch(desk.program("asks").note ?? "", /waits for a word/);
    assertEquals([desk.program("once").state, desk.program("down").state], ["done", "idle"]);
    await desk.start("asks");
    await desk.until("its second run", () => isRunning(desk, "asks", 2));
    assertEquals(host.stamps("once").filter(({ what }) => what === "start").length, 1);
    assertEquals(host.stamps("down").filter(({ what }) => what === "start").length, 1);
  },
);

function isRunning(desk: Console, name: string, run: number): boolean {
  const program = desk.program(name);
  return program.run === run && program.state === "running";
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
