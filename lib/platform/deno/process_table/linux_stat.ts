// One line of /proc/PID/stat, as proc_pid_stat(5) describes it.
// Decides that the name ends at the last parenthesis of the line: programs put spaces and parentheses into theirs.
// Works on bytes, since a scan reads hundreds of them.

import type { ProcessState } from "../../mod.ts";

/** Ticks in a second, for user space the same on all machines that hana ships for (USER_HZ). */
const TICK_US = 10_000;

/** What hana takes out of the line. */
export interface ProcStat {
  readonly name: string;
  readonly state: ProcessState;
  readonly parentId: number;
  readonly groupId: number;
  readonly cpuUs: number;
  readonly threads: number;
  /** Ticks since boot. */
  readonly startedAt: number;
  /** Whether it has memory of its own: zombies and threads of the kernel have none. */
  readonly hasMemory: boolean;
  readonly residentPages: number;
}

const OPEN = "(".charCodeAt(0);
const CLOSE = ")".charCodeAt(0);
const SPACE = " ".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** Numbers of the fields, counted as the manual does, and the last one that is read. */
const FIELD = {
  state: 3,
  parent: 4,
  group: 5,
  userTime: 14,
  systemTime: 15,
  threads: 20,
  start: 22,
  size: 23,
  resident: 24,
} as const;

const names = new TextDecoder();
const fields = new Float64Array(FIELD.resident + 1);

function stateOf(letter: number, threads: number): ProcessState {
  switch (String.fromCharCode(letter)) {
    case "R":
      return "running";
    case "D":
      return "uninterruptible";
    case "T":
    case "t":
      return "stopped";
    case "Z":
    case "X":
    case "x":
      // The first thread of a program may end before the others; the program lives on then.
      return threads > 1 ? "sleeping" : "zombie";
    default:
      return "sleeping";
  }
}

/** Reads a line; null for what is none. */
export function parseStat(bytes: Uint8Array): ProcStat | null {
  const open = bytes.indexOf(OPEN);
  const close = bytes.lastIndexOf(CLOSE);
  if (open < 0 || close < open) return null;
  const letter = bytes[close + 2];
  if (letter === undefined) return null;
  let at = close + 4;
  for (let field = FIELD.parent; field <= FIELD.resident; field++) {
    let value = 0;
    const negative = bytes[at] === 0x2d;
    if (negative) at++;
    const start = at;
    for (
      let digit = bytes[at];
      digit !== undefined && digit >= ZERO && digit <= ZERO + 9;
      digit = bytes[++at]
    ) {
      value = value * 10 + (digit - ZERO);
    }
    if (at === start) return null;
    fields[field] = negative ? -value : value;
    if (bytes[at] === SPACE) at++;
  }
  return {
    name: names.decode(bytes.subarray(open + 1, close)),
    state: stateOf(letter, fields[FIELD.threads] ?? 0),
    parentId: fields[FIELD.parent] ?? 0,
    groupId: fields[FIELD.group] ?? 0,
    cpuUs: ((fields[FIELD.userTime] ?? 0) + (fields[FIELD.systemTime] ?? 0)) * TICK_US,
    threads: fields[FIELD.threads] ?? 0,
    startedAt: fields[FIELD.start] ?? 0,
    hasMemory: (fields[FIELD.size] ?? 0) > 0,
    residentPages: fields[FIELD.resident] ?? 0,
  };
}
