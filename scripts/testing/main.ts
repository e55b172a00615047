// scripts/test: runs the stages, prints what was skipped and why, and ends with one line of sums.
// Decides the exit code: 1 when anything failed, 2 for a call that makes no sense.
// Never lets a stage hang: each has a limit, after which its process is ended and counts as failed.

// deno-lint-ignore-file no-console
import { ensureBinary } from "../../tests/support/binary.ts";
import { reasonMissing, SKIP_LOG_VARIABLE } from "../../tests/support/requirement.ts";
import { type Finding, type NeedyTest, NO_REASON, type Report, reportOf } from "./report.ts";
import { type Stage, stageOf, STAGES } from "./stages.ts";

const USAGE = "usage: scripts/test [--require-all] [--filter TEXT] [PATHS…]";
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const startDirectory = Deno.cwd();

/** How long an ended runner may take to clean up before it is killed. */
const GRACE_MS = 5_000;

interface Options {
  readonly requireAll: boolean;
  readonly filter: string | null;
  readonly paths: readonly string[];
}

/** A call that makes no sense; the message says why. */
class UsageError extends Error {}

function parse(args: readonly string[]): Options {
  let requireAll = Deno.env.get("HANA_REQUIRE_ALL") === "1";
  let filter: string | null = null;
  const paths: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--require-all") requireAll = true;
    else if (arg === "--filter") {
      const text = args[++i];
      if (text === undefined) throw new UsageError("--filter needs a text");
      filter = text;
    } else if (arg.startsWith("--filter=")) filter = arg.slice("--filter=".length);
    else if (arg.startsWith("-")) throw new UsageError(`unknown option ${arg}`);
    else paths.push(arg);
  }
  return { requireAll, filter, paths };
}

/** All test files under `path`, as sorted paths from the checkout. */
function testFilesUnder(path: string): string[] {
  const files: string[] = [];
  for (const entry of Deno.readDirSync(`${root}/${path}`)) {
    const inside = `${path}/${entry.name}`;
    if (entry.isDirectory) files.push(...testFilesUnder(inside));
    else if (entry.name.endsWith("_test.ts")) files.push(inside);
  }
  return files.sort();
}

/** The files that were asked for. Paths may be given from the current directory or from the checkout. */
function filesOf(paths: readonly string[]): string[] {
  if (paths.length === 0) return testFilesUnder("tests");
  const files = paths.flatMap((path) => {
    const real = [`${startDirectory}/${path}`, `${root}/${path}`, path].map(realPath).find((found) =>
      found !== null
    );
    if (real === undefined || real === null) throw new UsageError(`no such file or folder: ${path}`);
    if (!real.startsWith(`${root}/tests`)) throw new UsageError(`${path} is not under tests/`);
    const inside = real.slice(root.length + 1);
    return Deno.statSync(real).isDirectory ? testFilesUnder(inside) : [inside];
  });
  return [...new Set(files)].sort();
}

function realPath(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    return null;
  }
}

/** All of a stream as text, passed on to `to` as it comes unless that is null. */
async function textOf(from: ReadableStream<Uint8Array>, to: typeof Deno.stdout | typeof Deno.stderr | null) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of from) {
    text += decoder.decode(bytes, { stream: true });
    await to?.write(bytes).catch(() => 0);
  }
  return text;
}

/** Whether `--filter` lets a test run, by Deno's own rule: a part of the name, or an expression between slashes. */
function filterOf(text: string | null): (name: string) => boolean {
  if (text === null) return () => true;
  const expression = /^\/(.*)\/$/.exec(text)?.[1];
  return expression === undefined
    ? (name) => name.includes(text)
    : (name) => new RegExp(expression).test(name);
}

/** Lines of a run that tell nothing once it failed. */
const UNREMARKABLE = /^(?:.* \.\.\. (?:ok|ignored) \(.*\)|running \d+ tests? from .*)\n/gm;

function lastEnded(output: string): string {
  return Array.from(output.matchAll(/^(.*) \.\.\. (?:ok|FAILED|ignored) /gm), (ended) => ended[1]).at(-1) ??
    "none";
}

