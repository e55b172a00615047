// `hana serve`: runs a node until it is told to stop. Never exits because the network went away.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { Node, type NodeEvent, type NodeOptions, type NodeView } from "../../lib/node/mod.ts";
import type { ParameterDefinition } from "../../lib/state/mod.ts";
import type { DiscoveryEvent, LeaseToken } from "../../lib/discovery/mod.ts";
import { addSettingFlags, type Cli, collect, setExamples } from "../frame/mod.ts";
import { IDENTIFY } from "../nodes/identify.ts";
import { commonOptions } from "../nodes/options.ts";
import { isSameForWatcher, nodeJson } from "../nodes/rendering.ts";
import { counted, document, EXIT, printable, shellWord, whileRead } from "../output/mod.ts";
import type { Visualization } from "../visualization/mod.ts";

interface ServeOptions {
  readonly readyFile?: string;
  readonly draw?: true;
  readonly parameter?: string[];
  readonly parameters?: string;
}

/** Goodbyes may take this long altogether (contracts: SIGTERM says goodbye within 2 s). */
const GOODBYE_MS = 2_000;

/** Declares `hana serve`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "runs a node on this machine: others find it, reach it and call what it understands; Ctrl-C or SIGTERM ends it with a goodbye and exit code 0",
  );
  setExamples(
    command,
    { call: "hana serve", why: "a daemon with the machine's name" },
    {
      call: 'hana serve --role visualization --name stage-left --parameter "hue:f32:0..360:°=120"',
      why: "a visualization, with a parameter that hana state set moves from anywhere",
    },
  );
  command
    .option("--ready-file <FILE>", "write how to reach the node there once it can be reached")
    .option("--draw", "a visualization draws its parameters to the terminal")
    .option(
      "--parameter <DEFINITION>",
      'a visualization shares this parameter, such as "hue:f32:0..360:°=120"; repeatable',
      collect,
    )
    .option("--parameters <FILE>", "a visualization shares the parameters of a YAML file")
    .action(async (options) => await serve(cli, options as ServeOptions));
  addSettingFlags(command as unknown as Command, [
    "name",
    "role",
    "priority",
    "tags",
    "capabilities",
    "resources",
    "hardware",
    "interface",
    "port",
    "discoveryPort",
    "discoveryGroup",
    "peers",
    "dnsSd",
    "lanes",
    "wire",
    "maxFrame",
    "insecure",
    "hostState",
    "programs",
    "allowExec",
    "allowApply",
    "logLevel",
    "keyFile",
  ]);
}

async function serve(cli: Cli, options: ServeOptions): Promise<void> {
  const shared = await parametersOf(cli, options);
  const nodeOptions = await optionsOf(cli, shared);
  const platform = await cli.platform();
  let stopping = false;
  const stopped = Promise.withResolvers<void>();
  const stop = (): void => {
    stopping = true;
    stopped.resolve();
  };
  cli.signals.handle((signal) => {
    cli.output.message(`${signal}: saying goodbye`);
    stop();
  });
  const visualization = await visualizationOf(cli, options, shared, (reason) => {
    cli.output.message(`${printable(reason)}: saying goodbye`);
    stop();
  });
  // A note of an earlier life would call us ready before we are.
  if (options.readyFile !== undefined) platform.files.remove(options.readyFile);
  while (!stopping) {
    const node = await Node.start(platform, nodeOptions);
    let conflict: HanaError | null = null;
    try {
      defineIdentify(cli, node);
      cli.rehearsal?.onNode(node);
      tellReady(cli, node);
      visualization?.attach(node);
      if (options.readyFile !== undefined) await writeReadyFile(cli, options.readyFile, node);
      // Whoever read the events has left: that ends this node in order, as a signal does.
      const stopLogging = logChanges(cli, node, stop);
      conflict = await Promise.race([stopped.promise.then(() => null), node.conflict]);
      stopLogging();
    } finally {
      cli.rehearsal?.onStop();
      await withinGoodbye(node.stop(conflict === null ? "quit" : "id conflict"));
    }
    if (conflict === null) break;
    cli.output.error(conflict);
    node.renewId();
  }
  await visualization?.stop("quit");
  // A goodbye was said: that is how a node is meant to end.
  cli.exitWith(EXIT.done);
}

/** What this node does beside being one: a visualization draws, and speaks to the shim that started it. */
async function visualizationOf(
  cli: Cli,
  options: ServeOptions,
  shared: readonly ParameterDefinition[],
  onStop: (reason: string) => void,
): Promise<Visualization | null> {
  if (cli.settings.role !== "visualization") {
    if (options.draw === undefined) return null;
    throw new HanaError("usage", {
      what: `--draw with the role ${cli.settings.role}`,
      why: "only a visualization draws",
      hint: "hana serve --role visualization --draw",
    });
  }
  const { Visualization } = await import("../visualization/mod.ts");
  return await Visualization.start({
    platform: await cli.platform(),
    output: cli.output,
    environment: Object.fromEntries(
      ["HANA_SOCK", "HANA_TOKEN", "HANA_NAME", "HANA_RUN", "HANA_HEARTBEAT_MS"].map((name) => [
        name,
        cli.environment.get(name),
      ]),
    ),
    draws: options.draw === true,
    shared,
    onStop,
  });
}

