import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { StateClient } from "../../../../lib/state/client/mod.ts";
import {
  formatSnapshot,
  loadSnapshot,
  PresetLibrary,
  takeSnapshot,
} from "../../../../lib/state/presets/mod.ts";
import { fader, Stage } from "../client/stage.ts";
import { readSnapshotText as parseSnapshot } from "../../../../lib/state/presets/yaml_reader.ts";

const WALL = [
  fader("wall/a"),
  fader("wall/b"),
  fader("wall/sum", { merge: "sum" }),
  { path: "wall/mode", type: "enum", words: ["calm", "wild"] },
  { path: "wall/place", type: "vec3", default: [0, 0, 0] },
  fader("other/x"),
] as const;

interface Show {
  readonly stage: Stage;
  readonly foh: StateClient;
  readonly desk: StateClient;
  readonly presets: PresetLibrary;
}

async function show(definitions: readonly Parameters<Stage["define"]>[0][] = WALL): Promise<Show> {
  const stage = new Stage(definitions);
  const [foh, desk] = [stage.join("foh"), stage.join("desk")];
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await stage.until(foh.privilege.request());
  await stage.run(200_000);
  return { stage, foh, desk, presets: new PresetLibrary(foh) };
}

async function put(
  { stage }: Show,
  client: StateClient,
  values: Readonly<Record<string, unknown>>,
  priority = 100,
): Promise<void> {
  const written = Object.entries(values).map(([path, value]) => client.set(path, value, { priority }));
  await stage.until(Promise.all(written));
  await stage.run(200_000);
}

Deno.test("a preset keeps what lies below its prefix, is listed to everybody, and puts it back", async () => {
  const all = await show();
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 10, "wall/mode": "wild", "wall/place": [1, 2, 3], "other/x": 5 });
  const saved = await stage.until(presets.save("finale", "wall", { note: "the end" }));
  assertEquals([saved.values, saved.revision, saved.by], [5, 1, "foh"]);
  await stage.run(600_000);
  const theirs = new PresetLibrary(desk);
  assertEquals(theirs.list(), [
    { name: "finale", prefix: "wall", note: "the end", by: "foh", revision: 1, values: 5 },
  ]);
  await put(all, foh, { "wall/a": 20, "wall/mode": "calm", "wall/place": [0, 0, 0], "other/x": 6 });
  const difference = theirs.compare("finale");
  assertEquals(difference.changed.map(({ path, from, to }) => [path, from.value, to.value]), [
    ["wall/a", 10, 20],
    ["wall/mode", "wild", "calm"],
    ["wall/place", [1, 2, 3], [0, 0, 0]],
  ]);
  assertEquals(difference.same, 2);
  const report = await stage.until(theirs.load("finale"));
  assertEquals(report.skipped, []);
  assertEquals(report.loaded.length, 5);
  await stage.run(200_000);
  assertEquals([foh.get("wall/a"), foh.get("wall/mode"), foh.get("wall/place")], [10, "wild", [1, 2, 3]]);
  assertEquals(foh.get("other/x"), 6);
  assertEquals(foh.info("wall/a").holder, desk.number);
});

Deno.test("a preset is replaced whole, compared with another and taken out; unknown names tell the nearest", async () => {
  const all = await show();
  const { stage, foh, presets } = all;
  await put(all, foh, { "wall/a": 1 });
  await stage.until(presets.save("finale", "wall"));
  await put(all, foh, { "wall/a": 2 });
  await stage.until(presets.save("other", "wall"));
  assertEquals((await stage.until(presets.save("finale", "wall/a"))).revision, 2);
  assertEquals(presets.get("finale").entries.map(({ path, value }) => [path, value]), [["wall/a", 2]]);
  assertEquals(presets.compare("finale", "other").added.length, 4);
  assertThrows(() => presets.get("finael"), HanaError, "there is no preset finael");
  const error = await assertRejects(() => presets.load("finael"), HanaError);
  assertEquals([error.code, error.hint], ["not-found", "did you mean finale?"]);
  await stage.until(presets.delete("finale"));
  assertEquals(presets.list().map(({ name }) => name), ["other"]);
  assertEquals(foh.list("presets").length, 1);
  await assertRejects(() => presets.delete("finale"), HanaError, "there is no preset");
  await assertRejects(() => presets.save("Act 2", "wall"), HanaError, "cannot be called");
  await assertRejects(() => presets.save("x", "wal"), HanaError, "nothing at or below wal");
  await assertRejects(() => presets.save("x", "wall", { note: "n".repeat(600) }), HanaError, "note");
});

Deno.test("a preset that somebody else stored at the same time is not written over", async () => {
  const all = await show();
  const { stage, foh, presets } = all;
  await stage.until(presets.save("finale", "wall"));
  await stage.run(1_000_000);
  // Another library of this client was faster, and this one has not heard of it yet.
  const saving = presets.save("finale", "wall/b");
  const head = foh.port.replica.book?.idOf("presets/finale");
  assert(head !== undefined);
  stage.host.write(stage.nowUs, head, { hana: 1, by: "somebody" }, 90);
  await stage.run(1_000);
  const error = await assertRejects(() => stage.until(saving), HanaError);
  assertEquals(error.code, "conflict");
  await stage.run(1_000_000);
  assertEquals(foh.get("presets/finale"), { hana: 1, by: "somebody" });
});

