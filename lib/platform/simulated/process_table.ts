// The processes of a simulated host: who is whose child, and what becomes of those that lose their parent.
// Decides, as Linux does, that an orphan goes to its nearest living ancestor that adopts, else to the first process, and
// that who has ended stays as a zombie until its parent has heard of it. Never starts or ends anybody by itself.

import type { ExitStatus, ProcessFacts, ProcessIdentity, ProcessSignal, ProcessTable } from "../mod.ts";
import type { Engine } from "./engine.ts";
import type { ProcessLife } from "./process_life.ts";
import { ProcessRecord, type ProcessStart, type RecordKeeper } from "./process_record.ts";

/** The first process of every machine: it adopts, and hears of every end at once. */
export const FIRST_PROCESS_ID = 1;
/** Linux counts starts in hundredths of a second. */
const TICK_US = 10_000;
/** A machine takes so long until it starts anything of ours: no process of ours began with it. */
const BOOT_US = 8_000_000;

/** Told of what befalls processes, from outside of the world: for whoever judges it. */
export interface ProcessWatcher {
  onStarted(record: ProcessRecord): void;
  onEnded(record: ProcessRecord, how: ExitStatus | "power-lost"): void;
  onSignal(record: ProcessRecord, signal: ProcessSignal, from: ProcessRecord | null): void;
}

/** All processes of one host since it has power. */
export class HostProcessTable implements RecordKeeper {
  /** Told of everything, where somebody watches. */
  watcher: ProcessWatcher | null = null;
  readonly #engine: Engine;
  readonly #hostName: string;
  readonly #records = new Map<number, ProcessRecord>();
  #boots = 1;
  #bootedUs = 0;

  constructor(engine: Engine, hostName: string) {
    this.#engine = engine;
    this.#hostName = hostName;
  }

  /** Names this boot of the host. */
  get bootId(): string {
    return `${this.#hostName}-boot-${this.#boots}`;
  }

  /** All of them, zombies too, but for the first one; in the order of their starts. */
  list(): ProcessRecord[] {
    return [...this.#records.values()];
  }

  /** The process of this number, zombies too; null when there is none, and for the first one. */
  find(processId: number): ProcessRecord | null {
    return this.#records.get(processId) ?? null;
  }

  /** The living ones of this name. */
  named(name: string): ProcessRecord[] {
    return this.list().filter((each) => each.name === name && each.alive);
  }

  /** The living ones of a process group. */
  inGroup(groupId: number): ProcessRecord[] {
    return this.list().filter((each) => each.groupId === groupId && each.alive);
  }

  /** Whether this number is free. */
  isFree(processId: number): boolean {
    return processId > FIRST_PROCESS_ID && !this.#records.has(processId);
  }

  /** Takes a new process in. */
  add(life: ProcessLife, start: ProcessStart): ProcessRecord {
    const startedAt = Math.floor((this.#engine.nowUs - this.#bootedUs + BOOT_US) / TICK_US);
    const record = new ProcessRecord(this.#engine, this, life, start, startedAt);
    this.#records.set(record.processId, record);
    this.watcher?.onStarted(record);
    return record;
  }

  /** The power went: nobody is left, and the next boot is another one. */
  reset(): void {
    if (this.watcher !== null) {
      for (const record of this.#records.values()) {
        if (!record.isZombie) this.watcher.onEnded(record, "power-lost");
      }
    }
    this.#records.clear();
    this.#boots++;
    this.#bootedUs = this.#engine.nowUs;
  }

  /** Power is back: times count from here. */
  boot(): void {
    this.#bootedUs = this.#engine.nowUs;
  }

  /** A parent has heard of the end of its child: the number is free again. */
  reap(record: ProcessRecord): void {
    if (record.isZombie && this.#records.get(record.processId) === record) {
      this.#records.delete(record.processId);
    }
  }

  onSignal(record: ProcessRecord, signal: ProcessSignal, from: ProcessRecord | null): void {
    this.watcher?.onSignal(record, signal, from);
  }

  onEnded(record: ProcessRecord, status: ExitStatus): void {
    if (this.#records.get(record.processId) !== record) return;
    this.watcher?.onEnded(record, status);
    const heir = this.#heirOf(record);
    for (const child of this.list()) {
      if (child.parentId !== record.processId) continue;
      child.parentId = heir;
      child.isAdopted = true;
      if (child.isZombie && heir === FIRST_PROCESS_ID) this.reap(child);
    }
    record.isZombie = true;
    if (record.parentId === FIRST_PROCESS_ID) this.reap(record);
  }

  /** What descends from these, children after their parents. */
  descendants(of: readonly number[]): ProcessRecord[] {
    const children = new Map<number, ProcessRecord[]>();
    for (const record of this.#records.values()) {
      const siblings = children.get(record.parentId);
      if (siblings === undefined) children.set(record.parentId, [record]);
      else siblings.push(record);
    }
    const found: ProcessRecord[] = [];
    const seen = new Set(of);
    const open = [...of];
    for (let i = 0; i < open.length; i++) {
      for (const child of children.get(open[i] ?? 0) ?? []) {
        if (seen.has(child.processId)) continue;
        seen.add(child.processId);
        found.push(child);
        open.push(child.processId);
      }
    }
    return found;
  }

  #heirOf(record: ProcessRecord): number {
    let at = this.#records.get(record.parentId);
    while (at !== undefined) {
      if (at.alive && at.adoptsOrphans) return at.processId;
      at = this.#records.get(at.parentId);
    }
    return FIRST_PROCESS_ID;
  }
}

/** The table as one process sees it. */
export class SimulatedProcessTable implements ProcessTable {
  readonly bootId: string;
  readonly self: ProcessIdentity;
  readonly #table: HostProcessTable;
  readonly #record: ProcessRecord;
  readonly #canAdopt: boolean;

  constructor(table: HostProcessTable, record: ProcessRecord, canAdopt: boolean) {
    this.#table = table;
    this.#record = record;
    this.#canAdopt = canAdopt;
    this.bootId = table.bootId;
    this.self = { processId: record.processId, startedAt: record.startedAt };
  }

  inspect(processId: number): ProcessFacts | null {
    if (processId === FIRST_PROCESS_ID) return FIRST_PROCESS;
    return this.#table.find(processId)?.facts() ?? null;
  }

  descendants(of: readonly number[]): ProcessFacts[] {
    return this.#table.descendants(of).map((record) => record.facts());
  }

  marked(name: string, value: string): ProcessFacts[] {
    const marked = this.#table.list().filter((each) => each.alive && each.env[name] === value);
    return marked.map((record) => record.facts());
  }

  signal(identity: ProcessIdentity, signal: ProcessSignal): boolean {
    const record = this.#table.find(identity.processId);
    if (!this.#record.alive || record === null || record.startedAt !== identity.startedAt) return false;
    return record.signal(signal, this.#record);
  }

  adoptOrphans(): boolean {
    if (this.#canAdopt) this.#record.adoptsOrphans = true;
    return this.#canAdopt;
  }

  reapOrphans(): number {
    let reaped = 0;
    for (const record of this.#table.list()) {
      if (record.parentId !== this.#record.processId || !record.isZombie || !record.isAdopted) continue;
      this.#table.reap(record);
      reaped++;
    }
    return reaped;
  }
}

const FIRST_PROCESS: ProcessFacts = {
  processId: FIRST_PROCESS_ID,
  startedAt: 0,
  parentId: 0,
  groupId: FIRST_PROCESS_ID,
  state: "sleeping",
  name: "init",
  residentBytes: 0,
  cpuUs: 0,
  waitsIn: null,
};
