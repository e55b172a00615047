// The voter set: whose majority makes a leader, and how it changes one voter at a time.
// Decides the order of sets and the next change; the leader carries it out under its lease, the voters remember it.
// The rules are those of single-server changes in Raft (Ongaro 2014, section 4.1, and its correction: a leader first
// gets its own term's set acknowledged), so any majorities of two neighbouring sets share a voter.

import { MAX_SET_ROWS, MAX_VOTERS, type SetStamp, type Voter, type VoterSet } from "../messages/mod.ts";

export type { SetStamp, Voter, VoterSet } from "../messages/mod.ts";

/** Below this nobody is fenced: a lone survivor may go on, and so may its twin. */
export const MIN_VOTERS = 3;
/** Digits of the 8 bytes of ids, lineages and memories. */
export const SHORT_DIGITS = 16;

/** Negative when `a` is the older of two sets of one lineage. */
export function compareStamps(a: SetStamp, b: SetStamp): number {
  return a.term !== b.term ? a.term - b.term : a.version - b.version;
}

/** How many of `voters` are a majority. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** Whether a set fences: fewer voters than {@linkcode MIN_VOTERS} bind nobody who has lost their leader. */
export function isBinding(set: VoterSet | null): set is VoterSet {
  return set !== null && set.voters.length >= MIN_VOTERS;
}

/** Voters that a mesh of `nodes` should have: odd, at most 7. */
export function desiredVoters(nodes: number): number {
  const odd = nodes % 2 === 1 ? nodes : nodes - 1;
  return Math.max(1, Math.min(MAX_VOTERS, odd));
}

/** What a change is decided on. All ids are short ones. */
export interface SetView {
  readonly self: string;
  /** Nodes that are there, ourselves included. */
  readonly nodes: number;
  /** Voters silent for so long that another may take their place. */
  readonly gone: ReadonlySet<string>;
  /** Memories of voters that answered under another one than the set's: their former record is lost for good. */
  readonly reborn: ReadonlyMap<string, string>;
  /** Nodes that could vote, the most stable first; voters not among them. */
  readonly spares: readonly string[];
  /** Spares that have answered just now, with their memories. */
  readonly ready: ReadonlyMap<string, string>;
}

/** Spares that the leader should ask for their memory, since one may be needed. */
export function sparesToAsk(set: VoterSet, view: SetView): readonly string[] {
  const wanted = desiredVoters(view.nodes);
  const lively = set.voters.filter(({ id }) => !view.gone.has(id)).length;
  return lively < wanted ? view.spares.slice(0, 2) : [];
}

/** The voters after the next change; null when the set is as it should be or must wait. */
export function nextVoters(set: VoterSet, view: SetView): readonly Voter[] | null {
  const { voters } = set;
  // A voter that lost its record can be exchanged in place: the old one is silent for ever, so what is left of the
  // old majorities and the new ones still share a voter.
  for (const voter of voters) {
    const memory = view.reborn.get(voter.id);
    if (memory !== undefined && memory !== voter.memory) {
      return voters.map((other) => other.id === voter.id ? { id: voter.id, memory } : other);
    }
  }
  const wanted = Math.max(Math.min(MIN_VOTERS, view.nodes), desiredVoters(view.nodes));
  const lively = voters.filter(({ id }) => !view.gone.has(id)).length;
  const spare = view.spares.find((id) => view.ready.has(id));
  // Of two voters each can stop the other, so a set grows from one only when both newcomers answer.
  const isSafeStep = voters.length !== 1 || view.spares.filter((id) => view.ready.has(id)).length >= 2;
  if (lively < wanted && spare !== undefined && isSafeStep && voters.length < MAX_SET_ROWS) {
    const memory = view.ready.get(spare);
    if (memory !== undefined) return [...voters, { id: spare, memory }];
  }
  if (voters.length <= MIN_VOTERS || voters.length <= wanted) return null;
  const surplus = voters.find(({ id }) => id !== view.self && view.gone.has(id)) ??
    // An even number stands no more losses than the odd one below it.
    (voters.length % 2 === 0 ? voters.findLast(({ id }) => id !== view.self) : undefined);
  return surplus === undefined ? null : voters.filter((voter) => voter !== surplus);
}
