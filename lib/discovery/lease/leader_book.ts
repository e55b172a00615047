// Who led, who leads, and what the owner is told of it.
// Decides whose word is the newest of a lineage and for how long a leader is believed without another word.
// Never decides who may lead.

import type { Acceptor } from "./acceptor.ts";
import { LEASE_US } from "./acceptor.ts";
import type { LeaseCounters } from "./desk.ts";
import { type Leader, type LeaseEvent, type LossReason, MAX_LEASE_EVENTS } from "./events.ts";
import type { Lease } from "../messages/mod.ts";
import type { Roster } from "./roster.ts";
import { compareTokens, type LeaseToken } from "./token.ts";
import { isBinding, majorityOf } from "./voters.ts";

const NO_QUORUM_US = 3_000_000;

/** A leader that we follow, and its lineage; null for one without voters. */
export interface FollowedLeader extends Leader {
  readonly lineage: string | null;
}

/** What we know of leaders. */
export class LeaderBook {
  /** Whom we follow; nobody while we lead ourselves. */
  known: FollowedLeader | null = null;
  /** The newest leadership of our lineage. */
  highest: LeaseToken | null = null;
  /** Since when nobody leads, as far as we know. */
  leaderlessUs: number;
  readonly #events: LeaseEvent[] = [];
  /** Of whom the owner was told last. */
  #told: LeaseToken | null = null;
  #hasToldNoQuorum = false;

  constructor(
    nowUs: number,
    readonly acceptor: Acceptor,
    readonly roster: Roster,
    readonly counters: LeaseCounters,
  ) {
    this.leaderlessUs = nowUs;
  }

  /** The next event, or null. */
  poll(): LeaseEvent | null {
    return this.#events.shift() ?? null;
  }

  /** Whether the owner knows of this leadership. */
  hasTold(token: LeaseToken): boolean {
    return this.#told !== null && compareTokens(this.#told, token) === 0;
  }

  /** When the owner is due to be told that there are too few voters, in µs; `Infinity` for never. */
  get noQuorumUs(): number {
    if (this.known !== null || this.#hasToldNoQuorum || !isBinding(this.acceptor.set)) return Infinity;
    return this.leaderlessUs + NO_QUORUM_US;
  }

  /** Follows a leader that acts, unless a newer one is known. False when it changes nothing. */
  follow(nowUs: number, token: LeaseToken, { mode, set }: Lease): boolean {
    const { known } = this;
    const own = this.acceptor.set?.lineage ?? null;
    const lineage = set?.lineage ?? null;
    if (own !== null && lineage !== null && lineage !== own) return false;
    if (known !== null && known.lineage === lineage && compareTokens(token, known.token) < 0) return false;
    if (known !== null && known.lineage !== null && lineage === null) return false;
    if (lineage !== null) {
      if (this.highest !== null && compareTokens(token, this.highest) < 0) return false;
      this.highest = token;
    }
    this.known = { token, mode, validUntilUs: nowUs + LEASE_US, isSelf: false, lineage };
    this.tellLeader(this.known);
    return true;
  }

  /** The leader that we follow is one no longer. */
  forget(nowUs: number, reason: LossReason): void {
    const { known } = this;
    if (known === null) return;
    this.known = null;
    this.tellLost(nowUs, known.token, reason);
  }

  /** Tells of a leader unless it was told. */
  tellLeader(leader: Leader): void {
    this.#hasToldNoQuorum = false;
    if (this.hasTold(leader.token)) return;
    const was = this.#told;
    this.#told = leader.token;
    this.tell({ kind: "leader-changed", leader, was });
  }

  /** Nobody leads from now on. */
  tellLost(nowUs: number, was: LeaseToken, reason: LossReason): void {
    this.leaderlessUs = nowUs;
    if (this.#told === null) return;
    this.#told = null;
    this.tell({ kind: "leader-lost", was, reason });
  }

  /** Tells once that a majority of voters is out of reach when nobody has led for a while. */
  maybeTellNoQuorum(nowUs: number): void {
    const { acceptor, roster } = this;
    const { set } = acceptor;
    if (nowUs < this.noQuorumUs || set === null) return;
    this.#hasToldNoQuorum = true;
    const isPresent = (id: string) => id === acceptor.self || (roster.find(id)?.isAlive ?? false);
    const present = set.voters.filter(({ id }) => isPresent(id)).length;
    if (present >= majorityOf(set.voters.length)) return;
    this.tell({ kind: "no-quorum", voters: set.voters.length, present });
  }

  /** Queues an event. */
  tell(event: LeaseEvent): void {
    if (this.#events.length >= MAX_LEASE_EVENTS) {
      this.#events.shift();
      this.counters.droppedEvents++;
    }
    this.#events.push(event);
  }
}
