// What a benchmark says: figures, the bare baseline of the same run, and their ratio.
// Decides the shape of `--json` (schema hana.bench/1); never what a figure is worth.

import { HanaError } from "../../lib/base/mod.ts";
import type { ConnectionStats } from "../../lib/lanes/mod.ts";
import type { JsonObject } from "../output/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import type { Ground, PathProof } from "./ground.ts";
import type { LatencyFigures, LatencyHistogram } from "./latency.ts";
import type { BenchPath, Workload } from "./plan.ts";
import { round } from "./statistics.ts";

/** Figures in one of these units. */
export interface Measured {
  /** Round trips in microseconds. */
  readonly rttUs?: LatencyFigures;
  /** Time from sending to receiving, in microseconds. */
  readonly ageUs?: LatencyFigures;
  /** How long one takes, in microseconds. */
  readonly us?: LatencyFigures;
  readonly msgsPerS?: number;
  readonly bytesPerS?: number;
}

/** The same without hana, in the same run. */
export interface Baseline extends Measured {
  readonly name: string;
}

/** What one side used for a message. */
export interface PerMessage {
  readonly sender: number | null;
  readonly receiver: number | null;
}

/** One row. */
export interface BenchResult extends Measured {
  readonly name: string;
  readonly workload: Workload;
  /** Values behind the figures, over all rounds. */
  readonly n: number;
  readonly kind?: string;
  readonly sizeBytes?: number;
  readonly receivers?: number;
  readonly path?: PathProof;
  readonly sent?: number;
  readonly received?: number;
  /** Messages that did not arrive, and why as far as the sender knows. */
  readonly lost?: number;
  readonly drops?: Readonly<Record<string, number>>;
  /** The sender's figures of the connection as they stand at the end, warm-up included. */
  readonly connection?: ConnectionStats;
  readonly cpuUsPerMessage?: PerMessage;
  readonly allocatedBytesPerMessage?: PerMessage;
  /** Null where there is nothing to compare with: a node that was not started here has no bare sockets. */
  readonly baseline: Baseline | null;
  readonly beside?: readonly Baseline[];
  /** hana's figure by the baseline's: the median of the rounds' ratios. */
  readonly ratio: Readonly<Record<string, number>> | null;
  /** How it was measured, in a sentence. */
  readonly how: string;
  /** All values, for drawings. */
  readonly histogram?: LatencyHistogram;
  readonly baselineHistogram?: LatencyHistogram;
}

/** A result as `--json` has it; the histogram as ranges of an eighth of a power of two. */
export function resultJson(result: BenchResult): JsonObject {
  const { histogram, baselineHistogram, ...rest } = result;
  const rangesOf = (from: LatencyHistogram): JsonObject[] =>
    from.ranges(8).map(({ fromUs, toUs, count }) => ({
      fromUs: round(fromUs),
      toUs: round(toUs),
      count,
    }));
  return JSON.parse(JSON.stringify({
    ...rest,
    ...(histogram === undefined ? {} : { histogram: rangesOf(histogram) }),
    ...(baselineHistogram === undefined ? {} : { baselineHistogram: rangesOf(baselineHistogram) }),
  })) as JsonObject;
}

/** The path of a subject, and the figures of its connection; nothing for bare sockets. */
export function sessionFigures(
  ground: Ground,
  { session, path }: { readonly session: Session | null; readonly path: BenchPath },
): Pick<BenchResult, "path" | "connection"> {
  if (session === null) return {};
  const { connection } = session.statistics();
  return { path: ground.proof(session, path), ...(connection === null ? {} : { connection }) };
}

/** A run under way: what goes on, and what could not be measured while the rest goes on. */
export class BenchRun {
  readonly failures: { readonly name: string; readonly error: HanaError }[] = [];
  readonly #failed = new Set<object>();

  constructor(readonly say: (text: string) => void) {}

  /** Runs `measure` for a subject unless it has failed before. What it throws is kept; bugs are thrown on. */
  async guard(subject: object, name: string, measure: () => Promise<void>): Promise<void> {
    if (this.#failed.has(subject)) return;
    try {
      await measure();
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code === "internal") throw thrown;
      this.#failed.add(subject);
      this.failures.push({ name, error: thrown });
    }
  }

  /** Whether everything about a subject could be measured. */
  isWhole(subject: object): boolean {
    return !this.#failed.has(subject);
  }
}

/** Runs `steps` in turn, `rounds` times, beginning with another one each round; tells before each. */
export async function interleave(
  rounds: number,
  steps: readonly (() => Promise<void>)[],
  onStep: (done: number, all: number) => void,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < steps.length; i++) {
      onStep(round * steps.length + i, rounds * steps.length);
      await steps[(i + round) % steps.length]?.();
    }
  }
}
