// Every subcommand of hana simulate in every output mode with every exit code that applies, as real processes.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import { CapturedProcess } from "../../../support/captured_process.ts";
import { environmentOf, hanaFromSource, type Home, makeHome, runHana } from "../../../support/cli.ts";
import { elementsOf } from "../../../support/xml.ts";

// Small and quick: two machines, one app, two seconds.
const QUICK = `version: hana-sim/1
name: quick
summary: three nodes for seven seconds
nodes: { viz: { count: $count }, app: { count: 1 } }
params: { count: 2 }
warmup: 2s
quiet: 3s
duration: 7s
expect: { invariants: [default] }
`;
const FILES: Readonly<Record<string, string>> = {
  "quick.yaml": QUICK,
  "violated.yaml": QUICK.replace("name: quick", "name: violated\ntags: ['planted-bug:forgets-incarnation']")
    .replace("duration: 7s", "duration: 8s\ntimeline: [ { at: 3s, restart: viz-1 } ]"),
  "slow.yaml": QUICK.replace("invariants: [default]", "metrics: { discovery.all.max: '<1us' }"),
  "vain.yaml": QUICK.replace("invariants: [default]", "sometimes: [declared_dead]"),
  "cold.yaml": QUICK.replace("version:", "network: { default: { loss: 99% } }\nversion:"),
  "both.yaml": QUICK.replace("params: { count: 2 }", "sweep: { count: [2, 3] }"),
  "typo.yaml": QUICK.replace("quiet:", "quite:"),
  "deep.yaml": QUICK + "timeline:\n  - { at: 3s, crash: viz-0 }\n  - { at: 4s, crsh: viz-1 }\n",
  "unknown.yaml": QUICK.replace("[default]", "[no_such_rule]"),
  "broken.yaml": "name: x\nnodes: [1,\nother: }\n",
  "list.yaml": "- 1\n",
  "show.ts":
    `export const scenario = { version: "hana-sim/1", name: "made", nodes: { viz: { count: 2 } }, duration: "6s", warmup: "2s", quiet: "2s" };\n`,
  "result.json": "{}",
};

