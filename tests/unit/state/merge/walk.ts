// Random walks of a claim table beside the plain oracle, with clocks, a standby, and the invariants of a host.
// A function of the module under test, so that mutants of it can walk as well.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { LossRule, MergeRule } from "../../../../lib/state/model/mod.ts";
import type { Claim, ClaimTable, PathRecord } from "../../../../lib/state/merge/mod.ts";
import { PlainPath } from "./oracle.ts";
import { client, defined, type Merge, path } from "./support.ts";

const CLIENTS = [1, 2, 3, 4];
const PATHS = [1, 2];

type Step =
  | {
    readonly kind: "set";
    readonly who: number;
    readonly at: number;
    readonly value: number;
    readonly priority: number;
    readonly flags: number;
  }
  | { readonly kind: "bad"; readonly who: number; readonly priority: number }
  | { readonly kind: "refresh"; readonly who: number; readonly at: number }
  | { readonly kind: "lost" | "back" | "heard" | "leave" | "forget"; readonly who: number }
  | { readonly kind: "pass"; readonly us: number };

const who = fc.constantFrom(...CLIENTS);
const at = fc.constantFrom(...PATHS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      who,
      at,
      value: fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
      priority: fc.constantFrom(0, 50, 100, 100, 100, 150, 200),
      flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 4, 6),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      who: fc.constant(0),
      at,
      value: fc.constantFrom(0, 0.5, 1),
      priority: fc.constantFrom(0, 0, 100, 220, 255),
      flags: fc.constant(0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("bad" as const),
      who,
      priority: fc.constantFrom(-1, 0.5, NaN, 201, 255, 256),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("refresh" as const), who, at }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("lost" as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("back" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("heard" as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forget" as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      us: fc.constantFrom(0, 1, 100_000, 1_000_000, 2_499_999, 2_500_000, 3_000_000),
    }),
  },
);

const rule = fc.record({
  merge: fc.constantFrom<MergeRule>("latest", "latest", "highest", "sum", "lock"),
  onLoss: fc.constantFrom<LossRule>("hold", "hold", "default", "fallback"),
});

/** Walks at random; throws at the first step after which the table and the oracle differ or an invariant is broken. */
export function walk(merge: Merge, options: { readonly runs: number; readonly seed?: number }): void {
  fc.assert(
    fc.property(fc.tuple(rule, rule), fc.array(step, { maxLength: 60, size: "max" }), (rules, steps) => {
      const walker = new Walker(merge, rules);
      for (const each of steps) walker.take(each);
    }),
    { numRuns: options.runs, ...(options.seed === undefined ? {} : { seed: options.seed }) },
  );
}

interface Seen {
  readonly value: unknown;
  readonly holder: number;
  readonly priority: number;
}

interface Before {
  readonly value: number;
  readonly hadMomentary: boolean;
}

class Walker {
  readonly #merge: Merge;
  readonly #table: ClaimTable;
  readonly #standby: ClaimTable;
  readonly #oracles: readonly PlainPath[];
  readonly #seen: Seen[];
  readonly #lost = new Set<number>();
  readonly #known = new Set<number>(CLIENTS);
  #nowUs = 1_000;

