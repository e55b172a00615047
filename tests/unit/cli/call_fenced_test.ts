// `hana call` and the fence: what only the leader may command is refused to a crew, unless by its word.

import { assertEquals, assertMatch } from "@std/assert";
import { Node } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { openMeshKeyRing } from "../../../lib/security/mod.ts";
import { defineEvent, defineRequest } from "../../../lib/session/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { makeHome, runHana } from "../../support/cli.ts";

const BASE = {
  lane: "control",
  effect: "command",
  from: ["app", "observer"],
  to: ["daemon"],
  body: s.object({}),
} as const;
const CUE = defineRequest({ ...BASE, name: "wall.cue", fenced: "required", reply: s.object({}) });
const DIM = defineRequest({ ...BASE, name: "wall.dim", reply: s.object({}) });
const FLASH = defineEvent({ ...BASE, name: "wall.flash", fenced: "required" });

Deno.test("what only the leader may command is refused to a crew, unless it says --unfenced", async () => {
  await using home = makeHome();
  const node = await Node.start(denoPlatform(), {
    role: "daemon",
    name: "wall",
    software: "0.1.0",
    stateDirectory: `${home.state}/hana`,
    runDirectory: `${home.run}/hana`,
    keys: openMeshKeyRing(),
    tcpPort: null,
    discovery: null,
    readsHardware: false,
  });
  const obeyed: string[] = [];
  const flashed = Promise.withResolvers<void>();
  node.onRequest(CUE, () => (obeyed.push("cue"), {}));
  node.onRequest(DIM, () => (obeyed.push("dim"), {}));
  node.onEvent(FLASH, () => {
    obeyed.push("flash");
    flashed.resolve();
  });
  const call = (...args: string[]) => runHana(["call", "wall", ...args], { home });
  try {
    const refused = await call("wall.cue");
    assertEquals([refused.code, refused.stdout], [7, ""]);
    assertMatch(
      refused.stderr,
      /^error: wall\.cue of \S+ was refused\n {2}only the leader may send it\n {2}try: hana leader .*--unfenced\)\n$/,
    );
    const forced = await call("wall.cue", "--unfenced");
    assertEquals([forced.code, forced.stdout], [0, "reply\tdone\n"], forced.stderr);
    assertEquals((await call("wall.dim")).code, 0);
    assertEquals((await call("wall.flash", "--unfenced")).code, 0);
    await flashed.promise;
    assertEquals(obeyed, ["cue", "dim", "flash"]);
    const listed = await call("--list");
    assertMatch(listed.stdout, /^wall\.cue\trequest\tcontrol\tcommand of the leader\t/m);
    assertMatch(listed.stdout, /^wall\.dim\trequest\tcontrol\tcommand\t/m);
    const { forced: words, withoutToken } = node.leadership.commands.counters;
    assertEquals([words, withoutToken], [2, 1]);
  } finally {
    await node.stop();
  }
});
