// The voter's side: to whom this node has promised itself, until when, and what it must not forget of it.
// Decides grants and acknowledgements by the rules of discovery research 6.10; every promise is durable before it is
// given. Never asks for anything: whoever is in a set answers, wanting to lead or not.

import { type NodeId, toHex } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import type { Claim, Denial, Deny, Grant, Lease, LeaseAck } from "../messages/mod.ts";
import { isSameLife, type LifeId, shortId } from "./life.ts";
import type { LeaseStore } from "./store.ts";
import { compareStamps, isBinding, type VoterSet } from "./voters.ts";

/** For how long a voter keeps an acknowledged promise on its own clock, in µs. */
export const LEASE_US = 5_000_000;
/** For how long a leader acts after it sent what a majority acknowledged: less, since clocks run at unequal rates. */
export const ACT_US = 0.9 * LEASE_US;
/** For how long a granted claim binds its voter, in µs: the candidate must win and renew within. */
export const GRANT_US = 1_500_000;

const MEMORY_BYTES = 8;
/** A term may be this far above the highest one heard: more than operators can force in a life. */
const MAX_TERM_JUMP = 2 ** 32;

/** One node's promises. */
export class Acceptor {
  readonly self: string;
  #memory: string;
  #set: VoterSet | null = null;
  #term = 0;
  #holder: LifeId | null = null;
  #hint = 0;
  #promisedUntilUs = -Infinity;
  /** Leases up to this term are over, whatever still comes of them. */
  #releasedTerm = 0;
  /** Before this nothing is promised: a promise of a former life may have been forgotten. */
  readonly quietUntilUs: number;

  constructor(nowUs: number, id: NodeId, readonly store: LeaseStore, readonly random: RandomStream) {
    this.self = shortId(id);
    const stored = store.load();
    this.quietUntilUs = nowUs + LEASE_US;
    if (stored === null) {
      this.#memory = this.#drawShort();
      return;
    }
    this.quietUntilUs = nowUs;
    this.#memory = stored.memory;
    this.#set = stored.set;
    this.#term = stored.term;
    this.#holder = stored.holder;
    this.#hint = Math.max(stored.hint, stored.term);
    // No clock survives a restart, so the promise may have been given a moment ago.
    if (stored.holder !== null) this.#promisedUntilUs = nowUs + LEASE_US;
  }

