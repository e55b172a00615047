// The merge rule once more, the plain way: lists, sorting, one path, no registers, nothing kept from call to call but facts.
// Written from the rules (docs of winner.ts and claim.ts), not from the code; slow on purpose.

import type { ParameterDefinition } from "../../../../lib/state/model/mod.ts";

const LEASE_US = 2_500_000;

/** What one writer did on the path, as facts. */
interface Fact {
  readonly who: number;
  value: number;
  priority: number;
  wroteAt: number;
  lockedAt: number;
  momentary: boolean;
  leased: boolean;
  leaseEndUs: number;
  state: "here" | "waited-for" | "given-up" | "gone" | "fader" | "nothing";
  /** It was a part of the look when it went. */
  wasPart: boolean;
  wentAt: number;
  beatenBy: number | null;
}

export interface Shown {
  readonly value: number;
  readonly holder: number;
  readonly priority: number;
  readonly parts: number;
}

interface Verdict extends Shown {
  /** The facts that make the value. */
  readonly made: readonly Fact[];
}

export class PlainPath {
  readonly definition: ParameterDefinition;
  #facts: Fact[] = [];
  /** What forgotten writers left. */
  #left: Fact[] = [];
  #look: { value: number; holder: number } | null = null;
  #count = 0;
  #settleEndUs = Infinity;
  #shown: Verdict;
  #base: Verdict;

