// The fence of a node: which token its own commands carry, and which commands of others come too late.
// Decides by tokens, roles and the policy on a message's definition; that a token is on disk before its command runs
// (discovery research 6.10). Never decides who leads (lib/discovery/lease) nor what a command does.

import {
  compareTokens,
  type FencingToken,
  HanaError,
  type NodeId,
  parseToken,
  type Role,
} from "../base/mod.ts";
import { type DiscoveryEvent, type DiscoveryService, FencingGate } from "../discovery/mod.ts";
import type { Files } from "../platform/mod.ts";
import type { CommandRight, Fence, Identity, MessageDefinition } from "../session/mod.ts";

/** What a definition without a resource changes: the node itself. */
export const NODE_RESOURCE = "node";

/** What the fence needs of a node. */
export interface FenceSource {
  readonly discovery: DiscoveryService | null;
  readonly role: Role;
  /** The name of a node that is known; null for others. */
  nameOf(id: NodeId): string | null;
}

/** Counters of a node's fence; they only grow. */
export interface FenceCounters {
  /** Commands with a token that passed. */
  accepted: number;
  /** Of a leadership that is over. */
  stale: number;
  /** Without a token where one is required, or by an app that does not lead. */
  withoutToken: number;
  /** By an operator's word. */
  forced: number;
  /** The token could not be remembered. */
  unkept: number;
  /** Of ours, since this node leads no more. */
  notSent: number;
}

/** One node's fence. */
export class NodeFence implements Fence {
  readonly counters: FenceCounters = {
    accepted: 0,
    stale: 0,
    withoutToken: 0,
    forced: 0,
    unkept: 0,
    notSent: 0,
  };
  #gate: FencingGate | null = null;
  #hasLed = false;

  /** @param directory where tokens are remembered; null for a node that keeps nothing */
  constructor(readonly source: FenceSource, readonly files: Files, readonly directory: string | null) {}

  /** Takes in what discovery tells: who has led and does not any more must not command. */
  noteEvent(event: DiscoveryEvent): void {
    if (event.kind === "leader-changed" && event.leader.isSelf) this.#hasLed = true;
  }

  /** The token for the very next command when this node leads and may act now; null otherwise. */
  get token(): FencingToken | null {
    return this.source.discovery?.leaseToken ?? null;
  }

  tokenFor(command: MessageDefinition): FencingToken | null {
    const { token } = this;
    if (token !== null || !this.#hasLed || this.source.role !== "app") return token;
    this.counters.notSent++;
    const leader = this.source.discovery?.lease.leader ?? null;
    throw new HanaError("refused", {
      what: `${command.name} was not sent`,
      why: leader === null || leader.isSelf
        ? "this node leads no more, and nobody is known to"
        : `this node leads no more: ${this.#leads(leader.token)}`,
      hint: "hana leader",
    });
  }

  admit(command: MessageDefinition, right: CommandRight, from: Identity): HanaError | null {
    const { name, fenced = "optional", resource = NODE_RESOURCE } = command;
    if (fenced === "never") return null;
    if (right.token !== null) return this.check(resource, right.token, `${name} of ${from.name}`);
    if (right.isForced) {
      this.counters.forced++;
      return null;
    }
    const newest = this.#newest(resource);
    if (fenced !== "required" && (newest === null || from.role !== "app")) return null;
    this.counters.withoutToken++;
    return new HanaError("refused", {
      what: `${name} of ${from.name} was refused`,
      why: newest === null ? "only the leader may send it" : `it does not lead: ${this.#leads(newest)}`,
      hint: from.role === "app" ? "hana leader" : "hana leader    (or, by your word, hana call --unfenced)",
    });
  }

  /** Null when a command on `resource` may run, its token remembered; else why not. `what` names the command. */
  check(resource: string, token: FencingToken, what: string): HanaError | null {
    const { directory } = this;
    if (directory === null) {
      return new HanaError("unsupported", { what: "a command of a leader", why: "this node keeps nothing" });
    }
    const leader = this.source.discovery?.lease.leader ?? null;
    if (leader !== null) {
      const order = compareTokens(token, leader.token);
      // Nobody vouches for a lone leader, and its terms begin anew on a machine that replaces the one before: whom we
      // take for the leader ourselves is obeyed whatever was, and bars nobody.
      if (leader.mode !== "solo" && order < 0) return this.#stale(what, token, leader.token);
      if (leader.mode === "solo" && order === 0) {
        this.counters.accepted++;
        return null;
      }
    }
    const passage = this.#fences(directory).admit(resource, token);
    if (passage.kind === "stale") return this.#stale(what, token, passage.newer);
    if (passage.kind === "accepted") {
      this.counters.accepted++;
      return null;
    }
    this.counters.unkept++;
    return new HanaError(passage.why === "limit" ? "overloaded" : "storage", {
      what: `${what} was not carried out`,
      why: passage.why === "limit"
        ? "this node guards as many resources as it can"
        : `its token could not be written to ${directory}`,
    });
  }

  #stale(what: string, token: FencingToken, newer: FencingToken): HanaError {
    this.counters.stale++;
    const leader = this.source.discovery?.lease.leader ?? null;
    // All voters have lost their memory at once, say: its terms are too low until an operator lifts them.
    const isLeader = leader !== null && compareTokens(token, leader.token) === 0;
    const name = this.source.nameOf(token.leaderId);
    return new HanaError("refused", {
      what: `${what} was refused, under the leadership of term ${token.term}`,
      why: isLeader
        ? `${name ?? "it"} leads, but this node has obeyed term ${newer.term}`
        : this.#leads(newer),
      hint: isLeader
        ? `hana leader solo    (on ${name ?? "the leader"}: its terms began anew)`
        : "hana leader",
    });
  }

  #leads({ leaderId, term }: FencingToken): string {
    return `${this.source.nameOf(leaderId) ?? leaderId.slice(0, 8)} leads since term ${term}`;
  }

  #newest(resource: string): FencingToken | null {
    return this.directory === null ? null : this.#fences(this.directory).highest(resource);
  }

  #fences(directory: string): FencingGate {
    return this.#gate ??= new FencingGate(this.files, `${directory}/fencing.json`);
  }
}

/** Reads a token that came as text or in parts. Throws `schema`. */
export function tokenOf(token: string | FencingToken): FencingToken {
  const read = typeof token === "string" ? parseToken(token) : token;
  if (read === null) throw new HanaError("schema", { what: "token", why: "is no token of a leadership" });
  return read;
}
