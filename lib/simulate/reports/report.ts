// What a report is made of: runs with their figures, gathered by scenario.
// Decides the faces between whoever plays scenarios and whoever writes about it, and the words for one run.
// Never plays anything, never writes anything.

import type { Fact, RunResult } from "../observe.ts";
import type { Scenario } from "../scenario.ts";

/** A run that has ended, with what only its surroundings know. */
export interface RunReport {
  readonly result: RunResult;
  /** Real time that it took, in milliseconds. */
  readonly wallMs: number;
  /** The facts that led to the first violation, oldest first; empty without one. */
  readonly excerpt: readonly Fact[];
  /** The one command that plays it again. */
  readonly repro: string;
}

/** A run that gave no result: hana itself failed. */
export interface RunFailure {
  readonly seed: number;
  readonly identity: string;
  /** What happened, for people. */
  readonly text: string;
  readonly repro: string;
}

/** All runs of one scenario. */
export interface ScenarioReport {
  readonly scenario: Scenario;
  readonly hash: string;
  /** Ids of the invariants that were watched. */
  readonly invariants: readonly string[];
  /** By seed. */
  readonly runs: readonly RunReport[];
  readonly failures: readonly RunFailure[];
  /** A planted bug: a run that fails is what is wanted here. */
  readonly mustFail: boolean;
  /** The file that it came from, and the parameters that were given; none for the catalogue as it is. */
  readonly file?: string;
  readonly params?: readonly string[];
}

/** `name@hash:seed:software`: what a run is known by everywhere. */
export function identityOf(run: {
  readonly scenario: string;
  readonly hash: string;
  readonly seed: number;
  readonly software: string;
}): string {
  return `${run.scenario}@${run.hash}:${run.seed}:${run.software}`;
}

/** Whether a run did what its scenario is there for. */
export function isAsWanted(report: Pick<ScenarioReport, "mustFail">, result: RunResult): boolean {
  return result.verdict === (report.mustFail ? "fail" : "pass");
}

/** In how many runs each violated rule was violated, by id, with the runs. */
export function violatedIds(report: ScenarioReport): Map<string, RunReport[]> {
  const byId = new Map<string, RunReport[]>();
  for (const run of report.runs) {
    for (const id of new Set(run.result.violations.map((violation) => violation.id))) {
      byId.set(id, [...(byId.get(id) ?? []), run]);
    }
  }
  return byId;
}