async function runStage(
  stage: Stage,
  files: readonly string[],
  options: Options,
  work: string,
): Promise<Report> {
  const junitPath = `${work}/${stage.name}.xml`;
  const skipLog = `${work}/${stage.name}.skips`;
  // All of a stage's output would be thousands of lines; what was asked for by its path is shown as it runs.
  const verbose = options.paths.length > 0;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--allow-all", "--no-prompt", "--frozen", "--config", "deno.json"],
      // Types are the business of `deno task check`: one file that does not compile would stop all others here.
      "--no-check",
      "--reporter=pretty",
      `--junit-path=${junitPath}`,
      ...(stage.parallel === false ? [] : ["--parallel"]),
      ...(options.filter === null ? [] : ["--filter", options.filter]),
      ...files,
    ],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: {
      [SKIP_LOG_VARIABLE]: skipLog,
      HANA_REQUIRE_ALL: options.requireAll ? "1" : "0",
      NO_COLOR: "1",
      RUST_BACKTRACE: "0",
      ...(typeof stage.parallel === "number" ? { DENO_JOBS: String(stage.parallel) } : {}),
    },
  }).spawn();

  let killed: string | null = null;
  const timers = [setTimeout(() => {
    killed = `took longer than ${stage.limitMs / 1000} s and was ended`;
    child.kill("SIGTERM");
    timers.push(setTimeout(() => child.kill("SIGKILL"), GRACE_MS));
  }, stage.limitMs)];
  const [status, output, errors] = await Promise.all([
    child.status,
    textOf(child.stdout, verbose ? Deno.stdout : null),
    textOf(child.stderr, verbose ? Deno.stderr : null),
  ]);
  for (const timer of timers) clearTimeout(timer);
  if (status.signal !== null) killed ??= `was killed by ${status.signal}`;

  if (killed !== null) killed += `; the last test to end: ${lastEnded(output)}`;
  const report = reportOf({
    junit: await Deno.readTextFile(junitPath).catch(() => null),
    output: output + errors,
    code: status.code,
    killed,
    isWanted: filterOf(options.filter),
    needy: await readNeedy(skipLog),
  });
  if (!verbose && report.failed.length > 0) console.log((output + errors).replace(UNREMARKABLE, ""));
  return report;
}

async function readNeedy(path: string): Promise<Map<string, NeedyTest>> {
  const lines = (await Deno.readTextFile(path).catch(() => "")).split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => {
    const test = JSON.parse(line) as NeedyTest;
    return [test.name, { ...test, file: new URL(test.file).pathname.replace(`${root}/`, "") }];
  }));
}

/** Compiles the executable when it is missing or older than a source. Null when it is there or not for here. */
async function bringBinary(): Promise<string | null> {
  if (reasonMissing("binary") !== null) return null;
  return await ensureBinary().then(() => null, (error: unknown) => String(error));
}

async function main(args: string[]): Promise<number> {
  const options = parse(args);
  const files = filesOf(options.paths);
  const homeless = files.filter((file) => stageOf(file) === null);
  const failed: Finding[] = [];
  const skipped: Finding[] = [];
  let passed = 0;
  // A test outside of every stage would never run, which nobody would notice.
  for (const file of homeless) {
    failed.push({ name: "(no stage)", file, why: "stands outside of the test folders" });
  }

  const work = await Deno.makeTempDir({ prefix: "hana-tests-" });
  try {
    for (const stage of STAGES) {
      const { first = [] } = stage;
      const all = files.filter((file) => stageOf(file) === stage);
      const own = [
        ...first.filter((file) => all.includes(file)),
        ...all.filter((file) => !first.includes(file)),
      ];
      if (own.length === 0) continue;
      console.log(`\n== ${stage.name}: ${own.length} files`);
      const startMs = performance.now();
      const missing = stage.needsBinary ? await bringBinary() : null;
      if (missing !== null) failed.push({ name: "(the executable)", file: "scripts/compile", why: missing });
      const report = await runStage(stage, own, options, work);
      passed += report.passed;
      failed.push(...report.failed);
      skipped.push(...report.skipped);
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(
        `== ${stage.name}: ${report.passed} passed, ${report.failed.length} failed, ` +
          `${report.skipped.length} skipped in ${seconds} s`,
      );
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }

  if (passed + failed.length + skipped.length === 0) {
    failed.push({ name: "(no test)", file: "", why: "nothing that was asked for is a test" });
  }
  // Where everything is required, nothing may be left out, by whatever way.
  if (options.requireAll) {
    failed.push(...skipped.splice(0).map((finding) => ({ ...finding, why: `skipped: ${finding.why}` })));
  }
  printFindings("failed", failed);
  printFindings("skipped", skipped);
  console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length === 0 ? 0 : 1;
}

function printFindings(title: string, findings: readonly Finding[]): void {
  if (findings.length > 0) console.log(`\n${title}:`);
  for (const { name, file, why } of findings) {
    const [firstLine = ""] = why.split("\n");
    console.log(`  ${[file, name].filter((part) => part !== "").join(": ")}: ${firstLine}`);
  }
  if (findings.some((finding) => finding.why === NO_REASON)) {
    console.log("  (use skippable of tests/support/requirement.ts, which tells the reason)");
  }
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`hana: ${error.message}\n${USAGE}`);
  Deno.exit(2);
}
