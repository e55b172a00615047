// Who may see, reach and command whom: meshes with different keys, and the mesh without one.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type HanaUser, type ServedNode } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** As much of `hana call NODE hana.statistics` as is read here. */
interface Statistics {
  readonly channel: { readonly failures: Readonly<Record<string, number>> };
  readonly discovery: { readonly refused: Readonly<Record<string, number>> };
}

async function statisticsOf(user: HanaUser, node: ServedNode): Promise<Statistics> {
  const { document } = await user.call(node.ready.name, "hana.statistics");
  return (document.reply as { statistics: Statistics }).statistics;
}

/** Waits in vain for `count` nodes, and names those that are seen instead. */
async function namesSeenBy(user: HanaUser, count: number): Promise<string[]> {
  const { code, document } = await user.discover("--expect", String(count), "--timeout", "1500ms");
  assertEquals(code, 3);
  return document.nodes.map(({ name }) => name).sort();
}

liveTest("two meshes with different keys on one segment stay blind to each other", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b);
  // The same name, so that the key alone tells them apart.
  await c.createMesh();
  const [nodeA, , nodeC] = await Promise.all([a.serve(), b.serve(), c.serve()]);
  assertEquals(await namesSeenBy(a, 3), ["a", "b"]);
  assertEquals(await namesSeenBy(c, 2), ["c"]);
  const before = await statisticsOf(c, nodeC);
  assert((before.discovery.refused["foreign"] ?? 0) > 0, JSON.stringify(before.discovery.refused));

  const unknown = await a.run(["ping", "c"]);
  assertEquals(unknown.code, 1, unknown.stderr);
  const refused = await a.run(["ping", `tcp://10.77.1.3:${nodeC.port}`]);
  assertEquals([refused.code, refused.stdout], [7, ""]);
  assertStringIncludes(refused.stderr, "mesh key");
  assertStringIncludes(refused.stderr, "hana mesh show");
  const after = await statisticsOf(c, nodeC);
  assert(
    (after.channel.failures["stranger"] ?? 0) > (before.channel.failures["stranger"] ?? 0),
    `the stranger was not counted: ${JSON.stringify(after.channel)}`,
  );
  // Neither mesh was troubled.
  assert(nodeA.process.isRunning && nodeC.process.isRunning);
  assertEquals((await a.ping("b")).code, 0);
});

liveTest("a machine without a key and a mesh with one stay blind to each other", async (network) => {
  const [keyed, open] = stageOf(network, "keyed", "open");
  await keyed.createMesh();
  const [node] = await Promise.all([keyed.serve(), open.serve()]);
  assertEquals(await namesSeenBy(open, 2), ["open"]);
  assertEquals(await namesSeenBy(keyed, 2), ["keyed"]);
  const refused = await open.run(["ping", `tcp://10.77.1.1:${node.port}`]);
  assertEquals(refused.code, 7, refused.stderr);
});

liveTest("nodes of an open mesh may be seen and pinged, but not commanded", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  const [, node] = await Promise.all([a.serve(), b.serve("--role", "visualization")]);
  const { code, document } = await a.discover("--expect", "2");
  assertEquals(code, 0);
  assertEquals(document.nodes.map(({ trust }) => trust), ["open", "open"]);
  assertEquals((await a.ping("b")).code, 0);

  const refused = await a.run(["call", "b", "hana.identify", "text=hello"]);
  assertEquals([refused.code, refused.stdout], [7, ""]);
  assertStringIncludes(refused.stderr, "hana mesh create");
  assertStringIncludes(refused.stderr, "hana serve --insecure");
  assertEquals(node.process.stderr.includes("hello"), false);
  // From its own machine, by the guarded socket, it may.
  const own = await b.run(["call", "b", "hana.identify", "text=hello"]);
  assertEquals(own.code, 0, own.stderr);
  await node.process.until("the text", ({ stderr }) => stderr.includes("this is b: hello") ? true : null);
});

liveTest("an open node that was started with --insecure may be commanded, and says so", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  const [, node] = await Promise.all([a.serve(), b.serve("--role", "visualization", "--insecure")]);
  assertStringIncludes(node.process.stderr, "--insecure");
  assertEquals((await a.discover("--expect", "2")).code, 0);
  const { code, document, stderr } = await a.call("b", "hana.identify", "text=hello");
  assertEquals(code, 0, stderr);
  assertEquals(document.reply, { shown: "this is b: hello" });
  await node.process.until(
    "the text",
    (running) => running.stderr.includes("this is b: hello") ? true : null,
  );
});

liveTest("a node with the key may be commanded by others with the key", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await Promise.all([a.serve(), b.serve("--role", "visualization")]);
  assertEquals((await a.discover("--expect", "2")).code, 0);
  const { code, document } = await a.call("b", "hana.identify", "text=hello");
  assertEquals([code, document.reply], [0, { shown: "this is b: hello" }]);
});

liveTest(
  "while a key is rotated nobody disappears, and all meet under the new one",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    const rotated = await a.run(["mesh", "rotate", "-q"]);
    assertEquals(rotated.code, 0, rotated.stderr);
    const [, nodeB] = await Promise.all([a.serve(), b.serve()]);
    const pinged = await a.ping(`tcp://10.77.1.2:${nodeB.port}`);
    assertEquals(pinged.code, 0, pinged.stderr);
    // Nobody disappears while the new key goes round.
    for (const user of [a, b]) {
      const { code, stderr } = await user.discover("--expect", "a,b");
      assertEquals(code, 0, stderr);
    }

    await nodeB.stop();
    const code = rotated.stdout.trim();
    const taken = await b.run(["mesh", "rotate", "--join", "-"], { stdin: `${code}\n` });
    assertEquals(taken.code, 0, taken.stderr);
    await b.serve();
    for (const [user, other] of [[a, "b"], [b, "a"]] as const) {
      const { code, stderr } = await user.discover("--expect", "2");
      assertEquals(code, 0, stderr);
      assertEquals((await user.ping(other)).code, 0);
    }
  },
);

liveTest("a key file that others can read is refused by every command", async (network) => {
  const [a] = stageOf(network, "a");
  await a.createMesh();
  Deno.chmodSync(`${a.stateDirectory}/mesh.key`, 0o644);
  for (const args of [["serve"], ["discover"], ["ping", "b"]]) {
    const { code, stderr } = await a.run(args);
    assertEquals(code, 7, `${args[0]}: ${stderr}`);
    assertStringIncludes(stderr, "chmod 600");
  }
});

liveTest("a changed key is told to whoever runs a node with the old one", async (network) => {
  const [a] = stageOf(network, "a");
  const node = await a.serve();
  const told = /^warning: node a runs here with the key that it started with; stop it and start it again$/m;
  for (const args of ["mesh create", "mesh rotate", "mesh leave --yes"]) {
    const { code, stderr } = await a.run(args.split(" "));
    assertEquals(code, 0, stderr);
    assertMatch(stderr, told);
  }
  const code = (await a.run(["mesh", "create", "-q"])).code;
  assertEquals(code, 0);
  const join = (await a.run(["mesh", "show", "--reveal", "-q"])).stdout;
  const same = await a.run(["mesh", "join", "-"], { stdin: join });
  assertEquals([same.code, same.stderr], [0, ""], "a key that was there already is nothing new");
  await node.stop();
  assertEquals((await a.run(["mesh", "rotate"])).stderr.includes("warning"), false);
});
