// Linux: processor and memory, as `/proc` tells them (proc_cpuinfo(5), proc_meminfo(5), proc_stat(5)).
// Decides what the texts mean; reads no file.

/** Processor name and number of logical processors from `/proc/cpuinfo`; null when it names none. */
export function parseCpuInfo(text: string): { model?: string; cores: number } | null {
  const cores = text.match(/^processor\s*:/gm)?.length ?? 0;
  if (cores === 0) return null;
  // ARM kernels name no model; some boards name themselves instead.
  const model = /^(?:model name|Model|Hardware)\s*:\s*(\S.*)$/m.exec(text)?.[1];
  return model === undefined ? { cores } : { model: plainModel(model), cores };
}

/** A processor's name without trademarks and clock rates. */
export function plainModel(model: string): string {
  return model.replace(/\((?:R|TM|C)\)/gi, "").replace(/@.*$/, "").replace(
    /\b(?:CPU|Processor)\b|\b\d+-Core\b/g,
    "",
  ).replace(/\s+/g, " ").trim();
}

/** A field of `/proc/meminfo` in MiB; null when it is not there. */
export function memoryMb(text: string, field: "MemTotal" | "MemAvailable"): number | null {
  const match = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(text);
  return match === null ? null : Math.round(Number(match[1]) / 1024);
}

/** Processor time since the start of the machine, in ticks of no matter which length. */
export interface CpuTicks {
  readonly busy: number;
  readonly total: number;
}

/** The first line of `/proc/stat`; null when it is not what it should be. */
export function parseCpuTicks(text: string): CpuTicks | null {
  const line = /^cpu +([\d ]+)/.exec(text)?.[1];
  if (line === undefined) return null;
  // user nice system idle iowait irq softirq steal; guest time is within user and nice.
  const fields = line.trim().split(/ +/).slice(0, 8).map(Number);
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total };
}

/** Share of time in percent that the processors were busy between two readings; null when none passed. */
export function cpuPercentBetween(before: CpuTicks, after: CpuTicks): number | null {
  const total = after.total - before.total;
  if (total <= 0) return null;
  return Math.min(100, Math.max(0, Math.round((after.busy - before.busy) / total * 100)));
}
