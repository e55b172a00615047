// The copy of a host's state at its standby: enough to go on as the host.
// Decides which updates may be applied: those of the host it follows, without a gap. Never decides to take over.

import {
  type ClientNumber,
  compareEpochs,
  type PathId,
  type StateEpoch,
  type SubsystemNumber,
} from "../model/mod.ts";
import type { ClientRow, HoldingCopy, OwnershipRow } from "../holding/mod.ts";
import type { PathRecord } from "../merge/mod.ts";
import type { BookRow } from "../schema/mod.ts";
import { isUntouched, type StandbyClient, type StandbyUpdate } from "./standby_desk.ts";

/** What a standby counts. */
export interface StandbyCounters {
  applied: number;
  /** Updates of an older host; updates behind a gap. */
  stale: number;
  gaps: number;
}

/** A standby's copy. */
export class StandbyCopy {
  #epoch: StateEpoch | null = null;
  #number = 0;
  readonly #subsystems = new Map<SubsystemNumber, string>();
  readonly #rows = new Map<PathId, BookRow>();
  readonly #records = new Map<PathId, PathRecord>();
  readonly #clients = new Map<ClientNumber, StandbyClient>();
  readonly #clientRows = new Map<ClientNumber, ClientRow>();
  readonly #objects = new Map<PathId, OwnershipRow>();
  /** The newest of holding/, for what is no row. */
  #holding: HoldingCopy | null = null;

  readonly counters: StandbyCounters = { applied: 0, stale: 0, gaps: 0 };

  /** Whose copy it is; null while there is none. */
  get epoch(): StateEpoch | null {
    return this.#epoch;
  }

  /** Up to which change of its host it goes. */
  get number(): number {
    return this.#number;
  }

  /**
   * The host tells what has changed.
   * @returns the number to confirm; null where the host has to send everything, or is not the one to listen to.
   */
  handleUpdate(update: StandbyUpdate): number | null {
    const order = this.#epoch === null ? 1 : compareEpochs(update.epoch, this.#epoch);
    if (order < 0) {
      this.counters.stale++;
      return null;
    }
    if (update.base === 0) this.#clear();
    else if (order !== 0 || update.base > this.#number) {
      this.counters.gaps++;
      return null;
    }
    this.#epoch = update.epoch;
    for (const [number, name] of update.subsystems) this.#subsystems.set(number, name);
    for (const row of update.rows) {
      if (row.definition !== null) this.#rows.set(row.id, row);
      else {
        this.#rows.delete(row.id);
        this.#records.delete(row.id);
      }
    }
    for (const { id, record } of update.paths) {
      if (isUntouched(record)) this.#records.delete(id);
      else this.#records.set(id, record);
    }
    for (const client of update.clients) {
      if (!client.isGone) this.#clients.set(client.client, client);
      else {
        this.#clients.delete(client.client);
        this.#clientRows.delete(client.client);
      }
    }
    if (update.holding !== null) this.#takeHolding(update.holding);
    this.#number = Math.max(this.#number, update.number);
    this.counters.applied++;
    return update.number;
  }

  /** Everything it has, from which a host can begin; null where it never heard of anything. */
  snapshot(): StandbyUpdate | null {
    if (this.#epoch === null) return null;
    return {
      epoch: this.#epoch,
      base: 0,
      number: this.#number,
      subsystems: [...this.#subsystems].sort(([a], [b]) => a - b),
      rows: [...this.#rows.values()].sort((a, b) => a.id - b.id),
      paths: [...this.#records].map(([id, record]) => ({ id, record })).sort((a, b) => a.id - b.id),
      clients: [...this.#clients.values()].sort((a, b) => a.client - b.client),
      holding: this.#copyHolding(),
    };
  }

  #takeHolding(holding: HoldingCopy): void {
    for (const row of holding.clients) this.#clientRows.set(row.number, row);
    for (const row of holding.objects) {
      if (row.owner === 0) this.#objects.delete(row.id);
      else this.#objects.set(row.id, row);
    }
    this.#holding = { ...holding, clients: [], objects: [] };
  }

  #copyHolding(): HoldingCopy | null {
    if (this.#holding === null) return null;
    // Writes are told of with the clients, not with their rows.
    const clients = [...this.#clientRows.values()].sort((a, b) => a.number - b.number)
      .map((row) => ({ ...row, sequence: this.#clients.get(row.number)?.sequence ?? row.sequence }));
    const objects = [...this.#objects.values()].sort((a, b) => a.id - b.id);
    return { ...this.#holding, clients, objects };
  }

  #clear(): void {
    this.#number = 0;
    this.#subsystems.clear();
    this.#rows.clear();
    this.#records.clear();
    this.#clients.clear();
    this.#clientRows.clear();
    this.#objects.clear();
    this.#holding = null;
  }
}
