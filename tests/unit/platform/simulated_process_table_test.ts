// Processes of a simulated host: the suite of process tables, and what a machine does to processes only rarely.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { ExitStatus, ProcessHandlers, ProcessOptions } from "../../../lib/platform/mod.ts";
import {
  type Program,
  type ProgramScript,
  type SimulatedHost,
  SimulatedWorld,
} from "../../../lib/platform/simulated/mod.ts";
import { processTableSuite, type TableHarness, type TableProgram } from "./process_table_suite.ts";

const SECOND = 1_000_000;

const wait: ProgramScript = (program) => {
  const { timers, clock } = program.platform;
  timers.schedule(clock.nowUs() + 60 * SECOND, () => program.exit(0));
};

const PROGRAMS: Readonly<Record<TableProgram | "helper", ProgramScript>> = {
  wait,
  tree: (program) => {
    program.start(["wait"]);
    program.start(["helper"]);
    wait(program);
  },
  helper: (program) => {
    program.start(["wait"], { newGroup: true });
    program.exit(0);
  },
  quick: (program) => program.exit(3),
  leave: (program) => {
    program.start(["wait"]);
    program.exit(4);
  },
};

interface Park {
  readonly world: SimulatedWorld;
  readonly host: SimulatedHost;
  readonly crashes: HanaError[];
}

function park(): Park {
  const crashes: HanaError[] = [];
  const world = new SimulatedWorld({ seed: 3, onCrash: (error) => crashes.push(error) });
  const host = world.createHost({ name: "h" });
  for (const [name, script] of Object.entries(PROGRAMS)) host.programs.register(name, script);
  return { world, host, crashes };
}

processTableSuite((sentence, body) =>
  Deno.test(`simulated: ${sentence}`, async () => {
    const { world, host } = park();
    const directory = "/tmp/table";
    host.disk.makeDirectory(directory, 0o700);
    const until = async (condition: () => boolean, what: string): Promise<void> => {
      if (!await world.runUntilTrue(condition, world.nowUs + 10 * SECOND)) {
        throw new Error(
          `not in time: ${what}`,
        );
      }
    };
    const harness: TableHarness = {
      platform: host.platform,
      programs: { wait: ["wait"], tree: ["tree"], quick: ["quick"], leave: ["leave"] },
      directory,
      notify: (path, text) => {
        assert(host.notify(path, text));
        return Promise.resolve();
      },
      until,
      settle: (promise) => promise,
      close: () => Promise.resolve(),
    };
    await body(harness);
  })
);

/** A child that writes down what it tells. */
class Told implements ProcessHandlers {
  readonly lines: string[] = [];
  status: ExitStatus | null = null;
  closedUs: number | null = null;
  bytes = 0;

  constructor(readonly world: SimulatedWorld) {}

  onLine(_output: string, line: string): void {
    this.lines.push(line);
  }
  onBytes(_output: string, bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }
  onExit(status: ExitStatus): void {
    this.status = status;
  }
  onClosed(): void {
    this.closedUs = this.world.nowUs;
  }
}

function spawn(park: Park, options: ProcessOptions, by = park.host.platform): { child: number; told: Told } {
  const told = new Told(park.world);
  return { child: by.processes.spawn(options, told).processId, told };
}

/** A program that writes a line every 100 ms. */
const chatty = (change: (program: Program) => void = () => {}): ProgramScript => (program) => {
  change(program);
  const { timers, clock } = program.platform;
  let count = 0;
  const next = (): void => {
    program.write("stdout", `line ${++count}\n`);
    timers.schedule(clock.nowUs() + 100_000, next);
  };
  next();
};

Deno.test("children of a killed process live on with another parent, and one that logs dies of its pipe", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("chatty", chatty());
  host.programs.register("stubborn", chatty((program) => program.survivesBrokenPipe = true));
  const middle = host.createProcess();
  const children = [["chatty"], ["stubborn"], ["wait"]].map(([name]) =>
    spawn(all, { argv: [name ?? ""], output: "lines" }, middle.platform).child
  );
  const deaf = spawn(all, { argv: ["chatty"] }, middle.platform).child;
  await world.runFor(250_000);
  middle.kill();
  const parents = (): (number | undefined)[] =>
    [...children, deaf].map((id) => host.processTable.find(id)?.parentId);
  assertEquals(parents(), [1, 1, 1, 1]);
  await world.runFor(SECOND);
  assertEquals(parents(), [undefined, 1, 1, 1], "who wrote to a pipe without a reader has ended");
});