interface Call {
  readonly args: string;
  readonly code: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

const SILENT = /^$/;

const CALLS: Readonly<Record<string, readonly Call[]>> = {
  "list, show, schema": [
    { args: "simulate", code: 2, out: SILENT, err: /^hana simulate: / },
    { args: "simulate list", code: 0, out: /^calm-lan\tsmoke pr nightly\t\d+\t\d+\t.+\n/, err: SILENT },
    { args: "simulate list --header --suite smoke", code: 0, out: /^NAME\tSUITES\tNODES\tLASTS\tSUMMARY\n/ },
    { args: "simulate list --suite smoke -q", code: 0, out: /^calm-lan\n(?:.+\n)*canary\n$/ },
    {
      args: "simulate list --suite smokey",
      code: 2,
      err: /did you mean smoke\?\n {2}try: hana simulate list --suite smoke\n/,
    },
    { args: "simulate lst", code: 2, err: /did you mean list\?\n {2}try: hana simulate list\n/ },
    {
      args: "simulate show link-partition",
      code: 0,
      out: /^version: hana-sim\/1\nname: link-partition\n/,
      err: /hash [0-9a-f]{16}/,
    },
    { args: "simulate show link-partition -q", code: 0, out: /^link-partition@[0-9a-f]{16}\n$/ },
    { args: "simulate show quick.yaml", code: 0, out: /^version: hana-sim\/1\nname: quick\n/ },
    {
      args: "simulate show both.yaml -q",
      code: 0,
      out: /^both?|quick\[count=2\]@[0-9a-f]{16}\nquick\[count=3\]@[0-9a-f]{16}\n$/,
    },
    {
      args: "simulate show link-partiton",
      code: 2,
      err: /no scenario "link-partiton"\n {2}did you mean link-partition\?/,
    },
    {
      args: "simulate schema",
      code: 0,
      out: /^\{\n {2}"\$schema": "https:\/\/json-schema.org\/draft\/2020-12\/schema"/,
      err: SILENT,
    },
  ],
  "run": [
    {
      args: "simulate run quick.yaml",
      code: 0,
      out: /^pass\tquick\t[0-9a-f]{16}\t1\/1\t7000\t\d+\t[\d.]+\t-\n$/,
    },
    {
      args: "simulate run quick.yaml quick.yaml --header --param count=3",
      code: 0,
      out: /^VERDICT\t.*\npass\t.*\n$/,
    },
    { args: "simulate run show.ts", code: 0, out: /^pass\tmade\t/ },
    { args: "simulate run quick.yaml --seeds 1..3 --jobs 2", code: 0, out: /\t3\/3\t21000\t/ },
    { args: "simulate run quick.yaml --seeds 1..2 --check-determinism", code: 0, out: /\t2\/2\t14000\t/ },
    {
      args: "simulate run violated.yaml --seeds 1..9",
      code: 1,
      out: /^fail\tviolated\t[0-9a-f]{16}\t0\/[12]\t/,
      err:
        /incarnation_monotonic \(safety\) at [\d.]+s: .*\n(?: +[\d.]+s {2}.*\n)+ {2}replay: hana simulate replay violated@.* --scenario violated\.yaml\n/,
    },
    { args: "simulate run canary", code: 1, out: /^fail\tcanary\t/ },
    {
      args: "simulate run slow.yaml",
      code: 5,
      out: /^fail\tquick\t/,
      err: /metric:discovery\.all \(threshold\)/,
    },
    { args: "simulate run vain.yaml", code: 3, out: /^inconclusive\tquick\t/, err: /declared_dead/ },
    { args: "simulate run cold.yaml", code: 3, out: /^invalid\tquick\t/, err: /misses/ },
    {
      args: "simulate run vain.yaml violated.yaml slow.yaml --seed 1",
      code: 1,
      out: /^inconclusive\t.*\nfail\t.*\nfail\t/,
    },
    { args: "simulate run", code: 2, err: /needs <NAME\|FILE\|SUITE>/ },
    { args: "simulate run smok", code: 2, err: /did you mean smoke\?\n {2}try: hana simulate run smoke\n/ },
    {
      args: "simulate run quantum",
      code: 2,
      err: /neither in the catalogue nor a file\n {2}try: hana simulate list\n/,
    },
    {
      args: "simulate run none.yaml",
      code: 2,
      err: /^error: scenario file none\.yaml cannot be read\n {2}there is no such file\n/,
    },
    {
      args: "simulate run typo.yaml",
      code: 2,
      err: /^error: typo\.yaml:\d+: quite\n.*did you mean quiet\?\n {2}try: hana simulate schema/,
    },
    { args: "simulate run deep.yaml", code: 2, err: /^error: deep\.yaml:12: timeline\[1\]/ },
    { args: "simulate run broken.yaml", code: 2, err: /^error: broken\.yaml:3:\d+\n/ },
    { args: "simulate run unknown.yaml", code: 2, err: /nobody knows the invariant no_such_rule/ },
    { args: "simulate run quick.yaml --param cuont=3", code: 2, err: /cuont/ },
    {
      args: "simulate run quick.yaml --seed x",
      code: 2,
      err: /^error: --seed x\n.*\n {2}try: hana simulate run quick\.yaml --seed 7\n/,
    },
    { args: "simulate run quick.yaml --budget 5", code: 2, err: /a duration needs a unit/ },
    { args: "simulate run quick.yaml --frames", code: 2, err: /--frames without --events/ },
    {
      args: "simulate run quick.yaml --junit none/x.xml",
      code: 2,
      err: /^error: --junit none\/x\.xml cannot be written\n {2}there is no such directory\n/,
    },
    { args: "simulate run quick.yaml --html .", code: 2, err: /it is a directory/ },
    { args: "simulate run quick.yaml --jsno", code: 2, err: /did you mean --json\?/ },
  ],
  "replay, shrink": [
    { args: "simulate replay nonsense", code: 2, err: /neither a run nor a file/ },
    { args: "simulate replay result.json", code: 2, err: /this holds no runs of hana simulate/ },
    {
      args: "simulate replay quick@0000000000000000:1:x",
      code: 2,
      err: /the catalogue has no scenario quick\n {2}try: .*--scenario FILE\n/,
    },
    {
      args: "simulate replay calm-lan@0000000000000000:1:x",
      code: 2,
      err: /has changed since: its hash is [0-9a-f]{16} now\n/,
    },
    {
      args: "simulate replay quick@0000000000000000:1:x --scenario quick.yaml",
      code: 2,
      err: /quick\.yaml has changed since/,
    },
    {
      args: "simulate shrink quick.yaml",
      code: 2,
      err: /needs --seed\n.*\n {2}try: hana simulate run quick\.yaml --seeds 1\.\.100/,
    },
    {
      args: "simulate shrink quick.yaml --seed 1",
      code: 1,
      // What takes over a second, on a busy machine, says that it goes on.
      err: /^(playing quick with seed 1 … \d+s\n)?error: nothing to shrink: quick with seed 1 is pass\n/,
    },
    { args: "simulate shrink quick.yaml --seed 1 --runs 0", code: 2, err: /--runs 0/ },
    { args: "simulate shrink both.yaml --seed 1", code: 2, err: /is several scenarios/ },
    {
      args: "simulate shrink violated.yaml --seed 1 --out none/x.yaml",
      code: 2,
      err: /--out none\/x\.yaml cannot be written/,
    },
  ],
};

/** A home whose directory holds the files of these tests, and is where hana is called. */
function prepared(): Home & AsyncDisposable {
  const home = makeHome();
  for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(`${home.path}/${name}`, text);
  return home;
}

async function call(home: Home, args: string, env: Readonly<Record<string, string>> = {}) {
  const [program = "", ...before] = hanaFromSource();
  await using process = CapturedProcess.start(program, [...before, ...args.split(" ")], {
    cwd: home.path,
    env: { ...environmentOf(home), ...env },
  });
  return await process.ended();
}

async function check(home: Home, { args, code, out, err, env }: Call): Promise<void> {
  const result = await call(home, args, env);
  const told = `hana ${args}\n${JSON.stringify(result, null, 1)}`;
  assertEquals(result.code, code, told);
  if (out !== undefined) assertMatch(result.stdout, out, told);
  if (err !== undefined) assertMatch(result.stderr, err, told);
  assert(!(result.stdout + result.stderr).includes("\x1b"), told);
  if (result.stderr.startsWith("error:")) assert(result.stderr.trimEnd().split("\n").length <= 3, told);
}

for (const [group, calls] of Object.entries(CALLS)) {
  Deno.test(`${group}: ${calls.length} calls answer as promised`, async () => {
    await using home = prepared();
    const waiting = [...calls];
    const failures: string[] = [];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await check(home, next).catch((thrown) => failures.push(String(thrown)));
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    assertEquals(failures.length, 0, failures.join("\n\n"));
  });
}

Deno.test("--json of run is the promised document, and a result file is played again", async () => {
  await using home = prepared();
  const ran = await call(home, "simulate run quick.yaml violated.yaml --seed 1 --json");
  assertEquals(ran.code, 1, ran.stderr);
  const document = JSON.parse(ran.stdout);
  assertEquals(document.schema, "hana.simulate/1");
  assertMatch(document.ts, /^\d{4}-\d\d-\d\dT/);
  const { pass, fail, inconclusive, invalid, exitCode } = document.summary;
  assertEquals({ pass, fail, inconclusive, invalid, exitCode }, {
    pass: 1,
    fail: 1,
    inconclusive: 0,
    invalid: 0,
    exitCode: 1,
  });
  const [quick, violated] = document.runs;
  assertEquals([quick.scenario, quick.seed, quick.verdict, quick.simulatedMs], ["quick", 1, "pass", 7_000]);
  assert(quick.events > 0 && quick.wallMs > 0);
  assertEquals(quick.violations, []);
  assert(Object.keys(quick.metrics).length > 5);
  assertEquals(violated.violations[0].id, "incarnation_monotonic");
  assertEquals(Object.keys(violated.violations[0]).sort(), ["atMs", "id", "kind", "nodes", "text"]);
  assertMatch(violated.identity, /^violated@[0-9a-f]{16}:1:\d+\.\d+\.\d+/);
  assert(violated.excerpt.length > 2);

  // What did not pass is played again, with the same digest; by its name as well.
  Deno.writeTextFileSync(`${home.path}/result.json`, ran.stdout);
  const replayed = await call(home, "simulate replay result.json --json");
  assertEquals(replayed.code, 1, replayed.stderr);
  const again = JSON.parse(replayed.stdout);
  assertEquals(again.runs.map((run: { digest: string }) => run.digest), [violated.digest]);
  const byName = await call(home, `simulate replay ${violated.identity} --scenario violated.yaml -q`);
  assertEquals([byName.code, byName.stdout], [1, `${violated.identity}\n`]);

  // A digest that is not the recorded one is told as such.
  const forged = ran.stdout.replaceAll(violated.digest, "0000000000000000");
  Deno.writeTextFileSync(`${home.path}/result.json`, forged);
  const other = await call(home, "simulate replay result.json");
  assertEquals(other.code, 6);
  assertStringIncludes(other.stderr, "recorded was 0000000000000000");
});

Deno.test("--ndjson tells every run as it ends, then the sum; --events holds every fact", async () => {
  await using home = prepared();
  const ran = await call(
    home,
    "simulate run quick.yaml --seeds 1..2 --ndjson --events facts.ndjson --frames",
  );
  assertEquals(ran.code, 0, ran.stderr);
  const lines = ran.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ schema }) => schema).sort(), [
    "hana.simulate.run/1",
    "hana.simulate.run/1",
    "hana.simulate.summary/1",
  ]);
  const facts = Deno.readTextFileSync(`${home.path}/facts.ndjson`).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const heads = facts.filter(({ schema }) => schema === "hana.simulate.trace/1");
  assertEquals(heads.map(({ seed }) => seed), [1, 2]);
  const kinds = new Set(facts.map(({ kind }) => kind));
  for (const kind of ["node-started", "node-ready", "view", "frame", "phase"]) assert(kinds.has(kind), kind);
  const again = await call(home, "simulate run quick.yaml --seeds 1..2 -q --events again.ndjson --frames");
  assertEquals(again.code, 0);
  const strip = (path: string): string =>
    Deno.readTextFileSync(`${home.path}/${path}`).replace(/"ts":"[^"]*"/g, "");
  assertEquals(strip("again.ndjson"), strip("facts.ndjson"), "the same call gives the same trace");
});