Deno.test("who does not have the privilege stores nothing, and loads what is there", async () => {
  const all = await show();
  const { stage, desk, presets } = all;
  await stage.until(presets.save("finale", "wall"));
  await stage.run(600_000);
  const theirs = new PresetLibrary(desk);
  await assertRejects(() => stage.until(theirs.save("mine", "wall")), HanaError, "privilege");
  assertEquals((await stage.until(theirs.load("finale"))).skipped, []);
});

Deno.test("a large preset takes several entries and replaces them; what one that broke off left is in nobody's way", async () => {
  const many = Array.from({ length: 1_500 }, (_, at) => ({
    path: `big/${at}`,
    type: "text" as const,
    default: `value ${at} ${"x".repeat(at % 50)}`,
  }));
  const all = await show([...WALL, ...many]);
  const { stage, foh, desk, presets } = all;
  await stage.until(presets.save("big", "big"));
  const paths = foh.list("presets/big").map(({ path }) => path);
  assert(paths.length > 4, `${paths.length} entries`);
  await put(all, foh, { "big/7": "seven" });
  await stage.until(presets.save("big", "big"));
  const after = foh.list("presets/big").map(({ path }) => path);
  assertEquals(after.length, paths.length);
  assert(after.every((path) => path === "presets/big" || path.startsWith("presets/big/2-")));
  await stage.run(1_000_000);
  const read = new PresetLibrary(desk).get("big");
  assertEquals(read.entries.length, 1_500);
  assertEquals(read.entries.find(({ path }) => path === "big/7")?.value, "seven");
  // The next revision begins and breaks off behind its first part.
  await stage.until(
    foh.transaction((transaction) =>
      transaction.define({
        path: "presets/big/3-2",
        type: "json",
        subsystem: "presets",
        default: { junk: 1 },
      })
    ),
  );
  assertEquals(presets.get("big").entries.length, 1_500);
  await stage.until(presets.save("big", "big"));
  assertEquals(presets.get("big").entries.length, 1_500);
  await stage.until(presets.delete("big"));
  assertEquals(foh.list("presets"), []);
});

Deno.test("presets are there with the next host, and can be loaded by names though its numbers are others", async () => {
  const all = await show();
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 42 });
  await stage.until(presets.save("finale", "wall"));
  stage.understudy();
  await stage.run(1_000_000);
  stage.kill();
  await stage.run(100_000);
  stage.reign("standby");
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await put(all, desk, { "wall/a": 1 });
  await stage.until(presets.load("finale"));
  await stage.run(200_000);
  assertEquals(desk.get("wall/a"), 42);
});

Deno.test("what cannot be put back is told, and the rest is: gone, other type, out of range, shadowed, a sum", async () => {
  const all = await show();
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 10, "wall/b": 90, "wall/sum": 7, "other/x": 50, "wall/mode": "wild" });
  await stage.until(presets.save("all", ""));
  await stage.until(
    foh.transaction((transaction) =>
      transaction.forget("wall/place").define(fader("wall/b", { max: 50 })).define({
        path: "wall/mode",
        type: "f32",
      })
    ),
  );
  await put(all, desk, { "wall/a": 3 }, 150);
  await put(all, desk, { "wall/sum": 5 });
  await put(all, foh, { "other/x": 1 });
  const { loaded, skipped } = await stage.until(presets.load("all"));
  assertEquals(loaded, ["other/x"]);
  assertEquals(skipped.map(({ path, problem }) => [path, problem]).sort(), [
    ["wall/a", "shadowed"],
    ["wall/b", "range"],
    ["wall/mode", "type"],
    ["wall/place", "gone"],
    ["wall/sum", "sum"],
  ]);
  assert(
    skipped.every(({ text, path }) => text.includes(path) || text.includes("desk")),
    JSON.stringify(skipped),
  );
  await stage.run(100_000);
  assertEquals([foh.get("other/x"), foh.get("wall/a")], [50, 3]);
});

Deno.test("what an owner keeps for itself is refused by the host and told, the rest is loaded", async () => {
  const all = await show([...WALL, { path: "wall", type: "json" }, { path: "other", type: "json" }]);
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 10, "other/x": 5 });
  await stage.until(presets.save("all", ""));
  await stage.until(desk.ownership.own("wall"));
  await put(all, foh, { "other/x": 1 });
  const { loaded, skipped } = await stage.until(presets.load("all"));
  assert(loaded.includes("other/x"));
  assertEquals(skipped.find(({ path }) => path === "wall/a")?.problem, "refused");
  assert(skipped.find(({ path }) => path === "wall/a")?.text.includes("desk"));
});

