// scripts/mutants: applies each bug of a zoo (lanes, shared state) to a copy of the library, runs its tests against it, and
// says which bugs they noticed. A bug whose place is no longer found, or is found twice, counts as survived: it tests nothing.
// Decides the score and the exit code. Never touches the checkout.

// deno-lint-ignore-file no-console
import { type Mutation, ZOO } from "../../tests/lanes/zoo/mod.ts";
import { STATE_ZOO } from "../../tests/state/zoo/mod.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const USAGE = "usage: scripts/mutants [ID…] [--of lanes|state] [--jobs N] [--list]";
/** Below this the suite has holes (issue 5). */
const LEAST_SCORE = 0.95;
/** A mutant that makes tests hang is noticed as well. */
const STAGE_LIMIT_MS = 180_000;
/** Nothing else is needed to run the tests of the lanes. */
const COPIED = ["lib", "cli", "tests", "scripts", "docs"];

interface TestStage {
  readonly name: string;
  readonly paths: readonly string[];
  readonly seeds: string;
}

/** The fastest first: most bugs die early. */
const STAGES: readonly TestStage[] = [
  { name: "zoo", paths: ["tests/lanes/zoo_test.ts"], seeds: "1" },
  {
    name: "scenarios",
    paths: ["promises", "keys", "hostile", "fairness", "state_machine", "metamorphic"].map((name) =>
      `tests/lanes/${name}_test.ts`
    ),
    seeds: "1",
  },
  {
    name: "matrix",
    paths: ["calm", "rough", "stream"].map((name) => `tests/lanes/matrix_${name}_test.ts`),
    seeds: "3",
  },
  { name: "unit", paths: ["tests/unit/lanes", "tests/lanes/fuzz_test.ts"], seeds: "1" },
];

/** Runs on the cores under the rules of the simulator come first, then the tests of the rooms. */
const STATE_STAGES: readonly TestStage[] = [
  { name: "core", paths: ["tests/state/core_test.ts"], seeds: "60" },
  {
    name: "unit",
    // Without the tests that plant bugs of their own: they look for their places.
    paths: [
      ...["host", "replica"].map((room) => `tests/unit/state/${room}`),
      ...["holding/rules", "holding/walk", "merge/claim_table", "merge/winner", "merge/walk"].map((name) =>
        `tests/unit/state/${name}_test.ts`
      ),
    ],
    seeds: "1",
  },
];

/** What bugs are planted in, and which tests must notice. */
const SUBJECTS = {
  lanes: { zoo: ZOO, stages: STAGES },
  state: { zoo: STATE_ZOO, stages: STATE_STAGES },
} as const;

interface Verdict {
  readonly id: string;
  readonly killed: boolean;
  readonly by: string;
  readonly seconds: number;
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory) await copyTree(source, target);
    else if (entry.isFile) await Deno.copyFile(source, target);
  }
}

/** A copy of what the tests need. Of one tree for all bugs: a checkout may change while they are tried. */
async function makeCopy(from: string): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "hana-mutants-" });
  for (const path of COPIED) await copyTree(`${from}/${path}`, `${copy}/${path}`);
  for (const file of ["deno.json", "deno.lock"]) await Deno.copyFile(`${from}/${file}`, `${copy}/${file}`);
  return copy;
}

/** The first failed test of a run, null when all passed. */
async function firstFailure(copy: string, paths: readonly string[], seeds: string): Promise<string | null> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--allow-all", "--no-prompt", "--frozen", "--config", "deno.json", "--no-check"],
      ...["--fail-fast", ...paths],
    ],
    cwd: copy,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { LANES_SEEDS: seeds, STATE_SEEDS: seeds, NO_COLOR: "1", RUST_BACKTRACE: "0" },
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, STAGE_LIMIT_MS);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (late) return "(hangs)";
  if (success) return null;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return /^(.*) \.\.\. FAILED/m.exec(output)?.[1] ??
    (output.split("\n").find((line) => /error/i.test(line)) ?? "?");
}

