// `hana complete nodes|programs|paths|…`: the hidden hook that completion scripts call. Never takes longer than a
// keystroke may: what is not known within 150 ms (a second where other machines are asked) is not offered.

import type { Command } from "@commander-js/extra-typings";
import type { Cli } from "../frame/mod.ts";
import type { StateNames } from "../state/names.ts";

/** How long a shell may wait for names. */
const CAP_MS = 150;
/** Programs of other machines take two round trips and a handshake more. */
const PROGRAMS_CAP_MS = 1_000;
/** The host of the shared state may be another machine. */
const STATE_CAP_MS = 1_000;
/** Nobody is asked: this is the time that loading the catalogue takes on a slow machine. */
const SCENARIOS_CAP_MS = 2_000;

/** Names of the nodes that the local node knows. Nothing when none runs. */
export async function completeNodes(cli: Cli): Promise<string[]> {
  const { MeshClient } = await import("../nodes/mesh_client.ts");
  const ask = async (): Promise<string[]> => {
    const client = await MeshClient.openLocal(cli);
    if (client === null) return [];
    const nodes = await client.nodes();
    await client.close();
    return nodes.filter((node) => node.state === "alive" || node.state === "suspect").map((node) =>
      node.name
    );
  };
  // Loading counts for nobody's silence.
  return await withinCap(ask(), CAP_MS);
}

/** Programs of the mesh as its nodes tell them: NAME where one node alone has it, and NAME@NODE always. */
export async function completePrograms(cli: Cli): Promise<string[]> {
  const { Hosts } = await import("../programs/hosts.ts");
  const ask = async (): Promise<string[]> => {
    const hosts = await Hosts.openLocal(cli);
    if (hosts === null) return [];
    try {
      const { listed } = await hosts.listAll(await hosts.candidates(), false);
      const all = listed.flatMap(({ host, programs }) =>
        programs.map(({ name }) => ({ name, node: host.name }))
      );
      const names = new Set(all.map(({ name }) => name));
      const alone = [...names].filter((name) => all.filter((each) => each.name === name).length === 1);
      return [...alone, ...all.map(({ name, node }) => `${name}@${node}`)].sort();
    } finally {
      await hosts.close();
    }
  };
  return await withinCap(ask(), PROGRAMS_CAP_MS);
}

/** Scenarios and suites that `hana simulate run` knows. */
async function completeScenarios(): Promise<string[]> {
  const { catalogue } = await import("../../lib/simulate/mod.ts");
  const { SUITES } = await import("../simulate/targets.ts");
  return [...catalogue().map(({ name }) => name), ...SUITES, "all"];
}

async function completeState(cli: Cli, what: StateNames): Promise<string[]> {
  const { stateNames } = await import("../state/names.ts");
  return await stateNames(cli, what);
}

/** Declares `hana complete`. */
export function define(command: Command, cli: Cli): void {
  command.description("names for tab completion, a line each");
  command.argument(
    "<what>",
    "nodes, programs, scenarios; of the shared state paths, groups, snapshots, clients",
  ).action(async (what) => {
    // A completion script must never fill the prompt with an error.
    const names = what === "nodes"
      ? await completeNodes(cli).catch(() => [])
      : what === "programs"
      ? await completePrograms(cli).catch(() => [])
      : what === "scenarios"
      ? await withinCap(completeScenarios(), SCENARIOS_CAP_MS)
      : what === "paths" || what === "groups" || what === "snapshots" || what === "clients"
      ? await withinCap(completeState(cli, what), STATE_CAP_MS)
      : [];
    cli.output.raw(names.map((name) => name + "\n").join(""));
  });
}

async function withinCap(names: Promise<string[]>, capMs: number): Promise<string[]> {
  let timer: number | undefined;
  const cap = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), capMs);
  });
  try {
    return await Promise.race([names.catch(() => []), cap]);
  } finally {
    clearTimeout(timer);
  }
}