Deno.test("--ci writes JUnit and Markdown, annotates for GitHub, and colours nothing", async () => {
  await using home = prepared();
  const summary = `${home.path}/step.md`;
  Deno.writeTextFileSync(summary, "before\n");
  const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: summary, FORCE_COLOR: "1" };
  const ran = await call(home, "simulate run quick.yaml violated.yaml --ci --html page.html", env);
  assertEquals(ran.code, 1, ran.stderr);
  assert(!(ran.stdout + ran.stderr).includes("\x1b"));
  assertMatch(ran.stderr, /^::error title=violated%3A incarnation_monotonic::/m);
  const cases = elementsOf(Deno.readTextFileSync(`${home.path}/simulate-junit.xml`));
  assertEquals(cases.filter(({ name }) => name === "testsuite").length, 2);
  assertEquals(cases.filter(({ name }) => name === "failure").length, 1);
  assertMatch(Deno.readTextFileSync(summary), /^before\n## hana simulate\n/);
  assertMatch(Deno.readTextFileSync(`${home.path}/page.html`), /^<!DOCTYPE html>[\s\S]*"name":"violated"/);
  const plain = await call(home, "simulate run quick.yaml --ci --junit own.xml --md own.md");
  assertEquals(plain.code, 0);
  assertStringIncludes(Deno.readTextFileSync(`${home.path}/own.md`), "**all passed**");
  assertEquals(elementsOf(Deno.readTextFileSync(`${home.path}/own.xml`))[0]?.attributes.failures, "0");
});

