// Seeds, the memory of failing ones, identities, files, annotations, comparison of two runs, timelines.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { Fact } from "../../../../lib/simulate/mod.ts";
import { compareTwice } from "../../../../cli/simulate/determinism.ts";
import { annotations } from "../../../../cli/simulate/github.ts";
import { parseIdentity } from "../../../../cli/simulate/identity.ts";
import type { Job } from "../../../../cli/simulate/job.ts";
import { linesOf } from "../../../../cli/simulate/lines.ts";
import { OutputFile } from "../../../../cli/simulate/outputs.ts";
import { lineOf, readScenarioFile } from "../../../../cli/simulate/scenario_file.ts";
import { SeedMemory } from "../../../../cli/simulate/seed_memory.ts";
import { fixedSeeds, parseSeeds, without } from "../../../../cli/simulate/seeds.ts";
import { parseParams, reproOf } from "../../../../cli/simulate/targets.ts";
import { TimelineKeeper } from "../../../../cli/simulate/timeline_keeper.ts";
import { factsOf, HOSTILE, reportOf, resultOf, runOf, scenarioFor, violationOf } from "../reports/fixture.ts";
import { playedOf, targetOf } from "./support.ts";

async function inFolder(run: (folder: string) => unknown): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hana-simulate-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("seeds are single ones or ranges, and nothing else", () => {
  assertEquals(parseSeeds("7", undefined), { first: 7, count: 1 });
  assertEquals(parseSeeds(undefined, "3..12"), { first: 3, count: 10 });
  assertEquals(parseSeeds(undefined, undefined), null);
  for (const seed of ["-1", "1.5", "x", "9007199254740992", ""]) {
    assertThrows(() => parseSeeds(seed, undefined), HanaError);
  }
  for (const seeds of ["5..2", "1", "1..", "..3", "1..9007199254740992", "0..1000000"]) {
    assertThrows(() => parseSeeds(undefined, seeds), HanaError, "--seeds");
  }
  assertThrows(() => parseSeeds("1", "1..2"), HanaError, "together");
});

Deno.test("seeds without a choice follow from the scenario, and remembered ones go first, once", () => {
  const seeds = [...fixedSeeds("0000000a00000000", 3)];
  assertEquals(seeds, [10, 11, 12]);
  assertEquals([...fixedSeeds("ffffffff00000000", 2)], [4294967295, 0]);
  assertEquals([...without([11, 99], seeds)], [11, 99, 10, 12]);
});

Deno.test("failing seeds are kept, fast ones first, twenty of them; one that passes is forgotten", () =>
  inFolder((folder) => {
    const memory = new SeedMemory(`${folder}/state`);
    for (let seed = 0; seed < 30; seed++) {
      memory.note("a", seed, { hash: "h", violation: "v", wallMs: 100 - seed });
    }
    memory.note("b", 1, { hash: "h", violation: "v", wallMs: 5 });
    assertEquals(memory.save(), null);
    const again = new SeedMemory(`${folder}/state`);
    assertEquals(again.seedsOf("a"), Array.from({ length: 20 }, (_, i) => 29 - i));
    again.note("a", 29, null);
    again.note("b", 1, null);
    again.note("b", 2, null);
    assertEquals(again.save(), null);
    const third = new SeedMemory(`${folder}/state`);
    assertEquals([third.seedsOf("a")[0], third.seedsOf("b")], [28, []]);
  }));

Deno.test("a memory that is broken or cannot be written costs nothing but itself", () =>
  inFolder((folder) => {
    for (
      const text of [
        "",
        "{",
        "[]",
        '{"schema":"hana.simulate-seeds/1","scenarios":{"a":[{"seed":-1},7,null]}}',
      ]
    ) {
      Deno.writeTextFileSync(`${folder}/simulate-seeds.json`, text);
      assertEquals(new SeedMemory(folder).seedsOf("a"), []);
    }
    Deno.writeTextFileSync(`${folder}/file`, "");
    const memory = new SeedMemory(`${folder}/file`);
    memory.note("a", 1, { hash: "h", violation: "v", wallMs: 1 });
    assert(memory.save() !== null);
  }));

Deno.test("an identity is read back as it was written", () => {
  const read = parseIdentity("latency[median=1ms]@0123456789abcdef:17:0.1.0+abc-dirty");
  assertEquals(read, {
    name: "latency[median=1ms]",
    hash: "0123456789abcdef",
    seed: 17,
    software: "0.1.0+abc-dirty",
  });
  for (
    const text of [
      "a",
      "a@b:1:c",
      "a@0123456789abcdef:x:c",
      "a@0123456789abcdef:9007199254740993:c",
      "result.json",
    ]
  ) {
    assertEquals(parseIdentity(text), null);
  }
});

Deno.test("the command that plays a run again is one that a shell takes", () => {
  const target = targetOf("a b", { file: "my show.yaml", params: ["count=12", "name=x y"] });
  assertMatch(
    reproOf(target, 5, "1.0"),
    /^hana simulate replay 'a b@[0-9a-f]{16}:5:1\.0' --scenario 'my show\.yaml' --param count=12 --param 'name=x y'$/,
  );
});

