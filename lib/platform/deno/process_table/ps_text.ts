// What `ps` of macOS prints, read strictly.
// Decides the columns that are asked for, in an order in which none can be mistaken: the name, which may hold spaces, is
// last. A line that does not fit is left out.

import type { ProcessFacts, ProcessState } from "../../mod.ts";

/** Columns for {@linkcode parseProcesses}; `=` leaves the heading out. */
export const PROCESS_COLUMNS = "pid=,ppid=,pgid=,state=,rss=,time=,lstart=,comm=";
/** Columns for {@linkcode parseMarked}, together with `-E`, which appends the environment to the command. */
export const ENVIRONMENT_COLUMNS = "pid=,command=";

const MONTHS: readonly string[] = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];
/** pid, ppid, pgid, state, rss, time, "Fri Nov 20 15:31:39 2026", name. */
const LINE =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+\S+\s+(\w{3})\s+(\d+)\s+(\d+):(\d+):(\d+)\s+(\d{4})\s+(.+?)\s*$/;

function stateOf(text: string): ProcessState {
  switch (text[0]) {
    case "R":
      return "running";
    case "U":
      return "uninterruptible";
    case "T":
      return "stopped";
    case "Z":
      return "zombie";
    default:
      return "sleeping";
  }
}

/** CPU time as `[days-][hours:]minutes:seconds.hundredths`, in microseconds; 0 for what is none. */
export function parseCpuTime(text: string): number {
  const [days, clock] = text.includes("-") ? text.split("-", 2) : ["0", text];
  let seconds = 0;
  for (const part of (clock ?? "").split(":")) seconds = seconds * 60 + Number(part);
  const us = Math.round((Number(days) * 86_400 + seconds) * 1e6);
  return Number.isSafeInteger(us) && us >= 0 ? us : 0;
}

/** Reads the processes. Start times are seconds since 1970, as `ps` prints them with the zone UTC. */
export function parseProcesses(text: string): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const line of text.split("\n")) {
    const fields = LINE.exec(line);
    if (fields === null) continue;
    const [, pid, parent, group, state, rss, time, month, day, hour, minute, second, year, command] = fields;
    const at = MONTHS.indexOf(month ?? "");
    if (at < 0) continue;
    const startedMs = Date.UTC(Number(year), at, Number(day), Number(hour), Number(minute), Number(second));
    found.push({
      processId: Number(pid),
      startedAt: startedMs / 1000,
      parentId: Number(parent),
      groupId: Number(group),
      state: stateOf(state ?? ""),
      name: (command ?? "").replace(/^.*\//, ""),
      residentBytes: Number(rss) * 1024,
      cpuUs: parseCpuTime(time ?? ""),
      waitsIn: null,
    });
  }
  return found;
}

/**
 * The numbers of processes that show `name=value` as a word of its own. `ps` does not tell arguments from variables, nor
 * where a value with spaces ends; hana's marks are hexadecimal, and nobody passes them as arguments.
 */
export function parseMarked(text: string, name: string, value: string): number[] {
  const mark = ` ${name}=${value}`;
  const found: number[] = [];
  for (const line of text.split("\n")) {
    const processId = Number(/^\s*(\d+)\s/.exec(line)?.[1] ?? 0);
    if (processId > 0 && `${line} `.includes(`${mark} `)) found.push(processId);
  }
  return found;
}
