// Everything of one epoch at a client: its book, its subsystems, the values that are shown.
// Decides which subsystem a message belongs to and when all of them are whole; another epoch has another world, because
// numbers and versions mean nothing in it. Never decides whether a host may speak (replica.ts).

import type { PathId, StateEpoch, SubsystemNumber, Version } from "../model/mod.ts";
import type { BookLimits, SchemaBook } from "../schema/mod.ts";
import {
  BOOK_SUBSYSTEM,
  MAX_SUBSYSTEMS,
  type SubsystemName,
  type SubsystemPlan,
  type WireEntry,
} from "../messages/mod.ts";
import { BookCopy, type CopySink, ValueCopy } from "./copies.ts";
import type { EventQueue, ReplicaCounters } from "./events.ts";
import { type OverlaySource, type ShownSources, ShownValues } from "./shown.ts";
import { EntrySlots } from "./slots.ts";
import { SubsystemSync, type SyncSettings } from "./subsystem_sync.ts";

/** What a world is made with. */
export interface WorldSettings {
  readonly epoch: StateEpoch;
  readonly limits: BookLimits;
  readonly counters: ReplicaCounters;
  readonly events: EventQueue;
  /** Counts the books that were shown. */
  readonly generation: number;
  /** The first frame of its values. */
  readonly frame: number;
}

/** Own writes as a world sees them. */
export interface WriteWatcher extends OverlaySource {
  /** The host's entry of the path was told anew. */
  handleEntry(nowUs: number, id: PathId): void;
}

/** No own writes: those of a world that is not shown yet. */
const NO_WRITES: WriteWatcher = { overlayOf: () => undefined, handleEntry: () => {} };

/** One epoch at a client. */
export class World implements CopySink, ShownSources {
  readonly epoch: StateEpoch;
  readonly generation: number;
  readonly slots: EntrySlots;
  readonly shown: ShownValues;
  readonly syncs = new Map<SubsystemNumber, SubsystemSync>();
  readonly #bookCopy: BookCopy;
  readonly #syncSettings: SyncSettings;
  #writes: WriteWatcher = NO_WRITES;
  #nowUs = 0;

  constructor(settings: WorldSettings) {
    const { epoch, limits, counters, events } = settings;
    this.epoch = epoch;
    this.generation = settings.generation;
    this.slots = new EntrySlots(limits.maxIds);
    this.#bookCopy = new BookCopy(limits, this);
    this.#syncSettings = {
      epoch,
      counters,
      events,
      nameOf: (subsystem) => this.book.subsystems.nameOf(subsystem),
      maxEntries: limits.maxIds,
    };
    this.shown = new ShownValues(this, settings.frame);
  }

  /** The definitions. */
  get book(): SchemaBook {
    return this.#bookCopy.book;
  }

  /** Own values over those of the host. */
  get overlays(): OverlaySource {
    return this.#writes;
  }

  /** Whether every subsystem is whole, and the last digest of none differed. */
  get isReady(): boolean {
    for (const sync of this.syncs.values()) if (!sync.isComplete || sync.isDifferent) return false;
    return this.syncs.size > 0;
  }

  /** From now on own writes are shown over the values of this world. */
  show(writes: WriteWatcher): void {
    this.#writes = writes;
  }

  /** The time of what follows. */
  handleTime(nowUs: number): void {
    this.#nowUs = nowUs;
  }

  /** Follows the plan of a welcome. */
  handlePlans(nowUs: number, plans: readonly SubsystemPlan[]): void {
    this.#nowUs = nowUs;
    for (const plan of plans) {
      this.book.subsystems.adopt(plan.subsystem, plan.name);
      this.syncOf(plan.subsystem)?.handlePlan(nowUs, plan);
    }
  }

  /** Subsystems began; nothing is in them before something comes. */
  handleNames(nowUs: number, names: readonly SubsystemName[]): void {
    this.#nowUs = nowUs;
    for (const { subsystem, name } of names) {
      this.book.subsystems.adopt(subsystem, name);
      if (this.syncs.has(subsystem)) continue;
      this.syncOf(subsystem)?.handlePlan(nowUs, { subsystem, name, version: 0 as Version, chunks: 0 });
    }
  }

  /** The subsystem of a number, which begins with the first word about it; null when there are too many. */
  syncOf(subsystem: SubsystemNumber): SubsystemSync | null {
    const known = this.syncs.get(subsystem);
    if (known !== undefined) return known;
    if (this.syncs.size === MAX_SUBSYSTEMS) return null;
    const copy = subsystem === BOOK_SUBSYSTEM ? this.#bookCopy : new ValueCopy(subsystem, this.slots, this);
    const sync = new SubsystemSync(subsystem, copy, this.#syncSettings);
    this.syncs.set(subsystem, sync);
    return sync;
  }

  /** Learns the number of a subsystem whose name was lost on the way, from what the host puts in it. */
  nameSubsystem(subsystem: SubsystemNumber, entries: readonly WireEntry[]): void {
    const { subsystems } = this.book;
    if (subsystem === BOOK_SUBSYSTEM || subsystems.nameOf(subsystem) !== null) return;
    for (const { id } of entries) {
      const definition = this.book.definitionOf(id);
      if (definition !== null && subsystems.adopt(subsystem, definition.subsystem)) return;
    }
  }

  /** The connection is gone. */
  handleLost(): void {
    for (const sync of this.syncs.values()) sync.handleLost();
  }

  noteEntry(id: PathId): void {
    this.#writes.handleEntry(this.#nowUs, id);
    this.shown.refresh(this.#nowUs, id);
  }

  noteDefinition(id: PathId): void {
    this.shown.refresh(this.#nowUs, id);
  }

  /** An own value came, changed or went. */
  noteOverlay(nowUs: number, id: PathId): void {
    this.shown.refresh(nowUs, id);
  }
}
