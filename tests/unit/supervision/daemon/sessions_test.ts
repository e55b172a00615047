// Programs asked for by sessions: who may, what is told to whom, and what a console that is too slow misses.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type AccessLevel, HanaError } from "../../../../lib/base/mod.ts";
import type { Node, NodeOptions } from "../../../../lib/node/mod.ts";
import { AccessKeyRing, type KeyRing, openMeshKeyRing } from "../../../../lib/security/mod.ts";
import type { Session } from "../../../../lib/session/mod.ts";
import { hanaProgram } from "../../../../lib/simulate/programs/mod.ts";
import {
  FOLLOW_EVENTS,
  FOLLOW_LOGS,
  LIST_PROGRAMS,
  type LogRecord,
  PROGRAM_EVENT,
  PROGRAM_EVENTS,
  PROGRAM_LOG,
  PROGRAM_LOGS,
  type ProgramEventEntry,
  PROGRAMS_DELTA,
  type ProgramSnapshot,
  REMOVE_PROGRAM,
  RESTART_PROGRAM,
  SIGNAL_PROGRAM,
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
  UNFOLLOW_PROGRAM,
  WATCH_PROGRAMS,
  WHY_PROGRAM,
} from "../../../../lib/supervision/mod.ts";
import { Park } from "../../node/support.ts";
import { testKey, testRing } from "../../security/support.ts";

const SECOND = 1_000_000;

class Stage {
  readonly park = new Park(5);
  readonly host = this.park.host("stage");
  #ops = 0;

  constructor() {
    this.host.programs.register("hana", hanaProgram);
    this.host.programs.register("stays", () => {});
    this.host.programs.register("talks", (program) => {
      const { timers, clock } = program.platform;
      let count = 0;
      const say = (): void => {
        program.write("stdout", `line ${++count}\n`);
        timers.schedule(clock.nowUs() + 100_000, say);
      };
      say();
    });
  }

  serve(more: Partial<NodeOptions> = {}, allowExec = false): Promise<Node> {
    const programs = { shim: ["hana"] as const, warm: false, allowExec };
    return this.park.start(this.host.platform, { name: "stage", keys: testRing(1), programs, ...more });
  }

  /** A console on the same machine. */
  async local(node: Node): Promise<{ tool: Node; session: Session }> {
    const options = { role: "observer", name: "desk", tcpPort: null, runDirectory: null } as const;
    const tool = await this.park.start(this.host.platform, options);
    const address = node.addresses.find((each) => each.startsWith("unix:"));
    assert(address !== undefined);
    return { tool, session: await this.park.settle(tool.open(address)) };
  }

  /** A console on another machine. */
  async remote(keys: KeyRing = testRing(1)): Promise<{ tool: Node; session: Session }> {
    const options = { role: "observer", name: "foh", tcpPort: null, runDirectory: null, keys } as const;
    const tool = await this.park.start(this.park.host("foh").platform, options);
    return { tool, session: await this.park.settle(tool.open("tcp://10.0.0.1:700")) };
  }

  op(): string {
    return `op-${String(++this.#ops).padStart(8, "0")}`;
  }

  async spawn(session: Session, name: string, argv: string[]): Promise<void> {
    await this.park.settle(session.request(SPAWN_PROGRAM, { op: this.op(), name, spec: { argv } }));
  }

  async state(session: Session, name: string): Promise<string | undefined> {
    const { programs } = await this.park.settle(session.request(LIST_PROGRAMS, {}));
    return (programs as ProgramSnapshot[]).find((each) => each.name === name)?.state;
  }
}

function holder(level: AccessLevel): AccessKeyRing {
  return new AccessKeyRing(testKey(1, "tour").accessKey({ name: "anna", level, expiresS: null }));
}

Deno.test("a console on the machine spawns, lists, restarts, signals, stops and removes a program", async () => {
  const stage = new Stage();
  const { park } = stage;
  const node = await stage.serve();
  const { session } = await stage.local(node);
  await stage.spawn(session, "viz", ["stays"]);
  await park.world.runFor(3 * SECOND);
  assertEquals(await stage.state(session, "viz"), "running");
  const call = () => ({ op: stage.op(), name: "viz", by: "anna" });
  const restarted = await park.settle(session.request(RESTART_PROGRAM, { ...call(), run: 1 }));
  assertEquals([restarted.run, restarted.changed], [1, true]);
  await park.world.runFor(3 * SECOND);
  await park.settle(session.request(SIGNAL_PROGRAM, { ...call(), signal: "SIGKILL" }));
  await park.world.runFor(3 * SECOND);
  const { bundle } = await park.settle(session.request(WHY_PROGRAM, { name: "viz" }));
  const { lastExit } = (bundle as { snapshot: ProgramSnapshot }).snapshot;
  assertEquals([lastExit?.signal, lastExit?.class], ["SIGKILL", "crash"]);
  await park.settle(session.request(STOP_PROGRAM, { ...call(), now: true }));
  await park.world.runFor(3 * SECOND);
  assertEquals(await stage.state(session, "viz"), "idle");
  await park.settle(session.request(START_PROGRAM, call()));
  await park.world.runFor(3 * SECOND);
  assertEquals(await stage.state(session, "viz"), "running");
  await park.settle(session.request(REMOVE_PROGRAM, call()));
  assertEquals(await stage.state(session, "viz"), undefined);
  const { events } = await park.settle(session.request(PROGRAM_EVENTS, { after: 0, limit: 1000 }));
  const wanted = (events as ProgramEventEntry[]).filter(({ event }) => event.kind === "wanted");
  assert(wanted.some(({ event }) => event.by === "anna, desk (operator)"), JSON.stringify(wanted));
  assertEquals(park.crashes, []);
});

