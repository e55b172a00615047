// One leadership: rounds of renewal, how long it may act, the care for its voters.
// Decides until when the leader may act (0.9 leases after it sent what a majority acknowledged) and which change of the
// voter set comes next, one at a time and each after the one before is known to a majority.

import { ACT_US } from "./acceptor.ts";
import type { Desk } from "./desk.ts";
import { shortId } from "./life.ts";
import type { Lease, LeaseAck, LeaseMode } from "../messages/mod.ts";
import { STABLE_US } from "./roster.ts";
import type { LeaseToken } from "./token.ts";
import { majorityOf, nextVoters, type SetView, sparesToAsk, type Voter, type VoterSet } from "./voters.ts";

/** Between renewals, in µs. */
export const RENEW_US = 1_000_000;
const RETRY_US = 250_000;
/** How many rounds are remembered: an acknowledgement may be this late. */
const ROUNDS = 64;
/** A leadership that no majority acknowledges within this is none, in µs. */
const CONFIRM_US = 1_500_000;
/** For how long the answer of a spare counts, in µs. */
const READY_US = 3_000_000;

interface Acked {
  round: number;
  sentUs: number;
}

/** A leadership of ours. */
export class Reign {
  #validUntilUs: number;
  #set: VoterSet | null;
  #round = 0;
  /** First round with the present set: acknowledging it or a later one means to know the set. */
  #setRound = 1;
  #isSettled = false;
  #renewRound = 0;
  #nextRenewUs: number;
  #nextRetryUs = Infinity;
  readonly #sentUs = new Array<number>(ROUNDS).fill(-Infinity);
  readonly #acked = new Map<string, Acked>();
  readonly #ready = new Map<string, { memory: string; atUs: number }>();
  readonly #reborn = new Map<string, string>();
  #endsUnconfirmedUs: number;

  /**
   * @param set null for a leadership without voters
   * @param validUntilUs until when the leadership before this one, of ours too, may act
   */
  constructor(
    nowUs: number,
    readonly desk: Desk,
    readonly token: LeaseToken,
    set: VoterSet | null,
    public isForced: boolean,
    validUntilUs: number,
  ) {
    this.#set = set;
    this.#validUntilUs = validUntilUs;
    this.#nextRenewUs = nowUs;
    this.#endsUnconfirmedUs = nowUs + CONFIRM_US;
  }

  get set(): VoterSet | null {
    return this.#set;
  }

  get validUntilUs(): number {
    return this.#validUntilUs;
  }

  get mode(): LeaseMode {
    if (this.isForced) return "forced";
    return this.#set === null || this.#set.voters.length < 3 ? "solo" : "lease";
  }

  /** Whether it may act at `nowUs`. */
  canAct(nowUs: number): boolean {
    return nowUs < this.#validUntilUs;
  }

