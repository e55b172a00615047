// Whoever stands by a program is lost: its shim, its daemon, both. Real processes; nothing else of the machine changes.

import { assert, assertEquals } from "@std/assert";
import { hostTest, lives } from "../../support/programs/host.ts";

hostTest(
  "a shim that is killed is replaced within two seconds, and its program with it, once",
  async (host, console) => {
    await console.spawn("wall", host.chaos("wall", "speak", "fork 3 setsid"));
    await console.untilState("wall", "running");
    const before = console.processId("wall");
    const shim = host.shimOf(console, "wall");
    const lastId = console.lastId;
    const atMs = performance.now();
    Deno.kill(shim, "SIGKILL");
    const after = await console.until("another process", () => {
      const { process, state } = console.program("wall");
      return process !== null && process.processId !== before && state === "running" ? process : null;
    });
    const tookMs = performance.now() - atMs;
    assert(tookMs < 2_000, `${tookMs} ms`);
    assert(!lives(before) && !lives(shim));
    assert(lives(after.processId));
    assertEquals(host.stamps("wall").filter(({ what }) => what === "start").length, 2);
    // One leader and its three children.
    assertEquals(host.marked().length, 4);
    assertEquals(console.events("wall", "shim-lost").length, 1);
    assert(lastId < console.lastId);
    console.assertGapFree();
  },
);
