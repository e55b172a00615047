import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  COMPACT_BYTES,
  Journal,
  type JournalEntry,
  KEPT_EVENTS,
  readJournal,
} from "../../../../lib/supervision/journal/mod.ts";
import type { ProgramEvent, ShimAssignment } from "../../../../lib/supervision/model/mod.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";
import { MemoryFiles } from "../logs/memory_files.ts";

const PATH = "/programs/aurora/journal";

function event(seq: number, run = 1, text = ""): ProgramEvent {
  return { seq, program: "aurora", run, atWallMs: 5, atUs: 6, kind: "status", by: null, detail: { text } };
}

function eventEntry(seq: number, run = 1, text = ""): JournalEntry {
  return { kind: "event", event: event(seq, run, text) };
}

function wantEntry(generation: number): JournalEntry {
  return { kind: "want", save: { want: "up", generation, by: "operator anna at foh", atWallMs: 7 } };
}

function assignment(argument: string): ShimAssignment {
  return {
    t: "assign",
    v: 1,
    name: "aurora",
    node: "stage-left",
    directory: "/programs/aurora",
    controlSocket: "/run/a.c",
    childSocket: "/run/a.a",
    notifySocket: null,
    token: "0123456789abcdef0123456789abcdef",
    generation: 1,
    spec: { ...SPEC_DEFAULTS, argv: ["./aurora", argument] },
    want: "up",
    by: "policy",
    clear: true,
  };
}

function tornTo(files: MemoryFiles, bytes: number): MemoryFiles {
  const torn = new MemoryFiles();
  torn.put(PATH, (files.read(PATH) ?? new Uint8Array(0)).subarray(0, bytes));
  return torn;
}

Deno.test("what was appended is there again in the next life, and events are numbered on", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  assertEquals([journal.nextSeq, journal.oldestSeq, journal.saved("want")], [1, 1, null]);
  assert(journal.append({ kind: "assignment", save: assignment("--intro") }, false));
  assert(journal.append(wantEntry(1), true));
  assertEquals(files.syncs, 1);
  for (let seq = 1; seq <= 3; seq++) assert(journal.append(eventEntry(seq, seq), false));
  assert(journal.append(wantEntry(2), true));
  assert(journal.append({ kind: "machine", save: { state: "running", fails: 2 } }, false));
  assert(journal.append({
    kind: "process",
    save: { run: 3, process: { processId: 4711, startedAt: 99 }, startedWallMs: 8 },
  }, false));
  journal.close();

  const again = Journal.open(files, PATH);
  assertEquals(again.nextSeq, 4);
  assertEquals(again.eventsAfter(1), [event(2, 2), event(3, 3)]);
  assertEquals(again.eventsAfter(3), []);
  assertEquals(again.eventsOf(2), [event(2, 2)]);
  assertEquals(again.saved("want")?.generation, 2);
  assertEquals(again.saved("machine"), { state: "running", fails: 2 });
  assertEquals(again.saved("process")?.process, { processId: 4711, startedAt: 99 });
  assertEquals(again.saved("assignment"), assignment("--intro"));
  const seen = readJournal(files, PATH);
  assertEquals([seen?.nextSeq, seen?.events.length, seen?.garbage, seen?.torn], [4, 3, 0, 0]);
  assertEquals(readJournal(files, "/nowhere/journal"), null);
});

Deno.test("an event with any other number than the next is a bug that shows", () => {
  const journal = Journal.open(new MemoryFiles(), PATH);
  journal.append(eventEntry(1), false);
  assertEquals(assertThrows(() => journal.append(eventEntry(1), false), HanaError).code, "internal");
  assertEquals(assertThrows(() => journal.append(eventEntry(3), false), HanaError).code, "internal");
  assertEquals(journal.nextSeq, 2);
});

