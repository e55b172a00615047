// Machines that find each other: one executable a machine, one key, nothing else configured.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tcpHosts } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

liveTest(
  "three machines that share a key find each other and answer pings, encrypted",
  async (network) => {
    const users = stageOf(network, "wall-left", "wall-right", "desk");
    await shareKey(...users);
    const nodes = await Promise.all(users.map((user) => user.serve()));

    for (const user of users) {
      const { code, document, stderr } = await user.discover("--expect", "3");
      assertEquals(code, 0, stderr);
      assertEquals(document.schema, "hana.discover/1");
      assertEquals(document.summary.total, 3);
      assertEquals(document.summary.alive, 3);
      for (const [index, node] of nodes.entries()) {
        const listed = document.nodes.find(({ id }) => id === node.ready.id);
        assert(listed !== undefined, `${node.ready.name} is missing on ${user.machine.name}`);
        // Without --name a node is called like its machine.
        assertEquals(listed.name, users[index]?.machine.name);
        assertEquals([listed.state, listed.trust, listed.role], ["alive", "keyed", "daemon"]);
        assertEquals(tcpHosts(listed), [`10.77.1.${index + 1}`]);
      }
    }

    const [left] = users;
    const { code, document } = await left.ping("wall-right", "desk");
    assertEquals(code, 0);
    const paths = document.targets.map(({ node, path, seal }) => [node, path, seal]);
    const ports = nodes.map((node) => node.port);
    assertEquals(paths, [
      ["wall-right", `udp://10.77.1.2:${ports[1]}`, "encrypted"],
      ["desk", `udp://10.77.1.3:${ports[2]}`, "encrypted"],
    ]);
    for (const target of document.targets) {
      assert(target.received === target.sent && target.sent > 0, JSON.stringify(target));
      assert((target.rttUs?.min ?? 0) > 0);
    }
  },
);

liveTest("a ping says by its exit code and its text whether all, some or none answered", async (network) => {
  const users = stageOf(network, "a", "b", "c");
  await shareKey(...users);
  const [a, b, c] = users;
  const [nodeA, , nodeC] = await Promise.all([a.serve(), b.serve(), c.serve()]);
  assertEquals((await a.discover("--expect", "a,b,c")).code, 0);

  const unknown = await a.run(["ping", "nobody"]);
  assertEquals([unknown.code, unknown.stdout], [1, ""]);
  assertStringIncludes(unknown.stderr, "nobody");
  assertStringIncludes(unknown.stderr, "b, c");
  assert(unknown.stderr.trimEnd().split("\n").length <= 3, unknown.stderr);

  // Gone a moment ago, so that it is still listed as alive.
  await nodeC.crash();
  const some = await a.ping("b", "c", "--timeout", "1s");
  assertEquals(some.code, 3, some.stderr);
  assertEquals(some.document.targets.map(({ node, received }) => [node, received > 0]), [["b", true], [
    "c",
    false,
  ]]);
  const none = await a.ping("c", "--timeout", "1s");
  assertEquals(none.code, 1, none.stderr);
  assertStringIncludes(none.stderr, "c");

  // The same without a node of one's own: over the network alone.
  await nodeA.stop();
  const direct = await a.ping("b");
  assertEquals(direct.code, 0, direct.stderr);
  assertMatch(direct.document.targets[0]?.path ?? "", /^(tcp|udp):\/\/10\.77\.1\.2:/);
  await c.run(["ping", "nobody"]).then(({ code }) => assertEquals(code, 1));
  await b.run(["ping", "tcp://10.77.1.9:1", "--timeout", "500ms"]).then(({ code }) => assertEquals(code, 1));
});

liveTest(
  "discover and ping work without a node here, and who only looks is never listed",
  async (network) => {
    const users = stageOf(network, "a", "b", "looker");
    await shareKey(...users);
    const [a, b, looker] = users;
    await Promise.all([a.serve("--tag", "row=1"), b.serve("--role", "visualization")]);

    // Somebody who goes on looking while others list.
    const watch = await looker.watch();
    await watch.untilState("a", "alive");
    await watch.untilState("b", "alive");
    const seen = await looker.discover("--expect", "2");
    assertEquals(seen.code, 0, seen.stderr);
    assertEquals(seen.document.nodes.map(({ name }) => name).sort(), ["a", "b"]);
    assertEquals((await looker.ping("a", "b")).code, 0);
    for (const user of [a, b]) {
      const { document } = await user.discover();
      assertEquals(document.nodes.map(({ name }) => name).sort(), ["a", "b"]);
    }
    // It leaves no identity and no socket.
    assertEquals(looker.runFiles(), []);

    const tagged = await looker.discover("--tag", "row=1");
    assertEquals(tagged.document.nodes.map(({ name }) => name), ["a"]);
    const ofRole = await looker.discover("--role", "visualization");
    assertEquals(ofRole.document.nodes.map(({ name }) => name), ["b"]);
  },
);

liveTest(
  "an expectation that is not met ends with 3 and says how many or who is missing",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    await a.serve();
    for (const user of [a, b]) {
      const counted = await user.run(["discover", "--expect", "5", "--timeout", "700ms"]);
      assertEquals(counted.code, 3);
      assertStringIncludes(counted.stderr, "1 of 5");
      const named = await user.run([
        "discover",
        "--expect",
        "a,stage-left,stage-right",
        "--timeout",
        "700ms",
      ]);
      assertEquals(named.code, 3);
      assertStringIncludes(named.stderr, "stage-left, stage-right");
    }
    // Who comes in time is waited for.
    const [waiting] = await Promise.all([a.discover("--expect", "2", "--timeout", "10s"), b.serve()]);
    assertEquals([waiting.code, waiting.document.summary.alive], [0, 2]);
    const alone = await b.run(["discover", "--role", "app"]);
    assertEquals(alone.code, 1);
  },
);

liveTest("a piped watch writes a line a change: the list, its end, then who changes", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const onNode = await a.watch();
  const onNetwork = await b.watch();
  for (const { lines } of [onNode, onNetwork]) {
    assertEquals(lines.map((line) => line.op === "sync" ? "sync" : `${line.op} ${line.name}`), [
      "add a",
      "sync",
    ]);
  }
  const node = await b.serve();
  for (const watch of [onNode, onNetwork]) {
    const added = await watch.until(
      "b to be added",
      (lines) => lines.find((line) => line.op !== "sync" && line.name === "b"),
    );
    assertEquals(added.op, "add");
  }
  await node.stop();
  for (const watch of [onNode, onNetwork]) {
    await watch.untilState("b", "left");
    const last = watch.lines.at(-1);
    assertEquals(last?.op, "update");
  }
  // A reader that leaves ends it without a word.
  onNode.process.kill("SIGINT");
  assertEquals((await onNode.process.ended()).code, 130);
  assertEquals(onNode.process.stderr, "");
});