Deno.test("a broken pipe ends a program by SIGPIPE, as the one that adopts it can see", async () => {
  const { world, host } = park();
  host.programs.register("chatty", chatty());
  const daemon = host.platform;
  assert(daemon.processTable.adoptOrphans());
  const started: number[] = [];
  host.programs.register("shim", (program) => {
    const { processes } = program.platform;
    started.push(processes.spawn({ argv: ["chatty"], output: "lines" }, { onExit: () => {} }).processId);
  });
  const shim = daemon.processes.spawn({ argv: ["shim"] }, { onExit: () => {} });
  await world.runFor(SECOND);
  shim.kill("SIGKILL");
  const [orphan = 0] = started;
  assertEquals(daemon.processTable.inspect(orphan)?.parentId, daemon.host.processId);
  await world.runFor(SECOND);
  assertEquals(daemon.processTable.inspect(orphan)?.state, "zombie");
  assertEquals(daemon.processTable.reapOrphans(), 1);
});

Deno.test("a stopped process does nothing until it goes on, and its system keeps what came for it", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("clock", (program) => {
    const { timers, clock } = program.platform;
    const tick = (): void => {
      program.write("stdout", "tick\n");
      timers.schedule(clock.nowUs() + SECOND, tick);
    };
    tick();
    program.onInput = (bytes) => program.write("stdout", bytes === null ? "end\n" : `got ${bytes.length}\n`);
    program.onSignal = (signal) => program.write("stdout", `${signal}\n`);
  });
  const told = new Told(world);
  const child = host.platform.processes.spawn({ argv: ["clock"], input: "pipe", output: "lines" }, told);
  await world.runFor(SECOND + SECOND / 2);
  assertEquals(told.lines, ["tick", "tick"]);
  assert(child.kill("SIGSTOP"));
  assertEquals(host.processTable.find(child.processId)?.state, "stopped");
  child.write(new Uint8Array(5));
  assert(child.kill("SIGTERM") && child.kill("SIGTERM"));
  await world.runFor(5 * SECOND);
  assertEquals(told.lines, ["tick", "tick"]);
  assert(child.kill("SIGCONT"));
  assertEquals(told.lines, ["tick", "tick"], "nothing runs inside the call");
  await world.runFor(SECOND / 2);
  assertEquals(told.lines.slice(2).sort(), ["SIGTERM", "got 5", "tick"]);
  assert(child.kill("SIGSTOP"));
  child.closeInput();
  assert(child.kill("SIGKILL"));
  await world.runFor(SECOND);
  assertEquals([told.status, told.lines.length], [{ code: 137, signal: "SIGKILL" }, 5]);
});

Deno.test("a stop that follows a continue at once holds", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("chatty", chatty());
  const { child, told } = spawn(all, { argv: ["chatty"], output: "lines" });
  await world.runFor(50_000);
  const record = host.processTable.find(child);
  for (const signal of ["SIGSTOP", "SIGCONT", "SIGSTOP"] as const) assert(record?.signal(signal));
  await world.runFor(SECOND);
  assertEquals([told.lines.length, record?.state], [1, "stopped"]);
});

Deno.test("a stopped process of its own keeps its streams waiting, and nobody else's", async () => {
  const { world, host } = park();
  const [a, b] = [host.createProcess(), host.createProcess()];
  const heard: string[] = [];
  for (const [name, process] of [["a", a], ["b", b]] as const) {
    await process.platform.streams.listen({ kind: "unix", path: `/tmp/${name}` }, {
      onStream: (stream) =>
        stream.open({ onData: () => heard.push(name), onWritten() {}, onEnd() {}, onClose() {} }),
      onError: () => {},
    });
  }
  a.signal("SIGSTOP");
  for (const name of ["a", "b"]) {
    const stream = await host.platform.streams.connect({ kind: "unix", path: `/tmp/${name}` });
    stream.open({ onData() {}, onWritten() {}, onEnd() {}, onClose() {} });
    stream.write(Uint8Array.of(1));
  }
  await world.runFor(SECOND);
  assertEquals(heard, ["b"]);
  a.signal("SIGCONT");
  await world.runFor(SECOND);
  assertEquals(heard, ["b", "a"]);
});