Deno.test("a journal that is cut at any byte is read as far as it goes, and goes on", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  const ends: number[] = [0];
  const note = (entry: JournalEntry) => {
    journal.append(entry, false);
    ends.push(files.stat(PATH)?.size ?? 0);
  };
  note(wantEntry(1));
  for (let seq = 1; seq <= 4; seq++) note(eventEntry(seq, 1, "picture € is back"));
  note(wantEntry(2));
  const size = files.stat(PATH)?.size ?? 0;
  for (let cut = 0; cut <= size; cut++) {
    const torn = tornTo(files, cut);
    const whole = ends.filter((end) => end <= cut).length - 1;
    const seen = readJournal(torn, PATH);
    assertEquals(seen?.events.length, Math.min(4, Math.max(0, whole - 1)), `cut at ${cut}`);
    assertEquals(seen?.torn, ends.includes(cut) ? 0 : 1);
    assertEquals(torn.writes, 0, "who only looks changes nothing");
    const next = Journal.open(torn, PATH);
    assertEquals(next.saved("want")?.generation, whole === 0 ? undefined : whole === 6 ? 2 : 1);
    const seq = next.nextSeq;
    assertEquals(seq, (seen?.events.length ?? 0) + 1);
    assert(next.append(eventEntry(seq), false));
    const after = readJournal(torn, PATH);
    assertEquals([after?.torn, after?.garbage, after?.nextSeq], [0, 0, seq + 1]);
  }
});

Deno.test("a process that ends in the middle of anything leaves the state before or after it", () => {
  for (let life = 1;; life += 7) {
    const files = new MemoryFiles();
    const journal = Journal.open(files, PATH);
    files.lifeBytes = life;
    // What was promised, and what was under way when it ended.
    let [wanted, seq] = [0, 0];
    let [maybeWanted, maybeSeq] = [0, 0];
    let died = false;
    for (let i = 1; i <= 12 && !died; i++) {
      const entry = i % 3 === 0 ? wantEntry(i) : eventEntry(seq + 1, 1, "x".repeat(4000));
      if (entry.kind === "want") maybeWanted = i;
      else maybeSeq = seq + 1;
      died = !journal.append(entry, true);
      if (!died) [wanted, seq] = [maybeWanted, maybeSeq];
    }
    if (!died) break;
    files.revive();
    const next = Journal.open(files, PATH);
    assert([seq, maybeSeq].includes(next.nextSeq - 1), `life of ${life}: ${next.nextSeq} after ${seq}`);
    assert([wanted, maybeWanted].includes(next.saved("want")?.generation ?? 0), `life of ${life}`);
    assertEquals(
      next.eventsAfter(0).map((kept) => kept.seq),
      Array.from({ length: next.nextSeq - 1 }, (_, at) => at + 1),
    );
  }
});

Deno.test("a long life keeps the file small, the newest saves and the newest events", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  let most = 0;
  journal.append({ kind: "assignment", save: assignment("--first") }, false);
  for (let seq = 1; seq <= 5000; seq++) {
    journal.append(eventEntry(seq, 1, "y".repeat(seq % 200)), false);
    if (seq % 10 === 0) journal.append({ kind: "machine", save: { seq } }, false);
    if (seq % 100 === 0) journal.append(wantEntry(seq), true);
    most = Math.max(most, files.stat(PATH)?.size ?? 0);
  }
  assert(most <= COMPACT_BYTES, `${most} bytes`);
  assert(
    journal.counters.compactions > 5 && journal.counters.compactions < 100,
    `${journal.counters.compactions}`,
  );
  assertEquals(journal.eventsAfter(0).length, KEPT_EVENTS);
  const next = Journal.open(files, PATH);
  assertEquals(next.nextSeq, 5001);
  const kept = next.eventsAfter(0);
  assert(kept.length >= 100 && kept.length <= KEPT_EVENTS, `${kept.length} events`);
  kept.forEach(({ seq }, at) => assertEquals(seq, 5001 - kept.length + at));
  assertEquals(next.saved("machine"), { seq: 5000 });
  assertEquals(next.saved("want")?.generation, 5000);
  assertEquals(next.saved("assignment")?.spec.argv[1], "--first");
});

