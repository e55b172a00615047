// Clocks and waits of a measurement.
// Decides that processes of one machine compare times by its monotonic clock where that can be read (Linux), else by
// the wall clock at the start of each process. Never used by anything that ships in a node.

/** The runtime has it (it costs 1 µs where a zero timeout costs 2 ms) but does not declare it. */
declare function setImmediate(callback: () => void): unknown;

/** Microseconds of this process, with fractions. */
export function nowUs(): number {
  return performance.now() * 1000;
}

/** One turn of the event loop: what came in is handled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits. */
export function sleep(us: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, us / 1000));
}

/** Resolves with whether `isSo` became true within `limitUs`; asked every millisecond or two. */
export async function until(isSo: () => boolean, limitUs: number): Promise<boolean> {
  const endUs = nowUs() + limitUs;
  while (!isSo()) {
    if (nowUs() >= endUs) return false;
    await sleep(1_000);
  }
  return true;
}

/** A clock that all processes of this machine share. */
export interface SharedClock {
  readonly name: "CLOCK_MONOTONIC" | "wall clock at start";
  /** Add it to {@linkcode nowUs}. */
  readonly offsetUs: number;
}

const CLOCK_MONOTONIC = 1;

/** The shared clock, read once: afterwards the process's own clock runs beside it. */
export function sharedClock(): SharedClock {
  if (Deno.build.os === "linux") {
    try {
      const libc = Deno.dlopen("libc.so.6", {
        clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
      });
      const time = new BigInt64Array(2);
      let offsetUs = Infinity;
      // The smallest of some: a process that lost its processor in between sees too much.
      for (let i = 0; i < 20; i++) {
        const before = nowUs();
        libc.symbols.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer));
        const sharedUs = Number(time[0] ?? 0n) * 1e6 + Number(time[1] ?? 0n) / 1e3;
        offsetUs = Math.min(offsetUs, sharedUs - before);
      }
      libc.close();
      return { name: "CLOCK_MONOTONIC", offsetUs };
    } catch {
      // Another libc.
    }
  }
  return { name: "wall clock at start", offsetUs: performance.timeOrigin * 1000 };
}
