// The parts of the lease by themselves: tokens, sets, bodies, stores, the executor's gate.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Incarnation, NodeId } from "../../../../lib/base/mod.ts";
import { createBodyCodec } from "../../../../lib/discovery/mod.ts";
import {
  compareTokens,
  FencingGate,
  FileLeaseStore,
  formatToken,
  type LeaseMessage,
  leaseMessageFromMap,
  leaseMessageToMap,
  type LeaseToken,
  MAX_RESOURCES,
  MAX_TERM,
  parseToken,
  type Voter,
  type VoterSet,
} from "../../../../lib/discovery/lease/mod.ts";
import {
  desiredVoters,
  majorityOf,
  nextVoters,
  type SetView,
} from "../../../../lib/discovery/lease/voters.ts";
import { MemoryFiles } from "../../security/support.ts";

const short = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
);
const term = fc.integer({ min: 0, max: 1_000 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const voter: fc.Arbitrary<Voter> = fc.record({ id: short, memory: short });
const set: fc.Arbitrary<VoterSet> = fc.record({
  lineage: short,
  term,
  version: u32,
  voters: fc.uniqueArray(voter, { minLength: 1, maxLength: 8, selector: ({ id }) => id }),
});
const message: fc.Arbitrary<LeaseMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("claim" as const),
    term,
    attempt: u32,
    set: set.map(({ lineage, term, version }) => ({ lineage, term, version })),
    proposal: fc.option(fc.uniqueArray(short, { minLength: 1, maxLength: 7 })),
  }),
  fc.record({ kind: fc.constant("grant" as const), term, attempt: u32, memory: short }),
  fc.record({
    kind: fc.constant("deny" as const),
    of: fc.constantFrom("claim" as const, "lease" as const),
    echo: u32,
    reason: fc.constantFrom("starting" as const, "term" as const, "promised" as const, "set" as const),
    term,
    set: fc.option(set),
  }),
  fc.record({
    kind: fc.constant("lease" as const),
    set,
    round: u32,
    mode: fc.constantFrom("lease" as const, "solo" as const, "forced" as const),
    validMs: fc.integer({ min: 0, max: 60_000 }),
  }).map((lease) => ({ ...lease, term: lease.set.term })),
  fc.record({ kind: fc.constant("lease-ack" as const), term, round: u32, memory: short }),
  fc.record({ kind: fc.constant("transfer" as const), term, to: fc.option(short) }),
);

Deno.test("every message of the lease is read as it was written, and fits a datagram with room to spare", () => {
  const codec = createBodyCodec();
  fc.assert(fc.property(message, (sent) => {
    const bytes = codec.encode(leaseMessageToMap(sent)).slice();
    assert(bytes.length < 300);
    const map = codec.decode(bytes) as Record<string, unknown>;
    assertEquals(leaseMessageFromMap(sent.kind, map), sent);
  }));
});

