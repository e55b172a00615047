// Speaking up for a node that somebody else misses and that we have just heard ourselves.
// Decides who of all that could speaks, and that the others then need not; never on hearsay: a node that is known from a
// list alone must not be vouched for (discovery research, finding 3).

import { type Context, drawBetween } from "./context.ts";
import { hash32 } from "./hash.ts";
import { MAX_NAMED, type NamedNode, targetOf, type VouchedNode } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";

/** We must have heard it within two of its beats; where beats are slow, within what two were in a small mesh, in µs. */
const EVIDENCE_BEATS = 2;
const MAX_EVIDENCE_US = 2_200_000;
const BASE_US = 20_000;
const RANK_US = 3_000;
const MAX_RANK = 100;
/** For so long one word is enough, in µs. */
const QUIET_US = 400_000;
const MAX_PENDING = 256;

interface Pending {
  readonly peer: Peer;
  readonly dueUs: number;
}

/** Our words for others. */
export class Vouching {
  readonly #pending = new Map<string, Pending>();
  /** When somebody, or we ourselves, last spoke up for a node. */
  readonly #spokenUs = new Map<string, number>();
  #nextUs = Infinity;

  constructor(readonly context: Context, readonly meshSize: () => number) {}

  /**
   * Somebody misses `peer`: what we know of it we say if it is newer. Returns whether we know that it lives.
   * At the bound of 256 waiting words nothing is added.
   */
  consider(nowUs: number, peer: Peer, accused: NamedNode): boolean {
    const { target } = accused;
    if (!canVouch(nowUs, peer)) return false;
    if (peer.life.window.highest <= accused.seq || this.#pending.has(target)) return true;
    if (nowUs - (this.#spokenUs.get(target) ?? -Infinity) < QUIET_US) return true;
    if (this.#pending.size >= MAX_PENDING) {
      this.context.counters.dropped.vouches++;
      return true;
    }
    const ranks = Math.min(MAX_RANK, Math.max(1, this.meshSize()));
    const rank = hash32(this.context.own.id + target) % ranks;
    const dueUs = nowUs + BASE_US + RANK_US * (rank + drawBetween(this.context.random, 0, 1));
    this.#pending.set(target, { peer, dueUs });
    this.#nextUs = Math.min(this.#nextUs, dueUs);
    return true;
  }

  /** Somebody has spoken up for the node. */
  noteSpoken(nowUs: number, target: string): void {
    this.#pending.delete(target);
    if (this.#spokenUs.size >= MAX_PENDING) this.#spokenUs.clear();
    this.#spokenUs.set(target, nowUs);
  }

  /** Speaks up where it is our turn. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    this.#nextUs = Infinity;
    const nodes: VouchedNode[] = [];
    for (const [target, { peer, dueUs }] of this.#pending) {
      if (dueUs > nowUs || nodes.length === MAX_NAMED) {
        this.#nextUs = Math.min(this.#nextUs, dueUs);
        continue;
      }
      this.noteSpoken(nowUs, target);
      if (!canVouch(nowUs, peer)) continue;
      const ageMs = (nowUs - peer.lastHeardUs) / 1000;
      nodes.push({
        target: targetOf(peer.id),
        incarnation: peer.incarnation,
        seq: peer.life.window.highest,
        ageMs,
      });
    }
    if (nodes.length === 0) return;
    const { own, links, outbox } = this.context;
    const message = { kind: "vouch", bootNonce: own.bootNonce, nodes } as const;
    for (const link of links.all) outbox.toLink(nowUs, link, message, false);
  }

  /** When we speak next; infinite while we need not. */
  get nextUs(): number {
    return this.#nextUs;
  }
}

function canVouch(nowUs: number, peer: Peer): boolean {
  return peer.isListed && peer.state === "alive" && !peer.isRelayed &&
    nowUs - peer.lastHeardUs < Math.min(EVIDENCE_BEATS * peer.beatUs, MAX_EVIDENCE_US);
}
