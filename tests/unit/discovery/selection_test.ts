import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { parseCondition, parseTag, type SelectableNode, selector } from "../../../lib/discovery/mod.ts";

const NODE: SelectableNode = {
  name: "stage-left",
  role: "visualization",
  version: "0.1.0",
  tags: { wall: "north", floor: "" },
  capabilities: { laser: false, codecs: ["h264", "hap"], fog: true, limits: { fps: 60 }, empty: [] },
  resources: {
    cpu: { cores: 16, model: "AMD Ryzen 7 5800X" },
    memory: { totalMb: 32000 },
    gpu: {
      count: 2,
      vramMb: 8192,
      list: [{ vendor: "nvidia", vramMb: 8192 }, { vendor: "intel", vramMb: 512 }],
    },
    display: {
      count: 2,
      list: [{ width: 3840, height: 2160, refreshHz: 59.94, name: "LG" }, { width: 1920, height: 1080 }],
    },
  },
  load: { cpuPercent: 35, gpuPercent: null, memoryFreeMb: 20000, vramFreeMb: 4096 },
};

function meets(condition: string, change: Partial<SelectableNode> = {}): boolean {
  return parseCondition(condition)({ ...NODE, ...change });
}

Deno.test("a condition is met or not, each operator by its meaning", () => {
  const cases: [string, boolean][] = [
    ["fog", true],
    ["laser", false],
    ["!laser", true],
    ["!fog", false],
    ["laser=false", true],
    ["smoke", false],
    ["toString", false],
    ["__proto__", false],
    ["cpu.cores=16", true],
    ["cpu.cores=16.0", true],
    ["cpu.cores!=16", false],
    ["cpu.cores>16", false],
    ["cpu.cores >= 16", true],
    ["cpu.cores<17", true],
    ["cpu.cores<=15", false],
    ["cpu.model~ryzen", true],
    ["cpu.model~intel", false],
    ["cpu.model=AMD Ryzen 7 5800X", true],
    ["limits.fps>=60", true],
    ["gpu.vramMb>=8000", true],
    ["gpu.vramMb>8192", false],
    // Nothing there: not equal to anything, and neither less nor more.
    ["smoke!=1", true],
    ["smoke<1", false],
    ["cpu.model>3", false],
    ["role=visualization", true],
    ["role!=app", true],
    ["name~stage", true],
    ["tag.wall=north", true],
    ["tag.wall!=south", true],
    ["tag.roof", false],
    ["version=0.1.0", true],
  ];
  for (const [condition, expected] of cases) assertEquals(meets(condition), expected, condition);
});

Deno.test("where a path meets a list, any element will do; a number names one", () => {
  const cases: [string, boolean][] = [
    ["display.list.width>=3840", true],
    ["display.width>=3840", true],
    ["display.width>3840", false],
    ["display.list.0.width=1920", false],
    ["display.list.1.width=1920", true],
    ["display.list.7.width", false],
    ["display.refreshHz>=59Hz", true],
    ["gpu.vendor=intel", true],
    // No element may equal it.
    ["gpu.vendor!=intel", false],
    ["gpu.vendor!=amd", true],
    ["codecs=hap", true],
    ["codecs=vp9", false],
    ["codecs", true],
    ["empty", false],
    ["display", true],
  ];
  for (const [condition, expected] of cases) assertEquals(meets(condition), expected, condition);
});

Deno.test("sizes may have a unit where the path ends in Mb", () => {
  const cases: [string, boolean][] = [
    ["gpu.vramMb>=8GB", true],
    ["gpu.vramMb>=8GiB", true],
    ["gpu.vramMb>8GiB", false],
    ["gpu.vramMb>=8000MB", true],
    ["gpu.vramMb=8192mb", true],
    ["memory.totalMb<0.1TB", true],
  ];
  for (const [condition, expected] of cases) assertEquals(meets(condition), expected, condition);
});