Deno.test("the largest command line does not make every append a compaction", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  assert(journal.append({ kind: "assignment", save: assignment("z".repeat(190_000)) }, true));
  for (let seq = 1; seq <= 1000; seq++) journal.append(eventEntry(seq), false);
  assert(journal.counters.compactions < 15, `${journal.counters.compactions}`);
  assertEquals(Journal.open(files, PATH).saved("assignment")?.spec.argv[1]?.length, 190_000);
  assertEquals(journal.append({ kind: "machine", save: { text: "z".repeat(2 << 20) } }, true), false);
  assertEquals([journal.counters.tooLong, journal.saved("machine")], [1, null]);
});

Deno.test("an event with too much to say keeps its place and loses its detail", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  assert(journal.append(eventEntry(1, 1, "z".repeat(10_000)), false));
  assertEquals(Object.keys(journal.eventsAfter(0)[0]?.detail ?? {}), ["leftOut"]);
  assertEquals(readJournal(files, PATH)?.events, journal.eventsAfter(0));
});

Deno.test("garbage is skipped and counted, wherever it is, and gone after the journal was opened", () => {
  const entries = [
    `{"v":1,"kind":"head","nextSeq":5}`,
    JSON.stringify({ v: 1, ...eventEntry(5) }),
    JSON.stringify({ v: 1, ...wantEntry(3) }),
  ];
  const garbage = fc.constantFrom(
    "{",
    "null",
    "[]",
    "42",
    `"text"`,
    "\0\0\0\0",
    "\ufffd",
    `{"v":"1"}`,
    `{"v":1,"kind":"event"}`,
    `{"v":1,"kind":"event","event":{"seq":-1}}`,
    `{"v":1,"kind":"want","save":7}`,
  );
  fc.assert(fc.property(fc.array(garbage, { minLength: 1, maxLength: 6 }), fc.nat(3), (junk, at) => {
    const files = new MemoryFiles();
    files.put(PATH, [...entries.slice(0, at), ...junk, ...entries.slice(at)].join("\n") + "\n");
    const seen = readJournal(files, PATH);
    assertEquals([seen?.garbage, seen?.nextSeq, seen?.saves.want?.generation], [junk.length, 6, 3]);
    const journal = Journal.open(files, PATH);
    assertEquals([journal.counters.garbage, journal.nextSeq, journal.eventsAfter(0).length], [
      junk.length,
      6,
      1,
    ]);
    assertEquals(readJournal(files, PATH)?.garbage, 0);
  }));
});

Deno.test("a journal of another version is put aside, and its numbers are not given again", () => {
  const files = new MemoryFiles();
  const foreign = `{"v":2,"kind":"event","event":{"seq":41,"what":"new"}}\n`;
  files.put(PATH, foreign);
  const journal = Journal.open(files, PATH);
  assertEquals([journal.counters.otherVersion, journal.nextSeq, journal.eventsAfter(0)], [1, 42, []]);
  assertEquals(files.text(`${PATH}.other`), foreign);
  assert(journal.append(eventEntry(42), false));
  assertEquals(readJournal(files, PATH)?.otherVersion, 0);
  assertEquals(Journal.open(files, PATH).nextSeq, 43);
});