  /** The set that we know of. */
  get set(): VoterSet | null {
    return this.#set;
  }
  /** The name of our unbroken record of promises. */
  get memory(): string {
    return this.#memory;
  }
  /** The highest term that we promised or followed. */
  get term(): number {
    return this.#term;
  }
  /** Whose term that is. */
  get holder(): LifeId | null {
    return this.#holder;
  }
  /** The highest term that we heard of: where the next claim begins. */
  get hint(): number {
    return Math.max(this.#hint, this.#term);
  }

  /** Until when we are bound to somebody other than `life`, in µs. */
  boundUntilUs(life: LifeId): number {
    return isSameLife(this.#holder, life) ? -Infinity : this.#promisedUntilUs;
  }

  /** Whether we are a voter of `set` with the record that we have. */
  isVoterOf(set: VoterSet): boolean {
    return set.voters.some(({ id, memory }) => id === this.self && memory === this.#memory);
  }

  /** Notes a term: a hint for claims and nothing else. False for one that nobody can have come to by leading. */
  noteTerm(term: number): boolean {
    if (term > this.#hint + MAX_TERM_JUMP) return false;
    if (term > this.#hint) this.#hint = term;
    return true;
  }

  /** Answers a claim; null when it does not concern us. */
  handleClaim(nowUs: number, from: LifeId, claim: Claim): Grant | Deny | null {
    const isFounding = claim.proposal !== null;
    if (isFounding && !claim.proposal.includes(this.self)) {
      // Who founds must learn that there is a lineage, also from nodes that it did not ask; from its voters alone,
      // or hundreds would answer.
      return isBinding(this.#set) && this.isVoterOf(this.#set) && !this.#isReplaced(claim)
        ? this.refuse("claim", claim.attempt, "set")
        : null;
    }
    const refusal = this.#refusalOf(nowUs, from, claim);
    if (refusal !== null) return this.refuse("claim", claim.attempt, refusal);
    const isKnown = claim.term === this.#term && isSameLife(this.#holder, from);
    if (!isKnown) {
      const leaves = isFounding && this.#set !== null;
      const saved = this.#save({
        term: claim.term,
        holder: from,
        ...(leaves ? { set: null, memory: this.#drawShort() } : {}),
      });
      if (!saved) return this.refuse("claim", claim.attempt, "storage");
    }
    // A leader that claims anew still acts on what it was promised before, so a promise is never made shorter.
    this.#promisedUntilUs = Math.max(this.#promisedUntilUs, nowUs + GRANT_US);
    return { kind: "grant", term: claim.term, attempt: claim.attempt, memory: this.#memory };
  }

  #isReplaced(claim: Claim): boolean {
    const set = this.#set;
    return set !== null && claim.set !== null && claim.set.lineage === set.lineage &&
      compareStamps(claim.set, set) >= 0;
  }

  #refusalOf(nowUs: number, from: LifeId, claim: Claim): Denial | null {
    if (nowUs < this.quietUntilUs) return "starting";
    const set = this.#set;
    if (claim.proposal !== null) {
      if (isBinding(set) && !this.#isReplaced(claim)) return "set";
    } else if (set !== null && claim.set !== null) {
      if (set.lineage !== claim.set.lineage || compareStamps(claim.set, set) < 0) return "set";
    }
    if (nowUs < this.boundUntilUs(from)) return "promised";
    if (claim.term < this.#term || (claim.term === this.#term && !isSameLife(this.#holder, from))) {
      return "term";
    }
    return null;
  }

  /** Answers a renewal of our lineage; null when it is out of date and nobody waits for an answer. */
  handleLease(nowUs: number, from: LifeId, lease: Lease): LeaseAck | Deny | null {
    const { set } = lease;
    if (set === null) return null;
    if (this.#set !== null && this.#set.lineage !== set.lineage) {
      return this.refuse("lease", lease.round, "set");
    }
    const ack = { kind: "lease-ack", term: lease.term, round: lease.round, memory: this.#memory } as const;
    if (!this.isVoterOf(set)) {
      this.learnSet(set);
      if (nowUs < this.quietUntilUs) return null;
      return ack; // no promise: the leader learns that we are there and under which memory
    }
    if (nowUs < this.quietUntilUs) return this.refuse("lease", lease.round, "starting");
    const isHolder = isSameLife(this.#holder, from);
    if (
      lease.term < this.#term || (lease.term === this.#term && !isHolder) || lease.term <= this.#releasedTerm
    ) {
      return this.refuse("lease", lease.round, "term");
    }
    if (lease.term > this.#term && nowUs < this.boundUntilUs(from)) {
      return this.refuse("lease", lease.round, "promised");
    }
    const isNewer = this.#set === null || compareStamps(this.#set, set) < 0;
    if (!isNewer && this.#set !== null && compareStamps(this.#set, set) > 0) return null; // overtaken on its way
    if (isNewer || lease.term > this.#term) {
      if (!this.#save({ term: lease.term, holder: from, set })) {
        return this.refuse("lease", lease.round, "storage");
      }
    }
    this.#promisedUntilUs = Math.max(this.#promisedUntilUs, nowUs + LEASE_US);
    return ack;
  }

  /** The holder of our promise has stopped acting: whoever claims next is free to. False when it is not the holder. */
  handleTransfer(nowUs: number, from: LifeId, term: number): boolean {
    if (term !== this.#term || !isSameLife(this.#holder, from)) return false;
    this.#releasedTerm = term;
    this.#promisedUntilUs = Math.min(this.#promisedUntilUs, nowUs);
    return true;
  }

  /** Keeps a newer set of our lineage, or the first one that we hear of. */
  learnSet(set: VoterSet): void {
    const own = this.#set;
    if (own !== null && (own.lineage !== set.lineage || compareStamps(own, set) >= 0)) return;
    this.#save({ set });
  }

  /**
   * Goes over to another lineage under a new memory: in the one that it leaves, this node will never vote again unless
   * it is added as a newcomer, so the promises that it forgets cannot be broken. False when that cannot be kept.
   */
  moveTo(set: VoterSet, holder: LifeId): boolean {
    const saved = this.#save({ set, term: set.term, holder, memory: this.#drawShort() });
    if (saved) {
      this.#promisedUntilUs = -Infinity;
      this.#releasedTerm = 0;
    }
    return saved;
  }

  /** Founds a lineage with ourselves as its only voter: an operator's word. Null when it cannot be kept. */
  foundAlone(term: number, life: LifeId): VoterSet | null {
    const memory = this.#drawShort();
    const set = { lineage: this.#drawShort(), term, version: 1, voters: [{ id: this.self, memory }] };
    if (!this.#save({ set, term, holder: life, memory })) return null;
    this.#promisedUntilUs = -Infinity;
    return set;
  }

  /** Notes a term that is about to be used without voters. False when it cannot be kept. */
  spendTerm(term: number, life: LifeId): boolean {
    return this.#save({ term, holder: life });
  }

  /** 8 random bytes as hex. */
  drawLineage(): string {
    return this.#drawShort();
  }

  #drawShort(): string {
    return toHex(this.random.fill(new Uint8Array(MEMORY_BYTES)));
  }

  /** A refusal in our name. */
  refuse(of: "claim" | "lease", echo: number, reason: Denial): Deny {
    return { kind: "deny", of, echo, reason, term: this.hint, set: reason === "set" ? this.#set : null };
  }

  /** Changes what must be kept, all or nothing. */
  #save(change: { term?: number; holder?: LifeId; set?: VoterSet | null; memory?: string }): boolean {
    const holder = change.holder ?? this.#holder;
    const next = {
      memory: change.memory ?? this.#memory,
      set: change.set === undefined ? this.#set : change.set,
      term: change.term ?? this.#term,
      // A copy of these two alone: what callers give may be more than a life, and may be another life a moment later.
      holder: holder === null ? null : { id: holder.id, incarnation: holder.incarnation },
      hint: this.hint,
    };
    if (!this.store.save(next)) return false;
    this.#memory = next.memory;
    this.#set = next.set;
    this.#term = next.term;
    this.#holder = next.holder;
    return true;
  }
}
