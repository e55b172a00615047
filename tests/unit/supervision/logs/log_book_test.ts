import { assert, assertEquals, assertExists } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { LogQuery, LogRecord } from "../../../../lib/supervision/model/mod.ts";
import { readLogs } from "../../../../lib/supervision/logs/mod.ts";
import { Desk, DIRECTORY, EPOCH_MS } from "./desk.ts";
import { MemoryFiles } from "./memory_files.ts";

const SECOND_US = 1_000_000;
const MAX_LINE = 16 << 10;

const encoder = new TextEncoder();

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** What a stream of bytes says, as the rules have it: cut at 16 KiB, not within a character that is whole. */
function expectedLines(bytes: Uint8Array): { text: string; partial: boolean }[] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const found: { text: string; partial: boolean }[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    while (end - at > MAX_LINE) {
      let cut = at + MAX_LINE;
      let lead = cut - 1;
      while (lead > cut - 4 && isContinuation(bytes[lead])) lead--;
      const byte = bytes[lead] ?? 0;
      const size = byte >= 0xf8 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      if (lead + size > cut && lead > cut - 4) cut = lead;
      found.push({ text: decoder.decode(bytes.subarray(at, cut)), partial: true });
      at = cut;
    }
    const stop = end > at && bytes[end - 1] === 13 ? end - 1 : end;
    found.push({ text: decoder.decode(bytes.subarray(at, stop)), partial: false });
    at = end + 1;
  }
  return found;
}

const PIECES: readonly Uint8Array[] = [
  ...["a", "é", "€", "😀", "\r", "\n", "\r\n", "\x1b[31m", "\0", "\\", "\x18", "\ufeff", "\\0", " "].map((
    text,
  ) => encoder.encode(text)),
  Uint8Array.of(0xff),
  Uint8Array.of(0xe2, 0x82),
  Uint8Array.of(0x80, 0x80, 0x80, 0x80),
  new Uint8Array(MAX_LINE - 2).fill(0x78),
  encoder.encode("€".repeat(5500)),
];

const stream = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((parts) => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
});

Deno.test("however bytes are cut into chunks, the records are the same, in memory as in files", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const desk = new Desk();
      desk.book.startRun(7, desk.nowUs);
      desk.nowUs += 1_234_567;
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
      const lent = new Uint8Array(bytes.length);
      for (let i = 1; i < at.length; i++) {
        const chunk = lent.subarray(0, (at[i] ?? 0) - (at[i - 1] ?? 0));
        chunk.set(bytes.subarray(at[i - 1], at[i]));
        desk.write(chunk);
        chunk.fill(0xdd); // Its owner uses it again.
      }
      desk.book.endRun(desk.nowUs);
      const records = desk.book.query({});
      assertEquals(records.map(({ text, partial }) => ({ text, partial })), expectedLines(bytes));
      for (const record of records) {
        assertEquals(record.stream, "stdout");
        assertEquals([record.run, record.sinceSpawnUs], [7, 1_234_567]);
        assertEquals(record.atWallMs, EPOCH_MS + Math.floor(desk.nowUs / 1000));
      }
      assertEquals(readLogs(desk.files, DIRECTORY, {}), records);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a line without an end is passed on after 200 ms, and its end makes it whole", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("Password: \xe2\x82".slice(0, 10));
  desk.write(Uint8Array.of(0xe2, 0x82));
  assertEquals(desk.book.deadline(), { atUs: desk.nowUs + 200_000, reason: "logs: a line has no end" });
  desk.nowUs += 199_000;
  desk.book.handleTick(desk.nowUs);
  assertEquals(desk.book.query({}), []);
  desk.nowUs += 1_000;
  desk.book.handleTick(desk.nowUs);
  assertEquals(desk.book.query({}).map(({ text, partial }) => [text, partial]), [["Password: ", true]]);
  desk.wait(SECOND_US);
  assertEquals(desk.texts(), ["Password: "], "half a character waits for its other half");
  assertEquals(desk.book.deadline(), null);
  desk.write(Uint8Array.of(0xac, 0x0a));
  assertEquals(desk.book.query({}).map(({ text, partial }) => [text, partial]), [["Password: ", true], [
    "€",
    false,
  ]]);
  assertEquals([desk.book.counters.lines, desk.book.counters.pieces], [1, 1]);
});

Deno.test("a program that only ever writes over its line is heard for hours", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  const frame = `\r${"#".repeat(999)}`;
  for (let i = 0; i < 3000; i++) {
    desk.write(frame);
    desk.wait(250_000);
  }
  assertEquals(desk.book.counters.leftOutBytes, 0);
  assertEquals(desk.texts({ tail: 1 }), [frame]);
});