Deno.test("nothing ends a process that waits in the kernel until it comes out of there", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("render", (program) => {
    wait(program);
    program.onInput = (bytes) => bytes !== null && program.waitInKernel("nv_open", 5 * SECOND);
  });
  const told = new Told(world);
  const child = host.platform.processes.spawn({ argv: ["render"], input: "pipe" }, told);
  child.write(new Uint8Array(1));
  await world.runFor(SECOND);
  const facts = () => host.platform.processTable.inspect(child.processId);
  assertEquals([facts()?.state, facts()?.waitsIn], ["uninterruptible", "nv_open"]);
  assert(child.kill("SIGKILL"));
  await world.runFor(3 * SECOND);
  assertEquals([facts()?.state, told.status], ["uninterruptible", null]);
  await world.runFor(2 * SECOND);
  assertEquals([facts(), told.status?.signal], [null, "SIGKILL"]);
});

Deno.test("a full pipe stops who writes to it while its reader stands still, and nothing is lost", async () => {
  const all = park();
  const { world, host } = all;
  let isPast = false;
  host.programs.register("flood", (program) => {
    const { timers, clock } = program.platform;
    program.write("stdout", new Uint8Array(60_000));
    timers.schedule(clock.nowUs() + 10_000, () => program.write("stdout", new Uint8Array(60_000)));
    timers.schedule(clock.nowUs() + 20_000, () => isPast = true);
  });
  const reader = host.createProcess();
  const { told } = spawn(all, { argv: ["flood"], output: "bytes" }, reader.platform);
  reader.signal("SIGSTOP");
  await world.runFor(SECOND);
  assertEquals([isPast, told.bytes], [false, 0]);
  reader.signal("SIGCONT");
  await world.runFor(SECOND);
  assertEquals([isPast, told.bytes], [true, 120_000]);
});

Deno.test("a child hears the end of its input when its parent dies", async () => {
  const { world, host } = park();
  const heard: string[] = [];
  host.programs.register("listener", (program) => {
    program.onInput = (bytes) => heard.push(bytes === null ? "end" : "bytes");
  });
  const parent = host.createProcess();
  const child = parent.platform.processes.spawn({ argv: ["listener"], input: "pipe" }, { onExit: () => {} });
  child.write(new Uint8Array(1));
  await world.runFor(SECOND);
  parent.kill();
  await world.runFor(SECOND);
  assertEquals(heard, ["bytes", "end"]);
});

Deno.test("the environment goes down the tree until somebody clears it", async () => {
  const all = park();
  const { world, host } = all;
  const seen: Record<string, string>[] = [];
  host.programs.register("leaf", (program) => {
    seen.push({ ...program.env });
  });
  host.programs.register("branch", (program) => {
    const { processes } = program.platform;
    const spawnLeaf = (options: Partial<ProcessOptions>): void => {
      processes.spawn({ argv: ["leaf"], ...options }, { onExit: () => {} });
    };
    spawnLeaf({});
    spawnLeaf({ env: { B: "3", C: "4" } });
    spawnLeaf({ env: { C: "4" }, clearEnv: true });
    program.start(["leaf"], { env: { D: "5" } });
  });
  spawn(all, { argv: ["branch"], env: { A: "1", B: "2" } });
  await world.runFor(SECOND);
  assertEquals(seen, [{ A: "1", B: "2" }, { A: "1", B: "3", C: "4" }, { C: "4" }, {
    A: "1",
    B: "2",
    D: "5",
  }]);
});

Deno.test("pipes stay open while a grandchild holds them, and the group can be ended after its leader", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("chatty", chatty());
  host.programs.register("wrapper", (program) => {
    program.start(["chatty"], { sharesOutput: true });
    program.platform.timers.schedule(program.platform.clock.nowUs() + 500_000, () => program.exit(0));
  });
  const told = new Told(world);
  const child = host.platform.processes.spawn({ argv: ["wrapper"], output: "lines" }, told);
  await world.runFor(SECOND);
  assertEquals([told.status?.code, told.closedUs, child.isRunning], [0, null, false]);
  const count = told.lines.length;
  assert(count > 0 && host.processTable.inGroup(child.processId).length === 1);
  await world.runFor(SECOND);
  assert(told.lines.length > count, "it is still heard");
  assertEquals([child.kill("SIGTERM"), child.killGroup("SIGTERM")], [false, true]);
  await world.runFor(SECOND);
  assert(told.closedUs !== null && !child.killGroup("SIGTERM"));
});

