// Shims that do not behave: silent, strange, garbled, refusing, of another boot; and a hana that cannot be started.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Program } from "../../../../lib/platform/simulated/mod.ts";
import { JsonLines } from "../../../../lib/supervision/lines/mod.ts";
import type { ProgramEvent, ProgramSnapshot, ShimAssignment } from "../../../../lib/supervision/mod.ts";
import { hanaProgram } from "../../../../lib/simulate/programs/mod.ts";
import { Bench, SECOND } from "./support.ts";

/** A scripted shim: answers as it is told to. */
interface Script {
  /** Changes the welcome, or says nothing where it gives null. */
  welcome?(welcome: Record<string, unknown>, hello: Record<string, unknown>): unknown;
  /** Answers a demand; `ok` unless given. */
  answer?(demand: Record<string, unknown>, lines: JsonLines): unknown;
  /** Bytes in place of any answer. */
  raw?: string;
}

/** A program `hana` that is a scripted shim; `greeted` holds all hellos. */
function scripted(bench: Bench, script: Script): { greeted: Record<string, unknown>[]; demands: string[] } {
  const told = { greeted: [] as Record<string, unknown>[], demands: [] as string[] };
  bench.host.programs.register("hana", (program: Program) => {
    let text = "";
    program.onInput = (bytes) => {
      if (bytes === null || text.includes("\n")) return;
      text += new TextDecoder().decode(bytes);
      if (text.includes("\n")) void serve(program, JSON.parse(text), script, told);
    };
  });
  return told;
}

async function serve(
  program: Program,
  assignment: ShimAssignment,
  script: Script,
  told: { greeted: Record<string, unknown>[]; demands: string[] },
): Promise<void> {
  const { files, streams, processTable } = program.platform;
  files.lock(`${assignment.directory}/lock`);
  await streams.listen({ kind: "unix", path: assignment.controlSocket }, {
    onError: () => {},
    onStream: (stream) => {
      const lines: JsonLines = new JsonLines(stream, { maxLineBytes: 1 << 20, maxWaitingBytes: 1 << 22 }, {
        onClose: () => {},
        onObject: (value) => {
          if (value.t !== "hello") {
            told.demands.push(String(value.t));
            const answer = script.answer === undefined
              ? { t: "ok", op: value.op }
              : script.answer({ ...value }, lines);
            if (answer !== null) lines.send(answer as object);
            return;
          }
          told.greeted.push({ ...value });
          if (script.raw !== undefined) {
            stream.write(new TextEncoder().encode(script.raw));
            return;
          }
          const welcome = {
            t: "welcome",
            v: 1,
            shim: processTable.self,
            bootId: processTable.bootId,
            token: assignment.token,
            snapshot: snapshotOf(assignment),
            events: [],
          };
          const said = script.welcome === undefined ? welcome : script.welcome(welcome, { ...value });
          if (said !== null) lines.send(said as object);
        },
      });
    },
  });
}

function snapshotOf({ name, generation, want }: ShimAssignment): ProgramSnapshot {
  return {
    name,
    generation,
    argv: ["stays"],
    want,
    state: "running",
    health: "ready",
    process: null,
    run: 1,
    fails: 0,
    sinceWallMs: 0,
    startedWallMs: 0,
    readyUs: 1,
    nextTryWallMs: null,
    lastExit: null,
    status: null,
    fps: null,
    frame: null,
    residentBytes: null,
    cpuShare: null,
    processes: 1,
    note: null,
    fallback: false,
    unstable: false,
    eventSeq: 0,
    supervised: true,
  };
}

function event(seq: number, kind: ProgramEvent["kind"] = "status"): ProgramEvent {
  return { seq, program: "aurora", run: 1, atWallMs: 0, atUs: 0, kind, by: null, detail: {} };
}

Deno.test("a shim of another boot, of another name, or of another token that is not there, is nobody's", async () => {
  const lies: Record<string, unknown>[] = [
    { bootId: "another boot" },
    { token: "f".repeat(32), shim: { processId: 4711, startedAt: 3 } },
  ];
  for (const lie of lies) {
    const bench = new Bench();
    scripted(bench, { welcome: (welcome) => ({ ...welcome, ...lie }) });
    await bench.open();
    await bench.spawn("aurora", ["stays"]);
    await bench.pass(3 * SECOND);
    assertEquals(bench.see("aurora").supervised, false);
    assert(bench.supervisor.counters.strangers > 0);
    // It holds the lock: it lives, so it is neither ended nor doubled.
    assertEquals(bench.alive("hana").length, 2);
    assertEquals(bench.crashes, []);
  }
});

Deno.test("a shim that says garbage, too much or nothing costs its own program alone", async () => {
  const raws = ["no json\n", "[1,2]\n", `${"x".repeat(2 << 20)}`, '{"t":"welcome"}\n', "\n\n\n"];
  for (const raw of raws) {
    const bench = new Bench();
    await bench.open();
    await bench.spawn("slate", ["stays"]);
    await bench.untilState("slate", "running");
    scripted(bench, { raw });
    await bench.spawn("aurora", ["stays"]);
    await bench.pass(20 * SECOND);
    assertEquals(bench.see("aurora").supervised, false);
    assertMatch(bench.see("aurora").note ?? "", /shim/);
    assertEquals(bench.see("slate").state, "running");
    assertEquals(bench.alive("hana").length, 3);
    assertEquals(bench.crashes, []);
  }
});

