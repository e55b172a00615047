import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Mutator } from "../../fuzz/mutate.ts";
import { fuzzWire } from "../../fuzz/wire_fuzz.ts";

Deno.test("sixty thousand mutated inputs cause nothing but values and refusals", () => {
  for (const seed of [1, 2, 3]) {
    const report = fuzzWire(seed, 20_000);
    assertEquals(report.accepted + report.refused, report.iterations);
    assert(report.accepted > 1000 && report.refused > 1000, JSON.stringify(report));
  }
});

Deno.test("the same seed makes the same run, another seed another one", () => {
  const run = (seed: number): string[] => {
    const mutator = new Mutator(seed);
    const input = Uint8Array.from({ length: 40 }, (_, i) => i);
    return Array.from({ length: 50 }, () => String(mutator.mutate(input)));
  };
  assertEquals(run(7), run(7));
  assertNotEquals(run(7), run(8));
  assertEquals(fuzzWire(5, 500), fuzzWire(5, 500));
});

Deno.test("a mutation leaves its input alone, stays bounded, and takes empty input too", () => {
  const mutator = new Mutator(3);
  const input = Uint8Array.of(1, 2, 3);
  let bytes: Uint8Array = input;
  for (let i = 0; i < 5000; i++) {
    bytes = mutator.mutate(i % 100 === 0 ? new Uint8Array(0) : bytes);
    assert(bytes.length <= 64 * 1024);
  }
  for (let i = 0; i < 200; i++) mutator.mutate(input).fill(0);
  assertEquals(input, Uint8Array.of(1, 2, 3));
});

Deno.test("draws stay below their bound and reach all of it", () => {
  const mutator = new Mutator(11);
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) seen.add(mutator.below(7));
  assertEquals([...seen].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals([mutator.below(0), mutator.below(1)], [0, 0]);
});
