// What every process table must do, as sentences: registered once for the real machine and once for the simulated one.
// The process under test is the one that the platform belongs to; it adopts orphans where its system can.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type {
  ChildProcess,
  ExitStatus,
  Platform,
  ProcessFacts,
  ProcessOptions,
} from "../../../lib/platform/mod.ts";

/**
 * Programs that the suite starts. `wait`: waits a minute. `tree`: starts `wait` as a child, and by way of a helper that
 * ends at once another `wait` in a session of its own, then waits a minute itself: three processes in the end, all with
 * the environment of the first. `quick`: ends by itself with code 3, at once. `leave`: starts `wait` as a child and ends with
 * code 4.
 */
export type TableProgram = "wait" | "tree" | "quick" | "leave";

/** A platform under test. */
export interface TableHarness {
  readonly platform: Pick<Platform, "processes" | "processTable" | "files">;
  readonly programs: Readonly<Record<TableProgram, readonly [string, ...string[]]>>;
  /** An empty directory. */
  readonly directory: string;
  /** Sends a datagram to a notification socket, as a program would by `sd_notify`. */
  notify(path: string, text: string): Promise<void>;
  /** Lets time pass until `condition` holds; fails when it does not. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Ends and reaps everything that was started. */
  close(): Promise<void>;
}

/** Registers one sentence of the suite. */
export type TableSentence = (sentence: string, body: (harness: TableHarness) => Promise<void>) => void;

/** A number that no process has: Linux gives none above 2^22. */
const NOBODY = 2 ** 22 + 1;

/** A child, and how it ended. */
interface Started {
  readonly child: ChildProcess;
  status: ExitStatus | null;
}

function start(h: TableHarness, options: ProcessOptions): Started {
  const started: Started = {
    child: h.platform.processes.spawn(options, { onExit: (status) => started.status = status }),
    status: null,
  };
  return started;
}

const numbers = (facts: readonly ProcessFacts[]): number[] =>
  facts.map(({ processId }) => processId).sort((a, b) => a - b);

const living = (facts: readonly ProcessFacts[]): ProcessFacts[] =>
  facts.filter(({ state }) => state !== "zombie");

/** Starts a tree, and waits until all of it is there. */
async function startTree(h: TableHarness, mark: string): Promise<{ root: Started; members: ProcessFacts[] }> {
  const { processTable } = h.platform;
  const root = start(h, { argv: h.programs.tree, env: { HANA_MARK: mark } });
  const members = (): ProcessFacts[] => living(processTable.marked("HANA_MARK", mark));
  // The helper has ended when an orphan is there; until then there may be four.
  await h.until(
    () =>
      members().length === 3 &&
      members().filter(({ parentId }) => parentId === root.child.processId).length === 1,
    "the tree has three members, one of them an orphan",
  );
  return { root, members: members() };
}

function killAll(h: TableHarness, mark: string): void {
  for (const each of h.platform.processTable.marked("HANA_MARK", mark)) {
    h.platform.processTable.signal(each, "SIGKILL");
  }
}