Deno.test("who does not ask for the ends of its children keeps them as zombies until it ends itself", async () => {
  const all = park();
  const { world, host } = all;
  host.programs.register("careless", (program) => {
    program.reapsChildren = false;
    for (let i = 0; i < 3; i++) program.start(["quick"]);
  });
  const { child } = spawn(all, { argv: ["careless"] });
  await world.runFor(SECOND);
  const table = host.platform.processTable;
  assertEquals(table.descendants([child]).map(({ state }) => state), ["zombie", "zombie", "zombie"]);
  host.processTable.find(child)?.signal("SIGKILL");
  await world.runFor(SECOND);
  assertEquals(host.processTable.list().map(({ processId }) => processId), [host.platform.host.processId]);
});

Deno.test("a number that is used again is another process", async () => {
  const all = park();
  const { world, host } = all;
  const first = spawn(all, { argv: ["quick"] });
  const before = host.platform.processTable.inspect(first.child);
  assert(before !== null);
  assertEquals(assertThrows(() => host.reuseProcessId(first.child), HanaError).code, "conflict");
  await world.runFor(SECOND);
  host.reuseProcessId(first.child);
  const second = spawn(all, { argv: ["wait"] });
  assertEquals(second.child, first.child);
  assertEquals(host.platform.processTable.signal(before, "SIGKILL"), false);
  assertEquals(host.processTable.find(second.child)?.alive, true);
});

Deno.test("a boot has a name of its own, and nobody outlives one", async () => {
  const all = park();
  const { world, host } = all;
  const { bootId } = host.platform.processTable;
  spawn(all, { argv: ["tree"] });
  await world.runFor(SECOND);
  assertEquals(host.processTable.list().length, 4);
  host.restartProcess();
  assertEquals([host.platform.processTable.bootId, host.processTable.list().length], [bootId, 4]);
  host.restart();
  assert(host.platform.processTable.bootId !== bootId);
  assertEquals(host.processTable.list().map(({ name }) => name), ["hana"]);
});

Deno.test("a program that is taken away is not found until it is back", () => {
  const { host } = park();
  const { processes, files } = host.platform;
  const path = "/opt/show/render";
  const start = () => processes.spawn({ argv: [path] }, { onExit: () => {} });
  assertEquals([files.isExecutable(path), assertThrows(start, HanaError).code], [false, "not-found"]);
  host.programs.register(path, wait);
  assertEquals([files.isExecutable(path), host.processTable.find(start().processId)?.name], [true, "render"]);
  host.programs.unregister(path);
  assertEquals([files.isExecutable(path), assertThrows(start, HanaError).code], [false, "not-found"]);
  host.disk.makeDirectory("/opt/show", 0o755);
  host.disk.write(path, new Uint8Array(1), 0o644);
  assertEquals([files.isExecutable(path), assertThrows(start, HanaError).code], [false, "refused"]);
  const elsewhere = () => processes.spawn({ argv: ["wait"], cwd: "/nowhere" }, { onExit: () => {} });
  assertEquals(assertThrows(elsewhere, HanaError).code, "not-found");
});

Deno.test("a program tells by NOTIFY_SOCKET, and too much for a listener that stands still is refused", async () => {
  const all = park();
  const { world, host } = all;
  const sent: boolean[] = [];
  host.programs.register("service", (program) => {
    for (let i = 0; i < 12; i++) sent.push(program.notify(`STATUS=${i}`));
  });
  const heard: string[] = [];
  const listener = host.createProcess();
  const path = "/tmp/notify";
  await listener.platform.processes.listenNotify(path, (bytes) => {
    heard.push(new TextDecoder().decode(bytes));
    if (heard.length === 3) throw new Error("a planted bug");
  });
  listener.signal("SIGSTOP");
  spawn(all, { argv: ["service"], env: { NOTIFY_SOCKET: path } });
  await world.runFor(SECOND);
  assertEquals([sent.filter((each) => each).length, heard], [10, []]);
  listener.signal("SIGCONT");
  await world.runFor(SECOND);
  assertEquals(heard, Array.from({ length: 10 }, (_, i) => `STATUS=${i}`));
  assertEquals(all.crashes.map(({ why }) => why), ["a planted bug"]);
  listener.kill();
  assertEquals([host.notify(path, "x"), host.disk.stat(path)?.kind], [false, "socket"]);
});

Deno.test("systems without subreapers and such sockets say so", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { processes, processTable } = world.createHost({ name: "w", os: "windows" }).platform;
  assertEquals(processTable.adoptOrphans(), false);
  const error = await assertRejects(() => processes.listenNotify("/tmp/n", () => {}), HanaError);
  assertEquals(error.code, "unsupported");
});
