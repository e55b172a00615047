// A Linux machine read from a copy of its trees, with NVIDIA's tool played by a script.

import { assert, assertEquals } from "@std/assert";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { capture, type Runner } from "../../../../lib/platform/deno/hardware/capture.ts";
import { LinuxHardware } from "../../../../lib/platform/deno/hardware/linux.ts";
import { parseNvidiaCards, parseNvidiaLoad } from "../../../../lib/platform/deno/hardware/nvidia.ts";
import {
  cpuPercentBetween,
  memoryMb,
  parseCpuInfo,
  parseCpuTicks,
} from "../../../../lib/platform/deno/hardware/proc.ts";
import type { Platform } from "../../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { putFiles, withTree, WORKSTATION } from "./fixtures.ts";

/** A machine whose programs are scripts, so that a hanging one costs no time. */
function simulated(): {
  world: SimulatedWorld;
  runner: Platform;
  host: ReturnType<SimulatedWorld["createHost"]>;
} {
  const world = new SimulatedWorld({ seed: 5 });
  const host = world.createHost({ name: "stage" });
  return { world, host, runner: host.platform };
}

async function settled<T>(world: SimulatedWorld, promise: Promise<T>, withinUs: number): Promise<T> {
  let isSettled = false;
  void promise.then(() => isSettled = true);
  assert(await world.runUntilTrue(() => isSettled, world.nowUs + withinUs), "the promise settles in time");
  return await promise;
}

Deno.test("a workstation is read from its trees: processors, memory, cards with a bus, connected displays", async () => {
  await withTree(WORKSTATION, async (root) => {
    const { world, runner } = simulated();
    const hardware = new LinuxHardware(runner, root);
    const facts = await settled(world, hardware.read(), 1_000_000);
    assertEquals(facts, {
      cpu: { model: "AMD Ryzen 7 5800X", cores: 8 },
      memory: { totalMb: 32026 },
      gpus: [{ vendor: "amd", vramMb: 8176 }],
      displays: [
        { name: "DELL U2715H", width: 2560, height: 1440, refreshHz: 59.95 },
        // Without EDID a display is known by its connector.
        { name: "HDMI-A-1", width: 1920, height: 1080 },
      ],
    });
    const load = hardware.openLoad();
    assert(load !== null);
    putFiles(root, { "proc/stat": "cpu  1300 0 600 8400 700 0 0 0 0 0\n" });
    assertEquals(load.read(), {
      cpuPercent: 40,
      memoryFreeMb: 24020,
      gpus: [{ busyPercent: 37, vramFreeMb: 7162 }],
    });
    // A card that sleeps is not asked: that would wake it.
    putFiles(root, { "sys/class/drm/card0/device/power/runtime_status": "suspended\n" });
    assertEquals(load.read().gpus, [{ busyPercent: 0 }]);
    load.close();
  });
});

Deno.test("a machine without any of it, and one whose files hold nonsense, are read as machines that tell nothing", async () => {
  await withTree({}, async (root) => {
    const { world, runner } = simulated();
    const hardware = new LinuxHardware(runner, root);
    assertEquals(await settled(world, hardware.read(), 1_000_000), {});
    assertEquals(hardware.openLoad(), null);
  });
  const nonsense = Object.fromEntries(Object.keys(WORKSTATION).map((path) => [path, "\u0000 nonsense\n"]));
  await withTree(nonsense, async (root) => {
    const { world, runner } = simulated();
    const hardware = new LinuxHardware(runner, root);
    const facts = await settled(world, hardware.read(), 1_000_000);
    assertEquals(facts, {});
    assertEquals(hardware.openLoad()?.read().cpuPercent, undefined);
  });
});

Deno.test("NVIDIA's tool is believed about its cards, and goes on telling how busy they are", async () => {
  await withTree({ ...WORKSTATION, "sys/class/drm/card2/device/vendor": "0x10de\n" }, async (root) => {
    const { world, host, runner } = simulated();
    let starts = 0;
    host.programs.register("nvidia-smi", (program) => {
      starts++;
      if (!program.argv.includes("--loop=5")) {
        program.write("stdout", "NVIDIA GeForce RTX 4090, 24564\nNVIDIA RTX A2000 12GB, [N/A]\n");
        return program.exit(0);
      }
      program.write("stdout", "0, 12, 20000\n1, [Not Supported], 6000\n");
    });
    const hardware = new LinuxHardware(runner, root);
    const facts = await settled(world, hardware.read(), 1_000_000);
    assertEquals(facts.gpus, [
      { vendor: "nvidia", name: "GeForce RTX 4090", vramMb: 24564 },
      { vendor: "nvidia", name: "RTX A2000 12GB" },
      { vendor: "amd", vramMb: 8176 },
    ]);
    const load = hardware.openLoad();
    assert(load !== null);
    await world.runFor(100_000);
    assertEquals(load.read().gpus, [
      { busyPercent: 12, vramFreeMb: 20000 },
      { vramFreeMb: 6000 },
      { busyPercent: 37, vramFreeMb: 7162 },
    ]);
    // What it told long ago says nothing about now.
    await world.runFor(30_000_000);
    assertEquals(load.read().gpus?.slice(0, 2), [{}, {}]);
    load.close();
    await settled(world, hardware.read(), 1_000_000);
    assertEquals(starts, 2, "cards are asked for once, and one tool goes on telling");
  });
});