Deno.test("a seed that failed is tried first the next time, until it passes", async () => {
  await using home = prepared();
  const memory = (): string => Deno.readTextFileSync(`${home.state}/hana/simulate-seeds.json`);
  const slow = Deno.readTextFileSync(`${home.path}/slow.yaml`);
  assertEquals((await call(home, "simulate run slow.yaml --seed 77 -q")).code, 5);
  assertStringIncludes(memory(), '"seed": 77');
  assertMatch((await call(home, "simulate run slow.yaml -q")).stdout, /:77:/);
  Deno.writeTextFileSync(`${home.path}/slow.yaml`, slow.replace("<1us", "<9s"));
  assertMatch((await call(home, "simulate run slow.yaml")).stdout, /\t(\d)\/\1\t/);
  assert(!memory().includes("77"));
});

Deno.test("shrink writes a small scenario that breaks the same rule, and the command that plays it", async () => {
  await using home = prepared();
  const ran = await call(home, "simulate shrink violated.yaml --seed 1 --out small.yaml --json --runs 60");
  assertEquals(ran.code, 0, ran.stderr);
  const { violation, repro, schema, steps } = JSON.parse(ran.stdout);
  assertEquals([schema, violation.id], ["hana.simulate-shrink/1", "incarnation_monotonic"]);
  assert(steps.length > 0);
  const [, ...words] = repro.split(" ");
  const again = await call(home, words.join(" "));
  assertEquals(again.code, 1, again.stderr);
  assertStringIncludes(again.stderr, "incarnation_monotonic");
});

