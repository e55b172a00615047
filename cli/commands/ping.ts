// `hana ping NODE…`: round trips by node, path and lane, and which path each reply took.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, Histogram, toHanaError } from "../../lib/base/mod.ts";
import { isLaneName, type LaneName, LANES } from "../../lib/lanes/mod.ts";
import { MAX_PING_BYTES, type NodeView, type PathKind } from "../../lib/node/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import { formatAddress } from "../../lib/transport/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import { pingRendering, type PingResult, pingSummary, shortPath } from "../nodes/ping_rendering.ts";
import { EXIT, exitCodeOf, parseDuration } from "../output/mod.ts";

interface PingOptions {
  readonly count: string;
  readonly interval: string;
  readonly lane: string;
  readonly path: string;
  readonly size: string;
  readonly graph?: true;
  readonly direct?: true;
}

/** One reply must come within this unless `--timeout` says otherwise. */
const DEFAULT_TIMEOUT_US = 1_000_000;
const LOOK_TIMEOUT_US = 1_000_000;

/** Declares `hana ping`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "round trips to nodes, by path and lane; exit code 1 when none answered, 3 when some did not",
  );
  setExamples(
    command,
    { call: "hana ping stage-left", why: "is it there, and how far" },
    { call: "hana ping stage-left --path all --lane all --graph", why: "every way to it, compared" },
  );
  command
    .argument("<NODE...>", "names, ids, addresses such as tcp://10.0.0.2:47677, or 'all'")
    .option("-c, --count <N>", "round trips for each path and lane", "4")
    .option("-i, --interval <DURATION>", "time between two round trips", "100ms")
    .option("--lane <LANE>", `${Object.keys(LANES).join(", ")} or all`, "control")
    .option("--path <PATH>", "auto (the best one), unix, pipe, tcp, udp or all", "auto")
    .option("--size <BYTES>", `payload, up to ${MAX_PING_BYTES}`, "64")
    .option("--graph", "a histogram for each path and lane")
    .option("--direct", "find nodes on the network even if one runs here")
    .action(async (targets, options) => await ping(cli, targets, options as PingOptions));
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function ping(cli: Cli, targets: readonly string[], options: PingOptions): Promise<void> {
  const plan = planOf(cli, options);
  const client = await MeshClient.open(cli, {
    timeoutUs: LOOK_TIMEOUT_US,
    // The network's own round trip needs our own discovery.
    direct: options.direct === true || plan.paths.includes("udp"),
  });
  const results: PingResult[] = [];
  let failure: HanaError | null = null;
  let stopped = false;
  cli.signals.handle((signal) => {
    stopped = true;
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
  });
  try {
    for (const target of await expandAll(client, targets)) {
      try {
        for await (const result of pingOne(cli, client, target, plan, () => stopped)) {
          results.push(result);
          failure ??= result.error;
        }
      } catch (thrown) {
        const error = toHanaError(thrown, "unreachable", `${target} cannot be reached`);
        failure ??= error;
        cli.output.error(error);
        results.push({
          node: target,
          path: null,
          lane: null,
          seal: null,
          sent: 0,
          received: 0,
          rtt: new Histogram(),
          error,
        });
      }
    }
    const answered = results.filter((result) => result.received > 0);
    if (answered.length > 0 || results.length > 1) {
      await cli.output.rows(pingRendering(), results);
    } else if (cli.output.mode === "json") await cli.output.rows(pingRendering(), results);
    if (options.graph === true && cli.output.mode === "table") cli.output.raw(pingSummary(results));
    if (stopped) return;
    const complete = results.every((result) => result.received === result.sent && result.received > 0);
    if (answered.length === 0) cli.exitWith(exitOfSilence(failure));
    else if (!complete) cli.exitWith(EXIT.partial);
  } finally {
    await client.close();
  }
}

/** Nobody answered: 1, unless it was refused or the call itself was wrong. */
function exitOfSilence(failure: HanaError | null): 1 | 2 | 7 {
  const code = failure === null ? EXIT.negative : exitCodeOf(failure);
  return code === EXIT.refused || code === EXIT.usage ? code : EXIT.negative;
}

