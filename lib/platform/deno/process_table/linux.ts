// The processes of a Linux machine, out of /proc.
// Decides how a scan is made sure of: a tree that changes while it is looked at is looked at again, until nothing went
// missing on the way, for "nobody is left" must not be an accident. Signals go through a descriptor of the process, so
// that not even a number used again in the same instant leads to a stranger.

import type { ProcessFacts, ProcessIdentity, ProcessSignal, ProcessTable } from "../../mod.ts";
import { type LinuxSyscalls, linuxSyscalls } from "../syscalls.ts";
import { numbersIn, ProcReader } from "./linux_proc.ts";
import { parseStat, type ProcStat } from "./linux_stat.ts";

/** Numbers of the signals on the architectures that hana ships for (signal(7)). */
const SIGNALS: Readonly<Record<ProcessSignal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
};

/** Looks at a changing tree in which somebody lives: whoever is missing is found by the next scan of who kills it. */
const ENOUGH_WALKS = 8;
/** Looks at a changing tree in which nobody was seen alive. */
const MAX_WALKS = 64;
/** The kernel takes environments of up to a quarter of the stack's limit: 2 MiB unless somebody raised that. */
const MAX_ENVIRONMENT_BYTES = 2 * 1024 * 1024;
/** Ended children taken off the system's hands in one call. */
const MAX_REAPED = 4096;
/** How often a process that waits inside the kernel is looked at again before its environment is left unread. */
const MAX_STATE_LOOKS = 20;
/** Marked processes that are remembered, so that one stuck inside the kernel is known all the same. */
const MAX_REMEMBERED = 4096;
/** Where a machine's pages have another size, `AT_PAGESZ` says so (getauxval(3)). */
const PAGE_BYTES = 4096;
const AT_PAGESZ = 6;

/** Says which processes the runtime waits for itself. */
export interface StartedHere {
  /** Whether a process was started here, and the runtime has not told its end. */
  waitsFor(processId: number): boolean;
}

interface Walk {
  readonly found: ProcessFacts[];
  /** Of each that was found, whether it has more than one thread. */
  readonly hasThreads: boolean[];
  /** Something ended or moved while it was looked at. */
  isTorn: boolean;
}

/** The table of this machine. */
export class LinuxProcessTable implements ProcessTable {
  readonly #started: StartedHere;
  readonly #open: () => LinuxSyscalls | null;
  readonly #proc: ProcReader;
  readonly #remembered = new Map<number, { readonly startedAt: number; readonly mark: string }>();
  #bootId: string | null = null;
  #self: ProcessIdentity | null = null;
  #pageBytes = 0;
  #hasChildrenFiles: boolean | null = null;

  /**
   * `open` gives the system calls when they are needed first. Without them (null) everything goes through the runtime,
   * slower, with a gap between looking and signalling, and nobody is adopted.
   */
  constructor(started: StartedHere, open: () => LinuxSyscalls | null = linuxSyscalls) {
    this.#started = started;
    this.#open = open;
    this.#proc = new ProcReader(open);
  }

