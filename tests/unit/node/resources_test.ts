// What the mesh is told of a machine: the canonical form, what a person says over it, and how large it gets.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createBodyCodec } from "../../../lib/discovery/mod.ts";
import { resourcesOf } from "../../../lib/node/mod.ts";
import type { MachineFacts } from "../../../lib/platform/mod.ts";

const FACTS: MachineFacts = {
  cpu: { model: "AMD Ryzen Threadripper PRO 5995WX", cores: 128 },
  memory: { totalMb: 64000 },
  gpus: [{ vendor: "nvidia", name: "GeForce RTX 4090", vramMb: 24564 }, { vendor: "amd", vramMb: 512 }],
  displays: [{ name: "LG", width: 3840, height: 2160, refreshHz: 60 }],
};

Deno.test("a machine is told in one form: cores, memory, the most of video memory, lists of cards and displays", () => {
  assertEquals(resourcesOf(FACTS, {}), {
    cpu: { cores: 128, model: "AMD Ryzen Threadripper P" },
    memory: { totalMb: 64000 },
    gpu: {
      count: 2,
      vramMb: 24564,
      list: [{ vendor: "nvidia", name: "GeForce RTX 4090", vramMb: 24564 }, { vendor: "amd", vramMb: 512 }],
    },
    display: { count: 1, list: [{ name: "LG", width: 3840, height: 2160, refreshHz: 60 }] },
  });
  assertEquals(resourcesOf({}, {}), {});
  assertEquals(resourcesOf({ gpus: [{ vendor: "intel" }] }, {}), {
    gpu: { count: 1, list: [{ vendor: "intel" }] },
  });
});

Deno.test("what a person says wins over what was read, place by place", () => {
  const cases: [Record<string, unknown>, (told: Record<string, unknown>) => unknown, unknown][] = [
    [{ memory: { totalMb: 1000 } }, (told) => told.memory, { totalMb: 1000 }],
    [{ cpu: { cores: 4 } }, (told) => told.cpu, { cores: 4, model: "AMD Ryzen Threadripper P" }],
    [{ dmx: { universes: 4 } }, (told) => told.dmx, { universes: 4 }],
    // A number names a card; what follows from the cards is counted anew.
    [{ gpu: { 0: { vramMb: 8000 } } }, (told) => told.gpu, {
      count: 2,
      vramMb: 8000,
      list: [{ vendor: "nvidia", name: "GeForce RTX 4090", vramMb: 8000 }, { vendor: "amd", vramMb: 512 }],
    }],
    [{ gpu: { 2: { name: "x", vramMb: 48000 } } }, (told) => told.gpu, {
      count: 3,
      vramMb: 48000,
      list: [
        { vendor: "nvidia", name: "GeForce RTX 4090", vramMb: 24564 },
        { vendor: "amd", vramMb: 512 },
        { name: "x", vramMb: 48000 },
      ],
    }],
    [{ gpu: { vramMb: 1 } }, (told) => (told.gpu as { vramMb: number }).vramMb, 1],
    [{ gpu: false }, (told) => told.gpu, false],
    [{ display: { list: [{ width: 1, height: 2 }] } }, (told) => told.display, {
      count: 1,
      list: [{ width: 1, height: 2 }],
    }],
  ];
  for (const [given, pick, expected] of cases) {
    assertEquals(pick(resourcesOf(FACTS, given)), expected, JSON.stringify(given));
  }
  assertEquals(resourcesOf({}, { gpu: { 0: { vramMb: 8000 } } }), {
    gpu: { count: 1, vramMb: 8000, list: [{ vramMb: 8000 }] },
  });
  assertEquals(resourcesOf({}, { gpu: { 4: { vramMb: 8000 } } }), { gpu: { 4: { vramMb: 8000 } } });
});

Deno.test("whatever a machine says, its resources stay within 700 bytes, four cards and eight displays", () => {
  const text = fc.string({ maxLength: 60, unit: "binary" });
  const facts = fc.record({
    cpu: fc.record({ model: text, cores: fc.integer({ min: 1, max: 512 }) }),
    memory: fc.record({ totalMb: fc.integer({ min: 1, max: 2 ** 26 }) }),
    gpus: fc.array(fc.record({ vendor: text, name: text, vramMb: fc.integer({ min: 1, max: 2 ** 20 }) }), {
      maxLength: 16,
    }),
    displays: fc.array(
      fc.record({
        name: text,
        width: fc.integer({ min: 1, max: 16384 }),
        height: fc.integer({ min: 1, max: 16384 }),
        refreshHz: fc.constant(59.94),
      }),
      { maxLength: 64 },
    ),
  });
  const codec = createBodyCodec();
  fc.assert(fc.property(facts, (machine) => {
    const told = resourcesOf(machine, {});
    const size = codec.encode(told).length;
    assert(size <= 700, `${size} bytes`);
    const list = (kind: string): unknown[] => (told[kind] as { list?: unknown[] } | undefined)?.list ?? [];
    assert(list("gpu").length <= 4 && list("display").length <= 8);
    // deno-lint-ignore no-control-regex
    assert(!/[\u0000-\u001f\u007f-\u009f]/.test(JSON.stringify(Object.values(told))));
  }));
});
