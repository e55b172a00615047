// Lets promises settle between two events of a simulated world: the one place where the simulation leans on the
// runtime's event loop. `setImmediate` runs after the microtask queue is empty, however long its chains are, and
// microtasks run in the order of their making, so this is as repeatable as a call. It settles nothing that waits
// for real input, a thread pool (WebCrypto) or a dynamic import: code that does has no place in a simulation.

/** The runtime has it but does not declare it. About 1 us; a zero timeout takes 2 ms. */
declare function setImmediate(callback: () => void): unknown;

/** Resolves once every promise callback that could run has run. */
export function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
