// Who this node is, kept on disk: its id, its incarnation, its name.
// Decides that an id survives restarts, that an incarnation only grows (also when the clock was set back a year), and
// that two nodes of one machine never share a directory: each name has its own, held by a lock.

import {
  HanaError,
  type Incarnation,
  isNodeId,
  isNodeName,
  MAX_NODE_NAME_BYTES,
  NODE_ID_BYTES,
  type NodeId,
  nodeNameFromHost,
  toHex,
} from "../base/mod.ts";
import type { FileLock, Platform } from "../platform/mod.ts";

/** An identity that is held by this process. */
export interface HeldIdentity {
  readonly id: NodeId;
  readonly name: string;
  readonly incarnation: Incarnation;
  /** Where this node alone keeps things; null for one that leaves nothing behind. */
  readonly directory: string | null;
  /** Lets another process have it. */
  release(): void;
}

/** What to claim. */
export interface ClaimOptions {
  readonly stateDirectory: string;
  /** The wanted name; taken as it is, or not at all. */
  readonly name?: string;
}

/** How many `-2`, `-3`, … are tried when the machine's name is in use here. */
const MAX_NAMESAKES = 99;

/**
 * Claims an identity. Without a name it is the host's, with `-2`, `-3`, … when that one runs here already.
 * Throws `conflict` when the wanted name runs here, `storage` when the directory cannot be used, `config` for a bad name.
 */
export function claimIdentity(platform: Platform, options: ClaimOptions): HeldIdentity {
  const { stateDirectory } = options;
  if (options.name !== undefined) {
    checkName(options.name);
    const lock = lockName(platform, stateDirectory, options.name);
    if (lock !== null) return open(platform, stateDirectory, options.name, lock);
    throw new HanaError("conflict", {
      what: `a node named ${options.name} runs on this machine already`,
      why: `it holds ${directoryOf(stateDirectory, options.name)}`,
      hint: `hana serve --name ${options.name}-2`,
    });
  }
  const base = nodeNameFromHost(platform.host.hostname);
  for (let i = 1; i <= MAX_NAMESAKES; i++) {
    const name = i === 1 ? base : `${base}-${i}`;
    const lock = lockName(platform, stateDirectory, name);
    if (lock !== null) return open(platform, stateDirectory, name, lock);
  }
  throw new HanaError("conflict", {
    what: `${MAX_NAMESAKES} nodes named ${base} run on this machine already`,
    hint: "hana serve --name NAME",
  });
}

/** An identity for a tool that lives for a moment and leaves nothing behind; logs know it by its machine unless it has a name. */
export function ephemeralIdentity(
  platform: Platform,
  name = nodeNameFromHost(platform.host.hostname),
  id?: NodeId,
): HeldIdentity {
  return {
    id: id ?? drawId(platform),
    name,
    incarnation: platform.clock.wallMs() as Incarnation,
    directory: null,
    release: () => {},
  };
}

/** Throws `config` for a name that people could not type or that would not fit. */
export function checkName(name: string): void {
  if (isNodeName(name)) return;
  throw new HanaError("config", {
    what: `${JSON.stringify(name)} cannot be the name of a node`,
    why: `a name has letters, digits and . _ - between them, ${MAX_NODE_NAME_BYTES} bytes at most`,
    hint: "hana serve --name stage-left",
  });
}

function directoryOf(stateDirectory: string, name: string): string {
  return `${stateDirectory}/nodes/${encodeURIComponent(name)}`;
}

function lockName(platform: Platform, stateDirectory: string, name: string): FileLock | null {
  const directory = directoryOf(stateDirectory, name);
  platform.files.makeDirectory(directory, 0o700);
  return platform.files.lock(`${directory}/lock`);
}

function open(platform: Platform, stateDirectory: string, name: string, lock: FileLock): HeldIdentity {
  const path = `${directoryOf(stateDirectory, name)}/identity.json`;
  try {
    const kept = readIdentity(platform.files.read(path));
    const id = kept?.id ?? drawId(platform);
    // max(wall ms, last + 1): grows even when the clock was set back (discovery research 6.2, 6.7).
    const incarnation = Math.max(
      Math.floor(platform.clock.wallMs()),
      (kept?.incarnation ?? 0) + 1,
    ) as Incarnation;
    const text = JSON.stringify({ schema: "hana.identity/1", id, incarnation }) + "\n";
    platform.files.write(path, new TextEncoder().encode(text), 0o600);
    const directory = directoryOf(stateDirectory, name);
    return { id, name, incarnation, directory, release: () => lock.release() };
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

/** Gives the node a new id, for when another one has the same; the incarnation goes on. */
export function renewId(platform: Platform, stateDirectory: string, name: string): NodeId {
  const path = `${directoryOf(stateDirectory, name)}/identity.json`;
  const kept = readIdentity(platform.files.read(path));
  const id = drawId(platform);
  const text = JSON.stringify({ schema: "hana.identity/1", id, incarnation: kept?.incarnation ?? 0 }) + "\n";
  platform.files.write(path, new TextEncoder().encode(text), 0o600);
  return id;
}

/** A file that cannot be read as an identity counts as none: a node with a new id is better than no node. */
function readIdentity(bytes: Uint8Array | null): { id: NodeId; incarnation: number } | null {
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const { id, incarnation } = value as Record<string, unknown>;
    if (typeof id !== "string" || !isNodeId(id) || typeof incarnation !== "number") return null;
    // One more must still fit the 48 bits on the wire.
    return Number.isSafeInteger(incarnation) && incarnation < 2 ** 48 - 1 ? { id, incarnation } : null;
  } catch {
    return null;
  }
}

function drawId(platform: Platform): NodeId {
  return toHex(platform.random.stream("node/id").fill(new Uint8Array(NODE_ID_BYTES))) as NodeId;
}
