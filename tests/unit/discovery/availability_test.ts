import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Availability,
  AvailabilityGate,
  decodeAvailability,
  encodeAvailability,
  isWorthTelling,
} from "../../../lib/discovery/mod.ts";

const NOTHING: Availability = { cpuPercent: null, gpuPercent: null, memoryFreeMb: null, vramFreeMb: null };

function busy(change: Partial<Availability> = {}): Availability {
  return { ...NOTHING, cpuPercent: 20, memoryFreeMb: 8000, ...change };
}

const anyAvailability = fc.record({
  cpuPercent: fc.option(fc.integer({ min: 0, max: 100 })),
  gpuPercent: fc.option(fc.integer({ min: 0, max: 100 })),
  memoryFreeMb: fc.option(fc.integer({ min: 0, max: 2 ** 26 })),
  vramFreeMb: fc.option(fc.integer({ min: 0, max: 2 ** 26 })),
});

Deno.test("what is told of load comes back as it was, in five small integers at most", () => {
  fc.assert(fc.property(anyAvailability, (availability) => {
    const figures = encodeAvailability(availability);
    assert(figures.length <= 5 && figures.every((figure) => Number.isInteger(figure) && figure >= -1));
    const isEmpty = Object.values(availability).every((value) => value === null);
    assertEquals(decodeAvailability(figures), isEmpty ? null : availability);
  }));
  assertEquals(encodeAvailability(NOTHING), []);
  assertEquals(encodeAvailability({ ...NOTHING, memoryFreeMb: 512.4 }), [-1, -1, 512]);
  assertEquals(encodeAvailability(busy({ cpuPercent: 250, vramFreeMb: NaN })), [100, -1, 8000]);
});

Deno.test("figures that cannot be are not known, and more of them than there may be say nothing", () => {
  assertEquals(decodeAvailability([101, -3, 1.5, 4000]), { ...NOTHING, vramFreeMb: 4000 });
  assertEquals(decodeAvailability(["50", null, {}, []]), null);
  assertEquals(decodeAvailability([1, 2, 3, 4, 5, 6]), null);
  // A later version may say a fifth.
  assertEquals(decodeAvailability([1, 2, 3, 4, 5])?.vramFreeMb, 4);
});

Deno.test("ten points or ten percent are worth telling, in both directions; less is not", () => {
  const cases: [Partial<Availability>, boolean][] = [
    [{}, false],
    [{ cpuPercent: 29 }, false],
    [{ cpuPercent: 30 }, true],
    [{ cpuPercent: 10 }, true],
    [{ cpuPercent: null }, true],
    [{ gpuPercent: 0 }, true],
    [{ memoryFreeMb: 7300 }, false],
    [{ memoryFreeMb: 7200 }, true],
    [{ memoryFreeMb: 8900 }, true],
    [{ memoryFreeMb: 8880 }, false],
  ];
  for (const [change, expected] of cases) {
    assertEquals(isWorthTelling(busy(), busy(change)), expected, JSON.stringify(change));
  }
  // Nearly nothing changes by ten percent all the time.
  assert(!isWorthTelling(busy({ memoryFreeMb: 30 }), busy({ memoryFreeMb: 60 })));
});

Deno.test("a change waits until a quarter of a second has passed since the last one, and is told as it is then", () => {
  const gate = new AvailabilityGate();
  assertEquals(gate.nextUs(), null);
  gate.handleSample(0, NOTHING);
  assertEquals(gate.pollTell(0), null);
  gate.handleSample(1000, busy());
  assertEquals(gate.pollTell(1000), busy());
  gate.handleSample(2000, busy({ cpuPercent: 80 }));
  assertEquals([gate.pollTell(2000), gate.nextUs()], [null, 251_000]);
  gate.handleSample(3000, busy({ cpuPercent: 90 }));
  assertEquals(gate.pollTell(250_999), null);
  assertEquals(gate.pollTell(251_000), busy({ cpuPercent: 90 }));
  assertEquals([gate.pollTell(251_000), gate.nextUs(), gate.held], [null, null, 2]);
});

Deno.test("what went back to what was told last is not told any more", () => {
  const gate = new AvailabilityGate();
  gate.handleSample(0, busy());
  gate.pollTell(0);
  gate.handleSample(1000, busy({ cpuPercent: 80 }));
  gate.handleSample(2000, busy());
  assertEquals([gate.nextUs(), gate.pollTell(1_000_000)], [null, null]);
});

Deno.test("whatever is sampled, four times a second is the most, and the last word is near the truth", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 400_000 }), anyAvailability), { maxLength: 60 }),
    (samples) => {
      const gate = new AvailabilityGate();
      let nowUs = 0;
      let last: Availability | null = null;
      const toldUs: number[] = [];
      for (const [gapUs, sample] of samples) {
        nowUs += gapUs;
        gate.handleSample(nowUs, sample);
        const told = gate.pollTell(nowUs);
        if (told !== null) toldUs.push(nowUs);
        last = told ?? last;
      }
      const told = gate.pollTell(nowUs + 250_000) ?? last;
      for (let i = 4; i < toldUs.length; i++) assert((toldUs[i] ?? 0) - (toldUs[i - 4] ?? 0) >= 1_000_000);
      const end = samples.at(-1)?.[1];
      assert(end === undefined || told === null || !isWorthTelling(told, end));
    },
  ));
});
