// `hana doctor [NODE…]`: what works between this machine and the others, which direction fails, and what to do.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  type Check,
  conclusionOf,
  countVerdicts,
  examine,
  machineChecks,
  peerChecks,
} from "../../lib/node/mod.ts";
import type { NodeView, Observations } from "../../lib/node/mod.ts";
import { type KeyRing, openMeshKeyRing } from "../../lib/security/mod.ts";
import {
  checkJson,
  doctorDocument,
  type DoctorSummary,
  PLAIN_HEADINGS,
  plainLine,
  reportLines,
} from "../doctor/rendering.ts";
import { readSystem } from "../doctor/system.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { commonOptions, LOOK_SETTINGS, machineKeys } from "../nodes/options.ts";
import { EXIT } from "../output/mod.ts";

/** Long enough for three rounds with a hundred nodes. */
const DEFAULT_TIMEOUT_US = 15_000_000;

interface DoctorOptions {
  readonly local?: true;
}

/** Declares `hana doctor`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "tries every way to every node in both directions and says what fails and what to do; exit code 1 when a check " +
      "failed, 3 when nobody was there to ask; warnings alone end with 0",
  );
  setExamples(
    command,
    { call: "hana doctor", why: "this machine and everybody else" },
    { call: "hana doctor stage-left", why: "only the ways to this node" },
    { call: "hana doctor 10.0.0.7", why: "a machine that is not found" },
    { call: "hana doctor --local", why: "this machine alone" },
  );
  command
    .argument("[NODE...]", "names, ids or addresses; all nodes without any")
    .option("--local", "examine this machine alone")
    .action(async (targets, options) => await doctor(cli, targets, options as DoctorOptions));
  addSettingFlags(command as unknown as Command, LOOK_SETTINGS);
}

async function doctor(cli: Cli, targets: readonly string[], options: DoctorOptions): Promise<void> {
  const isLocalOnly = options.local === true;
  if (isLocalOnly && targets.length > 0) {
    throw new HanaError("usage", {
      what: "--local and a node together",
      why: "--local asks nobody",
      hint: `hana doctor ${targets[0]}`,
    });
  }
  const startedMs = performance.now();
  const progress = cli.output.progress("examining this machine");
  const seen = await look(cli, targets, isLocalOnly, (text) => progress.update(text));
  progress.done();
  const checks = [...machineChecks(seen), ...peerChecks(seen)];
  const others = seen.peers.filter((peer) => !peer.isHere);
  show(cli, checks, {
    peers: others.length,
    isLocalOnly,
    elapsedMs: Math.round(performance.now() - startedMs),
  });
  if (countVerdicts(checks).fail > 0) cli.exitWith(EXIT.negative);
  else if (others.length === 0 && !isLocalOnly) cli.exitWith(EXIT.partial);
}

async function look(
  cli: Cli,
  targets: readonly string[],
  isLocalOnly: boolean,
  onProgress: (text: string) => void,
): Promise<Observations> {
  const { settings } = cli;
  const keys = await keysOrProblem(cli);
  const isKeyless = keys instanceof HanaError;
  const seen = await examine(await cli.platform(), {
    node: await commonOptions(cli, "observer", isKeyless ? openMeshKeyRing() : keys),
    targets,
    // Without the key everybody is a stranger.
    isLocalOnly: isLocalOnly || isKeyless,
    listed: isLocalOnly || isKeyless ? [] : await listedHere(cli),
    storage: [
      { what: "state directory", path: settings.stateDir },
      { what: "run directory", path: settings.runDir },
      { what: "mesh key file", path: settings.keyFile },
    ],
    timeoutUs: settings.timeout ?? DEFAULT_TIMEOUT_US,
    system: readSystem,
    onProgress,
  });
  if (!isKeyless) return seen;
  const problem = keys.why ?? keys.what;
  return {
    ...seen,
    storage: seen.storage.map((each) => each.what === "mesh key file" ? { ...each, problem } : each),
  };
}

/** The keys of this machine, or why they cannot be used: that is a finding, and no reason not to look further. */
async function keysOrProblem(cli: Cli): Promise<KeyRing | HanaError> {
  try {
    return await machineKeys(cli);
  } catch (thrown) {
    return toHanaError(thrown, "storage", cli.settings.keyFile);
  }
}

/** What the node of this machine sees, which has had more time to listen than we shall. */
async function listedHere(cli: Cli): Promise<NodeView[]> {
  const client = await MeshClient.openLocal(cli);
  if (client === null) return [];
  try {
    return await client.nodes();
  } finally {
    await client.close();
  }
}

function show(cli: Cli, checks: readonly Check[], summary: DoctorSummary): void {
  const { output } = cli;
  const { out } = output.streams;
  switch (output.mode) {
    case "json":
      output.record({ what: "doctor", fields: [], quiet: [], json: doctorDocument(checks, summary) });
      return;
    case "ndjson":
      for (const each of checks) output.event("doctor.check", checkJson(each));
      return;
    case "quiet":
      for (const each of checks) if (each.verdict === "fail") output.raw(`${each.id}\n`);
      return;
    case "plain":
      if (output.header) output.raw(`${PLAIN_HEADINGS}\n`);
      for (const each of checks) output.raw(`${plainLine(each)}\n`);
      break;
    default:
      for (const line of reportLines(checks, output.palette, out.columns())) output.raw(`${line}\n`);
      output.raw("\n");
  }
  output.message(conclusionOf(checks, summary));
}
