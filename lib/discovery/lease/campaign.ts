// One claim: whom it asks, who has answered, and when it is won.
// Decides by the set that the candidate knew at the start; an answer counts only for its own attempt and only under
// the memory that stands in the set. The candidate's own vote comes last, so that a minority's claims raise no term.

import type { Grant } from "../messages/mod.ts";
import type { Desk } from "./desk.ts";
import { majorityOf, type Voter, type VoterSet } from "./voters.ts";

/** For how long a claim may take, in µs: less than a grant binds. */
export const CLAIM_US = 1_350_000;
const RESEND_US = 200_000;

/** What became of a claim. */
export type Outcome =
  | { readonly kind: "open" }
  | { readonly kind: "won"; readonly set: VoterSet }
  | { readonly kind: "lost" };

/** A claim on its way. */
export class Campaign {
  readonly attempt: number;
  readonly deadlineUs: number;
  nextSendUs: number;
  readonly #grants = new Map<string, string>();

  /**
   * @param set the set that counts, or the one that is replaced; null when there is none
   * @param proposal short ids of the voters of a new lineage; null for an election
   */
  constructor(
    nowUs: number,
    readonly desk: Desk,
    readonly term: number,
    readonly set: VoterSet | null,
    readonly proposal: readonly string[] | null,
  ) {
    this.attempt = desk.random.u32();
    this.deadlineUs = nowUs + CLAIM_US;
    this.nextSendUs = nowUs;
    desk.counters.claims++;
  }

  /** Asks those who have not granted yet. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.nextSendUs) return;
    // A founder must hear of lineages that it does not know.
    if (this.proposal !== null && this.#grants.size === 0) this.desk.send("all", this.#message());
    for (const id of this.#asked()) if (!this.#grants.has(id)) this.desk.sendShort(id, this.#message());
    this.nextSendUs = nowUs + RESEND_US;
  }

  /** Counts an answer of the node `short`; false for one to another attempt. */
  handleGrant(short: string, grant: Grant): boolean {
    if (grant.attempt !== this.attempt || grant.term !== this.term || !this.#asked().includes(short)) {
      return false;
    }
    this.#grants.set(short, grant.memory);
    return true;
  }

  /** What has become of it; takes our own vote when that is all that is missing. */
  conclude(nowUs: number): Outcome {
    return this.proposal === null ? this.#concludeElection(nowUs) : this.#concludeFounding(nowUs);
  }

  /**
   * Voters of the set that answered under another memory while too few are left that did not: with nobody missing, the
   * set can never elect again, and its nodes may found another. Null unless all of them have answered.
   */
  get isHopeless(): boolean {
    const { set, proposal } = this;
    if (set === null || proposal !== null) return false;
    const self = this.desk.acceptor.self;
    let lost = 0;
    for (const { id, memory } of set.voters) {
      const answered = id === self ? this.desk.acceptor.memory : this.#grants.get(id);
      if (answered === undefined) return false;
      if (answered !== memory) lost++;
    }
    return set.voters.length - lost < majorityOf(set.voters.length);
  }

  #concludeElection(nowUs: number): Outcome {
    const { set, desk } = this;
    if (set === null) return { kind: "lost" };
    let votes = 0;
    for (const { id, memory } of set.voters) if (this.#grants.get(id) === memory) votes++;
    const needed = majorityOf(set.voters.length);
    const isVoter = desk.acceptor.isVoterOf(set);
    if (votes + (isVoter ? 1 : 0) < needed) return { kind: "open" };
    if (isVoter && !this.#voteForSelf(nowUs)) return { kind: "lost" };
    return { kind: "won", set: { ...set, term: this.term } };
  }

  #concludeFounding(nowUs: number): Outcome {
    const { desk, proposal } = this;
    if (proposal === null || this.#asked().some((id) => !this.#grants.has(id))) return { kind: "open" };
    if (!this.#voteForSelf(nowUs)) return { kind: "lost" };
    const voters: Voter[] = proposal.map((id) => ({
      id,
      memory: id === desk.acceptor.self ? desk.acceptor.memory : this.#grants.get(id) ?? "",
    }));
    return {
      kind: "won",
      set: { lineage: desk.acceptor.drawLineage(), term: this.term, version: 1, voters },
    };
  }

  #voteForSelf(nowUs: number): boolean {
    return this.desk.acceptor.handleClaim(nowUs, this.desk.life, this.#message())?.kind === "grant";
  }

  #asked(): readonly string[] {
    const ids = this.proposal ?? this.set?.voters.map(({ id }) => id) ?? [];
    return ids.filter((id) => id !== this.desk.acceptor.self);
  }

  #message() {
    const { term, attempt, set, proposal } = this;
    const stamp = set === null ? null : { lineage: set.lineage, term: set.term, version: set.version };
    return { kind: "claim", term, attempt, set: stamp, proposal } as const;
  }
}
