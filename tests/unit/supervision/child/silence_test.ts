// Silence in time that somebody watched, and pictures that stand still (research: supervision 1.7, tests T15 and T16).

import { assert, assertEquals } from "@std/assert";
import { silenceLimits } from "../../../../lib/supervision/child/mod.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";
import { Bench, hello, machineEvents, SECOND } from "./support.ts";

/** A program that draws at 60 Hz and beats once a second until `untilUs`. */
function beating(bench: Bench, seconds: number, frameAt: (nowUs: number) => number | undefined): void {
  for (let i = 0; i < seconds; i++) {
    bench.say(1, { t: "hb", n: i, frame: frameAt(bench.nowUs) });
    bench.pass(SECOND);
  }
}

Deno.test("a program without the protocol is never called hung", () => {
  const bench = new Bench();
  bench.judge.noteReady(bench.nowUs);
  assertEquals(bench.judge.deadline(), null);
  for (let i = 0; i < 100; i++) {
    bench.nowUs += 10 * SECOND;
    assertEquals(bench.tick(), []);
  }
  bench.connect(1, hello({ caps: ["stop"] }), { t: "ready" });
  bench.pass(60 * SECOND);
  assertEquals(bench.told, ["ready"]);
});

Deno.test("with the defaults a hang is told 2 to 2.5 s after the last heartbeat, and its end after 6 to 6.5", () => {
  for (let phase = 0; phase < 250; phase += 13) {
    const bench = new Bench();
    bench.connect(1, hello(), { t: "ready" });
    bench.pass(phase * 1_000);
    bench.say(1, { t: "hb", n: 1, frame: 1 });
    const beatUs = bench.nowUs;
    const at: Record<string, number> = {};
    while (at["dead"] === undefined && bench.nowUs < beatUs + 20 * SECOND) {
      bench.nowUs = bench.judge.deadline()?.atUs ?? beatUs + 20 * SECOND;
      for (const event of machineEvents(bench.tick())) at[event] = (bench.nowUs - beatUs) / SECOND;
    }
    const { silent = 0, dead = 0 } = at;
    assert(silent >= 2 && silent <= 2.5, `silent after ${silent} s`);
    assert(dead >= 6 && dead <= 6.5, `dead after ${dead} s`);
  }
});

Deno.test("a heartbeat ends a silence, and the next silence is told again", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 1 });
  bench.pass(3 * SECOND);
  bench.say(1, { t: "hb", frame: 2 });
  bench.pass(3 * SECOND);
  bench.say(1, { t: "hb", frame: 3 });
  assertEquals(bench.told, ["ready", "silent", "heard", "silent", "heard"]);
});

Deno.test("a program that declared a heart and closes its connection without a word counts as silent", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 1 });
  bench.judge.handleClosed(bench.nowUs, 1);
  bench.pass(7 * SECOND);
  assertEquals(bench.told, ["ready", "silent", "dead"]);
});

Deno.test("silence before readiness is the start deadline's business", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "status", text: "loading" });
  bench.pass(30 * SECOND);
  assertEquals(bench.told, []);
  bench.judge.noteReady(bench.nowUs);
  bench.pass(2.5 * SECOND);
  assertEquals(bench.told, ["silent"]);
});

Deno.test("a shim or a machine that stood still costs a program at most one look (T15)", () => {
  for (const standstill of [0.6, 2, 4.9, 5.5, 60, 86_400]) {
    const bench = new Bench();
    bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 1 });
    bench.pass(0.9 * SECOND);
    bench.nowUs += standstill * SECOND;
    bench.tick();
    // What it would have said in between is read right after.
    assertEquals(bench.told.includes("silent"), false, `${standstill} s`);
    assertEquals(bench.told.includes("suspended"), standstill > 5, `${standstill} s`);
    bench.pass(0.4 * SECOND);
    assertEquals(bench.told.includes("silent"), false, `${standstill} s`);
  }
});

