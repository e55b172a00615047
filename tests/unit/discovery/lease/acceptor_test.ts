// A voter's promises, one rule at a time.

import { assert, assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../../lib/base/mod.ts";
import { Acceptor, GRANT_US, LEASE_US } from "../../../../lib/discovery/lease/acceptor.ts";
import {
  type Claim,
  FileLeaseStore,
  FORGETFUL_STORE,
  type Lease,
  type LeaseStore,
  type LifeId,
  shortId,
  type VoterSet,
} from "../../../../lib/discovery/lease/mod.ts";
import { MemoryFiles } from "../../security/support.ts";
import { TestRandom } from "../mesh.ts";
import { MemoryStore } from "./world.ts";

const LINEAGE = "11".repeat(8);
const VOTER = "aa".repeat(16) as NodeId;
const A: LifeId = { id: "01".repeat(16) as NodeId, incarnation: 1 as Incarnation };
const B: LifeId = { id: "02".repeat(16) as NodeId, incarnation: 1 as Incarnation };

function setOf(acceptor: Acceptor, term = 1, version = 1): VoterSet {
  const others = [A, B].map(({ id }) => ({ id: shortId(id), memory: "00".repeat(8) }));
  return {
    lineage: LINEAGE,
    term,
    version,
    voters: [{ id: shortId(VOTER), memory: acceptor.memory }, ...others],
  };
}

function claim(acceptor: Acceptor, term: number, attempt = 1): Claim {
  return { kind: "claim", term, attempt, set: acceptor.set ?? setOf(acceptor), proposal: null };
}

function lease(acceptor: Acceptor, term: number, round = 1, version = 1): Lease {
  return { kind: "lease", term, round, mode: "lease", validMs: 0, set: setOf(acceptor, term, version) };
}

/** A voter that has a set and nothing promised. */
function voter(store: LeaseStore = new MemoryStore()): Acceptor {
  const acceptor = new Acceptor(-LEASE_US, VOTER, store, new TestRandom(1));
  acceptor.learnSet(setOf(acceptor));
  return acceptor;
}

function reasonOf(answer: { kind: string; reason?: string } | null): string | null {
  return answer === null ? null : answer.kind === "deny" ? answer.reason ?? "" : answer.kind;
}

Deno.test("a voter grants a higher term, and only to one candidate until the grant has ended", () => {
  const acceptor = voter();
  assertEquals(reasonOf(acceptor.handleClaim(0, A, claim(acceptor, 2))), "grant");
  assertEquals(reasonOf(acceptor.handleClaim(1, B, claim(acceptor, 3))), "promised");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US, B, claim(acceptor, 3))), "grant");
});

Deno.test("one grant a term: the same candidate again is reaffirmed, another is not", () => {
  const acceptor = voter();
  acceptor.handleClaim(0, A, claim(acceptor, 2));
  assertEquals(reasonOf(acceptor.handleClaim(10, A, claim(acceptor, 2, 7))), "grant");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US, B, claim(acceptor, 3))), "promised");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US + 10, B, claim(acceptor, 2))), "term");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US + 10, B, claim(acceptor, 1))), "term");
});

Deno.test("a candidate that restarted is another candidate", () => {
  const acceptor = voter();
  acceptor.handleClaim(0, A, claim(acceptor, 2));
  const again = { ...A, incarnation: 2 as Incarnation };
  assertEquals(reasonOf(acceptor.handleClaim(10, again, claim(acceptor, 3))), "promised");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US, again, claim(acceptor, 2))), "term");
});

Deno.test("after a grant the older leader is acknowledged no more", () => {
  const acceptor = voter();
  assertEquals(reasonOf(acceptor.handleLease(0, A, lease(acceptor, 2))), "lease-ack");
  assertEquals(reasonOf(acceptor.handleClaim(LEASE_US, B, claim(acceptor, 3))), "grant");
  assertEquals(reasonOf(acceptor.handleLease(LEASE_US + 1, A, lease(acceptor, 2, 2))), "term");
  assertEquals(reasonOf(acceptor.handleLease(LEASE_US + 10 * GRANT_US, A, lease(acceptor, 2, 3))), "term");
});

