// Who speaks for a run, what is answered, and which rules cost what.

import { assert, assertEquals } from "@std/assert";
import { Bench, closed, hello, machineEvents, rules, SECOND, sent, TOKEN } from "./support.ts";

Deno.test("a hello with the right token is welcomed with the run, the interval and the last exit", () => {
  const bench = new Bench();
  const effects = bench.connect(1, hello({ sdk: "py/0.1" }));
  assertEquals(effects[0], {
    do: "hello",
    hello: { name: "viz", sdk: "py/0.1", caps: ["hb", "stop", "frame"] },
  });
  assertEquals(sent(effects), [{ t: "welcome", v: 1, run: 3, hb_ms: 1_000, last_exit: "SIGSEGV" }]);
  assertEquals(bench.judge.speaks, true);
});

Deno.test("a wrong token closes the connection, and the right one is still welcome", () => {
  const bench = new Bench();
  for (const token of ["", TOKEN.slice(1), `${TOKEN}0`, TOKEN.replace("0", "1")]) {
    const effects = bench.connect(1, hello({ token }));
    assertEquals({ rules: rules(effects), closed: closed(effects) }, { rules: ["token"], closed: [1] });
  }
  assertEquals(bench.judge.hello, null);
  assertEquals(sent(bench.connect(2, hello())).length, 1);
});

Deno.test("the first hello of a run wins, the second is refused, and a program may connect again", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  const second = bench.connect(2, hello({ name: "thief" }));
  assertEquals({ rules: rules(second), closed: closed(second) }, { rules: ["hello-twice"], closed: [2] });
  assertEquals(bench.judge.hello?.name, "viz");
  assertEquals(rules(bench.say(1, hello())), ["hello-twice"]);
  bench.judge.handleClosed(bench.nowUs, 1);
  assertEquals(sent(bench.connect(3, hello({ name: "back" }))).length, 1);
  assertEquals(bench.judge.hello?.name, "back");
});

Deno.test("a hello of another run is refused", () => {
  const bench = new Bench();
  assertEquals(rules(bench.connect(1, hello({ run: 2 }))), ["run"]);
  assertEquals(sent(bench.connect(2, hello({ run: 3 }))).length, 1);
});

Deno.test("nobody is heard before the hello", () => {
  const bench = new Bench();
  const effects = bench.connect(1, { t: "ready" });
  assertEquals({ rules: rules(effects), closed: closed(effects) }, { rules: ["hello-first"], closed: [1] });
  assertEquals(bench.told, []);
  assertEquals(bench.say(1, hello()), []);
});

Deno.test("a connection without a hello is closed after five observed seconds", () => {
  const bench = new Bench();
  bench.connect(1);
  assertEquals(closed(bench.pass(4.9 * SECOND)), []);
  const late = bench.pass(0.5 * SECOND);
  assertEquals({ rules: rules(late), closed: closed(late) }, { rules: ["hello-late"], closed: [1] });
  assertEquals(bench.judge.deadline(), null);
});

Deno.test("a ninth connection is refused", () => {
  const bench = new Bench();
  for (let id = 1; id <= 8; id++) assertEquals(bench.connect(id), []);
  const ninth = bench.connect(9);
  assertEquals({ rules: rules(ninth), closed: closed(ninth) }, { rules: ["connections"], closed: [9] });
  bench.judge.handleClosed(bench.nowUs, 4);
  assertEquals(bench.connect(10), []);
});

Deno.test("ready is told once a run", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "ready" });
  bench.notify("READY=1");
  assertEquals(bench.told, ["ready"]);
});

Deno.test("an unknown message is ignored and counted", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  assertEquals(bench.say(1, { t: "colour", value: "red" }, { t: "hello2" }), []);
  assertEquals(bench.judge.counters.unknown, 2);
});

