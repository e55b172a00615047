// What single operations cost: how many are timed together, and in which order.
// Decides that a batch takes a fifth of a millisecond, far above the clock's resolution and below a time slice, and
// that all operations are timed in turn.

import type { LatencyFigures } from "./latency.ts";
import type { BenchPlan } from "./plan.ts";
import { percentile, round } from "./statistics.ts";
import { nowUs, turn } from "./time.ts";

/** One thing that is done again and again. */
export interface Operation {
  readonly name: string;
  run(): unknown;
}

/** What an operation costs. */
export interface OperationCost {
  /** Microseconds. */
  readonly us: LatencyFigures;
  readonly n: number;
  readonly perS: number;
}

const BATCH_US = 200;

/** Times all operations in turn; their costs in the same order. */
export async function timeOperations(
  operations: readonly Operation[],
  plan: Pick<BenchPlan, "durationUs" | "warmupUs" | "rounds">,
  onRound: (done: number, all: number) => void,
): Promise<OperationCost[]> {
  const subjects = operations.map((operation) => ({
    operation,
    batch: calibrate(operation, plan.warmupUs),
    costs: [] as number[],
  }));
  for (let round = 0; round < plan.rounds; round++) {
    onRound(round, plan.rounds);
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(i + round) % subjects.length];
      if (subject === undefined) continue;
      const endUs = nowUs() + plan.durationUs / plan.rounds;
      while (nowUs() < endUs) subject.costs.push(timeBatch(subject.operation, subject.batch));
      await turn();
    }
  }
  return subjects.map(({ costs, batch }) => {
    const us = figuresOf(costs);
    return { us, n: costs.length * batch, perS: Math.round(1e6 / us.p50) };
  });
}

/** Warms an operation up; how many of it make a batch. */
function calibrate(operation: Operation, warmupUs: number): number {
  const endUs = nowUs() + warmupUs;
  let batch = 1;
  do {
    const costUs = timeBatch(operation, batch);
    batch = Math.max(1, Math.min(100_000, Math.round(BATCH_US / Math.max(costUs, 1e-4))));
  } while (nowUs() < endUs);
  return batch;
}

/** Microseconds of one operation. */
function timeBatch(operation: Operation, count: number): number {
  const startedUs = nowUs();
  for (let i = 0; i < count; i++) operation.run();
  return (nowUs() - startedUs) / count;
}

function figuresOf(costs: readonly number[]): LatencyFigures {
  const at = (share: number): number => round(percentile(costs, share));
  return {
    min: at(0),
    mean: round(costs.reduce((sum, cost) => sum + cost, 0) / Math.max(1, costs.length)),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
}
