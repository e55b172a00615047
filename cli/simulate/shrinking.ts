// `hana simulate shrink`: the smallest scenario that still breaks the same rule, as a file.
// Decides how the shrinker's runs are played, that the file means the same as what was found, and what is told; what is
// taken away, lib/simulate decides.

import { parse, stringify } from "@std/yaml";
import { HanaError } from "../../lib/base/mod.ts";
import {
  denormalise,
  hashScenario,
  identityOf,
  momentText,
  normaliseScenario,
  type RunResult,
  type Scenario,
  shrinkScenario,
} from "../../lib/simulate/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { counted, EXIT, shellWord } from "../output/mod.ts";
import { WorkerTrouble } from "./job.ts";
import { OutputFile } from "./outputs.ts";
import { Players, workerProgram } from "./players.ts";
import type { Target } from "./targets.ts";

/** How far to go. */
export interface ShrinkPlan {
  readonly seed: number;
  readonly outPath: string;
  readonly budgetMs: number;
  readonly budgetRuns: number;
}

/** A candidate that takes longer is not worth waiting for. */
const RUN_LIMIT_MS = 5 * 60_000;
/** Steps that are told one by one. */
const MAX_STEPS = 40;

/**
 * Shrinks a failure, writes the file, tells the command. Throws `not-found` when there is nothing to shrink, and
 * `storage` when the file cannot be written.
 */
export async function shrinkAndTell(
  cli: Cli,
  target: Target,
  plan: ShrinkPlan,
  software: string,
): Promise<void> {
  const out = new OutputFile("--out", plan.outPath);
  const controller = new AbortController();
  let interrupted: 130 | 143 | null = null;
  cli.signals.handle((signal) => {
    interrupted = signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    controller.abort();
  });
  await using players = new Players({ program: workerProgram(), size: 1, runLimitMs: RUN_LIMIT_MS });
  const play = async (scenario: Scenario, seed: number): Promise<RunResult> => {
    const keeping = { frames: false, timeline: false, digests: false };
    const job = { scenario, seed, software, keeping, stopAtFirst: false };
    return (await players.play(job, controller.signal)).result;
  };
  const progress = cli.output.progress(`playing ${target.scenario.name} with seed ${plan.seed}`);
  const first = await play(target.scenario, plan.seed).catch((thrown: unknown) => {
    if (!(thrown instanceof WorkerTrouble)) throw thrown;
    throw new HanaError("internal", { what: thrown.message, cause: thrown });
  });
  const [violation] = first.violations;
  if (violation === undefined) {
    progress.done();
    if (interrupted !== null) return cli.exitWith(interrupted);
    throw new HanaError("not-found", {
      what: `nothing to shrink: ${target.scenario.name} with seed ${plan.seed} is ${first.verdict}`,
      why: first.reason ?? "no rule is broken in it",
      hint: `hana simulate run ${shellWord(target.file ?? target.scenario.name)} --seeds 1..100`,
    });
  }
  const found = await shrinkScenario(target.scenario, {
    run: play,
    seed: plan.seed,
    violationId: violation.id,
    budgetRuns: plan.budgetRuns,
    budgetMs: plan.budgetMs,
    nowMs: () => performance.now(),
    signal: controller.signal,
    onProgress: ({ runs, size }) => progress.update(`${counted(runs, "run")}, smallest so far: ${size}`),
  });
  progress.done();
  if (found.result === null) {
    if (interrupted !== null) return cli.exitWith(interrupted);
    cli.output.warn(`${identityOf(first)} broke ${violation.id} once and did not the second time`);
    return cli.exitWith(EXIT.nondeterministic);
  }
  const broken = found.result.violations.find(({ id }) => id === violation.id) ?? violation;
  const repro = `hana simulate run ${shellWord(plan.outPath)} --seed ${found.seed}`;
  out.write(fileOf(found.scenario, [
    `The smallest scenario found that breaks ${broken.id}: ${broken.text}`,
    `Made from ${identityOf(first)}`,
    `Play it: ${repro}`,
  ]));
  if (cli.output.mode === "table" || cli.output.mode === "plain") {
    for (const step of found.log.slice(-MAX_STEPS)) {
      cli.output.message(`${String(step.runs).padStart(5)}  ${step.what}: ${step.size}`);
    }
  }
  cli.output.record({
    what: "simulate-shrink",
    fields: [
      { label: "file", value: plan.outPath },
      { label: "breaks", value: `${broken.id} at ${momentText(broken.atUs)}` },
      { label: "because", value: broken.text },
      { label: "seed", value: found.seed },
      { label: "runs", value: `${found.runs}, ended: ${found.ended}`, plain: found.runs },
      { label: "replay", value: repro },
    ],
    quiet: [plan.outPath],
    json: {
      file: plan.outPath,
      from: identityOf(first),
      identity: identityOf(found.result),
      violation: { id: broken.id, kind: broken.kind, atMs: broken.atUs / 1000, text: broken.text },
      seed: found.seed,
      runs: found.runs,
      ended: found.ended,
      steps: found.log.map(({ runs, what, size }) => ({ runs, what, size })),
      repro,
    },
  });
  if (interrupted !== null) cli.exitWith(interrupted);
}

/** The scenario as people write it, where that means the same; else in its normal form, which always does. */
function fileOf(scenario: Scenario, notes: readonly string[]): string {
  const head = notes.map((note) => `# ${note.replace(/[\r\n]+/g, " ")}\n`).join("");
  const written = stringify(denormalise(scenario));
  return head + (meansTheSame(written, scenario) ? written : stringify(JSON.parse(JSON.stringify(scenario))));
}

function meansTheSame(written: string, scenario: Scenario): boolean {
  try {
    const [read, other] = normaliseScenario(parse(written));
    return read !== undefined && other === undefined && hashScenario(read) === hashScenario(scenario);
  } catch {
    return false;
  }
}
