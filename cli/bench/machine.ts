// The machine that figures were measured on. Never a host name: figures are published.

import { buildInfo } from "../build_info.ts";

/** Facts that a figure is worth nothing without. */
export function describeMachine(): Record<string, string | number> {
  const { version, commit, deno, target } = buildInfo();
  const [load = 0] = Deno.loadavg();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: firstMatch("/proc/cpuinfo", /^model name\s*:\s*(.+)$/m),
    logicalCpus: navigator.hardwareConcurrency,
    memoryMb: Math.round(Deno.systemMemoryInfo().total / 1e6),
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    loadAtStart: Math.round(load * 100) / 100,
    deno,
    v8: Deno.version.v8,
    target,
    hana: `${version} ${commit}`,
  };
}

function firstMatch(path: string, pattern: RegExp): string {
  try {
    return pattern.exec(Deno.readTextFileSync(path))?.[1]?.trim() ?? "unknown";
  } catch {
    return "unknown";
  }
}
