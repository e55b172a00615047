// How many broken inputs each part is fed in one test run, and from which seed.
// Together more than a million to what reads streams and datagrams. FUZZ_ITERATIONS sets another sum for all parts
// together, FUZZ_SEED another seed: FUZZ_ITERATIONS=100000000 FUZZ_SEED=$RANDOM scripts/test tests/fuzz

import { assert, assertEquals } from "@std/assert";

/** What a fuzzer tells of a run. */
export interface Report {
  readonly iterations: number;
  readonly accepted: number;
  readonly refused: number;
}

/** The sum when nothing else is asked for. */
export const DEFAULT_ITERATIONS = 1_560_000;
const DEFAULT_SEED = 20_251_120;

/** Parts of a hundred, measured so that two files of tests take about as long. */
export const SHARES = {
  session: 33,
  wire: 17,
  discovery: 17,
  udp: 9,
  lanes: 9,
  security: 9,
  state: 6,
} as const;

/** Defines the test that runs one fuzzer with its share. The counts stand in the name of its step. */
export function fuzzTest(
  part: keyof typeof SHARES,
  fuzz: (seed: number, iterations: number) => Report,
): void {
  Deno.test(`broken input does no harm: ${part}`, async (t) => {
    const total = numberFrom("FUZZ_ITERATIONS", DEFAULT_ITERATIONS);
    const seed = numberFrom("FUZZ_SEED", DEFAULT_SEED);
    const iterations = Math.ceil(total * SHARES[part] / 100);
    const report = fuzz(seed, iterations);
    const { accepted, refused } = report;
    await t.step(
      `${part}, seed ${seed}: ${iterations} inputs, ${accepted} accepted, ${refused} refused`,
      () => {
        assertEquals([report.iterations, accepted + refused], [iterations, iterations]);
        assert(accepted > 0, "nothing was accepted: the fuzzer tests refusing alone");
        assert(refused > 0, "nothing was refused: the fuzzer breaks nothing");
      },
    );
  });
}

function numberFrom(variable: string, otherwise: number): number {
  const text = Deno.env.get(variable);
  if (text === undefined || text === "") return otherwise;
  const number = Number(text);
  assert(Number.isSafeInteger(number) && number > 0, `${variable} is no positive whole number: ${text}`);
  return number;
}
