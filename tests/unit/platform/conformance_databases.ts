// The part of the conformance suite on tables that last.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { Database, RowChange } from "../../../lib/platform/mod.ts";
import { encode, pattern, type Sentence } from "./conformance.ts";
import type { Harness } from "./harness.ts";

const TABLES = ["program", "event"] as const;

function codeOf(run: () => unknown): string {
  return assertThrows(run, HanaError).code;
}

function open(h: Harness, tables: readonly string[] = TABLES): Database {
  return h.a.databases.open(`${h.directory}/state.db`, tables);
}

function put(table: string, key: string, value: string | null): RowChange {
  return { table, key, value };
}

/** Registers the sentences. */
export function databaseConformance(test: Sentence): void {
  test("what was committed is there, also after it was closed and opened again", async (h) => {
    const first = open(h);
    assertEquals([first.get("program", "wall"), first.list("program")], [null, []]);
    first.commit([put("program", "wall", "1"), put("event", "wall", "x")], "relaxed");
    first.commit([put("program", "wall", "2"), put("program", "lamp", "")], "synced");
    assertEquals([first.get("program", "wall"), first.get("event", "wall")], ["2", "x"]);
    first.close();
    first.close();
    const second = open(h);
    assertEquals(second.list("program"), [{ key: "lamp", value: "" }, { key: "wall", value: "2" }]);
    second.commit([put("program", "wall", null), put("program", "gone", null)], "relaxed");
    assertEquals(second.get("program", "wall"), null);
    second.close();
    const third = open(h);
    assertEquals([third.get("program", "wall"), third.get("event", "wall")], [null, "x"]);
    third.close();
    await h.quiet();
  });

  test("the changes of one commit happen together or not at all", async (h) => {
    const database = open(h);
    database.commit([put("program", "a", "1")], "synced");
    const bad = [put("program", "a", "2"), put("program", "b", "2"), put("nowhere", "c", "2")];
    assertEquals(codeOf(() => database.commit(bad, "relaxed")), "schema");
    assertEquals(database.list("program"), [{ key: "a", value: "1" }]);
    database.commit(
      [put("program", "a", null), put("program", "a", "again"), put("program", "b", "x")],
      "relaxed",
    );
    assertEquals(database.list("program"), [{ key: "a", value: "again" }, { key: "b", value: "x" }]);
    database.commit([], "synced");
    database.close();
    await h.quiet();
  });

  test("rows are listed in the order of their keys, between bounds, from either end, up to a limit", async (h) => {
    const database = open(h);
    const keys = ["b", "a", "B", "ab", "é", "z", "\u{1f338}", "\uffee", "0"];
    database.commit(keys.map((key) => put("program", key, `v${key}`)), "relaxed");
    const order = ["0", "B", "a", "ab", "b", "z", "é", "\uffee", "\u{1f338}"];
    const list = (range: Parameters<Database["list"]>[1]): string[] =>
      database.list("program", range).map(({ key, value }) => {
        assertEquals(value, `v${key}`);
        return key;
      });
    assertEquals(list({}), order);
    assertEquals(list({ reverse: true }), order.toReversed());
    assertEquals(list({ after: "a", before: "z" }), ["ab", "b"]);
    assertEquals(list({ after: "aa", before: "bb", reverse: true }), ["b", "ab"]);
    assertEquals(list({ limit: 2 }), ["0", "B"]);
    assertEquals(list({ after: "z", limit: 2 }), ["é", "\uffee"]);
    assertEquals(list({ reverse: true, limit: 1 }), ["\u{1f338}"]);
    assertEquals([list({ limit: 0 }), list({ after: "\u{1f338}" }), list({ before: "0" })], [[], [], []]);
    database.close();
    await h.quiet();
  });

  test("a value of a mebibyte and text of any kind come back as they are", async (h) => {
    const database = open(h);
    const big = Array.from(pattern(1 << 20), (byte) => String.fromCharCode(32 + (byte % 90))).join("");
    const odd = JSON.stringify({ text: "\0 \ud800 ' \" ; -- \n \u{1f338}" });
    database.commit([put("event", "big", big), put("event", 'it\'s "odd"; --\n\t%_', odd)], "synced");
    database.close();
    const again = open(h);
    assert(again.get("event", "big") === big);
    assertEquals(again.get("event", 'it\'s "odd"; --\n\t%_'), odd);
    again.close();
    await h.quiet();
  });

  test("nobody else may read a database", async (h) => {
    const database = open(h);
    database.commit([put("program", "a", "1")], "relaxed");
    const modes = h.a.files.list(h.directory).map((name) => h.a.files.stat(`${h.directory}/${name}`)?.mode);
    assert(modes.length >= 2 && modes.every((mode) => mode === 0o600), JSON.stringify(modes));
    database.close();
    await h.quiet();
  });

  test("rows that come and go at either end and in the middle are listed as they are", async (h) => {
    const database = open(h);
    const model = new Map<string, string>();
    let state = 1;
    for (let i = 0; i < 400; i++) {
      state = (state * 48_271) % 0x7fffffff;
      const key = String(state % 60).padStart(2, "0");
      const value = state % 3 === 0 ? null : String(i);
      if (value === null) model.delete(key);
      else model.set(key, value);
      database.commit([put("event", key, value)], "relaxed");
      if (i % 10 !== 0) continue;
      const [after, before] = [String(state % 50), String(state % 50 + 9)];
      const expected = [...model.keys()].sort().filter((each) => each > after && each < before);
      assertEquals(database.list("event", { after, before }).map((row) => row.key), expected);
      const last = [...model].sort().reverse().slice(0, 3).map(([lastKey, text]) => ({
        key: lastKey,
        value: text,
      }));
      assertEquals(database.list("event", { reverse: true, limit: 3 }), last);
    }
    database.close();
    await h.quiet();
  });

  test("text that would not come back as it is is refused", async (h) => {
    const database = open(h);
    for (const text of ["a\0b", "\ud800", "x\udc00"]) {
      assertEquals(codeOf(() => database.commit([put("event", text, "v")], "relaxed")), "schema");
      assertEquals(codeOf(() => database.commit([put("event", "k", text)], "relaxed")), "schema");
    }
    assertEquals(database.list("event"), []);
    database.close();
    await h.quiet();
  });

  test("one process has a database open, and the next one when it is closed", async (h) => {
    const path = `${h.directory}/state.db`;
    const first = open(h);
    first.commit([put("program", "a", "1")], "relaxed");
    assertEquals(codeOf(() => h.a2.databases.open(path, TABLES)), "conflict");
    assertEquals(codeOf(() => h.a.databases.open(path, TABLES)), "conflict");
    first.commit([put("program", "a", "2")], "relaxed");
    first.close();
    const second = h.a2.databases.open(path, TABLES);
    assertEquals(second.get("program", "a"), "2");
    second.close();
    await h.quiet();
  });

  test("a database that is closed does nothing any more, a table that was not named is refused", async (h) => {
    const database = open(h);
    assertEquals(codeOf(() => database.get("other", "a")), "schema");
    assertEquals(codeOf(() => database.list("sqlite_schema")), "schema");
    database.close();
    assertEquals(codeOf(() => database.get("program", "a")), "storage");
    assertEquals(codeOf(() => database.list("program")), "storage");
    assertEquals(codeOf(() => database.commit([put("program", "a", "1")], "synced")), "storage");
    for (const name of ["", "Upper", "a b", 'a"b', "1st", "sqlite_x", "x".repeat(64)]) {
      assertEquals(codeOf(() => open(h, [name])), "schema", name);
    }
    await h.quiet();
  });

  test("tables that come later join those that are there, which stay", async (h) => {
    const first = open(h, ["program"]);
    first.commit([put("program", "a", "1")], "synced");
    first.close();
    const second = open(h, ["event"]);
    second.commit([put("event", "e", "1")], "synced");
    second.close();
    const third = open(h, ["event", "program"]);
    assertEquals([third.get("program", "a"), third.get("event", "e")], ["1", "1"]);
    third.close();
    await h.quiet();
  });

  test("a file that is no database is refused and left as it is", async (h) => {
    const path = `${h.directory}/state.db`;
    for (
      const bytes of [encode("hello"), pattern(10_000), encode("SQLite format 3\0"), new Uint8Array(8192)]
    ) {
      h.a.files.write(path, bytes, 0o600);
      const error = assertThrows(() => open(h), HanaError);
      assertEquals([error.code, error.what.includes(path)], ["decode", true]);
      assertEquals(h.a.files.read(path), bytes);
    }
    h.a.files.remove(path);
    open(h).close();
    await h.quiet();
  });

  test("a database that was damaged is refused and left as it is", async (h) => {
    const path = `${h.directory}/state.db`;
    const database = open(h);
    for (let i = 0; i < 200; i++) {
      database.commit([put("event", String(i).padStart(5, "0"), "v".repeat(500))], "relaxed");
    }
    database.close();
    const whole = h.a.files.read(path);
    assert(whole !== null);
    // The middle is a page of rows: what heads it says nothing sensible any more.
    const damagedBytes = whole.slice();
    const middle = Math.floor(whole.length / 2 / 4096) * 4096;
    damagedBytes.fill(0xff, middle, middle + 64);
    h.a.files.write(path, damagedBytes, 0o600);
    assertEquals(codeOf(() => open(h)), "decode");
    assertEquals(h.a.files.read(path), damagedBytes);
    h.a.files.write(path, whole, 0o600);
    const healed = open(h);
    assertEquals(healed.list("event").length, 200);
    healed.close();
    await h.quiet();
  });

  test("a database cannot be made where there is no directory", async (h) => {
    assertEquals(codeOf(() => h.a.databases.open(`${h.directory}/no/state.db`, TABLES)), "storage");
    await h.quiet();
  });
}
