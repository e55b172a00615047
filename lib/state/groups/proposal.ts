// One version of a group on its way to being shown: who was asked, who is ready, and what follows from that.
// Decides between waiting, commit and abort (research 2.11): two-phase commit in which nobody who is missing blocks,
// unless the group is strict.

import type { NodeId } from "../../base/mod.ts";
import { ANSWER_US } from "./bounds.ts";
import type { Edition } from "./edition.ts";
import type { DisplayGroup } from "./group.ts";
import type { PrepareReply } from "./messages.ts";

/** What is to be shown. */
export interface Standing {
  readonly edition: Edition;
  /** Null where the group was taken apart. */
  readonly group: DisplayGroup | null;
  /** As which of the desk's decisions. */
  readonly order: number;
}

/** How a node stands to a proposal. */
export type VoteState = "unasked" | "asked" | "ready" | "refused" | "silent" | "missing";

/** A node with displays of a group, or with such as leave it. */
export interface Vote {
  readonly node: NodeId;
  /** Its displays in the proposed version; none where it leaves. */
  readonly displays: readonly string[];
  state: VoteState;
  why: string | null;
  askedUs: number;
  /** From question to answer, in microseconds; 0 before. */
  roundTripUs: number;
  uncertaintyUs: number | null;
  /** Somebody, this host or an earlier one, has committed this very version there already. */
  isDecided: boolean;
}

/** What follows from the votes. */
export type Verdict = "wait" | "commit" | "abort";

/** The displays of each node in a group. */
export function displaysByNode(group: DisplayGroup | null): Map<NodeId, string[]> {
  const byNode = new Map<NodeId, string[]>();
  for (const { node, display } of group?.members ?? []) {
    const displays = byNode.get(node);
    if (displays === undefined) byNode.set(node, [display]);
    else displays.push(display);
  }
  return byNode;
}

/** The votes on one version. */
export class Proposal implements Standing {
  readonly edition: Edition;
  readonly group: DisplayGroup | null;
  readonly order: number;
  readonly votes = new Map<NodeId, Vote>();
  readonly #untilUs: number;

  /** @param leavers nodes that show something of the group, whether they are still in it or not */
  constructor(nowUs: number, standing: Standing, leavers: Iterable<NodeId>) {
    this.edition = standing.edition;
    this.group = standing.group;
    this.order = standing.order;
    this.#untilUs = nowUs + ANSWER_US;
    for (const [node, displays] of displaysByNode(standing.group)) this.#add(node, displays);
    for (const node of leavers) if (!this.votes.has(node)) this.#add(node, []);
  }

  /** Displays change without waiting for one another. */
  get isFree(): boolean {
    return this.group !== null && this.group.sync === "free";
  }

  /** Nodes that are to be asked now; they count as asked. */
  *pollQuestions(nowUs: number, isReachable: (node: NodeId) => boolean): Generator<Vote> {
    for (const vote of this.votes.values()) {
      if (!isReachable(vote.node)) {
        if (vote.state === "unasked" || vote.state === "asked" || vote.state === "ready") {
          vote.state = "missing";
          vote.why = "its node cannot be reached";
        }
      } else if (vote.state === "unasked" || vote.state === "missing") {
        vote.state = "asked";
        vote.askedUs = nowUs;
        vote.why = null;
        yield vote;
      }
    }
  }

  /** An answer, or that there will be none (null). @returns the vote, null where it was not asked for. */
  handleAnswer(nowUs: number, node: NodeId, reply: PrepareReply | null, why: string): Vote | null {
    const vote = this.votes.get(node);
    if (vote === undefined || vote.state !== "asked") return null;
    vote.roundTripUs = nowUs - vote.askedUs;
    if (reply === null) {
      vote.state = "refused";
      vote.why = why;
      return vote;
    }
    vote.state = reply.ready ? "ready" : "refused";
    vote.why = reply.ready ? null : reply.why ?? "it gave no reason";
    vote.uncertaintyUs = reply.uncertaintyUs;
    vote.isDecided = reply.decided;
    return vote;
  }

  /** When waiting ends at the latest, in microseconds. */
  get untilUs(): number {
    return this.#untilUs;
  }

  /** What follows from the votes so far; those who are silent for too long count as such from now on. */
  judge(nowUs: number): Verdict {
    if (this.isFree) return "commit";
    let isWaiting = false;
    let isWhole = true;
    let isDecided = false;
    for (const vote of this.votes.values()) {
      if (vote.state === "asked" && nowUs >= this.#untilUs) {
        vote.state = "silent";
        vote.why = "its node did not answer in time";
      }
      isDecided ||= vote.isDecided;
      if (vote.state === "asked" || vote.state === "unasked") isWaiting = true;
      // Who leaves never blocks.
      else if (vote.state !== "ready" && vote.displays.length > 0) isWhole = false;
    }
    if (isWaiting) return "wait";
    // What one display was told to show, all are to show: the host that decided it may be gone.
    return isWhole || isDecided || this.group?.strict !== true ? "commit" : "abort";
  }

  /** Who keeps a strict group from changing, as a sentence. */
  objections(): string {
    const reasons: string[] = [];
    for (const { displays, state, why } of this.votes.values()) {
      if (state === "ready" || displays.length === 0) continue;
      reasons.push(`${displays.join(", ")}: ${why ?? state}`);
    }
    const shown = reasons.slice(0, 3).join(" · ");
    return reasons.length > 3 ? `${shown} · and ${reasons.length - 3} more` : shown;
  }

  #add(node: NodeId, displays: readonly string[]): void {
    this.votes.set(node, {
      node,
      displays,
      state: "unasked",
      why: null,
      askedUs: 0,
      roundTripUs: 0,
      uncertaintyUs: null,
      isDecided: false,
    });
  }
}
