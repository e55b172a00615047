// A tiny machine full of processes: they fork, ignore SIGTERM, detach, wait in drivers, and their numbers are used again.
// Decides what a signal does to each of them; keeps a list of everybody who was signalled and should not have been.

import { assert } from "@std/assert";
import type {
  ProcessFacts,
  ProcessIdentity,
  ProcessSignal,
  ProcessState,
} from "../../../../lib/platform/mod.ts";
import { TreeKill, type TreeKillOptions, type TreeMode } from "../../../../lib/supervision/tree/mod.ts";
import type { TreeEffect } from "../../../../lib/supervision/tree/mod.ts";

export const SHIM: ProcessIdentity = { processId: 100, startedAt: 50 };

/** How a process behaves. */
export interface Nature {
  readonly name?: string;
  /** Ends this long after SIGTERM; never unless given. */
  readonly termUs?: number;
  /** Starts another one like itself this often, until `forks` are used up, with those of its children. */
  readonly forkUs?: number;
  readonly forks?: number;
  /** Each of them leaves the group, the session and its parent. */
  readonly detaches?: boolean;
  /** Waits inside the kernel: no signal ends it before it comes back. */
  readonly stuckUntilUs?: number;
  /** Does not carry the mark. */
  readonly unmarked?: boolean;
  /** Time from SIGKILL to its end. */
  readonly dieUs?: number;
}

interface Process {
  facts: ProcessFacts;
  readonly nature: Nature;
  readonly own: boolean;
  marked: boolean;
  stopped: boolean;
  endsUs: number | null;
  nextForkUs: number;
  forksLeft: number;
}

export class Forest {
  nowUs = 0;
  readonly #living = new Map<number, Process>();
  #nextId = 101;
  #startedAt = 1_000;
  asked = 0;
  groupSignals: string[] = [];
  /** The most processes that one signal effect named. */
  largest = 0;
  scans = 0;
  wideScans = 0;

  /** Starts a process of the tree (`own`) or somebody else's. */
  start(nature: Nature = {}, parent: number = SHIM.processId, own = true): ProcessIdentity {
    const processId = this.#nextId++;
    return this.#add(processId, parent, nature, own, processId).facts;
  }

  /** Somebody else's process with a number that a process of the tree had. */
  reuse(processId: number): void {
    assert(!this.#living.has(processId));
    this.#add(processId, 1, {}, false, processId);
  }

  /** A stranger who was there before the tree. */
  older(parent: number): ProcessIdentity {
    const processId = this.#nextId++;
    const process = this.#add(processId, parent, {}, false, processId);
    process.facts = { ...process.facts, startedAt: 10 };
    process.marked = true;
    return process.facts;
  }

  #add(processId: number, parentId: number, nature: Nature, own: boolean, groupId: number): Process {
    const facts: ProcessFacts = {
      processId,
      startedAt: this.#startedAt++,
      parentId,
      groupId,
      state: "sleeping",
      name: nature.name ?? "viz",
      residentBytes: 1 << 20,
      cpuUs: 0,
      waitsIn: null,
    };
    const process: Process = {
      facts,
      nature,
      own,
      marked: own && nature.unmarked !== true,
      stopped: false,
      endsUs: null,
      nextForkUs: nature.forkUs === undefined ? Infinity : this.nowUs + nature.forkUs,
      forksLeft: nature.forks ?? 0,
    };
    this.#living.set(processId, process);
    return process;
  }

  has(identity: ProcessIdentity): boolean {
    return this.#living.get(identity.processId)?.facts.startedAt === identity.startedAt;
  }

  /** How many were ever started. */
  get started(): number {
    return this.#nextId - 101;
  }

