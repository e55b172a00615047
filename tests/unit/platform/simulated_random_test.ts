import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { philox, PhiloxStream, SimulatedRandom } from "../../../lib/platform/simulated/random.ts";

// The known answers of the authors' own library, Random123, file kat_vectors, philox4x32 with 10 rounds.
const KNOWN_ANSWERS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    block: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    block: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    block: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

Deno.test("the generator gives the published answers", () => {
  for (const { counter, key, block } of KNOWN_ANSWERS) {
    const words = Uint32Array.from(counter);
    philox(words, key[0] ?? 0, key[1] ?? 0);
    assertEquals([...words], block);
  }
});

function draws(seed: number, name: string, count: number): number[] {
  const stream = new PhiloxStream(seed, name);
  return Array.from({ length: count }, () => stream.u32());
}

Deno.test("a stream depends on seed and name alone", () => {
  assertEquals(draws(1, "link:a>b/loss", 50), draws(1, "link:a>b/loss", 50));
  const others = [
    draws(2, "link:a>b/loss", 50),
    draws(1, "link:b>a/loss", 50),
    draws(2 ** 32 + 1, "link:a>b/loss", 50),
  ];
  for (const other of others) assertNotEquals(other, draws(1, "link:a>b/loss", 50));
});

Deno.test("drawing from one stream does not move another", () => {
  const busy = new SimulatedRandom(9, "");
  const calm = new SimulatedRandom(9, "");
  const fromBusy: number[] = [];
  for (let i = 0; i < 100; i++) {
    busy.stream("noise").fill(new Uint8Array(i));
    fromBusy.push(busy.stream("quiet").u32());
  }
  assertEquals(fromBusy, Array.from({ length: 100 }, () => calm.stream("quiet").u32()));
});

Deno.test("names that differ in one letter or in length share no draws", () => {
  const seen = new Set<number>();
  const names = ["", "a", "b", "aa", "a\0", "0123456789abcdef", "0123456789abcdef\0", "0123456789abcdeg"];
  for (const name of names) for (const word of draws(3, name, 100)) seen.add(word);
  assert(seen.size >= names.length * 100 - 1, `${seen.size} different draws`);
});

Deno.test("bytes and floats are evenly spread", () => {
  const bytes = new PhiloxStream(11, "spread").fill(new Uint8Array(256_000));
  const counts = new Array<number>(256).fill(0);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  // Chi-square with 255 degrees of freedom: 0.01 % of good generators are above 346, as many below 178.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert(chiSquare > 178 && chiSquare < 346, `chi-square ${chiSquare}`);
  const stream = new PhiloxStream(11, "floats");
  const floats = Array.from({ length: 100_000 }, () => stream.float());
  const mean = floats.reduce((sum, value) => sum + value, 0) / floats.length;
  const variance = floats.reduce((sum, value) => sum + (value - mean) ** 2, 0) / floats.length;
  assert(Math.abs(mean - 0.5) < 0.004, `mean ${mean}`);
  assert(Math.abs(variance - 1 / 12) < 0.002, `variance ${variance}`);
});

Deno.test("two streams of one seed do not follow each other", () => {
  const a = new PhiloxStream(5, "host:a/loss");
  const b = new PhiloxStream(5, "host:b/loss");
  let sum = 0;
  const count = 50_000;
  for (let i = 0; i < count; i++) sum += (a.float() - 0.5) * (b.float() - 0.5);
  const correlation = sum / count * 12;
  assert(Math.abs(correlation) < 0.02, `correlation ${correlation}`);
});
