// The other end of worker.ts: what a measuring program reads and writes.

import { TextLineReader } from "../lines.ts";

/** Runs `handle` for every command until the input ends. */
export async function serveCommands(
  handle: (command: Readonly<Record<string, number | string>>) => Promise<unknown> | unknown,
): Promise<void> {
  const lines = new TextLineReader(Deno.stdin.readable);
  for (;;) {
    const line = await lines.next(2 ** 31 - 1);
    if (line === null) return;
    tell(await handle(JSON.parse(line) as Readonly<Record<string, number | string>>));
  }
}

/** Writes a line of JSON. */
export function tell(value: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** Round trips in microseconds: `count` calls of `trip`, one after the other. */
export async function measureTrips(count: number, trip: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = new Array(count).fill(0);
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await trip();
    samples[i] = (performance.now() - started) * 1000;
  }
  return samples;
}

/** Bytes of one message of every benchmark. */
export const MESSAGE_BYTES = 64;

/** A message's bytes. */
export function message(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: MESSAGE_BYTES }, (_, i) => i);
}
