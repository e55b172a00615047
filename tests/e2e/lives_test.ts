// Nodes that end, crash, come back, and share a machine or an identity.

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { HanaUser, tcpHosts } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** Silence alone is no suspicion before 3.3 beats; whatever comes within this was said, not concluded. */
const BEFORE_SUSPICION_MS = 1_500;

liveTest("a node that is killed and started again is the same node in a later life", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const first = await b.serve();
  const watch = await a.watch();
  const before = await watch.untilState("b", "alive");
  const left = b.runFiles();
  assertEquals(left.length, 2, "a socket and a note");

  await first.crash();
  assertEquals(b.runFiles(), left, "a crash cleans nothing up");
  const second = await b.serve();
  assertEquals(second.ready.id, first.ready.id);
  assertNotEquals(second.ready.processId, first.ready.processId);
  const after = await watch.until("a later life of b", () => {
    const node = watch.nodes.get("b");
    return node !== undefined && node.state === "alive" && node.incarnation > before.incarnation
      ? node
      : null;
  });
  assertEquals(after.id, before.id);
  assertEquals(b.runFiles(), left, "the stale socket was taken over");
  assertEquals((await a.ping("b")).code, 0);
  assertEquals((await b.discover("--expect", "2")).code, 0);
});

liveTest("a note that a killed node left behind misleads nobody", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  await (await b.serve()).crash();
  assertEquals(b.runFiles().length, 2);
  // No node runs here any more: the network is asked.
  const { code, document, stderr } = await b.discover("--expect", "a");
  assertEquals(code, 0, stderr);
  assert(document.nodes.some(({ name, state }) => name === "a" && state === "alive"));
});

liveTest("SIGTERM says goodbye: the others know at once, and nothing is left behind", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const node = await b.serve();
  const watch = await a.watch();
  await watch.untilState("b", "alive");
  node.process.kill("SIGTERM");
  await watch.untilState("b", "left", BEFORE_SUSPICION_MS);
  const { code } = await node.process.ended();
  assertEquals(code, 0);
  assertEquals(b.runFiles(), []);
  const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "b" ? [line.state] : []);
  assertEquals(states.filter((state) => state === "suspect" || state === "dead"), []);
});

liveTest(
  "two nodes of one machine are two nodes, and reach each other by their local sockets",
  async (network) => {
    const [both, other] = stageOf(network, "both", "other");
    await shareKey(both, other);
    const [left, right] = await Promise.all([
      both.serve("--name", "left", "--role", "visualization"),
      both.serve("--name", "right", "--role", "visualization"),
    ]);
    assertNotEquals(left.ready.id, right.ready.id);
    await other.serve();
    const seen = await other.discover("--expect", "left,right,other");
    assertEquals(seen.code, 0, seen.stderr);
    for (const node of [left, right]) {
      const listed = seen.document.nodes.find(({ id }) => id === node.ready.id);
      assertEquals(listed && tcpHosts(listed), ["10.77.1.1"]);
    }

    const near = await both.ping("left", "right");
    assertEquals(near.code, 0, near.stderr);
    for (const { path } of near.document.targets) assertMatch(path ?? "", /^unix:\/\/\//);
    const far = await other.ping("left", "right");
    assertEquals(far.code, 0, far.stderr);
    for (const { path } of far.document.targets) assertMatch(path ?? "", /^(tcp|udp):\/\/10\.77\.1\.1:/);
  },
);

liveTest("nodes without a name are called like their machine, the second with -2", async (network) => {
  const [here, other] = stageOf(network, "rack", "other");
  await shareKey(here, other);
  const first = await here.serve();
  const second = await here.serve();
  assertEquals([first.ready.name, second.ready.name], ["rack", "rack-2"]);
  await other.serve();
  const seen = await other.discover("--expect", "rack,rack-2");
  assertEquals(seen.code, 0, seen.stderr);
  // A name that is asked for is that name or nothing.
  const refused = await here.run(["serve", "--name", "rack"]);
  assertEquals(refused.code, 7, refused.stderr);
  assertMatch(refused.stderr, /rack/);
});

liveTest("machines that ask for the same name keep it apart: the later one gets -2", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b, c);
  const first = await a.serve("--name", "wall");
  const watch = await c.watch();
  await watch.untilState("wall", "alive");
  const second = await b.serve("--name", "wall");
  await watch.untilState("wall-2", "alive");
  const { document } = await c.discover();
  const names = document.nodes.map(({ id, name }) => [id, name]);
  assertEquals(
    new Map(names as [string, string][]),
    new Map([[first.ready.id, "wall"], [second.ready.id, "wall-2"]]),
  );
});

liveTest("two machines with one disk image become two nodes", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b, c);
  const original = await a.serve("--name", "wall");
  const copies = `${b.stateDirectory}/nodes/copy`;
  Deno.mkdirSync(copies, { recursive: true, mode: 0o700 });
  Deno.copyFileSync(`${a.stateDirectory}/nodes/wall/identity.json`, `${copies}/identity.json`);
  await c.serve();
  const copy = await b.serve("--name", "copy");
  const both = await c.discover("--expect", "wall,copy", "--timeout", "15s");
  assertEquals(both.code, 0, both.stderr);
  const idOf = (name: string): string | undefined =>
    both.document.nodes.find((node) => node.name === name)?.id;
  assertEquals(idOf("wall"), original.ready.id, "who was first keeps the id");
  assertNotEquals(idOf("copy"), original.ready.id);
  // It did begin as the same node.
  assertStringIncludes(copy.process.stderr, `is ready, id ${original.ready.id.slice(0, 8)}`);
  assertStringIncludes(copy.process.stderr, "another process has the id of copy");
  assertEquals(b.runFiles().length, 2, "nothing of the first attempt is left");
});

liveTest("a clock that was set back a year does not set a node's life back", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const { ready } = await b.serve().then(async (node) => (await node.stop(), node));
  const path = `${b.stateDirectory}/nodes/b/identity.json`;
  const identity = JSON.parse(Deno.readTextFileSync(path)) as { id: string; incarnation: number };
  assertEquals(identity.id, ready.id);
  // As if the last start had been a year from now.
  const ahead = Date.now() + 365 * 86_400_000;
  Deno.writeTextFileSync(path, JSON.stringify({ ...identity, incarnation: ahead }));
  await Promise.all([a.serve(), b.serve()]);
  const { document } = await a.discover("--expect", "b");
  const listed = document.nodes.find(({ name }) => name === "b");
  assertEquals(listed?.id, ready.id);
  assert((listed?.incarnation ?? 0) > ahead, `${listed?.incarnation} is not later than ${ahead}`);
  assertEquals((await a.ping("b")).code, 0);
});

liveTest("two users of one machine share no directory and still see each other", async (network) => {
  const [crew] = stageOf(network, "desk");
  const guest = new HanaUser(crew.machine, "guest");
  await shareKey(crew, guest);
  await Promise.all([crew.serve("--name", "one"), guest.serve("--name", "two")]);
  const seen = await crew.discover("--expect", "one,two");
  assertEquals(seen.code, 0, seen.stderr);
  assertEquals((await crew.ping("two")).code, 0);
  assertEquals([crew.runFiles().length, guest.runFiles().length], [2, 2]);
});