/** What a visualization shares with the mesh. Throws `usage`. */
async function parametersOf(
  cli: Cli,
  { parameter = [], parameters }: ServeOptions,
): Promise<readonly ParameterDefinition[]> {
  if (parameter.length === 0 && parameters === undefined) return [];
  if (cli.settings.role !== "visualization") {
    throw new HanaError("usage", {
      what: `--parameter with the role ${cli.settings.role}`,
      why: "visualizations declare parameters; other paths are made by hana state define",
      hint: `hana serve --role visualization --parameter ${
        shellWord(parameter[0] ?? "hue:f32:0..360:°=120")
      }`,
    });
  }
  const { readParameters } = await import("../visualization/declaring.ts");
  return await readParameters(parameter, parameters);
}

async function optionsOf(cli: Cli, shared: readonly ParameterDefinition[]): Promise<NodeOptions> {
  const { settings, resolved } = cli;
  const isNameChosen = resolved.rows.some(({ name, origin }) => name === "name" && origin.kind !== "default");
  return {
    ...await commonOptions(cli, settings.role),
    ...(isNameChosen ? { name: settings.name } : {}),
    runDirectory: settings.runDir,
    tcpPort: settings.port,
    insecure: settings.insecure,
    ...(settings.priority === null ? {} : { priority: settings.priority }),
    tags: settings.tags,
    capabilities: settings.capabilities,
    resources: settings.resources,
    readsHardware: settings.hardware === "auto",
    state: { host: settings.hostState, ...(shared.length === 0 ? {} : { parameters: shared }) },
    ...await programsOf(cli),
  };
}

/** Whether this node starts programs, and how their shims are started. */
async function programsOf(cli: Cli): Promise<Pick<NodeOptions, "programs">> {
  const { programs, role, allowExec, allowApply } = cli.settings;
  if (programs === "off" || (programs === "auto" && role !== "daemon")) return {};
  const { hanaProgram } = await import("../simulate/real/node_process.ts");
  const [first = "hana", ...rest] = hanaProgram();
  return { programs: { shim: [first, ...rest], allowExec, allowApply } };
}

function defineIdentify(cli: Cli, node: Node): void {
  node.onRequest(IDENTIFY, ({ text }, { session }) => {
    const shown = text === undefined || text === ""
      ? `this is ${node.name}`
      : `this is ${node.name}: ${text}`;
    cli.output.message(`*** ${printable(shown)}   (asked by ${printable(session.peer.name)}) ***`);
    return { shown };
  });
}

/** The first lines: how to reach the node. */
function tellReady(cli: Cli, node: Node): void {
  const { output } = cli;
  const open = node.trust === "open";
  if (output.mode === "ndjson" || output.mode === "json") {
    output.event("serve.ready", readyOf(node));
    return;
  }
  output.message(`${node.name} (${node.role}) is ready, id ${node.id.slice(0, 8)}`);
  for (const address of node.addresses) output.message(`  reach it at ${address}`);
  const problems = [...(node.discovery?.problems ?? []), ...(node.dnsSd?.problems ?? [])];
  for (const { error } of problems) output.warn(error.message);
  if (open) {
    output.message(
      cli.settings.insecure
        ? "  no mesh key, --insecure: every machine may command it"
        : "  no mesh key: others see it but may not command it; try: hana mesh create",
    );
  }
}

function readyOf(node: Node): Record<string, string | number | string[]> {
  return {
    id: node.id,
    name: node.name,
    role: node.role,
    trust: node.trust,
    addresses: node.addresses,
    processId: Deno.pid,
  };
}

async function writeReadyFile(cli: Cli, path: string, node: Node): Promise<void> {
  try {
    const { files } = await cli.platform();
    files.write(
      path,
      new TextEncoder().encode(JSON.stringify(document("ready", readyOf(node))) + "\n"),
      0o600,
    );
  } catch (thrown) {
    // Whoever waits for the file would wait for ever: that is worth ending for.
    throw toHanaError(thrown, "storage", `ready file ${path} cannot be written`);
  }
}

