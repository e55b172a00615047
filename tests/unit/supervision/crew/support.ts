// Made-up programs, endings and events for what a crew reads.

import type {
  Actual,
  CrashBundle,
  ExitClass,
  ExitRecord,
  ProgramEvent,
  ProgramEventKind,
  ProgramSnapshot,
} from "../../../../lib/supervision/model/mod.ts";
import type { CrewContext } from "../../../../lib/supervision/crew/mod.ts";

/** 2026-06-12 20:14:07 UTC. */
export const NOW = Date.UTC(2026, 5, 12, 20, 14, 7);

export const CONTEXT: CrewContext = {
  node: "stage-left",
  nowWallMs: NOW,
  clock: (wallMs) => new Date(wallMs).toISOString().slice(11, 19),
};

export const STATES: readonly Actual[] = [
  "idle",
  "waiting",
  "starting",
  "running",
  "hung",
  "stopping",
  "killing",
  "backoff",
  "parked",
  "done",
  "unkillable",
];

export const CLASSES: readonly ExitClass[] = [
  "success",
  "failure",
  "crash",
  "fatal",
  "temporary",
  "stay-down",
  "config",
  "resources",
  "start-timeout",
  "hang",
  "stall",
  "oom",
  "stopped",
  "shim-lost",
];

export const KINDS: readonly ProgramEventKind[] = [
  "wanted",
  "waiting",
  "started",
  "ready",
  "status",
  "hung",
  "recovered",
  "stalled",
  "moving",
  "fault",
  "extended",
  "exited",
  "backoff",
  "parked",
  "stopping",
  "killing",
  "unkillable",
  "stopped",
  "done",
  "fallback-started",
  "fallback-ended",
  "memory",
  "logs-suppressed",
  "disk-full",
  "disk-freed",
  "protocol",
  "suspended",
  "adopted",
  "shim-lost",
  "refused",
];

export function exit(change: Partial<ExitRecord> = {}): ExitRecord {
  return {
    run: 6,
    class: "crash",
    code: 139,
    signal: "SIGSEGV",
    why: null,
    atWallMs: NOW - 3_000,
    livedUs: 42_000_000,
    readyUs: 1_800_000,
    peakBytes: 6 * 2 ** 30,
    cpuUs: 12_000_000,
    ...change,
  };
}

export function program(change: Partial<ProgramSnapshot> = {}): ProgramSnapshot {
  return {
    name: "aurora",
    generation: 3,
    argv: ["./aurora", "--scene", "intro"],
    want: "up",
    state: "running",
    health: "ready",
    process: { processId: 4711, startedAt: 99 },
    run: 7,
    fails: 0,
    sinceWallMs: NOW - 1_000,
    startedWallMs: NOW - 2_900,
    readyUs: 1_800_000,
    nextTryWallMs: null,
    lastExit: null,
    status: null,
    fps: 59.94,
    frame: 90_210,
    residentBytes: 512 * 2 ** 20,
    cpuShare: 0.2,
    processes: 2,
    note: null,
    fallback: false,
    unstable: false,
    eventSeq: 12,
    supervised: true,
    ...change,
  };
}

let seq = 0;

export function event(
  kind: ProgramEventKind,
  detail: Readonly<Record<string, unknown>> = {},
  change: Partial<ProgramEvent> = {},
): ProgramEvent {
  seq++;
  return { seq, program: "aurora", run: 7, atWallMs: NOW, atUs: 0, kind, by: null, detail, ...change };
}

export function bundle(change: Partial<CrashBundle> = {}): CrashBundle {
  return { snapshot: program(), events: [], lines: [], samples: [], changes: [], ...change };
}
