// Leading as a node has it: where its promises and fences are kept, what it tells of its leader, which orders it takes.
// Decides files, messages and texts for people; never who leads (lib/discovery/lease) nor what a leader may do.

import { type FencingToken, formatToken, HanaError, type NodeId } from "../base/mod.ts";
import { FileLeaseStore, hash32, type LeaseSettings, priorityOf } from "../discovery/mod.ts";
import type { Files } from "../platform/mod.ts";
import { ANY_ROLE, defineRequest, type HandlerTable } from "../session/mod.ts";
import { s } from "../wire/mod.ts";
import { type FenceSource, NodeFence, tokenOf } from "./fence.ts";
import type { NodeView } from "./view.ts";

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
    /** Null for a leader that is not listed (any more). */
    readonly priority: number | null;
  } | null;
  /** The apps that are there, the one that goes first at the next election at the front. */
  readonly candidates: readonly {
    readonly id: NodeId;
    readonly name: string;
    readonly priority: number;
  }[];
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
  // They decide whose commands count, those of a crew included.
  access: "operator",
  // Whoever leads: these are about that very question.
  fenced: "never",
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
export interface LeadingSource extends FenceSource {
  nowUs(): number;
  /** All nodes, this one first. */
  nodes(): NodeView[];
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
  return {
    priority: priorityOf(capabilities),
    store: new FileLeaseStore(files, `${directory}/lease.json`),
  };
}

/** One node's leading. */
export class NodeLeadership {
  /** By what right commands go out and come in. */
  readonly commands: NodeFence;

  constructor(readonly source: LeadingSource, files: Files, directory: string | null) {
    this.commands = new NodeFence(source, files, directory);
  }

  /** Who leads as far as this node knows. */
  view(): LeaderView {
    const { discovery } = this.source;
    const state = discovery?.lease ?? { leader: null, isCandidate: false, voters: null };
    const { leader } = state;
    const nodes = this.source.nodes();
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
        priority: nodes.find(({ id }) => id === leader.token.leaderId)?.priority ?? null,
      },
      candidates: nodes.filter(isCandidate).sort(byClaim).map(({ id, name, priority }) => ({
        id,
        name,
        priority,
      })),
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

  /**
   * The token for the very next command when this node leads and may act now, as text; null otherwise. Commands that go
   * by a session carry it anyway.
   */
  get token(): string | null {
    const { token } = this.commands;
    return token === null ? null : formatToken(token);
  }

  /**
   * Lets a command on `resource` pass unless a newer leadership has commanded it, and remembers its token first. Commands
   * that come by a session have passed already; this is for those that come another way.
   * Throws `refused` for an older one, `schema` for what is no token, `storage` when it cannot be remembered.
   */
  fence(resource: string, token: string | FencingToken): void {
    const refusal = this.commands.check(resource, tokenOf(token), `a command on ${resource}`);
    if (refusal !== null) throw refusal;
  }
}

function isCandidate({ role, state }: NodeView): boolean {
  return role === "app" && (state === "alive" || state === "suspect");
}

/** Who claims first: the order of the lease (lib/discovery/lease/roster.ts). */
function byClaim(a: NodeView, b: NodeView): number {
  return b.priority - a.priority || hash32(a.id) - hash32(b.id);
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
    if (!end && source.role !== "app") {
      throw new HanaError("refused", {
        what: `this node is no app but a ${source.role}`,
        why: "only an app leads, alone or by election",
        hint: "hana leader take",
      });
    }
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
