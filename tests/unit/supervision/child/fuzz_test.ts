// Every kind of line and datagram, mutated 200,000 times: the judge never throws, stays bounded, and still hears the
// program afterwards. Also the program's own side, against a shim that lost its mind.

import { assert, assertEquals } from "@std/assert";
import { ChildClientCore, type ChildEffect, ChildJudge } from "../../../../lib/supervision/child/mod.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";
import { hello, TOKEN } from "./support.ts";

const INPUTS = 200_000;
const encoder = new TextEncoder();

const LINES = [
  JSON.stringify(hello({ sdk: "py/0.1", run: 3 })),
  '{"t":"ready"}',
  '{"t":"hb","n":42,"frame":90210,"fps":59.9,"late_ms":3}',
  '{"t":"status","text":"loading 66 %","pct":66}',
  '{"t":"extend","ms":20000,"why":"shader compile"}',
  '{"t":"fault","code":"gpu-lost","fatal":true,"text":"the device is gone"}',
  '{"t":"bye","reason":"user closed window"}',
  '{"t":"pong","n":9}',
  '{"t":"future","deep":{"a":[1,2,{"b":null}]}}',
].map((line) => encoder.encode(line));

const DATAGRAMS = [
  "READY=1",
  "STATUS=loading\nREADY=1",
  "WATCHDOG=1",
  "WATCHDOG=trigger",
  "STOPPING=1",
  "RELOADING=1\nMONOTONIC_USEC=12",
  "EXTEND_TIMEOUT_USEC=20000000",
  "MAINPID=4711\nFDSTORE=1\nFDNAME=x",
].map((text) => encoder.encode(text));

const TO_CHILD = [
  '{"t":"welcome","v":1,"run":7,"hb_ms":1000,"last_exit":"SIGSEGV"}',
  '{"t":"stop","grace_ms":5000,"reason":"restart by cue desk"}',
  '{"t":"ping","n":9}',
  '{"t":"dump"}',
  '{"t":"reload","path":"/shows/spring"}',
].map((line) => encoder.encode(line));

/** What mutations like to put in: ends, quotes, brackets, escapes, halves of UTF-8. */
const SPICE = [
  0x00,
  0x0a,
  0x0d,
  0x22,
  0x5c,
  0x5b,
  0x7b,
  0x7d,
  0x2c,
  0x3a,
  0x2d,
  0x65,
  0x1b,
  0xc3,
  0xed,
  0xa0,
  0xff,
];

