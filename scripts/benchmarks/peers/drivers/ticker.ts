// A tick a millisecond: timers of the main thread are too coarse for that under Deno (2.1 ms), and a loop that spins
// would take a core away from what is measured. A thread sleeps to absolute deadlines and posts each.
// Decides nothing about what is sent; late ticks are not left out, so that a stall shows as age.

import { Worker } from "node:worker_threads";
import { CLOCK_SOURCE } from "./clock.ts";

const SOURCE = `
const { parentPort, workerData } = require("node:worker_threads");
${CLOCK_SOURCE}
const cell = new Int32Array(new SharedArrayBuffer(4));
for (let tick = 0; tick < workerData.ticks && Atomics.load(workerData.stop, 0) === 0; tick++) {
  const dueUs = workerData.startUs + tick * workerData.periodUs;
  for (;;) {
    const leftMs = (dueUs - nowUs()) / 1e3;
    if (leftMs <= 0) break;
    Atomics.wait(cell, 0, 0, leftMs);
  }
  parentPort.postMessage(dueUs);
}
parentPort.postMessage(-1);
`;

/** Ticks that are under way. */
export interface Ticker {
  /** Resolves after the last tick. */
  readonly done: Promise<void>;
  stop(): void;
}

/** Calls `onTick` with the time that each tick was due, in microseconds of the shared clock. */
export function startTicker(
  options: { readonly startUs: number; readonly periodUs: number; readonly ticks: number },
  onTick: (dueUs: number) => void,
): Ticker {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SOURCE, { eval: true, workerData: { ...options, stop } });
  const done = new Promise<void>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (dueUs: number) => {
      if (dueUs >= 0) onTick(dueUs);
      else void worker.terminate().then(() => resolve());
    });
  });
  return { done, stop: () => void Atomics.store(stop, 0, 1) };
}
