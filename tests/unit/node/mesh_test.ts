// Nodes that find each other: names, namesakes, copies, paths.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { listLocalNodes, type Node } from "../../../lib/node/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";
import { Park } from "./support.ts";

const second = 1_000_000;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, HanaError)).code;
}

async function meshOf(park: Park, names: readonly string[]): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const name of names) {
    nodes.push(
      await park.start(park.host(`host-of-${name}-${nodes.length}`).platform, { name, discovery: {} }),
    );
  }
  await park.until(() => nodes.every((node) => node.nodes().length === nodes.length), "all see all");
  return nodes;
}

Deno.test("a namesake that came later is told apart, in the mesh and in its note", async () => {
  const park = new Park();
  const first = await park.start(park.host("one").platform, { name: "wall", discovery: {} });
  await park.world.runFor(3 * second);
  const host = park.host("two");
  const later = await park.start(host.platform, { name: "wall", discovery: {} });
  await park.until(() => later.name === "wall-2", "the later one gives way");
  assertEquals([first.name, later.identity.name], ["wall", "wall-2"]);
  assertEquals(listLocalNodes(host.platform.files, "/run/hana").map((note) => note.name), ["wall-2"]);
  await park.until(() => first.nodes().some((node) => node.name === "wall-2"), "the other one learns of it");
  assertEquals((await park.settle(first.connect("wall-2"))).peer.id, later.id);
});

Deno.test("a copy of a state directory is noticed, by whoever has to give way", async () => {
  const park = new Park();
  const [one, two] = [park.host("one"), park.host("two")];
  const original = await park.start(one.platform, { name: "x", discovery: {} });
  const file = one.platform.files.read("/var/hana/nodes/x/identity.json");
  assert(file !== null);
  two.platform.files.makeDirectory("/var/hana/nodes/x", 0o700);
  two.platform.files.write("/var/hana/nodes/x/identity.json", file, 0o600);
  await park.world.runFor(3 * second);
  const copy = await park.start(two.platform, { name: "x", discovery: {} });
  assertEquals(copy.id, original.id);
  const told = await park.settle(Promise.race([original.conflict, copy.conflict]));
  assertEquals(told.code, "conflict");
});

Deno.test("a node is meant by its name, its id or the beginning of it; what fits several says which", async () => {
  const park = new Park();
  const [a, b] = await meshOf(park, ["stage", "wall"]);
  assert(a !== undefined && b !== undefined);
  for (const target of ["wall", b.id, b.id.slice(0, 8)]) assertEquals(a.find(target).record.id, b.id);
  assertEquals(await codeOf(park.settle(a.connect("nobody"))), "not-found");
});

Deno.test("a path that a node does not have is unreachable, and says where it listens", async () => {
  const park = new Park();
  const [a, b] = await meshOf(park, ["stage", "wall"]);
  assert(a !== undefined && b !== undefined);
  const error = await assertRejects(() => park.settle(a.open("wall", { path: "pipe" })), HanaError);
  assertEquals(error.code, "unreachable");
  assert(error.why?.includes("tcp://10.0.0.2:700"), error.why);
  const deaf = { id: b.id, name: "deaf", endpoints: [] };
  assertEquals(await codeOf(park.settle(a.open(deaf))), "unreachable");
  assertEquals(a.pathsTo(a.find("wall").record, "tcp").map((path) => path.kind), ["tcp"]);
});

Deno.test("whoever wants to hear of accepted sessions does, once they have greeted, until it stops", async () => {
  const park = new Park();
  const [a, b] = await meshOf(park, ["stage", "wall"]);
  assert(a !== undefined && b !== undefined);
  const accepted: Session[] = [];
  const stop = b.sessions.onAccepted((session) => void accepted.push(session));
  await park.settle(a.open("wall"));
  await park.until(() => accepted.length === 1, "it is told");
  assertEquals(accepted[0]?.peer.id, a.id);
  stop();
  await park.settle(a.open("wall"));
  await park.world.runFor(second);
  assertEquals([accepted.length, b.sessions.size], [1, 2]);
});

Deno.test("a shared session that is lost is not shared any more", async () => {
  const park = new Park();
  const [a, b] = await meshOf(park, ["stage", "wall"]);
  assert(a !== undefined && b !== undefined);
  const first = await park.settle(a.connect("wall"));
  assertEquals(await park.settle(a.connect("wall")), first);
  first.abort();
  const second_ = await park.settle(a.connect("wall"));
  assert(second_ !== first && second_.isOpen);
});
