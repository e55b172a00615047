// The executable as crews get it, driven end to end on machines of its own: no Deno, no checkout, no cache.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { shareKey, stageOf } from "../e2e/stage.ts";
import { ensureBinary } from "../support/binary.ts";
import { liveTest } from "../support/live.ts";

/** Runs `body` with every `hana` of the tests being the executable. */
async function withBinary(body: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("HANA_BINARY");
  Deno.env.set("HANA_BINARY", await ensureBinary());
  try {
    await body();
  } finally {
    if (before === undefined) Deno.env.delete("HANA_BINARY");
    else Deno.env.set("HANA_BINARY", before);
  }
}

liveTest(
  "the executable alone makes three machines one mesh: serve, discover, ping, call, goodbye",
  (network) =>
    withBinary(async () => {
      const users = stageOf(network, "left", "right", "desk");
      await shareKey(...users);
      const [left, right, desk] = users;
      const nodeLeft = await left.serve();
      await right.serve("--role", "visualization", "--tag", "wall=north");
      await desk.serve("--role", "app");

      for (const user of users) {
        const { code, document, stderr } = await user.discover("--expect", "left,right,desk");
        assertEquals(code, 0, stderr);
        assertEquals(document.nodes.map(({ name, trust }) => [name, trust]).sort(), [["desk", "keyed"], [
          "left",
          "keyed",
        ], [
          "right",
          "keyed",
        ]]);
      }
      const { code, document, stderr } = await left.ping("right", "desk", "--lane", "all");
      assertEquals(code, 0, stderr);
      assertEquals(document.targets.length, 10);
      for (const target of document.targets) {
        assertEquals(target.received, target.sent);
        assertMatch(target.path ?? "", /^(?:udp|tcp):\/\/10\.77\.1\.[23]:\d+$/);
      }
      const called = await desk.run(["call", "right", "hana.identify", "text=hello", "--json"]);
      assertEquals(called.code, 0, called.stderr);
      assertEquals(JSON.parse(called.stdout).reply, { shown: "this is right: hello" });

      await nodeLeft.stop();
      const gone = await desk.run(["ping", "left", "--timeout", "500ms"]);
      assertEquals(gone.code, 1, gone.stdout);
      const listed = await desk.discover();
      assert(
        listed.document.nodes.some(({ name, state }) => name === "left" && state === "left"),
        listed.stdout,
      );
    }),
);

liveTest(
  "the executable refuses wrong words and strangers like the source does",
  (network) =>
    withBinary(async () => {
      const [ours, theirs] = stageOf(network, "ours", "theirs");
      await ours.createMesh();
      await theirs.createMesh();
      const node = await ours.serve();
      await theirs.serve();
      const blind = await theirs.discover("--expect", "2", "--timeout", "1s");
      assertEquals(blind.code, 3, blind.stderr);
      assertEquals(blind.document.nodes.map(({ name }) => name), ["theirs"]);
      const refused = await theirs.run(["ping", `tcp://10.77.1.1:${node.port}`]);
      assertEquals(refused.code, 7, refused.stderr);
      assertStringIncludes(refused.stderr, "mesh key");
      const typo = await ours.run(["discvoer"]);
      assertEquals(typo.code, 2);
      assertStringIncludes(typo.stderr, "did you mean discover?");
    }),
);
