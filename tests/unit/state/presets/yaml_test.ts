import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { equalValues } from "../../../../lib/state/merge/mod.ts";
import {
  compareSnapshots,
  formatSnapshot,
  parseSnapshot as readFile,
  readHead,
  readRecord,
  type Snapshot,
  type SnapshotEntry,
  toRecord,
} from "../../../../lib/state/presets/mod.ts";
import type { StateValue } from "../../../../lib/state/model/mod.ts";
import { checkValue, isRefusal, readDefinition } from "../../../../lib/state/schema/mod.ts";
import { paths, rawDefinitions, TYPES, valuesOf } from "../schema/arbitraries.ts";
import { readSnapshotText as parseSnapshot } from "../../../../lib/state/presets/yaml_reader.ts";

/** Snapshots with values of all types, as they are kept. */
const entries: fc.Arbitrary<SnapshotEntry> = fc.tuple(
  fc.constantFrom(...TYPES).chain((type) => rawDefinitions(type)).chain((raw) => {
    const definition = readDefinition(raw);
    return valuesOf(definition).map((value) => ({ definition, value }));
  }),
  fc.option(fc.integer({ min: 1, max: 200 })),
).filter(([{ definition, value }]) => !isRefusal(checkValue(definition, value))).map((
  [{ definition, value }, priority],
) => ({
  path: definition.path,
  type: definition.type,
  value: checkValue(definition, value) as StateValue,
  priority,
}));
const snapshots: fc.Arbitrary<Snapshot> = fc.record({
  prefix: fc.oneof(fc.constant(""), paths),
  entries: fc.uniqueArray(entries, { selector: ({ path }) => path, maxLength: 30 }),
}).map(({ prefix, entries }) => ({
  prefix,
  entries: entries.sort((a, b) => a.path < b.path ? -1 : 1),
}));

function assertSame(found: Snapshot, expected: Snapshot): void {
  assertEquals(found.prefix, expected.prefix);
  assertEquals(
    found.entries.map(({ path, type, priority }) => [path, type, priority]),
    expected.entries.map(({ path, type, priority }) => [path, type, priority]),
  );
  for (const [at, entry] of expected.entries.entries()) {
    const value = found.entries[at]?.value ?? null;
    assert(equalValues(value, entry.value), `${entry.path}: ${JSON.stringify([value, entry.value])}`);
  }
}

Deno.test("every snapshot is read from its file as it was, with names, notes and comments", () => {
  fc.assert(
    fc.property(snapshots, fc.option(fc.string()), fc.option(fc.string()), (snapshot, name, note) => {
      const definitions = new Map(snapshot.entries.map(({ path, type }) => [path, type]));
      const text = formatSnapshot(snapshot, {
        name: name?.toWellFormed() ?? null,
        note: note?.toWellFormed() ?? null,
        definitionOf: (path) => {
          const type = definitions.get(path) ?? "f32";
          const words = type === "enum" ? { words: ["a # b", "c: d"] } : {};
          const unit = type === "f32" ? { unit: "°", min: -1, max: 360 } : {};
          return readDefinition({ path, type, ...words, ...unit });
        },
      });
      const read = parseSnapshot(text);
      assertEquals([read.name, read.note], [name?.toWellFormed() ?? null, note?.toWellFormed() ?? null]);
      assertSame(read.snapshot, snapshot);
      assertEquals(formatSnapshot(read.snapshot), formatSnapshot(snapshot));
    }),
    { numRuns: 400 },
  );
});