Deno.test("what is free and how busy it is are asked like what is built in; not known is not met", () => {
  const cases: [string, boolean][] = [
    ["free.vramMb>=4000", true],
    ["free.vramMb>=5GB", false],
    ["free.memoryMb>16GB", true],
    ["load.cpu<50", true],
    ["load.cpu<30%", false],
    ["load.gpu<101", false],
    ["load.gpu", false],
    ["!load.gpu", true],
  ];
  for (const [condition, expected] of cases) assertEquals(meets(condition), expected, condition);
  assertEquals(meets("load.cpu<50", { load: null }), false);
  // What a program says of itself under that name is believed before what was measured.
  assertEquals(meets("load.cpu<30", { capabilities: { load: { cpu: 5 } } }), true);
});

Deno.test("a capability of a node hides a resource of the same path", () => {
  assertEquals(meets("gpu.vramMb>=8000", { capabilities: { gpu: { vramMb: 1000 } } }), false);
});

Deno.test("a condition that cannot be read says why and what could be meant", () => {
  const cases: [string, string][] = [
    ["gpu >> 3", "the operators are"],
    ["gpu.vramMb=>8000", "the operators are"],
    ["gpu.vramMb==8000", "the operators are"],
    ["", "cannot be read"],
    [">=3", "cannot be read"],
    ["gpu.vramMb>=", "cannot be read"],
    ["!gpu=3", "cannot be read"],
    ["gpu..x", "cannot be read"],
    ["gpu.vramMb>=8XB", "sizes are 8000, 8000MB, 8GB or 8GiB"],
    ["cpu.cores>=many", "compares numbers"],
    ["cpu.cores>=8GB", "is no number"],
    ["free.vram>=3", "there are free.vramMb and free.memoryMb"],
    ["load.disk<3", "there are load.cpu and load.gpu"],
    ["load.toString<3", "nothing is known of load.toString"],
  ];
  for (const [condition, part] of cases) {
    const error = assertThrows(() => parseCondition(condition), HanaError);
    assertEquals(error.code, "usage", condition);
    assert(error.message.includes(part), `${condition}: ${error.message}`);
  }
});

Deno.test("a selection is met by nodes that meet all of it", () => {
  const cases: [Parameters<typeof selector>[0], boolean][] = [
    [{}, true],
    [{ role: "visualization" }, true],
    [{ role: ["app", "visualization"] }, true],
    [{ role: "app" }, false],
    [{ role: [] }, false],
    [{ tags: { wall: "north" } }, true],
    [{ tags: { wall: null, floor: "" } }, true],
    [{ tags: { wall: "south" } }, false],
    [{ capabilities: ["fog", "gpu.vramMb>=8000"] }, true],
    [{ role: "visualization", tags: { wall: "north" }, capabilities: ["laser"] }, false],
  ];
  for (const [selection, expected] of cases) {
    assertEquals(selector(selection)(NODE), expected, JSON.stringify(selection));
  }
  assertEquals(parseTag("wall=north")(NODE), true);
  assertEquals(parseTag("wall!=north")(NODE), false);
  assertEquals(parseTag("roof!=north")(NODE), true);
  assertEquals(parseTag("floor=")(NODE), true);
  assertThrows(() => parseTag("=north"), HanaError, "cannot be read");
});

Deno.test("whatever peers announce, a condition answers without a throw", () => {
  fc.assert(fc.property(
    fc.dictionary(fc.constantFrom("gpu", "a", "list"), fc.anything({ maxDepth: 12 })),
    fc.constantFrom("gpu", "gpu.vramMb>=3", "a.list.b!=3", "gpu~x", "a=1", "!list.0.1", "a.length>1"),
    (resources, condition) => typeof meets(condition, { resources }) === "boolean",
  ));
  // A ring cannot come in a datagram, and would be no danger.
  const ring: Record<string, unknown> = {};
  ring.gpu = { list: ring };
  assertEquals(meets("gpu.gpu.gpu.gpu.gpu.gpu.gpu.gpu.gpu", { resources: ring }), false);
});
