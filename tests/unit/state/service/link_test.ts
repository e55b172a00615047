// Ways within one process: in order, behind the present call, bounded, and ended behind what was said.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { MemoryLink } from "../../../../lib/state/service/mod.ts";

function pair() {
  const world = new SimulatedWorld({ seed: 1 });
  const { timers } = world.createHost({ name: "machine" }).createProcess().platform;
  const [a, b] = MemoryLink.pair(timers);
  const heard: string[] = [];
  const attach = (link: MemoryLink, name: string) =>
    link.attach({
      onMessage: (bytes) => heard.push(`${name} ${bytes.join()}`),
      onClosed: () => heard.push(`${name} closed`),
    });
  attach(a, "a");
  attach(b, "b");
  return { world, a, b, heard };
}

Deno.test("what is sent arrives after the present call, in order, and is a copy", async () => {
  const { world, a, b, heard } = pair();
  const bytes = new Uint8Array([1]);
  assert(a.send(bytes));
  bytes[0] = 9;
  assert(a.send(new Uint8Array([2])));
  assert(b.send(new Uint8Array([3])));
  assertEquals(heard, []);
  await world.runFor(1_000);
  assertEquals(heard.filter((line) => line.startsWith("b")), ["b 1", "b 2"]);
  assertEquals(heard.filter((line) => line.startsWith("a")), ["a 3"]);
  assertEquals([a.queuedBytes, b.queuedBytes], [0, 0]);
});

Deno.test("both ends hear of the end once, behind what was said before, and nothing is taken afterwards", async () => {
  const { world, a, b, heard } = pair();
  a.send(new Uint8Array([1]));
  a.close();
  a.close();
  assertEquals(a.send(new Uint8Array([2])), false);
  b.send(new Uint8Array([3]));
  await world.runFor(1_000);
  assertEquals(heard.filter((line) => line.startsWith("b")), ["b 1", "b closed"]);
  assertEquals(heard.filter((line) => line === "a closed").length, 1);
  b.close();
  assertEquals(b.send(new Uint8Array([4])), false);
  await world.runFor(1_000);
  assertEquals(heard.filter((line) => line.endsWith("closed")).length, 2);
});

Deno.test("no more than eight MiB wait, and room is told of", async () => {
  const { world, a } = pair();
  let room = 0;
  a.onRoom = () => room++;
  const piece = new Uint8Array(1 << 20);
  let taken = 0;
  while (a.send(piece)) taken++;
  assertEquals([taken, a.queuedBytes], [8, 8 << 20]);
  await world.runFor(1_000);
  assert(room > 0);
  assertEquals([a.queuedBytes, a.send(piece)], [0, true]);
});

Deno.test("an end has one owner", () => {
  const { a } = pair();
  assertThrows(() => a.attach({ onMessage: () => {}, onClosed: () => {} }), HanaError, "one owner");
});