/** Tells what happens, until the function that it returns is called; calls `onGone` when nobody reads it any more. */
function logChanges(cli: Cli, node: Node, onGone: () => void): () => void {
  const level = cli.settings.logLevel;
  if (level === "error") return () => {};
  const stopWarnings = node.discovery?.onEvent((event) => {
    const warning = warningOf(event, node);
    if (warning !== null) cli.output.warn(warning);
    if (level === "debug") cli.output.message(`debug: ${JSON.stringify(event)}`);
  });
  const stopSessions = level !== "debug" ? undefined : node.sessions.onAccepted(({ peer, remote }) => {
    cli.output.message(`debug: ${peer.name} (${peer.role}) opened a session from ${remote}`);
  });
  const stopNodes = level === "warn" ? undefined : logNodes(cli, node, onGone);
  return () => {
    stopWarnings?.();
    stopSessions?.();
    stopNodes?.();
  };
}

/** What a crew should know of, if the event is of that kind. */
function warningOf(event: DiscoveryEvent, node: Node): string | null {
  switch (event.kind) {
    case "renamed":
      return `another node has the name ${event.wanted}: this one is ${event.name} now`;
    case "foreign":
      return `${
        counted(event.sources, "machine")
      } nearby with another mesh key, or none; compare: hana mesh show`;
    case "incompatible":
      return `${event.from.host} speaks version ${event.version} of the discovery protocol, which this hana does not`;
    case "peer-limit":
      return `the list of nodes is full: ${counted(event.overflow, "node")} did not fit`;
    case "echo-missing":
      return event.times < 3 ? null : node.discovery?.problems[0]?.error.message ?? null;
    case "multicast-degraded":
      // Told again every minute; the crew hears of it once.
      return event.sinceUs > 0 ? null : node.discovery?.problems[0]?.error.message ?? null;
    case "no-quorum":
      return `no app leads: ${event.present} of ${counted(event.voters, "voter")} in reach; ` +
        "what runs goes on; try: hana leader";
    case "diverged":
      return `two apps led apart: ${leaderText(event.winner, node)} stays; ` +
        `look through what was changed under ${leaderText(event.loser, node)}`;
    default:
      return null;
  }
}

function leaderText({ term, leaderId }: LeaseToken, node: Node): string {
  const name = node.nodes().find(({ id }) => id === leaderId)?.name ?? leaderId.slice(0, 8);
  return `${printable(name)} (term ${term})`;
}

function logNodes(cli: Cli, node: Node, onGone: () => void): () => void {
  const states = new Map<string, string>();
  const told = new Map<string, NodeView>();
  return node.watchNodes((op, other, event) => {
    if (cli.output.mode === "ndjson") {
      const before = told.get(other.id) ?? (other.self ? other : undefined);
      if (op === "remove") told.delete(other.id);
      else told.set(other.id, other);
      const isSame = op === "update" && event === undefined && before !== undefined &&
        isSameForWatcher(before, other);
      if (isSame) return;
      const why = event === undefined ? {} : { event: { ...event } };
      whileRead(() => cli.output.event("serve.node", { op, node: nodeJson(other), ...why }), onGone);
      return;
    }
    if (other.self) return;
    const before = states.get(other.id);
    if (op === "remove") states.delete(other.id);
    else states.set(other.id, other.state);
    if (op === "remove") return;
    const why = sentenceOfEvent(other, event);
    if (why !== null) cli.output.message(why);
    else if (before !== other.state) cli.output.message(sentenceOf(before, other));
  });
}

/** What happened, where the state alone would not say it; null where it does. */
function sentenceOfEvent(node: NodeView, event: NodeEvent | undefined): string | null {
  if (event?.kind === "restarted") return `${node.name} (${node.role}) started anew`;
  return event?.kind === "renamed" ? `${event.was} goes by the name ${event.now} now` : null;
}

function sentenceOf(before: string | undefined, node: NodeView): string {
  const who = `${node.name} (${node.role})`;
  switch (node.state) {
    case "alive":
      return before === undefined
        ? `found ${who}`
        : before === "suspect" || before === "unreachable"
        ? `${who} answers again`
        : `${who} is back`;
    case "suspect":
      return `${who} is silent; asking again`;
    case "unreachable":
      return `${who} does not answer here; others may still hear it`;
    case "partitioned":
      return `${who} is out of reach with many others; this machine seems to be cut off`;
    case "dead":
      return `lost ${who}: no answer`;
    case "left":
      return `${who} said goodbye`;
  }
}

/** Waits for the goodbye, but not for ever: a dead network must not keep a crew waiting. */
async function withinGoodbye(goodbye: Promise<void>): Promise<void> {
  let timer: number | undefined;
  const cap = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GOODBYE_MS);
  });
  await Promise.race([goodbye, cap]);
  clearTimeout(timer);
}
