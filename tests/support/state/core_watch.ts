// The rules of the simulator over runs on the cores: they see the same facts and ask the same oracle.
// Decides nothing: it says what is true of the run.

import { OBSERVERS } from "../../../lib/simulate/mod.ts";
import type { Fact, Oracle, RunObserver, Violation } from "../../../lib/simulate/observe.ts";
import type { AppStanding, CopyStanding } from "../../../lib/simulate/state_facts.ts";
import { type Candidate, type Desk, SECOND } from "./core_parts.ts";
import type { Ways } from "./core_ways.ts";

/** What is watched. */
export interface Watched {
  readonly nowUs: number;
  readonly phase: Oracle["phase"];
  readonly candidates: readonly Candidate[];
  readonly desks: readonly Desk[];
  readonly ways: Ways;
  readonly lastWriteUs: number;
}

const MAX_VIOLATIONS = 10;

/** The observers of one run. */
export class CoreWatch {
  readonly violations: string[] = [];
  readonly claims = new Map<string, number>();
  facts = 0;
  readonly #show: Watched;
  readonly #observers: RunObserver[];
  readonly #onFact: ((fact: Fact) => void) | undefined;

  constructor(seed: number, show: Watched, onFact: ((fact: Fact) => void) | undefined) {
    this.#show = show;
    this.#onFact = onFact;
    const oracle = oracleOf(show);
    this.#observers = OBSERVERS.filter(({ id }) => id.startsWith("state_")).map((definition) =>
      definition.create({
        // A scenario with shared state is all that they ask of it.
        scenario: { state: { hosts: null, parameters: [], apps: [] } } as never,
        seed,
        oracle,
        violate: (violation) => this.#violate(violation),
        claim: (name) => this.claims.set(name, (this.claims.get(name) ?? 0) + 1),
      })
    );
  }

  tell(fact: Fact): void {
    this.facts++;
    this.#onFact?.(fact);
    for (const observer of this.#observers) {
      if (observer.wants?.includes(fact.kind) === true) observer.onFact?.(fact);
    }
  }

  tick(): void {
    for (const observer of this.#observers) observer.onTick?.(this.#show.nowUs);
  }

  #violate({ id, text }: Omit<Violation, "atUs">): void {
    if (this.violations.length >= MAX_VIOLATIONS) return;
    this.violations.push(`${(this.#show.nowUs / SECOND).toFixed(3)} ${id}: ${text}`);
  }
}

function oracleOf(show: Watched): Oracle {
  const nameAt = (name: string): Candidate | undefined => show.candidates.find((each) => each.name === name);
  const oracle: Partial<Oracle> = {
    get nowUs() {
      return show.nowUs;
    },
    get phase() {
      return show.phase;
    },
    isUp: (name) => nameAt(name)?.isUp ?? true,
    sinceUs: (name) => nameAt(name)?.upSinceUs ?? 0,
    wasStalled: (name, withinUs) => show.nowUs - (nameAt(name)?.frozenUntilUs ?? -Infinity) < withinUs,
    canTalk: (a, b) => show.ways.canTalk(a, b),
    canTalkSinceUs: () => show.ways.sinceUs,
    quality: (a, b) => show.ways.canTalk(a, b) ? "clean" : "none",
    currentId: (node) => show.desks.find((each) => each.node === node)?.id ?? null,
    state: {
      hosts: () =>
        show.candidates.flatMap(({ name, host, isUp }) =>
          host === null || host.isOver || !isUp ? [] : [{ node: name, host: host.host }]
        ),
      apps: () => show.desks.map((desk) => standingOf(desk, show.nowUs)),
      copies: () => show.candidates.flatMap((candidate) => candidate.isUp ? copyOf(candidate) : []),
      get lastWriteUs() {
        return show.lastWriteUs;
      },
    },
  };
  return oracle as Oracle;
}

function standingOf(
  { name, node, replica, sinceUs, undisturbedSinceUs, spoil }: Desk,
  nowUs: number,
): AppStanding {
  return {
    app: name,
    node,
    replica,
    interests: [],
    sinceUs,
    undisturbedSinceUs: spoil === null ? undisturbedSinceUs : nowUs,
    isHostile: false,
  };
}

function copyOf({ name, copy }: Candidate): CopyStanding[] {
  if (copy.epoch === null) return [];
  return [{
    node: name,
    term: copy.epoch.term,
    number: copy.number,
    sequenceOf: (client) => copy.snapshot()?.clients.find((each) => each.client === client)?.sequence ?? -1,
  }];
}