Deno.test("a hanging nvidia-smi costs two seconds, once, and the rest is known all the same", async () => {
  await withTree(WORKSTATION, async (root) => {
    const { world, host, runner } = simulated();
    let starts = 0;
    host.programs.register("nvidia-smi", () => void starts++);
    const hardware = new LinuxHardware(runner, root);
    const facts = await settled(world, hardware.read(), 2_100_000);
    assertEquals([facts.cpu?.cores, facts.gpus], [8, [{ vendor: "amd", vramMb: 8176 }]]);
    const beforeUs = world.nowUs;
    await settled(world, hardware.read(), 1_000);
    assert(world.nowUs - beforeUs < 1_000);
    assertEquals([starts, hardware.openLoad()?.read().gpus?.length], [1, 1]);
  });
});

Deno.test("a program that floods or fails is no answer", async () => {
  for (const kind of ["flood", "failure"] as const) {
    const { world, host, runner } = simulated();
    host.programs.register("nvidia-smi", (program) => {
      if (kind === "flood") { for (let i = 0; i < 20; i++) program.write("stdout", "x, 1\n".repeat(10_000)); }
      else program.write("stdout", "NVIDIA GeForce RTX 4090, 24564\n");
      program.exit(kind === "flood" ? 0 : 9);
    });
    await withTree({}, async (root) => {
      const facts = await settled(world, new LinuxHardware(runner as Runner, root).read(), 3_000_000);
      assertEquals(facts, {}, kind);
    });
  }
});

Deno.test("a program that hangs is ended on the real machine too, with all that it started", async () => {
  const platform = denoPlatform();
  const fromUs = platform.clock.nowUs();
  const answer = await capture(platform, ["sh", "-c", "sleep 60 & sleep 60"], 200_000);
  assertEquals(answer, { kind: "hung" });
  assert(platform.clock.nowUs() - fromUs < 5_000_000);
  assertEquals(await capture(platform, ["sh", "-c", "echo here; echo there >&2"], 5_000_000), {
    kind: "text",
    text: "here\n",
  });
  assertEquals(await capture(platform, ["no-such-program-anywhere"], 5_000_000), { kind: "failed" });
});

Deno.test("the lines of nvidia-smi are read with everything that is not known left out", () => {
  assertEquals(parseNvidiaCards("Tesla T4, 15360\n\nNVIDIA GeForce GT 710, [Unknown Error]\nno comma\n"), [
    { vendor: "nvidia", name: "Tesla T4", vramMb: 15360 },
    { vendor: "nvidia", name: "GeForce GT 710" },
  ]);
  assertEquals(parseNvidiaLoad("1, 45, 8000"), { index: 1, load: { busyPercent: 45, vramFreeMb: 8000 } });
  assertEquals(parseNvidiaLoad("0, [N/A], [N/A]"), { index: 0, load: {} });
  assertEquals(parseNvidiaLoad("Unable to determine the device handle"), null);
});

Deno.test("processors are counted on machines that name no model, and names lose their ornaments", () => {
  assertEquals(
    parseCpuInfo("processor\t: 0\nBogoMIPS\t: 108.00\n\nprocessor\t: 1\n\nModel\t\t: Raspberry Pi 5\n"),
    {
      model: "Raspberry Pi 5",
      cores: 2,
    },
  );
  assertEquals(parseCpuInfo("processor : 0\nmodel name : Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\n"), {
    model: "Intel Core i7-9750H",
    cores: 1,
  });
  assertEquals(parseCpuInfo(""), null);
  assertEquals(memoryMb("MemTotal: 2048 kB\n", "MemTotal"), 2);
  assertEquals(memoryMb("MemTotal: 2048 kB\n", "MemAvailable"), null);
});

Deno.test("processor time counts waiting as idle, and no time at all as not known", () => {
  const before = parseCpuTicks("cpu  100 0 0 100 0 0 0 0 50 0\n");
  const after = parseCpuTicks("cpu  150 0 0 120 30 0 0 0 90 0\n");
  assert(before !== null && after !== null);
  assertEquals(cpuPercentBetween(before, after), 50);
  assertEquals(cpuPercentBetween(before, before), null);
  // A machine that was suspended may count less than before.
  assertEquals(cpuPercentBetween(after, before), null);
  assertEquals(parseCpuTicks("intr 1 2 3"), null);
});

Deno.test("the machine that runs this test tells its processors and its memory, in well under a second", async () => {
  const { hardware, clock } = denoPlatform();
  const fromUs = clock.nowUs();
  const facts = await hardware.read();
  assert((facts.cpu?.cores ?? 0) > 0 && (facts.memory?.totalMb ?? 0) > 100, JSON.stringify(facts));
  assert(clock.nowUs() - fromUs < 3_000_000);
  const load = hardware.openLoad();
  const free = load?.read().memoryFreeMb ?? 0;
  assert(free > 0 && free <= (facts.memory?.totalMb ?? 0));
  load?.close();
});