Deno.test("a shim that is starved forgives what it did not watch (T16)", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 1 });
  // Looks come every 1.5 s instead of every 250 ms: three of them are 1.5 s of watched silence.
  for (let i = 0; i < 3; i++) {
    bench.nowUs += 1.5 * SECOND;
    bench.tick();
  }
  assertEquals(bench.told, ["ready"]);
  bench.nowUs += 1.5 * SECOND;
  bench.tick();
  assertEquals(bench.told, ["ready", "silent"]);
});

Deno.test("heartbeats that come up to 900 ms late are never called a silence", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" });
  for (let i = 0; i < 600; i++) {
    bench.say(1, { t: "hb", n: i, frame: i * 60 });
    bench.pass(SECOND + (i * 7_919) % 900_000);
  }
  assertEquals(bench.told, ["ready"]);
});

Deno.test("an extension forgives so much silence, once", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 1 }, { t: "extend", ms: 10_000, why: "load" });
  bench.pass(11.5 * SECOND);
  assertEquals(bench.told, ["ready"]);
  bench.pass(SECOND);
  assertEquals(bench.told, ["ready", "silent"]);
  bench.say(1, { t: "hb", frame: 2 });
  bench.pass(2.5 * SECOND);
  assertEquals(bench.told, ["ready", "silent", "heard", "silent"]);
});

Deno.test("a picture that stands still while the heart beats is told after 2 to 3 s, and again when it moves", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" });
  beating(bench, 5, (nowUs) => Math.floor(nowUs / 16_667));
  const frame = bench.judge.figures.frame ?? 0;
  const frozenUs = bench.nowUs;
  let toldUs = 0;
  for (let i = 0; i < 5 && toldUs === 0; i++) {
    if (machineEvents(bench.say(1, { t: "hb", frame })).includes("frozen")) toldUs = bench.nowUs;
    bench.pass(SECOND);
  }
  const after = (toldUs - frozenUs) / SECOND + 1;
  assert(after >= 2 && after <= 3, `told ${after} s after the last new picture`);
  assertEquals(machineEvents(bench.say(1, { t: "hb", frame })), []);
  assertEquals(machineEvents(bench.say(1, { t: "hb", frame: frame + 1 })), ["moving"]);
  assertEquals(bench.told, ["ready", "frozen", "moving"]);
});

Deno.test("hearts without a frame counter say nothing of the picture", () => {
  const bench = new Bench();
  bench.connect(1, hello({ caps: ["hb"] }), { t: "ready" });
  beating(bench, 30, () => undefined);
  assertEquals(bench.told, ["ready"]);
});

Deno.test("the rate is what the program says, else what its frames come to", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "hb", frame: 100 });
  assertEquals(bench.judge.figures.fps, null);
  bench.pass(SECOND);
  bench.say(1, { t: "hb", frame: 160 });
  assertEquals(bench.judge.figures.fps, 60);
  bench.pass(SECOND);
  bench.say(1, { t: "hb", frame: 190, fps: 59.9, late_ms: 3 });
  const { fps, frame, lateMs } = bench.judge.figures;
  assertEquals({ fps, frame, lateMs }, { fps: 59.9, frame: 190, lateMs: 3 });
});

Deno.test("a program that beats with every picture shows its rate, not the jitter of its timers", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" });
  const rates = new Set<number | null>();
  for (let frame = 0; frame < 600; frame++) {
    bench.say(1, { t: "hb", frame });
    rates.add(bench.judge.figures.fps);
    bench.pass(16_667 + (frame % 2 === 0 ? 9_000 : -9_000));
  }
  for (const rate of rates) assert(rate === null || Math.abs(rate - 60) < 2, `${rate} fps`);
});

Deno.test("a slow heart gets three beats before the warning and eight before the end", () => {
  const { hang } = SPEC_DEFAULTS;
  assertEquals(silenceLimits(hang, 1_000_000), { warnUs: 2_000_000, killUs: 6_000_000, stallUs: 2_000_000 });
  assertEquals(silenceLimits(hang, 5_000_000), {
    warnUs: 15_000_000,
    killUs: 40_000_000,
    stallUs: 5_000_000,
  });
  assertEquals(silenceLimits({ ...hang, warnUs: 100_000, killUs: 100_000 }, 500_000), {
    warnUs: 1_000_000,
    killUs: 1_500_000,
    stallUs: 2_000_000,
  });
});
