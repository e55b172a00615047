// One name or one id, twice.

import { assert, assertEquals } from "@std/assert";
import { isEarlier, suffixedName } from "../../../lib/discovery/conflict.ts";
import type { Incarnation } from "../../../lib/base/mod.ts";
import { utf8Length } from "../../../lib/wire/mod.ts";
import { MS, SECOND, TestMesh } from "./mesh.ts";

Deno.test("of two nodes of one name the later one takes another and remembers the wanted one", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "wall" });
  mesh.run(3 * SECOND);
  const b = mesh.start({ name: "wall" });
  mesh.runUntil(() => a.sees[0] === "wall-2", 500 * MS);
  assertEquals([a.core.record.name, b.core.record.name], ["wall", "wall-2"]);
  assertEquals(b.happened("renamed"), [{ kind: "renamed", wanted: "wall", name: "wall-2" }]);
  assertEquals(a.happened("renamed"), []);
});

Deno.test("a name comes back once the wanted one has been free for five minutes", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "wall" });
  const b = mesh.start({ name: "wall", incarnation: 2_000_000 });
  mesh.run(3 * SECOND);
  assertEquals(b.core.record.name, "wall-2");
  a.core.leave(mesh.nowUs, "quit");
  mesh.run(290 * SECOND);
  assertEquals(b.core.record.name, "wall-2");
  mesh.run(15 * SECOND);
  assertEquals(b.core.record.name, "wall");
});

Deno.test("a name that the owner changes is announced, and may collide like any other", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "left" });
  const b = mesh.start({ name: "right", incarnation: 2_000_000 });
  mesh.run(3 * SECOND);
  b.core.updateRecord(mesh.nowUs, { name: "left" });
  mesh.run(2 * SECOND);
  assertEquals([a.sees, b.sees], [["left-2"], ["left"]]);
});

Deno.test("30 nodes of one name end with 30 names", () => {
  const mesh = new TestMesh(4);
  const nodes = Array.from({ length: 30 }, () => mesh.start({ name: "pi" }));
  mesh.run(60 * SECOND);
  const names = new Set(nodes.map((node) => node.core.record.name));
  assertEquals(names.size, 30);
  assert(names.has("pi"));
  for (const node of nodes) assert(node.happened("renamed").length <= 4, "nobody renames for ever");
  const before = nodes.map((node) => node.core.record.name);
  mesh.run(60 * SECOND);
  assertEquals(nodes.map((node) => node.core.record.name), before);
});

Deno.test("of two processes with one id the later one is told to take another and falls silent", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", number: 7 });
  const third = mesh.start({ name: "third" });
  mesh.run(3 * SECOND);
  const clone = mesh.start({ name: "clone", number: 7, addresses: ["10.0.0.77"] });
  mesh.runUntil(() => clone.happened("id-conflict").length === 1, 200 * MS);
  const sent = clone.core.counters.sent;
  mesh.run(30 * SECOND);
  assertEquals(clone.core.counters.sent, sent);
  assertEquals(clone.core.pollTimeout(), null);
  assertEquals(a.happened("id-conflict"), []);
  assertEquals(third.stateOf(a), "alive");
  assertEquals(third.core.registry.get(a.id)?.record.name, "a");
});

Deno.test("who gives an id up takes its life back, and the others see its owner again at once", () => {
  const mesh = new TestMesh(3);
  const wall = mesh.start({ name: "wall", number: 1, addresses: ["10.0.0.1"] });
  const third = mesh.start({ name: "third", number: 2, addresses: ["10.0.0.2"] });
  mesh.run(3 * SECOND);
  const copy = mesh.start({ name: "copy", number: 1, incarnation: 2_000_000, addresses: ["10.0.0.3"] });
  mesh.runUntil(() => copy.happened("id-conflict").length === 1, 3 * SECOND);
  mesh.run(2_500 * MS);
  assertEquals(third.core.registry.snapshot().map(({ record, state }) => [record.name, state]), [[
    "wall",
    "alive",
  ]]);
  assertEquals(wall.happened("id-conflict"), []);
});

Deno.test("with one id and one incarnation too, the lower process keeps it and others stay with the first", () => {
  const mesh = new TestMesh();
  const a = mesh.start({ name: "a", number: 7, incarnation: 5_000 });
  const b = mesh.start({ name: "b", number: 7, incarnation: 5_000, addresses: ["10.0.0.77"] });
  mesh.run(3 * SECOND);
  assertEquals(a.happened("id-conflict").length + b.happened("id-conflict").length, 1);
});

Deno.test("the earlier life keeps; equal ones go by the lower text", () => {
  const at = (n: number) => n as Incarnation;
  assert(isEarlier(at(1), "z", at(2), "a"));
  assert(!isEarlier(at(2), "a", at(1), "z"));
  assert(isEarlier(at(1), "a", at(1), "b"));
  assert(!isEarlier(at(1), "a", at(1), "a"));
});

Deno.test("a suffix never makes a name longer than 48 bytes or cuts a character", () => {
  assertEquals(suffixedName("wall", "2"), "wall-2");
  const long = suffixedName("ü".repeat(24), "12");
  assert(utf8Length(long) <= 48);
  assert(/^ü+-12$/.test(long));
});
