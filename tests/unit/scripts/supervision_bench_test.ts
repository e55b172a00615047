// What scripts/bench supervision decides without measuring: its options, when a number is missed, what a child wrote down.

import { assertEquals } from "@std/assert";
import { readNotes } from "../../../scripts/benchmarks/supervision/bench_child.ts";
import { FIGURES, parseOptions } from "../../../scripts/benchmarks/supervision/options.ts";
import { renderRows } from "../../../scripts/benchmarks/supervision/rendering.ts";
import { isKept, type Row } from "../../../scripts/benchmarks/supervision/row.ts";

const ROW: Row = { what: "crash", unit: "ms", figures: { p50: 4, p99: 21 }, limit: { p50: 4 } };

Deno.test("without options everything is measured, and unknown parts and options are refused", () => {
  assertEquals(parseOptions([])?.parts, FIGURES);
  assertEquals(parseOptions(["--only", "crash,flood", "--quick"])?.parts, ["crash", "flood"]);
  assertEquals(parseOptions(["--only", "crash,flod"]), null);
  assertEquals(parseOptions(["--json"]), null);
  assertEquals(parseOptions(["--fast"]), null);
});

Deno.test("a number is missed when one figure is above what was asked, or below, or was not measured", () => {
  assertEquals(isKept(ROW), true);
  assertEquals(isKept({ ...ROW, limit: { p50: 4, p99: 20 } }), false);
  assertEquals(isKept({ ...ROW, limit: { max: 20 } }), false);
  assertEquals(isKept({ ...ROW, limit: {}, atLeast: { p50: 5 } }), false);
  assertEquals(isKept({ ...ROW, figures: { p50: Infinity } }), false);
});

Deno.test("the table says what was kept, what was missed, and nothing of what was not asked", () => {
  assertEquals(
    renderRows([ROW, { ...ROW, limit: { p99: 20 } }, { ...ROW, limit: {} }]).split("\n").map((line) =>
      line.slice(0, 6).trim()
    ),
    ["kept", "MISSED", ""],
  );
});

Deno.test("notes of a child are read by what they say, and a missing file has none", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "start 5\nbeat 1 2 6\nbeat 3 4 7\nsilent 7\nflood 100 20\nstart 9\n");
  const notes = readNotes(path);
  await Deno.remove(path);
  assertEquals(notes.startsUs, [5, 9]);
  assertEquals(notes.beats.map(({ lateUs }) => lateUs), [1, 3]);
  assertEquals([notes.silentUs, notes.flood?.bytes], [7, 100]);
  assertEquals(readNotes(path), { startsUs: [], beats: [], silentUs: null, flood: null });
});
