// Sums over the runs of one condition: what was looked at, what broke, and what only many runs together can show:
// how much was sent again (I21), how fresh modulation is (I25).
// Decides the bounds of those two; they are those of research 5.3 and 5.4.

import { assert } from "@std/assert";
import { type ConditionId, conditionOf } from "./conditions.ts";
import type { KindName } from "./face.ts";
import type { InvariantId } from "./findings.ts";
import { QUANTUM_US } from "./pair.ts";
import type { RunReport } from "./run.ts";
import type { WorkloadId } from "./workloads.ts";

/** A probe may repeat two packets of a tail that was late. */
const SLACK_BYTES_PER_RUN = 2_400;
const MAX_REPAIR_RATIO = 1.3;
/** The lane of modulation. */
const MODULATION = 2;

/** Sums of many runs. */
export class Tally {
  readonly #looks = new Map<string, number>();
  readonly #broken = new Map<string, string>();
  #runs = 0;
  repairedBytes = 0;
  lostBytes = 0;
  readonly #latencies: number[] = [];

  add({ pair, description }: RunReport, _condition: ConditionId, workload: WorkloadId): void {
    this.#runs++;
    const { findings } = pair;
    for (const [name, count] of findings.looks) this.#looks.set(name, (this.#looks.get(name) ?? 0) + count);
    for (const { id, kind } of findings.violations) {
      if (!this.#broken.has(`${id} ${kind}`)) this.#broken.set(`${id} ${kind}`, description);
    }
    for (const side of [0, 1] as const) {
      this.lostBytes += pair.ends[side].totals.lostReliableBytes;
      for (const lane of pair.models[side].lanes.values()) {
        if (!lane.reliable) continue;
        for (const message of lane.messages) {
          if (message.deliveries > 0) this.repairedBytes += Math.max(0, message.sentBytes - message.length);
        }
      }
    }
    if (workload !== "W6") return;
    for (const latency of pair.models[0].lanes.get(MODULATION)?.latenciesUs ?? []) {
      this.#latencies.push(latency);
    }
  }

  /** Latencies below which `share` of the modulation of W6 stayed, in microseconds. */
  latencyUs(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  /** Checks what only the sums show. */
  judge(id: ConditionId): void {
    const bound = MAX_REPAIR_RATIO * this.lostBytes + SLACK_BYTES_PER_RUN * this.#runs;
    this.#judge(
      "I21 connection",
      this.repairedBytes <= bound,
      () => `${this.repairedBytes} B sent again, ${this.lostBytes} B lost, ${this.#runs} runs`,
    );
    const condition = conditionOf(id, 0);
    const jitterUs = condition.forward.jitterUs ?? 0;
    const freshUs = id === "C2" ? 2 * QUANTUM_US + 1_000 : condition.roundTripUs + jitterUs + 2 * QUANTUM_US;
    const p99 = this.latencyUs(0.99);
    this.#judge("I25 US", p99 <= freshUs, () => `p99 ${p99} µs, ${freshUs} would do`);
  }

  /** Two runs with the same inputs were the same. */
  judgeSame(same: boolean): void {
    this.#judge("I19 connection", same, () => "two runs with the same seed differ");
  }

  #judge(name: string, holds: boolean, saw: () => string): void {
    this.#looks.set(name, (this.#looks.get(name) ?? 0) + 1);
    if (!holds) this.#broken.set(name, saw());
  }

  /** Asserts one cell: each invariant was looked at and none broke. */
  assertCell(lanes: KindName, invariants: readonly InvariantId[]): void {
    for (const invariant of invariants) {
      const name = `${invariant} ${lanes}`;
      const broken = this.#broken.get(name);
      assert(broken === undefined, `${name} is broken, first: ${broken?.slice(0, 3_000)}`);
      assert((this.#looks.get(name) ?? 0) > 0, `${name} was never looked at in ${this.#runs} runs`);
    }
  }
}
