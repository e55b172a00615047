// What a run's facts say of discovery: who knew whom when, who took whom for dead, when a cut was seen and healed.
// Decides which moment ends each measure (the last one of all others), the same for simulated and for real runs.
// Never judges: the benchmarks that use it do (reality.ts, discovery_real.ts).

import type { Fact } from "../../lib/simulate/mod.ts";

/** The node that comes and goes. */
export const NEWCOMER = "newcomer-0";

/** Times in milliseconds: one value a time that the newcomer comes or goes, or that the mesh is cut. */
export interface Samples {
  /** J1: from being ready until it lists everybody. */
  readonly knowsAll: number[];
  /** J3: from its being ready until everybody lists it. */
  readonly knownByAll: number[];
  /** D1: from SIGKILL until everybody has declared it dead. */
  readonly death: number[];
  /** The same of each observer by itself. */
  readonly deathEach: number[];
  /** G1: from the beginning of the goodbye until everybody knows of it. */
  readonly goodbye: number[];
  /** P1: from the cut until nobody lists anybody beyond it as alive. */
  readonly cutSeen: number[];
  /** P1: from the end of the cut until everybody lists everybody as alive. */
  readonly healed: number[];
  /** Verdicts `dead` on nodes that ran, away from the cut; one value each, the moment. */
  readonly falseDeaths: number[];
}

/** None yet. */
export const noSamples = (): Samples => ({
  knowsAll: [],
  knownByAll: [],
  death: [],
  deathEach: [],
  goodbye: [],
  cutSeen: [],
  healed: [],
  falseDeaths: [],
});

/** After a cut has ended, verdicts that it caused may still come. */
const AFTERMATH_US = 15_000_000;

/** Reads the samples out of a run's facts. */
export class Collector {
  readonly samples = noSamples();
  readonly #others: number;
  #life = 0;
  #readyUs = 0;
  #stoppedUs = 0;
  #lists = new Set<string>();
  #listedBy = new Set<string>();
  #missedBy = new Set<string>();
  readonly #running = new Map<string, number>();
  /** What each observer thinks of each subject, by `observer>subject`. */
  readonly #views = new Map<string, string>();
  #cutUs: number | null = null;
  #healUs: number | null = null;
  #trouble = false;
  #troubleEndUs = 0;

  /**
   * @param size nodes in all, the newcomer among them
   * @param sides the two halves of the cut, by name
   */
  constructor(size: number, private readonly sides: readonly (readonly string[])[] = []) {
    this.#others = size - 1;
  }

  /** Takes the next fact. */
  onFact(fact: Fact): void {
    if (fact.kind === "view") return this.#onView(fact);
    if (fact.kind === "fault" && fact.verb === "partition") return this.#onCut(fact.phase, fact.atUs);
    if (fact.kind === "node-started") this.#running.set(fact.node, fact.incarnation);
    if (fact.kind === "node-stopped") this.#running.delete(fact.node);
    if (!("node" in fact) || fact.node !== NEWCOMER) return;
    if (fact.kind === "node-started") {
      this.#life = fact.incarnation;
      this.#readyUs = fact.atUs;
      this.#lists = new Set();
      this.#listedBy = new Set();
    } else if (fact.kind === "node-ready") this.#readyUs = fact.atUs;
    else if (fact.kind === "node-stopped") {
      this.#stoppedUs = fact.atUs;
      this.#missedBy = new Set();
    }
  }

  #onView(fact: Extract<Fact, { kind: "view" }>): void {
    const { observer, subject, state, incarnation, atUs, op } = fact;
    if (subject === null) return;
    this.#views.set(`${observer}>${subject}`, op === "remove" ? "removed" : state);
    this.#look(atUs);
    if (op === "remove") return;
    const { samples } = this;
    if (observer === NEWCOMER && state === "alive") {
      this.#note(this.#lists, subject, samples.knowsAll, atUs - this.#readyUs);
    }
    const isOver = atUs > this.#troubleEndUs + AFTERMATH_US || this.#troubleEndUs === 0;
    if (
      state === "dead" && this.#running.get(subject) === incarnation && this.#running.has(observer) &&
      !this.#trouble && isOver
    ) {
      samples.falseDeaths.push(atUs / 1000);
    }
    if (subject !== NEWCOMER || incarnation !== this.#life) return;
    if (state === "alive") this.#note(this.#listedBy, observer, samples.knownByAll, atUs - this.#readyUs);
    if (this.#running.has(NEWCOMER)) return;
    if (state === "dead") {
      if (!this.#missedBy.has(observer)) samples.deathEach.push(Math.max(0, atUs - this.#stoppedUs) / 1000);
      this.#note(this.#missedBy, observer, samples.death, atUs - this.#stoppedUs);
    }
    if (state === "left") this.#note(this.#missedBy, observer, samples.goodbye, atUs - this.#stoppedUs);
  }

  /** The last one of all others makes the sample. */
  #note(seen: Set<string>, name: string, into: number[], us: number): void {
    if (seen.has(name)) return;
    seen.add(name);
    if (seen.size === this.#others) into.push(Math.max(0, us) / 1000);
  }

  #onCut(phase: "begin" | "end", atUs: number): void {
    if (phase === "begin") {
      this.#cutUs = atUs;
      this.#trouble = true;
    } else {
      this.#cutUs = null;
      this.#healUs = atUs;
      this.#trouble = false;
      this.#troubleEndUs = atUs;
    }
  }

  /** Whether what is awaited of a cut is there now. */
  #look(atUs: number): void {
    if (this.#cutUs !== null && this.#across((state) => state !== "alive" && state !== "suspect")) {
      this.samples.cutSeen.push((atUs - this.#cutUs) / 1000);
      this.#cutUs = null;
    }
    if (this.#healUs !== null && this.#across((state) => state === "alive")) {
      this.samples.healed.push((atUs - this.#healUs) / 1000);
      this.#healUs = null;
    }
  }

  #across(isSo: (state: string) => boolean): boolean {
    const [left = [], right = []] = this.sides;
    return left.every((a) =>
      right.every((b) =>
        isSo(this.#views.get(`${a}>${b}`) ?? "removed") && isSo(this.#views.get(`${b}>${a}`) ?? "removed")
      )
    );
  }
}
