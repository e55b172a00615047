// The catalogue is complete, and says of each entry what it stands for.

import { assert, assertEquals } from "@std/assert";
import {
  catalogue,
  CLAIMS,
  normaliseScenario,
  OBSERVERS,
  PLANTED_BUGS,
  VERBS,
} from "../../../../lib/simulate/mod.ts";

const entries = catalogue();
const scenarios = entries.flatMap(({ raw }) => normaliseScenario(raw));

Deno.test("names are unique, and each entry has a summary and a suite", () => {
  assertEquals(new Set(entries.map(({ name }) => name)).size, entries.length);
  for (const { name, summary, suites, raw } of entries) {
    assertEquals([raw.name, raw.summary], [name, summary]);
    assert(summary.length > 30 && /[.]$/.test(summary), name);
    assert(suites.length > 0, name);
    // A larger suite holds the smaller ones.
    assert(!suites.includes("smoke") || suites.includes("pr"), name);
    assert(!suites.includes("pr") || suites.includes("nightly"), name);
  }
});

Deno.test("the eight scenarios of the original design are there, and say what waits", () => {
  const names = entries.map(({ name }) => name).filter((name) => /^seed-\d/.test(name));
  assertEquals(names, [
    "seed-1-local",
    "seed-2-remote",
    "seed-3-two-apps",
    "seed-4-many",
    "seed-5-topology",
    "seed-6-input-routing",
    "seed-7-high-load",
    "seed-8-cross-platform",
  ]);
  const waiting = entries.filter(({ name, summary }) => names.includes(name) && /wait/.test(summary));
  assert(waiting.length >= 6);
});

Deno.test("the smoke suite has a calm run, a partition, a crash, a storm and the canary", () => {
  const names = entries.filter(({ suites }) => suites.includes("smoke")).map(({ name }) => name);
  for (const name of ["calm-lan", "link-partition", "crash-restart", "join-storm-20", "canary"]) {
    assert(names.includes(name), name);
  }
});

Deno.test("only the canary carries a planted bug, and one that exists", () => {
  const planted = scenarios.filter(({ tags }) => tags.some((tag) => tag.startsWith("planted-bug:")));
  assertEquals(planted.map(({ name }) => name), ["canary"]);
  const bug = planted[0]?.tags.find((tag) => tag.startsWith("planted-bug:"))?.slice("planted-bug:".length);
  assert(PLANTED_BUGS.includes(bug ?? ""), bug);
});

Deno.test("every scenario expects only what somebody knows", () => {
  const invariants = OBSERVERS.map(({ id }) => id);
  const metrics = OBSERVERS.flatMap(({ metrics = [] }) => metrics);
  for (const { name, expect } of scenarios) {
    for (const id of expect.invariants) assert(id === "default" || invariants.includes(id), `${name}: ${id}`);
    for (const { metric } of expect.metrics) {
      assert(
        metrics.some((known) => metric === known || metric.startsWith(`${known}.`)),
        `${name}: ${metric}`,
      );
    }
    for (const { claim } of expect.sometimes) assert(Object.hasOwn(CLAIMS, claim), `${name}: ${claim}`);
  }
});

Deno.test("a scenario in which something happens says how it would show", () => {
  for (const { name, timeline, expect, tags } of scenarios) {
    const happens = timeline.some(({ action }) => action.verb !== "mark");
    if (!happens || tags.some((tag) => tag.startsWith("planted-bug:"))) continue;
    assert(expect.sometimes.length > 0 || expect.metrics.length > 0, name);
  }
});

Deno.test("every verb is played somewhere", () => {
  const played = new Set(
    entries.flatMap(({ raw }) =>
      ((raw.timeline ?? []) as Record<string, unknown>[]).flatMap((entry) => Object.keys(entry))
    ),
  );
  const missing = VERBS.map(({ verb }) => verb).filter((verb) => !played.has(verb));
  // `heal` is what `for` says better.
  assertEquals(missing, ["heal"]);
});
