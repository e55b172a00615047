// What nodes own of the shared state, and whose client is privileged, for a list of nodes.
// Decides when nobody is asked: without a host, and after 150 ms, for a list must not wait for what only adorns it.

import { HanaError } from "../../lib/base/mod.ts";
import { HOSTS_STATE_CAPABILITY, type NodeView } from "../../lib/node/mod.ts";
import { STATE_SESSIONS } from "../../lib/state/mod.ts";
import type { MeshClient } from "./mesh_client.ts";
import type { StateHolds } from "./rendering.ts";

/** Nobody waits longer for it, in microseconds. */
const ASK_US = 150_000;

/** The nodes with what their clients hold; as they are where nobody hosts, or it is not known in time. */
export async function withHolds(
  client: MeshClient,
  nodes: readonly NodeView[],
): Promise<(NodeView & { readonly holds?: StateHolds })[]> {
  // A node that was told to host does so before the leader; of several, the one with the smallest id.
  const isThere = ({ state }: NodeView): boolean => state === "alive" || state === "suspect";
  const host = nodes.filter((node) => isThere(node) && node.capabilities[HOSTS_STATE_CAPABILITY] === true)
    .sort((a, b) => a.id < b.id ? -1 : 1)[0] ?? nodes.find((node) => isThere(node) && node.leader);
  if (host === undefined) return [...nodes];
  const holds = await withinTime(ask(client, host));
  if (holds === null) return [...nodes];
  return nodes.map((node) => {
    const held = holds.get(node.id);
    return held === undefined ? node : { ...node, holds: held };
  });
}

async function ask(client: MeshClient, host: NodeView): Promise<Map<string, StateHolds> | null> {
  try {
    const session = client.local !== null && client.local.peer.id === host.id
      ? client.local
      : await client.node.open(host, { timeoutUs: ASK_US });
    const { clients } = await session.request(STATE_SESSIONS, {}, { timeoutUs: ASK_US });
    const holds = new Map<string, StateHolds>();
    for (const { node, owns, privileged } of clients) {
      const before = holds.get(node) ?? { owned: 0, privileged: false };
      holds.set(node, { owned: before.owned + owns.length, privileged: before.privileged || privileged });
    }
    return holds;
  } catch (thrown) {
    // It hosts no more, or does not answer: the list is whole without it.
    if (thrown instanceof HanaError) return null;
    throw thrown;
  }
}

async function withinTime<T>(answer: Promise<T | null>): Promise<T | null> {
  let timer: number | undefined;
  const cap = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ASK_US / 1_000);
  });
  try {
    return await Promise.race([answer, cap]);
  } finally {
    clearTimeout(timer);
  }
}