  /** How many of the tree live. */
  get own(): number {
    let count = 0;
    for (const process of this.#living.values()) if (process.own) count++;
    return count;
  }

  /** Everything until `untilUs`, in order; no further than the end of `watched`. */
  advance(untilUs: number, watched: ProcessIdentity | null = null): void {
    for (let i = 0; i < 100_000; i++) {
      let next: Process | null = null;
      let atUs = untilUs;
      for (const process of this.#living.values()) {
        const endUs = this.#endOf(process);
        const forkUs = process.stopped || process.forksLeft === 0 ? Infinity : process.nextForkUs;
        const dueUs = Math.min(endUs, forkUs);
        if (dueUs <= atUs) [next, atUs] = [process, dueUs];
      }
      if (next === null) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      if (this.#endOf(next) <= atUs) this.#end(next);
      else this.#fork(next);
      if (next.facts.processId === watched?.processId && !this.has(watched)) return;
    }
    this.nowUs = untilUs;
  }

  #endOf(process: Process): number {
    if (process.endsUs === null) return Infinity;
    return Math.max(process.endsUs, process.nature.stuckUntilUs ?? 0);
  }

  #fork(parent: Process): void {
    parent.forksLeft--;
    parent.nextForkUs = this.nowUs + (parent.nature.forkUs ?? Infinity);
    const { detaches } = parent.nature;
    const processId = this.#nextId++;
    const child = this.#add(
      processId,
      detaches === true ? SHIM.processId : parent.facts.processId,
      parent.nature,
      parent.own,
      detaches === true ? processId : parent.facts.groupId,
    );
    // A tree has as many as its first one was given: half of what is left goes to each child.
    child.forksLeft = parent.forksLeft >> 1;
    parent.forksLeft -= child.forksLeft;
  }

  #end(process: Process): void {
    const { processId } = process.facts;
    this.#living.delete(processId);
    // Orphans come to the shim, which adopts them.
    for (const other of this.#living.values()) {
      if (other.facts.parentId === processId) {
        other.facts = { ...other.facts, parentId: SHIM.processId };
      }
    }
  }

  exit(identity: ProcessIdentity): void {
    const process = this.#living.get(identity.processId);
    if (process !== undefined) this.#end(process);
  }

  signal(processId: number, signal: ProcessSignal): void {
    const process = this.#living.get(processId);
    if (process === undefined) return;
    assert(process.own, `${signal} to a stranger, ${processId}`);
    switch (signal) {
      case "SIGSTOP":
        process.stopped = true;
        break;
      case "SIGCONT":
        process.stopped = false;
        break;
      case "SIGKILL":
        process.endsUs = Math.min(process.endsUs ?? Infinity, this.nowUs + (process.nature.dieUs ?? 300));
        break;
      case "SIGTERM":
        if (process.nature.termUs !== undefined) process.endsUs = this.nowUs + process.nature.termUs;
        break;
      default:
    }
  }

  signalGroup(groupId: number, signal: ProcessSignal): void {
    for (const process of [...this.#living.values()]) {
      if (process.facts.groupId === groupId) this.signal(process.facts.processId, signal);
    }
  }

  /** What the shim's table would tell: descendants of the shim, and with `wide` all that carry the mark. */
  scan(wide: boolean): ProcessFacts[] {
    this.scans++;
    if (wide) this.wideScans++;
    const found = new Map<number, ProcessFacts>();
    const children = new Map<number, Process[]>();
    for (const process of this.#living.values()) {
      const siblings = children.get(process.facts.parentId);
      if (siblings === undefined) children.set(process.facts.parentId, [process]);
      else siblings.push(process);
    }
    const queue = [SHIM.processId];
    for (let i = 0; i < queue.length; i++) {
      for (const process of children.get(queue[i] ?? 0) ?? []) {
        found.set(process.facts.processId, this.#told(process));
        queue.push(process.facts.processId);
      }
    }
    if (wide) {
      for (const process of this.#living.values()) {
        if (process.marked) found.set(process.facts.processId, this.#told(process));
      }
    }
    return [...found.values()];
  }

  #told(process: Process): ProcessFacts {
    const isStuck = (process.nature.stuckUntilUs ?? 0) > this.nowUs;
    const state: ProcessState = isStuck ? "uninterruptible" : process.stopped ? "stopped" : "sleeping";
    return { ...process.facts, state, waitsIn: isStuck ? "drm_sched_wait" : null };
  }
}

/** Carries out what a TreeKill asks for, as a shim does. */
export class Ending {
  readonly kill: TreeKill;
  result: "empty" | "survivors" | null = null;
  survivors: readonly ProcessFacts[] = [];
  sawLeader = true;
  readonly #forest: Forest;
  readonly #leader: ProcessIdentity | null;

  constructor(forest: Forest, leader: ProcessIdentity | null, changes: Partial<TreeKillOptions> = {}) {
    this.#forest = forest;
    this.#leader = leader;
    this.sawLeader = leader !== null && forest.has(leader);
    this.kill = new TreeKill({
      leader,
      notBefore: leader?.startedAt ?? 500,
      self: SHIM,
      graceUs: 5_000_000,
      keepChildren: [],
      adopts: true,
      ...changes,
    });
  }

  begin(mode: TreeMode): this {
    this.#do(this.kill.begin(this.#forest.nowUs, mode));
    return this;
  }

  /** Until a result, or `limitUs` from now. Returns how long it took. */
  run(limitUs = 60_000_000): number {
    const forest = this.#forest;
    const beganUs = forest.nowUs;
    for (let i = 0; i < 100_000 && this.result === null; i++) {
      const dueUs = this.kill.deadline()?.atUs ?? Infinity;
      assert(dueUs > forest.nowUs || dueUs === forest.nowUs, "a deadline in the past");
      forest.advance(
        Math.min(dueUs, forest.nowUs + 1_000_000, beganUs + limitUs),
        this.sawLeader ? this.#leader : null,
      );
      if (this.sawLeader && this.#leader !== null && !forest.has(this.#leader)) {
        this.sawLeader = false;
        this.#do(this.kill.handleExit(forest.nowUs));
        continue;
      }
      if (forest.nowUs >= beganUs + limitUs) break;
      this.#do(this.kill.handleDeadline(forest.nowUs));
    }
    return forest.nowUs - beganUs;
  }

  #do(effects: readonly TreeEffect[]): void {
    const forest = this.#forest;
    for (const effect of effects) {
      switch (effect.do) {
        case "ask":
          forest.asked++;
          if (this.#leader !== null) {
            forest.signal(this.#leader.processId, "SIGTERM");
            forest.signal(this.#leader.processId, "SIGCONT");
          }
          break;
        case "signal-group":
          forest.groupSignals.push(effect.signal);
          if (this.#leader !== null) forest.signalGroup(this.#leader.processId, effect.signal);
          break;
        case "signal":
          forest.largest = Math.max(forest.largest, effect.members.length);
          for (const { processId } of effect.members) forest.signal(processId, effect.signal);
          break;
        case "scan":
          this.#do(this.kill.handleScan(forest.nowUs, forest.scan(effect.wide)));
          break;
        case "empty":
          this.result = "empty";
          break;
        case "survivors":
          this.result = "survivors";
          this.survivors = effect.members;
          break;
      }
    }
  }
}
