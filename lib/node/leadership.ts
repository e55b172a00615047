// Leading as a node has it: where its promises and fences are kept, what it tells of its leader, which orders it takes.
// Decides files, messages and texts for people; never who leads (lib/discovery/lease) nor what a leader may do.

import { HanaError, type NodeId } from "../base/mod.ts";
import {
  type DiscoveryService,
  FencingGate,
  FileLeaseStore,
  formatToken,
  type LeaseSettings,
  type LeaseToken,
  parseToken,
  PRIORITY_CAPABILITY,
} from "../discovery/mod.ts";
import type { Files } from "../platform/mod.ts";
import { ANY_ROLE, defineRequest, type HandlerTable } from "../session/mod.ts";
import { s } from "../wire/mod.ts";

/** Who leads, as one node sees it. Plain data, the same in `hana leader --json` and in the library. */
export interface LeaderView {
  readonly leader: {
    readonly id: NodeId;
    /** Null for a leader that is not listed (any more). */
    readonly name: string | null;
    readonly incarnation: number;
    readonly term: number;
    /** `lease`: by a majority. `solo`: too few nodes, unfenced. `forced`: an operator's word. */
    readonly mode: "lease" | "solo" | "forced";
    /** For how long it may act or is believed without another word. */
    readonly validMs: number;
    readonly self: boolean;
  } | null;
  /** Whether this node wants to lead when it can. */
  readonly candidate: boolean;
  readonly lineage: string | null;
  readonly voters: readonly {
    readonly id: string;
    readonly name: string | null;
    readonly present: boolean;
  }[];
}

/** Asks a node who leads. */
export const LEADER = defineRequest({
  name: "hana.leader",
  description: "Who leads the apps, and the voters that say so.",
  lane: "control",
  effect: "read",
  from: ANY_ROLE,
  to: ANY_ROLE,
  body: s.object({}),
  reply: s.object({ leader: s.unknown() }),
});

const ORDER = {
  lane: "control",
  effect: "command",
  from: ["app", "daemon", "observer"],
  to: ["app", "visualization", "daemon"],
} as const;

/** Tells the leader to hand over. */
export const HAND_OVER = defineRequest({
  name: "hana.leader.hand-over",
  description: "Stops leading in favour of a node (name or id), or of the next candidate.",
  ...ORDER,
  body: s.object({ to: s.optional(s.string({ maxLength: 64 })) }),
  reply: s.object({ done: s.boolean() }),
});

/** Makes a node lead by the operator's word, or ends that. */
export const SOLO = defineRequest({
  name: "hana.leader.solo",
  description: "Leads by the operator's word where no majority is in reach, or ends that.",
  ...ORDER,
  body: s.object({ end: s.optional(s.boolean()) }),
  reply: s.object({ done: s.boolean() }),
});

/** Gives a node the app role, or takes it away. */
export const APP_ROLE = defineRequest({
  name: "hana.leader.role",
  description: "Takes the app role while running, or drops it; a leader that drops it hands over.",
  ...ORDER,
  body: s.object({ take: s.boolean() }),
  reply: s.object({ role: s.string() }),
});

/** What leading needs of a node. */
export interface LeadingSource {
  readonly discovery: DiscoveryService | null;
  nowUs(): number;
  /** The id of the node that a name or id means. Throws `not-found`. */
  idOf(target: string): NodeId;
  setRole(isApp: boolean): string;
}

/** What a node keeps for the lease in `directory`; nothing where there is none. */
export function leaseSettings(
  files: Files,
  directory: string | null,
  capabilities: Readonly<Record<string, unknown>>,
): LeaseSettings | null {
  if (directory === null) return null;
  const priority = capabilities[PRIORITY_CAPABILITY];
  return {
    priority: typeof priority === "number" && Number.isInteger(priority) ? priority : 0,
    store: new FileLeaseStore(files, `${directory}/lease.json`),
  };
}

/** One node's leading. */
export class NodeLeadership {
  #gate: FencingGate | null = null;

  constructor(readonly source: LeadingSource, readonly files: Files, readonly directory: string | null) {}

