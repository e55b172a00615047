// The nodes of this machine that share a run directory, found without the network: each leaves a socket and, beside
// it, a note of who it is. Decides which of them a tool talks to; whether one still lives, dialling it tells.

import { HanaError, isNodeId, type NodeId } from "../base/mod.ts";
import type { Files } from "../platform/mod.ts";

/** A node's note beside its socket. */
export interface LocalNode {
  readonly id: NodeId;
  readonly name: string;
  readonly role: string;
  readonly processId: number;
  /** `unix:///run/…` or `pipe://…`. */
  readonly address: string;
}

/** Where the note of a node stands. */
function notePath(runDirectory: string, id: NodeId): string {
  return `${runDirectory}/${id.slice(0, 12)}.json`;
}

/** Leaves the note. */
export function writeNote(files: Files, runDirectory: string, node: LocalNode): void {
  const text = JSON.stringify({ schema: "hana.local/1", ...node }) + "\n";
  files.write(notePath(runDirectory, node.id), new TextEncoder().encode(text), 0o600);
}

/** Takes the note away. */
export function removeNote(files: Files, runDirectory: string, id: NodeId): void {
  files.remove(notePath(runDirectory, id));
}

/** All notes in a run directory, by name. Files that are no notes are passed over. */
export function listLocalNodes(files: Files, runDirectory: string): LocalNode[] {
  const nodes: LocalNode[] = [];
  for (const name of files.list(runDirectory)) {
    if (!/^[0-9a-f]{12}\.json$/.test(name)) continue;
    const path = `${runDirectory}/${name}`;
    const node = files.stat(path)?.kind === "file" ? readNote(files.read(path)) : null;
    if (node !== null) nodes.push(node);
  }
  return nodes.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** The local node that `wanted` names (name or beginning of the id); any without a wish. Null when there is none. */
export function chooseLocalNode(nodes: readonly LocalNode[], wanted: string | undefined): LocalNode | null {
  if (wanted === undefined) return nodes.find((node) => node.role === "daemon") ?? nodes[0] ?? null;
  const found = nodes.find((node) => node.name === wanted) ??
    nodes.find((node) => node.id.startsWith(wanted));
  if (found === undefined) {
    throw new HanaError("not-found", {
      what: `no node ${wanted} runs on this machine`,
      why: nodes.length === 0
        ? "none runs here at all"
        : `these do: ${nodes.map((node) => node.name).join(", ")}`,
      hint: "hana serve",
    });
  }
  return found;
}

function readNote(bytes: Uint8Array | null): LocalNode | null {
  if (bytes === null) return null;
  try {
    const { id, name, role, processId, address } = JSON.parse(new TextDecoder().decode(bytes)) as Record<
      string,
      unknown
    >;
    if (typeof id !== "string" || !isNodeId(id) || typeof name !== "string" || typeof role !== "string") {
      return null;
    }
    if (typeof processId !== "number" || typeof address !== "string") return null;
    return { id, name, role, processId, address };
  } catch {
    return null;
  }
}