Deno.test("a command line from another machine is refused and noted unless the node takes such", async () => {
  for (const allowExec of [false, true]) {
    const stage = new Stage();
    const node = await stage.serve({}, allowExec);
    const { session } = await stage.remote();
    const call = { op: stage.op(), name: "viz", spec: { argv: ["stays"] } };
    if (allowExec) {
      const { changed } = await stage.park.settle(session.request(SPAWN_PROGRAM, call));
      assert(changed);
      continue;
    }
    const error = await assertRejects(
      () => stage.park.settle(session.request(SPAWN_PROGRAM, call)),
      HanaError,
    );
    assertEquals(error.code, "refused");
    assertMatch(error.hint ?? "", /--allow-exec/);
    const { events } = await stage.park.settle(session.request(PROGRAM_EVENTS, {}));
    const [{ event }] = events as [ProgramEventEntry];
    assertEquals([event.kind, event.program, event.by], ["refused", "viz", "foh (operator)"]);
    assertEquals(event.detail["verb"], "spawn");
    assertEquals(node.programs?.supervisor.counters.refused, 1);
    assertEquals(node.programs?.supervisor.programs(), []);
  }
});

Deno.test("viewers look, crews run what is there, operators change what is there", async () => {
  const may: Record<AccessLevel, boolean[]> = {
    viewer: [true, false, false],
    crew: [true, true, false],
    operator: [true, true, true],
  };
  for (const level of ["viewer", "crew", "operator"] as const) {
    const stage = new Stage();
    const { park } = stage;
    const node = await stage.serve({}, true);
    const { session: local } = await stage.local(node);
    await stage.spawn(local, "viz", ["stays"]);
    const { session } = await stage.remote(holder(level));
    const isDone = async (asked: () => Promise<unknown>): Promise<boolean> => {
      try {
        await park.settle(asked());
        return true;
      } catch (thrown) {
        assert(thrown instanceof HanaError && thrown.code === "refused", String(thrown));
        return false;
      }
    };
    const call = () => ({ op: stage.op(), name: "viz" });
    const did = [
      await isDone(() => session.request(LIST_PROGRAMS, {})),
      await isDone(() => session.request(STOP_PROGRAM, call())),
      await isDone(() => session.request(SPAWN_PROGRAM, { ...call(), spec: { argv: ["stays"] } })),
    ];
    assertEquals(did, may[level]);
    const refused = node.programs?.supervisor.events({ after: 0, limit: 1000 }).events
      .filter(({ event }) => event.kind === "refused")
      .map(({ event }) => `${event.by}: ${event.detail["verb"]}`);
    const who = `anna (${level}) at foh`;
    const verbs = ["stop", "spawn"].filter((_, at) => !may[level][at + 1]);
    assertEquals(refused, verbs.map((verb) => `${who}: ${verb}`));
  }
});

Deno.test("in an open mesh other machines look and command nothing", async () => {
  const stage = new Stage();
  const node = await stage.serve({ keys: openMeshKeyRing() }, true);
  const { session } = await stage.remote(openMeshKeyRing());
  const call = { op: stage.op(), name: "viz", spec: { argv: ["stays"] } };
  await stage.park.settle(session.request(LIST_PROGRAMS, {}));
  await assertRejects(() => stage.park.settle(session.request(SPAWN_PROGRAM, call)), HanaError, "open");
  assertEquals(node.programs?.supervisor.counters.refused, 1);
});

Deno.test("a specification that is none is refused with the field that is wrong", async () => {
  const stage = new Stage();
  const node = await stage.serve();
  const { session } = await stage.local(node);
  for (const spec of [{}, { argv: [] }, { argv: ["a\0b"] }, { argv: ["x"], shell: true }, "rm -rf /", null]) {
    const call = { op: stage.op(), name: "viz", spec };
    await assertRejects(() => stage.park.settle(session.request(SPAWN_PROGRAM, call)), HanaError);
  }
  for (const name of ["", "../etc", "a b", "-x", "x".repeat(65)]) {
    const call = { op: stage.op(), name, spec: { argv: ["stays"] } };
    await assertRejects(() => stage.park.settle(session.request(SPAWN_PROGRAM, call)), HanaError);
  }
  assertEquals(node.programs?.supervisor.programs(), []);
});

