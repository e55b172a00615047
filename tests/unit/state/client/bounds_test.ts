// What a client holds for others is bounded, and what comes from them is not believed.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { parseDefinitionText, StateClient, StateError } from "../../../../lib/state/client/mod.ts";
import { readDefinition } from "../../../../lib/state/schema/mod.ts";
import { fader, Stage } from "./stage.ts";

async function reason(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise);
  assert(error instanceof StateError, String(error));
  return error.reason;
}

Deno.test("more answers, requests and paths than there is room for are refused at once", async () => {
  const paths = Array.from({ length: 4_200 }, (_, at) => `big/${at}`);
  const stage = new Stage(paths.map((path) => fader(path)));
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  stage.deskOf(foh).reconnects = false;
  const results = paths.map((path, at) =>
    foh.set(path, at % 100).then(() => "", (error: StateError) => error.reason)
  );
  stage.cut(stage.deskOf(foh));
  await stage.run(11_000_000);
  const reasons = await Promise.all(results);
  assertEquals(reasons.filter((word) => word === "full").length, 4_200 - 4_096);
  assertEquals(reasons.filter((word) => word === "timeout").length, 4_096);
  stage.connect(stage.deskOf(foh));
  await stage.run(2_000_000);
  const wishes = Array.from(
    { length: 70 },
    (_, at) => foh.ownership.own(`big/${at}`).then(() => "", (error: StateError) => error.reason),
  );
  assertEquals((await stage.until(Promise.all(wishes))).filter((word) => word !== "").length, 70 - 64);
  assertEquals(await reason(foh.ownership.own(paths)), "full");
  assertThrows(() => foh.subscribe(paths, () => {}), HanaError, "too many for one listener");
  assertEquals(await stage.until(foh.ownership.own([])), { granted: [], refused: [], asked: [] });
});

Deno.test("a client that is closed refuses everything and keeps nothing", async () => {
  const stage = new Stage([fader("wall/a")]);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  const timers = stage.timed;
  const open = [
    foh.set("wall/a", 1),
    foh.release("wall/a"),
    foh.ownership.own("wall/a"),
    foh.privilege.request(),
  ];
  const ended = Promise.all(open.map((one) => one.then(() => "done", (error: StateError) => error.reason)));
  let heard = 0;
  foh.subscribe("wall", () => heard++);
  foh.close();
  // The first was followed by the second at once.
  assertEquals(await ended, ["done", "closed", "unknown", "unknown"]);
  foh.port.pump();
  await stage.run(1_000_000);
  assertEquals([heard, stage.timed, stage.deskOf(foh).listeners], [0, timers, 0]);
  assertEquals(await reason(foh.set("wall/a", 2)), "closed");
  assertEquals(await reason(foh.transaction((transaction) => transaction.put("wall/a", 1))), "closed");
  foh.close();
});

Deno.test("entries of presence that make no sense name nobody, and break nothing", async () => {
  const stage = new Stage([
    { path: "clients/90", type: "json", subsystem: "clients", default: [1, 2] },
    { path: "clients/91", type: "json", subsystem: "clients", default: { client: "x", name: 5 } },
    { path: "clients/92", type: "text", subsystem: "clients", default: "client" },
    {
      path: "clients/93",
      type: "json",
      subsystem: "clients",
      default: { client: 77, name: "odd", owns: [3, "a"] },
    },
  ]);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  await stage.run(200_000);
  assertEquals(foh.presence().map(({ name, owns, level }) => [name, owns, level]), [
    ["foh", [], "operator"],
    ["odd", ["a"], "viewer"],
  ]);
  assertEquals(foh.counters.listenerFailures, 0);
});

Deno.test("a client before the first host answers everything with a reason", async () => {
  const stage = new Stage();
  const alone = new StateClient({ port: stage.desk("alone"), timers: stage.timers });
  assertEquals(await reason(alone.set("wall/a", 1)), "not-joined");
  assertEquals(await reason(alone.release("wall/a")), "not-joined");
  assertEquals(await reason(alone.claim("wall/a")), "not-joined");
  assertEquals(await reason(alone.ownership.own("wall/a")), "not-joined");
  assertEquals(await reason(alone.privilege.request()), "not-joined");
  assertEquals(await reason(alone.define("wall/a f32")), "not-joined");
  assertEquals(alone.trySet("wall/a", 1), "not-joined");
  assertThrows(() => alone.info("wall/a"), StateError);
  assertEquals([alone.list(), alone.presence(), alone.get("wall/a"), alone.has("wall/a")], [
    [],
    [],
    null,
    false,
  ]);
  assertEquals(alone.privilege.standing.state, "none");
  alone.leave();
});

Deno.test("whatever stands in a definition's line, it is read or refused with a sentence", () => {
  const words = fc.constantFrom(
    ...[
      "a/b",
      "f32",
      "enum",
      "0..1",
      "..",
      "-1..",
      "day|night",
      "°",
      "=",
      "= 5",
      "merge=sum",
      "fade=1s",
      "fade=x",
    ],
    ...["unit=", "{", '{"path":1}', "rate=fast", "x=y", "|", "..5", "1e9..", " ", "= day"],
  );
  fc.assert(fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 7 }), (parts) => {
    try {
      const definition = parseDefinitionText(parts.join(" "));
      assertEquals(readDefinition(definition), definition);
    } catch (thrown) {
      assert(thrown instanceof HanaError && thrown.code === "schema", String(thrown));
    }
  }));
});
