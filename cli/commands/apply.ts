// `hana apply show.yaml`: what a show says is what its hosts have, now and after a power cut; and back again.
// Decides what the words of the call mean and in which order things are done: read, plan, prepare, take over, roll out.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { APPLY_SHOW, manifestSchema } from "../../lib/supervision/mod.ts";
import { addSettingFlags, type Cli, collect, setExamples } from "../frame/mod.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import { EXIT, jsonText } from "../output/mod.ts";
import { ofHost } from "../programs/errors.ts";
import { Hosts } from "../programs/hosts.ts";
import { checkOp, newOp } from "../programs/op.ts";
import { newestShow, showBefore } from "../programs/show/history.ts";
import { type LoadedShow, loadManifest, ManifestRefused, tellProblems } from "../programs/show/load.ts";
import { type HostPlan, isSettled, makePlan, onHost, reserve, type ShowPlan } from "../programs/show/plan.ts";
import { ApplyReport, type HostReport } from "../programs/show/report.ts";
import { type Rolling, rollOut } from "../programs/show/roll_out.ts";
import { lookAtShows, onlyThese } from "../programs/show/show_hosts.ts";
import { showStatus } from "../programs/show/status.ts";
import { wholeOf } from "../programs/spec_flags.ts";
import { orderer } from "../programs/verbs.ts";
import { ProgramWatches } from "../programs/watched.ts";

interface ApplyOptions {
  readonly plan?: true;
  readonly yes?: true;
  readonly only?: readonly string[];
  readonly rollback?: string | true;
  readonly resume?: true;
  readonly status?: true;
  readonly schema?: true;
  readonly op?: string;
}

const COMMIT_US = 20_000_000;

/** Declares `hana apply`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "makes hosts have the programs that a manifest says; exit code 3 when some hosts do not answer, 7 when somebody else " +
      "changed the show meanwhile",
  );
  setExamples(
    command,
    { call: "hana apply show.yaml --plan", why: "what it would change; nothing is changed" },
    { call: "hana apply show.yaml", why: "change it, and wait until every program is ready" },
    { call: "hana apply --rollback", why: "back to the show before" },
    { call: "hana apply --status", why: "which generation each host has" },
  );
  command
    .argument("[FILE]", "the manifest, YAML or JSON; - for standard input")
    .option("--plan", "say what would change, and change nothing")
    .option("--only <HOST>", "these hosts alone; repeatable", collect)
    .option("--yes", "also where another show is in force")
    .option("--rollback [N]", "the show before the present one, or generation N; hosts keep the last 10")
    .option(
      "--resume",
      "the present show once more: hosts that were away, programs that were left as they were",
    )
    .option("--status", "which generation of which show each host has")
    .option("--schema", "print the JSON Schema of manifests")
    .option("--op <ID>", "the name of this demand: whoever repeats it gets its first answer")
    .action(async (file, options) => await apply(cli, file, options as ApplyOptions));
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function apply(cli: Cli, file: string | undefined, options: ApplyOptions): Promise<void> {
  checkCall(file, options);
  if (options.schema === true) {
    cli.output.raw(`${jsonText(manifestSchema() as Parameters<typeof jsonText>[0], 2)}\n`);
    return;
  }
  try {
    const loaded = file === undefined ? null : await loadManifest(file);
    const hosts = await Hosts.open(cli);
    try {
      await onHosts(cli, hosts, loaded, options);
    } finally {
      await hosts.close();
    }
  } catch (thrown) {
    if (thrown instanceof ManifestRefused) {
      tellProblems(cli, thrown.what.split(" was not")[0] ?? "", thrown.problems);
    }
    throw thrown;
  }
}

function checkCall(file: string | undefined, { rollback, resume, status, schema, plan }: ApplyOptions): void {
  const asked = [
    file === undefined ? null : file,
    rollback === undefined ? null : "--rollback",
    resume === undefined ? null : "--resume",
    status === undefined ? null : "--status",
    schema === undefined ? null : "--schema",
  ].filter((each) => each !== null);
  const [first, second] = asked;
  if (first === undefined) {
    throw new HanaError("usage", {
      what: "nothing to apply",
      why: "a show is described by a manifest",
      hint: "hana apply show.yaml",
    });
  }
  if (second !== undefined) {
    throw new HanaError("usage", {
      what: `${first} and ${second} are two things`,
      why: "one call applies a file, goes back, resumes or shows the status",
      hint: `hana apply ${first}`,
    });
  }
  if (plan === true && (status === true || schema === true)) {
    throw new HanaError("usage", {
      what: `--plan with ${first}`,
      why: "nothing is applied",
      hint: `hana apply ${first}`,
    });
  }
}

async function onHosts(
  cli: Cli,
  hosts: Hosts,
  loaded: LoadedShow | null,
  options: ApplyOptions,
): Promise<void> {
  const only = options.only ?? null;
  const mesh = await lookAtShows(hosts, only);
  const these = onlyThese(mesh, only);
  if (options.status === true) return await showStatus(cli, these);
  const past = loaded !== null
    ? null
    : options.rollback === undefined
    ? await newestShow(these)
    : await showBefore(
      these,
      options.rollback === true ? null : wholeOf(options.rollback, "--rollback", 1, 2 ** 40),
    );
  const show = loaded ?? past?.show;
  if (show === undefined) return;
  const { random } = await cli.platform();
  const op = options.op === undefined ? newOp(random.stream("cli.op")) : checkOp(options.op);
  const by = orderer(cli);
  const of = options.rollback === undefined ? null : past?.generation ?? null;
  const plan = await makePlan(mesh, { show, of, only, op, by });
  const report = new ApplyReport(cli, plan);
  const fatal = plan.hosts.flatMap(({ name, prepared }) =>
    prepared.problems.filter((problem) => problem.fatal).map((problem) => ({ name, ...problem }))
  );
  if (options.plan === true) {
    report.plan();
    if (fatal.length > 0) tellFatal(cli, fatal);
    report.end("plan", plan.hosts.map((each) => reportOf(each, each.isTold ? "planned" : "unchanged")));
    if (fatal.length > 0) cli.exitWith(EXIT.negative);
    return;
  }
  if (plan.hosts.length === 0) {
    const [first] = plan.pending;
    throw first?.error ??
      new HanaError("not-found", { what: "no host of this show answers", hint: "hana discover" });
  }
  if (fatal.length > 0) {
    tellFatal(cli, fatal);
    throw new HanaError("not-found", {
      what: `${show.source} was not applied`,
      why: "nothing was changed anywhere",
      hint: "hana apply --plan shows everything",
    });
  }
  for (const { name, prepared } of plan.hosts) {
    for (const { what, why } of prepared.problems) cli.output.warn(`${name}: ${what}: ${why}`);
  }
  checkReplaced(plan, options);
  if (isSettled(plan)) {
    report.end("apply", plan.hosts.map((each) => reportOf(each, "unchanged")));
    return;
  }
  if (cli.output.mode === "table") report.plan();
  await carryOut(cli, hosts, plan, report, op, by);
}

/** Takes over on every host, then rolls out. */
async function carryOut(
  cli: Cli,
  hosts: Hosts,
  plan: ShowPlan,
  report: ApplyReport,
  op: string,
  by: string,
): Promise<void> {
  const stop = new AbortController();
  let stopped = false;
  let hasBegun = false;
  cli.signals.handle((signal) => {
    stopped = true;
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    if (hasBegun) cli.output.warn("the hosts go on with the show by themselves within 30 s");
    stop.abort();
  });
  const watches = new ProgramWatches(hosts);
  await reserve(plan, op, by);
  if (stopped) return;
  hasBegun = true;
  const taken = await Promise.all(plan.hosts.map((each) => takeOver(cli, plan, each, op, by)));
  const rolling = taken.flatMap(({ rolling: each }) => each === null ? [] : [each]);
  const progress = cli.output.progress(`rolling out generation ${plan.generation}`);
  const left = await rollOut({
    plan,
    hosts: rolling,
    watches,
    by,
    timeoutUs: cli.settings.timeout,
    signal: stop.signal,
    onOutcome: (outcome) => {
      if (!stopped) report.program(outcome);
    },
  });
  progress.done();
  if (stopped) return;
  report.end(
    "apply",
    taken.map(({ report: each }) => ({ ...each, staged: left.get(each.name) ?? [] })),
  );
}

