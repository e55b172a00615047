// The clock that all processes of one machine share: CLOCK_MONOTONIC in microseconds, under Deno and under Node alike.
// Decides how it is read: once from the system, then by the offset of `performance.now()`, which is the same clock
// from another origin. The C peers read it by clock_gettime. Never wall-clock time.

import process from "node:process";

/** How a worker made of text reads the same clock; `nowUs` is what it defines. */
export const CLOCK_SOURCE = `
function readMonotonicUs() {
  if (globalThis.Deno === undefined) {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e6 + nanoseconds / 1e3;
  }
  const library = Deno.dlopen("libc.so.6", { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } });
  const time = new BigInt64Array(2);
  library.symbols.clock_gettime(1, time);
  library.close();
  return Number(time[0]) * 1e6 + Number(time[1]) / 1e3;
}
let offsetUs = Infinity;
for (let i = 0; i < 20; i++) {
  // Read in this order, a disturbance can only make the difference larger: the least is right.
  const before = performance.now() * 1e3;
  offsetUs = Math.min(offsetUs, readMonotonicUs() - before);
}
function nowUs() { return performance.now() * 1e3 + offsetUs; }
`;

const makeClock = new Function("process", `${CLOCK_SOURCE}; return nowUs;`) as (
  of: typeof process,
) => () => number;

/** Microseconds since the machine started. */
export const nowUs: () => number = makeClock(process);
