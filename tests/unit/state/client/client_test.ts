import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { StateClient, StateError } from "../../../../lib/state/client/mod.ts";
import type { StateChange } from "../../../../lib/state/client/mod.ts";
import { fader, Stage } from "./stage.ts";

const WALL = [
  fader("wall/hue", { min: 0, max: 360, unit: "°" }),
  fader("wall/level"),
  fader("wall/sum", { merge: "sum" }),
  { path: "wall/scene", type: "enum", words: ["day", "night"], default: "day" },
  { path: "wall/key", type: "i32", default: 0, merge: "lock" },
] as const;

async function two(): Promise<{ stage: Stage; foh: StateClient; desk: StateClient }> {
  const stage = new Stage(WALL);
  const [foh, desk] = [stage.join("foh"), stage.join("desk")];
  await stage.until(Promise.all([foh.ready(), desk.ready()]));
  await stage.run(100_000);
  return { stage, foh, desk };
}

async function refusal(promise: Promise<unknown>): Promise<StateError> {
  const error = await assertRejects(() => promise);
  assert(error instanceof StateError, String(error));
  return error;
}

Deno.test("a client is ready when everything that the host has is here, and reads it by path", async () => {
  const stage = new Stage(WALL);
  const foh = stage.join("foh");
  assertEquals(foh.get("wall/hue"), null);
  assertEquals(foh.number, 0);
  await stage.until(foh.ready());
  assert(foh.isSynced);
  assertEquals(foh.missing(), []);
  assertEquals(foh.get("wall/scene"), "day");
  assertEquals(foh.list("wall").map(({ path }) => path), [
    "wall/hue",
    "wall/key",
    "wall/level",
    "wall/scene",
    "wall/sum",
  ]);
  assertEquals(foh.list("wal"), []);
  assertEquals(foh.list("wall/hue").length, 1);
});

Deno.test("ready is refused after its time, and says what is missing", async () => {
  const stage = new Stage(WALL);
  const desk = stage.desk("alone");
  const client = new StateClient({ port: desk, timers: stage.timers });
  const error = await refusal(stage.until(client.ready({ timeoutUs: 500_000 })));
  assertEquals(error.code, "timeout");
  assert(error.message.includes("no connection"), error.message);
  const ready = client.ready({ timeoutUs: 5_000_000 });
  stage.connect(desk);
  await stage.until(ready);
});

Deno.test("a write is shown at once, answered when the host has it, and seen by others with its holder", async () => {
  const { stage, foh, desk } = await two();
  const written = foh.set("wall/hue", 120);
  assertEquals(foh.get("wall/hue"), 120);
  assert(foh.info("wall/hue").isPending);
  const result = await stage.until(written);
  assertEquals(result.outcome, "stands");
  assertEquals(result.holder, foh.number);
  assertEquals(result.single, true);
  await stage.run(100_000);
  const info = desk.info("wall/hue");
  assertEquals([info.value, info.holder, info.holderName, info.priority], [120, foh.number, "foh", 100]);
  assertEquals([info.isOwn, info.isPending, info.isAmber], [false, false, false]);
});

Deno.test("with a standby a write is not told to be with the host alone", async () => {
  const { stage, foh } = await two();
  stage.understudy();
  await stage.run(200_000);
  assertEquals((await stage.until(foh.set("wall/hue", 10))).single, false);
});

Deno.test("a write under somebody's higher priority is told to be shadowed, by whom", async () => {
  const { stage, foh, desk } = await two();
  await stage.until(foh.set("wall/hue", 10, { priority: 150 }));
  const result = await stage.until(desk.set("wall/hue", 20));
  assertEquals(result.outcome, "shadowed");
  assertEquals([result.holder, result.holderName, result.priority], [foh.number, "foh", 150]);
  assert(result.text.includes("foh"), result.text);
  assertEquals(desk.get("wall/hue"), 10);
  // The same answer where the host has told before.
  assertEquals((await stage.until(desk.set("wall/hue", 21))).outcome, "shadowed");
  await stage.until(foh.release("wall/hue"));
  await stage.run(200_000);
  assertEquals(desk.get("wall/hue"), 21);
});

Deno.test("a newer write of the same client takes the place of one that is awaited", async () => {
  const { stage, foh } = await two();
  const first = foh.set("wall/level", 1);
  const second = foh.set("wall/level", 2);
  assertEquals((await stage.until(first)).outcome, "superseded");
  assertEquals((await stage.until(second)).outcome, "stands");
});