Deno.test("a renewal of a higher term is refused while a promise to another holds, and taken after", () => {
  const acceptor = voter();
  acceptor.handleLease(0, A, lease(acceptor, 2));
  assertEquals(reasonOf(acceptor.handleLease(LEASE_US - 1, B, lease(acceptor, 3))), "promised");
  assertEquals(reasonOf(acceptor.handleLease(LEASE_US, B, lease(acceptor, 3))), "lease-ack");
  assertEquals([acceptor.term, acceptor.holder?.id], [3, B.id]);
});

Deno.test("a leader that claims anew keeps the promise that it acts on", () => {
  const acceptor = voter();
  acceptor.handleLease(0, A, lease(acceptor, 2));
  assertEquals(reasonOf(acceptor.handleClaim(10, A, claim(acceptor, 3))), "grant");
  assertEquals(reasonOf(acceptor.handleClaim(GRANT_US + 20, B, claim(acceptor, 4))), "promised");
  assertEquals(reasonOf(acceptor.handleClaim(LEASE_US, B, claim(acceptor, 4))), "grant");
});

Deno.test("a refusal teaches a term as a hint, and changes no promise", () => {
  const acceptor = voter();
  acceptor.handleClaim(0, A, claim(acceptor, 2));
  assertEquals(acceptor.noteTerm(40), true);
  assertEquals([acceptor.term, acceptor.hint], [2, 40]);
  assertEquals(reasonOf(acceptor.handleLease(1, A, lease(acceptor, 2))), "lease-ack");
  assertEquals(acceptor.noteTerm(2 ** 40), false, "nobody comes there by leading");
  assertEquals(acceptor.hint, 40);
});

Deno.test("a leader that hands over frees its voter, and no late renewal binds it again", () => {
  const acceptor = voter();
  acceptor.handleLease(0, A, lease(acceptor, 2));
  assertEquals(acceptor.handleTransfer(5, B, 2), false, "it is not B's");
  assertEquals(acceptor.handleTransfer(10, A, 2), true);
  assertEquals(reasonOf(acceptor.handleLease(11, A, lease(acceptor, 2, 9))), "term");
  assertEquals(reasonOf(acceptor.handleClaim(12, B, claim(acceptor, 3))), "grant");
});

Deno.test("a candidate with an older set, or of another lineage, is told of ours", () => {
  const acceptor = voter();
  acceptor.handleLease(0, A, lease(acceptor, 2, 1, 4));
  const older = { ...claim(acceptor, 3), set: { lineage: LINEAGE, term: 2, version: 3 } };
  const answer = acceptor.handleClaim(LEASE_US, B, older);
  assert(answer?.kind === "deny");
  assertEquals([answer.reason, answer.set?.version], ["set", 4]);
  const foreign = { ...claim(acceptor, 3), set: { lineage: "22".repeat(8), term: 9, version: 9 } };
  assertEquals(reasonOf(acceptor.handleClaim(LEASE_US, B, foreign)), "set");
});

Deno.test("a renewal that was overtaken by a newer set gets no answer", () => {
  const acceptor = voter();
  acceptor.handleLease(0, A, lease(acceptor, 2, 2, 5));
  assertEquals(acceptor.handleLease(1, A, lease(acceptor, 2, 1, 4)), null);
  assertEquals(acceptor.set?.version, 5);
});

Deno.test("who is no voter of the set acknowledges without promising", () => {
  const acceptor = voter();
  const set = {
    lineage: LINEAGE,
    term: 2,
    version: 1,
    voters: [{ id: shortId(A.id), memory: "00".repeat(8) }],
  };
  assertEquals(reasonOf(acceptor.handleLease(0, A, { ...lease(acceptor, 2), set })), "lease-ack");
  assertEquals([acceptor.term, acceptor.holder], [0, null]);
});