Deno.test("parameters are numbers, yes or no, and texts", () => {
  const params = parseParams([
    "count=12",
    "share=-0.5",
    "on=true",
    "off=false",
    "delay=20ms",
    "empty=",
    "eq=a=b",
  ]);
  assertEquals(params, { count: 12, share: -0.5, on: true, off: false, delay: "20ms", empty: "", eq: "a=b" });
  for (const text of ["count", "=1", "1a=2"]) assertThrows(() => parseParams([text]), HanaError, "--param");
});

const YAML = `# a show
name: mine
nodes:
  viz: { count: 3 }
  app:
    count: 1
timeline:
  - { at: 5s, crash: viz-1 }
  # in between
  - at: 8s
    restart: viz-1
  - { at: 10s, isolat: viz-2 }
`;

Deno.test("the line of a mistake is found from its path", () => {
  const lines: [string, number | null][] = [["name", 2], ["nodes.viz", 4], ["nodes.app.count", 6], [
    "timeline",
    7,
  ]];
  lines.push(["timeline[0]", 8], ["timeline[1].restart", 11], ["timeline[2].isolat", 12], ["nobody", null], [
    "",
    null,
  ]);
  for (const [path, line] of lines) assertEquals(lineOf(YAML, path), line, path);
  const json = JSON.stringify({ name: "x", timeline: [{ at: "1s" }, { at: "2s", isolat: "a" }] }, null, 1);
  assertEquals(lineOf(json, "timeline[1].isolat"), 9);
});

Deno.test("files that are none, too large, or broken say so with file and line", () =>
  inFolder(async (folder) => {
    const refused = async (path: string, text: string): Promise<void> => {
      const error = await assertRejects(() => readScenarioFile(path), HanaError);
      assertStringIncludes(`${error.what}\n${error.why}`, text);
    };
    await refused(`${folder}/none.yaml`, "there is no such file");
    await refused(`${folder}/`, "is no file");
    Deno.writeTextFileSync(`${folder}/bad.yaml`, "name: x\nnodes: [1,\nother: }");
    await refused(`${folder}/bad.yaml`, "bad.yaml:3:");
    Deno.writeTextFileSync(`${folder}/large.yaml`, "#".repeat((4 << 20) + 1));
    await refused(`${folder}/large.yaml`, "at most 4194304");
    Deno.writeTextFileSync(`${folder}/good.json`, '{"name": "x"}');
    assertEquals((await readScenarioFile(`${folder}/good.json`)).raw, { name: "x" });
  }));

Deno.test("a scenario may be a program, where there is a compiler", () =>
  inFolder(async (folder) => {
    Deno.writeTextFileSync(
      `${folder}/show.ts`,
      `const nodes: Record<string, { count: number }> = { viz: { count: 2 + 1 } };\nexport const scenario = { name: "made", nodes };\n`,
    );
    assertEquals((await readScenarioFile(`${folder}/show.ts`)).raw, {
      name: "made",
      nodes: { viz: { count: 3 } },
    });
    Deno.writeTextFileSync(`${folder}/none.ts`, "export const other = 1;\n");
    const error = await assertRejects(() => readScenarioFile(`${folder}/none.ts`), HanaError);
    assertStringIncludes(error.why ?? "", "it exports no scenario");
  }));

Deno.test("a report that cannot be written is found before, and a whole one takes the place of an older one", () =>
  inFolder((folder) => {
    for (const path of [`${folder}/none/x.xml`, folder]) {
      assertThrows(() => new OutputFile("--junit", path), HanaError, "cannot be written");
    }
    const file = new OutputFile("--junit", `${folder}/x.xml`);
    assertEquals([...Deno.readDirSync(folder)].length, 0);
    file.write("first");
    file.write("second");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["x.xml"]);
    assertEquals(Deno.readTextFileSync(`${folder}/x.xml`), "second");
    new OutputFile("--md", "/dev/null").write("text");
  }));

Deno.test("lines come whole out of pieces that are cut anywhere", async () => {
  const bytes = new TextEncoder().encode("one\ntwo ü €\n\nlast");
  for (let size = 1; size < bytes.length; size++) {
    const pieces = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => bytes.slice(i * size, (i + 1) * size),
    );
    const lines = await Array.fromAsync(linesOf(ReadableStream.from(pieces)));
    assertEquals(lines, ["one", "two ü €", "", "last"]);
  }
});