Deno.test("a part of a sum is accepted, and the host's sum is what stands", async () => {
  const { stage, foh, desk } = await two();
  await stage.until(Promise.all([foh.set("wall/sum", 10), desk.set("wall/sum", 5)]));
  await stage.run(200_000);
  assertEquals([foh.get("wall/sum"), desk.get("wall/sum")], [15, 15]);
});

Deno.test("what cannot be written is refused with its reason: unknown path, type, range, word, priority", async () => {
  const { foh } = await two();
  const unknown = await refusal(foh.set("wall/hu", 1));
  assertEquals([unknown.code, unknown.reason], ["not-found", "unknown-path"]);
  assert(unknown.message.includes("wall/hue"), unknown.message);
  const type = await refusal(foh.set("wall/hue", "red"));
  assertEquals([type.code, type.reason], ["schema", "wrong-type"]);
  const range = await refusal(foh.set("wall/hue", 400));
  assertEquals([range.code, range.reason], ["schema", "out-of-range"]);
  assert(range.message.includes("360"), range.message);
  assertEquals((await refusal(foh.set("wall/hue", NaN))).reason, "not-finite");
  assertEquals((await refusal(foh.set("wall/scene", "nigth"))).reason, "unknown-word");
  const priority = await refusal(foh.set("wall/hue", 1, { priority: 201 }));
  assertEquals([priority.code, priority.reason], ["usage", "priority"]);
  assertThrows(() => foh.info("wall/hu"), HanaError, "wall/hue");
  assertEquals(foh.get("wall/hu"), null);
  assertEquals(foh.has("wall/hu"), false);
});

Deno.test("a client that may only look is refused", async () => {
  const stage = new Stage(WALL);
  const viewer = stage.join("viewer", "viewer");
  await stage.until(viewer.ready());
  assertEquals((await refusal(viewer.set("wall/hue", 1))).reason, "priority");
});

Deno.test("a lock is refused to others until it is released, and the refusal names who holds it", async () => {
  const { stage, foh, desk } = await two();
  assertEquals((await stage.until(foh.claim("wall/key"))).outcome, "stands");
  await stage.run(100_000);
  const error = await refusal(stage.until(desk.set("wall/key", 2)));
  assertEquals([error.code, error.reason, error.holder], ["refused", "locked", foh.number]);
  assert(error.message.includes("foh"), error.message);
  await stage.until(foh.release("wall/key"));
  assertEquals((await stage.until(desk.set("wall/key", 2, { take: true }))).outcome, "stands");
});

Deno.test("a momentary claim ends with the connection, a plain one stays", async () => {
  const { stage, foh, desk } = await two();
  await stage.until(foh.set("wall/level", 40));
  await stage.until(desk.set("wall/level", 90, { momentary: true, priority: 120 }));
  await stage.run(5_000_000);
  assertEquals(foh.get("wall/level"), 90);
  stage.deskOf(desk).reconnects = false;
  stage.cut(stage.deskOf(desk));
  await stage.run(5_000_000);
  assertEquals(foh.get("wall/level"), 40);
});

Deno.test("a write that nobody acknowledges is told so in time, and goes out when the host is back", async () => {
  const { stage, foh, desk } = await two();
  const own = stage.deskOf(foh);
  stage.cut(own);
  const error = await refusal(stage.until(foh.set("wall/hue", 77, { timeoutUs: 1_000_000 })));
  assertEquals([error.code, error.reason], ["timeout", "timeout"]);
  await stage.run(1_500_000);
  assert(foh.info("wall/hue").isAmber);
  assertEquals(foh.get("wall/hue"), 77);
  stage.connect(own);
  await stage.run(500_000);
  assertEquals(desk.get("wall/hue"), 77);
});

Deno.test("a write over a break is answered once, when it has arrived", async () => {
  const { stage, foh, desk } = await two();
  const written = foh.set("wall/hue", 50);
  stage.cut(stage.deskOf(foh));
  await stage.run(300_000);
  stage.connect(stage.deskOf(foh));
  assertEquals((await stage.until(written)).outcome, "stands");
  await stage.run(100_000);
  assertEquals(desk.get("wall/hue"), 50);
});