  constructor(merge: Merge, rules: readonly { readonly merge: MergeRule; readonly onLoss: LossRule }[]) {
    this.#merge = merge;
    this.#table = new merge.ClaimTable({ term: 3 });
    this.#standby = new merge.ClaimTable({ term: 0 });
    this.#oracles = rules.map((each, index) =>
      new PlainPath(defined({ ...each, path: `viz/${index}`, default: 0.25 }))
    );
    this.#oracles.forEach(({ definition }, index) => {
      this.#table.handleDefinition(path(index + 1), definition);
      this.#standby.handleDefinition(path(index + 1), definition);
    });
    this.#seen = this.#oracles.map(() => ({ value: 0.25, holder: 0, priority: 0 }));
    for (const each of CLIENTS) this.#table.handleJoin(client(each));
  }

  take(step: Step): void {
    const before = this.#oracles.map((oracle) => ({
      ...oracle.shown,
      hadMomentary: oracle.facts().some(({ momentary }) => momentary),
    }));
    this.#do(step);
    this.#oracles.forEach((oracle, index) => this.#compare(oracle, index + 1));
    this.#checkPromises(step, before);
    this.#checkChanges();
    this.#checkStandby();
    this.#checkDeadline();
    this.#checkProbes();
  }

  #do(step: Step): void {
    const table = this.#table;
    if (step.kind === "pass") return this.#pass(this.#nowUs + step.us);
    const number = client(step.who);
    if (step.kind === "set") return this.#set(step);
    if (step.kind === "bad") {
      const { priority } = step;
      const isReserved = priority === 201 || priority === 255;
      assertEquals(
        table.handleSet(this.#nowUs, path(1), number, 1, priority),
        isReserved ? "reserved" : "priority",
      );
      assertEquals(table.handleSet(this.#nowUs, path(99), number, 1, 100), "unknown-path");
    } else if (step.kind === "refresh") {
      const isThere = this.#known.has(step.who) && !this.#lost.has(step.who);
      if (isThere) { for (const oracle of this.#oracles) if (this.#writes(step)) oracle.hear(step.who); }
      const expected = isThere && (this.#oracles[step.at - 1]?.refresh(this.#nowUs, step.who) ?? false);
      assertEquals(table.handleRefresh(this.#nowUs, path(step.at), number), expected);
    } else if (step.kind === "lost") {
      if (!this.#known.has(step.who)) return;
      table.handleLost(this.#nowUs, number);
      if (this.#lost.has(step.who)) return;
      this.#lost.add(step.who);
      for (const oracle of this.#oracles) oracle.lose(this.#nowUs, step.who);
    } else if (step.kind === "back") {
      const taken = table.handleReturn(this.#nowUs, number);
      if (!this.#lost.delete(step.who)) return assertEquals(taken, []);
      const expected = this.#oracles.flatMap((oracle, index) => {
        const by = oracle.comeBack(this.#nowUs, step.who);
        return by === null ? [] : [{ path: path(index + 1), by: client(by) }];
      });
      assertEquals(taken.toSorted((a, b) => a.path - b.path), expected);
    } else if (step.kind === "heard") {
      table.noteHeard(number);
      if (!this.#lost.has(step.who)) { for (const oracle of this.#oracles) oracle.hear(step.who); }
    } else if (step.kind === "leave") {
      table.handleLeave(number);
      this.#lost.delete(step.who);
      for (const oracle of this.#oracles) oracle.leave(step.who);
      table.handleJoin(number);
      this.#known.add(step.who);
    } else if (this.#lost.has(step.who)) {
      table.handleForget(number);
      // A standby may hear of this before the copies, or after them.
      if (this.#nowUs % 2 === 0) this.#standby.handleForget(number);
      this.#lost.delete(step.who);
      for (const oracle of this.#oracles) oracle.forget(step.who);
      table.handleJoin(number);
    }
  }

  #set(step: Step & { readonly kind: "set" }): void {
    const { value, priority, flags } = step;
    const outcome = this.#table.handleSet(
      this.#nowUs,
      path(step.at),
      client(step.who),
      value,
      priority,
      flags,
    );
    if (this.#lost.has(step.who)) return assertEquals(outcome, "lost-client");
    for (const oracle of this.#oracles) oracle.hear(step.who);
    const how = { momentary: (flags & 1) !== 0, leased: (flags & 2) !== 0, pickUp: (flags & 4) !== 0 };
    assertEquals(outcome, this.#oracles[step.at - 1]?.set(this.#nowUs, step.who, value, priority, how));
  }

  /** A refresh of a path where the client has nothing is no sign of life to the table. */
  #writes(step: { readonly who: number; readonly at: number }): boolean {
    return this.#oracles[step.at - 1]?.facts().some((fact) => fact.who === step.who) ?? false;
  }

  /** Time passes: both are told whenever one of them wants it. */
  #pass(toUs: number): void {
    for (;;) {
      const plainUs = Math.min(...this.#oracles.map((oracle) => oracle.nextUs()));
      const tableUs = this.#table.pollTimeout()?.atUs ?? Infinity;
      assert(tableUs <= plainUs, "the table sleeps past something that is due");
      const nextUs = Math.min(plainUs, tableUs);
      if (nextUs > toUs) break;
      this.#nowUs = Math.max(this.#nowUs, nextUs);
      this.#table.handleTimeout(this.#nowUs);
      for (const oracle of this.#oracles) oracle.pass(this.#nowUs);
    }
    this.#nowUs = toUs;
    this.#table.handleTimeout(toUs);
    for (const oracle of this.#oracles) oracle.pass(toUs);
  }

  #compare(oracle: PlainPath, at: number): void {
    const { winnerOf, lookOf } = this.#merge;
    const winner = this.#table.winner(path(at));
    const record = this.#table.recordOf(path(at));
    assert(winner !== null && record !== null);
    const { value, holder, priority, parts } = winner;
    assertEquals({ value: Number(value), holder: Number(holder), priority, parts }, oracle.shown);
    // I2: what stands is the pure function of the registers, in any order; and its own fixed point.
    const { definition } = oracle;
    assertEquals(winnerOf(record.claims, definition, record.look), { ...winner });
    assertEquals(winnerOf(record.claims.toReversed(), definition, record.look), { ...winner });
    const base = lookOf(record.claims, definition, record.look);
    if (record.look.stamp !== 0) {
      assertEquals({ value: base.value, holder: base.holder }, {
        value: record.look.value,
        holder: record.look.holder,
      });
    }
    assertEquals(record.claims.map((claim) => claim.client), [...clientsOf(record)].sort((a, b) => a - b));
    for (const claim of record.claims) this.#checkFate(claim, at);
  }

  /** The reason that is told fits what stands. */
  #checkFate({ client: number, standing }: Claim, at: number): void {
    const explanation = this.#table.explain(this.#nowUs, path(at));
    const told = explanation?.claims.find((claim) => claim.client === (number < 0 ? null : number));
    assert(explanation !== null && told !== undefined);
    const stands = told.fate === "stands" || told.fate === "part";
    if (stands) assert(standing === "live" || standing === "kept", `${standing} stands`);
    if (explanation.holder === number) assert(stands, `the holder is told ${told.fate}`);
    assertEquals(
      explanation.claims.filter(({ fate }) => fate === "stands" || fate === "part").length,
      explanation.parts,
    );
  }

  /** What a crew was promised, said without the rules. */
  #checkPromises(step: Step, before: readonly Before[]): void {
    this.#oracles.forEach((oracle, index) => {
      const winner = this.#table.winner(path(index + 1));
      const [facts, old] = [oracle.facts(), before[index]];
      assert(winner !== null && old !== undefined);
      const { onLoss, merge } = oracle.definition;
      // I9: where nothing was momentary, a loss moves nothing that is to hold.
      const isLoss = step.kind === "lost" || step.kind === "forget";
      if (isLoss && onLoss === "hold" && !old.hadMomentary) {
        assertEquals(winner.value, old.value, "a loss moved the value");
      }
      // Nobody is locked out by somebody who is gone.
      const isWrite = step.kind === "set" && step.who !== 0 && step.priority > 0 && (step.flags & 4) === 0;
      if (isWrite && step.at === index + 1) {
        const holder = facts.find((fact) => fact.who === winner.holder);
        const wrote = facts.some((fact) => fact.who === step.who && fact.state === "here");
        if (wrote && merge !== "sum") {
          assert(holder === undefined || holder.state !== "gone", "a ghost holds");
        }
      }
      // Whoever has the higher priority and is there is never beaten by less.
      for (const fact of facts) {
        if (fact.state === "here") {
          assert(fact.priority <= Math.max(winner.priority, 0) || isBlocked(winner), "beaten");
        }
        if (fact.state === "waited-for" && onLoss !== "hold" && winner.parts === 1) {
          assert(winner.holder !== fact.who, "what is doubted took over");
        }
      }
    });
  }

  /** Whoever follows the changes alone knows what stands. */
  #checkChanges(): void {
    for (let change = this.#table.pollChange(); change !== null; change = this.#table.pollChange()) {
      const seen = this.#seen[change.path - 1];
      assertEquals(
        { value: change.previous, holder: Number(change.from), priority: change.fromPriority },
        seen,
      );
      this.#seen[change.path - 1] = { value: change.value, holder: change.to, priority: change.toPriority };
      assert(this.#seen[change.path - 1] !== seen);
    }
    this.#oracles.forEach(({ shown: { value, holder, priority } }, index) =>
      assertEquals(this.#seen[index], { value, holder, priority })
    );
  }

  /** A standby that copies what is said to have changed has the same, without a number of its own. */
  #checkStandby(): void {
    for (let at = this.#table.pollCopy(); at !== null; at = this.#table.pollCopy()) {
      const record = this.#table.recordOf(at);
      assert(record !== null);
      this.#standby.handleCopy(at, structuredClone({ claims: [...record.claims], look: { ...record.look } }));
    }
    for (const at of PATHS) {
      assertEquals({ ...this.#standby.winner(path(at)) }, { ...this.#table.winner(path(at)) });
      assertEquals(registersOf(this.#standby, at), registersOf(this.#table, at));
    }
  }

  #checkDeadline(): void {
    const due = Math.min(...this.#oracles.map((oracle) => oracle.nextUs()));
    const wanted = this.#table.pollTimeout();
    assert((wanted?.atUs ?? Infinity) <= due, "the table sleeps past something that is due");
  }

  /** Whoever is waited for is asked. */
  #checkProbes(): void {
    for (let number = this.#table.pollProbe(); number !== null; number = this.#table.pollProbe()) {
      this.#asked.add(number);
    }
    for (const oracle of this.#oracles) {
      for (const fact of oracle.facts()) {
        if (fact.state === "waited-for") {
          assert(this.#asked.has(fact.who), "somebody waited for is not asked");
        }
      }
    }
  }
  readonly #asked = new Set<number>();
}

function isBlocked(winner: { readonly reason: string }): boolean {
  return winner.reason === "held" || winner.reason === "kept" || winner.reason === "settling";
}

/** A standby knows which claims are leased, not until when: the time begins anew when it becomes the host. */
function registersOf(table: ClaimTable, at: number): readonly Claim[] {
  const claims = table.recordOf(path(at))?.claims ?? [];
  return claims.map((claim) => ({ ...claim, leaseUntilUs: Math.sign(claim.leaseUntilUs) }));
}

function clientsOf({ claims }: PathRecord): readonly number[] {
  return claims.map((claim) => claim.client);
}