/** One host: the whole generation in one transaction, or nothing. */
async function takeOver(
  cli: Cli,
  { show, of, generation }: ShowPlan,
  plan: HostPlan,
  op: string,
  by: string,
): Promise<{ rolling: Rolling | null; report: HostReport }> {
  const { name, host, programs, prepared, isTold } = plan;
  const before = host.generations[0]?.generation ?? 0;
  if (!isTold) {
    const rolling = prepared.staged.length === 0
      ? null
      : { plan, generation: before, staged: prepared.staged };
    return { rolling, report: reportOf(plan, "unchanged") };
  }
  try {
    const { manifest, sha256, text } = show;
    const reply = await host.host.session.request(APPLY_SHOW, {
      op,
      by,
      base: prepared.base,
      show: { name: manifest.show, generation, of, sha256, text },
      programs: programs.map(({ name: program, spec, want }) => ({ name: program, spec, want })),
    }, { timeoutUs: COMMIT_US });
    if (!reply.durable) {
      cli.output.warn(
        `${name} could not write the show down: its disk refuses; a restart of that machine would forget it`,
      );
    }
    const rolling = { plan, generation, staged: reply.staged };
    return { rolling, report: reportOf(plan, "applied") };
  } catch (thrown) {
    const error = ofHost(toHanaError(thrown, "unreachable", `${name} does not answer`), name);
    return { rolling: null, report: { ...reportOf(plan, "failed"), error: onHost(error, name) } };
  }
}

function reportOf(plan: HostPlan, outcome: HostReport["outcome"]): HostReport {
  return { name: plan.name, outcome, plan, error: null, staged: plan.prepared.staged };
}

function checkReplaced({ replaces, show }: ShowPlan, { yes }: ApplyOptions): void {
  const [first] = replaces;
  if (first === undefined || yes === true) return;
  throw new HanaError("conflict", {
    what: `${first.host} plays ${first.show || "another show"}, and not ${show.manifest.show}`,
    why: `${first.by || "somebody"} applied it; its programs would be ended`,
    hint: `hana apply ${show.source} --yes`,
  });
}

function tellFatal(cli: Cli, fatal: readonly { name: string; what: string; why: string }[]): void {
  for (const { name, what, why } of fatal) {
    cli.output.error(new HanaError("not-found", { what: `${name}: ${what}`, why }));
  }
}
