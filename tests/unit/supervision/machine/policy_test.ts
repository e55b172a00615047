// Delays, exit classes, and which ends count.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  countsAsFailure,
  delayUs,
  exitClassOf,
  isHopeless,
  isOver,
  nominalDelayUs,
} from "../../../../lib/supervision/machine/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/random.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";

Deno.test("delays are 0, 0.25, 0.5, 1, 2, 4, 8 s and then the cap, however long it goes on", () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 1e9].map((n) => nominalDelayUs(n, 15_000_000) / 1e6);
  assertEquals(seconds, [0, 0.25, 0.5, 1, 2, 4, 8, 15, 15, 15, 15]);
});

Deno.test("jitter stays within a fifth and reaches both sides", () => {
  const random = new PhiloxStream(3, "jitter");
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < 2_000; i++) {
    const us = delayUs(5, 15_000_000, random);
    assert(Number.isSafeInteger(us));
    least = Math.min(least, us / 2e6);
    most = Math.max(most, us / 2e6);
  }
  assert(least >= 0.8 && least < 0.82, `least ${least}`);
  assert(most <= 1.2 && most > 1.18, `most ${most}`);
  assertEquals(delayUs(1, 15_000_000, random), 0);
});

Deno.test("codes and signals mean what shells and supervisors mean by them", () => {
  const cases: readonly [number, string | null, string][] = [
    [0, null, "success"],
    [1, null, "failure"],
    [64, null, "fatal"],
    [78, null, "fatal"],
    [126, null, "fatal"],
    [127, null, "fatal"],
    [75, null, "temporary"],
    [125, null, "stay-down"],
    [128, null, "failure"],
    [139, null, "crash"],
    [139, "SIGSEGV", "crash"],
    [137, "SIGKILL", "crash"],
    [143, null, "failure"],
    [143, "SIGTERM", "failure"],
    [130, "SIGINT", "failure"],
    [255, null, "failure"],
    [3221225477, null, "failure"],
  ];
  for (const [code, signal, expected] of cases) {
    assertEquals(exitClassOf({ code, signal, done: null }, SPEC_DEFAULTS), expected, `${code} ${signal}`);
  }
});

Deno.test("a program's own codes come before the usual ones, and what was done to it before all", () => {
  const spec = { successCodes: [0, 64, 75], fatalCodes: [3, 125] };
  assertEquals(exitClassOf({ code: 64, signal: null, done: null }, spec), "success");
  assertEquals(exitClassOf({ code: 75, signal: null, done: null }, spec), "success");
  assertEquals(exitClassOf({ code: 3, signal: null, done: null }, spec), "fatal");
  assertEquals(exitClassOf({ code: 125, signal: null, done: null }, spec), "fatal");
  assertEquals(exitClassOf({ code: 0, signal: null, done: "hang" }, spec), "hang");
});

Deno.test("no class is both hopeless and uncounted, and `never` starts nothing twice", () => {
  const classes = [
    "success",
    "failure",
    "crash",
    "fatal",
    "temporary",
    "stay-down",
    "config",
    "resources",
    "start-timeout",
    "hang",
    "stall",
    "oom",
    "stopped",
    "shim-lost",
  ] as const;
  for (const ended of classes) {
    if (isHopeless(ended)) assert(countsAsFailure(ended), ended);
    if (ended !== "config") assert(isOver(ended, "up", { restart: "never" }), ended);
    if (ended !== "stay-down") assert(!isOver(ended, "up", { restart: "always" }), ended);
  }
});

Deno.test("every code and signal has a class", () => {
  fc.assert(fc.property(fc.integer(), fc.option(fc.string()), (code, signal) => {
    assert(typeof exitClassOf({ code, signal, done: null }, SPEC_DEFAULTS) === "string");
  }));
});