/** The stages that pass without any bug: only these can tell anything. */
async function soundStages(copy: string, stages: readonly TestStage[]): Promise<TestStage[]> {
  const sound: TestStage[] = [];
  for (const stage of stages) {
    const failure = await firstFailure(copy, stage.paths, stage.seeds);
    if (failure === null) sound.push(stage);
    else console.log(`left out  ${stage.name}: it fails without any bug planted: ${failure}`);
  }
  if (sound.length === 0) throw new Error("no tests pass without a bug planted");
  return sound;
}

async function judge(mutation: Mutation, copy: string, stages: readonly TestStage[]): Promise<Verdict> {
  const startMs = performance.now();
  const path = `${copy}/${mutation.file}`;
  const original = await Deno.readTextFile(path).catch(() => "");
  const verdict = (killed: boolean, by: string): Verdict => ({
    ...{ id: mutation.id, killed, by },
    seconds: (performance.now() - startMs) / 1_000,
  });
  const places = original.split(mutation.find).length - 1;
  if (places !== 1) return verdict(false, `its place is found ${places} times in ${mutation.file}`);
  await Deno.writeTextFile(path, original.replace(mutation.find, () => mutation.replace));
  try {
    for (const { name, paths, seeds } of stages) {
      const failure = await firstFailure(copy, paths, seeds);
      if (failure !== null) return verdict(true, `${name}: ${failure}`);
    }
    return verdict(false, "every test passed");
  } finally {
    await Deno.writeTextFile(path, original);
  }
}

function subjectOf(word: string): keyof typeof SUBJECTS {
  if (word === "lanes" || word === "state") return word;
  throw new RangeError(`there are no bugs of ${word}`);
}

async function main(args: readonly string[]): Promise<number> {
  const wanted: string[] = [];
  let jobs = 1;
  let subject: keyof typeof SUBJECTS = "lanes";
  let isList = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--list") isList = true;
    else if (arg === "--of") subject = subjectOf(args[++i] ?? "");
    else if (arg === "--jobs") jobs = Number(args[++i]);
    else if (arg.startsWith("-")) throw new RangeError(`unknown option ${arg}`);
    else wanted.push(arg);
  }
  if (!Number.isInteger(jobs) || jobs < 1) throw new RangeError("--jobs needs a whole number of 1 or more");
  const { zoo } = SUBJECTS[subject];
  if (isList) {
    for (const { id, elsewhere, file } of zoo) console.log(`${id}\t${file}\t${elsewhere}`);
    return 0;
  }
  const mutations = wanted.length === 0 ? zoo : zoo.filter(({ id }) => wanted.includes(id));
  if (mutations.length === 0 || mutations.length < wanted.length) {
    throw new RangeError(`no such bug: ${wanted.join(" ")}`);
  }

  const queue = [...mutations];
  const verdicts: Verdict[] = [];
  const snapshot = await makeCopy(root);
  const stages = await soundStages(snapshot, SUBJECTS[subject].stages);
  const work = async () => {
    const copy = await makeCopy(snapshot);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const verdict = await judge(next, copy, stages);
        verdicts.push(verdict);
        const word = verdict.killed ? "killed  " : "SURVIVED";
        console.log(`${word} ${verdict.id} (${verdict.seconds.toFixed(0)} s) ${verdict.by}`);
      }
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, mutations.length) }, work));
  } finally {
    await Deno.remove(snapshot, { recursive: true });
  }
  const killed = verdicts.filter((verdict) => verdict.killed).length;
  const score = killed / mutations.length;
  console.log(`\n${killed} of ${mutations.length} killed (${(100 * score).toFixed(1)} %)`);
  return score >= LEAST_SCORE ? 0 : 5;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  console.error(`hana: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  Deno.exit(2);
}