Deno.test("a line of 1 GiB without an end leaves its first 1 MiB, its end and a count", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("before\n");
  const chunk = new Uint8Array(16 << 20).fill(0x78);
  for (let i = 0; i < 64; i++) desk.write(chunk);
  desk.write("the end\nafter\n");
  const { bytes, pieces, lines, leftOutBytes, ringBytes } = desk.book.counters;
  assertEquals([bytes, pieces, lines], [(1 << 30) + 21, 64, 3]);
  assert(
    leftOutBytes > (1 << 30) - (2 << 20) && ringBytes < 3 << 20,
    `${leftOutBytes} left out, ring ${ringBytes}`,
  );
  const texts = desk.texts();
  assertEquals(texts[0], "before");
  assertEquals(texts.slice(-2), [`${leftOutBytes} bytes of a line over 1 MiB were left out`, "after"]);
  assert(texts.at(-3)?.endsWith("the end"));
});

Deno.test("a flood is in memory with its newest lines, and in files as far as it may be", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  for (let i = 0; i < 30_000; i += 100) {
    desk.write(Array.from({ length: 100 }, (_, line) => `line ${i + line} of very many\n`).join(""));
  }
  assertEquals(desk.texts({ tail: 2 }), ["line 29998 of very many", "line 29999 of very many"]);
  assertEquals(desk.book.query({}).length, 10_000);
  assert(desk.files.appends < 40, `${desk.files.appends} appends`);
  desk.wait(2 * SECOND_US);
  assertEquals([desk.book.counters.written, desk.book.counters.suppressed], [20_001, 10_000]);
  assertEquals(desk.events(), [{ kind: "logs-suppressed", lines: 10_000 }]);
  assertEquals(readLogs(desk.files, DIRECTORY, { tail: 2 }).map(({ text, stream }) => [text, stream]), [
    ["line 19999 of very many", "stdout"],
    ["10000 lines suppressed", "hana"],
  ]);
  desk.write("quiet again\n");
  desk.wait(SECOND_US);
  assertEquals(readLogs(desk.files, DIRECTORY, { tail: 1 })[0]?.text, "quiet again");
});

Deno.test("a minute of newlines at full speed costs counters: an event, a line a second, and bounded files", () => {
  const desk = new Desk(new MemoryFiles(), { rotateBytes: 256 << 10, keep: 4 });
  desk.book.startRun(1, desk.nowUs);
  const chunk = new Uint8Array(64 << 10).fill(10);
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 4; i++) {
      desk.write(chunk);
      desk.wait(250_000);
    }
  }
  const { lines, written, suppressed } = desk.book.counters;
  assertEquals(lines, 240 * (64 << 10));
  const reports = written + suppressed - lines;
  assert(reports >= 58 && reports <= 60, `${reports} reports`);
  assertEquals(desk.events().map(({ kind }) => kind), ["logs-suppressed"]);
  const total = desk.files.list(DIRECTORY).reduce((sum, name) => {
    return sum + (desk.files.stat(`${DIRECTORY}/${name}`)?.size ?? 0);
  }, 0);
  assert(total <= 4 * (256 << 10), `${total} bytes in files`);
});

Deno.test("long lines are limited by their bytes", () => {
  const desk = new Desk(new MemoryFiles(), { rotateBytes: 8 << 20, keep: 8 });
  desk.book.startRun(1, desk.nowUs);
  const line = encoder.encode("x".repeat(15_999) + "\n");
  for (let i = 0; i < 5000; i++) desk.write(line);
  desk.book.endRun(desk.nowUs);
  const { written, suppressed } = desk.book.counters;
  assertEquals(written + suppressed, 5000);
  assert(written * 16_000 <= 16 << 20, `${written} written`);
});

Deno.test("the events of a disk that is full are one, lines stay in memory, and it is tried again every 5 s", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("one\n");
  desk.wait(250_000);
  desk.files.refusal = "No space left on device";
  for (let i = 0; i < 100; i++) {
    desk.write(`lost ${i}\n`);
    desk.wait(250_000);
  }
  const events = desk.events();
  assertEquals(events.map(({ kind }) => kind), ["disk-full"]);
  assertEquals(desk.book.counters.diskFull, 1);
  assertEquals(desk.texts().length, 101);
  desk.files.refusal = null;
  desk.files.free = 1000;
  desk.wait(10 * SECOND_US);
  assertEquals(desk.events(), [], "a few bytes are not worth another round");
  desk.files.free = 1 << 30;
  desk.wait(5 * SECOND_US);
  assertEquals(desk.events(), [{ kind: "disk-freed", lines: 100 }]);
  desk.write("two\n");
  desk.wait(SECOND_US);
  assertEquals(readLogs(desk.files, DIRECTORY, {}).map(({ text }) => text), [
    "one",
    "100 lines are missing here: the disk refused them",
    "two",
  ]);
  desk.files.refusal = "No space left on device";
  desk.write("three\n");
  desk.wait(SECOND_US);
  assertEquals(desk.events().map(({ kind }) => kind), ["disk-full"], "the next time is an event again");
});