  constructor(definition: ParameterDefinition) {
    this.definition = definition;
    this.#shown = this.#base = {
      value: Number(definition.default),
      holder: 0,
      priority: 0,
      parts: 0,
      made: [],
    };
  }

  get shown(): Shown {
    const { value, holder, priority, parts } = this.#shown;
    return { value, holder, priority, parts };
  }

  get isSettling(): boolean {
    return this.#facts.some(({ state }) => state === "waited-for");
  }

  nextUs(): number {
    const leases = this.#facts.filter((fact) => fact.leased && isThere(fact)).map(({ leaseEndUs }) =>
      leaseEndUs
    );
    return Math.min(this.isSettling ? this.#settleEndUs : Infinity, ...leases);
  }

  facts(): readonly Readonly<Fact>[] {
    return this.#facts;
  }

  set(
    nowUs: number,
    who: number,
    value: number,
    priority: number,
    how: { momentary: boolean; leased: boolean; pickUp: boolean },
  ): string {
    this.hear(who);
    const fact = this.#facts.find((each) => each.who === who);
    if (priority === 0) {
      if (fact !== undefined) this.#end(fact);
      this.#decide();
      return "released";
    }
    const mine = fact ?? this.#begin(who);
    if (how.pickUp && !how.momentary && !this.#shown.made.includes(mine)) {
      const target = this.#shown.value;
      const known = mine.state === "fader" || isThere(mine);
      const near = (place: number) => Math.abs(place - target) <= 1 / 127;
      const passed = known &&
        ((mine.value < target && value >= target) || (mine.value >= target && value < target));
      if (!near(value) && !passed && !(known && near(mine.value))) {
        mine.value = value;
        if (!isThere(mine)) {
          mine.state = "fader";
          mine.priority = priority;
          mine.leased = false;
          mine.momentary = false;
        } else if (mine.leased) mine.leaseEndUs = nowUs + LEASE_US;
        this.#decide();
        return "reaching";
      }
    }
    this.#count++;
    if (!isThere(mine) || mine.priority !== priority) mine.lockedAt = this.#count;
    mine.state = "here";
    mine.value = value;
    mine.priority = priority;
    mine.wroteAt = this.#count;
    mine.momentary = how.momentary;
    mine.leased = how.leased || how.momentary;
    mine.leaseEndUs = nowUs + LEASE_US;
    if (priority <= 200) {
      this.#left = [];
      for (const other of this.#facts) {
        if (other.state === "gone" && other.beatenBy === null) other.beatenBy = who;
      }
    }
    this.#decide();
    return this.#shown.made.includes(mine) ? "stands" : "shadowed";
  }

  refresh(nowUs: number, who: number): boolean {
    const fact = this.#facts.find((each) => each.who === who);
    if (fact === undefined) return false;
    this.hear(who);
    if (fact.state === "nothing" || fact.state === "fader") return false;
    const back = this.#bring(fact, nowUs);
    this.#decide();
    return back;
  }

  hear(who: number): void {
    for (const fact of this.#facts) {
      if (fact.who === who && (fact.state === "waited-for" || fact.state === "given-up")) fact.state = "here";
    }
    this.#decide();
  }

  lose(nowUs: number, who: number): void {
    for (const fact of this.#facts) if (fact.who === who) this.#go(fact, nowUs);
    this.#decide();
  }

  comeBack(nowUs: number, who: number): number | null {
    let taken: number | null = null;
    for (const fact of this.#facts) {
      if (fact.who !== who || fact.state !== "gone") continue;
      const by = fact.beatenBy;
      if (!this.#bring(fact, nowUs)) taken = by;
    }
    this.#decide();
    return taken;
  }

  leave(who: number): void {
    this.#facts = this.#facts.filter((fact) => fact.who !== who);
    this.#decide();
  }

  forget(who: number): void {
    const fact = this.#facts.find((each) => each.who === who);
    if (
      fact?.state === "gone" && fact.wasPart && fact.beatenBy === null && this.definition.onLoss === "hold"
    ) {
      this.#left.push(fact);
    }
    this.#facts = this.#facts.filter((each) => each !== fact);
    this.#decide();
  }

  /** Time has come to `nowUs`, which is no later than {@linkcode nextUs}. */
  pass(nowUs: number): void {
    const over = this.#facts.filter((fact) => isThere(fact) && fact.leased && fact.leaseEndUs <= nowUs)
      .sort((a, b) => a.leaseEndUs - b.leaseEndUs || a.who - b.who);
    for (const fact of over) {
      this.#go(fact, nowUs);
      this.#decide();
    }
    if (this.isSettling && this.#settleEndUs <= nowUs) {
      for (const fact of this.#facts) if (fact.state === "waited-for") fact.state = "given-up";
    }
    this.#decide();
  }

  #begin(who: number): Fact {
    const fact: Fact = {
      who,
      value: 0,
      priority: 0,
      wroteAt: 0,
      lockedAt: 0,
      momentary: false,
      leased: false,
      leaseEndUs: 0,
      state: "nothing",
      wasPart: false,
      wentAt: 0,
      beatenBy: null,
    };
    this.#facts.push(fact);
    return fact;
  }

  #end(fact: Fact): void {
    fact.state = "nothing";
    fact.beatenBy = null;
    fact.leased = false;
    fact.momentary = false;
  }

  #bring(fact: Fact, nowUs: number): boolean {
    if (fact.state === "gone") {
      const isBeaten = fact.beatenBy !== null;
      fact.beatenBy = null;
      fact.state = isBeaten ? "nothing" : "here";
      if (isBeaten) {
        this.#end(fact);
        return false;
      }
    }
    if (fact.leased) fact.leaseEndUs = nowUs + LEASE_US;
    return true;
  }

  #go(fact: Fact, nowUs: number): void {
    if (fact.state === "gone" || fact.state === "nothing") return;
    if (fact.state === "fader" || fact.momentary) return this.#end(fact);
    const wasPart = this.#base.made.includes(fact);
    fact.state = "gone";
    fact.wasPart = wasPart;
    fact.wentAt = ++this.#count;
    fact.beatenBy = null;
    if (!wasPart || this.definition.onLoss === "hold") return;
    const wasSettling = this.isSettling;
    for (const other of this.#facts) {
      const isOverlay = other.momentary || other.priority > 200;
      if (other.who === 0 || isOverlay || other.state !== "here" || this.#base.made.includes(other)) continue;
      other.state = "waited-for";
    }
    if (!wasSettling && this.isSettling) this.#settleEndUs = nowUs + LEASE_US;
  }

  #decide(): void {
    this.#base = this.#judge(false);
    const { value, holder, made } = this.#base;
    if (this.#look !== null || made.length > 0) this.#look = { value, holder };
    for (const fact of this.#facts) if (fact.state === "gone" && !made.includes(fact)) fact.wasPart = false;
    this.#left = this.#left.filter((fact) => made.includes(fact));
    this.#shown = this.#judge(true);
    if (!this.isSettling) this.#settleEndUs = Infinity;
  }

  #judge(overlays: boolean): Verdict {
    const { merge, onLoss, min, max } = this.definition;
    const present = this.#facts.filter(({ state }) => state === "here");
    const lasting = present.filter(({ momentary, priority }) => !momentary && priority <= 200);
    const here = overlays ? present : lasting;
    const gone = [
      ...this.#facts.filter((fact) => fact.state === "gone" && fact.wasPart && fact.beatenBy === null),
      ...this.#left,
    ];
    const gonesCount = onLoss === "hold" || this.isSettling ||
      (onLoss === "fallback" && lasting.length === 0);
    const all = [...here, ...(gonesCount ? gone : [])];
    const best = Math.max(...all.map(({ priority }) => priority));
    const equals = all.filter(({ priority }) => priority === best);
    if (equals.length === 0) {
      const value = onLoss === "default" || this.#look === null
        ? Number(this.definition.default)
        : this.#look.value;
      return { value, holder: 0, priority: 0, parts: 0, made: [] };
    }
    const byAge = equals.toSorted((a, b) => b.wroteAt - a.wroteAt);
    const isLeft = (fact: Fact) => this.#left.includes(fact);
    if (merge === "sum" && equals.length > 1) {
      const total = equals.reduce((sum, { value }) => sum + value, 0);
      const held = byAge.find((fact) => !isLeft(fact));
      // What several forgotten writers left is one claim of nobody's.
      const parts = equals.filter((fact) => !isLeft(fact)).length + (equals.some(isLeft) ? 1 : 0);
      return {
        value: Math.min(max ?? Infinity, Math.max(min ?? -Infinity, total)),
        holder: held?.who ?? 0,
        priority: held === undefined ? 0 : best,
        parts,
        made: equals,
      };
    }
    const winner = merge === "highest"
      ? byAge.toSorted((a, b) => b.value - a.value)[0]
      : merge === "lock"
      ? equals.find(isLeft) ?? equals.find(({ who }) => who !== 0 && who === this.#look?.holder) ??
        equals.toSorted((a, b) => a.lockedAt - b.lockedAt)[0]
      : byAge[0];
    if (winner === undefined) throw new Error("nobody wins");
    const isNobodys = isLeft(winner);
    return {
      value: winner.value,
      holder: isNobodys ? 0 : winner.who,
      priority: isNobodys ? 0 : best,
      parts: 1,
      made: [winner],
    };
  }
}

function isThere({ state }: Fact): boolean {
  return state === "here" || state === "waited-for" || state === "given-up";
}
