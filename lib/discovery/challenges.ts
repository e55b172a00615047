// Questions that await one answer: each has a nonce that nobody could have recorded before.
// Decides whether an answer belongs to a question of ours and how long it took; never what follows from it.

import type { NodeId } from "../base/mod.ts";
import type { RandomStream } from "../platform/mod.ts";
import type { DiscoveryCounters } from "./counters.ts";
import { drawNonce } from "./context.ts";

/** Why we asked. */
export type ChallengePurpose =
  | "admit" // is this newcomer real, or a replay?
  | "probe" // is this silent node alive?
  | "help" // is it alive, asked for somebody else?
  | "request" // what do you hear of it?
  | "measure" // how long is the round trip?
  | "record" // what does its record say now?
  | "conflict" // is there another process under our own id?
  | "ping"; // the owner asked

/** An open question. */
export interface Challenge {
  readonly purpose: ChallengePurpose;
  /** Who has to answer; null when only the address was known. */
  readonly id: NodeId | null;
  readonly sentUs: number;
  /** The owner's number of a ping, else 0. */
  readonly token: number;
}

/** How long an answer counts, in µs. An owner's ping is lost then. */
export const ANSWER_TIMEOUT_US = 1_000_000;
const MAX_OPEN = 2_048;

/** All open questions, oldest first. */
export class Challenges {
  readonly #open = new Map<string, Challenge>();
  #pings = 0;

  constructor(readonly random: RandomStream, readonly counters: DiscoveryCounters) {}

  /** Opens a question and returns its nonce. At the bound the oldest goes unanswered. */
  open(challenge: Challenge): string {
    if (this.#open.size >= MAX_OPEN) {
      for (const oldest of this.#open.keys()) {
        this.#forget(oldest);
        this.counters.dropped.challenges++;
        break;
      }
    }
    const nonce = drawNonce(this.random);
    this.#open.set(nonce, challenge);
    if (challenge.purpose === "ping") this.#pings++;
    return nonce;
  }

  /** The question that `nonce` answers, closed by this; null when there is none, or another node was asked. */
  close(nonce: string, from: NodeId): Challenge | null {
    const challenge = this.#open.get(nonce);
    if (challenge === undefined || (challenge.id !== null && challenge.id !== from)) return null;
    this.#forget(nonce);
    return challenge;
  }

  /** Drops what is too old and returns it. */
  expire(nowUs: number): Challenge[] {
    const expired: Challenge[] = [];
    for (const [nonce, challenge] of this.#open) {
      if (challenge.sentUs + ANSWER_TIMEOUT_US > nowUs) break;
      this.#forget(nonce);
      expired.push(challenge);
    }
    return expired;
  }

  /** When the oldest owner's ping is lost; other questions may go stale quietly. */
  nextUs(): number | null {
    if (this.#pings === 0) return null;
    for (const challenge of this.#open.values()) {
      if (challenge.purpose === "ping") return challenge.sentUs + ANSWER_TIMEOUT_US;
    }
    return null;
  }

  #forget(nonce: string): void {
    if (this.#open.get(nonce)?.purpose === "ping") this.#pings--;
    this.#open.delete(nonce);
  }
}
