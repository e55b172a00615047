// Readers that leave early, and outputs that take nothing: what a script's pipes do to commands that go on for long.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CapturedProcess } from "../support/captured_process.ts";
import { hanaProgram, type HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** Starts `hana ARGS | head -n LINES`; the exit code of hana comes after those lines. */
function readBriefly(user: HanaUser, lines: number, ...args: string[]): CapturedProcess {
  const script = `"$@" | head -n ${lines}; echo "code \${PIPESTATUS[0]}"`;
  return user.startProgram(["bash"], ["-c", script, "bash", ...hanaProgram(), ...args]);
}

liveTest("serve says goodbye when whoever reads its events leaves", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const watch = await a.watch();
  const brief = readBriefly(b, 1, "serve", "--ndjson");
  // Its first line is that it is ready; the event that it found `a` meets a closed pipe.
  const { stdout, stderr } = await brief.ended();
  assertMatch(stdout, /^\{"schema":"hana\.serve\.ready\/1",.*\}\ncode 0\n$/);
  assertEquals(stderr, "");
  await watch.untilState("b", "left");
  assertEquals(b.runFiles(), []);
});

liveTest("serve --json is one document; what happens then is told to people", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await a.serve();
  const node = await b.serve("--json");
  await node.process.until("it found a", ({ stderr }) => stderr.includes("found a (daemon)") ? true : null);
  await node.stop();
  assertEquals(JSON.parse(node.process.stdout).schema, "hana.serve.ready/1");
});

liveTest(
  "discover --watch ends when its reader leaves, by way of a local node or without one",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    const node = await a.serve();
    // `b` has no node of its own and listens by itself.
    const watches = [readBriefly(a, 2, "discover", "--watch"), readBriefly(b, 2, "discover", "--watch")];
    for (const watch of watches) {
      await watch.until("its first list", ({ stdout }) => stdout.includes('"op":"sync"') ? true : null);
    }
    // It stays: a node that leaves at once may be gone before anybody lists it, and then there is nothing to write.
    await c.serve();
    for (const watch of watches) {
      const { stdout, stderr } = await watch.ended();
      assertMatch(stdout, /\ncode 0\n$/);
      assertEquals(stderr, "");
    }
    assertEquals(node.process.isRunning, true);
  },
);

liveTest("an output that takes nothing is an error with its reason, and no bug", async (network) => {
  const [a] = stageOf(network, "a");
  await a.serve();
  for (const args of ["version", "config show", "discover --json", "ping a -c 1"]) {
    const full = a.startProgram(["bash"], [
      "-c",
      `"$@" >/dev/full`,
      "bash",
      ...hanaProgram(),
      ...args.split(" "),
    ]);
    const { code, stderr } = await full.ended();
    assertEquals(code, 2, `${args}: ${stderr}`);
    assertStringIncludes(stderr, "error: standard output cannot be written\n  No space left");
  }
  // Messages that nobody can read are no reason to fail.
  const mute = a.startProgram(["bash"], [
    "-c",
    `"$@" 2>/dev/full`,
    "bash",
    ...hanaProgram(),
    "ping",
    "nobody",
  ]);
  assertEquals((await mute.ended()).code, 1);
});
