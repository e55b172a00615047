import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Backoff, DEFAULT_BACKOFF } from "../../../lib/transport/mod.ts";
import { seededRandom } from "../security/support.ts";

Deno.test("delays double up to the longest one and stay within the jitter of their nominal value", () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, jitter) => {
    const options = { initialUs: 1000, maxUs: 40_000, jitter };
    const backoff = new Backoff(options, seededRandom(seed));
    for (let nominal = 1000, i = 0; i < 12; i++, nominal = Math.min(40_000, nominal * 2)) {
      const delay = backoff.nextDelayUs();
      assert(Number.isInteger(delay));
      assert(delay >= Math.floor(nominal * (1 - jitter)) && delay <= Math.ceil(nominal * (1 + jitter)));
    }
  }));
});

Deno.test("a success starts over", () => {
  const backoff = new Backoff({ ...DEFAULT_BACKOFF, jitter: 0 }, seededRandom(1));
  const first = [backoff.nextDelayUs(), backoff.nextDelayUs(), backoff.nextDelayUs()];
  backoff.reset();
  assertEquals([backoff.nextDelayUs(), backoff.nextDelayUs(), backoff.nextDelayUs()], first);
  assertEquals(first, [100_000, 200_000, 400_000]);
});

Deno.test("a rack that starts together does not dial in step", () => {
  const delays = new Set<number>();
  for (let machine = 0; machine < 50; machine++) {
    delays.add(new Backoff(DEFAULT_BACKOFF, seededRandom(machine)).nextDelayUs());
  }
  assert(delays.size > 45, `${delays.size} different delays`);
});