Deno.test("broken lines name their rule, and too many within a second close the connection", () => {
  const broken: [unknown, string][] = [
    ["not json", "json"],
    ["[1]", "message"],
    ["7", "message"],
    ["null", "message"],
    ["{}", "message"],
    ['{"t":7}', "message"],
    ['{"t":"hb","frame":"one"}', "field"],
    ['{"t":"hb","frame":-1}', "field"],
    ['{"t":"hb","frame":1e400}', "field"],
    ['{"t":"status","pct":101,"text":""}', "field"],
    ['{"t":"status"}', "field"],
    ['{"t":"extend","ms":null}', "field"],
    ['{"t":"fault","fatal":"yes"}', "field"],
    ['{"t":"pong"}', "field"],
    [`{"t":"hb","deep":${"[".repeat(6)}${"]".repeat(6)}}`, "depth"],
    [`{"t":"hb","many":[${"1,".repeat(300)}1]}`, "line-size"],
    [`{"t":"status","text":"${"x".repeat(70_000)}"}`, "line-size"],
  ];
  for (const [line, rule] of broken) {
    const bench = new Bench();
    bench.connect(1, hello());
    const effects = bench.say(1, line);
    assertEquals({ line: String(line).slice(0, 40), rules: rules(effects), closed: closed(effects) }, {
      line: String(line).slice(0, 40),
      rules: [rule],
      closed: [],
    });
  }
  const bench = new Bench();
  bench.connect(1, hello());
  bench.say(1, ...Array.from({ length: 10 }, () => "garbage"));
  assertEquals(closed(bench.effects), []);
  bench.pass(1.1 * SECOND);
  bench.say(1, ...Array.from({ length: 11 }, () => "garbage"));
  assertEquals(closed(bench.effects), [1]);
});

Deno.test("a flood of garbage costs ten tales a second and one connection", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  const garbage = new Uint8Array(1 << 20).fill(0x41);
  for (let i = 0; i < garbage.length; i += 7) garbage[i] = 0x0a;
  bench.note(bench.judge.handleBytes(bench.nowUs, 1, garbage));
  assertEquals(closed(bench.effects), [1]);
  assert(rules(bench.effects).length <= 10, `${rules(bench.effects).length} rules were told`);
  assert(bench.judge.counters.lines < 20, `${bench.judge.counters.lines} lines were read`);
});

Deno.test("a flood of good lines is read up to a thousand a second, told once, and costs nothing else", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  const beats = new TextEncoder().encode('{"t":"status","text":"x"}\n'.repeat(5_000));
  bench.note(bench.judge.handleBytes(bench.nowUs, 1, beats));
  assertEquals(rules(bench.effects), ["flood"]);
  assertEquals(closed(bench.effects), []);
  assertEquals(bench.effects.filter((effect) => effect.do === "status").length, 10);
  assertEquals(bench.judge.figures.status, "x");
  assert(bench.judge.counters.flooded >= 4_000);
});

Deno.test("a flood of status texts hides no fault, and a goodbye is told once", () => {
  const bench = new Bench();
  bench.connect(1, hello(), ...Array.from({ length: 100 }, () => ({ t: "status", text: "busy" })));
  bench.say(1, { t: "fault", code: "gpu-lost", fatal: true }, { t: "bye" }, { t: "bye" }, { t: "bye" });
  assertEquals(bench.effects.slice(-2).map((effect) => effect.do), ["fault", "bye"]);
  assertEquals(bench.judge.counters.untold, 90);
});

Deno.test("a line cut anywhere is one line, and CR before the end is dropped", () => {
  const bench = new Bench();
  bench.connect(1);
  const bytes = new TextEncoder().encode(`${JSON.stringify(hello())}\r\n{"t":"ready"}\r\n`);
  for (const byte of bytes) bench.note(bench.judge.handleBytes(bench.nowUs, 1, Uint8Array.of(byte)));
  assertEquals(sent(bench.effects).length, 1);
  assertEquals(bench.told, ["ready"]);
});

Deno.test("an overlong line is swallowed whole, and the next one is heard", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  const piece = new Uint8Array(10_000).fill(0x20);
  for (let i = 0; i < 100; i++) bench.note(bench.judge.handleBytes(bench.nowUs, 1, piece));
  bench.say(1, "");
  assertEquals(rules(bench.effects), ["line-size"]);
  bench.say(1, { t: "ready" });
  assertEquals(bench.told, ["ready"]);
});

Deno.test("texts come clean and bounded, since they reach terminals", () => {
  const bench = new Bench();
  bench.connect(1, hello({ name: "a\u001b[31mred\u0007\u202e" }));
  assertEquals(bench.judge.hello?.name, "a [31mred");
  bench.say(1, { t: "status", text: `line\none ${"x".repeat(1_000)}`, pct: 66 });
  const { status, pct } = bench.judge.figures;
  assertEquals([status?.length, pct], [256, 66]);
  assert(status?.startsWith("line one xxx") && status.endsWith("…"));
  bench.say(1, { t: "fault", code: "gpu-lost\r\n", fatal: true, text: "gone \ud800" });
  assertEquals(bench.effects.at(-1), { do: "fault", code: "gpu-lost", fatal: true, text: "gone \ufffd" });
});

