// What people type for `hana state`, and what they are told when they mistype it.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseAssignments } from "../../../../cli/state/assignments.ts";
import { holdOf, priorityOf } from "../../../../cli/state/flags.ts";
import { readParameter, readParameters } from "../../../../cli/visualization/declaring.ts";
import { HanaError } from "../../../../lib/base/mod.ts";

function refusal(run: () => unknown): HanaError {
  return assertThrows(run, HanaError);
}

/** What stands in the three lines. */
function lines(error: HanaError): string {
  return [error.code, error.what, error.why, error.hint].join(" | ");
}

Deno.test("values are written PATH=VALUE several times, or PATH VALUE once", () => {
  assertEquals(parseAssignments(["left/hue=120°", "left/gain=50%"]), [
    { path: "left/hue", text: "120°" },
    { path: "left/gain", text: "50%" },
  ]);
  assertEquals(parseAssignments(["left/hue", "120°"]), [{ path: "left/hue", text: "120°" }]);
  // Values may be empty, and may hold what parts others.
  assertEquals(parseAssignments(["left/title="]), [{ path: "left/title", text: "" }]);
  assertEquals(parseAssignments(["left/title", "a=b"]), [{ path: "left/title", text: "a=b" }]);
  assertEquals(parseAssignments(["left/title=a=b"]), [{ path: "left/title", text: "a=b" }]);
});

Deno.test("a mistyped assignment is answered with the call that was probably meant", () => {
  const said = (...words: string[]) => lines(refusal(() => parseAssignments(words)));
  assertEquals(
    said("left/hue"),
    "usage | left/hue has no value | a value is written PATH=VALUE, or PATH VALUE where there is one alone | " +
      "hana state set left/hue=VALUE",
  );
  assertEquals(
    said("left/pos", "1", "2", "3"),
    "usage | left/pos has 3 values | a value with spaces is one word, in quotes | hana state set left/pos '1 2 3'",
  );
  assertMatch(said("left/hue", "1", "left/gain=2"), /hana state set left\/hue=VALUE 1=VALUE left\/gain=2$/);
  assertMatch(said("=3"), /^usage \| "=3" has no path \| /);
  assertMatch(said("a=1", "a=2"), /^usage \| a is set twice \| /);
  assertMatch(
    said("Left/Hue=1"),
    /^usage \| "Left\/Hue" is no path \| .* \| hana state set left\/hue=VALUE$/,
  );
  assertMatch(said("/left//hue/=1"), / \| hana state set left\/hue=VALUE$/);
  assertMatch(said("left/h ue=1"), / \| hana state get {4}\(all paths\)$/);
});

Deno.test("priorities go from 1 to 200 and holds are durations above nothing", () => {
  assertEquals([priorityOf(undefined), priorityOf("1"), priorityOf("200")], [null, 1, 200]);
  for (const text of ["0", "201", "-1", "1.5", "high", ""]) {
    assertEquals(refusal(() => priorityOf(text)).code, "usage", text);
  }
  assertMatch(lines(refusal(() => priorityOf("0"))), /0 means that you do not control it/);
  assertMatch(lines(refusal(() => priorityOf("255"))), /what is above is the host's own/);
  assertEquals([holdOf(undefined), holdOf("250ms"), holdOf("10m")], [null, 250_000, 600_000_000]);
  assertEquals(refusal(() => holdOf("0")).code, "usage");
  assertEquals(refusal(() => holdOf("10")).hint, "--hold 10s");
});

Deno.test("a parameter is declared in a short form with colons, in words, or as JSON", () => {
  const short = readParameter("hue:f32:0..360:°=120");
  assertEquals([short.path, short.type, short.min, short.max, short.unit, short.default], [
    "hue",
    "f32",
    0,
    360,
    "°",
    120,
  ]);
  assertEquals(readParameter("hue f32 0..360 ° = 120"), short);
  assertEquals(
    readParameter('{"path":"hue","type":"f32","min":0,"max":360,"unit":"°","default":120}'),
    short,
  );
  const mood = readParameter("wave/mood:enum:calm|wild=wild");
  assertEquals([mood.path, mood.words, mood.default], ["wave/mood", ["calm", "wild"], "wild"]);
  assertEquals(readParameter("on:bool").default, false);
  const level = readParameter("level:f32:0..100:%:merge=highest:fade=500ms=25");
  assertEquals([level.merge, level.fadeUs, level.default, level.unit], ["highest", 500_000, 25, "%"]);
  assertEquals(readParameter("level:f32:0..1:onLoss=default").onLoss, "default");
  // A default may hold colons and equals signs.
  assertEquals(readParameter("title:text=Act 1: a=b").default, "Act 1: a=b");
});

Deno.test("a parameter that cannot be declared is named with what would be right", async () => {
  const said = async (...texts: string[]): Promise<string> => {
    try {
      await readParameters(texts, undefined);
    } catch (thrown) {
      if (thrown instanceof HanaError) return lines(thrown);
    }
    return "nothing";
  };
  assertMatch(
    await said("hue:f33"),
    /^usage \| the parameter hue: type cannot be "f33" \| it must be one of /,
  );
  assertMatch(await said("hue:f32:0..360=900"), /^usage \| .*hue/);
  assertMatch(await said("hue:f32", "hue:bool"), /declared twice/);
  assertMatch(await said("Hue:f32"), /^usage \| /);
  assertEquals((await readParameters(["hue:f32", "on:bool"], undefined)).map(({ path }) => path), [
    "hue",
    "on",
  ]);
});
