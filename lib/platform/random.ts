// Randomness by name: a stream's draws depend on its name and seed alone, so that adding a node or a fault
// to a simulation shifts nobody else's draws. On a real machine every stream is the system's secure source.

/** Hands out named streams. */
export interface RandomSource {
  /** The stream called `name`; asking twice goes on where the first left off. */
  stream(name: string): RandomStream;
}

/** Draws random values. Fit for keys on a real platform. */
export interface RandomStream {
  /** An integer in 0 … 2^32 − 1. */
  u32(): number;
  /** A float in [0, 1). */
  float(): number;
  /** Fills `target` with random bytes and returns it. */
  fill(target: Uint8Array): Uint8Array;
}