Deno.test("files that somebody removed, emptied or replaced by a new directory cost what was in them", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  const steps: (() => void)[] = [
    () => desk.files.remove(`${DIRECTORY}/current`),
    () => desk.files.put(`${DIRECTORY}/current`, ""),
    () => desk.files.removeTree(DIRECTORY),
    () => {
      desk.files.removeTree(DIRECTORY);
      desk.files.makeDirectory(DIRECTORY, 0o700);
    },
  ];
  steps.forEach((step, at) => {
    desk.write(`before ${at}\n`);
    desk.wait(250_000);
    step();
    desk.write(`after ${at}\n`);
    desk.wait(250_000);
    assertEquals(readLogs(desk.files, DIRECTORY, {}).map(({ text }) => text), [`after ${at}`]);
    desk.files.remove(`${DIRECTORY}/current`);
  });
  assertEquals([desk.events(), desk.book.counters.dropped], [[], 0]);
});

Deno.test("a crash at any byte of what is appended leaves whole records, at most one cut off, and files to go on with", () => {
  const lines = ["alpha", "beta € gamma", "nul\0 and \\", "delta"];
  let ended = 0;
  for (let life = 0;; life++) {
    const desk = new Desk(new MemoryFiles(), { rotateBytes: 1024, keep: 8 });
    desk.book.startRun(3, desk.nowUs);
    desk.files.lifeBytes = life === 0 ? null : life;
    for (let i = 0; i < 24; i++) {
      desk.write(`${lines[i % 4]} ${i}\n`);
      desk.wait(250_000);
    }
    const all = desk.book.query({});
    const died = desk.files.lifeBytes === 0;
    desk.files.revive();
    desk.open();
    desk.book.startRun(4, desk.nowUs);
    desk.write("next life\n");
    desk.book.endRun(desk.nowUs);
    const kept = desk.book.query({});
    assertEquals(kept.at(-1)?.text, "next life", `life of ${life}`);
    assertEquals(readLogs(desk.files, DIRECTORY, {}), kept);
    const before = kept.slice(0, -1);
    before.forEach((record, at) => {
      const original = all[at];
      assertExists(original);
      if (!record.partial) return assertEquals(record, original);
      assertEquals(at, before.length - 1, "only the last one is cut off");
      assert(
        original.text.startsWith(record.text.replace(/[\ufffd\\]+$/, "")),
        `${record.text} of ${original.text}`,
      );
    });
    const seqs = kept.map(({ seq }) => seq);
    assertEquals(seqs, seqs.toSorted((a, b) => a - b));
    if (life > 0 && !died) break;
    if (died) ended++;
  }
  assert(ended > 1000, `${ended} crashes`);
});

Deno.test("garbage between records, and files of nothing else, are passed over", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("one\n");
  desk.book.endRun(desk.nowUs);
  const good = desk.files.text(`${DIRECTORY}/current`);
  desk.files.put(
    `${DIRECTORY}/current`,
    `${"\0".repeat(200_000)}\nnonsense\n${good}2026-13-01T99:00:00.000Z r1\n\n`,
  );
  desk.files.put(`${DIRECTORY}/000001.20261120T000000Z.r0-0.log`, "\xff".repeat(1000));
  desk.files.put(`${DIRECTORY}/notes.txt`, "of a person");
  desk.open();
  assertEquals(desk.texts(), ["one"]);
  assertEquals(desk.book.nextSeq, 2);
  assertEquals(desk.book.run, 1);
});

/** What can be done to a log book. */
type Step =
  | { readonly kind: "write"; readonly lines: number; readonly size: number; readonly err: boolean }
  | { readonly kind: "run" }
  | { readonly kind: "say" }
  | { readonly kind: "wait"; readonly us: number }
  | { readonly kind: "reopen" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      lines: fc.nat(30),
      size: fc.nat(300),
      err: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("run" as const) }),
  fc.record({ kind: fc.constant("say" as const) }),
  fc.record({ kind: fc.constant("wait" as const), us: fc.nat(900_000) }),
  fc.record({ kind: fc.constant("reopen" as const) }),
);
const query: fc.Arbitrary<LogQuery> = fc.record({
  run: fc.integer({ min: -3, max: 6 }),
  tail: fc.nat(200),
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  sinceWallMs: fc.nat(15_000).map((ms) => EPOCH_MS + 5000 + ms),
}, { requiredKeys: [] });

