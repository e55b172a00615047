// The processes of a Windows machine, by snapshots and jobs.
// NOT RUN on Windows so far: the layout of structures is tested, the calls are written from the documentation.
// Decides that members of a program's job descend from it, whoever their parent was: parents' numbers are used again, and
// nobody adopts orphans there. Marks are known of programs started here alone; those of a hana that ended have ended too.

import type { ProcessFacts, ProcessIdentity, ProcessSignal, ProcessTable } from "../../mod.ts";
import type { WindowsJobs } from "../jobs.ts";
import { type Kernel32, kernel32, type SnapshotEntry } from "../kernel32.ts";
import { familyOf } from "./family.ts";

/** Signals that are meant to end a process. The others have no counterpart, and must not end one by accident. */
const ENDING: ReadonlySet<ProcessSignal> = new Set(["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP"]);

/** The kernel's own process has this number on every Windows. */
const SYSTEM_PROCESS = 4;

/** The table of a Windows machine. */
export class WindowsProcessTable implements ProcessTable {
  readonly #jobs: WindowsJobs;
  readonly #calls: Kernel32 | null;
  #self: ProcessIdentity | null = null;

  constructor(jobs: WindowsJobs, calls: Kernel32 | null = kernel32()) {
    this.#jobs = jobs;
    this.#calls = calls;
  }

  /** When the system process started, or the first one that tells: the same for everybody in a boot. */
  get bootId(): string {
    const calls = this.#calls;
    if (calls === null) return "";
    const system = calls.times(SYSTEM_PROCESS)?.startedAt;
    const starts = system === undefined
      ? calls.snapshot().map(({ processId }) => calls.times(processId)?.startedAt ?? Infinity)
      : [system];
    return String(starts.reduce((least, each) => Math.min(least, each), Infinity));
  }

  get self(): ProcessIdentity {
    return this.#self ??= { processId: Deno.pid, startedAt: this.#calls?.times(Deno.pid)?.startedAt ?? 0 };
  }

  inspect(processId: number): ProcessFacts | null {
    const entry = this.#calls?.snapshot().find((each) => each.processId === processId);
    return entry === undefined ? null : this.#facts(entry);
  }

  descendants(of: readonly number[]): ProcessFacts[] {
    const all = this.#all();
    const family = familyOf(all, of);
    const known = new Set([...of, ...family.map(({ processId }) => processId)]);
    const members = new Set(
      of.flatMap((root) => root === Deno.pid ? this.#jobs.allMembers() : this.#jobs.members(root)),
    );
    return [...family, ...all.filter(({ processId }) => members.has(processId) && !known.has(processId))];
  }

  marked(name: string, value: string): ProcessFacts[] {
    const members = new Set(this.#jobs.markedMembers(name, value));
    return members.size === 0 ? [] : this.#all().filter(({ processId }) => members.has(processId));
  }

  signal({ processId, startedAt }: ProcessIdentity, signal: ProcessSignal): boolean {
    if (!Number.isSafeInteger(processId) || processId < 1 || !ENDING.has(signal)) return false;
    return this.#calls?.terminate(processId, startedAt) ?? false;
  }

  /** Orphans stay without a parent there; what holds them together from now on is their program's job. */
  adoptOrphans(): boolean {
    return this.#jobs.turnOn();
  }

  reapOrphans(): number {
    return 0;
  }

  #all(): ProcessFacts[] {
    return (this.#calls?.snapshot() ?? []).flatMap((entry) => this.#facts(entry) ?? []);
  }

  #facts({ processId, parentId, name }: SnapshotEntry): ProcessFacts | null {
    const times = this.#calls?.times(processId) ?? null;
    if (times === null) return null;
    const { startedAt, cpuUs, residentBytes } = times;
    // A process of Windows has no state of its own, only its threads have; nor does it leave a zombie.
    const state = "running";
    return { processId, startedAt, parentId, groupId: 0, state, name, residentBytes, cpuUs, waitsIn: null };
  }
}
