// What commands of `hana state` make of the shared state: paths by words, writes with what became of them, words for refusals.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { findClient } from "../../../../cli/state/clients.ts";
import { Desk, isTold } from "../../../../cli/state/desk.ts";
import { exitOfOutcomes, outcomeError, readValue } from "../../../../cli/state/errors.ts";
import { rangeText, valueJson, valueRowJson, valueText } from "../../../../cli/state/rendering.ts";
import { prefixOf, select, selectOne } from "../../../../cli/state/selecting.ts";
import { standingOf } from "../../../../cli/state/set.ts";
import { HanaError } from "../../../../lib/base/mod.ts";
import { readDefinition } from "../../../../lib/state/mod.ts";
import { Stage } from "../../state/client/stage.ts";

const HUE = { path: "left/hue", type: "f32", min: 0, max: 360, unit: "°", default: 120 } as const;
const DEFINITIONS = [
  HUE,
  { path: "left/gain", type: "unit", unit: "%", default: 0.5 },
  { path: "left/mood", type: "enum", words: ["calm", "wild"], default: "calm" },
  { path: "left/wave/speed", type: "f32", default: 1 },
  { path: "right/on", type: "bool", default: true },
] as const;
const TIMEOUT_US = 5_000_000;

async function playing(): Promise<{ readonly stage: Stage; readonly desk: Desk }> {
  const stage = new Stage(DEFINITIONS);
  const desk = new Desk(stage.join("cli"));
  await stage.until(desk.client.ready());
  return { stage, desk };
}

function refusal(run: () => unknown): HanaError {
  return assertThrows(run, HanaError);
}

Deno.test("words mean a path, the beginning of paths, or everything but what has commands of its own", async () => {
  const { desk } = await playing();
  const meant = (...words: string[]): string[] => select(desk, words).rows.map(({ path }) => path);
  const all = ["left/gain", "left/hue", "left/mood", "left/wave/speed", "right/on"];
  assertEquals(meant(), all);
  assertEquals(meant("left/hue"), ["left/hue"]);
  for (const word of ["left", "left/", "left/*", "left/..."]) {
    assertEquals(meant(word), all.slice(0, 4), word);
  }
  assertEquals(meant("*"), all);
  // Each once, in the order of the words.
  assertEquals(meant("right", "left/hue", "right/on"), ["right/on", "left/hue"]);
  assertEquals(meant("lef"), []);
  const clients = select(desk, ["clients"]).rows;
  assert(clients.length > 0 && !clients.some(isTold), "clients are told where somebody asks for them");
  assertEquals([prefixOf("left/**"), prefixOf("**"), prefixOf("left")], ["left", "", "left"]);
});

Deno.test("a path that is not there is answered with the nearest, segment by segment", async () => {
  const { desk } = await playing();
  const said = (path: string): string => {
    const { code, what, why, hint } = refusal(() => selectOne(desk, path, (right) => `set ${right}`));
    return [code, what, why, hint].join(" | ");
  };
  assertEquals(
    said("left/heu"),
    "not-found | there is no path left/heu | did you mean left/hue? | set left/hue",
  );
  assertEquals(
    said("lfet/hue"),
    "not-found | there is no path lfet/hue | did you mean left/hue? | set left/hue",
  );
  assertEquals(said("hue"), "not-found | there is no path hue | did you mean left/hue? | set left/hue");
  // A long beginning in common does not make the ends alike.
  assertEquals(
    said("left/brightness"),
    "not-found | there is no path left/brightness | below left there are left/gain, left/hue, left/mood, " +
      "left/wave/speed | hana state get left",
  );
  assertMatch(
    said("nothing/at/all"),
    /^not-found \| there is no path nothing\/at\/all \| there are left\/gain, /,
  );
  assertEquals(
    said("left/wave"),
    "usage | left/wave is no parameter | it is where 1 path begins: left/wave/speed | set left/wave/speed",
  );
});

Deno.test("without any path a person is told how one comes to be", async () => {
  const stage = new Stage();
  const desk = new Desk(stage.join("cli"));
  await stage.until(desk.client.ready());
  const error = refusal(() => selectOne(desk, "left/hue", (right) => right));
  assertMatch(error.hint ?? "", /^hana serve --role visualization --parameter /);
});

Deno.test("a value is read in its unit, and one that does not fit is answered with one that does", () => {
  const hue = readDefinition(HUE);
  assertEquals(readValue(hue, "0.5turn"), 180);
  const said = (path: string, text: string): string => {
    const definition = readDefinition(DEFINITIONS.find((each) => each.path === path));
    const { code, why, hint } = refusal(() => readValue(definition, text));
    return [code, why, hint].join(" | ");
  };
  assertEquals(
    said("left/hue", "900"),
    "usage | left/hue takes a number from 0 to 360°, not 900 | hana state set left/hue=120°",
  );
  assertMatch(said("left/mood", "wyld"), /^usage \| .* \| hana state set left\/mood=wild$/);
  assertMatch(said("left/hue", "20Hz"), /; it takes 0 to 360° \| hana state set left\/hue=120°$/);
});