/** Registers the sentences. */
export function processTableSuite(test: TableSentence): void {
  test("a process knows itself, and of a number that nobody has nothing is known", (h) => {
    const { processTable: table } = h.platform;
    const self = table.inspect(table.self.processId);
    assert(self !== null);
    assertEquals([self.processId, self.startedAt], [table.self.processId, table.self.startedAt]);
    assertNotEquals(self.state, "zombie");
    assert(self.residentBytes > 0 && self.cpuUs >= 0 && self.name.length > 0 && table.bootId.length > 0);
    assertEquals(table.inspect(NOBODY), null);
    assertEquals([table.descendants([NOBODY]), table.descendants([])], [[], []]);
    assertEquals(table.signal({ processId: NOBODY, startedAt: 0 }, "SIGKILL"), false);
    return Promise.resolve();
  });

  test("signals to no single process reach nobody", (h) => {
    for (const processId of [0, -1, -h.platform.processTable.self.processId, 1.5, NaN]) {
      assertEquals(h.platform.processTable.signal({ processId, startedAt: 0 }, "SIGTERM"), false);
    }
    return Promise.resolve();
  });

  test("a child is told with its parent, and leads a group of its own", async (h) => {
    const { processTable: table } = h.platform;
    const { child } = start(h, { argv: h.programs.wait });
    const facts = table.inspect(child.processId);
    assert(facts !== null);
    assertEquals([facts.parentId, facts.groupId], [table.self.processId, child.processId]);
    assertEquals(facts.startedAt >= table.self.startedAt, true);
    assertEquals(numbers(table.descendants([table.self.processId])).includes(child.processId), true);
    assertEquals(table.descendants([child.processId]), []);
    assert(child.kill("SIGKILL"));
    await h.until(() => !child.isRunning, "it has ended");
  });

  test("all that descend are found while orphans are adopted, children after their parents", async (h) => {
    const { processTable: table } = h.platform;
    if (!table.adoptOrphans()) return;
    const { root, members } = await startTree(h, "adopted");
    const all = table.descendants([table.self.processId]);
    for (const { processId } of members) {
      assert(numbers(all).includes(processId), `${processId} descends from us`);
    }
    const order = all.map(({ processId }) => processId);
    for (const { processId, parentId } of all) {
      if (parentId !== table.self.processId) assert(order.indexOf(parentId) < order.indexOf(processId));
    }
    const orphan = members.find(({ parentId, processId }) =>
      parentId !== root.child.processId && processId !== root.child.processId
    );
    assertEquals(orphan?.parentId, table.self.processId, "who loses its parent becomes a child of ours");
    assertEquals(orphan === undefined ? [] : table.descendants([orphan.processId]), []);
    // Two roots, one of which descends from the other: nobody is told twice, nor are they themselves.
    const twice = table.descendants([table.self.processId, root.child.processId]);
    assertEquals(new Set(numbers(twice)).size, twice.length);
    assert(!numbers(twice).includes(root.child.processId));
    killAll(h, "adopted");
    await h.until(() => root.status !== null, "the leader's end is told");
    assertEquals(root.status, { code: 137, signal: "SIGKILL" });
  });

  test("a mark is found on all that inherited it, on nobody else, and on none that has ended", async (h) => {
    const { processTable: table } = h.platform;
    const other = start(h, {
      argv: h.programs.wait,
      env: { HANA_MARK: "marked and more", X_HANA_MARK: "marked" },
    });
    const { root, members } = await startTree(h, "marked");
    assertEquals(numbers(members).includes(root.child.processId), true);
    assertEquals(numbers(members).includes(other.child.processId), false);
    assertEquals(numbers(members).includes(table.self.processId), false);
    assertEquals(table.marked("HANA_MARK", "mark"), []);
    assertEquals(numbers(table.marked("X_HANA_MARK", "marked")), [other.child.processId]);
    killAll(h, "marked");
    assert(other.child.kill("SIGKILL"));
    await h.until(() => root.status !== null && other.status !== null, "the leaders are gone");
    await h.until(() => table.marked("HANA_MARK", "marked").length === 0, "nobody bears the mark");
  });

  test("a signal reaches exactly whom it is meant for, never another process that got the number", async (h) => {
    const { processTable: table } = h.platform;
    const started = start(h, { argv: h.programs.wait });
    const facts = table.inspect(started.child.processId);
    assert(facts !== null);
    const { processId, startedAt } = facts;
    for (const wrong of [startedAt - 1, startedAt + 1, 0]) {
      assertEquals(table.signal({ processId, startedAt: wrong }, "SIGKILL"), false);
    }
    assertEquals(table.inspect(processId)?.startedAt, startedAt, "it is still there");
    assertEquals(table.signal(facts, "SIGKILL"), true);
    await h.until(() => started.status !== null, "it has ended");
    assertEquals(started.status, { code: 137, signal: "SIGKILL" });
    assertEquals(table.signal(facts, "SIGKILL"), false);
    assertEquals(table.inspect(processId), null);
  });

  test("a process that was stopped is told so, until it continues", async (h) => {
    const { processTable: table } = h.platform;
    const { child } = start(h, { argv: h.programs.wait });
    const facts = table.inspect(child.processId);
    assert(facts !== null && table.signal(facts, "SIGSTOP"));
    await h.until(() => table.inspect(child.processId)?.state === "stopped", "it stands still");
    assert(table.signal(facts, "SIGCONT"));
    await h.until(() => table.inspect(child.processId)?.state !== "stopped", "it moves");
    assert(child.kill("SIGKILL"));
    await h.until(() => !child.isRunning, "it has ended");
  });

  test("an adopted orphan that has ended is a zombie, known but dead, until it is reaped", async (h) => {
    const { processTable: table } = h.platform;
    if (!table.adoptOrphans()) return;
    const root = start(h, { argv: h.programs.leave, env: { HANA_MARK: "left" } });
    await h.until(
      () => root.status !== null && table.marked("HANA_MARK", "left").length === 1,
      "one is left",
    );
    assertEquals(root.status, { code: 4, signal: null });
    const [orphan] = table.marked("HANA_MARK", "left");
    assert(orphan !== undefined);
    assertEquals(
      [orphan.parentId, table.reapOrphans()],
      [table.self.processId, 0],
      "it lives: nothing to reap",
    );
    assert(table.signal(orphan, "SIGKILL"));
    await h.until(() => table.inspect(orphan.processId)?.state === "zombie", "it is a zombie");
    assertEquals(table.signal(orphan, "SIGKILL"), false, "a zombie takes no signals");
    assertEquals(table.marked("HANA_MARK", "left"), []);
    const known = table.descendants([table.self.processId]).find(({ processId }) =>
      processId === orphan.processId
    );
    assertEquals([known?.state, known?.startedAt], ["zombie", orphan.startedAt]);
    assertEquals(table.reapOrphans(), 1);
    assertEquals([table.inspect(orphan.processId), table.reapOrphans()], [null, 0]);
  });

  test("reaping orphans robs nobody of the end of a child started here", async (h) => {
    const { processTable: table } = h.platform;
    if (!table.adoptOrphans()) return;
    const children = Array.from({ length: 8 }, () => start(h, { argv: h.programs.quick }));
    const leaving = start(h, { argv: h.programs.leave, env: { HANA_MARK: "robbed" } });
    await h.until(
      () => leaving.status !== null && table.marked("HANA_MARK", "robbed").length === 1,
      "one is left",
    );
    const more = Array.from({ length: 8 }, () => start(h, { argv: h.programs.quick }));
    killAll(h, "robbed");
    let reaped = 0;
    await h.until(() => {
      reaped += table.reapOrphans();
      return reaped === 1 && [...children, ...more].every(({ status }) => status !== null);
    }, "all have ended, and the orphan was reaped");
    for (const { status } of [...children, ...more]) assertEquals(status, { code: 3, signal: null });
    assertEquals(table.reapOrphans(), 0);
  });

  test("notifications come whole and in order, and their socket goes with the listener", async (h) => {
    const path = `${h.directory}/notify`;
    const heard: string[] = [];
    const listener = await h.settle(h.platform.processes.listenNotify(
      path,
      (bytes) => void heard.push(new TextDecoder().decode(bytes)),
    ));
    const facts = h.platform.files.stat(path);
    assertEquals([facts?.kind, facts?.mode], ["socket", 0o600]);
    const long = `STATUS=${"x".repeat(4000)}`;
    for (const text of ["READY=1", "STATUS=loading\nWATCHDOG=1", long]) await h.settle(h.notify(path, text));
    await h.until(() => heard.length === 3, "all are heard");
    assertEquals(heard, ["READY=1", "STATUS=loading\nWATCHDOG=1", long]);
    const taken = await h.settle(
      assertRejects(() => h.platform.processes.listenNotify(path, () => {}), HanaError),
    );
    assertEquals(taken.code, "address-in-use");
    await h.settle(h.notify(path, "STOPPING=1"));
    await h.until(() => heard.length === 4, "the first one hears as before");
    listener.close();
    listener.close();
    assertEquals(h.platform.files.stat(path), null);
    const again = await h.settle(h.platform.processes.listenNotify(path, () => {}));
    again.close();
  });
}
