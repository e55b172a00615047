// How a program fares: memory, CPU and number of its processes, once a second.
// Decides what is added up (the leader and all that descends from it, or is marked as its own); judges nothing.

import type { ProcessFacts } from "../../platform/mod.ts";

/** One look at all processes of a program. */
export interface Sample {
  readonly residentBytes: number;
  /** CPU time a second, 1 for one core; null at the first look. */
  readonly cpuShare: number | null;
  readonly processes: number;
}

/** Adds up what processes use. CPU time of processes that ended stays counted. */
export class Sampler {
  #peakBytes: number | null = null;
  #cpuUs = 0;
  #atUs: number | null = null;
  #known = new Map<number, { readonly startedAt: number; readonly cpuUs: number }>();

  /** The most memory seen in this run. */
  get peakBytes(): number | null {
    return this.#peakBytes;
  }

  /** CPU time seen in this run. */
  get cpuUs(): number {
    return this.#cpuUs;
  }

  /** Takes a look. */
  handleLook(nowUs: number, members: readonly ProcessFacts[]): Sample {
    let residentBytes = 0;
    let usedUs = 0;
    let processes = 0;
    const known = new Map<number, { startedAt: number; cpuUs: number }>();
    for (const { processId, startedAt, residentBytes: bytes, cpuUs, state } of members) {
      if (state !== "zombie") {
        residentBytes += bytes;
        processes++;
      }
      const before = this.#known.get(processId);
      usedUs += before?.startedAt === startedAt ? Math.max(0, cpuUs - before.cpuUs) : cpuUs;
      known.set(processId, { startedAt, cpuUs });
    }
    const elapsedUs = this.#atUs === null ? 0 : nowUs - this.#atUs;
    this.#known = known;
    this.#atUs = nowUs;
    this.#cpuUs += usedUs;
    this.#peakBytes = Math.max(this.#peakBytes ?? 0, residentBytes);
    return {
      residentBytes,
      processes,
      cpuShare: elapsedUs > 0 ? usedUs / elapsedUs : null,
    };
  }
}
