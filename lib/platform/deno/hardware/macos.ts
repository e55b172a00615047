// The hardware of a Mac: `sysctl` for processor and memory, `system_profiler` for graphics and displays.
// Decides what their answers mean; both are asked once, since the second takes a second of processor time.

import type { DisplayFacts, GpuFacts, MachineFacts } from "../../mod.ts";
import { capture, listOf, memberOf, parseJson, positiveOf, type Runner, textOf } from "./capture.ts";
import { plainModel } from "./proc.ts";

/** `system_profiler` takes 0.2 to 3 s. */
const TIMEOUT_US = 10_000_000;

/** Asks the machine. */
export async function readMac(runner: Runner): Promise<MachineFacts> {
  const [system, graphics] = await Promise.all([
    capture(runner, ["sysctl", "machdep.cpu.brand_string", "hw.logicalcpu", "hw.memsize"], TIMEOUT_US),
    capture(runner, ["system_profiler", "SPDisplaysDataType", "-json"], TIMEOUT_US),
  ]);
  return {
    ...(system.kind === "text" ? parseSysctl(system.text) : {}),
    ...(graphics.kind === "text" ? parseSystemProfiler(graphics.text) : {}),
  };
}

/** Lines `name: value` of `sysctl`. */
export function parseSysctl(text: string): Pick<MachineFacts, "cpu" | "memory"> {
  const value = (name: string): string | null =>
    new RegExp(`^${name.replaceAll(".", "\\.")}: *(.+)$`, "m").exec(text)?.[1]?.trim() ?? null;
  const model = value("machdep.cpu.brand_string");
  const cores = positiveOf(value("hw.logicalcpu"));
  const bytes = positiveOf(value("hw.memsize"));
  return {
    ...(cores === null ? {} : { cpu: { ...(model === null ? {} : { model: plainModel(model) }), cores } }),
    ...(bytes === null ? {} : { memory: { totalMb: Math.round(bytes / 2 ** 20) } }),
  };
}

/** `system_profiler SPDisplaysDataType -json`: a list of cards, each with its displays. */
export function parseSystemProfiler(text: string): Pick<MachineFacts, "gpus" | "displays"> {
  const gpus: GpuFacts[] = [];
  const displays: DisplayFacts[] = [];
  for (const card of listOf(memberOf(parseJson(text), "SPDisplaysDataType"))) {
    const gpu = gpuOf(card);
    if (gpu !== null) gpus.push(gpu);
    for (const each of listOf(memberOf(card, "spdisplays_ndrvs"))) {
      const display = displayOf(each);
      if (display !== null) displays.push(display);
    }
  }
  return {
    ...(gpus.length === 0 ? {} : { gpus }),
    ...(displays.length === 0 ? {} : { displays }),
  };
}

function gpuOf(card: unknown): GpuFacts | null {
  const name = textOf(memberOf(card, "sppci_model"));
  // "sppci_vendor_Apple", "sppci_vendor_amd", "NVIDIA (0x10de)"
  const vendor = textOf(memberOf(card, "spdisplays_vendor"))?.replace(/^sppci_vendor_/, "").split(" ")[0]
    ?.toLowerCase();
  // "8 GB", "1536 MB"; a card that shares the machine's memory has another key, or none.
  const memory = /^(\d+) (MB|GB)$/.exec(textOf(memberOf(card, "spdisplays_vram")) ?? "");
  if (name === null && vendor === undefined) return null;
  return {
    ...(vendor === undefined ? {} : { vendor }),
    ...(name === null ? {} : { name }),
    ...(memory === null ? {} : { vramMb: Number(memory[1]) * (memory[2] === "GB" ? 1024 : 1) }),
  };
}

function displayOf(display: unknown): DisplayFacts | null {
  // "2560 x 1440 @ 60.00Hz" is how it is driven; "5120 x 2880" how many pixels there are, if that differs.
  const driven = textOf(memberOf(display, "_spdisplays_resolution"));
  const pixels = textOf(memberOf(display, "_spdisplays_pixels")) ?? driven;
  const size = /^(\d+) x (\d+)/.exec(pixels ?? "");
  if (size === null) return null;
  const name = textOf(memberOf(display, "_name"));
  const refreshHz = positiveOf(/@ *([\d.]+) *Hz/.exec(driven ?? "")?.[1]);
  return {
    ...(name === null ? {} : { name }),
    width: Number(size[1]),
    height: Number(size[2]),
    ...(refreshHz === null ? {} : { refreshHz }),
  };
}