Deno.test("loaded as structure everything changes at once, nobody holds it, and a refusal changes nothing", async () => {
  const all = await show();
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 10, "wall/b": 20 });
  await stage.until(presets.save("look", "wall"));
  await put(all, foh, { "wall/a": 1, "wall/b": 2 });
  const report = await stage.until(presets.load("look", { as: "structure" }));
  assertEquals(report.loaded.length, 5);
  await stage.run(100_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/b")], [10, 20]);
  await put(all, desk, { "wall/b": 3 }, 180);
  await put(all, foh, { "wall/a": 4 });
  await assertRejects(
    () => stage.until(presets.load("look", { as: "structure" })),
    HanaError,
    "desk (client 2)",
  );
  assertEquals([foh.get("wall/a"), foh.get("wall/b")], [4, 3]);
});

Deno.test("priorities of a snapshot are kept on wish and used on wish", async () => {
  const all = await show();
  const { stage, foh, presets } = all;
  await put(all, foh, { "wall/a": 10 }, 150);
  await put(all, foh, { "wall/b": 10 });
  await stage.until(presets.save("look", "wall", { priorities: true }));
  await stage.until(Promise.all([foh.release("wall/a"), foh.release("wall/b")]));
  await stage.until(presets.load("look", { priorities: true, priority: 60 }));
  await stage.run(200_000);
  assertEquals(["wall/a", "wall/b", "wall/mode"].map((path) => foh.info(path).priority), [150, 100, 60]);
});

Deno.test("a load with a fade moves numbers and vectors there in time, and gives way to who takes one meanwhile", async () => {
  const all = await show();
  const { stage, foh, desk, presets } = all;
  await put(all, foh, { "wall/a": 100, "wall/b": 100, "wall/place": [10, 0, 0], "wall/mode": "wild" });
  await stage.until(presets.save("look", "wall"));
  await put(all, foh, { "wall/a": 0, "wall/b": 0, "wall/place": [0, 0, 0], "wall/mode": "calm" });
  const seen: unknown[] = [];
  desk.subscribe("wall/a", (changes) => seen.push(...changes.map(({ value }) => value)));
  const loading = presets.load("look", { fadeUs: 1_000_000 });
  await stage.run(500_000);
  const half = foh.get("wall/a");
  assert(typeof half === "number" && half > 40 && half < 60, String(half));
  const place = foh.get("wall/place");
  assert(Array.isArray(place) && place[0] > 4 && place[0] < 6, String(place));
  // A hand on the fader of another desk.
  for (const value of [9, 8, 7, 6, 5]) {
    desk.trySet("wall/b", value);
    await stage.run(33_333);
  }
  const { loaded, skipped } = await stage.until(loading);
  assertEquals(skipped.map(({ path, problem }) => [path, problem]), [["wall/b", "taken"]]);
  assertEquals(loaded.includes("wall/a"), true);
  await stage.run(200_000);
  assertEquals([desk.get("wall/a"), desk.get("wall/b"), desk.get("wall/mode")], [100, 5, "wild"]);
  assert(seen.length > 15, `${seen.length} steps`);
});

Deno.test("what others wrote where presets are is no preset, and a broken one says what is wrong with it", async () => {
  const { stage, foh, presets } = await show();
  await stage.until(presets.save("good", "wall"));
  await stage.until(foh.transaction((transaction) =>
    transaction
      .define({ path: "presets/junk", type: "json", subsystem: "presets", default: [1, 2] })
      .define({ path: "presets/word", type: "text", subsystem: "presets", default: "x" })
      .define({
        path: "presets/cut",
        type: "json",
        subsystem: "presets",
        default: { hana: 1, name: "cut", prefix: "", by: "", revision: 1, values: 3, parts: 1, text: "[[" },
      })
      .define({
        path: "presets/wrong",
        type: "json",
        subsystem: "presets",
        default: {
          ...{ hana: 1, name: "wrong", prefix: "", by: "", revision: 1, values: 1, parts: 1 },
          text: '[["wall/a","f32","red",null]]',
        },
      })
  ));
  assertEquals(presets.list().map(({ name }) => name), ["cut", "good", "wrong"]);
  assertThrows(() => presets.get("junk"), HanaError, "no preset");
  assertThrows(() => presets.get("word"), HanaError, "no preset");
  assertThrows(() => presets.get("cut"), HanaError, "cannot be read");
  assertThrows(() => presets.get("wrong"), HanaError, "takes a number");
});

Deno.test("a look goes to a file, is changed by hand, and comes back", async () => {
  const all = await show();
  const { stage, foh } = all;
  await put(all, foh, { "wall/a": 33.25, "wall/mode": "wild" });
  const book = foh.port.replica.book;
  const text = formatSnapshot(takeSnapshot(foh, "wall"), {
    name: "by hand",
    definitionOf: (path) => book?.definitionOf(book.idOf(path)) ?? null,
  });
  assert(text.includes("wall/a: { f32: 33.25 } # from 0 to 100"), text);
  const { snapshot, name } = parseSnapshot(text.replace("33.25", "44.5"));
  assertEquals(name, "by hand");
  await stage.until(loadSnapshot(foh, snapshot));
  await stage.run(100_000);
  assertEquals(foh.get("wall/a"), 44.5);
});
