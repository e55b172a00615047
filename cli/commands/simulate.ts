// `hana simulate list|show|run|replay|shrink|schema`: the mesh on a simulated network, judged and played again.

import { stringify } from "@std/yaml";
import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import {
  catalogue,
  hashScenario,
  isAsWanted,
  type Scenario,
  scenarioSchema,
  spanText,
} from "../../lib/simulate/mod.ts";
import { buildInfo } from "../build_info.ts";
import { nearest } from "../config/mod.ts";
import { type Cli, collect, setExamples } from "../frame/mod.ts";
import { counted, document, EXIT, type Json, parseDuration } from "../output/mod.ts";
import { chooseRuns } from "../simulate/choosing.ts";
import { addReportFlags, type PlayFlags, readFlags } from "../simulate/flags.ts";
import { parseIdentity } from "../simulate/identity.ts";
import { invariantsOf, playAndTell } from "../simulate/playing.ts";
import { findRecorded, replayDifferences } from "../simulate/replaying.ts";
import { looksLikeFile, readScenarioFile } from "../simulate/scenario_file.ts";
import { SeedMemory } from "../simulate/seed_memory.ts";
import { parseSeeds } from "../simulate/seeds.ts";
import { shrinkAndTell } from "../simulate/shrinking.ts";
import {
  entryOf,
  findOneTarget,
  findTargets,
  normaliseEntry,
  parseParams,
  plantsBug,
  scenariosOf,
  type Suite,
  SUITES,
} from "../simulate/targets.ts";