  /** Who leads as far as this node knows. */
  view(): LeaderView {
    const { discovery } = this.source;
    const state = discovery?.lease ?? { leader: null, isCandidate: false, voters: null };
    const { leader } = state;
    const self = discovery?.record ?? null;
    const entries = discovery?.registry.snapshot() ?? [];
    return {
      leader: leader === null ? null : {
        id: leader.token.leaderId,
        name: leader.isSelf
          ? self?.name ?? null
          : entries.find(({ record }) => record.id === leader.token.leaderId)?.record.name ?? null,
        incarnation: leader.token.leaderIncarnation,
        term: leader.token.term,
        mode: leader.mode,
        validMs: Math.max(0, Math.round((leader.validUntilUs - this.source.nowUs()) / 1_000)),
        self: leader.isSelf,
      },
      candidate: state.isCandidate,
      lineage: state.voters?.lineage ?? null,
      voters: (state.voters?.voters ?? []).map(({ id }) => {
        if (self?.id.startsWith(id) === true) return { id, name: self.name, present: true };
        const entry = entries.find(({ record }) => record.id.startsWith(id));
        const present = entry?.state === "alive" || entry?.state === "suspect";
        return { id, name: entry?.record.name ?? null, present };
      }),
    };
  }

  /** The token for the very next command when this node leads and may act now; null otherwise. */
  get token(): string | null {
    const token = this.source.discovery?.leaseToken ?? null;
    return token === null ? null : formatToken(token);
  }

  /**
   * Lets a command on `resource` pass unless a newer leadership has commanded it, and remembers its token first.
   * Throws `refused` for an older one, `schema` for what is no token, `storage` when it cannot be remembered.
   */
  fence(resource: string, token: string): void {
    const read = parseToken(token);
    if (read === null) throw new HanaError("schema", { what: "token", why: "is no token of a leadership" });
    const passage = this.#fences().admit(resource, read);
    if (passage.kind === "stale") throw staleLeader(resource, read, passage.newer);
    if (passage.kind === "unkept") {
      throw new HanaError(passage.why === "limit" ? "overloaded" : "storage", {
        what: `a command on ${resource} was not carried out`,
        why: passage.why === "limit"
          ? "this node guards as many resources as it can"
          : `its token could not be written to ${this.directory ?? "anywhere"}`,
      });
    }
  }

  #fences(): FencingGate {
    if (this.directory === null) {
      throw new HanaError("unsupported", { what: "a command of a leader", why: "this node keeps nothing" });
    }
    this.#gate ??= new FencingGate(this.files, `${this.directory}/fencing.json`);
    return this.#gate;
  }
}

/** Defines and answers the messages about leading. */
export function addLeaderMessages(handlers: HandlerTable, leading: NodeLeadership): void {
  const { source } = leading;
  handlers.onRequest(LEADER, () => ({ leader: leading.view() }));
  handlers.onRequest(HAND_OVER, ({ to }) => {
    const done = source.discovery?.handOver(to === undefined ? undefined : source.idOf(to)) ?? false;
    if (!done) {
      throw new HanaError("conflict", { what: "nothing to hand over", why: "this node does not lead" });
    }
    return { done };
  });
  handlers.onRequest(SOLO, ({ end = false }) => {
    const { discovery } = source;
    const done = (end ? discovery?.endSolo() : discovery?.forceSolo()) ?? false;
    if (!done) {
      throw new HanaError(end ? "conflict" : "storage", {
        what: end ? "nothing to end" : "this node cannot lead alone",
        why: end
          ? "it does not lead by an operator's word"
          : "it has no discovery, or cannot keep the term on disk",
      });
    }
    return { done };
  });
  handlers.onRequest(APP_ROLE, ({ take }) => ({ role: source.setRole(take) }));
}

function staleLeader(resource: string, token: LeaseToken, newer: LeaseToken): HanaError {
  return new HanaError("refused", {
    what: `a command on ${resource} of the leader of term ${token.term} was refused`,
    why: `${newer.leaderId.slice(0, 8)} leads since term ${newer.term}`,
    hint: "hana leader",
  });
}
