// When two hosts meet after a cut: what the one that yields had otherwise is kept as a preset, never merged silently.
// Decides what differs and where it goes; people load it or delete it (research 2.12). Never touches a value.

import { HanaError, type NodeId } from "../../base/mod.ts";
import {
  equalValues,
  HOST_SUBSYSTEMS,
  type HostService,
  MAX_SNAPSHOT_VALUES,
  type PathId,
  presetDefinition,
  presetPath,
  PRESETS_SUBSYSTEM,
  type ReplicaService,
  type Snapshot,
  type SnapshotEntry,
  STATE_HEAL,
  type StateEpoch,
  type StateValue,
  toRecord,
} from "../../state/mod.ts";
import { parametersPrefix } from "./parameters.ts";
import type { StateNode } from "./surroundings.ts";

/** Presets that one meeting may leave. */
const MAX_ENTRIES = 128;

/** What was kept of a reign that another one has followed without its copy. */
export interface Divergence {
  readonly epoch: StateEpoch;
  /** The preset that has them: `hana state snapshot diff PRESET`. */
  readonly preset: string;
  /** The paths that differed. */
  readonly paths: readonly string[];
}

/** Counters of one node's healing. */
export interface HealingCounters {
  /** Reigns that ended. */
  ended: number;
  /** Those whose copy the next host has asked for. */
  handedOn: number;
  diverged: number;
  failed: number;
}

/** The last reign of this node, until it is known what became of it. */
export class Healing {
  readonly counters: HealingCounters = { ended: 0, handedOn: 0, diverged: 0, failed: 0 };
  readonly #node: StateNode;
  readonly #client: () => ReplicaService;
  #lost: { epoch: StateEpoch; snapshot: Snapshot; readonly askedBy: Set<NodeId> } | null = null;
  #stop: (() => void) | null = null;
  /** Told when something was kept. */
  onDiverged: ((divergence: Divergence) => void) | null = null;

  constructor(node: StateNode, client: () => ReplicaService) {
    this.#node = node;
    this.#client = client;
  }

  /** A reign of this node is over. */
  noteEnded(service: HostService): void {
    const { epoch, document } = service.host;
    const entries: SnapshotEntry[] = [];
    for (const { name, number } of document.logs()) {
      if (HOST_SUBSYSTEMS.includes(name) || name === PRESETS_SUBSYSTEM || name === "clients") continue;
      for (let id = 1; id <= document.book.lastId; id++) {
        if (document.book.subsystemOf(id as PathId) !== number || entries.length === MAX_SNAPSHOT_VALUES) {
          continue;
        }
        const entry = document.entryOf(id as PathId);
        const path = document.book.pathOf(id as PathId);
        if (entry === null || entry.deleted || path === null) continue;
        const { type, value, priority, holder } = entry;
        entries.push({ path, type, value, priority: holder === 0 || priority === 0 ? null : priority });
      }
    }
    this.counters.ended++;
    if (entries.length === 0) return;
    this.#lost = { epoch, snapshot: { prefix: "", entries }, askedBy: new Set() };
    if (this.#stop !== null) return;
    const client = this.#client();
    this.#stop = client.onEvent((event) => {
      if (event.kind === "ready") this.#compare(client, event.epoch);
    });
  }

  /** Somebody who is about to host has been told how far the copy here goes. */
  noteAsked(by: NodeId): void {
    this.#lost?.askedBy.add(by);
  }

  /** The client of this node has everything of a host. */
  #compare(client: ReplicaService, epoch: StateEpoch): void {
    const lost = this.#lost;
    if (lost === null) return this.#end();
    this.#lost = null;
    this.#end();
    if (epoch.hostId === this.#node.id || lost.askedBy.has(epoch.hostId)) {
      this.counters.handedOn++;
      return;
    }
    const entries = lost.snapshot.entries.filter((entry) => this.#differs(client, entry));
    if (entries.length === 0) return;
    this.#keep(client, lost.epoch, { prefix: "", entries }).catch((thrown) => {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.counters.failed++;
    });
  }

  #end(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #differs({ replica }: ReplicaService, { path, type, value }: SnapshotEntry): boolean {
    const id = replica.book?.idOf(path) ?? 0 as PathId;
    const definition = replica.book?.definitionOf(id) ?? null;
    if (definition === null || definition.type !== type) return true;
    const theirs: StateValue = replica.hostValueOf(id);
    return !equalValues(theirs, value);
  }

  async #keep(client: ReplicaService, epoch: StateEpoch, snapshot: Snapshot): Promise<void> {
    const name = `heal-${parametersPrefix(this.#node.name()).slice(0, 32)}-${epoch.term}`;
    const { head, parts } = toRecord(name, snapshot, {
      note: `what ${this.#node.name()} had in term ${epoch.term} while it was cut off`,
      by: this.#node.name(),
      revision: 1,
    });
    const entries = [...parts, head];
    if (entries.length > MAX_ENTRIES) throw new HanaError("overloaded", { what: `preset ${name}` });
    await client.ask(STATE_HEAL, { entries });
    this.counters.diverged++;
    this.onDiverged?.({ epoch, preset: name, paths: snapshot.entries.map(({ path }) => path) });
  }
}

/** Stores what a node sends of a reign that is over, at the host. @returns how many entries there were room for. */
export function keepPreset(
  service: HostService,
  entries: readonly { readonly path: string; readonly value: unknown }[],
): number {
  let kept = 0;
  for (const { path, value } of entries) {
    if (!path.startsWith(`${presetPath("heal-")}`)) continue;
    const definition = presetDefinition(path, value as StateValue);
    const defined = service.host.define(service.nowUs(), definition);
    if ("id" in defined) kept++;
  }
  service.pumpSoon();
  return kept;
}