/** Declares `hana simulate`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "plays the mesh on a simulated network: what it does when cables, WiFi and machines fail",
  );
  setExamples(
    command,
    { call: "hana simulate run smoke", why: "a few scenarios in seconds" },
    {
      call: "hana simulate run link-partition --seeds 1..100 --html why.html",
      why: "search, and look at a failure",
    },
    {
      call: "hana simulate run show.yaml",
      why: "a scenario of your own; hana simulate show NAME is a start",
    },
  );
  defineList(command.command("list"), cli);
  defineShow(command.command("show"), cli);
  defineRun(command.command("run"), cli);
  defineReplay(command.command("replay"), cli);
  defineShrink(command.command("shrink"), cli);
  defineSchema(command.command("schema"), cli);
}

function defineList(command: Command, cli: Cli): void {
  command.summary("the scenarios that hana knows").description(
    "the scenarios that hana knows, and their suites",
  );
  setExamples(
    command,
    { call: "hana simulate list", why: "all of them" },
    { call: "hana simulate list --suite smoke -q", why: "the names of a suite" },
  );
  command.option("--suite <SUITE>", `only those of ${SUITES.join(", ")}`).action(async (options) => {
    const suite = options.suite === undefined ? null : suiteOf(options.suite);
    const entries = catalogue().filter((entry) => suite === null || entry.suites.includes(suite))
      .map((entry) => ({ entry, scenarios: normaliseEntry(entry) }));
    const nodes = (scenario: Scenario | undefined): number => scenario?.nodes.length ?? 0;
    await cli.output.rows({
      what: "simulate-list",
      row: "scenario",
      id: ({ entry }) => entry.name,
      columns: [
        { header: "NAME", cell: ({ entry }) => entry.name },
        { header: "SUITES", cell: ({ entry }) => entry.suites.join(" "), spare: 2 },
        { header: "NODES", cell: ({ scenarios }) => nodes(scenarios[0]), align: "right", spare: 1 },
        {
          header: "LASTS",
          cell: ({ scenarios }) => spanText(scenarios[0]?.durationUs ?? 0),
          plain: ({ scenarios }) => `${(scenarios[0]?.durationUs ?? 0) / 1000}`,
          align: "right",
          spare: 3,
        },
        { header: "SUMMARY", cell: ({ entry }) => entry.summary, shrinks: true },
      ],
      json: listed,
      document: (rows) => ({ scenarios: rows.map(listed) }),
    }, entries);
  });
}

function listed(
  { entry, scenarios }: { entry: ReturnType<typeof catalogue>[number]; scenarios: Scenario[] },
): {
  readonly [key: string]: Json;
} {
  return {
    name: entry.name,
    summary: entry.summary,
    suites: [...entry.suites],
    variants: scenarios.map((scenario) => ({
      name: scenario.name,
      hash: hashScenario(scenario),
      nodes: scenario.nodes.length,
      durationMs: scenario.durationUs / 1000,
    })),
  };
}

function suiteOf(text: string): Suite {
  const suite = SUITES.find((one) => one === text);
  if (suite !== undefined) return suite;
  const meant = nearest(text, SUITES);
  throw new HanaError("usage", {
    what: `there is no suite ${JSON.stringify(text)}`,
    why: meant === null ? `the suites are ${SUITES.join(", ")}` : `did you mean ${meant}?`,
    hint: `hana simulate list --suite ${meant ?? "smoke"}`,
  });
}

function defineShow(command: Command, cli: Cli): void {
  command.summary("one scenario, as it is written").description(
    "one scenario as YAML, to read or to begin a file with; --json gives its normal form with its hash",
  );
  setExamples(
    command,
    { call: "hana simulate show link-partition", why: "what it does" },
    { call: "hana simulate show link-partition > mine.yaml", why: "begin a scenario of your own" },
  );
  command.argument("<NAME|FILE>", "a scenario of hana simulate list, or a file")
    .option("--param <NAME=VALUE>", "a value for $NAME in the scenario; repeatable", collect)
    .action(async (name, options) => {
      const params = parseParams((options.param ?? []) as unknown as string[]);
      const file = looksLikeFile(name) ? await readScenarioFile(name) : null;
      const entry = file === null ? entryOf(name, "show") : null;
      const scenarios = entry !== null
        ? normaliseEntry(entry, params)
        : file !== null
        ? scenariosOf(file, params)
        : [];
      const [first] = scenarios;
      if (cli.output.mode === "quiet") {
        return cli.output.raw(
          scenarios.map((scenario) => `${scenario.name}@${hashScenario(scenario)}\n`).join(""),
        );
      }
      if (cli.output.mode === "json" || cli.output.mode === "ndjson") {
        return cli.output.record({
          what: "simulate-show",
          fields: [],
          quiet: [],
          json: {
            scenarios: scenarios.map((scenario) => ({
              hash: hashScenario(scenario),
              scenario: scenario as unknown as Json,
            })),
          },
        });
      }
      cli.output.raw(stringify(file?.raw ?? entry?.raw));
      if (first !== undefined) {
        cli.output.message(
          `${counted(scenarios.length, "variant")}, ${counted(first.nodes.length, "node")}, ` +
            `${spanText(first.durationUs)}, ${counted(first.timeline.length, "action")}; ` +
            `hash ${hashScenario(first)}`,
        );
      }
    });
}

function defineRun(command: Command, cli: Cli): void {
  command.summary("play scenarios").description(
    "plays scenarios and judges them; exit code 1 when a rule was broken, 3 when a run proved nothing, " +
      "4 and 5 when a bound was missed, 6 when two runs differ",
  );
  setExamples(
    command,
    { call: "hana simulate run smoke --ci", why: "as CI does: fixed seeds, JUnit, Markdown" },
    {
      call: "hana simulate run link-partition --seeds 1..200 --html why.html",
      why: "until one fails, and see why",
    },
    { call: "hana simulate run nightly --budget 30m", why: "new seeds for half an hour" },
  );
  const run = command.argument(
    "<NAME|FILE|SUITE...>",
    "scenarios, files (.yaml, .json), or smoke, pr, nightly, all",
  )
    .option("--seed <N>", "play this seed alone")
    .option("--seeds <A..B>", "play all of these, until one fails")
    .option("--budget <DURATION>", "go on with new seeds for so long")
    .option("--keep-going", "go on after a failure")
    .option("--ci", "fixed seeds, no colour, JUnit and Markdown, annotations for GitHub")
    .option("--check-determinism", "play every run twice and compare all that happens");
  addReportFlags(run as unknown as Command);
  run.action(async (words, options) => {
    const plan = readFlags(options as PlayFlags, (name) => cli.environment.get(name));
    const targets = await findTargets(words, plan.params);
    const memory = plan.isCi || plan.seeds?.count === 1 || plan.isReal
      ? null
      : new SeedMemory(cli.settings.stateDir);
    const items = chooseRuns(targets, plan, memory, freshSeed);
    const reports = await playAndTell(cli, items, plan, software());
    if (plan.isReal || plan.isCi) return;
    const kept = memory ?? new SeedMemory(cli.settings.stateDir);
    for (const report of reports) {
      if (plantsBug(report.scenario)) continue;
      for (const { result, wallMs } of report.runs) {
        const failed = isAsWanted(report, result) || result.verdict !== "fail" ? null : {
          hash: result.hash,
          violation: result.violations[0]?.id ?? "unknown",
          wallMs: Math.round(wallMs),
        };
        kept.note(result.scenario, result.seed, failed);
      }
    }
    const problem = kept.save();
    if (problem !== null) cli.output.warn(`failing seeds are not remembered: ${problem}`);
  });
}

function defineReplay(command: Command, cli: Cli): void {
  command.summary("play a run again").description(
    "plays a run again: by the name that its result printed, or those of a result file that did not pass",
  );
  setExamples(
    command,
    {
      call: "hana simulate replay link-partition@0123456789abcdef:17:0.1.0+abc --html why.html",
      why: "and look at it",
    },
    { call: "hana simulate replay result.json", why: "what did not pass in there" },
  );
  const replay = command.argument("<ID|REPORT>", "NAME@HASH:SEED:VERSION, or a file of run --json")
    .option("--scenario <FILE>", "where the scenario stands, when it is not in the catalogue");
  addReportFlags(replay as unknown as Command);
  replay.action(async (word, options) => {
    const plan = readFlags(
      { ...(options as PlayFlags), keepGoing: true },
      (name) => cli.environment.get(name),
    );
    const file = (options as { scenario?: string }).scenario ?? null;
    const recorded = await findRecorded(word, file, plan.params);
    const byHash = Map.groupBy(recorded, ({ target }) => target.hash);
    const items = [...byHash.values()].flatMap((group) => {
      const [first] = group;
      return first === undefined ? [] : [{
        target: first.target,
        seeds: group.map(({ identity }) => identity.seed),
        invariants: invariantsOf(first.target.scenario),
      }];
    });
    const reports = await playAndTell(cli, items, plan, software());
    const { lines, isNondeterministic } = replayDifferences(recorded, reports);
    for (const line of lines) cli.output.warn(line);
    if (isNondeterministic) cli.exitWith(EXIT.nondeterministic);
  });
}

function defineShrink(command: Command, cli: Cli): void {
  command.summary("make a failure small").description(
    "looks for the smallest scenario that breaks the same rule, and writes it as a file",
  );
  setExamples(
    command,
    { call: "hana simulate shrink link-partition --seed 17", why: "writes repro.yaml and how to play it" },
    { call: "hana simulate shrink show.yaml --seed 17 --budget 5m", why: "search longer" },
  );
  command.argument("<NAME|FILE|ID>", "a scenario, a file, or the name of a run that failed")
    .option("--seed <N>", "the seed that fails")
    .option("--out <FILE>", "where the small scenario goes", "repro.yaml")
    .option("--budget <DURATION>", "search for so long", "30s")
    .option("--runs <N>", "play at most so many", "500")
    .option("--param <NAME=VALUE>", "a value for $NAME in the scenario; repeatable", collect)
    .action(async (word, options) => {
      const identity = parseIdentity(word);
      const asked = parseSeeds(options.seed, undefined);
      const seed = asked?.first ?? identity?.seed;
      if (seed === undefined) {
        throw new HanaError("usage", {
          what: "hana simulate shrink needs --seed",
          why: "one failing run is made small, and a run is a scenario and a seed",
          hint: `hana simulate run ${word} --seeds 1..100 (finds one)`,
        });
      }
      const runs = Number(options.runs);
      if (!/^\d{1,6}$/.test(options.runs) || runs < 1) {
        throw new HanaError("usage", {
          what: `--runs ${options.runs}`,
          why: "a number from 1 is wanted",
          hint: "--runs 500",
        });
      }
      const params = (options.param ?? []) as unknown as string[];
      const recorded = identity === null ? null : (await findRecorded(word, null, params))[0];
      const target = recorded?.target ?? await findOneTarget(word, params);
      await shrinkAndTell(cli, target, {
        seed,
        outPath: options.out,
        budgetMs: parseDuration(options.budget, "--budget") / 1000,
        budgetRuns: runs,
      }, software());
    });
}

function defineSchema(command: Command, cli: Cli): void {
  command.summary("the form of scenario files").description("the JSON Schema of scenario files, for editors");
  setExamples(
    command,
    { call: "hana simulate schema > hana-sim.schema.json", why: "for an editor that completes and checks" },
    { call: "hana simulate schema --json", why: "in an envelope with schema and time" },
  );
  command.action(() => {
    const jsonSchema = scenarioSchema();
    if (cli.output.mode === "json" || cli.output.mode === "ndjson") {
      cli.output.raw(JSON.stringify(document("simulate-schema", { jsonSchema: jsonSchema as Json })) + "\n");
    } else cli.output.raw(JSON.stringify(jsonSchema, null, 2) + "\n");
  });
}

/** hana's version and commit: part of every run's name. */
function software(): string {
  const { version, commit } = buildInfo();
  return commit === "unknown" ? version : `${version}+${commit}`;
}

/** A seed that nobody has tried yet, as likely as not. */
function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