interface PingPlan {
  readonly count: number;
  readonly intervalUs: number;
  readonly timeoutUs: number;
  readonly lanes: readonly LaneName[];
  readonly paths: readonly (PathKind | "udp")[];
  readonly payload: Uint8Array;
}

function planOf(cli: Cli, options: PingOptions): PingPlan {
  const lanes = options.lane === "all" ? Object.keys(LANES) as LaneName[] : [laneOf(options.lane)];
  return {
    count: wholeNumber("--count", options.count, 1, 1_000_000),
    intervalUs: parseDuration(options.interval, "--interval"),
    timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
    lanes,
    paths: options.path === "all" ? ["unix", "pipe", "tcp", "udp"] : [pathOf(options.path)],
    payload: new Uint8Array(wholeNumber("--size", options.size, 0, MAX_PING_BYTES)),
  };
}

function laneOf(text: string): LaneName {
  if (isLaneName(text)) return text;
  throw new HanaError("usage", {
    what: `there is no lane ${text}`,
    why: `the lanes are ${Object.keys(LANES).join(", ")}`,
    hint: "--lane all",
  });
}

function pathOf(text: string): PathKind | "udp" {
  if (text === "auto" || text === "unix" || text === "pipe" || text === "tcp" || text === "udp") return text;
  throw new HanaError("usage", {
    what: `there is no path ${text}`,
    why: "the paths are auto, unix, pipe, tcp, udp, all",
    hint: "--path all",
  });
}

function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new HanaError("usage", {
    what: `${flag} is ${JSON.stringify(text)}, expected a whole number from ${min} to ${max}`,
    hint: `${flag} ${Math.max(min, Math.min(max, 64))}`,
  });
}

async function expandAll(client: MeshClient, targets: readonly string[]): Promise<string[]> {
  if (!targets.includes("all")) return [...targets];
  const others = (await client.nodes()).filter((node) => node.state !== "left" && node.state !== "dead");
  if (others.length === 0) {
    throw new HanaError("not-found", {
      what: "no node to ping",
      why: `${client.via} shows none`,
      hint: "hana discover",
    });
  }
  return others.map((node) => node.id);
}

/** Pings one target over every path and lane of the plan. */
async function* pingOne(
  cli: Cli,
  client: MeshClient,
  target: string,
  plan: PingPlan,
  isStopped: () => boolean,
): AsyncGenerator<PingResult> {
  if (target.includes("://") || target.startsWith("/")) {
    const session = await client.node.open(target, { timeoutUs: plan.timeoutUs });
    return yield* pingSession(cli, client, session, session.peer.name, plan, isStopped);
  }
  const node = await client.find(target);
  if (node.state === "dead" || node.state === "left") {
    cli.output.warn(`${node.name} is ${node.state}; trying all the same`);
  }
  for (const path of plan.paths) {
    if (path === "udp") yield await pingDiscovery(cli, client, node, plan, isStopped);
    else if (plan.paths.length === 1) {
      const session = await client.node.open(node, { timeoutUs: plan.timeoutUs, path });
      yield* pingSession(cli, client, session, node.name, plan, isStopped);
    } else yield* pingEachAddress(cli, client, node, path, plan, isStopped);
  }
}

/** `--path all`: every address of a kind on its own, so that one dead cable shows. */
async function* pingEachAddress(
  cli: Cli,
  client: MeshClient,
  node: NodeView,
  path: PathKind,
  plan: PingPlan,
  isStopped: () => boolean,
): AsyncGenerator<PingResult> {
  for (const address of client.node.pathsTo(node, path)) {
    const url = formatAddress(address);
    try {
      const session = await client.node.open(url, { timeoutUs: plan.timeoutUs });
      yield* pingSession(cli, client, session, node.name, plan, isStopped);
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", url);
      cli.output.error(error);
      for (const lane of plan.lanes) {
        yield {
          node: node.name,
          path: url,
          lane,
          seal: null,
          sent: plan.count,
          received: 0,
          rtt: new Histogram(),
          error,
        };
      }
    }
  }
}

