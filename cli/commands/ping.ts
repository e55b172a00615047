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
import {
  pingRendering,
  type PingResult,
  pingSummary,
  shortPath,
  streamNotes,
} from "../nodes/ping_rendering.ts";
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
/** Lanes move to datagrams within two round trips where those pass: pings wait for it, so that all take one path. */
const SETTLE_US = 250_000;

/** Declares `hana ping`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "round trips to nodes, by path and lane; exit code 1 when none answered, 3 when some did not",
  );
  setExamples(
    command,
    { call: "hana ping stage-left", why: "is it there, and how far" },
    { call: "hana ping stage-left --path udp", why: "do its lanes go by UDP; exit code 1 and why if not" },
    { call: "hana ping udp://10.0.0.2:47677", why: "a node behind a firewall that drops TCP" },
    { call: "hana ping stage-left --path all --lane all --graph", why: "every way to it, compared" },
  );
  command
    .argument("<NODE...>", "names, ids, addresses (tcp://10.0.0.2:47677, udp://…, unix://…), or 'all'")
    .option("-c, --count <N>", "round trips for each path and lane", "4")
    .option("-i, --interval <DURATION>", "time between two round trips", "100ms")
    .option("--lane <LANE>", `${Object.keys(LANES).join(", ")} or all`, "control")
    .option(
      "--path <PATH>",
      "auto (the best one), unix, pipe, tcp (without UDP), udp (nothing else), discovery or all",
      "auto",
    )
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
    direct: options.direct === true || plan.paths.includes("discovery"),
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
        results.push(noReplies(target, null, null, 0, error));
      }
    }
    const answered = results.filter((result) => result.received > 0);
    if (answered.length > 0 || results.length > 1) {
      await cli.output.rows(pingRendering(), results);
    } else if (cli.output.mode === "json") await cli.output.rows(pingRendering(), results);
    if (options.graph === true && cli.output.mode === "table") cli.output.raw(pingSummary(results));
    if (cli.output.mode === "table") { for (const note of streamNotes(results)) cli.output.message(note); }
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

/** A path of lanes, or the datagrams by which nodes find each other. */
type WantedPath = PathKind | "discovery";

const PATHS: readonly WantedPath[] = ["auto", "unix", "pipe", "tcp", "udp", "discovery"];

interface PingPlan {
  readonly count: number;
  readonly intervalUs: number;
  readonly timeoutUs: number;
  readonly lanes: readonly LaneName[];
  readonly paths: readonly WantedPath[];
  readonly payload: Uint8Array;
}

