// The leader lease as a synchronous state machine: members, messages and time in; messages, events and a deadline out.
// Decides who may lead: by the promises of a majority of voters, alone where there are too few nodes, by an operator's
// word where a majority is out of reach (discovery research 6.10). Never sends, never reads a clock, and never stops
// anything but acting: what a leader does is its owner's business, which asks `canAct` every time.

import type { NodeId } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { Acceptor, LEASE_US } from "./acceptor.ts";
import { ClaimPlan, JITTER_US, RANK_US } from "./claim_plan.ts";
import { Campaign } from "./campaign.ts";
import { Desk, type LeaseCounters, type LeaseSend } from "./desk.ts";
import type { Leader, LeaseEvent, LossReason } from "./events.ts";
import { LeaderBook } from "./leader_book.ts";
import { type LifeId, shortId } from "./life.ts";
import {
  type Claim,
  type Deny,
  type Lease,
  type LeaseMessage,
  MAX_TERM,
  type Transfer,
} from "../messages/mod.ts";
import { Reign } from "./reign.ts";
import { type LeaseMember, Roster } from "./roster.ts";
import type { LeaseStore } from "./store.ts";
import { compareTokens, type LeaseToken } from "./token.ts";
import { desiredVoters, isBinding, MIN_VOTERS, type VoterSet } from "./voters.ts";

/** How much an operator's word adds to the term: more than any election on the other side will reach. */
const FORCED_TERMS = 2 ** 16;
/** After this without a leader of its own a node goes over to a lineage that has one. */
const ORPHANED_US = 2 * LEASE_US;
const ANSWER_US = 250_000;
const TRANSFER_RESEND_US = 60_000;
const TRANSFER_SENDS = 5;
/** For how long the others leave a handed-over leadership to the one that was named, in µs. */
const TRANSFER_GRACE_US = 1_000_000;

/** What a core is made of. */
export interface LeaseOptions extends LifeId {
  readonly isCandidate: boolean;
  readonly priority: number;
  readonly random: RandomStream;
  readonly store: LeaseStore;
}

/** Why the core wants to be woken. */
export type LeaseWakeReason =
  | "lease-renew"
  | "lease-retry"
  | "lease-end"
  | "lease-claim"
  | "lease-watch"
  | "lease-transfer";

/** One node's part in the lease: voter always, candidate when it has the app role, leader at times. */
export class LeaseCore {
  readonly #desk: Desk;
  readonly #life: LifeId;
  readonly #acceptor: Acceptor;
  readonly #roster: Roster;
  readonly #book: LeaderBook;
  readonly #plan: ClaimPlan;
  #isCandidate: boolean;
  #priority: number;
  #isForced = false;
  #reign: Reign | null = null;
  #campaign: Campaign | null = null;
  #answeredUs = -Infinity;
  #divergedFrom = "";
  #transfer: { message: Transfer; ids: readonly string[]; atUs: number; left: number } | null = null;

  constructor(nowUs: number, options: LeaseOptions) {
    const { id, incarnation, random, store } = options;
    this.#life = { id, incarnation };
    this.#acceptor = new Acceptor(nowUs, id, store, random);
    this.#roster = new Roster(id, nowUs);
    this.#desk = new Desk(this.#life, this.#acceptor, this.#roster, random);
    this.#book = new LeaderBook(nowUs, this.#acceptor, this.#roster, this.#desk.counters);
    this.#plan = new ClaimPlan(nowUs, this.#desk);
    this.#isCandidate = options.isCandidate;
    this.#priority = options.priority;
    this.#replan(nowUs);
  }

  get counters(): LeaseCounters {
    return this.#desk.counters;
  }

  // --- asked ---------------------------------------------------------------------------------------------------

  /** Who leads as far as we know, ourselves included; null for nobody. */
  leader(): Leader | null {
    const reign = this.#reign;
    if (reign === null) return this.#book.known;
    const { token, mode, validUntilUs } = reign;
    return { token, mode, validUntilUs, isSelf: true };
  }