Deno.test("a body of anything else reads as nothing, and nothing throws", () => {
  const kinds = ["claim", "grant", "deny", "lease", "lease-ack", "transfer"] as const;
  const value = fc.oneof(
    fc.anything(),
    u32,
    fc.uint8Array({ maxLength: 140 }),
    fc.constant(-1),
    fc.constant(2 ** 60),
  );
  const keys = fc.constantFrom("t", "a", "l", "s", "v", "g", "m", "o", "e", "w", "n", "r", "d");
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.dictionary(keys, value), (kind, map) => {
      const read = leaseMessageFromMap(kind, map);
      if (read !== null) assert(read.term >= 0 && read.term <= MAX_TERM);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("one field made wrong makes a message unreadable", () => {
  fc.assert(fc.property(message, fc.nat(), (sent, n) => {
    const map = leaseMessageToMap(sent);
    const keys = Object.keys(map);
    const key = keys[n % keys.length] ?? "t";
    assertEquals(leaseMessageFromMap(sent.kind, { ...map, [key]: "wrong" }), null);
  }));
});

const token: fc.Arbitrary<LeaseToken> = fc.record({
  term: fc.integer({ min: 0, max: 5 }),
  leaderId: fc.tuple(short, short).map(([a, b]) => a + b as NodeId),
  leaderIncarnation: fc.integer({ min: 1, max: 3 }).map((n) => n as Incarnation),
});

Deno.test("tokens have one order, in which the term comes first, and survive being text", () => {
  fc.assert(fc.property(token, token, token, (a, b, c) => {
    assertEquals(Math.sign(compareTokens(a, b)), -Math.sign(compareTokens(b, a)) + 0);
    if (compareTokens(a, b) <= 0 && compareTokens(b, c) <= 0) assert(compareTokens(a, c) <= 0);
    if (a.term > b.term) assert(compareTokens(a, b) > 0);
    assertEquals(parseToken(formatToken(a)), a);
  }));
  for (const text of ["", "1", "1-x-1", `1-${"a".repeat(32)}-`, `-1-${"a".repeat(32)}-1`, 7, null]) {
    assertEquals(parseToken(text), null);
  }
});

Deno.test("a mesh of n nodes has an odd number of voters, seven at most", () => {
  assertEquals([1, 2, 3, 4, 5, 6, 7, 8, 9, 500].map(desiredVoters), [1, 1, 3, 3, 5, 5, 7, 7, 7, 7]);
});

Deno.test("any majorities of two neighbouring sets share a voter, and a set never falls below three by itself", () => {
  const view = fc.record({
    size: fc.integer({ min: 1, max: 8 }),
    nodes: fc.integer({ min: 1, max: 30 }),
    gone: fc.integer({ min: 0, max: 255 }),
    spares: fc.integer({ min: 0, max: 4 }),
    ready: fc.integer({ min: 0, max: 15 }),
  });
  const id = (n: number) => n.toString(16).padStart(16, "0");
  fc.assert(
    fc.property(view, ({ size, nodes, gone, spares, ready }) => {
      const voters = Array.from({ length: size }, (_, i) => ({ id: id(i), memory: id(100 + i) }));
      const spareIds = Array.from({ length: spares }, (_, i) => id(50 + i));
      const seen: SetView = {
        self: id(0),
        nodes: Math.max(nodes, size),
        gone: new Set(voters.filter((_, i) => i > 0 && (gone >> i) & 1).map((each) => each.id)),
        reborn: new Map(),
        spares: spareIds,
        ready: new Map(spareIds.filter((_, i) => (ready >> i) & 1).map((each) => [each, id(200)])),
      };
      const next = nextVoters({ lineage: id(1), term: 1, version: 1, voters }, seen);
      if (next === null) return;
      assertEquals(Math.abs(next.length - voters.length), 1);
      assert(next.length <= 8 && (next.length >= 3 || next.length > voters.length));
      assert(next.some((each) => each.id === seen.self), "a leader that votes goes on voting");
      const shared = next.filter((each) => voters.some((other) => other.id === each.id)).length;
      // Of two majorities at most `union` voters can be told apart.
      const union = next.length + voters.length - shared;
      assert(majorityOf(next.length) + majorityOf(voters.length) > union);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("a voter that lost its memory is exchanged in place, before anything else", () => {
  const voters = ["a", "b", "c"].map((letter) => ({ id: letter.repeat(16), memory: "0".repeat(16) }));
  const next = nextVoters({ lineage: "1".repeat(16), term: 1, version: 1, voters }, {
    self: "a".repeat(16),
    nodes: 9,
    gone: new Set(["c".repeat(16)]),
    reborn: new Map([["b".repeat(16), "1".repeat(16)]]),
    spares: ["d".repeat(16)],
    ready: new Map([["d".repeat(16), "2".repeat(16)]]),
  });
  assertEquals(next?.map(({ memory }) => memory.charAt(0)), ["0", "1", "0"]);
});

const PATH = "/state/lease.json";
const ID = "ab".repeat(16) as NodeId;

Deno.test("what a voter must not forget is read back from its file; a broken file counts as forgotten", () => {
  const files = new MemoryFiles();
  const store = new FileLeaseStore(files, PATH);
  assertEquals(store.load(), null);
  const kept = {
    memory: "12".repeat(8),
    set: {
      lineage: "34".repeat(8),
      term: 3,
      version: 2,
      voters: [{ id: "56".repeat(8), memory: "78".repeat(8) }],
    },
    term: 4,
    holder: { id: ID, incarnation: 9 as Incarnation },
    hint: 5,
  };
  assertEquals(store.save(kept), true);
  assertEquals(new FileLeaseStore(files, PATH).load(), kept);
  for (const text of ["", "{", "[]", "null", JSON.stringify({ ...kept, schema: "hana.lease/1", term: -1 })]) {
    files.write(PATH, new TextEncoder().encode(text), 0o600);
    assertEquals(store.load(), null);
  }
  files.write = () => {
    throw new Error("disk full");
  };
  assertEquals(store.save(kept), false);
});

function tokenOf(term: number): LeaseToken {
  return { term, leaderId: ID, leaderIncarnation: 1 as Incarnation };
}

Deno.test("an executor takes no command of a leader older than one that it has obeyed, not even after a restart", () => {
  const files = new MemoryFiles();
  const gate = new FencingGate(files, PATH);
  assertEquals(gate.admit("wall", tokenOf(4)), { kind: "accepted" });
  assertEquals(gate.admit("wall", tokenOf(4)), { kind: "accepted" });
  assertEquals(gate.admit("wall", tokenOf(7)), { kind: "accepted" });
  assertEquals(gate.admit("wall", tokenOf(4)), { kind: "stale", newer: tokenOf(7) });
  assertEquals(gate.admit("lights", tokenOf(4)), { kind: "accepted" });
  const after = new FencingGate(files, PATH);
  assertEquals(after.admit("wall", tokenOf(6)), { kind: "stale", newer: tokenOf(7) });
  assertEquals(after.admit("wall", tokenOf(8)), { kind: "accepted" });
  assertEquals([after.counters, after.isForgetful], [{ accepted: 1, stale: 1, unkept: 0 }, false]);
});

Deno.test("a newer token is on disk before its command passes; if it cannot be, the command does not", () => {
  const files = new MemoryFiles();
  const gate = new FencingGate(files, PATH);
  const write = files.write.bind(files);
  let writes = 0;
  files.write = (...args) => {
    writes++;
    write(...args);
  };
  gate.admit("wall", tokenOf(1));
  gate.admit("wall", tokenOf(1));
  assertEquals(writes, 1, "once a leadership, not once a command");
  files.write = () => {
    throw new Error("disk full");
  };
  assertEquals(gate.admit("wall", tokenOf(2)), { kind: "unkept", why: "storage" });
  assertEquals(gate.highest("wall"), tokenOf(1));
  assertEquals(gate.admit("wall", tokenOf(1)), { kind: "accepted" });
});

Deno.test("a gate guards so many resources and no more, and says when its file could not be read", () => {
  const files = new MemoryFiles();
  const gate = new FencingGate(files, PATH);
  for (let i = 0; i < MAX_RESOURCES; i++) gate.admit(`r${i}`, tokenOf(1));
  assertEquals(gate.admit("more", tokenOf(1)), { kind: "unkept", why: "limit" });
  assertEquals(gate.admit("r0", tokenOf(2)), { kind: "accepted" });
  files.write(PATH, new TextEncoder().encode("{"), 0o600);
  assertEquals(new FencingGate(files, PATH).isForgetful, true);
});
