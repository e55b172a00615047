// Rules and figures of the leader lease, seen from outside: who may act, for how long nobody could.
// Decides on tokens and lineages alone; what a leader does is not looked at. Leaders by an operator's word, and those of
// fewer than three nodes, hold no lease and are nobody's promise: they are told apart by their mode.

import { compareTokens, formatToken, type LeaseToken } from "../../discovery/mod.ts";
import type { Fact, MetricValue, ObserverDefinition, Oracle, RunContext } from "../observe.ts";
import { Samples, single } from "./measure.ts";

/** Events at which who may act can have changed. */
const CHANGES: ReadonlySet<string> = new Set(["leader-changed", "leader-lost", "diverged"]);

/** Who may act with a majority's lease now, by lineage. */
function actingLeaders(oracle: Oracle): Map<string, { node: string; token: LeaseToken }[]> {
  const acting = new Map<string, { node: string; token: LeaseToken }[]>();
  for (const node of oracle.nodes) {
    const lease = oracle.lease?.(node) ?? null;
    if (lease === null || lease.actsBy === null || lease.mode !== "lease" || lease.lineage === null) continue;
    const of = acting.get(lease.lineage);
    const entry = { node, token: lease.actsBy };
    if (of === undefined) acting.set(lease.lineage, [entry]);
    else of.push(entry);
  }
  return acting;
}

/** Two leaders of one lineage never act at the same time. */
export const oneLease: ObserverDefinition = {
  id: "one_lease",
  kind: "safety",
  summary: "At most one node of a lineage may act by a lease at any time.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const look = (): void => {
      for (const leaders of actingLeaders(oracle).values()) {
        if (leaders.length < 2) continue;
        violate({
          id: "one_lease",
          kind: "safety",
          nodes: leaders.map(({ node }) => node),
          text: `${leaders.map(({ node, token }) => `${node} (term ${token.term})`).join(" and ")} both lead`,
        });
      }
    };
    return {
      wants: ["discovery"],
      onFact: (fact: Fact) => {
        if (fact.kind === "discovery" && CHANGES.has(fact.event)) look();
      },
      onTick: look,
    };
  },
};

/** Whom a node obeys only ever gets newer. */
export const tokensGrow: ObserverDefinition = {
  id: "tokens_grow",
  kind: "safety",
  summary:
    "In one life no node goes back to an older leadership of a lineage, and no executor obeys an older one than before, " +
    "not even after a restart.",
  byDefault: true,
  create: ({ oracle, violate }: RunContext) => {
    const followed = new Map<string, { lifeUs: number; lineage: string; token: LeaseToken }>();
    const obeyed = new Map<string, LeaseToken>();
    const look = (): void => {
      for (const node of oracle.nodes) {
        const lease = oracle.lease?.(node) ?? null;
        if (lease === null) continue;
        if (lease.follows === null || lease.mode !== "lease" || lease.lineage === null) continue;
        const lifeUs = oracle.sinceUs(node);
        const before = followed.get(node);
        followed.set(node, { lifeUs, lineage: lease.lineage, token: lease.follows });
        if (before === undefined || before.lifeUs !== lifeUs || before.lineage !== lease.lineage) continue;
        if (compareTokens(lease.follows, before.token) < 0) {
          tell(node, before.token, lease.follows, "follows");
        }
      }
    };
    const tell = (node: string, before: LeaseToken, now: LeaseToken, does: string): void =>
      violate({
        id: "tokens_grow",
        kind: "safety",
        nodes: [node],
        text: `${node} ${does} ${formatToken(now)} after ${formatToken(before)}`,
      });
    return {
      wants: ["discovery", "commanded"],
      onFact: (fact: Fact) => {
        if (fact.kind === "discovery" && CHANGES.has(fact.event)) look();
        if (fact.kind !== "commanded") return;
        const before = obeyed.get(fact.node);
        obeyed.set(fact.node, fact.token);
        if (before !== undefined && compareTokens(fact.token, before) < 0) {
          tell(fact.node, before, fact.token, "obeys");
        }
      },
      onTick: look,
    };
  },
};

/** For how long nobody led, and how long it took until somebody did again. */
export const leaderTimes: ObserverDefinition = {
  id: "leader_times",
  kind: "metrics",
  summary:
    "From a leader's end until another may act (`leader.failover`), from its goodbye (`leader.hand_over`); the share of " +
    "the time after the warm-up in which nobody could (`leader.leaderless`), how often it changed (`leader.changes`), " +
    "and the most that led at once, of whatever lineage (`leader.most`).",
  byDefault: true,
  metrics: ["leader"],
  claims: ["command_refused"],
  create: ({ oracle, claim }: RunContext) => {
    const refused = new Map<string, number>();
    const lookAtFences = (): void => {
      for (const node of oracle.nodes) {
        const count = oracle.lease?.(node)?.refused ?? 0;
        for (let each = refused.get(node) ?? 0; each < count; each++) claim("command_refused");
        refused.set(node, count);
      }
    };
    const failover = new Samples("us");
    const handOver = new Samples("us");
    let lost: { atUs: number; by: "leave" | "other" } | null = null;
    let acting: readonly string[] = [];
    let changes = 0;
    let most = 0;
    let leaderlessUs = 0;
    let watchedUs = 0;
    let lastUs: number | null = null;
    let hasLed = false;
    const look = (): void => {
      const now = oracle.nodes.filter((node) => (oracle.lease?.(node)?.actsBy ?? null) !== null);
      if (now.length > 0) hasLed = true;
      if (now.some((node) => !acting.includes(node))) {
        changes++;
        if (lost !== null) (lost.by === "leave" ? handOver : failover).add(oracle.nowUs - lost.atUs);
        lost = null;
      }
      acting = now;
      most = Math.max(most, now.length);
      if (oracle.phase === "warmup") return;
      if (lastUs !== null) {
        const spanUs = oracle.nowUs - lastUs;
        watchedUs += spanUs;
        if (now.length === 0) leaderlessUs += spanUs;
      }
      lastUs = oracle.nowUs;
    };
    return {
      wants: ["discovery", "node-stopped"],
      onFact: (fact: Fact) => {
        if (fact.kind === "node-stopped") {
          if (!acting.includes(fact.node)) return;
          acting = acting.filter((node) => node !== fact.node);
          lost = { atUs: fact.atUs, by: fact.how === "leave" ? "leave" : "other" };
        } else if (fact.kind === "discovery" && CHANGES.has(fact.event)) look();
      },
      onTick: () => {
        lookAtFences();
        look();
      },
      finish: (): Record<string, MetricValue> => ({
        "leader.failover": failover.metric(),
        "leader.hand_over": handOver.metric(),
        "leader.changes": single("count", changes),
        "leader.most": single("count", most),
        ...(hasLed && watchedUs > 0
          ? { "leader.leaderless": single("share", leaderlessUs / watchedUs) }
          : {}),
      }),
    };
  },
};