Deno.test("a voter without a memory neither grants nor counts within a lease of its start", () => {
  const acceptor = new Acceptor(0, VOTER, FORGETFUL_STORE, new TestRandom(1));
  const founding = { kind: "claim", term: 1, attempt: 1, set: null, proposal: [acceptor.self] } as const;
  assertEquals(reasonOf(acceptor.handleClaim(LEASE_US - 1, A, founding)), "starting");
  assertEquals(acceptor.handleLease(LEASE_US - 1, A, lease(acceptor, 2))?.kind, "deny");
  assertEquals(reasonOf(acceptor.handleClaim(LEASE_US, A, founding)), "grant");
});

Deno.test("a voter that restarts keeps its term, its set and its promise for a whole lease", () => {
  const store = new MemoryStore();
  const before = voter(store);
  before.handleLease(0, A, lease(before, 5));
  const after = new Acceptor(0, VOTER, store, new TestRandom(2));
  assertEquals([after.term, after.memory, after.set?.lineage], [5, before.memory, LINEAGE]);
  assertEquals(reasonOf(after.handleClaim(LEASE_US - 1, B, claim(after, 6))), "promised");
  assertEquals(reasonOf(after.handleLease(1, A, lease(after, 5, 2))), "lease-ack");
  const again = new Acceptor(0, VOTER, store, new TestRandom(2));
  assertEquals(reasonOf(again.handleClaim(LEASE_US, B, claim(again, 6))), "grant");
});

Deno.test("a promise survives a restart on disk also when its holder was given by an entry of the list", () => {
  const store = new FileLeaseStore(new MemoryFiles(), "/state/lease.json");
  const acceptor = voter(store);
  // As in the registry: its incarnation is a getter, which JSON passes over.
  const entry = new class {
    readonly id = A.id;
    readonly life = { incarnation: A.incarnation };
    get incarnation(): Incarnation {
      return this.life.incarnation;
    }
  }();
  assertEquals(reasonOf(acceptor.handleClaim(0, entry, claim(acceptor, 2))), "grant");
  entry.life.incarnation = 9 as Incarnation;
  assertEquals(acceptor.holder, A);
  const restarted = new Acceptor(0, VOTER, store, new TestRandom(2));
  assertEquals([restarted.memory, restarted.term, restarted.holder], [acceptor.memory, 2, A]);
});

Deno.test("a promise that cannot be written down is not given", () => {
  const store = new MemoryStore();
  const acceptor = voter(store);
  store.save = () => false;
  assertEquals(reasonOf(acceptor.handleClaim(0, A, claim(acceptor, 2))), "storage");
  assertEquals(reasonOf(acceptor.handleLease(0, A, lease(acceptor, 2))), "storage");
  assertEquals([acceptor.term, acceptor.holder], [0, null]);
});

Deno.test("a node that goes over to another lineage will never vote in the former again under its old memory", () => {
  const acceptor = voter();
  const former = acceptor.memory;
  acceptor.handleLease(0, A, lease(acceptor, 2));
  const other = {
    lineage: "22".repeat(8),
    term: 9,
    version: 1,
    voters: [{ id: shortId(B.id), memory: former }],
  };
  assertEquals(acceptor.moveTo(other, B), true);
  assert(acceptor.memory !== former);
  assertEquals(reasonOf(acceptor.handleLease(1, A, lease(acceptor, 2, 2))), "set");
});

Deno.test("a lineage with voters refuses to be founded anew, unless it is the one that is replaced", () => {
  const acceptor = voter();
  const founding = { kind: "claim", term: 9, attempt: 1, set: null, proposal: [acceptor.self] } as const;
  assertEquals(reasonOf(acceptor.handleClaim(0, B, founding)), "set");
  const memory = acceptor.memory;
  const replacing = { ...founding, set: { lineage: LINEAGE, term: 1, version: 1 } };
  const answer = acceptor.handleClaim(0, B, replacing);
  assert(answer?.kind === "grant" && answer.memory !== memory);
  assertEquals(acceptor.set, null);
});