Deno.test("an extension is two minutes at most", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "extend", ms: 20_000, why: "shader compile" }, { t: "extend", ms: 1e12 });
  const extended = bench.effects.filter((effect) => effect.do === "extend");
  assertEquals(extended.map((effect) => [effect.us, effect.why]), [[20_000_000, "shader compile"], [
    120_000_000,
    null,
  ]]);
});

Deno.test("a stop is sent once there is somebody to hear it", () => {
  const bench = new Bench();
  assertEquals(bench.judge.stop(bench.nowUs, 5 * SECOND, "restart by cue desk"), []);
  const effects = bench.connect(1, hello());
  assertEquals(sent(effects).map(({ t }) => t), ["welcome", "stop"]);
  assertEquals(sent(effects)[1], { t: "stop", grace_ms: 5_000, reason: "restart by cue desk" });
});

Deno.test("a ping is answered and timed; a pong of another ping is not", () => {
  const bench = new Bench();
  bench.connect(1, hello());
  assertEquals(sent(bench.judge.ping(bench.nowUs)), [{ t: "ping", n: 1 }]);
  bench.nowUs += 1_500;
  bench.say(1, { t: "pong", n: 9 });
  assertEquals(bench.judge.pingUs, null);
  bench.say(1, { t: "pong", n: 1 });
  assertEquals(bench.judge.pingUs, 1_500);
});

Deno.test("a goodbye is told, and one that follows a stop as well", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" }, { t: "bye", reason: "user closed window" });
  assertEquals(bench.effects.at(-1), { do: "bye", reason: "user closed window" });
  assertEquals(bench.judge.isJudged, false);
  const asked = new Bench();
  asked.connect(1, hello(), { t: "ready" });
  asked.judge.stop(asked.nowUs, SECOND, "");
  asked.say(1, { t: "bye", reason: "asked" });
  assertEquals(asked.effects.at(-1), { do: "bye", reason: "asked" });
});

Deno.test("the end of a run closes what is open", () => {
  const bench = new Bench();
  bench.connect(1, hello(), { t: "ready" });
  bench.connect(2);
  assertEquals(closed(bench.judge.end()), [1, 2]);
  assertEquals(bench.judge.deadline(), null);
  assertEquals(bench.say(1, { t: "hb" }), []);
});

Deno.test("sd_notify says ready, status, life, more time, its end, and asks to be ended", () => {
  const bench = new Bench();
  assertEquals(machineEvents(bench.notify("READY=1\nSTATUS=loading \u001b[1m66 %\nMAINPID=4711")), ["ready"]);
  assertEquals(bench.judge.figures.status, "loading [1m66 %");
  assertEquals(bench.judge.counters.unknown, 1);
  assertEquals(bench.judge.isJudged, false);
  bench.notify("WATCHDOG=1");
  assertEquals(bench.judge.isJudged, true);
  assertEquals(bench.notify("EXTEND_TIMEOUT_USEC=20000000"), [{ do: "extend", us: 20_000_000, why: null }]);
  const trigger = bench.notify("WATCHDOG=trigger");
  assertEquals(trigger.map((effect) => effect.do === "fault" && effect.fatal), [true]);
  assertEquals(bench.notify("STOPPING=1"), [{ do: "bye", reason: null }]);
  assertEquals(bench.judge.isJudged, false);
});

Deno.test("who says hello or asks for more time will say ready; who only pings may never", () => {
  const bench = new Bench();
  bench.notify("STATUS=working\nMAINPID=7");
  bench.notify("WATCHDOG=1");
  assertEquals(bench.judge.speaks, false);
  bench.notify("EXTEND_TIMEOUT_USEC=5000000");
  assertEquals(bench.judge.speaks, true);
});

Deno.test("a datagram that is too long or says nothing breaks a rule and nothing else", () => {
  const bench = new Bench();
  assertEquals(rules(bench.notify(`STATUS=${"x".repeat(5_000)}`)), ["notify-size"]);
  assertEquals(rules(bench.notify("hello")), ["notify"]);
  assertEquals(rules(bench.notify("")), ["notify"]);
  assertEquals(bench.notify("FDSTORE=1\nWATCHDOG=2\nREADY=0"), []);
  assertEquals(bench.judge.counters.unknown, 3);
});
