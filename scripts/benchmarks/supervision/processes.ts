// Processes by a mark in their environment: what a run started is found by it, looked at and ended by number.
// Decides what counts as living (a zombie does not) and who a number means (it and its start time). Never touches a
// process without the mark.

/** The variable that every process of a run carries. */
export const MARK_NAME = "HANA_BENCH_MARK";

/** A process as /proc tells. */
export interface FoundProcess {
  readonly processId: number;
  readonly parentId: number;
  /** In ticks since boot: with the number it is the process's name. */
  readonly startedAt: number;
  /** The file that it runs. */
  readonly file: string;
  readonly argv: readonly string[];
}

/** A mark that no other run has. */
export function newMark(): string {
  return `${Deno.pid}-${crypto.randomUUID()}`;
}

/** All living processes that carry a mark, or one made from it by a slash and more. */
export function marked(mark: string): FoundProcess[] {
  const wanted = `${MARK_NAME}=${mark}`;
  const found: FoundProcess[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const processId = Number(name);
    if (!Number.isInteger(processId) || processId === Deno.pid) continue;
    const process = inspect(processId);
    if (process === null) continue;
    if (environmentOf(processId).some((line) => line === wanted || line.startsWith(`${wanted}/`))) {
      found.push(process);
    }
  }
  return found;
}

/** A living process; null when it has ended or is a zombie. */
export function inspect(processId: number): FoundProcess | null {
  try {
    const fields = statOf(processId);
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return {
      processId,
      parentId: Number(fields[1]),
      startedAt: Number(fields[19]),
      file: Deno.readLinkSync(`/proc/${processId}/exe`),
      argv: Deno.readTextFileSync(`/proc/${processId}/cmdline`).split("\0").slice(0, -1),
    };
  } catch {
    return null;
  }
}

/** Whether this very process lives. */
export function lives({ processId, startedAt }: { processId: number; startedAt: number }): boolean {
  try {
    const fields = statOf(processId);
    return fields[0] !== "Z" && fields[0] !== "X" && Number(fields[19]) === startedAt;
  } catch {
    return false;
  }
}

/** When a process started, in ticks since boot; null when there is none. */
export function startOf(processId: number): number | null {
  try {
    return Number(statOf(processId)[19]);
  } catch {
    return null;
  }
}

/** Signals this very process; harmless when it has ended. */
export function signalProcess(process: FoundProcess, signal: Deno.Signal): void {
  if (!lives(process)) return;
  try {
    Deno.kill(process.processId, signal);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** Ends whatever carries the mark, supervisors first, until nothing does. Throws when something does not end. */
export async function endMarked(mark: string): Promise<void> {
  for (let look = 0; look < 200; look++) {
    const left = marked(mark);
    if (left.length === 0) return;
    // All of them stand still before one ends: nobody starts another one meanwhile.
    for (const process of left) signalProcess(process, "SIGSTOP");
    for (const process of marked(mark)) signalProcess(process, "SIGKILL");
    await pause(25);
  }
  throw new Error(`processes do not end: ${marked(mark).map(({ argv }) => argv.join(" ")).join("; ")}`);
}

/** CPU time in ms that a process has used, all its threads together (proc(5), fields 14 and 15 of stat). */
export function cpuMs(processId: number): number {
  const fields = statOf(processId);
  // USER_HZ is 100 on every Linux that hana is compiled for.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What a process holds of memory, in bytes (proc(5), smaps_rollup). */
export interface Memory {
  readonly resident: number;
  /** Each page divided by those who share it. */
  readonly proportional: number;
  /** Pages of no file. */
  readonly anonymous: number;
  /** Pages of its own: anonymous ones, and those of files that nobody else has at this moment. */
  readonly private: number;
  /** Its share of pages of the executable file itself. */
  readonly ofExecutable: number;
}

/** Looks at a process's memory. */
export function memoryOf(processId: number): Memory {
  const rollup = Deno.readTextFileSync(`/proc/${processId}/smaps_rollup`);
  const executable = Deno.readLinkSync(`/proc/${processId}/exe`);
  let isExecutable = false;
  let ofExecutable = 0;
  for (const line of Deno.readTextFileSync(`/proc/${processId}/smaps`).split("\n")) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isExecutable = line.endsWith(` ${executable}`);
    else if (isExecutable && line.startsWith("Pss:")) ofExecutable += kib(line);
    else if (isExecutable && line.startsWith("Anonymous:")) ofExecutable -= kib(line);
  }
  const field = (name: string): number => kib(new RegExp(`^${name}: .*$`, "m").exec(rollup)?.[0] ?? "");
  return {
    resident: field("Rss"),
    proportional: field("Pss"),
    anonymous: field("Anonymous"),
    private: field("Private_Clean") + field("Private_Dirty"),
    ofExecutable: Math.max(0, ofExecutable),
  };
}

function kib(line: string): number {
  return Number(/(\d+) kB/.exec(line)?.[1] ?? NaN) * 1024;
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks again and again until `probe` gives something; null when it does not within `timeoutMs`. */
export async function eventually<T>(
  probe: () => T | null | undefined | false,
  timeoutMs: number,
  everyMs = 5,
): Promise<T | null> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() >= endMs) return null;
    await pause(everyMs);
  }
}

/** The fields behind the name in /proc/pid/stat: the first is the state. */
function statOf(processId: number): string[] {
  const text = Deno.readTextFileSync(`/proc/${processId}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function environmentOf(processId: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${processId}/environ`).split("\0");
  } catch {
    return [];
  }
}