Deno.test("queries by run, time, stream and number equal a search through everything that was ever written", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(query, { minLength: 5, maxLength: 10 }),
      (steps, queries) => {
        const desk = new Desk(new MemoryFiles(), { rotateBytes: 4096, keep: 1000 });
        const model: LogRecord[] = [];
        let run = 1;
        let spawnedUs = desk.nowUs;
        const expect = (stream: LogRecord["stream"], text: string): void => {
          model.push({
            seq: model.length + 1,
            run,
            stream,
            atWallMs: EPOCH_MS + Math.floor(desk.nowUs / 1000),
            sinceSpawnUs: desk.nowUs - spawnedUs,
            text,
            partial: false,
          });
        };
        desk.book.startRun(run, desk.nowUs);
        for (const step of steps) {
          if (step.kind === "write") {
            for (let i = 0; i < step.lines; i++) {
              const text = `${i} ${"y".repeat((step.size * i) % 301)}`;
              desk.write(`${text}\n`, step.err ? "stderr" : "stdout");
              expect(step.err ? "stderr" : "stdout", text);
            }
          } else if (step.kind === "run") {
            desk.book.endRun(desk.nowUs);
            desk.book.startRun(++run, desk.nowUs);
            spawnedUs = desk.nowUs;
          } else if (step.kind === "say") {
            desk.book.say(desk.nowUs, "first\nsecond");
            expect("hana", "first");
            expect("hana", "second");
          } else if (step.kind === "wait") desk.wait(step.us);
          else {
            desk.book.close(desk.nowUs);
            desk.open();
            desk.book.startRun(run, spawnedUs);
          }
        }
        for (const query of queries) {
          const wanted = query.run !== undefined && query.run < 0 ? run + query.run : query.run;
          const matching = model.filter((record) =>
            (wanted === undefined || record.run === wanted) &&
            (query.stream === undefined || record.stream === query.stream) &&
            (query.sinceWallMs === undefined || record.atWallMs >= query.sinceWallMs)
          );
          const expected = query.tail === undefined
            ? matching
            : matching.slice(Math.max(0, matching.length - query.tail));
          assertEquals(desk.book.query(query), expected);
        }
        desk.book.close(desk.nowUs);
        assertEquals(readLogs(desk.files, DIRECTORY, {}), model, "rotation loses nothing");
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("what is no longer in memory is found in files, and both together have no gap", () => {
  const desk = new Desk(new MemoryFiles(), { rotateBytes: 1 << 20, keep: 20 });
  desk.book.startRun(1, desk.nowUs);
  desk.write("the first line\n");
  for (let i = 0; i < 700; i++) desk.write(`${i} ${"x".repeat(9_000)}\n`);
  desk.book.startRun(2, desk.nowUs);
  assertEquals(desk.book.lastLines(1, 2).map(({ text }) => text.slice(0, 4)), ["698 ", "699 "]);
  for (let i = 0; i < 230; i++) desk.write(`${i} ${"y".repeat(9_000)}\n`);
  assert(desk.book.counters.ringBytes < 5 << 20);
  const found = desk.book.query({ run: 1, tail: 450 });
  assertEquals(found.length, 450, "twice what memory holds of it");
  assertEquals(found.map(({ seq }) => seq), found.map((_, at) => 252 + at));
  assert(desk.book.query({ run: 1 }).length < 470, "4 MiB of text at most");
  assertEquals(readLogs(desk.files, DIRECTORY, { run: 1, tail: 5 }), found.slice(-5));
});

Deno.test("only so many files are kept, the newest, and numbers go on after a restart", () => {
  const desk = new Desk(new MemoryFiles(), { rotateBytes: 2048, keep: 3 });
  for (let run = 1; run <= 12; run++) {
    if (run % 4 === 0) {
      desk.book.close(desk.nowUs);
      desk.open();
    }
    desk.book.startRun(run, desk.nowUs);
    for (let i = 0; i < 10; i++) desk.write(`${run}/${i} ${"z".repeat(50)}\n`);
    desk.book.endRun(desk.nowUs);
    desk.wait(SECOND_US);
  }
  const names = desk.files.list(DIRECTORY);
  assertEquals(names.length, 3);
  assert(
    names.every((name) => /^(current|0000\d\d\.20261120T2014\d\dZ\.r\d+-\d+\.log)$/.test(name)),
    names.join(),
  );
  assert(names.every((name) => (desk.files.stat(`${DIRECTORY}/${name}`)?.size ?? 0) <= 2048));
  assertEquals(desk.book.counters.rotations > 0, true);
  assertEquals(readLogs(desk.files, DIRECTORY, { run: -1, tail: 1 })[0]?.text.slice(0, 4), "11/9");
  assertEquals(readLogs(desk.files, DIRECTORY, { run: 1 }), []);
});

Deno.test("the last words of a run have no end of line, and are among its last lines", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("all is well\n");
  desk.write("Segmentation fault", "stderr");
  assertEquals(desk.book.lastLines(1, 2).map(({ text }) => text), ["all is well", "Segmentation fault"]);
  desk.book.startRun(2, desk.nowUs);
  assertEquals(desk.book.lastLines(1, 1).map(({ text }) => text), ["Segmentation fault"]);
  assertEquals(desk.book.query({ run: -1, tail: 1, stream: "stdout" })[0]?.text, "all is well");
});

Deno.test("whoever ticks at the deadlines alone passes everything on, and comes to rest", () => {
  const desk = new Desk();
  const heard: string[] = [];
  desk.book.startRun(1, desk.nowUs);
  desk.book.follow((records) => void heard.push(...records.map(({ text }) => text)));
  desk.write("x\n".repeat(30_000));
  desk.write("no end");
  let ticks = 0;
  for (let due = desk.book.deadline(); due !== null && ticks < 100; due = desk.book.deadline(), ticks++) {
    assert(due.atUs > desk.nowUs, due.reason);
    desk.nowUs = due.atUs;
    desk.book.handleTick(desk.nowUs);
  }
  assert(ticks < 30, `${ticks} ticks`);
  assert(heard.includes("no end") && heard.includes("10000 lines suppressed"), heard.slice(-3).join());
  assertEquals(desk.book.counters.written, 20_002);
});

Deno.test("a text that is waited for is told once, wherever the bytes are cut, before its line has an end", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.book.watchText("ready to play");
  desk.write("loading\nalmost rea");
  desk.write("dy to pl");
  assertEquals(desk.events(), []);
  desk.write("ay now");
  desk.wait(250_000);
  assertEquals(desk.events(), [{ kind: "text-seen", seq: 2 }]);
  desk.write("\nready to play\n");
  assertEquals(desk.events(), []);
});