Deno.test("a listener hears once a batch of all that changed below its prefix, and of nothing else", async () => {
  const { stage, foh, desk } = await two();
  const heard: (readonly StateChange[])[] = [];
  desk.subscribe("wall", (changes) => heard.push(changes));
  const other: StateChange[] = [];
  desk.subscribe("wall/scene", (changes) => other.push(...changes));
  // The first goes out at once; what follows within 33 ms goes together.
  foh.trySet("wall/sum", 1);
  await stage.run(10_000);
  heard.length = 0;
  foh.trySet("wall/hue", 5);
  foh.trySet("wall/level", 6);
  await stage.run(200_000);
  assertEquals(heard.length, 1);
  assertEquals(
    heard[0]?.map(({ path, value, holder, priority }) => [path, value, holder, priority]).sort(),
    [["wall/hue", 5, foh.number, 100], ["wall/level", 6, foh.number, 100]],
  );
  assertEquals(other, []);
  // The same value from somebody else: the holder is news.
  await stage.until(desk.set("wall/hue", 5));
  const last = heard.at(-1)?.[0];
  assertEquals([last?.path, last?.value, last?.holder], ["wall/hue", 5, desk.number]);
});

Deno.test("an initial subscription hears how all stands, before the first host too", async () => {
  const stage = new Stage(WALL);
  const desk = stage.desk("early");
  const client = new StateClient({ port: desk, timers: stage.timers });
  const heard = new Map<string, unknown>();
  client.subscribe("wall", (changes) => {
    for (const { path, value } of changes) heard.set(path, value);
  }, { initial: true });
  stage.connect(desk);
  await stage.until(client.ready());
  assertEquals(heard.get("wall/scene"), "day");
  assertEquals(heard.size, 5);
  const late: string[] = [];
  client.subscribe(
    ["wall/hue", "wall/key"],
    (changes) => late.push(...changes.map(({ path }) => path)),
    { initial: true },
  );
  await stage.run(1_000);
  assertEquals(late, ["wall/hue", "wall/key"]);
});

Deno.test("a listener may end itself and others while it is told, write, and throw without harm to others", async () => {
  const { stage, foh } = await two();
  const heard: string[] = [];
  const stopSecond: { stop: () => void } = { stop: () => {} };
  const stopFirst = foh.subscribe("wall/hue", () => {
    heard.push("first");
    stopFirst();
    stopSecond.stop();
    foh.trySet("wall/level", 33);
  });
  stopSecond.stop = foh.subscribe("wall/hue", () => heard.push("second"));
  foh.subscribe("wall/hue", () => {
    throw new Error("broken");
  });
  foh.subscribe("wall", (changes) => heard.push(...changes.map(({ path }) => path)));
  foh.trySet("wall/hue", 9);
  assertEquals(heard, ["first", "wall/hue", "wall/level"]);
  assertEquals(foh.counters.listenerFailures, 1);
  await stage.run(300_000);
  assertEquals(foh.get("wall/level"), 33);
  foh.trySet("wall/hue", 10);
  assertEquals(foh.counters.listenerFailures >= 2, true);
  assertEquals(heard.filter((word) => word === "first").length, 1);
});

Deno.test("two listeners that answer each other for ever do not stop the program", async () => {
  const { stage, foh } = await two();
  let turns = 0;
  foh.subscribe("wall/hue", () => {
    if (turns++ < 100) foh.trySet("wall/level", turns % 100);
  });
  foh.subscribe("wall/level", () => foh.trySet("wall/hue", turns));
  foh.trySet("wall/hue", 200);
  assert(turns < 100, "the first turn ends");
  await stage.run(1_000_000);
  assert(turns > 100 && turns < 110, `${turns} turns`);
});

