// Taking turns at the entry points of a room, by share, the same for the same seed.

import { Mutator } from "./mutate.ts";

/** What a run did. Every iteration feeds one mutated input to one entry point. */
export interface FuzzReport {
  readonly iterations: number;
  /** Inputs that were taken as valid: the mutation had changed nothing that matters. */
  readonly accepted: number;
  /** Inputs that were refused, ended their own session, meant nothing, or left an entry point waiting for more. */
  readonly refused: number;
}

/** One entry point: feeds it a mutated input, checks what comes back, says whether it was accepted. */
export type Target = () => boolean;

/** How many iterations of all go to each entry point. */
export type Shares = readonly (readonly [number, (mutator: Mutator) => Target])[];

/** Feeds `iterations` mutated inputs. Throws at the first that does harm, with its seed and number. */
export function takeTurns(shares: Shares, seed: number, iterations: number): FuzzReport {
  const mutator = new Mutator(seed);
  const turns = shares.flatMap(([share, make]) => {
    // Every entry point has a mutator of its own, so that splices are of its own inputs.
    const target = make(new Mutator(mutator.u32()));
    return Array.from({ length: share }, () => target);
  });
  let accepted = 0;
  for (let i = 0; i < iterations; i++) {
    const target = turns[mutator.below(turns.length)];
    if (target === undefined) throw new Error("there is no entry point to feed");
    try {
      if (target()) accepted++;
    } catch (thrown) {
      throw new Error(`seed ${seed}, iteration ${i}`, { cause: thrown });
    }
  }
  return { iterations, accepted, refused: iterations - accepted };
}
