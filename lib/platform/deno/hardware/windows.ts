// The hardware of a Windows machine: CIM classes through one PowerShell, `nvidia-smi` where NVIDIA's driver runs.
// Decides what the answer means. Asked once: starting PowerShell takes seconds.

import type { DisplayFacts, GpuFacts, MachineFacts } from "../../mod.ts";
import { capture, listOf, memberOf, parseJson, positiveOf, type Runner, textOf } from "./capture.ts";
import { plainModel } from "./proc.ts";

const TIMEOUT_US = 20_000_000;

// AdapterRAM has 32 bits and stops at 4 GiB; the registry of the display class has 64.
const DISPLAY_CLASS =
  "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0*";
const SCRIPT = [
  "$ErrorActionPreference='SilentlyContinue'",
  "@{cpu=@(Get-CimInstance Win32_Processor | Select-Object Name,NumberOfLogicalProcessors)",
  "system=@(Get-CimInstance Win32_ComputerSystem | Select-Object TotalPhysicalMemory)",
  "gpu=@(Get-CimInstance Win32_VideoController | Select-Object Name,AdapterCompatibility,AdapterRAM," +
  "CurrentHorizontalResolution,CurrentVerticalResolution,CurrentRefreshRate)",
  `memory=@(Get-ItemProperty '${DISPLAY_CLASS}' | Select-Object DriverDesc,'HardwareInformation.qwMemorySize')` +
  "} | ConvertTo-Json -Depth 4 -Compress",
].join(";");

/** Asks the machine. */
export async function readWindows(runner: Runner): Promise<MachineFacts> {
  const argv = ["powershell", "-NoProfile", "-NonInteractive", "-Command", SCRIPT] as const;
  const answer = await capture(runner, argv, TIMEOUT_US);
  return answer.kind === "text" ? parseCim(answer.text) : {};
}

/** The JSON of the script: `{cpu, system, gpu, memory}`, each a list (or, of one, the thing itself). */
export function parseCim(text: string): MachineFacts {
  const root = parseJson(text);
  const sockets = listOf(memberOf(root, "cpu"));
  const cores = sockets.reduce<number>(
    (sum, socket) => sum + (positiveOf(memberOf(socket, "NumberOfLogicalProcessors")) ?? 0),
    0,
  );
  const model = textOf(memberOf(sockets[0], "Name"));
  const bytes = positiveOf(memberOf(listOf(memberOf(root, "system"))[0], "TotalPhysicalMemory"));
  const controllers = listOf(memberOf(root, "gpu"));
  const memories = listOf(memberOf(root, "memory"));
  const gpus = controllers.map((each) => gpuOf(each, memories)).filter((each) => each !== null);
  const displays = controllers.map(displayOf).filter((each) => each !== null);
  return {
    ...(cores === 0 ? {} : { cpu: { ...(model === null ? {} : { model: plainModel(model) }), cores } }),
    ...(bytes === null ? {} : { memory: { totalMb: Math.round(bytes / 2 ** 20) } }),
    ...(gpus.length === 0 ? {} : { gpus }),
    ...(displays.length === 0 ? {} : { displays }),
  };
}

function gpuOf(controller: unknown, memories: readonly unknown[]): GpuFacts | null {
  const name = textOf(memberOf(controller, "Name"));
  // It draws without a card, or into a window somewhere else.
  if (name === null || /^Microsoft (Basic|Remote)/i.test(name)) return null;
  const maker = textOf(memberOf(controller, "AdapterCompatibility"))?.toLowerCase() ?? "";
  const vendor = /nvidia/.test(maker)
    ? "nvidia"
    : /amd|advanced micro|ati /.test(maker)
    ? "amd"
    : /intel/.test(maker)
    ? "intel"
    : maker.split(" ")[0] ?? "";
  const exact = memories.find((each) => textOf(memberOf(each, "DriverDesc")) === name);
  const bytes = positiveOf(memberOf(exact, "HardwareInformation.qwMemorySize")) ??
    positiveOf(memberOf(controller, "AdapterRAM"));
  return {
    ...(vendor === "" ? {} : { vendor }),
    name: name.replace(/^NVIDIA /, ""),
    ...(bytes === null ? {} : { vramMb: Math.round(bytes / 2 ** 20) }),
  };
}

function displayOf(controller: unknown): DisplayFacts | null {
  const width = positiveOf(memberOf(controller, "CurrentHorizontalResolution"));
  const height = positiveOf(memberOf(controller, "CurrentVerticalResolution"));
  if (width === null || height === null) return null;
  const refreshHz = positiveOf(memberOf(controller, "CurrentRefreshRate"));
  return { width, height, ...(refreshHz === null ? {} : { refreshHz }) };
}
