// `hana complete nodes`: the hidden hook that completion scripts call. Never takes longer than a keystroke may:
// what is not known within 150 ms is not offered.

import type { Command } from "@commander-js/extra-typings";
import type { Cli } from "../frame/mod.ts";

/** How long a shell may wait for names. */
const CAP_MS = 150;

/** Names of the nodes that the local node knows. Nothing when none runs. */
export async function completeNodes(cli: Cli): Promise<string[]> {
  const { MeshClient } = await import("../nodes/mesh_client.ts");
  const client = await MeshClient.openLocal(cli);
  if (client === null) return [];
  const nodes = await client.nodes();
  await client.close();
  return nodes.filter((node) => node.state === "alive" || node.state === "suspect").map((node) => node.name);
}

/** Declares `hana complete`. */
export function define(command: Command, cli: Cli): void {
  command.description("names for tab completion, a line each");
  command.argument("<what>", "nodes").action(async (what) => {
    // A completion script must never fill the prompt with an error.
    const names = what === "nodes" ? await withinCap(completeNodes(cli)) : [];
    cli.output.raw(names.map((name) => name + "\n").join(""));
  });
}

async function withinCap(names: Promise<string[]>): Promise<string[]> {
  let timer: number | undefined;
  const cap = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), CAP_MS);
  });
  try {
    return await Promise.race([names.catch(() => []), cap]);
  } finally {
    clearTimeout(timer);
  }
}
