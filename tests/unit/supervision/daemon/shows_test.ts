// Several programs changed together: all of them or none.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { ApplyCall, ShowProgram } from "../../../../lib/supervision/mod.ts";
import { Bench, SECOND, specOf } from "./support.ts";

function show(bench: Bench, generation: number, programs: readonly ShowProgram[]): ApplyCall {
  const text = `generation ${generation}`;
  return { op: bench.op(), by: "anna", show: { generation, sha256: "0".repeat(64), text }, programs };
}

function wanted(name: string, argv: [string, ...string[]] = ["stays"], more = {}): ShowProgram {
  return { name, spec: specOf(argv, more), want: "up" };
}

Deno.test("a show brings its programs, changes them, and takes away those that it does not have any more", async () => {
  const bench = new Bench();
  const supervisor = await bench.open();
  await bench.spawn("mine", ["stays"]);
  const first = show(bench, 1, [wanted("a"), wanted("b", ["stays"], { needs: { a: "ready" } })]);
  const one = await bench.settle(supervisor.applyShow(first));
  assertEquals([one.added, one.removed], [["a", "b"], []]);
  await bench.untilState("b", "running");
  const again = await bench.settle(supervisor.applyShow(first));
  assertEquals(again, { ...one, replayed: true });
  const two = await bench.settle(
    supervisor.applyShow(show(bench, 2, [wanted("a"), wanted("c"), wanted("d", ["stays", "x"])])),
  );
  assertEquals([two.added, two.removed, two.unchanged], [["c", "d"], ["b"], ["a"]]);
  await bench.until(() => supervisor.programs().length === 4, "b is gone");
  await bench.untilState("d", "running");
  const three = await bench.settle(
    supervisor.applyShow(show(bench, 3, [wanted("a"), wanted("c"), wanted("d", ["stays", "y"])])),
  );
  assertEquals([three.changed, three.unchanged], [["d"], ["a", "c"]]);
  await bench.until(
    () => bench.see("d").run === 2 && bench.see("d").state === "running",
    "d is started anew",
  );
  assertEquals([bench.see("a").run, bench.see("mine").run], [1, 1]);
  assertEquals(supervisor.shows().map(({ generation, text }) => `${generation} ${text}`), [
    "3 generation 3",
    "2 generation 2",
    "1 generation 1",
  ]);
  assertEquals(bench.crashes, []);
});

Deno.test("a show that is older, goes in a circle or takes a name that a person uses changes nothing", async () => {
  const bench = new Bench();
  const supervisor = await bench.open();
  await bench.spawn("mine", ["stays"]);
  await bench.settle(supervisor.applyShow(show(bench, 5, [wanted("a")])));
  const bad: [ApplyCall, string][] = [
    [show(bench, 5, [wanted("z")]), "conflict"],
    [show(bench, 6, [wanted("z"), wanted("mine")]), "conflict"],
    [
      show(bench, 6, [
        wanted("x", ["stays"], { needs: { y: "ready" } }),
        wanted("y", ["stays"], { needs: { x: "ready" } }),
      ]),
      "config",
    ],
  ];
  for (const [call, code] of bad) {
    const error = await assertRejects(() => bench.settle(supervisor.applyShow(call)), HanaError);
    assertEquals(error.code, code);
  }
  assertEquals(supervisor.programs().map(({ name }) => name), ["a", "mine"]);
  assertEquals(supervisor.shows().length, 1);
});

Deno.test("power that goes while a show is applied leaves the old one or the new one, never some of both", async () => {
  const found = new Set<string>();
  for (let delayUs = 0; delayUs <= 4_000; delayUs += 250) {
    const bench = new Bench(delayUs + 1);
    const supervisor = await bench.open();
    await bench.settle(supervisor.applyShow(show(bench, 1, [wanted("a"), wanted("b")])));
    await bench.pass(SECOND);
    bench.host.platform.timers.schedule(bench.host.platform.clock.nowUs() + delayUs, () => {
      supervisor.applyShow(show(bench, 2, [wanted("b", ["stays", "2"]), wanted("c")])).catch(() => {});
    });
    await bench.pass(2_000);
    await bench.powerCycle();
    const generation = bench.supervisor.shows()[0]?.generation;
    await bench.pass(10 * SECOND);
    const programs = bench.supervisor.programs()
      .map(({ name, argv, state }) => `${name} ${argv.join(" ")} ${state}`);
    assertEquals(
      programs,
      generation === 1 ? ["a stays running", "b stays running"] : ["b stays 2 running", "c stays running"],
    );
    found.add(String(generation));
  }
  assertEquals([...found].sort(), ["1", "2"]);
  assert(found.size === 2);
});