function planOf(cli: Cli, options: PingOptions): PingPlan {
  const lanes = options.lane === "all" ? Object.keys(LANES) as LaneName[] : [laneOf(options.lane)];
  return {
    count: wholeNumber("--count", options.count, 1, 1_000_000),
    intervalUs: parseDuration(options.interval, "--interval"),
    timeoutUs: cli.settings.timeout ?? DEFAULT_TIMEOUT_US,
    lanes,
    paths: options.path === "all" ? PATHS.slice(1) : [pathOf(options.path)],
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

function pathOf(text: string): WantedPath {
  const path = PATHS.find((each) => each === text);
  if (path !== undefined) return path;
  throw new HanaError("usage", {
    what: `there is no path ${text}`,
    why: `the paths are ${PATHS.join(", ")}, all`,
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
    const [path] = plan.paths.length === 1 ? plan.paths : [];
    const session = await client.node.open(target, { timeoutUs: plan.timeoutUs, ...lanesOf(path) });
    if (path === "udp") await requireDatagrams(session, session.peer.name, plan);
    return yield* pingSession(cli, client, session, session.peer.name, plan, isStopped);
  }
  const node = await client.find(target);
  if (node.state === "dead" || node.state === "left") {
    cli.output.warn(`${node.name} is ${node.state}; trying all the same`);
  }
  const isAll = plan.paths.length > 1;
  for (const path of plan.paths) {
    if (path === "discovery") yield await pingDiscovery(cli, client, node, plan, isStopped);
    else if (path === "udp") yield* pingDatagrams(cli, client, node, plan, isStopped, isAll);
    else if (isAll) yield* pingEachAddress(cli, client, node, path, plan, isStopped);
    else {
      const session = await client.node.open(node, { timeoutUs: plan.timeoutUs, path, ...lanesOf(path) });
      yield* pingSession(cli, client, session, node.name, plan, isStopped);
    }
  }
}

/** Who asks for TCP wants to know how far it is by TCP. */
function lanesOf(path: WantedPath | undefined): { readonly lanes?: "stream" } {
  return path === "tcp" ? { lanes: "stream" } : {};
}

/** `--path udp`: lanes by datagrams beside the stream, as shows use them; without any stream where TCP fails. */
async function* pingDatagrams(
  cli: Cli,
  client: MeshClient,
  node: NodeView,
  plan: PingPlan,
  isStopped: () => boolean,
  isOneOfAll: boolean,
): AsyncGenerator<PingResult> {
  if (isOneOfAll && client.node.pathsTo(node, "tcp").length === 0) return;
  const { timeoutUs } = plan;
  let session: Session;
  try {
    session = await client.node.open(node, { timeoutUs, path: "tcp" }).catch((thrown) =>
      client.node.open(node, { timeoutUs, path: "udp" }).catch(() => {
        throw thrown;
      })
    );
    await requireDatagrams(session, node.name, plan);
  } catch (thrown) {
    if (!isOneOfAll) throw thrown;
    const error = toHanaError(thrown, "unreachable", `${node.name} by UDP`);
    cli.output.error(error);
    for (const lane of plan.lanes) yield noReplies(node.name, "udp", lane, plan.count, error);
    return;
  }
  yield* pingSession(cli, client, session, node.name, plan, isStopped);
}

/** Waits until lanes go by datagrams. Rejects with why they do not. */
async function requireDatagrams(session: Session, name: string, plan: PingPlan): Promise<void> {
  if (await session.onDatagrams(plan.timeoutUs)) return;
  const { remote } = session;
  const { why } = session.path;
  await session.close("no datagrams");
  throw new HanaError("unreachable", {
    what: `lanes to ${name} do not go by UDP, but by ${shortPath(remote)}`,
    why,
    hint: `hana doctor ${name}    (or try: hana ping ${name} --path tcp)`,
  });
}

function noReplies(
  node: string,
  path: string | null,
  lane: string | null,
  sent: number,
  error: HanaError,
): PingResult {
  return { node, path, lane, seal: null, sent, received: 0, rtt: new Histogram(), error };
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
      const session = await client.node.open(url, { timeoutUs: plan.timeoutUs, ...lanesOf(path) });
      yield* pingSession(cli, client, session, node.name, plan, isStopped);
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", url);
      cli.output.error(error);
      for (const lane of plan.lanes) yield noReplies(node.name, url, lane, plan.count, error);
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
  const seal = session.secure ? "encrypted" : null;
  try {
    await session.onDatagrams(SETTLE_US);
    for (const lane of plan.lanes) {
      const roundTrip = (): Promise<number> => client.node.ping(session, lane, plan.payload, plan.timeoutUs);
      yield await measure(
        cli,
        { node: name, path: () => session.path, lane, seal },
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
    { node: node.name, path: () => ({ remote: path }), lane: "discovery", seal: "signed" },
    plan,
    () => discovery.ping(node.id),
    isStopped,
  );
}

/** Which way a reply has come. */
interface TakenPath {
  readonly remote: string;
  readonly kind?: "udp" | "stream";
  readonly why?: string;
}

interface PingSubject {
  readonly node: string;
  /** As it is now: lanes may move while we measure. */
  readonly path: () => TakenPath;
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
  const { remote, kind = null, why = null } = subject.path();
  return {
    node: subject.node,
    path: remote,
    carrier: kind,
    why,
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
  const { node, lane } = subject;
  const { remote: path, kind = null, why = null } = subject.path();
  if (cli.output.mode === "ndjson") {
    cli.output.event("ping.reply", {
      node,
      path,
      lane,
      seal: subject.seal,
      carrier: kind,
      why,
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
