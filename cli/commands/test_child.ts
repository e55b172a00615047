// `hana test-child -- CMD ARG…`: whether a program keeps the child protocol, rule by rule.
// Decides where the sockets stand and how the outcome is shown; the rules are lib/supervision/conformance.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHex } from "../../lib/base/mod.ts";
import {
  type ChildDepth,
  type Conformance,
  type ConformanceCheck,
  type ConformanceVerdict,
  testChild,
} from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, type Output, printable, shellWord, type Tone } from "../output/mod.ts";

/** Two runs of a program that takes its time to load. */
const DEFAULT_TIMEOUT_US = 60_000_000;
/** How long hello and ready may take, and how long ending may: what a program gets from its shim unless told otherwise. */
const START_US = 15_000_000;
const GRACE_US = 5_000_000;

const MARKS: Readonly<Record<ConformanceVerdict, { readonly text: string; readonly tone: Tone }>> = {
  "pass": { text: "pass", tone: "good" },
  "fail": { text: "FAIL", tone: "bad" },
  "not used": { text: "not used", tone: "dim" },
  "not tried": { text: "not tried", tone: "dim" },
};

interface TestChildOptions {
  readonly depth: string;
}

/** Declares `hana test-child`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "starts a program twice, plays the child protocol against it and says which rules it keeps; exit code 0 when all " +
      "held, 1 when one broke, 2 when the program cannot be started, 4 when --timeout was over",
  );
  setExamples(
    command,
    { call: "hana test-child -- ./viz --scene intro", why: "the whole protocol" },
    { call: "hana test-child --depth 1 -- ./viz", why: "a program written for systemd" },
    { call: "hana test-child --depth 0 -- ./viz", why: "a program that says nothing of itself" },
  );
  command
    .argument("<CMD>", "the program")
    .argument("[ARG...]", "its arguments")
    .option(
      "--depth <0|1|2>",
      "what it is held against: nothing but its end, sd_notify, the whole protocol",
      "2",
    )
    .action(async (program, args, options) =>
      await run(cli, [program, ...args], options as TestChildOptions)
    );
}

async function run(cli: Cli, argv: readonly [string, ...string[]], options: TestChildOptions): Promise<void> {
  const depth = depthOf(options.depth, argv);
  const platform = await cli.platform();
  const { output } = cli;
  const directory = Deno.makeTempDirSync({ prefix: "hana-test-" });
  const token = toHex(platform.random.stream("test-child").fill(new Uint8Array(16)));
  const progress = output.progress(`starting ${argv[0]}`);
  let outcome: Conformance;
  try {
    outcome = await testChild(platform, {
      argv,
      depth,
      directory,
      token,
      startUs: START_US,
      graceUs: GRACE_US,
      isAlone: true,
      timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
      onProgress: (text) => progress.update(text),
    });
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    output.error(thrown);
    return cli.exitWith(EXIT.usage);
  } finally {
    progress.done();
    Deno.removeSync(directory, { recursive: true });
  }
  show(output, argv, depth, outcome);
  cli.exitWith(outcome.firstBroken !== null ? EXIT.negative : outcome.timedOut ? EXIT.timeout : EXIT.done);
}

function depthOf(text: string, argv: readonly string[]): ChildDepth {
  if (text === "0" || text === "1" || text === "2") return Number(text) as ChildDepth;
  throw new HanaError("usage", {
    what: `--depth ${text}`,
    why: "a depth is 0, 1 or 2",
    hint: `hana test-child --depth 2 -- ${argv.map(shellWord).join(" ")}`,
  });
}

function show(output: Output, argv: readonly string[], depth: ChildDepth, outcome: Conformance): void {
  const { checks, firstBroken, timedOut } = outcome;
  switch (output.mode) {
    case "json":
    case "ndjson":
      output.record({
        what: "test-child",
        fields: [],
        quiet: [],
        json: {
          command: [...argv],
          depth,
          rules: checks.map(({ rule, says, verdict, detail, hint }) => ({
            rule,
            says,
            verdict,
            detail,
            hint,
          })),
          firstBroken: firstBroken?.rule ?? null,
          timedOut,
          output: [...outcome.output],
          elapsedMs: Math.round(outcome.elapsedUs / 1_000),
        },
      });
      return;
    case "quiet":
      if (firstBroken !== null) output.raw(`${firstBroken.rule}\n`);
      return;
    case "plain":
      if (output.header) output.raw("RULE\tVERDICT\tDETAIL\n");
      for (const { rule, verdict, detail } of checks) {
        output.raw(`${rule}\t${verdict}\t${printable(detail)}\n`);
      }
      break;
    default:
      for (const check of checks) output.raw(`${lineOf(output, check)}\n`);
      output.raw("\n");
  }
  if (outcome.firstBroken !== null && outcome.output.length > 0) {
    output.message("the last that it wrote:");
    for (const line of outcome.output.slice(-5)) output.message(`  ${line}`);
  }
  output.message(conclusionOf(outcome));
}

function lineOf(output: Output, { rule, says, verdict, detail }: ConformanceCheck): string {
  const mark = MARKS[verdict];
  const words = detail === "" ? says : `${says} (${detail})`;
  return `  ${output.palette.paint(mark.tone, mark.text)}${" ".repeat(11 - mark.text.length)}${
    rule.padEnd(11)
  }${printable(words)}`;
}

function conclusionOf({ checks, firstBroken, timedOut }: Conformance): string {
  if (firstBroken !== null) {
    return `broken: it ${firstBroken.says}: ${firstBroken.detail}; try: ${firstBroken.hint}`;
  }
  if (timedOut) return "not finished in time; try: hana test-child --timeout 2m -- …";
  const held = checks.filter(({ verdict }) => verdict === "pass").length;
  const unused = checks.filter(({ verdict }) => verdict === "not used").length;
  return `${counted(held, "rule")} held${unused === 0 ? "" : `, ${unused} not used`}`;
}
