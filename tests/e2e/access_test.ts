// A person's laptop with an access code on a network of its own: what it sees, what it may do, what it reads when it may not.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { AccessLevel } from "../../lib/base/mod.ts";
import type { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { stageOf } from "./stage.ts";

/** Gives `laptop` a code for `anna`, made on the machine `giver`. */
async function grantTo(giver: HanaUser, laptop: HanaUser, level: AccessLevel): Promise<void> {
  const granted = await giver.run(["mesh", "grant", "anna", "--role", level, "-q"]);
  assertEquals(granted.code, 0, granted.stderr);
  const joined = await laptop.run(["mesh", "join", "-"], { stdin: granted.stdout });
  assertEquals(joined.code, 0, joined.stderr);
}

liveTest(
  "a laptop with a crew code lists, pings and identifies, and is told what an operator's command needs",
  async (network) => {
    const [wall, laptop] = stageOf(network, "wall", "laptop");
    await wall.createMesh();
    const node = await wall.serve("--role", "visualization");
    await grantTo(wall, laptop, "crew");

    const { code, document, stderr } = await laptop.discover("--expect", "wall");
    assertEquals(code, 0, stderr);
    assertEquals(document.nodes.map(({ name }) => name), ["wall"]);
    assertEquals((await laptop.ping("wall")).code, 0);
    assertEquals((await laptop.ping(`tcp://10.77.1.1:${node.port}`)).code, 0);
    const shown = await laptop.call("wall", "hana.identify", "text=hello");
    assertEquals([shown.code, shown.document.reply], [0, { shown: "this is wall: hello" }]);

    const refused = await laptop.run(["call", "wall", "hana.leader.solo"]);
    assertEquals([refused.code, refused.stdout], [7, ""]);
    const lines = refused.stderr.trimEnd().split("\n");
    assertEquals(lines.length, 3, refused.stderr);
    assertMatch(lines[0] ?? "", /wall refused hana\.leader\.solo/);
    assertMatch(lines[1] ?? "", /it needs access operator, and this was anna \(crew\) at \S+$/);
    assertMatch(lines[2] ?? "", /hana mesh grant anna --role operator/);
    // It is nobody's node, and the wall lists itself alone.
    assertEquals((await wall.discover("--expect", "1")).document.nodes.map(({ name }) => name), ["wall"]);
    const alone = await laptop.run(["call", `udp://10.77.1.1:${node.port}`, "hana.identify", "text=hello"]);
    assertEquals(alone.code, 7, alone.stderr);
    assertStringIncludes(alone.stderr, `tcp://10.77.1.1:${node.port}`);
  },
);

liveTest(
  "a laptop with a viewer code only looks; revoked and joined anew it does not even that",
  async (network) => {
    const [wall, laptop] = stageOf(network, "wall", "laptop");
    await wall.createMesh();
    const first = await wall.serve("--role", "visualization");
    await grantTo(wall, laptop, "viewer");
    assertEquals((await laptop.discover("--expect", "wall")).code, 0);
    assertEquals((await laptop.ping("wall")).code, 0);
    const refused = await laptop.run(["call", "wall", "hana.identify", "text=hello"]);
    assertEquals([refused.code, refused.stdout], [7, ""]);
    assertMatch(refused.stderr, /it needs access crew, and this was anna \(viewer\) at \S+$/m);
    assert(!first.process.stderr.includes("hello"));

    const revoked = await wall.run(["mesh", "revoke", "anna"]);
    assertEquals(revoked.code, 0, revoked.stderr);
    assertStringIncludes(revoked.stderr, "stop it and start it again");
    await first.stop();
    const node = await wall.serve("--role", "visualization");
    const out = await laptop.run(["ping", `tcp://10.77.1.1:${node.port}`]);
    assertEquals(out.code, 7, out.stderr);
    assertStringIncludes(out.stderr, "revoked");
  },
);
