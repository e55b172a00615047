// How busy a machine is, as the runtime tells it: for systems without `/proc`.
// Decides nothing but the arithmetic; no program is started, so that asking every other second costs nothing.

import { cpus } from "node:os";
import type { LoadReader, MachineLoad } from "../../mod.ts";
import type { NvidiaWatch } from "./nvidia.ts";
import { cpuPercentBetween, type CpuTicks } from "./proc.ts";

function ticksNow(): CpuTicks {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    const active = times.user + times.nice + times.sys + times.irq;
    busy += active;
    total += active + times.idle;
  }
  return { busy, total };
}

/** Reads the load by the runtime's own means. */
export class SystemLoad implements LoadReader {
  readonly #nvidia: NvidiaWatch | null;
  #ticks = ticksNow();

  constructor(nvidia: NvidiaWatch | null) {
    this.#nvidia = nvidia;
  }

  read(): MachineLoad {
    const ticks = ticksNow();
    const cpuPercent = cpuPercentBetween(this.#ticks, ticks);
    this.#ticks = ticks;
    const memoryFreeMb = Math.round(Deno.systemMemoryInfo().available / 2 ** 20);
    const gpus = this.#nvidia?.read() ?? [];
    return {
      ...(cpuPercent === null ? {} : { cpuPercent }),
      ...(memoryFreeMb > 0 ? { memoryFreeMb } : {}),
      ...(gpus.length === 0 ? {} : { gpus }),
    };
  }

  close(): void {
    this.#nvidia?.close();
  }
}