  /** Whether it has ended by itself: not confirmed, or not renewed. */
  isOver(nowUs: number): boolean {
    return nowUs >= Math.max(this.#validUntilUs, this.#endsUnconfirmedUs);
  }

  /** When something is due next, in µs. */
  nextUs(): number {
    return Math.min(
      this.#nextRenewUs,
      this.#nextRetryUs,
      Math.max(this.#validUntilUs, this.#endsUnconfirmedUs),
    );
  }

  /** Whether the next thing due is the end. */
  get nextReason(): "lease-renew" | "lease-retry" | "lease-end" {
    const nextUs = this.nextUs();
    if (nextUs === this.#nextRenewUs) return "lease-renew";
    return nextUs === this.#nextRetryUs ? "lease-retry" : "lease-end";
  }

  /** Sends what is due. @param canChange false while a claim counts by the present set */
  handleTimeout(nowUs: number, canChange: boolean): void {
    if (nowUs >= this.#nextRenewUs) {
      if (canChange) this.#maybeChangeSet(nowUs);
      this.#renew(nowUs);
    } else if (nowUs >= this.#nextRetryUs) {
      this.#retry(nowUs);
    }
  }

  /** Takes an acknowledgement in; false for one that says nothing new. */
  handleAck(nowUs: number, short: string, ack: LeaseAck): boolean {
    const sentUs = this.#sentUs[ack.round % ROUNDS] ?? -Infinity;
    if (ack.term !== this.token.term || ack.round === 0 || ack.round > this.#round) return false;
    if (ack.round <= this.#round - ROUNDS) return false;
    const voter = this.#set?.voters.find(({ id }) => id === short);
    if (voter === undefined) {
      if (this.#ready.size < 16) this.#ready.set(short, { memory: ack.memory, atUs: nowUs });
      return true;
    }
    if (voter.memory !== ack.memory) {
      this.#reborn.set(short, ack.memory);
      return true;
    }
    const before = this.#acked.get(short);
    if (before !== undefined && before.round >= ack.round) return false;
    this.#acked.set(short, { round: ack.round, sentUs });
    this.#count();
    return true;
  }

  /** The message that tells everybody. */
  announcement(nowUs: number): Lease {
    return this.#message(nowUs, 0);
  }

  #renew(nowUs: number): void {
    this.#nextRenewUs = nowUs + RENEW_US;
    if (this.#set === null) {
      this.#validUntilUs = nowUs + ACT_US;
    } else {
      const view = this.#viewOf(nowUs, this.#set);
      const ids = this.#set.voters.map(({ id }) => id);
      this.#renewRound = this.#round + 1;
      this.#wave(nowUs, [...ids, ...sparesToAsk(this.#set, view)]);
      this.#nextRetryUs = nowUs + RETRY_US;
      if (!ids.includes(this.desk.acceptor.self)) this.desk.acceptor.learnSet(this.#set);
    }
    if (this.canAct(nowUs)) this.desk.send("all", this.announcement(nowUs));
  }

  #retry(nowUs: number): void {
    const missing =
      this.#set?.voters.filter(({ id }) => (this.#acked.get(id)?.round ?? 0) < this.#renewRound) ?? [];
    this.#nextRetryUs = missing.length === 0 ? Infinity : nowUs + RETRY_US;
    if (missing.length > 0) this.#wave(nowUs, missing.map(({ id }) => id));
  }

  /** Sends one numbered renewal to each of `ids`; our own vote goes the same way as everybody's. */
  #wave(nowUs: number, ids: readonly string[]): void {
    this.#round++;
    this.#sentUs[this.#round % ROUNDS] = nowUs;
    const message = this.#message(nowUs, this.#round);
    for (const id of ids) {
      if (id !== this.desk.acceptor.self) {
        this.desk.sendShort(id, message);
        continue;
      }
      const answer = this.desk.acceptor.handleLease(nowUs, this.desk.life, message);
      if (answer?.kind === "lease-ack") this.handleAck(nowUs, id, answer);
    }
  }

  #message(nowUs: number, round: number): Lease {
    const validMs = Math.max(0, Math.floor((this.#validUntilUs - nowUs) / 1_000));
    return { kind: "lease", term: this.token.term, round, mode: this.mode, validMs, set: this.#set };
  }

  #count(): void {
    const set = this.#set;
    if (set === null) return;
    const times: number[] = [];
    let knowing = 0;
    for (const { id } of set.voters) {
      const acked = this.#acked.get(id);
      if (acked === undefined) continue;
      times.push(acked.sentUs);
      if (acked.round >= this.#setRound) knowing++;
    }
    const needed = majorityOf(set.voters.length);
    if (knowing >= needed) this.#isSettled = true;
    // What the majority's last one acknowledged: all of them are bound from then on.
    const sentUs = times.sort((a, b) => b - a)[needed - 1];
    if (sentUs !== undefined) this.#validUntilUs = Math.max(this.#validUntilUs, sentUs + ACT_US);
  }

  #maybeChangeSet(nowUs: number): void {
    const set = this.#set;
    if (set === null || !this.#isSettled || !this.canAct(nowUs)) return;
    const voters = nextVoters(set, this.#viewOf(nowUs, set));
    if (voters === null) return;
    const isExchange = voters.length === set.voters.length;
    for (const { id, memory } of set.voters) {
      if (!voters.some((voter) => voter.id === id && voter.memory === memory)) this.#acked.delete(id);
    }
    this.#set = { ...set, version: set.version + 1, voters };
    this.#setRound = this.#round + 1;
    this.#isSettled = false;
    this.#ready.clear();
    this.#reborn.clear();
    if (!isExchange) return;
    // What the exchanged voter had promised is forgotten while its successor may vote, so it bears nothing any more.
    this.#validUntilUs = -Infinity;
    this.#endsUnconfirmedUs = nowUs + CONFIRM_US;
    this.#count();
  }

  #viewOf(nowUs: number, set: VoterSet): SetView {
    const { roster, acceptor, life } = this.desk;
    const isVoter = (id: string) => set.voters.some((voter: Voter) => voter.id === id);
    const ready = new Map<string, string>();
    for (const [id, { memory, atUs }] of this.#ready) {
      if (nowUs - atUs <= READY_US) ready.set(id, memory);
    }
    const spares = roster.stable(nowUs, STABLE_US);
    if (nowUs - roster.bornUs >= STABLE_US) {
      spares.unshift(shortId(life.id));
      ready.set(shortId(life.id), acceptor.memory);
    }
    return {
      self: acceptor.self,
      nodes: roster.aliveCount,
      gone: new Set(set.voters.filter(({ id }) => roster.isGone(nowUs, id)).map(({ id }) => id)),
      reborn: this.#reborn,
      spares: spares.filter((id) => !isVoter(id)),
      ready,
    };
  }
}