Deno.test("a disk that refuses leaves everything in memory, and it is written when that ends", () => {
  const files = new MemoryFiles();
  const journal = Journal.open(files, PATH);
  journal.append(eventEntry(1), false);
  files.refusal = "No space left on device";
  assertEquals(journal.append(eventEntry(2), false), false);
  assertEquals(journal.append(wantEntry(9), true), false);
  for (let seq = 3; seq <= 500; seq++) journal.append(eventEntry(seq), false);
  assertEquals([journal.isWritten, journal.nextSeq, journal.eventsAfter(0).length], [
    false,
    501,
    KEPT_EVENTS,
  ]);
  assertEquals(journal.saved("want")?.generation, 9);
  let nowUs = 1_000_000;
  journal.handleTick(nowUs);
  assertEquals(journal.deadline()?.atUs, nowUs + 5_000_000);
  const { refused } = journal.counters;
  for (let i = 0; i < 40; i++) journal.handleTick(nowUs += 250_000);
  assertEquals(journal.counters.refused, refused + 2, "two tries in ten seconds");
  files.refusal = null;
  for (let i = 0; i < 20; i++) journal.handleTick(nowUs += 250_000);
  assertEquals([journal.isWritten, journal.deadline()], [true, null]);
  const next = Journal.open(files, PATH);
  assertEquals([next.nextSeq, next.saved("want")?.generation], [501, 9]);
  files.refusal = "again";
  journal.append(eventEntry(501), false);
  files.refusal = null;
  assert(journal.append(wantEntry(10), true), "what must be durable is tried at once");
  assertEquals(readJournal(files, PATH)?.nextSeq, 502);
});

Deno.test("a disk that cannot even be read leaves a journal that works in memory", () => {
  const files = new MemoryFiles();
  files.read = () => {
    throw new HanaError("storage", { what: "cannot read", why: "Input/output error" });
  };
  files.put(PATH, "something\n");
  const journal = Journal.open(files, PATH);
  assertEquals([journal.counters.refused, journal.isWritten], [1, false]);
  assert(journal.append(wantEntry(1), true));
  assertEquals(
    files.list("/programs/aurora"),
    ["journal", "journal.other"],
    "what may be whole is put aside",
  );
});

Deno.test("a journal that somebody removed, emptied or whose directory went is written anew with all that counts", () => {
  const steps: ((files: MemoryFiles) => void)[] = [
    (files) => files.remove(PATH),
    (files) => files.put(PATH, ""),
    (files) => files.removeTree("/programs/aurora"),
  ];
  for (const step of steps) {
    const files = new MemoryFiles();
    const journal = Journal.open(files, PATH);
    journal.append(wantEntry(4), true);
    journal.append(eventEntry(1), false);
    step(files);
    assert(journal.append(eventEntry(2), false));
    const seen = readJournal(files, PATH);
    assertEquals([seen?.saves.want?.generation, seen?.events.length, seen?.nextSeq], [4, 2, 3]);
  }
});

Deno.test("whatever is appended, compacted and opened again, events have no gap and saves are the newest", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("event" as const), size: fc.nat(3000) }),
    fc.record({ kind: fc.constant("want" as const) }),
    fc.record({ kind: fc.constant("machine" as const), size: fc.nat(3000) }),
    fc.record({ kind: fc.constant("open" as const) }),
    fc.record({ kind: fc.constant("refuse" as const), on: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const files = new MemoryFiles();
      let journal = Journal.open(files, PATH);
      let [seq, want, machine] = [0, 0, 0];
      for (const [at, step] of steps.entries()) {
        if (step.kind === "event") journal.append(eventEntry(++seq, 1, "e".repeat(step.size)), false);
        else if (step.kind === "want") journal.append(wantEntry(want = at + 1), true);
        else if (step.kind === "machine") {
          journal.append(
            { kind: "machine", save: { at: machine = at + 1, text: "m".repeat(step.size) } },
            false,
          );
        } else if (step.kind === "refuse") files.refusal = step.on ? "No space left on device" : null;
        else if (files.refusal === null) {
          journal.close();
          journal = Journal.open(files, PATH);
        }
        assertEquals(journal.nextSeq, seq + 1);
        assertEquals(journal.saved("want")?.generation ?? 0, want);
        assertEquals(journal.saved("machine")?.at ?? 0, machine);
        const kept = journal.eventsAfter(0);
        kept.forEach((event, i) => assertEquals(event.seq, seq - kept.length + 1 + i));
        assert(seq === 0 || kept.length > 0);
      }
    }),
    { numRuns: 150 },
  );
});
