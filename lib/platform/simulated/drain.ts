// Lets promises settle between two events of a simulated world: the one place where the simulation leans on the
// runtime's event loop. Microtasks run in the order of their making, so this is as repeatable as a call. It settles
// nothing that waits for real input, a thread pool (WebCrypto) or a dynamic import: code that does has no place here.
// The runtime can empty its microtask queue on demand (0.02 us when it is empty), but only outside of a microtask, and
// the way to ask is not public: where it is missing or does nothing, each drain waits one turn of the loop (1 us).

/** The runtime has it but does not declare it. Runs after the microtask queue is empty, however long its chains are. */
declare function setImmediate(callback: () => void): unknown;

/** Resolves once every promise callback that could run has run. */
export function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Events between two turns of the runtime's loop, so that signals and messages of the real world come through. */
const EVENTS_PER_TURN = 4096;

type RunMicrotasks = () => void;

/** The runtime's own way, as far as it is there. */
function findRunMicrotasks(): RunMicrotasks | null {
  const runtime: unknown = typeof Deno === "undefined" ? null : Deno;
  const core = memberOf(memberOf(runtime, memberOf(runtime, "internal")), "core");
  const found = memberOf(core, "runMicrotasks");
  return typeof found === "function" ? () => void found.call(core) : null;
}

function memberOf(owner: unknown, key: unknown): unknown {
  const isObject = typeof owner === "object" && owner !== null;
  return isObject && (typeof key === "string" || typeof key === "symbol")
    ? Reflect.get(owner, key)
    : undefined;
}

/** Whether it empties the queue here and now; a promise callback after a promise callback must have run. */
function works(run: RunMicrotasks): boolean {
  let isDone = false;
  void Promise.resolve().then(() => null).then(() => isDone = true);
  run();
  return isDone;
}

/** Which way {@linkcode runEvents} goes; `auto` but in tests of the slow one. */
export type DrainWay = "auto" | "turns";

/** Calls `next` until it returns false, with all promise callbacks run before it, between two calls and at the end. */
export async function runEvents(next: () => boolean, way: DrainWay = "auto"): Promise<void> {
  const run = way === "turns" ? null : findRunMicrotasks();
  if (run === null) return await runByTurns(next);
  for (;;) {
    const outcome = await new Promise<"over" | "more" | "broken" | { thrown: unknown }>((resolve) =>
      setImmediate(() => {
        try {
          resolve(runSlice(next, run));
        } catch (thrown) {
          resolve({ thrown });
        }
      })
    );
    if (outcome === "over") return;
    if (outcome === "broken") return await runByTurns(next);
    if (typeof outcome === "object") throw outcome.thrown;
  }
}

function runSlice(next: () => boolean, run: RunMicrotasks): "over" | "more" | "broken" {
  if (!works(run)) return "broken";
  for (let i = 0; i < EVENTS_PER_TURN; i++) {
    if (!next()) return "over";
    run();
  }
  return "more";
}

async function runByTurns(next: () => boolean): Promise<void> {
  await drainMicrotasks();
  while (next()) await drainMicrotasks();
}
