// The laws of merging and of the rule, over random registers: also such as no table would make.
// Functions of the module under test, so that mutants of it can be held to them as well.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type {
  ClientNumber,
  LossRule,
  MergeRule,
  ParameterDefinition,
} from "../../../../lib/state/model/mod.ts";
import type { Claim, Look, PathRecord } from "../../../../lib/state/merge/mod.ts";
import { defined, type Merge, STANDINGS } from "./support.ts";

const small = fc.integer({ min: 1, max: 4 });
const fraction = fc.oneof(
  fc.constantFrom(0, 0.5, 1),
  fc.float({ min: 0, max: 1, noNaN: true, noDefaultInfinity: true }),
);
const number = fc.integer({ min: 0, max: 9 });

const claim: fc.Arbitrary<Claim> = fc.record({
  client: fc.constantFrom(-1, 0, 1, 2, 3, 4, 5).map((each) => each as ClientNumber),
  value: fraction,
  priority: fc.constantFrom(0, 1, 100, 100, 100, 150, 255),
  term: fc.constantFrom(1, 1, 1, 2),
  seq: number,
  since: number,
  stamp: number,
  standing: fc.constantFrom("live" as const, "live" as const, "kept" as const, ...STANDINGS),
  momentary: fc.constantFrom(false, false, true),
  leaseUntilUs: fc.constantFrom(0, 5),
  takenBy: small.map((each) => each as ClientNumber),
});

const look: fc.Arbitrary<Look> = fc.record({
  value: fraction,
  holder: fc.constantFrom(0, 1, 2, 3).map((each) => each as ClientNumber),
  term: small,
  stamp: number,
});

const record: fc.Arbitrary<PathRecord> = fc.record({
  claims: fc.uniqueArray(claim, { maxLength: 7, selector: ({ client }) => client })
    .map((claims) => claims.toSorted((a, b) => a.client - b.client)),
  look,
});

const definition = fc.record({
  merge: fc.constantFrom<MergeRule>("latest", "highest", "sum", "lock"),
  onLoss: fc.constantFrom<LossRule>("hold", "default", "fallback"),
}).map((rules) => defined({ ...rules, default: 0.25 }));

/** I13: merging copies is commutative, associative and idempotent; who wins follows from the set, not from its order. */
export function checkLaws(merge: Merge, runs: number): void {
  const { mergeRecords, winnerOf, lookOf } = merge;
  fc.assert(
    fc.property(record, record, record, definition, fc.nat(), (a, b, c, rules, shuffle) => {
      const together = mergeRecords(a, b);
      assertEquals(mergeRecords(b, a), together);
      assertEquals(mergeRecords(mergeRecords(a, b), c), mergeRecords(a, mergeRecords(b, c)));
      assertEquals(mergeRecords(a, a), a);
      assertEquals(mergeRecords(together, b), together);
      const all = mergeRecords(together, c);
      for (const each of [...a.claims, ...b.claims, ...c.claims]) {
        const kept = all.claims.find((other) => other.client === each.client);
        assert(
          kept !== undefined && (kept.term - each.term || kept.stamp - each.stamp) >= 0,
          "an older copy stays",
        );
      }
      const shuffled = all.claims.toSorted((one, other) =>
        mixed(one.client, shuffle) - mixed(other.client, shuffle)
      );
      assertEquals(winnerOf(shuffled, rules, all.look), winnerOf(all.claims, rules, all.look));
      assertEquals(lookOf(shuffled, rules, all.look), lookOf(all.claims, rules, all.look));
    }),
    { numRuns: runs },
  );
}

/** The rule once more over any registers, by filtering and sorting. */
export function checkRule(merge: Merge, runs: number): void {
  fc.assert(
    fc.property(record, definition, fc.boolean(), ({ claims, look }, rules, overlays) => {
      const winner = overlays ? merge.winnerOf(claims, rules, look) : merge.lookOf(claims, rules, look);
      const { value, holder, priority } = plainWinner(claims, rules, look, overlays);
      assertEquals({ value: winner.value, holder: Number(winner.holder), priority: winner.priority }, {
        value,
        holder,
        priority,
      });
      const heir = claims.find(({ client }) => client === winner.holder);
      if (winner.parts > 0 && winner.reason !== "held") {
        assert(heir?.standing === "live" || heir?.standing === "kept", `a ${heir?.standing} claim wins`);
        assert(winner.priority > 0, "priority 0 wins");
      }
    }),
    { numRuns: runs },
  );
}

function plainWinner(
  claims: readonly Claim[],
  { merge, onLoss, default: fallback }: ParameterDefinition,
  look: Look,
  overlays: boolean,
): { readonly value: unknown; readonly holder: number; readonly priority: number } {
  const active = claims.filter((each) => each.priority > 0);
  const live = active.filter(({ standing }) => standing === "live");
  const lasting = live.filter((each) => !each.momentary && each.priority <= 200);
  const writes = live.filter((each) => each.priority <= 200);
  const newer = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((result, each, at) => result || each - (b[at] ?? 0), 0);
  const unbeaten = active.filter((kept) =>
    kept.standing === "kept" &&
    // The newest write counts, by its own order: term, number, client.
    !writes.toSorted((a, b) => newer([b.term, b.seq, b.client], [a.term, a.seq, a.client])).slice(0, 1)
      .some((write) => newer([write.term, write.seq], [kept.term, kept.stamp]) > 0)
  );
  const isWaiting = claims.some(({ standing }) => standing === "doubted");
  const keeps = onLoss === "hold" || isWaiting || (onLoss === "fallback" && lasting.length === 0);
  const all = [...(overlays ? live : lasting), ...(keeps ? unbeaten : [])];
  const best = Math.max(...all.map((each) => each.priority));
  const equals = all.filter((each) => each.priority === best);
  if (equals.length === 0) {
    return {
      value: onLoss === "default" || look.stamp === 0 ? fallback : look.value,
      holder: 0,
      priority: 0,
    };
  }
  const isNobody = ({ client }: Claim) => Number(client) === -1;
  const byAge = equals.toSorted((a, b) => newer([b.term, b.seq, b.client], [a.term, a.seq, a.client]));
  const byLock = equals.toSorted((a, b) => newer([a.term, a.since, a.client], [b.term, b.since, b.client]));
  const top = merge === "lock"
    ? equals.find(isNobody) ?? equals.find(({ client }) => client !== 0 && client === look.holder) ??
      byLock[0]
    : merge === "highest"
    ? byAge.toSorted((a, b) => Number(b.value) - Number(a.value))[0]
    : merge === "sum"
    ? byAge.find((each) => !isNobody(each)) ?? byAge[0]
    : byAge[0];
  if (top === undefined) throw new Error("nobody wins");
  const total = equals.toSorted((a, b) => a.client - b.client).reduce(
    (sum, { value }) => sum + Number(value),
    0,
  );
  return {
    value: merge === "sum" && equals.length > 1 ? Math.min(1, Math.max(0, Math.fround(total))) : top.value,
    holder: isNobody(top) ? 0 : top.client,
    priority: isNobody(top) ? 0 : best,
  };
}

function mixed(client: number, by: number): number {
  return Math.imul(client + 7, (by | 1) * 0x9e37_79b1) >>> 8;
}