Deno.test("a write tells whether it stands, is shadowed or refused, and by whom", async () => {
  const { stage, desk } = await playing();
  const app = stage.join("lighting");
  await stage.until(app.ready());
  await stage.until(app.set("left/hue", 30, { priority: 150 }));
  await stage.run(100_000);
  const changes = [{ path: "left/hue", value: 200 }, { path: "left/gain", value: 0.25 }];
  const outcomes = await stage.until(desk.write("set", changes, { priority: 100 }, TIMEOUT_US));
  assertEquals(outcomes.map(({ path, kind }) => [path, kind]), [
    ["left/hue", "shadowed"],
    ["left/gain", "stands"],
  ]);
  assertEquals(exitOfOutcomes(outcomes), 3);
  assertEquals(exitOfOutcomes(outcomes.slice(0, 1)), 7);
  assertEquals(exitOfOutcomes(outcomes.slice(1)), 0);
  const [shadowed, standing] = outcomes;
  assert(shadowed !== undefined && standing !== undefined);
  assertEquals(outcomeError(standing), null);
  const error = outcomeError(shadowed);
  assertEquals([error?.code, error?.why], ["refused", "lighting has priority 150; it is 30°"]);
  assertEquals(error?.hint, "hana state why left/hue    (or --priority 151)");
  assertEquals([shadowed.row?.holder?.name, shadowed.row?.priority], ["lighting", 150]);
});

Deno.test("a write into what somebody owns is refused with the owner's name, not the holder's", async () => {
  const { stage, desk } = await playing();
  const [lighting, video] = [stage.join("lighting"), stage.join("video")];
  await stage.until(Promise.all([lighting.ready(), video.ready()]));
  await stage.until(lighting.set("left/hue", 30));
  await stage.until(video.ownership.own("left/hue"));
  await stage.run(100_000);
  const changes = [{ path: "left/hue", value: 1 }];
  const [outcome] = await stage.until(desk.write("set", changes, {}, TIMEOUT_US));
  assert(outcome !== undefined);
  assertEquals([outcome.kind, outcome.reason], ["refused", "owner"]);
  assertEquals(outcomeError(outcome)?.why, "video owns it, and edits it alone");
});

Deno.test("a claim that is released gives the value back to who has the next one", async () => {
  const { stage, desk } = await playing();
  const app = stage.join("lighting");
  await stage.until(app.ready());
  await stage.until(app.set("left/hue", 30));
  const before = desk.row("left/hue");
  const change = { path: "left/hue", value: 200 };
  await stage.until(desk.write("set", [change], { priority: 150 }, TIMEOUT_US));
  assertEquals([desk.row("left/hue")?.value, desk.row("left/hue")?.holder?.name], [200, "cli"]);
  const [released] = await stage.until(desk.write("release", [change], {}, TIMEOUT_US));
  await stage.run(100_000);
  assertEquals([released?.kind, desk.row("left/hue")?.value], ["released", 30]);
  assert(before !== null);
  // Somebody else's value is not ours to put back: giving ours up does it.
  assertEquals(standingOf(before, desk.client.number), {
    path: "left/hue",
    text: null,
    priority: 100,
    held: false,
  });
});

Deno.test("what a client leaves behind stands when it goes cleanly and nobody else claims it", async () => {
  const { stage, desk } = await playing();
  const watcher = new Desk(stage.join("watcher"));
  await stage.until(watcher.client.ready());
  await stage.until(desk.write("set", [{ path: "left/hue", value: 200 }], {}, TIMEOUT_US));
  await stage.run(100_000);
  assertEquals(watcher.row("left/hue")?.holder?.name, "cli");
  desk.client.leave();
  await stage.run(500_000);
  const row = watcher.row("left/hue");
  assertEquals([row?.value, row?.holder, row?.isSet], [200, null, true]);
});

Deno.test("clients are found by their name or number, and two of one name by the number alone", async () => {
  const { stage, desk } = await playing();
  const [first, second] = [stage.join("foh"), stage.join("foh")];
  await stage.until(Promise.all([first.ready(), second.ready()]));
  const video = stage.join("video");
  await stage.until(video.ready());
  await stage.run(200_000);
  assertEquals(findClient(desk, "video"), { client: video.number, name: "video" });
  assertEquals(findClient(desk, String(first.number)).client, first.number);
  assertMatch(refusal(() => findClient(desk, "foh")).hint ?? "", /^name one by its number, such as \d+$/);
  const missing = refusal(() => findClient(desk, "vidoe"));
  assertEquals([missing.code, missing.why], ["not-found", "did you mean video?"]);
  assertEquals(refusal(() => findClient(desk, "zzzzzz")).why, "there are foh, foh, video");
  // A place that somebody left is nobody.
  video.leave();
  await stage.run(500_000);
  assertEquals(refusal(() => findClient(desk, "zzzzzz")).why, "there are foh, foh");
});

Deno.test("scripts get the number that was written, people its unit and what the path takes", async () => {
  const { stage, desk } = await playing();
  const changes = [{ path: "left/gain", value: 0.1 }, { path: "left/wave/speed", value: 0.1 }];
  await stage.until(desk.write("set", changes, {}, TIMEOUT_US));
  await stage.run(100_000);
  const json = (path: string) => {
    const row = desk.row(path);
    assert(row !== null);
    return valueRowJson(row);
  };
  assertEquals([json("left/gain").value, json("left/gain").text], [0.1, "10%"]);
  assertEquals(json("left/wave/speed").value, 0.1);
  assertEquals(json("left/hue").holder, null);
  const ranges = DEFINITIONS.map((each) => rangeText(readDefinition(each)));
  assertEquals(ranges, ["0 to 360°", "0 to 100%", "calm, wild", "f32", "on or off"]);
  const parts = readDefinition({ path: "a/pos", type: "vec3", min: -1, max: 1, unit: "m" });
  assertEquals(rangeText(parts), "3 numbers, -1 to 1 m");
  assertEquals(valueJson(parts, [0.1, 0.2, 0.3].map(Math.fround)), [0.1, 0.2, 0.3]);
  assertEquals(valueText(parts, null), "-");
  const bytes = readDefinition({ path: "a/key", type: "bytes" });
  assertEquals(valueJson(bytes, new Uint8Array([0, 255])), "00ff");
});
