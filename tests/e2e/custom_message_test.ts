// A program with messages of its own: the definition travels, so that a crew can list and call them from a shell.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CapturedProcess } from "../support/captured_process.ts";
import { denoRun } from "../support/cli.ts";
import type { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { TestNetwork } from "../support/namespaces.ts";
import { shareKey, stageOf } from "./stage.ts";

const PROGRAM = new URL("./programs/custom_message.ts", import.meta.url).pathname;

/** The program on one machine, and somebody on another who sees it. */
async function wallAndDesk(network: TestNetwork): Promise<{ wall: CapturedProcess; desk: HanaUser }> {
  const [wallUser, desk] = stageOf(network, "wall", "desk");
  await shareKey(wallUser, desk);
  const wall = wallUser.startProgram(denoRun(PROGRAM), [wallUser.stateDirectory, wallUser.runDirectory]);
  await wall.until("ready", ({ stdout }) => stdout.includes("ready") ? true : null);
  const seen = await desk.discover("--expect", "wall");
  assertEquals(seen.code, 0, seen.stderr);
  return { wall, desk };
}

liveTest("a program's own message is listed and called from a shell on another machine", async (network) => {
  const { wall, desk } = await wallAndDesk(network);
  const listed = await desk.run(["call", "wall", "--list"]);
  assertEquals(listed.code, 0, listed.stderr);
  assertStringIncludes(listed.stdout, "wall.flash");
  const { document } = await desk.call("wall", "--list");
  const messages = document.messages as { name: string; kind: string; lane: string; description?: string }[];
  const flash = messages.find(({ name }) => name === "wall.flash");
  assertEquals([flash?.kind, flash?.lane, flash?.description], [
    "request",
    "control",
    "Lights the whole wall for a moment.",
  ]);
  assertEquals(messages.find(({ name }) => name === "wall.hue")?.kind, "event");

  const called = await desk.call("wall", "wall.flash", "count=3");
  assertEquals(called.code, 0, called.stderr);
  assertEquals(called.document.reply, { flashes: 3, colour: "white" });
  const again = await desk.call("wall", "wall.flash", "count=2", "colour=red");
  assertEquals(again.document.reply, { flashes: 5, colour: "red" });
  const posted = await desk.run(["call", "wall", "wall.hue", "hue=0.25"]);
  assertEquals(posted.code, 0, posted.stderr);
  await wall.until("the hue", ({ stdout }) => stdout.includes("hue 0.25") ? true : null);
  assertStringIncludes(wall.stdout, "flash 3 white\nflash 2 red\n");

  wall.kill("SIGTERM");
  assertEquals((await wall.ended()).code, 0);
});

liveTest(
  "a call that cannot be is refused with what would be right, and never reaches the program",
  async (network) => {
    const { wall, desk } = await wallAndDesk(network);
    const cases: { args: string[]; code: number; says: string[] }[] = [
      { args: ["wall.flash", "count=99"], code: 2, says: ["count", "1", "10"] },
      { args: ["wall.flash", "count=often"], code: 2, says: ["count"] },
      { args: ["wall.flash"], code: 2, says: ["count", "missing"] },
      { args: ["wall.flash", "count=1", "colour=blue"], code: 2, says: ["colour", "white", "red"] },
      { args: ["wall.flash", "count=1", "size=3"], code: 2, says: ["size", "count", "colour"] },
      { args: ["wall.flsh", "count=1"], code: 1, says: ["wall.flsh", "wall.flash"] },
      // A rule of roles: who calls from a shell is an observer.
      // A fault of the program is its own, not one of the hana that asked.
      { args: ["wall.break"], code: 1, says: ["error: wall.break failed at wall\n  no projector\n"] },
      { args: ["wall.park"], code: 7, says: ["wall.park", "observer"] },
    ];
    for (const { args, code, says } of cases) {
      const ran = await desk.run(["call", "wall", ...args]);
      const call = args.join(" ");
      assertEquals([ran.code, ran.stdout], [code, ""], `${call}: ${ran.stderr}`);
      for (const words of says) assertStringIncludes(ran.stderr, words, call);
      assert(ran.stderr.trimEnd().split("\n").length <= 3, ran.stderr);
    }
    assertEquals(wall.stdout.includes("flash"), false);
    const nobody = await desk.run(["call", "nobody", "wall.flash", "count=1"]);
    assertEquals(nobody.code, 1);
    assertStringIncludes(nobody.stderr, "nobody");
  },
);