async function* pingSession(
  cli: Cli,
  client: MeshClient,
  session: Session,
  name: string,
  plan: PingPlan,
  isStopped: () => boolean,
): AsyncGenerator<PingResult> {
  const path = session.remote;
  try {
    for (const lane of plan.lanes) {
      const roundTrip = (): Promise<number> => client.node.ping(session, lane, plan.payload, plan.timeoutUs);
      yield await measure(
        cli,
        { node: name, path, lane, seal: session.secure ? "encrypted" : null },
        plan,
        roundTrip,
        isStopped,
      );
    }
  } finally {
    await session.close("pinged");
  }
}

async function pingDiscovery(
  cli: Cli,
  client: MeshClient,
  node: NodeView,
  plan: PingPlan,
  isStopped: () => boolean,
): Promise<PingResult> {
  const discovery = client.node.discovery;
  if (discovery === null) throw new HanaError("internal", { what: "ping by udp without discovery" });
  const from = discovery.registry.get(node.id)?.from;
  const path = from === undefined ? "udp" : formatAddress({ kind: "udp", host: from.host, port: from.port });
  return await measure(
    cli,
    { node: node.name, path, lane: "discovery", seal: "signed" },
    plan,
    () => discovery.ping(node.id),
    isStopped,
  );
}

interface PingSubject {
  readonly node: string;
  readonly path: string;
  readonly lane: string;
  readonly seal: PingResult["seal"];
}

/** Sends the plan's count of pings and tells each reply as it comes. */
async function measure(
  cli: Cli,
  subject: PingSubject,
  plan: PingPlan,
  roundTrip: () => Promise<number>,
  isStopped: () => boolean,
): Promise<PingResult> {
  const rtt = new Histogram();
  let sent = 0;
  let error: HanaError | null = null;
  while (sent < plan.count && !isStopped()) {
    sent++;
    const startedMs = performance.now();
    try {
      const rttUs = await roundTrip();
      rtt.record(rttUs);
      tellReply(cli, subject, sent, rttUs, null);
    } catch (thrown) {
      error = toHanaError(thrown, "internal", `ping ${subject.node}`);
      tellReply(cli, subject, sent, null, error);
      if (error.code !== "timeout") break;
    }
    const restMs = plan.intervalUs / 1000 - (performance.now() - startedMs);
    if (sent < plan.count && restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  // On a terminal every reply that did not come has had its line.
  if (error !== null && rtt.count === 0 && cli.output.mode !== "table") cli.output.error(error);
  return {
    node: subject.node,
    path: subject.path,
    lane: subject.lane,
    seal: subject.seal,
    sent,
    received: rtt.count,
    rtt,
    error,
  };
}

/** One reply: a line for people on a terminal, an event for NDJSON, nothing where only the sums are wanted. */
function tellReply(
  cli: Cli,
  subject: PingSubject,
  number: number,
  rttUs: number | null,
  error: HanaError | null,
): void {
  const { node, path, lane } = subject;
  if (cli.output.mode === "ndjson") {
    cli.output.event("ping.reply", {
      node,
      path,
      lane,
      seal: subject.seal,
      number,
      rttUs,
      error: error?.message ?? null,
    });
  } else if (cli.output.mode === "table") {
    const how = `${shortPath(path)}${subject.seal === null ? "" : ` (${subject.seal})`}, lane ${lane}`;
    cli.output.message(
      rttUs === null
        ? `no reply from ${node} by ${how}: ${error?.message}`
        : `reply from ${node} by ${how}: ${(rttUs / 1000).toFixed(3)} ms`,
    );
  }
}
