// The rule of the winner: its laws, and each of its sentences by example.

import { assertEquals } from "@std/assert";
import * as merge from "../../../../lib/state/merge/mod.ts";
import type { Claim, Look } from "../../../../lib/state/merge/mod.ts";
import type { ParameterDefinition } from "../../../../lib/state/model/mod.ts";
import { checkLaws, checkRule } from "./laws.ts";
import { claimed, client, defined } from "./support.ts";

const FRESH: Look = { value: 0, holder: client(0), term: 0, stamp: 0 };
const LOOK: Look = { value: 0.75, holder: client(0), term: 1, stamp: 1 };

function outcome(
  claims: readonly Claim[],
  parts: Partial<ParameterDefinition> = {},
  look: Look = FRESH,
): readonly [unknown, number, number, string] {
  const { value, holder, priority, reason } = merge.winnerOf(claims, defined(parts), look);
  return [value, holder, priority, reason];
}

Deno.test("merging copies is commutative, associative and idempotent, and the order of claims is nothing to the winner", () => {
  checkLaws(merge, 3_000);
});

Deno.test("the winner of any registers is the one that filtering and sorting finds", () => {
  checkRule(merge, 10_000);
});

Deno.test("the highest priority wins whatever was written later", () => {
  assertEquals(outcome([claimed(1, { priority: 150 }), claimed(2)]), [0.125, 1, 150, "priority"]);
});

Deno.test("the newest write wins among equals, by term before number", () => {
  assertEquals(outcome([claimed(1), claimed(2)]), [0.25, 2, 100, "newest"]);
  assertEquals(outcome([claimed(1, { term: 2 }), claimed(2)]), [0.125, 1, 100, "newest"]);
});

Deno.test("the highest value wins among equals where the definition says so, and lower priorities count nothing", () => {
  const claims = [
    claimed(1, { value: 0.5 }),
    claimed(2, { value: 0.25 }),
    claimed(3, { value: 1, priority: 50 }),
  ];
  assertEquals(outcome(claims, { merge: "highest" }), [0.5, 1, 100, "highest"]);
});

Deno.test("a sum adds those of the highest priority and stays within the range", () => {
  const claims = [
    claimed(1, { value: 0.5 }),
    claimed(2, { value: 0.25 }),
    claimed(3, { value: 1, priority: 50 }),
  ];
  assertEquals(outcome(claims, { merge: "sum" }), [0.75, 2, 100, "sum"]);
  assertEquals(outcome([claimed(1, { value: 0.75 }), claimed(2, { value: 0.5 })], { merge: "sum" })[0], 1);
});

Deno.test("a sum of vectors adds by component", () => {
  const claims = [claimed(1, { value: [1, 2, 3] }), claimed(2, { value: [10, 20, 30] })];
  const definition = { merge: "sum", type: "vec3", min: null, max: 25, default: [0, 0, 0] } as const;
  assertEquals(outcome(claims, definition)[0], [11, 22, 25]);
});

Deno.test("a lock stays with its holder, and without one goes to who came first", () => {
  const claims = [claimed(1), claimed(2), claimed(3)];
  assertEquals(outcome(claims, { merge: "lock" }, { ...LOOK, holder: client(2) }), [0.25, 2, 100, "lock"]);
  assertEquals(outcome(claims, { merge: "lock" }), [0.125, 1, 100, "lock"]);
});

Deno.test("priority 0 controls nothing", () => {
  assertEquals(outcome([claimed(1, { priority: 0 })], {}, LOOK), [0.75, 0, 0, "held"]);
});

Deno.test("where nobody controls a path its last look stands, or its default", () => {
  assertEquals(outcome([], { default: 0.5 }), [0.5, 0, 0, "default"]);
  assertEquals(outcome([], {}, LOOK), [0.75, 0, 0, "held"]);
  assertEquals(outcome([], { onLoss: "fallback" }, LOOK), [0.75, 0, 0, "held"]);
  assertEquals(outcome([], { onLoss: "default", default: 0.5 }, LOOK), [0.5, 0, 0, "default"]);
});

Deno.test("what a lost writer kept stands above older claims, and below any newer write of whatever priority", () => {
  const kept = claimed(1, { priority: 150, standing: "kept", stamp: 10 });
  assertEquals(outcome([kept, claimed(2, { seq: 9 })]), [0.125, 1, 150, "kept"]);
  assertEquals(outcome([kept, claimed(2, { seq: 11, priority: 1 })]), [0.25, 2, 1, "only"]);
});

Deno.test("a path that falls back does so when nobody is doubted any more", () => {
  const kept = claimed(1, { priority: 150, standing: "kept", stamp: 10 });
  const fallback = { onLoss: "fallback" } as const;
  assertEquals(outcome([kept, claimed(2, { standing: "doubted" })], fallback), [0.125, 1, 150, "settling"]);
  assertEquals(outcome([kept, claimed(2), claimed(3, { standing: "doubted" })], fallback)[3], "settling");
  assertEquals(outcome([kept, claimed(2), claimed(3, { standing: "unheard" })], fallback), [
    0.25,
    2,
    100,
    "only",
  ]);
  assertEquals(outcome([kept, claimed(2, { standing: "unheard" })], fallback), [0.125, 1, 150, "kept"]);
});

Deno.test("the host's limits stand above all clients, and take nothing from what a lost writer kept", () => {
  const kept = claimed(1, { priority: 150, standing: "kept", stamp: 10 });
  const limit = claimed(0, { priority: 220, seq: 20, value: 0 });
  assertEquals(outcome([limit, claimed(2, { priority: 200 })]), [0, 0, 220, "reserved"]);
  const { value, holder } = merge.lookOf([limit, kept], defined(), FRESH);
  assertEquals([value, Number(holder)], [0.125, 1]);
});

Deno.test("values without a size are merged by their age", () => {
  const claims = [claimed(1, { value: "wave" }), claimed(2, { value: "plasma" })];
  assertEquals(outcome(claims, { merge: "highest", type: "enum", default: "wave" })[0], "plasma");
});
