// Programs that write too much, too long, too wild: neither they nor their shim may suffer from it.
// HANA_CHAOS_SECONDS says how long a flood lasts (10 by default; 60 is what docs/supervision.md was measured with).

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../../support/captured_process.ts";
import { chaosChild } from "../../support/chaos_child.ts";
import { liveTest } from "../../support/live.ts";
import { anonymousBytes, cpuTicks, Host, hostTest, lives, sizeOf } from "../../support/programs/host.ts";
import { measureLateness } from "../../support/programs/lateness.ts";
import { printFigure } from "../../support/programs/print.ts";

const SECONDS = Number(Deno.env.get("HANA_CHAOS_SECONDS") ?? "10");
const MEBIBYTE = 1 << 20;
/** What the log of a program may take on the disk: a file that is written and those that are kept. */
const MOST_ON_DISK = 9 * 8 * MEBIBYTE + MEBIBYTE;
/** What a shim may hold of its own, whatever its program writes. */
const MOST_MEMORY = 60 * MEBIBYTE;

hostTest(
  "a flood of 100 MB a second neither delays heartbeats nor fills memory or disk",
  async (host, desk) => {
    await desk.spawn("flood", host.chaos("flood", "speak", "flood 100MB"));
    await desk.untilState("flood", "running");
    const shim = host.shimOf(desk, "flood");
    let memory = 0;
    const wroteBefore = written(desk.processId("flood"));
    const looking = setInterval(() => memory = Math.max(memory, anonymousBytes(shim)), 100);
    const late = await measureLateness(host.assignment("flood").controlSocket, SECONDS * 1_000);
    clearInterval(looking);
    const rate = (written(desk.processId("flood")) - wroteBefore) / SECONDS / 1e6;
    const onDisk = sizeOf(`${host.assignment("flood").directory}/logs`);
    printFigure(
      `flood of ${rate.toFixed(0)} MB/s for ${SECONDS} s: heard after p50 ${
        late.shim.p50Ms.toFixed(1)
      }, p99 ${late.shim.p99Ms.toFixed(1)}, most ` +
        `${late.shim.maxMs.toFixed(1)} ms (own timers p99 ${late.own.p99Ms.toFixed(1)} ms); shim holds ` +
        `${(memory / MEBIBYTE).toFixed(1)} MiB, log ${(onDisk / MEBIBYTE).toFixed(1)} MiB`,
    );
    // What the tests' own process was late by is the machine's doing, not the shim's.
    assert(late.shim.p99Ms < 50 + late.own.p99Ms, `p99 ${late.shim.p99Ms} ms`);
    assert(memory < MOST_MEMORY, `${memory} bytes`);
    assert(onDisk < MOST_ON_DISK, `${onDisk} bytes`);
    assertEquals(desk.events("flood", "hung", "exited"), []);
    assert(desk.events("flood", "logs-suppressed").length > 0);
    // Its newest lines are there all the same, and somebody who follows them does not hold it up.
    assert((await desk.logs("flood", { tail: 10, stream: "stdout" })).length === 10);
  },
  { limitMs: 60_000 + SECONDS * 1_000 },
);

hostTest(
  "a gigabyte without an end of line, and bytes that are no text, cost neither memory nor the program",
  async (host, desk) => {
    await desk.spawn("long", host.chaos("long", "speak", "line 1GiB"));
    await desk.spawn("noise", host.chaos("noise", "speak", "garbage 32MiB"));
    await desk.untilState("long", "running");
    await desk.untilState("noise", "running");
    const shims = ["long", "noise"].map((name) => host.shimOf(desk, name));
    let memory = 0;
    for (const name of ["long", "noise"]) {
      await eventually(`all of ${name} to be taken`, () => {
        memory = Math.max(memory, ...shims.map(anonymousBytes));
        return host.stamps(name).some(({ what }) => what === "poured");
      }, 40_000);
    }
    assert(memory < MOST_MEMORY, `${memory} bytes`);
    for (const name of ["long", "noise"]) {
      const lines = await desk.logs(name, { tail: 50, stream: "stdout" });
      assert(lines.length > 0, name);
      for (const { text } of lines) assert(text.length <= 16_384, `${name}: ${text.length}`);
      assert(sizeOf(`${host.assignment(name).directory}/logs`) < MOST_ON_DISK);
      assertEquals(desk.events(name, "hung", "exited"), [], name);
    }
    assert((await desk.logs("long", { tail: 50 })).some(({ partial }) => partial));
  },
);