  /** The token of our own leadership, to be carried by every command; null when we do not lead. */
  get token(): LeaseToken | null {
    return this.#reign?.token ?? null;
  }

  /** Whether we lead and may act at `nowUs`. To be asked before every command, with a clock read just now. */
  canAct(nowUs: number): boolean {
    return this.#reign !== null && this.#reign.canAct(nowUs);
  }

  /** The lineage that we are in; null when there never were enough nodes for one. */
  get lineage(): string | null {
    return this.#acceptor.set?.lineage ?? null;
  }

  /** The voters that we know of. */
  get voterSet(): VoterSet | null {
    return this.#acceptor.set;
  }

  get isCandidate(): boolean {
    return this.#isCandidate;
  }

  // --- in ------------------------------------------------------------------------------------------------------

  /** The nodes of the mesh, all of them, whenever one changed. */
  handleMembers(nowUs: number, members: readonly LeaseMember[]): void {
    this.#roster.replace(nowUs, members);
    this.#replan(nowUs);
  }

  /** Takes a message in that its envelope proves to be `from`'s. Never throws on anything that a peer can send. */
  handleMessage(nowUs: number, from: LifeId, message: LeaseMessage): void {
    if (from.id === this.#life.id || !this.#acceptor.noteTerm(message.term)) {
      this.counters.ignored++;
      return;
    }
    this.#expire(nowUs);
    if (!this.#handle(nowUs, from, message)) this.counters.ignored++;
    this.#settle(nowUs);
  }

  /** Does what time has made due. Calling it early or often is harmless. */
  handleTimeout(nowUs: number): void {
    this.#expire(nowUs);
    this.#reign?.handleTimeout(nowUs, this.#campaign === null);
    this.#campaign?.handleTimeout(nowUs);
    this.#sendTransfer(nowUs);
    this.#settle(nowUs);
  }

  /** Takes or drops the app role. A leader that drops it hands over. */
  setCandidate(nowUs: number, isCandidate: boolean, priority: number): void {
    if (isCandidate && !this.#isCandidate) this.#plan.defer(nowUs);
    this.#isCandidate = isCandidate;
    this.#priority = priority;
    if (!isCandidate) {
      this.#campaign = null;
      this.handOver(nowUs, undefined, "dropped");
    }
    this.#settle(nowUs);
  }

  /**
   * Stops leading and frees the voters for `to`, or for the candidate that goes first. False when we do not lead.
   * With nobody to take over the lease is free at once.
   */
  handOver(nowUs: number, to?: NodeId, reason: LossReason = "handed-over"): boolean {
    const reign = this.#reign;
    if (reign === null) return false;
    const target = to ?? this.#roster.successor()?.id ?? null;
    const { term } = reign.token;
    const message = { kind: "transfer", term, to: target === null ? null : shortId(target) } as const;
    const ids = new Set(reign.set?.voters.map(({ id }) => id) ?? []);
    if (message.to !== null) ids.add(message.to);
    ids.delete(this.#acceptor.self);
    this.#stepDown(nowUs, reason);
    this.#isForced = false;
    this.#acceptor.handleTransfer(nowUs, this.#life, term);
    this.#transfer = { message, ids: [...ids], atUs: nowUs, left: TRANSFER_SENDS };
    this.#plan.advance(nowUs + 3 * TRANSFER_GRACE_US);
    this.#desk.send("all", message);
    this.#sendTransfer(nowUs);
    this.#settle(nowUs);
    return true;
  }

  /**
   * An operator's word: leads at once, with a term that no election elsewhere reaches, in a lineage of its own. The
   * mesh has diverged until the sides meet; then the higher token stays. False when it cannot be kept on disk.
   */
  forceSolo(nowUs: number): boolean {
    const term = this.#acceptor.hint + FORCED_TERMS;
    if (term > MAX_TERM) return false;
    if (this.#reign !== null) this.#stepDown(nowUs, "merged");
    const set = this.#acceptor.foundAlone(term, this.#life);
    if (set === null) return false;
    this.#campaign = null;
    this.#book.known = null;
    this.#isForced = true;
    this.#begin(nowUs, term, set, -Infinity);
    this.#settle(nowUs);
    return true;
  }

  /** Ends what {@linkcode forceSolo} began: the lineage stays and is an ordinary one. False when it was none. */
  endSolo(nowUs: number): boolean {
    if (!this.#isForced) return false;
    this.#isForced = false;
    if (this.#reign !== null) this.#reign.isForced = false;
    this.#settle(nowUs);
    return true;
  }

  /** We were not running for `lateUs`: whoever led may not any more. */
  noteStall(nowUs: number, _lateUs: number): void {
    this.#interrupt(nowUs, "stalled");
  }

  /** The machine slept. */
  noteResume(nowUs: number): void {
    this.#interrupt(nowUs, "stalled");
  }

  /** We have no network any more. A leader without other voters stays. */
  noteIsolated(nowUs: number): void {
    if ((this.#reign?.set?.voters.length ?? 1) > 1) this.#interrupt(nowUs, "isolated");
  }

  // --- out -----------------------------------------------------------------------------------------------------

  /** The next message to send, or null. */
  pollSend(): LeaseSend | null {
    return this.#desk.poll();
  }

  /** The next event, or null. */
  pollEvent(): LeaseEvent | null {
    return this.#book.poll();
  }

  /** When {@linkcode handleTimeout} is due next, and what for; null when nothing is. */
  pollTimeout(): { readonly atUs: number; readonly reason: LeaseWakeReason } | null {
    let atUs = this.#plan.atUs;
    let reason: LeaseWakeReason = "lease-claim";
    const consider = (us: number, why: LeaseWakeReason) => {
      if (us < atUs) [atUs, reason] = [us, why];
    };
    if (this.#reign !== null) consider(this.#reign.nextUs(), this.#reign.nextReason);
    if (this.#campaign !== null) {
      consider(Math.min(this.#campaign.nextSendUs, this.#campaign.deadlineUs), "lease-claim");
    }
    if (this.#book.known !== null) consider(this.#book.known.validUntilUs, "lease-watch");
    else if (this.#reign === null) consider(this.#book.noQuorumUs, "lease-watch");
    if (this.#transfer !== null) consider(this.#transfer.atUs, "lease-transfer");
    return atUs === Infinity ? null : { atUs, reason };
  }

  // --- messages ------------------------------------------------------------------------------------------------

  #handle(nowUs: number, from: LifeId, message: LeaseMessage): boolean {
    const short = shortId(from.id);
    switch (message.kind) {
      case "claim":
        return this.#onClaim(nowUs, from, message);
      case "grant":
        return this.#campaign?.handleGrant(short, message) ?? false;
      case "deny":
        return this.#onDeny(nowUs, short, message);
      case "lease":
        return this.#onLease(nowUs, from, message);
      case "lease-ack":
        return this.#reign?.handleAck(nowUs, short, message) ?? false;
      case "transfer":
        return this.#onTransfer(nowUs, from, message);
    }
  }

  /** Only apps lead. A role that has just been taken is known as soon as its record is. */
  #isApp(from: LifeId): boolean {
    return this.#roster.find(shortId(from.id))?.role === "app";
  }

  #onClaim(nowUs: number, from: LifeId, claim: Claim): boolean {
    if (!this.#isApp(from)) return false;
    // While we ask for ourselves our own vote is not to be had, except by whoever goes first anyway.
    const isLater = this.#campaign !== null && !this.#roster.goesBefore(from.id, this.#priority);
    const answer = isLater
      ? this.#acceptor.refuse("claim", claim.attempt, "promised")
      : this.#acceptor.handleClaim(
        nowUs,
        from,
        claim,
      );
    if (answer === null) return false;
    if (answer.kind === "deny") this.counters.denials++;
    else if (this.#campaign !== null) this.#fail(nowUs);
    this.#desk.send(from.id, answer);
    return true;
  }

  #onDeny(nowUs: number, short: string, deny: Deny): boolean {
    const campaign = this.#campaign;
    if (deny.of === "lease") {
      if (deny.set !== null && this.#reign !== null && this.#reign.set === null) {
        this.#acceptor.learnSet(deny.set);
        return true;
      }
      const isVoter = this.#reign?.set?.voters.some(({ id }) => id === short) ?? false;
      if (!isVoter || deny.reason !== "term" || deny.term < (this.#reign?.token.term ?? Infinity)) {
        return false;
      }
      this.#reclaim(nowUs);
      return true;
    }
    if (campaign === null || deny.echo !== campaign.attempt) return false;
    if (deny.reason === "set" && deny.set !== null) this.#acceptor.learnSet(deny.set);
    if (deny.reason === "set" || deny.reason === "term") {
      this.#campaign = null;
      this.#plan.onDenied(nowUs);
      if (this.#reign !== null) this.#reclaim(nowUs);
    }
    return true;
  }

  #onLease(nowUs: number, from: LifeId, lease: Lease): boolean {
    if (!this.#isApp(from)) return false;
    const token = { term: lease.term, leaderId: from.id, leaderIncarnation: from.incarnation };
    const isActing = lease.validMs > 0;
    if (lease.set === null) return this.#onSoloLease(nowUs, token, lease);
    const own = this.#acceptor.set;
    if (own !== null && own.lineage !== lease.set.lineage) {
      if (!isActing) return false;
      if (!this.#goesOver(nowUs, token)) {
        this.#tellOther(nowUs, token);
        return true;
      }
      if (!this.#acceptor.moveTo(lease.set, from)) return false;
      this.#book.highest = token;
      this.#campaign = null;
      this.#yield(nowUs, token, "merged");
      this.#book.known = null;
    } else if (own === null && this.#reign !== null && isActing) {
      this.#yield(nowUs, token, "merged");
    }
    if (this.#reign !== null && compareTokens(token, this.#reign.token) > 0) {
      this.#stepDown(nowUs, "higher-term");
    }
    if (lease.round > 0) {
      const answer = this.#acceptor.handleLease(nowUs, from, lease);
      if (answer !== null) this.#desk.send(from.id, answer);
      if (answer?.kind === "deny") this.counters.denials++;
    } else {
      this.#acceptor.learnSet(lease.set);
    }
    if (isActing) this.#follow(nowUs, token, lease);
    return true;
  }

  /** Another who leads without voters: of two the higher token stays; a lineage with voters goes before. */
  #onSoloLease(nowUs: number, token: LeaseToken, lease: Lease): boolean {
    const reign = this.#reign;
    if (reign !== null && reign.set !== null) {
      if (token.term >= reign.token.term) this.#reclaim(nowUs);
      this.#tellOther(nowUs, token);
      return true;
    }
    if (isBinding(this.#acceptor.set)) {
      // It leads since it knows of nobody else; now it does.
      const deny = this.#acceptor.refuse("lease", 0, "set");
      if (this.#mayAnswer(nowUs)) this.#desk.send(token.leaderId, deny);
      return false;
    }
    if (reign !== null && compareTokens(token, reign.token) < 0) {
      this.#tellOther(nowUs, token);
      return true;
    }
    if (reign !== null) this.#yield(nowUs, token, "merged");
    this.#follow(nowUs, token, lease);
    return true;
  }

  #follow(nowUs: number, token: LeaseToken, lease: Lease): void {
    if (this.#reign !== null || !this.#book.follow(nowUs, token, lease)) return;
    if (this.#campaign !== null && token.term >= this.#campaign.term) this.#campaign = null;
    if (this.#transfer !== null && token.term > this.#transfer.message.term) this.#transfer = null;
  }

  /** Whether a leader of another lineage is ours from now on. */
  #goesOver(nowUs: number, token: LeaseToken): boolean {
    const own = this.#reign?.token ?? this.#book.highest;
    if (own === null ? token.term > (this.#acceptor.set?.term ?? 0) : compareTokens(token, own) > 0) {
      return true;
    }
    return this.#reign === null && this.#book.known === null &&
      nowUs - this.#book.leaderlessUs >= ORPHANED_US;
  }

  /** Two had led apart: the loser stops, and what it wrote can be found by its token. */
  #yield(nowUs: number, winner: LeaseToken, reason: LossReason): void {
    const reign = this.#reign;
    if (reign === null) return;
    const loser = reign.token;
    // The winner is to know it too; it may not have heard us yet.
    this.#desk.send(winner.leaderId, reign.announcement(nowUs));
    this.#stepDown(nowUs, reason);
    this.#isForced = false;
    this.#book.tell({ kind: "diverged", winner, loser });
  }

  /** Lets the other leader know that we lead, so that it need not wait for our next beat. */
  #tellOther(nowUs: number, loser: LeaseToken): void {
    const reign = this.#reign;
    if (reign === null || !reign.canAct(nowUs)) return;
    if (this.#mayAnswer(nowUs)) this.#desk.send(loser.leaderId, reign.announcement(nowUs));
    const key = `${loser.term} ${loser.leaderId}`;
    if (key === this.#divergedFrom) return;
    this.#divergedFrom = key;
    this.#book.tell({ kind: "diverged", winner: reign.token, loser });
  }

  #mayAnswer(nowUs: number): boolean {
    if (nowUs < this.#answeredUs + ANSWER_US) return false;
    this.#answeredUs = nowUs;
    return true;
  }

  #onTransfer(nowUs: number, from: LifeId, { term, to }: Transfer): boolean {
    const isPromised = this.#acceptor.handleTransfer(nowUs, from, term);
    const { token } = this.#book.known ?? {};
    const isKnown = token?.term === term && token.leaderId === from.id &&
      token.leaderIncarnation === from.incarnation;
    if (!isPromised && !isKnown) return false;
    if (isKnown) this.#book.forget(nowUs, "handed-over");
    if (to === this.#acceptor.self) {
      this.#plan.advance(nowUs);
      if (this.#isCandidate && this.#campaign === null && this.#reign === null) this.#claim(nowUs);
    } else if (to !== null) {
      this.#plan.defer(nowUs + TRANSFER_GRACE_US);
    }
    return true;
  }

  #sendTransfer(nowUs: number): void {
    const transfer = this.#transfer;
    if (transfer === null || nowUs < transfer.atUs) return;
    for (const id of transfer.ids) this.#desk.sendShort(id, transfer.message);
    transfer.atUs = nowUs + TRANSFER_RESEND_US;
    if (--transfer.left === 0) this.#transfer = null;
  }

  // --- leading -------------------------------------------------------------------------------------------------

  #begin(nowUs: number, term: number, set: VoterSet | null, validUntilUs: number): void {
    const token = { term, leaderId: this.#life.id, leaderIncarnation: this.#life.incarnation };
    this.#reign = new Reign(nowUs, this.#desk, token, set, this.#isForced, validUntilUs);
    if (set !== null) this.#book.highest = token;
    this.#book.known = null;
    this.#plan.onSettled();
    this.counters.wins++;
    this.#reign.handleTimeout(nowUs, false);
  }

  #stepDown(nowUs: number, reason: LossReason): void {
    const reign = this.#reign;
    if (reign === null) return;
    this.#reign = null;
    this.#plan.onSettled();
    this.#book.tellLost(nowUs, reign.token, reason);
  }

  #interrupt(nowUs: number, reason: LossReason): void {
    this.#stepDown(nowUs, reason);
    this.#campaign = null;
    this.#expire(nowUs);
    // What was sent meanwhile is read first: another may lead by now.
    this.#plan.defer(nowUs + this.#desk.drawUs(RANK_US, 2 * RANK_US));
    this.#settle(nowUs);
  }

  /** Time has ended something. */
  #expire(nowUs: number): void {
    if (this.#book.known !== null && nowUs >= this.#book.known.validUntilUs) {
      this.#book.forget(this.#book.known.validUntilUs, "expired");
    }
    if (this.#reign !== null && this.#reign.isOver(nowUs)) {
      this.#stepDown(nowUs, "expired");
      this.#plan.defer(nowUs + this.#desk.drawUs(0, JITTER_US));
    }
    if (this.#campaign !== null && nowUs >= this.#campaign.deadlineUs) this.#fail(nowUs);
  }

  #reclaim(nowUs: number): void {
    if (this.#campaign === null) this.#plan.reclaim(nowUs);
  }

  #settle(nowUs: number): void {
    this.#conclude(nowUs);
    // Alone until now, and there was a lineage all the time.
    if (this.#reign !== null && this.#reign.set === null && isBinding(this.#acceptor.set)) {
      this.#stepDown(nowUs, "merged");
    }
    this.#replan(nowUs);
    this.#maybeClaim(nowUs);
    const reign = this.#reign;
    if (reign !== null && reign.canAct(nowUs)) {
      if (!this.#book.hasTold(reign.token)) {
        this.#desk.send("all", reign.announcement(nowUs));
        const { token, mode, validUntilUs } = reign;
        this.#book.tellLeader({ token, mode, validUntilUs, isSelf: true });
      }
    } else if (reign === null && this.#book.known === null) this.#book.maybeTellNoQuorum(nowUs);
  }

  // --- claiming ------------------------------------------------------------------------------------------------

  #replan(nowUs: number): void {
    const reign = this.#reign;
    this.#plan.update(nowUs, {
      isCandidate: this.#isCandidate,
      priority: this.#priority,
      isClaiming: this.#campaign !== null,
      leads: reign === null ? "no" : reign.set === null ? "alone" : "elected",
      knownUntilUs: this.#book.known?.validUntilUs ?? -Infinity,
    });
  }

  #maybeClaim(nowUs: number): void {
    if (!this.#isCandidate || this.#campaign !== null || nowUs < this.#plan.atUs) return;
    if (this.#book.known === null) this.#claim(nowUs);
  }

  /** Claims: from the voters, from those who shall become voters, or from nobody when there are too few. */
  #claim(nowUs: number): void {
    const term = Math.max(this.#acceptor.hint, this.#reign?.token.term ?? 0) + 1;
    if (term > MAX_TERM) return;
    const set = this.#reign?.set ?? this.#acceptor.set;
    const { aliveCount } = this.#roster;
    if (set !== null && this.#plan.canBeElected) {
      this.#start(nowUs, term, set, null);
    } else if (aliveCount >= MIN_VOTERS) {
      const others = this.#roster.stable(nowUs, 0).slice(0, desiredVoters(aliveCount) - 1);
      this.#start(nowUs, term, set, [this.#acceptor.self, ...others]);
    } else if (this.#reign === null && this.#acceptor.spendTerm(term, this.#life)) {
      this.#begin(nowUs, term, null, -Infinity);
    }
    this.#replan(nowUs);
  }

  #start(nowUs: number, term: number, set: VoterSet | null, proposal: readonly string[] | null): void {
    this.#plan.onClaim();
    this.#campaign = new Campaign(nowUs, this.#desk, term, set, proposal);
    this.#campaign.handleTimeout(nowUs);
    this.#conclude(nowUs);
  }

  #conclude(nowUs: number): void {
    const campaign = this.#campaign;
    if (campaign === null) return;
    const outcome = campaign.conclude(nowUs);
    if (outcome.kind === "lost") this.#fail(nowUs);
    if (outcome.kind !== "won") return;
    this.#campaign = null;
    // Voters that we led until now keep what they promised, so we act on without a gap.
    const isAgain = campaign.proposal === null && this.#reign !== null && this.#reign.set !== null;
    this.#begin(
      nowUs,
      campaign.term,
      outcome.set,
      isAgain ? this.#reign?.validUntilUs ?? -Infinity : -Infinity,
    );
  }

  #fail(nowUs: number): void {
    const isHopeless = this.#campaign?.isHopeless ?? false;
    this.#campaign = null;
    this.#plan.onFailed(nowUs, this.#priority, this.#reign !== null, isHopeless);
  }
}