Deno.test("Ctrl-C keeps what is whole, writes the reports, and ends with 130", async () => {
  await using home = prepared();
  const [program = "", ...before] = hanaFromSource();
  const args = [
    "simulate",
    "run",
    "quick.yaml",
    "long-idle-8h",
    "--seed",
    "1",
    "--jobs",
    "2",
    "--ndjson",
    "--md",
    "part.md",
  ];
  await using process = CapturedProcess.start(program, [...before, ...args], {
    cwd: home.path,
    env: environmentOf(home),
  });
  await process.until("the quick one to end", ({ stdout }) => /"scenario":"quick"/.exec(stdout));
  process.kill("SIGINT");
  const { code, stdout, stderr } = await process.ended();
  assertEquals(code, 130, stderr);
  const summary = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  assertEquals([summary.schema, summary.pass, summary.cutOff], ["hana.simulate.summary/1", 1, 1]);
  assertMatch(Deno.readTextFileSync(`${home.path}/part.md`), /`quick` \| 1\/1/);
});

Deno.test("help of every subcommand is one screen, with two examples before the flags", async () => {
  for (const path of ["", "list", "show", "run", "replay", "shrink", "schema"]) {
    const args = ["simulate", ...(path === "" ? [] : [path]), "--help"];
    const { code, stdout } = await runHana(args);
    assertEquals(code, 0);
    const examples = /\nexamples\n((?: {2}\S?.*\n)+)/.exec(stdout)?.[1] ?? "";
    assert((examples.match(/hana simulate/g)?.length ?? 0) >= 2, stdout);
    if (stdout.includes("\nflags")) assert(stdout.indexOf("\nexamples") < stdout.indexOf("\nflags"), stdout);
    assert(stdout.trimEnd().split("\n").length <= 40, stdout);
  }
});

Deno.test("the workflow in docs is YAML, and calls nothing that is not there", async () => {
  const text = Deno.readTextFileSync(new URL("../../../../docs/ci/github-simulate.yml", import.meta.url));
  const { jobs } = parse(text) as { jobs: Record<string, { steps: { run?: string }[] }> };
  assertEquals(Object.keys(jobs), ["smoke", "pr", "nightly"]);
  const calls = Object.values(jobs).flatMap(({ steps }) => steps).flatMap(({ run = "" }) =>
    [...run.matchAll(/scripts\/hana simulate (\w+) ([^|>]*)/g)].map(([, command = "", rest = ""]) => ({
      command,
      rest,
    }))
  );
  assertEquals(calls.map(({ command }) => command), ["run", "run", "run", "run", "shrink"]);
  for (const command of new Set(calls.map((one) => one.command))) {
    const { stdout } = await runHana(["simulate", command, "--help"]);
    for (const { rest } of calls.filter((one) => one.command === command)) {
      // --json and its like are flags of every command.
      for (const flag of rest.match(/--[a-z-]+/g) ?? []) {
        if (flag !== "--json") assertStringIncludes(stdout, `${flag} `);
      }
    }
  }
});