hostTest(
  "a program that floods its own socket with garbage is heard no more, and loses nothing else",
  async (host, desk) => {
    await desk.spawn("babble", host.chaos("babble", "speak", "socket 64KiB for 5s"));
    await desk.spawn("other", host.chaos("other", "speak"));
    await desk.untilState("babble", "running");
    const shim = host.shimOf(desk, "babble");
    const late = await measureLateness(host.assignment("babble").controlSocket, 4_000);
    printFigure(
      `socket flood: heard after p50 ${late.shim.p50Ms.toFixed(1)}, p99 ${late.shim.p99Ms.toFixed(1)} ms`,
    );
    assert(anonymousBytes(shim) < MOST_MEMORY);
    await eventually("the flood to end", () => host.stamps("babble").some(({ what }) => what === "poured"));
    await desk.untilEvent("babble", "protocol");
    assert(desk.events("babble", "protocol").length < 200, "told of a bounded number of times");
    assertEquals(desk.events("babble", "exited", "killing"), []);
    await desk.until(
      "its heartbeat",
      () => desk.program("babble").fps === 60 && desk.program("babble").health === "ready",
    );
    assertEquals(desk.program("other").state, "running");
  },
);

hostTest(
  "a program that lies about its token is not believed, and one that closes its output lives",
  async (host, desk) => {
    await desk.spawn("liar", host.chaos("liar", "lie"), {
      ready: { kind: "told" },
      startUs: 1_500_000,
      restart: "never",
    });
    const broken = await desk.untilEvent("liar", "protocol");
    assertEquals(broken.detail.rule, "token");
    const exit = (await desk.untilEvent("liar", "exited")).detail.exit as { class: string };
    assertEquals(exit.class, "start-timeout");
    assertEquals(desk.events("liar", "ready"), []);
    await desk.spawn("quiet", host.chaos("quiet", "speak", "close stdout"));
    await desk.untilState("quiet", "running");
    const shim = host.shimOf(desk, "quiet");
    const before = cpuTicks(shim);
    await desk.until("some heartbeats", () => (desk.program("quiet").frame ?? 0) > 0);
    await desk.until("a sample", () => desk.program("quiet").residentBytes !== null);
    assert(cpuTicks(shim) - before < 100, "an output that ended keeps no CPU busy");
    await desk.stop("quiet");
    assertEquals((await desk.untilState("quiet", "idle")).lastExit?.code, 0);
  },
);

hostTest(
  "a program that takes more memory than it may is ended for it, and it is said so",
  async (host, desk) => {
    const limit = { memoryMaxBytes: 64 * MEBIBYTE };
    await desk.spawn("hungry", host.chaos("hungry", "run 1 alloc 100MB up to 256MiB"), limit);
    await desk.untilEvent("hungry", "memory");
    const exited = await desk.untilEvent("hungry", "exited");
    const exit = exited.detail.exit as { class: string; peakBytes: number };
    assertEquals(exit.class, "oom");
    assert(exit.peakBytes > 64 * MEBIBYTE && exit.peakBytes <= 260 * MEBIBYTE, String(exit.peakBytes));
    await desk.until(
      "its second run",
      () => desk.program("hungry").run === 2 && desk.program("hungry").state === "running",
    );
  },
);

liveTest(
  "a disk that its own program has filled costs lines, never the program or its supervision",
  async (network) => {
    const host = new Host(network.addMachine("stage"), await chaosChild());
    // A disk of its own that is gone with the last process that sees it.
    const mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=6m tmpfs "$0" && exec "$@"'];
    await host.serveUnder([...mount, host.user.home.state]);
    await using desk = await host.console();
    const filler = `${host.user.home.state}/filler`;
    await desk.spawn(
      "fills",
      host.chaos("fills", "speak", `fill ${filler} up to 64MiB`, "chatter 2000 for 60s"),
    );
    await desk.untilState("fills", "running");
    await desk.spawn("crashes", host.chaos("crashes", "chatter 500 for 60s", "signal SEGV after 600ms"), {
      backoffCapUs: 300_000,
    });
    await desk.until("three runs on a full disk", () => desk.program("crashes").run >= 3);
    await desk.untilEvent("fills", "disk-full");
    const before = desk.processId("fills");
    assert(
      (await desk.logs("fills", { tail: 5, stream: "stdout" })).length === 5,
      "the newest lines are in memory",
    );
    // A wish that cannot be kept on the disk is carried out.
    await desk.stop("crashes", true);
    await desk.untilState("crashes", "idle");
    // Room again: lines are kept again.
    Deno.truncateSync(`/proc/${host.node.process.processId}/root${filler}`, 0);
    await desk.untilEvent("fills", "disk-freed");
    assert(lives(before));
    assertEquals(desk.events("fills", "exited"), []);
  },
  ["command:cc"],
);

/** Bytes that a process has written so far. */
function written(processId: number): number {
  return Number(/^wchar: (\d+)$/m.exec(Deno.readTextFileSync(`/proc/${processId}/io`))?.[1]);
}
