// `hana bench WORKLOAD [NODE]`: how fast lanes are here, beside bare sockets in the same run.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { benchCodec } from "../bench/codec.ts";
import { benchFanout } from "../bench/fanout.ts";
import { Ground } from "../bench/ground.ts";
import { benchHandshake } from "../bench/handshake.ts";
import { benchLane } from "../bench/lane.ts";
import { describeMachine } from "../bench/machine.ts";
import { type BenchFlags, type BenchPlan, planOf, workloadOf, WORKLOADS } from "../bench/plan.ts";
import { type BenchResult, BenchRun } from "../bench/result.ts";
import { benchRtt } from "../bench/rtt.ts";
import { judgeOf, showResults } from "../bench/showing.ts";
import {
  inTwoNamespaces,
  type PeerPlace,
  PLACE_VARIABLE,
  whyNoTwoNamespaces,
} from "../bench/two_namespaces.ts";
import { offerWords } from "../completions/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { commonOptions, LOOK_SETTINGS } from "../nodes/options.ts";
import { EXIT, type ExitCode } from "../output/mod.ts";

interface BenchOptions extends BenchFlags {
  readonly inProcess?: true;
  readonly namespaces?: true;
  readonly baseline?: string;
  readonly maxRegress?: string;
  readonly html?: string;
  /** `--no-graph`: false. */
  readonly graph?: boolean;
}

const LOOK_TIMEOUT_US = 1_000_000;

/** Declares `hana bench`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "measures lanes beside bare sockets in the same run, between two processes: the ratio is the figure that " +
      "counts; exit code 5 when one is worse than --baseline allows, 3 when nothing could be compared",
  );
  setExamples(
    command,
    { call: "hana bench rtt", why: "round trips by every path and kind of lane" },
    { call: "hana bench rtt stage-left --path udp --kind us", why: "to a node that runs" },
    { call: "hana bench lane --path udp --size 64,1KiB", why: "messages a second over sealed datagrams" },
    { call: "hana bench lane --baseline before.json --max-regress 10%", why: "did a change make it slower" },
  );
  command
    .argument("<WORKLOAD>", "rtt, lane, fanout, codec or handshake")
    .argument("[NODE]", "a node that runs: name, id or address; a process of our own unless given")
    .option("--size <SIZES>", "bytes of a message, such as 64,1KiB")
    .option("--path <PATHS>", "unix, tcp, udp or all")
    .option("--kind <KINDS>", "kinds of lanes: uu, us, ru, ro, their whole names, or all")
    .option("--receivers <COUNTS>", "fanout: to how many", "1,5,10,20")
    .option("--rate <PER-SECOND>", "messages a second, sent whether answers come or not")
    .option("--closed", "rtt: send the next message when the last one is answered")
    .option("--duration <DURATION>", "of each measurement, over all rounds")
    .option("--warmup <DURATION>", "of each measurement, before the first that counts")
    .option("--rounds <N>", "all ways are measured in turn, this many times")
    .option("--no-raw", "without the bare sockets, and without ratios")
    .option("--in-process", "both sides in this process")
    .option("--namespaces", "the sides in two network namespaces (Linux, root)")
    .option("--baseline <FILE>", "compare the ratios with those of an earlier --json")
    .option("--max-regress <SHARE>", "how much worse a ratio may be", "10%")
    .option("--html <FILE>", "draw the results in a page of its own")
    .option("--no-graph", "without histograms on a terminal")
    .action(async (workload, node, options) => await bench(cli, workload, node, options as BenchOptions));
  const [workload] = command.registeredArguments;
  if (workload !== undefined) offerWords(workload, WORKLOADS);
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function bench(
  cli: Cli,
  word: string,
  target: string | undefined,
  options: BenchOptions,
): Promise<void> {
  const plan = planOf(workloadOf(word), options);
  checkTogether(plan, target, options);
  const judge = judgeOf(options.baseline, options.maxRegress);
  const place = placeOf(cli);
  if (options.namespaces === true && place === null) return await runInNamespaces(cli);
  const machine = describeMachine();
  const platform = await cli.platform();
  const ground = plan.workload === "codec" ? null : await groundOf(cli, platform, target, options, place);
  cli.signals.handle((signal) => {
    const code = signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    void (ground?.close() ?? Promise.resolve()).catch(() => {}).finally(() => Deno.exit(code));
  });
  try {
    const progress = cli.output.progress("warming up");
    const benchRun = new BenchRun((text) => progress.update(text));
    const results = await run(ground, platform, plan, benchRun);
    progress.done();
    tellFailures(cli, benchRun, results);
    await showResults(cli, {
      workload: plan.workload,
      machine,
      hasGraph: options.graph !== false,
      htmlPath: options.html ?? null,
      judge,
    }, results);
  } finally {
    await ground?.close();
  }
}

/** Says what could not be measured. When that is all there was, it is the command's own failure. */
function tellFailures(cli: Cli, { failures }: BenchRun, results: readonly BenchResult[]): void {
  const [first] = failures;
  if (first === undefined) return;
  if (results.length === 0) throw first.error;
  for (const { name, error } of failures) cli.output.warn(`${name} was not measured: ${error.message}`);
  cli.exitWith(EXIT.partial);
}