Deno.test("another host has other numbers: listeners and handles go on by name, and hear what is gone and new", async () => {
  const { stage, foh, desk } = await two();
  const hue = desk.parameter<number>("wall/hue");
  const heard: StateChange[] = [];
  desk.subscribe("wall", (changes) => heard.push(...changes));
  await stage.until(foh.set("wall/level", 60));
  const before = desk.port.replica.book?.idOf("wall/hue");
  stage.kill();
  await stage.run(500_000);
  assertEquals(desk.get("wall/level"), 60);
  heard.length = 0;
  stage.reign("nothing", [
    fader("wall/new"),
    fader("wall/level", { default: 12 }),
    fader("wall/hue", { min: 0, max: 360, unit: "°" }),
  ]);
  await stage.until(desk.ready());
  await stage.run(200_000);
  assert(before !== desk.port.replica.book?.idOf("wall/hue"));
  const byPath = new Map(heard.map((change) => [change.path, change]));
  assertEquals(byPath.get("wall/new")?.value, 0);
  assertEquals(byPath.get("wall/level")?.value, 12);
  assertEquals(byPath.get("wall/scene")?.isGone, true);
  assertEquals(byPath.has("wall/hue"), false);
  heard.length = 0;
  await stage.until(foh.set("wall/hue", 99));
  await stage.run(200_000);
  assertEquals(hue.value, 99);
  assertEquals(heard.map(({ path, value }) => [path, value]), [["wall/hue", 99]]);
});

Deno.test("a write that waits while the host changes goes to the next one, or is told that its path is gone", async () => {
  const { stage, foh, desk } = await two();
  stage.understudy();
  await stage.run(200_000);
  stage.kill();
  const kept = foh.set("wall/hue", 44);
  const lost = foh.set("wall/scene", "night");
  stage.reign("nothing", [fader("wall/hue", { max: 360 })]);
  const error = await refusal(stage.until(lost));
  assertEquals([error.code, error.reason], ["not-found", "path-changed"]);
  assertEquals((await stage.until(kept)).outcome, "stands");
  await stage.run(100_000);
  assertEquals(desk.get("wall/hue"), 44);
});

Deno.test("a fade is heard of while it runs and to its end, though no message comes", async () => {
  const stage = new Stage([fader("wall/slow", { fadeUs: 1_000_000 })]);
  const [foh, desk, look] = [stage.join("foh"), stage.join("desk"), stage.join("look")];
  await stage.until(Promise.all([foh.ready(), desk.ready(), look.ready()]));
  await stage.until(foh.set("wall/slow", 10));
  await stage.run(1_500_000);
  const values: unknown[] = [];
  look.subscribe("wall/slow", (changes) => values.push(...changes.map(({ value }) => value)));
  await stage.until(desk.set("wall/slow", 90, { priority: 120 }));
  await stage.run(1_500_000);
  assertEquals(values.at(-1), 90);
  assert(values.length > 15, `${values.length} steps`);
  assertEquals(stage.timed, 0);
});

Deno.test("typed parameters read and write by name below a prefix", async () => {
  const { stage, foh } = await two();
  const hue = foh.parameter<number>("wall/hue");
  const seen: unknown[] = [];
  hue.subscribe((value) => seen.push(value));
  await stage.until(hue.set(3));
  assertEquals(hue.value, 3);
  assertEquals(hue.info.definition.unit, "°");
  assertEquals(hue.trySet(4), "taken");
  // Once when it was written, once when the host said whose it is.
  assertEquals(seen, [3, 3, 4]);
});

Deno.test("leaving releases everything at once, and ends what is awaited", async () => {
  const { stage, foh, desk } = await two();
  await stage.until(foh.set("wall/level", 20));
  await stage.until(desk.set("wall/level", 80, { priority: 150 }));
  const awaited = desk.set("wall/hue", 1);
  const ended = refusal(awaited);
  const port = stage.deskOf(desk);
  desk.leave();
  assertEquals((await ended).reason, "closed");
  await stage.run(100_000);
  assertEquals(port.listeners, 0);
  assertEquals(foh.get("wall/level"), 20);
  assertEquals((await refusal(desk.set("wall/hue", 2))).reason, "closed");
  assertEquals((await refusal(desk.ready())).reason, "closed");
  desk.leave();
});

Deno.test("why and sessions ask the host, and pass its answers and refusals on", async () => {
  const { stage, foh } = await two();
  const desk = stage.deskOf(foh);
  desk.answers = (name, body) => ({ name, body });
  assertEquals(await foh.why("wall/hue") as unknown, { name: "hana.state.why", body: { path: "wall/hue" } });
  assertEquals(await foh.sessions() as unknown, { name: "hana.state.sessions", body: {} });
  desk.answers = () => {
    throw new HanaError("unreachable", { what: "nobody hosts" });
  };
  await assertRejects(() => foh.why("wall/hue"), HanaError, "nobody hosts");
});
