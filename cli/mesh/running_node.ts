// A node that runs here has read its key when it started: whoever changes the key is told so.
// Decides nothing about the key; where no node can be asked it says nothing.

import type { Cli } from "../frame/mod.ts";

/** Warns when a node of this machine runs with another key than the file holds now. The key is changed already: nothing fails. */
export async function tellRunningNode(cli: Cli): Promise<void> {
  const { MeshClient } = await import("../nodes/mesh_client.ts");
  const client = await MeshClient.openLocal(cli).catch(() => null);
  if (client === null) return;
  const name = client.local?.peer.name;
  await client.close();
  cli.output.warn(`node ${name} runs here with the key that it started with; stop it and start it again`);
}