Deno.test("lines that cannot be understood and messages of a newer shim are left out, the rest counts", async () => {
  const bench = new Bench();
  const odd: object[] = [
    { t: "new-thing", a: 1 },
    { t: "event", event: { seq: "x" } },
    { t: "state", snapshot: 5 },
    { t: "log", records: null },
    { t: "ok", op: 99_999 },
    { t: "event", event: event(1) },
    { t: "event", event: event(1) },
    { t: "event", event: { ...event(2), program: "somebody else" } },
    { t: "event", event: event(5) },
  ];
  scripted(bench, {
    answer: (demand, lines) => {
      for (const line of odd) lines.send(line);
      return { t: "ok", op: demand.op };
    },
  });
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.verb("restart", "aurora");
  await bench.pass(SECOND);
  const seqs = bench.events().filter(({ origin }) => origin === "shim").map(({ event }) => event.seq);
  assertEquals(seqs, [1, 5]);
  assertEquals(bench.supervisor.counters.eventsMissed, 3);
  assertEquals(bench.see("aurora").supervised, true);
  assertEquals(bench.crashes, []);
});

Deno.test("a shim whose journal was lost counts anew, and all it says is taken", async () => {
  const bench = new Bench();
  let journal = [event(1), event(2), event(3)];
  const told = scripted(bench, {
    welcome: (welcome, hello) => ({
      ...welcome,
      snapshot: { ...(welcome["snapshot"] as object), eventSeq: journal.length },
      events: journal.filter(({ seq }) => seq > Number(hello["sinceSeq"])),
    }),
  });
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.pass(SECOND);
  journal = [event(1, "ready")];
  await bench.reopen();
  await bench.pass(SECOND);
  assertEquals(told.greeted.map(({ sinceSeq }) => sinceSeq), [0, 3, 0]);
  const kinds = bench.events().filter(({ origin }) => origin === "shim").map(({ event }) => event.kind);
  assertEquals(kinds, ["status", "status", "status", "ready"]);
});

Deno.test("a shim that knows a newer wish than a database that was put back is believed", async () => {
  const bench = new Bench();
  scripted(bench, {
    welcome: (welcome) => ({
      ...welcome,
      snapshot: { ...(welcome["snapshot"] as object), generation: 7, want: "up" },
    }),
  });
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.pass(SECOND);
  assertEquals(bench.supervisor.desired("aurora").generation, 7);
  const stopped = await bench.verb("stop", "aurora");
  assertEquals(stopped.generation, 8);
});

Deno.test("a shim that does not take what is wanted is told again, and the verb is answered all the same", async () => {
  const bench = new Bench();
  let refusals = 0;
  const told = scripted(bench, {
    answer: (demand) => refusals++ < 3 ? null : { t: "ok", op: demand.op },
  });
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  const result = await bench.verb("stop", "aurora");
  assertEquals([result.changed, result.durable], [true, true]);
  await bench.pass(60 * SECOND);
  assertEquals(told.demands, ["want", "want", "want", "want"]);
  assertEquals(bench.see("aurora").note, null);
});

Deno.test("a hana that cannot be started leaves programs waiting with the reason, and they start when it can", async () => {
  const bench = new Bench();
  await bench.open({ warm: true, limits: { maxPrograms: 2 } });
  bench.host.programs.unregister("hana");
  await bench.pass(SECOND);
  for (const id of bench.alive("hana")) {
    if (id === bench.host.platform.processTable.self.processId) continue;
    const facts = bench.host.platform.processTable.inspect(id);
    if (facts !== null) bench.host.platform.processTable.signal(facts, "SIGKILL");
  }
  await bench.pass(SECOND);
  const { changed, durable } = await bench.spawn("aurora", ["stays"]);
  assertEquals([changed, durable], [true, true]);
  await bench.pass(30 * SECOND);
  assertMatch(bench.see("aurora").note ?? "", /its shim cannot be started: .*no such program/);
  const faults = bench.events().filter(({ event }) => event.kind === "fault");
  assertEquals(faults.length, 1);
  bench.host.programs.register("hana", hanaProgram);
  await bench.untilState("aurora", "running");
  assertEquals(bench.see("aurora").note, null);
  assertEquals(bench.crashes, []);
});

Deno.test("a shim that ends at once is tried again with pauses, not in a loop", async () => {
  const bench = new Bench();
  let starts = 0;
  bench.host.programs.register("hana", (program) => {
    starts++;
    program.exit(70);
  });
  await bench.open();
  await bench.spawn("aurora", ["stays"]);
  await bench.pass(60 * SECOND);
  assert(starts >= 5 && starts <= 12, `${starts} starts in a minute`);
  assertEquals(bench.see("aurora").state, "waiting");
});
