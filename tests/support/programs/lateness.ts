// How late a shim hears what is said to it: questions on its control socket at a steady beat, and when they are answered.
// Decides nothing of the shim; also tells how late the tests' own process is, without which a busy machine looks like a slow shim.

import { CONTROL_VERSION } from "../../../lib/supervision/mod.ts";

/** From asked to answered, or from due to done, in milliseconds. */
export interface Lateness {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What was measured. */
export interface HeardLate {
  /** Of the shim: from a question to its answer. */
  readonly shim: Lateness;
  /** Of this process: how late its own timers were meanwhile. */
  readonly own: Lateness;
}

/** Figures of some times. */
export function latenessOf(times: readonly number[]): Lateness {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { samples: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 };
}

/** Asks the shim behind `path` every `everyMs` for `forMs`. */
export async function measureLateness(path: string, forMs: number, everyMs = 20): Promise<HeardLate> {
  const socket = await Deno.connect({ transport: "unix", path });
  const encoder = new TextEncoder();
  const asked = new Map<number, number>();
  const shim: number[] = [];
  const own: number[] = [];
  const reading = (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of socket.readable) {
      const atMs = performance.now();
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (!line.startsWith('{"t":"no"')) continue;
        const { op } = JSON.parse(line) as { op: number };
        const askedMs = asked.get(op);
        if (askedMs !== undefined) shim.push(atMs - askedMs);
        asked.delete(op);
      }
    }
  })().catch(() => {});
  const writer = socket.writable.getWriter();
  const say = (value: unknown): Promise<void> => writer.write(encoder.encode(JSON.stringify(value) + "\n"));
  await say({ t: "hello", v: CONTROL_VERSION, sinceSeq: Number.MAX_SAFE_INTEGER });
  const endMs = performance.now() + forMs;
  for (let op = 1, dueMs = performance.now(); dueMs < endMs; op++, dueMs += everyMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    own.push(Math.max(0, performance.now() - dueMs));
    asked.set(op, performance.now());
    // A signal that does not exist: refused at once, and nothing happens.
    void say({ t: "signal", op, signal: "NONE", by: "tests" }).catch(() => {});
  }
  for (let looks = 0; asked.size > 0 && looks < 200; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // What was never answered is as late as the waiting for it.
  for (const askedMs of asked.values()) shim.push(performance.now() - askedMs);
  await writer.close().catch(() => {});
  await reading;
  return { shim: latenessOf(shim), own: latenessOf(own) };
}
