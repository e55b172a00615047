// The handful of facts that led to a violation.
// Decides which facts belong to it: those about the nodes it names, the faults, and what came last before it.
// Keeps a bounded memory of the run: old facts fall out first, faults are kept apart because they explain most.

import type { Fact, Violation } from "../observe.ts";
import { nodesOf } from "./fact_nodes.ts";

/** Lines of an excerpt. */
export const EXCERPT_LINES = 10;

/** Facts kept besides faults, and faults kept. What falls out is the oldest. */
const KEPT_FACTS = 4_096;
const KEPT_FAULTS = 256;

/** Remembers the latest facts of a run, and gives the excerpt of its first violation. */
export class ExcerptKeeper {
  readonly #facts = new Ring<Fact>(KEPT_FACTS);
  readonly #faults = new Ring<Fact>(KEPT_FAULTS);
  #excerpt: readonly Fact[] | null = null;

  /** Takes a fact of the run; they come in order. */
  onFact(fact: Fact): void {
    if (fact.kind === "violation") {
      this.#excerpt ??= causalExcerpt(
        [...this.#faults.items(), ...this.#facts.items(), fact],
        fact.violation,
      );
    } else if (fact.kind === "fault") this.#faults.add(fact);
    // Traffic floods, and a claim explains nothing: what changed is what counts.
    else if (fact.kind !== "frame" && fact.kind !== "claim") this.#facts.add(fact);
  }

  /** The facts that led to `violation`, or to the first one that was told as a fact; oldest first. */
  excerpt(violation: Violation | undefined): readonly Fact[] {
    if (violation === undefined) return [];
    return this.#excerpt ??
      causalExcerpt(
        [...this.#faults.items(), ...this.#facts.items(), {
          kind: "violation",
          atUs: violation.atUs,
          violation,
        }],
        violation,
      );
  }
}

/** The facts that led to `violation`, at most `most`, oldest first; the violation itself is the last line. */
export function causalExcerpt(
  facts: readonly Fact[],
  violation: Violation,
  most: number = EXCERPT_LINES,
): Fact[] {
  const named = new Set(violation.nodes);
  const before = facts.map((fact, order) => ({ fact, order, weight: weightOf(fact, violation, named) }))
    .filter(({ fact, weight }) => weight > 0 && fact.atUs <= violation.atUs);
  // The heaviest win, of equal ones the latest; then they stand in the order in which they happened.
  const chosen = before.sort((a, b) => b.weight - a.weight || b.fact.atUs - a.fact.atUs || b.order - a.order)
    .slice(0, most);
  return chosen.sort((a, b) => a.fact.atUs - b.fact.atUs || a.order - b.order).map(({ fact }) => fact);
}

function weightOf(fact: Fact, violation: Violation, named: ReadonlySet<string>): number {
  if (fact.kind === "violation") return fact.violation.id === violation.id ? 9 : 0;
  if (fact.kind === "crash") return 8;
  if (fact.kind === "fault") return 6;
  if (fact.kind === "phase") return 3;
  const touched = nodesOf(fact).filter((node) => named.has(node)).length;
  if (touched === 0) return named.size === 0 ? 2 : 0;
  // A fact about two of the named nodes says more than one about a single one of them.
  const about = touched > 1 || named.size === 1 ? 2 : 0;
  switch (fact.kind) {
    case "view":
      return fact.before === fact.state && fact.op === "update" ? 1 : 4 + about;
    case "node-started":
    case "node-ready":
    case "node-stopped":
      return 5;
    case "session":
    case "discovery":
      return 2 + about;
    default:
      return 1 + about / 2;
  }
}

/** The latest `size` items. */
class Ring<T> {
  readonly #size: number;
  #items: T[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(item: T): void {
    this.#items.push(item);
    // Cut rarely, so that adding stays cheap.
    if (this.#items.length >= 2 * this.#size) this.#items = this.#items.slice(-this.#size);
  }

  items(): readonly T[] {
    return this.#items.slice(-this.#size);
  }
}
