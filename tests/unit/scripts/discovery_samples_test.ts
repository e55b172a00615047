// The measures of discovery that benchmarks read out of a run's facts: which moment ends each of them.

import { assertEquals } from "@std/assert";
import type { NodeId } from "../../../lib/base/mod.ts";
import type { Fact } from "../../../lib/simulate/mod.ts";
import { Collector, NEWCOMER } from "../../../scripts/benchmarks/discovery_samples.ts";

const id = "00".repeat(16) as NodeId;
const MS = 1_000;

function started(node: string, atMs: number, incarnation: number): Fact {
  return { kind: "node-started", atUs: atMs * MS, node, id, incarnation };
}

function ready(node: string, atMs: number): Fact {
  return { kind: "node-ready", atUs: atMs * MS, node };
}

function stopped(node: string, atMs: number, how: "crash" | "leave"): Fact {
  return { kind: "node-stopped", atUs: atMs * MS, node, how };
}

function view(
  observer: string,
  subject: string,
  state: "alive" | "dead" | "left" | "partitioned",
  atMs: number,
  incarnation = 1,
): Fact {
  return {
    kind: "view",
    atUs: atMs * MS,
    observer,
    subject,
    id,
    op: "update",
    state,
    before: null,
    incarnation,
    listedName: subject,
  };
}

function cut(phase: "begin" | "end", atMs: number): Fact {
  return { kind: "fault", atUs: atMs * MS, action: "0", phase, verb: "partition", chosen: [], text: "" };
}

function collect(facts: readonly Fact[], sides: readonly (readonly string[])[] = []): Collector["samples"] {
  const collector = new Collector(3, sides);
  for (const fact of facts) collector.onFact(fact);
  return collector.samples;
}

const THREE = [started("a", 0, 1), started("b", 0, 1)];

Deno.test("a newcomer's meeting counts from its being ready until the last of all others", () => {
  const samples = collect([
    ...THREE,
    started(NEWCOMER, 100, 7),
    ready(NEWCOMER, 110),
    view(NEWCOMER, "a", "alive", 115),
    view("a", NEWCOMER, "alive", 120, 7),
    view(NEWCOMER, "b", "alive", 130),
    view("b", NEWCOMER, "alive", 150, 7),
    view("b", NEWCOMER, "alive", 170, 7),
  ]);
  assertEquals([samples.knowsAll, samples.knownByAll], [[20], [40]]);
});

Deno.test("a crash counts for each observer and for the last one, a former life not at all", () => {
  const samples = collect([
    ...THREE,
    started(NEWCOMER, 100, 7),
    stopped(NEWCOMER, 1_000, "crash"),
    view("b", NEWCOMER, "dead", 3_000, 6),
    view("a", NEWCOMER, "dead", 5_000, 7),
    view("b", NEWCOMER, "dead", 6_500, 7),
  ]);
  assertEquals([samples.deathEach, samples.death, samples.falseDeaths], [[4_000, 5_500], [5_500], []]);
});

Deno.test("a goodbye counts until the last one knows of it", () => {
  const samples = collect([
    ...THREE,
    started(NEWCOMER, 100, 7),
    stopped(NEWCOMER, 1_000, "leave"),
    view("a", NEWCOMER, "left", 1_004, 7),
    view("b", NEWCOMER, "left", 1_009, 7),
  ]);
  assertEquals(samples.goodbye, [9]);
});

Deno.test("a node that runs and is listed as dead is a false death, except in a cut and shortly after it", () => {
  const samples = collect([
    ...THREE,
    view("a", "b", "dead", 500),
    view("a", "b", "alive", 600),
    cut("begin", 1_000),
    view("a", "b", "dead", 6_000),
    cut("end", 10_000),
    view("b", "a", "dead", 11_000),
    view("b", "a", "dead", 30_000),
  ], [["a"], ["b"]]);
  assertEquals(samples.falseDeaths, [500, 30_000]);
});

Deno.test("a cut is seen when nobody lists anybody beyond it, and healed when everybody does", () => {
  const samples = collect([
    ...THREE,
    view("a", "b", "alive", 100),
    view("b", "a", "alive", 100),
    cut("begin", 1_000),
    view("a", "b", "partitioned", 5_000),
    view("b", "a", "dead", 5_700),
    cut("end", 10_000),
    view("a", "b", "alive", 10_200),
    view("b", "a", "alive", 10_900),
  ], [["a"], ["b"]]);
  assertEquals([samples.cutSeen, samples.healed], [[4_700], [900]]);
});