  get bootId(): string {
    return this.#bootId ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  }

  get self(): ProcessIdentity {
    return this.#self ??= { processId: Deno.pid, startedAt: this.#stat(Deno.pid)?.startedAt ?? 0 };
  }

  inspect(processId: number): ProcessFacts | null {
    const stat = this.#stat(processId);
    return stat === null ? null : this.#facts(processId, stat);
  }

  descendants(of: readonly number[]): ProcessFacts[] {
    let known: ReadonlySet<number> = new Set();
    let walk: Walk = { found: [], hasThreads: [], isTorn: true };
    let seenAlive: readonly ProcessFacts[] = [];
    for (let walks = 1; walks <= MAX_WALKS; walks++) {
      walk = this.#walk(of);
      // A process that has ended gave its children away before it could be seen as a zombie: where its parent had been
      // looked at by then, only another look finds them.
      const zombies = walk.found.filter(({ state }) => state === "zombie");
      if (!walk.isTorn && zombies.every(({ processId }) => known.has(processId))) return walk.found;
      if (zombies.length < walk.found.length) {
        if (walks >= ENOUGH_WALKS) return walk.found;
        seenAlive = walk.found.filter(({ state }) => state !== "zombie");
      }
      known = new Set(zombies.map(({ processId }) => processId));
    }
    // It never held still. Whoever was seen alive has ended since, but may have left somebody: "nobody" would be a guess.
    return [...walk.found, ...seenAlive.filter(({ processId }) => !known.has(processId))];
  }

  marked(name: string, value: string): ProcessFacts[] {
    const mark = `${name}=${value}`;
    const entry = new TextEncoder().encode(`${mark}\0`);
    const found: ProcessFacts[] = [];
    for (const processId of this.#proc.numbers("/proc") ?? []) {
      const stat = this.#stat(processId);
      if (stat === null || stat.state === "zombie" || !stat.hasMemory) continue;
      if (this.#isMarked(processId, stat, mark, entry)) found.push(this.#facts(processId, stat));
    }
    return found;
  }

  signal(identity: ProcessIdentity, signal: ProcessSignal): boolean {
    const { processId } = identity;
    // Zero and negative numbers mean groups, or everybody.
    if (!Number.isSafeInteger(processId) || processId < 1) return false;
    const calls = this.#open();
    const handle = calls?.openProcess(processId) ?? -1;
    if (calls === null || handle < 0) return this.#signalByNumber(identity, signal);
    // The order is the point: what holds the number now, after the descriptor was opened, is what it means.
    const isThere = this.#isLiving(identity);
    const isSignalled = isThere && calls.signalProcess(handle, SIGNALS[signal]);
    calls.close(handle);
    return isSignalled;
  }

  adoptOrphans(): boolean {
    return this.#open()?.becomeSubreaper() ?? false;
  }

  reapOrphans(): number {
    const calls = this.#open();
    if (calls === null) return 0;
    let reaped = 0;
    while (reaped < MAX_REAPED) {
      const ended = calls.endedChild();
      if (ended === 0) return reaped;
      if (this.#started.waitsFor(ended)) return reaped + this.#reapAround(calls, MAX_REAPED - reaped);
      if (!calls.reap(ended)) return reaped;
      reaped++;
    }
    return reaped;
  }

  // The runtime has not got round to one of its own, and the system names that one first: look at all children.
  #reapAround(calls: LinuxSyscalls, max: number): number {
    let reaped = 0;
    for (const child of this.#childrenOf(Deno.pid) ?? this.#childrenByParent(Deno.pid)) {
      if (reaped === max) break;
      if (!this.#started.waitsFor(child) && calls.reap(child)) reaped++;
    }
    return reaped;
  }

  #isLiving({ processId, startedAt }: ProcessIdentity): boolean {
    const stat = this.#stat(processId);
    return stat !== null && stat.startedAt === startedAt && stat.state !== "zombie";
  }

  #signalByNumber(identity: ProcessIdentity, signal: ProcessSignal): boolean {
    if (!this.#isLiving(identity)) return false;
    try {
      Deno.kill(identity.processId, signal);
      return true;
    } catch {
      return false; // it has ended a moment ago, or belongs to somebody else
    }
  }

  // Reading the environment of a process that is stuck inside the kernel may stick as well: both need its memory map.
  // So one that waits there is given a moment, and is left alone if that does not pass, unless it is known already.
  #isMarked(processId: number, seen: ProcStat, mark: string, entry: Uint8Array): boolean {
    let stat: ProcStat | null = seen;
    for (let looks = 0; stat?.state === "uninterruptible"; looks++) {
      const known = this.#remembered.get(processId);
      if (known?.startedAt === stat.startedAt && known.mark === mark) return true;
      if (looks === MAX_STATE_LOOKS) return false;
      stat = this.#stat(processId);
    }
    if (!this.#proc.holds(`/proc/${processId}/environ`, entry, MAX_ENVIRONMENT_BYTES)) return false;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(processId, { startedAt: seen.startedAt, mark });
    return true;
  }

  #walk(of: readonly number[]): Walk {
    return this.#readsChildren() ? this.#walkByChildren(of) : this.#walkByParents(of);
  }

  // Parents first: what a process forks after its children were read is seen by nobody, but then it was alive itself.
  #walkByChildren(of: readonly number[]): Walk {
    const walk: Walk = { found: [], hasThreads: [], isTorn: false };
    const seen = new Set(of);
    for (const processId of of) this.#visitChildren(processId, true, seen, walk);
    for (let at = 0; at < walk.found.length; at++) {
      const parent = walk.found[at]?.processId ?? 0;
      if (!this.#visitChildren(parent, walk.hasThreads[at] ?? true, seen, walk)) walk.isTorn = true;
    }
    return walk;
  }

  /** Adds the children of a process. False when it has ended in the meantime. */
  #visitChildren(parent: number, hasThreads: boolean, seen: Set<number>, walk: Walk): boolean {
    const children = this.#childrenOf(parent, hasThreads);
    for (const child of children ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      const stat = this.#stat(child);
      if (stat === null) {
        walk.isTorn = true;
        continue;
      }
      walk.found.push(this.#facts(child, stat));
      walk.hasThreads.push(stat.threads > 1);
    }
    return children !== null;
  }

  /** Children of all threads of a process; null when it, or one of its threads, has ended meanwhile. */
  #childrenOf(processId: number, hasThreads = true): number[] | null {
    if (!this.#readsChildren()) return null;
    const threads = hasThreads ? this.#proc.numbers(`/proc/${processId}/task`) : [processId];
    if (threads === null) return null;
    const found: number[] = [];
    for (const thread of threads) {
      const text = this.#proc.read(`/proc/${processId}/task/${thread}/children`);
      // Its children went to another thread, which may have been read already.
      if (text === null) return null;
      found.push(...numbersIn(text));
    }
    return found;
  }

  // Kernels without CONFIG_PROC_CHILDREN: one look at everybody.
  #walkByParents(of: readonly number[]): Walk {
    const walk: Walk = { found: [], hasThreads: [], isTorn: false };
    const children = new Map<number, ProcessFacts[]>();
    for (const processId of this.#proc.numbers("/proc") ?? []) {
      const stat = this.#stat(processId);
      if (stat === null) {
        walk.isTorn = true;
        continue;
      }
      const siblings = children.get(stat.parentId);
      if (siblings === undefined) children.set(stat.parentId, [this.#facts(processId, stat)]);
      else siblings.push(this.#facts(processId, stat));
    }
    const seen = new Set(of);
    const visit = (parent: number): void => {
      for (const child of children.get(parent) ?? []) {
        if (seen.has(child.processId)) continue;
        seen.add(child.processId);
        walk.found.push(child);
      }
    };
    of.forEach(visit);
    for (let at = 0; at < walk.found.length; at++) visit(walk.found[at]?.processId ?? 0);
    return walk;
  }

  #childrenByParent(parentId: number): number[] {
    return this.#walkByParents([parentId]).found
      .filter((facts) => facts.parentId === parentId)
      .map(({ processId }) => processId);
  }

  #readsChildren(): boolean {
    return this.#hasChildrenFiles ??= this.#proc.read(`/proc/${Deno.pid}/task/${Deno.pid}/children`) !== null;
  }

  #stat(processId: number): ProcStat | null {
    const line = this.#proc.read(`/proc/${processId}/stat`);
    return line === null ? null : parseStat(line);
  }

  #facts(processId: number, stat: ProcStat): ProcessFacts {
    return {
      processId,
      startedAt: stat.startedAt,
      parentId: stat.parentId,
      groupId: stat.groupId,
      state: stat.state,
      name: stat.name,
      residentBytes: stat.residentPages * this.#pageSize(),
      cpuUs: stat.cpuUs,
      waitsIn: stat.state === "uninterruptible" ? this.#waitsIn(processId) : null,
    };
  }

  #waitsIn(processId: number): string | null {
    const text = new TextDecoder().decode(this.#proc.read(`/proc/${processId}/wchan`) ?? new Uint8Array(0));
    // "0": it runs again, or the system does not tell.
    return text === "" || text === "0" ? null : text;
  }

  #pageSize(): number {
    if (this.#pageBytes === 0) this.#pageBytes = this.#readPageSize();
    return this.#pageBytes;
  }

  #readPageSize(): number {
    const vector = this.#proc.read("/proc/self/auxv");
    if (vector === null) return PAGE_BYTES;
    const words = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
    for (let at = 0; at + 16 <= words.byteLength; at += 16) {
      if (words.getUint32(at, true) === AT_PAGESZ) return words.getUint32(at + 8, true);
    }
    return PAGE_BYTES;
  }
}
