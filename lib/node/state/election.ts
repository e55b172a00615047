// Which node hosts the shared state, as one node sees it.
// Decides by the list of nodes and the lease alone: a node that was told to host, else the leader. Never elects.

import type { NodeId } from "../../base/mod.ts";
import type { RegistryEntry } from "../../discovery/mod.ts";
import { HOSTS_STATE_CAPABILITY, type StateNode } from "./surroundings.ts";

/** Who hosts. */
export interface StateElection {
  readonly mode: "leader" | "fixed";
  readonly hostId: NodeId;
  /** That of the leader's lease; 0 for a fixed host. */
  readonly term: number;
}

/** Whether a node is there, as far as anybody knows. */
export function isThere({ state }: RegistryEntry): boolean {
  return state === "alive" || state === "suspect";
}

/** Follows who hosts. */
export class ElectionWatch {
  readonly #node: StateNode;
  /** The fixed host; undefined while that has to be looked up again. */
  #fixed: NodeId | null | undefined;

  constructor(node: StateNode) {
    this.#node = node;
  }

  /** The list of nodes has changed. */
  noteNodes(): void {
    this.#fixed = undefined;
  }

  /** Who hosts now; null where nobody can. */
  current(): StateElection | null {
    const fixed = this.#fixedHost();
    if (fixed !== null) return { mode: "fixed", hostId: fixed, term: 0 };
    const leader = this.#node.discovery()?.lease.leader ?? null;
    if (leader === null) return null;
    return { mode: "leader", hostId: leader.token.leaderId, term: leader.token.term };
  }

  /** Whether this node hosts, at this very moment: a lease that has run out is none. */
  isSelf(nowUs: number): boolean {
    const fixed = this.#fixedHost();
    if (fixed !== null) return fixed === this.#node.id;
    const leader = this.#node.discovery()?.lease.leader ?? null;
    return leader !== null && leader.isSelf && nowUs < leader.validUntilUs;
  }

  #fixedHost(): NodeId | null {
    if (this.#fixed === undefined) this.#fixed = this.#findFixed();
    return this.#fixed;
  }

  /** Of all that were told to host and are there, the one with the smallest id. */
  #findFixed(): NodeId | null {
    let found: NodeId | null = this.#node.settings.host === true ? this.#node.id : null;
    for (const entry of this.#node.discovery()?.registry.snapshot() ?? []) {
      const { id, capabilities } = entry.record;
      if (capabilities[HOSTS_STATE_CAPABILITY] !== true || !isThere(entry)) continue;
      if (found === null || id < found) found = id;
    }
    return found;
  }
}
