// What a process has used: processor time, and bytes that V8 has allocated since it began.
// Decides the sources: getrusage by node:process, and V8's own count of allocated bytes, which garbage collection
// does not lower; buffers outside of V8's heap (what sockets read into) are not in it.

import process from "node:process";
import v8 from "node:v8";

/** Used so far; differences are what counts. */
export interface Usage {
  readonly cpuUs: number;
  readonly allocatedBytes: number;
}

/** Reads both. */
export function readUsage(): Usage {
  const { user, system } = process.cpuUsage();
  const heap = v8.getHeapStatistics() as unknown as { readonly total_allocated_bytes?: number };
  return { cpuUs: user + system, allocatedBytes: heap.total_allocated_bytes ?? NaN };
}

/** What was used between two readings. */
export function usedBetween(before: Usage, after: Usage): Usage {
  return {
    cpuUs: after.cpuUs - before.cpuUs,
    allocatedBytes: after.allocatedBytes - before.allocatedBytes,
  };
}