function checkTogether(plan: BenchPlan, target: string | undefined, options: BenchOptions): void {
  const places = [
    ...(target === undefined ? [] : [`the node ${target}`]),
    ...(options.inProcess === true ? ["--in-process"] : []),
    ...(options.namespaces === true ? ["--namespaces"] : []),
  ];
  const [first, second] = places;
  if (first !== undefined && second !== undefined) {
    throw new HanaError("usage", {
      what: `${first} and ${second} together`,
      why: "each says where the other side is",
      hint: `without ${second}`,
    });
  }
  const needsNode = plan.workload !== "codec" && plan.workload !== "fanout";
  if (target === undefined || needsNode) return;
  throw new HanaError("usage", {
    what: `${plan.workload} measures no node`,
    why: plan.workload === "codec"
      ? "it needs no other side"
      : "the age of a message needs a clock that sender and receiver share",
    hint: `hana bench ${plan.workload}`,
  });
}

/** Where our peer belongs, when this call was started in a namespace by another one. */
function placeOf(cli: Cli): PeerPlace | null {
  const text = cli.environment.get(PLACE_VARIABLE);
  return text === undefined || text === "" ? null : JSON.parse(text) as PeerPlace;
}

async function runInNamespaces(cli: Cli): Promise<void> {
  const problem = whyNoTwoNamespaces();
  if (problem !== null) throw problem;
  const code = await inTwoNamespaces(Deno.args, (end) => cli.signals.handle(end));
  cli.exitWith(code as ExitCode);
}

async function groundOf(
  cli: Cli,
  platform: Platform,
  target: string | undefined,
  options: BenchOptions,
  place: PeerPlace | null,
): Promise<Ground> {
  if (target === undefined) {
    if (place !== null) return await Ground.withPeer({ platform, where: "namespaces", ...place });
    return await Ground.withPeer({ platform, where: options.inProcess === true ? "in-process" : "process" });
  }
  const node = await commonOptions(cli, "observer");
  if (target.includes("://") || target.startsWith("/")) return Ground.withNode(platform, node, target);
  const client = await MeshClient.open(cli, { timeoutUs: LOOK_TIMEOUT_US });
  try {
    return Ground.withNode(platform, node, await client.find(target));
  } finally {
    await client.close();
  }
}

async function run(
  ground: Ground | null,
  platform: Platform,
  plan: BenchPlan,
  benchRun: BenchRun,
): Promise<BenchResult[]> {
  if (ground === null) return await benchCodec(plan, benchRun);
  const paths = plan.paths.filter((path) => ground.supports(path));
  if (paths.length === 0) {
    throw new HanaError("unreachable", {
      what: `there is no path ${plan.paths.join(" or ")} to the other side`,
      hint: "--path all",
    });
  }
  const here = { ...plan, paths };
  switch (plan.workload) {
    case "rtt":
      return await benchRtt(ground, here, benchRun);
    case "lane":
      return await benchLane(ground, here, benchRun);
    case "fanout":
      return await benchFanout(ground, here, benchRun);
    default:
      return await benchHandshake(ground, platform, here, benchRun);
  }
}