Deno.test("a watcher is told every change, and one that knows nothing yet gets the list", async () => {
  const stage = new Stage();
  const { park } = stage;
  const node = await stage.serve();
  const { tool, session } = await stage.local(node);
  const told: { op: string; program: ProgramSnapshot }[] = [];
  tool.onEvent(PROGRAMS_DELTA, (body) => {
    told.push(body as { op: string; program: ProgramSnapshot });
  });
  const { programs } = await park.settle(session.request(WATCH_PROGRAMS, {}));
  assertEquals(programs, []);
  await stage.spawn(session, "viz", ["stays"]);
  await park.world.runFor(3 * SECOND);
  await park.settle(session.request(REMOVE_PROGRAM, { op: stage.op(), name: "viz" }));
  await park.world.runFor(SECOND);
  assertEquals(told[0]?.op, "add");
  assertEquals(told.at(-1)?.op, "remove");
  assert(told.some(({ program }) => program.state === "running"));
});

Deno.test("lines are followed without a gap and without one twice, until that is ended", async () => {
  const stage = new Stage();
  const { park } = stage;
  const node = await stage.serve();
  const { tool, session } = await stage.local(node);
  const told: { follow: number; records: LogRecord[]; missed: number }[] = [];
  tool.onEvent(PROGRAM_LOG, (body) => {
    told.push(body as { follow: number; records: LogRecord[]; missed: number });
  });
  await stage.spawn(session, "viz", ["talks"]);
  await park.world.runFor(2 * SECOND);
  const first = await park.settle(
    session.request(FOLLOW_LOGS, { name: "viz", query: { tail: 5 }, follow: 42 }),
  );
  assertEquals([first.follow, first.records.length], [42, 5]);
  await park.world.runFor(2 * SECOND);
  const all = [...first.records as LogRecord[], ...told.flatMap(({ records }) => records)];
  const numbers = all.map(({ text }) => Number(text.split(" ")[1]));
  assertEquals(numbers, numbers.map((_, at) => (numbers[0] ?? 0) + at));
  assert(numbers.length > 20, `${numbers.length} lines`);
  assert(told.every(({ follow, missed }) => follow === 42 && missed === 0));
  await assertRejects(
    () => park.settle(session.request(FOLLOW_LOGS, { name: "viz", query: {}, follow: 42 })),
    HanaError,
    "uses the number",
  );
  await park.settle(session.request(UNFOLLOW_PROGRAM, { follow: 42 }));
  await park.world.runFor(SECOND);
  const count = told.length;
  await park.world.runFor(2 * SECOND);
  assertEquals(told.length, count);
  await park.settle(session.request(STOP_PROGRAM, { op: stage.op(), name: "viz" }));
  await park.world.runFor(2 * SECOND);
  // Its shim has ended: the files still tell.
  const { records } = await park.settle(session.request(PROGRAM_LOGS, { name: "viz", query: { tail: 3 } }));
  assertEquals(records.length, 3);
});

Deno.test("events are followed from where a console left off", async () => {
  const stage = new Stage();
  const { park } = stage;
  const node = await stage.serve();
  const { tool, session } = await stage.local(node);
  await stage.spawn(session, "viz", ["stays"]);
  await park.world.runFor(2 * SECOND);
  const told: ProgramEventEntry[] = [];
  tool.onEvent(PROGRAM_EVENT, (body) => {
    told.push((body as { entry: ProgramEventEntry }).entry);
  });
  const { events, last } = await park.settle(session.request(FOLLOW_EVENTS, { after: 1, limit: 100 }));
  const before = (events as ProgramEventEntry[]).map(({ id }) => id);
  assertEquals([before[0], before.at(-1)], [2, last]);
  await park.settle(session.request(STOP_PROGRAM, { op: stage.op(), name: "viz" }));
  await park.world.runFor(2 * SECOND);
  assert(told.length > 0);
  assertEquals(told.map(({ id }) => id), told.map((_, at) => last + 1 + at));
  await park.settle(session.close());
  assertEquals(node.programs?.statistics()["followings"], 0);
});

Deno.test("a node that supervises says so, and one that does not knows no such message", async () => {
  const stage = new Stage();
  const node = await stage.serve({ capabilities: { gpu: true } });
  assertEquals(node.view().capabilities, { programs: true, gpu: true });
  const plain = await stage.park.start(stage.park.host("plain").platform, {
    name: "plain",
    tcpPort: 701,
    keys: testRing(1),
  });
  assertEquals(plain.view().capabilities, {});
  const other = await stage.park.settle(node.open("tcp://10.0.0.2:701"));
  const error = await assertRejects(() => stage.park.settle(other.request(LIST_PROGRAMS, {})), HanaError);
  assertEquals(error.code, "unknown-message");
  const { session } = await stage.local(node);
  await stage.spawn(session, "viz", ["stays"]);
  await stage.park.world.runFor(2 * SECOND);
  await stage.park.settle(node.stop());
  await stage.park.world.runFor(2 * SECOND);
  assertEquals(stage.host.processTable.named("stays").length, 1);
  const again = await stage.serve();
  assertEquals(again.programs?.supervisor.program("viz").run, 1);
});