Deno.test("what two streams write at once is not mixed within a line", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("out one, ", "stdout");
  desk.write("err one\nerr ", "stderr");
  desk.write("still one\nout two\n", "stdout");
  desk.write("two\n", "stderr");
  assertEquals(desk.book.query({}).map(({ text, stream }) => `${stream}: ${text}`), [
    "stderr: err one",
    "stdout: out one, still one",
    "stdout: out two",
    "stderr: err two",
  ]);
});

Deno.test("a quiet program's log costs less than 100 KB, and its lines wait for a tick alone", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  for (let i = 0; i < 100; i++) desk.write(`hello ${i}\n`);
  assert(desk.book.counters.ringBytes < 100_000, `${desk.book.counters.ringBytes}`);
  assertEquals(desk.files.appends, 0);
  assertEquals(desk.book.deadline(), { atUs: desk.nowUs + 250_000, reason: "logs: lines are written" });
  desk.wait(250_000);
  assertEquals(desk.files.appends, 1);
  assertEquals(desk.book.deadline(), null);
});

Deno.test("other limits hold from the next rotation on, and a file that cannot be removed stays in nobody's way", () => {
  const desk = new Desk(new MemoryFiles(), { rotateBytes: 2048, keep: 8 });
  const fill = (): void => {
    for (let i = 0; i < 100; i++) desk.write(`${i} ${"w".repeat(60)}\n`);
    desk.wait(SECOND_US);
  };
  desk.book.startRun(1, desk.nowUs);
  fill();
  const before = desk.files.list(DIRECTORY).length;
  assert(before > 4, `${before} files`);
  desk.book.setLimits({ rotateBytes: 4096, keep: 2 });
  const remove = desk.files.remove.bind(desk.files);
  desk.files.remove = () => {
    throw new HanaError("storage", { what: "cannot remove", why: "Operation not permitted" });
  };
  fill();
  assert(desk.files.list(DIRECTORY).length > before && desk.book.counters.refused > 0);
  assertEquals([desk.book.counters.dropped, desk.events()], [0, []]);
  desk.files.remove = remove;
  fill();
  assertEquals(desk.files.list(DIRECTORY).length, 2);
  assertEquals(readLogs(desk.files, DIRECTORY, { tail: 1 })[0]?.text.slice(0, 3), "99 ");
});