/** Numbers that repeat from their seed (xorshift32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }

  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }
}

function mutated(dice: Dice, from: Uint8Array): Uint8Array {
  const bytes = Array.from(from);
  for (let times = dice.below(4); times >= 0; times--) {
    const at = dice.below(bytes.length + 1);
    switch (dice.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = dice.below(256);
        break;
      case 1:
        bytes.splice(at, dice.below(8));
        break;
      case 2:
        bytes.splice(at, 0, dice.of(SPICE));
        break;
      case 3:
        bytes.splice(at, 0, ...bytes.slice(dice.below(bytes.length + 1)).slice(0, 64));
        break;
      case 4:
        bytes.splice(
          at,
          0,
          ...encoder.encode(dice.of(["1e999", "-0", "null", "[[[[[[", '"\\u0000"', "9".repeat(40)])),
        );
        break;
      default:
        bytes.splice(at);
    }
  }
  return Uint8Array.from(bytes.slice(0, 512));
}

Deno.test("200,000 mutated lines and datagrams: the judge never throws, and hears the program afterwards", () => {
  const dice = new Dice(0x5eed);
  const seen = new Set<string>();
  let nowUs = 1_000_000;
  let judge = fresh();
  let id = 0;
  let isOpen = false;
  let effectsInAll = 0;
  const counters = { broken: 0, unknown: 0, flooded: 0 };
  for (let i = 0; i < INPUTS; i++) {
    // A run lasts 500 inputs; time passes unevenly, standing still and jumping.
    if (i % 500 === 0) {
      counters.broken += judge.counters.broken;
      counters.unknown += judge.counters.unknown;
      counters.flooded += judge.counters.flooded;
      judge = fresh();
      isOpen = false;
    }
    nowUs += dice.of([0, 100, 3_000, 250_000, 1_000_000, 9_000_000]);
    const effects: ChildEffect[] = [];
    if (!isOpen) {
      effects.push(...judge.handleConnect(nowUs, ++id));
      if (dice.below(4) > 0) effects.push(...judge.handleBytes(nowUs, id, line(LINES[0] as Uint8Array)));
      isOpen = true;
    }
    const way = dice.below(10);
    if (way < 6) effects.push(...judge.handleBytes(nowUs, id, line(mutated(dice, dice.of(LINES)))));
    else if (way === 6) effects.push(...judge.handleBytes(nowUs, id, mutated(dice, dice.of(LINES))));
    else if (way === 7) effects.push(...judge.handleNotify(nowUs, mutated(dice, dice.of(DATAGRAMS))));
    else if (way === 8) effects.push(...judge.handleTick(nowUs));
    else effects.push(...judge.ping(nowUs));
    // Some runs end in silence that is watched.
    if (i % 500 === 499) {
      for (let look = 0; look < 30; look++) effects.push(...judge.handleTick(nowUs += 250_000));
    }
    for (const effect of effects) {
      seen.add(effect.do === "machine" ? effect.event : effect.do === "broken" ? effect.rule : effect.do);
      if (effect.do === "close" && effect.connection === id) isOpen = false;
      checkTexts(effect);
    }
    effectsInAll += effects.length;
    assert(effects.length <= 64, `one input had ${effects.length} effects`);
  }
  // The mutations reached what they were meant for.
  for (
    const wanted of [
      ...["hello", "send", "close", "extend", "fault", "status", "bye"],
      ...["ready", "silent", "dead", "heard", "suspended"],
      ...["json", "message", "field", "hello-first", "token", "hello-twice", "notify", "garbage"],
    ]
  ) assert(seen.has(wanted), `${wanted} never happened`);
  assert(counters.broken > 10_000 && counters.unknown > 1_000, JSON.stringify(counters));
  assert(effectsInAll < INPUTS * 4);

  judge = fresh();
  judge.handleConnect(nowUs, ++id);
  const effects = judge.handleBytes(nowUs, id, line(LINES[0] as Uint8Array));
  assertEquals(effects.map((effect) => effect.do), ["hello", "send"]);
});

Deno.test("50,000 mutated lines of a shim: a program never throws, and answers its pings afterwards", () => {
  const dice = new Dice(0xfeed);
  const client = new ChildClientCore({
    token: TOKEN,
    name: "viz",
    sdk: "test",
    caps: ["hb"],
    run: 1,
    heartbeatUs: 1_000_000,
  });
  const events = new Set<string>();
  for (let i = 0; i < 50_000; i++) {
    client.handleBytes(line(mutated(dice, dice.of(TO_CHILD))), ({ kind }) => events.add(kind), () => {});
  }
  assertEquals([...events].sort(), ["dump", "reload", "stop", "welcome"]);
  assert(client.unknown > 10_000);
  const answers: string[] = [];
  client.handleBytes(encoder.encode('\n{"t":"ping","n":7}\n'), () => {}, (answer) => answers.push(answer));
  assertEquals(answers, ['{"t":"pong","n":7}\n']);
});

function fresh(): ChildJudge {
  return new ChildJudge({
    token: TOKEN,
    run: 3,
    heartbeatUs: SPEC_DEFAULTS.heartbeatUs,
    hang: SPEC_DEFAULTS.hang,
    lastExit: null,
    name: "viz",
  });
}

function line(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 1);
  whole.set(bytes);
  whole[bytes.length] = 0x0a;
  return whole;
}

// deno-lint-ignore no-control-regex
const STEERING = /[\u0000-\u001f\u007f-\u009f]/;

/** Nothing that leaves the judge may steer a terminal or grow. */
function checkTexts(effect: ChildEffect): void {
  const texts = effect.do === "status"
    ? [effect.text]
    : effect.do === "fault"
    ? [effect.code, effect.text ?? ""]
    : effect.do === "bye"
    ? [effect.reason ?? ""]
    : effect.do === "extend"
    ? [effect.why ?? ""]
    : effect.do === "hello"
    ? [effect.hello.name, effect.hello.sdk ?? "", ...effect.hello.caps]
    : effect.do === "broken"
    ? [effect.detail]
    : [];
  for (const text of texts) {
    assert(text.length <= 1_024 && !STEERING.test(text), `${effect.do} says ${JSON.stringify(text)}`);
  }
}