Deno.test("every snapshot is read from its entries in the state as it was, and none of them is too large", () => {
  fc.assert(
    fc.property(snapshots, (snapshot) => {
      const { head, parts } = toRecord("finale", snapshot, { note: null, by: "foh", revision: 3 });
      const stored = new Map([head, ...parts].map(({ path, value }) => [path, value]));
      const read = readHead(stored.get("presets/finale") ?? null);
      assert(read !== null);
      assertSame(readRecord(read, (path) => stored.get(path) ?? null), snapshot);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a large snapshot takes several entries, each of which the state takes", () => {
  const marks = '"\\\n\u0001é中😀';
  const snapshot: Snapshot = {
    prefix: "",
    entries: Array.from({ length: 900 }, (_, at): SnapshotEntry => ({
      path: `wall/name-${String(at).padStart(4, "0")}`,
      type: "text",
      value: marks.repeat(at % 20),
      priority: null,
    })),
  };
  const { head, parts } = toRecord("big", snapshot, { note: null, by: "", revision: 1 });
  assert(parts.length > 5, `${parts.length} parts`);
  for (const { path, value } of [head, ...parts]) {
    assert(!isRefusal(checkValue(readDefinition({ path, type: "json" }), value)), path);
  }
  const stored = new Map(parts.map(({ path, value }) => [path, value]));
  const read = readHead(head.value);
  assert(read !== null);
  assertSame(readRecord(read, (path) => stored.get(path) ?? null), snapshot);
  stored.delete("presets/big/1-3");
  assertThrows(() => readRecord(read, (path) => stored.get(path) ?? null), HanaError, "part 3");
  assertThrows(
    () =>
      toRecord("huge", {
        prefix: "",
        entries: Array.from({ length: 9 }, () => snapshot.entries).flat().concat(
          snapshot.entries.map((entry) => ({ ...entry, value: "x".repeat(4_000) })),
        ),
      }, {
        note: null,
        by: "",
        revision: 1,
      }),
    HanaError,
    "too large",
  );
});

Deno.test("a file is for people: a value a line, its type, and what the path takes behind it", () => {
  const text = formatSnapshot({
    prefix: "stage",
    entries: [
      { path: "stage/hue", type: "f32", value: Math.fround(180.1), priority: 120 },
      { path: "stage/level", type: "unit", value: 32_768 / 65_535, priority: null },
      { path: "stage/mode", type: "enum", value: "wild", priority: null },
      { path: "stage/wind", type: "vec3", value: [1, 0, -0.5], priority: null },
      { path: "stage/logo", type: "bytes", value: new Uint8Array([0, 255]), priority: null },
      { path: "stage/data", type: "json", value: { a: [1, null] }, priority: null },
    ],
  }, {
    name: "finale",
    definitionOf: (path) =>
      path === "stage/hue"
        ? readDefinition({ path, type: "f32", min: 0, max: 360, unit: "°" })
        : path === "stage/mode"
        ? readDefinition({ path, type: "enum", words: ["calm", "wild"] })
        : null,
  });
  assertEquals(
    text,
    `# Values of the shared state, one a line: path, type, value; behind # what the path takes.
hana-state: 1
name: finale
prefix: stage
values:
  stage/hue: { f32: 180.1, priority: 120 } # from 0 to 360°
  stage/level: { unit: 0.5 }
  stage/mode: { enum: "wild" } # calm, wild
  stage/wind: { vec3: [1, 0, -0.5] }
  stage/logo: { bytes: "AP8=" }
  stage/data: { json: {"a":[1,null]} }
`,
  );
});

Deno.test("what is no snapshot, broken or of another version is refused with line and column and a sentence", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["", "line 1, column 1"],
    ["programs: {}", "hana-state is missing"],
    ["[1, 2]", "table of names"],
    ["hana-state: 2\nvalues: {}", "line 1, column 13: it is of version 2"],
    ["hana-state: one\nvalues: {}", "hana-state must be 1"],
    ["hana-state: 1\nvalues: {", "line 2"],
    ["hana-state: 1", "values are missing"],
    ["hana-state: 1\nvalue: {}\nvalues: {}", "line 2, column 1: the file has no"],
    ["hana-state: 1\nvalues:\n  a/b: 5", "line 3, column 8: a/b must have its type and value"],
    ["hana-state: 1\nvalues:\n  a/b: { f33: 5 }", "line 3, column 10"],
    ["hana-state: 1\nvalues:\n  a/b: { f32: red }", "line 3, column 15: a/b takes a number"],
    ["hana-state: 1\nvalues:\n  a/b: { f32: .nan }", "line 3, column 15"],
    ["hana-state: 1\nvalues:\n  a/b: { f32: 1, unit: 1 }", "one type"],
    ["hana-state: 1\nvalues:\n  a/b: { f32: 1, priority: 300 }", "priority goes from 1 to 200"],
    ["hana-state: 1\nvalues:\n  A/b: { f32: 1 }", "is no path"],
    ["hana-state: 1\nvalues:\n  a: { f32: 1 }\n  a: { f32: 2 }", "line 4, column 3: a stands there twice"],
    ["hana-state: 1\nvalues:\n  a: { quat: [1, 1, 1, 1] }", "rotation"],
    ["hana-state: 1\nvalues:\n  a: { bytes: '!' }", "base64"],
    ["hana-state: 1\nvalues:\n  a: &x { f32: 1 }\n  b: *x", "b must have"],
    ["hana-state: 1\nvalues:\n  a: { json: !strange 1 }", "line 3"],
    ["hana-state: 1\nvalues:\n  a: { enum: '' }", "word"],
    ["{".repeat(5_000), "nested too deep"],
    [`hana-state: 1\nvalues:\n  a: { json: ${"[".repeat(30)}${"]".repeat(30)} }`, "nested too deep"],
    [`hana-state: 1\nnote: "${"x".repeat(5_000)}"\nvalues: {}`, "4096"],
  ];
  for (const [text, expected] of wrong) {
    const error = assertThrows(() => parseSnapshot(text, "finale.yaml"), HanaError);
    assertEquals(error.code, "schema");
    assert(error.message.startsWith("finale.yaml cannot be read: line "), error.message);
    assert(error.message.includes(expected), `${JSON.stringify(text.slice(0, 80))}: ${error.message}`);
  }
  const three = "hana-state: 1\nvalues:\n  a: { f32: x }\n  b: { f32: y }\n  c: { f32: z }";
  assertThrows(() => parseSnapshot(three), HanaError, "(and 2 more)");
  const hint = assertThrows(() => parseSnapshot("hana-state: 1\nvalue: {}\nvalues: {}"), HanaError).hint;
  assertEquals(hint, "did you mean values?");
});

Deno.test("a file cut off anywhere, or with a byte that is another one, is read or refused and nothing else", () => {
  const text = formatSnapshot({
    prefix: "stage",
    entries: [
      { path: "stage/hue", type: "f32", value: 1.5, priority: 120 },
      { path: "stage/data", type: "json", value: { a: ["x", null, { b: true }] }, priority: null },
    ],
  }, { name: "finale" });
  const read = (cut: string) => {
    try {
      return parseSnapshot(cut);
    } catch (thrown) {
      assert(thrown instanceof HanaError && thrown.code === "schema", String(thrown));
      return null;
    }
  };
  for (let at = 0; at < text.length; at++) {
    read(text.slice(0, at));
    for (const mark of ["{", "]", ":", "\n", "\t", '"', "é", "&", "-"]) {
      read(text.slice(0, at) + mark + text.slice(at + 1));
    }
  }
});

Deno.test("two snapshots are compared by path, whatever the priorities", () => {
  const entry = (path: string, value: StateValue, type: SnapshotEntry["type"] = "f32"): SnapshotEntry => ({
    path,
    type,
    value,
    priority: null,
  });
  const from: Snapshot = {
    prefix: "",
    entries: [entry("a", 1), entry("b", 2), entry("c", 3), entry("d", [1, 2, 3], "vec3")],
  };
  const to: Snapshot = {
    prefix: "",
    entries: [
      { ...entry("a", 1), priority: 9 },
      entry("b", 5),
      entry("d", [1, 2, 3], "vec3"),
      entry("e", true, "bool"),
    ],
  };
  const { changed, gone, added, same } = compareSnapshots(from, to);
  assertEquals(changed.map(({ path, from, to }) => [path, from.value, to.value]), [["b", 2, 5]]);
  assertEquals([gone.map(({ path }) => path), added.map(({ path }) => path), same], [["c"], ["e"], 2]);
});

Deno.test("a file is read where it is asked for, and refused with its name", async () => {
  const { snapshot } = await readFile(formatSnapshot({ prefix: "", entries: [] }));
  assertEquals(snapshot, { prefix: "", entries: [] });
  await assertRejects(() => readFile("hana-state: 9", "finale.yaml"), HanaError, "finale.yaml");
});