Deno.test("annotations are one line each, ten at most, and name the rule", () => {
  const scenario = scenarioFor();
  const violation = violationOf({ text: `${HOSTILE} 100%` });
  const bad = runOf(
    resultOf(scenario, { verdict: "fail", violations: [violation] }),
    factsOf(violation).slice(0, 3),
  );
  const silent = runOf(resultOf(scenario, { verdict: "inconclusive", reason: "nothing happened" }));
  const lines = annotations([
    reportOf(scenario, [bad, silent, runOf(resultOf(scenario)), ...Array(20).fill(bad)]),
  ]);
  assertEquals(lines.length, 10);
  assertMatch(lines[0] ?? "", /^::error title=fixture%3A no_false_death::.*100%25%0Ahana simulate replay/);
  assertMatch(lines[1] ?? "", /^::warning title=fixture%3A inconclusive::nothing happened%0A/);
  for (const line of lines) assert(!/[\r\n]/.test(line));
});

const JOB: Job = {
  scenario: scenarioFor(),
  seed: 3,
  software: "1.0",
  keeping: { frames: false, timeline: false, digests: false },
  stopAtFirst: false,
};

Deno.test("two runs that are the same are found the same", async () => {
  const seen: Job[] = [];
  const { report } = await compareTwice(JOB, new AbortController().signal, (job) => {
    seen.push(job);
    return Promise.resolve({ ...playedOf(job), digests: ["1", "2"] });
  });
  assertEquals(report, null);
  assertEquals(seen.map(({ keeping }) => keeping.digests), [true, true]);
});

Deno.test("two runs that part are told with the second and the first event that differs, in both versions", async () => {
  let run = 0;
  const { report } = await compareTwice(JOB, new AbortController().signal, (job) => {
    const me = run++ % 2;
    const { traceFile, eventsOfSecond } = job.keeping;
    if (traceFile !== undefined) {
      assertEquals(eventsOfSecond, 2);
      const event = (atUs: number) => ({ event: { atUs, kind: "datagram", from: "a", to: "b", bytes: 90 } });
      const lines = [event(2_000_001), event(2_100_000 + me * 7), event(2_900_000)];
      Deno.writeTextFileSync(traceFile, lines.map((line) => JSON.stringify(line) + "\n").join(""));
    }
    const digest = me === 0 ? "aa" : "bb";
    return Promise.resolve({ ...playedOf(job, { digest }), digests: ["0", "1", digest] });
  });
  assertEquals(report?.lines, [
    `not deterministic: ${report?.identity}`,
    "  both runs are the same up to 2.000s, and differ within the second after it",
    "  after      2000001us datagram a -> b, 90 B",
    "  one run:   2100000us datagram a -> b, 90 B",
    "  the other: 2100007us datagram a -> b, 90 B",
  ]);
});

Deno.test("a difference that comes and goes is told as one", async () => {
  let run = 0;
  const { report } = await compareTwice(JOB, new AbortController().signal, (job) => {
    const digest = run++ === 1 ? "bb" : "aa";
    return Promise.resolve({ ...playedOf(job, { digest }), digests: [digest] });
  });
  assertEquals(report?.lines.at(-1), "  two further runs were the same: it comes and goes");
});

Deno.test("a timeline keeps frames around what happened, and counts the others", () => {
  const keeper = new TimelineKeeper();
  const frame = (atUs: number): Fact => (
    { kind: "frame", atUs, from: "a", to: "b", bytes: 9, type: "t", fate: "delivered", arrivesUs: atUs + 1 }
  );
  for (let i = 0; i < 10_000; i++) keeper.onFact(frame(i));
  keeper.onFact({ kind: "node-stopped", atUs: 10_000, node: "a", how: "crash" });
  for (let i = 0; i < 10_000; i++) keeper.onFact(frame(10_001 + i));
  const { facts, leftOut } = keeper.finish();
  const frames = facts.filter(({ kind }) => kind === "frame");
  assertEquals(frames.length + leftOut.frames, 20_000);
  const near = frames.filter(({ atUs }) => Math.abs(atUs - 10_000) <= 60);
  assertEquals(near.length, 120, "all of those just before and just after");
  assert(frames.length < 400);
  assertEquals(facts.map(({ atUs }) => atUs), facts.map(({ atUs }) => atUs).toSorted((a, b) => a - b));
});

Deno.test("a timeline of a wild run stays within its bounds, and keeps room for what was violated", () => {
  const keeper = new TimelineKeeper();
  const frame = (atUs: number): Fact => (
    { kind: "frame", atUs, from: "a", to: "b", bytes: 9, type: "t", fate: "lost", arrivesUs: atUs }
  );
  for (let i = 0; i < 60_000; i++) {
    keeper.onFact({ kind: "session", atUs: i, node: "a", peer: "b", what: "lost" });
    keeper.onFact(frame(i));
  }
  for (let i = 60_000; i < 60_500; i++) keeper.onFact(frame(i));
  keeper.onFact({ kind: "violation", atUs: 60_500, violation: violationOf() });
  const { facts, leftOut } = keeper.finish();
  const kept = facts.filter(({ kind }) => kind === "frame");
  assertEquals(kept.length, 1_500 + 60, "changes have their share, and the violation what came before it");
  assertEquals(kept.at(-1)?.atUs, 60_499);
  assertEquals([facts.length, leftOut.facts, leftOut.frames], [40_001 + 1_560, 20_000, 60_500 - 1_560]);
});
