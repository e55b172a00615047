// The shared state itself: definitions, claims, and what follows from them.
// Decides that the effective value of every path is the winner of its claims at all times (I2), and which subsystem it
// changes. Never knows who is connected, what is sent, or who may write.

import {
  type ClaimTable,
  type PathChange,
  type PathRecord,
  type SetOutcome,
  type Winner,
} from "../merge/mod.ts";
import {
  type ClientNumber,
  DEFAULT_PRIORITY,
  IdTable,
  type ParameterDefinition,
  type PathId,
  RATE_US,
  type StateValue,
  type SubsystemNumber,
} from "../model/mod.ts";
import { clampValue, type Defined, NO_PATH, Refusal, type SchemaBook } from "../schema/mod.ts";
import { type Entry, type LogNodes, type LogObserver, SubsystemLog } from "./subsystem_log.ts";

/** Who is told of every change. */
export interface DocumentObserver extends LogObserver {
  /** A subsystem began. */
  noteLog(log: SubsystemLog): void;
  /** The book of definitions has changed. */
  noteBook(): void;
}

/** Who is told by which claim a path changed, for logs. */
export interface WinnerObserver {
  /** `change` is good until the next one. */
  noteWinner(change: PathChange): void;
}

/** The state of a host. */
export class StateDocument {
  readonly book: SchemaBook;
  readonly claims: ClaimTable;
  readonly #logs: (SubsystemLog | undefined)[] = [];
  readonly #nodes: LogNodes = new IdTable();
  readonly #observers: DocumentObserver[] = [];
  readonly #winners: WinnerObserver;
  readonly #relay: LogObserver = {
    noteAfter: (log, entry, rateUs) => {
      const observers = this.#observers;
      for (let at = 0; at < observers.length; at++) observers[at]?.noteAfter(log, entry, rateUs);
    },
  };

  constructor(book: SchemaBook, claims: ClaimTable, winners: WinnerObserver) {
    this.book = book;
    this.claims = claims;
    this.#winners = winners;
    this.#addLogs();
  }

  /** Has `observer` told of everything from now on. */
  observe(observer: DocumentObserver): void {
    this.#observers.push(observer);
  }

  /** The subsystems with values, in the order of their numbers. */
  *logs(): Generator<SubsystemLog> {
    for (const log of this.#logs) if (log !== undefined) yield log;
  }

  /** One subsystem; null for the book and for numbers that were not given. */
  log(number: SubsystemNumber): SubsystemLog | null {
    return this.#logs[number] ?? null;
  }

  /** The effective value of a path; null where there is none. */
  entryOf(id: PathId): Entry | null {
    return this.#logOf(id)?.entryOf(id) ?? null;
  }

  /** Declares a path, or again with what has changed. The definition is one that was read (schema/). */
  define(nowUs: number, definition: ParameterDefinition): Defined | Refusal {
    const before = this.book.definitionOf(this.book.idOf(definition.path));
    const defined = this.book.define(definition);
    if (defined instanceof Refusal || defined.outcome === "same") return defined;
    this.#addLogs();
    if (defined.former !== NO_PATH) this.#remove(nowUs, defined.former, before);
    this.claims.handleDefinition(defined.id, definition);
    this.#noteBook();
    this.#follow(defined.id, definition);
    this.settle();
    return defined;
  }

  /** Takes a path out. @returns whether it was there. */
  retire(nowUs: number, id: PathId): boolean {
    const definition = this.book.definitionOf(id);
    if (definition === null || !this.book.retire(definition.path)) return false;
    this.#remove(nowUs, id, definition);
    this.#noteBook();
    return true;
  }

  /** A checked write of a client that is there: {@linkcode ClaimTable.handleSet}. Call `settle` behind the last of a batch. */
  set(
    nowUs: number,
    id: PathId,
    client: ClientNumber,
    value: StateValue,
    priority: number,
    flags: number,
  ): SetOutcome {
    return this.claims.handleSet(nowUs, id, client, value, priority, flags);
  }

  /**
   * Puts a value as a change of structure: it stands by itself where the path holds values without writers, and the
   * writer's claim is given up again. Call `settle` behind the last of a batch.
   */
  place(nowUs: number, id: PathId, client: ClientNumber, value: StateValue): SetOutcome {
    const had = this.claims.claim(id, client);
    const isHeld = had !== null && had.standing !== "released";
    const outcome = this.claims.handleSet(nowUs, id, client, value, DEFAULT_PRIORITY);
    const keeps = this.book.definitionOf(id)?.onLoss === "hold";
    if (outcome === "stands" && keeps && !isHeld) this.claims.handleSet(nowUs, id, client, value, 0);
    return outcome;
  }

  /** Whether a client's `place` would stand. */
  canPlace(id: PathId): boolean {
    const winner = this.claims.winner(id);
    return winner !== null && winner.priority <= DEFAULT_PRIORITY;
  }

  /** Takes over how a path stood at another host. Its definition is in the book. */
  adopt(id: PathId, record: PathRecord | null): void {
    const definition = this.book.definitionOf(id);
    if (definition === null) return;
    this.#addLogs();
    this.claims.handleDefinition(id, definition);
    if (record !== null) this.claims.handleCopy(id, record);
    this.#follow(id, definition);
  }

  /** Carries over to the entries what has changed among the claims. */
  settle(): void {
    for (let change = this.claims.pollChange(); change !== null; change = this.claims.pollChange()) {
      const { path, value, to, toPriority } = change;
      const definition = this.book.definitionOf(path);
      const log = this.#logOf(path);
      if (definition === null || log === null) continue;
      const { type, rate, merge } = definition;
      const shown = merge === "sum" ? clampValue(definition, value) : value;
      if (log.put(path, type, shown, to, toPriority, RATE_US[rate])) this.#winners.noteWinner(change);
    }
  }

  /** Whether every entry is the winner of its claims (I2); the first path that is not, or null. */
  findStray(): PathId | null {
    for (let id = 1; id <= this.book.lastId; id++) {
      const definition = this.book.definitionOf(id as PathId);
      const [winner, entry] = [this.claims.winner(id as PathId), this.entryOf(id as PathId)];
      const isThere = winner !== null && entry !== null && !entry.deleted;
      if ((definition !== null) !== isThere) return id as PathId;
      if (winner === null || entry === null || entry.deleted) continue;
      if (winner.holder !== entry.holder || winner.priority !== entry.priority) return id as PathId;
    }
    return null;
  }

  /** Puts the winner of a path into its log. @returns whether that is a change. */
  #follow(id: PathId, definition: ParameterDefinition): boolean {
    const winner = this.claims.winner(id);
    const log = this.#logOf(id);
    if (winner === null || log === null) return false;
    const value = valueOf(winner, definition);
    const { type, rate } = definition;
    return log.put(id, type, value, winner.holder, winner.priority, RATE_US[rate]);
  }

  #remove(nowUs: number, id: PathId, definition: ParameterDefinition | null): void {
    this.claims.handleRemoval(id);
    this.#logOf(id)?.delete(nowUs, id, RATE_US[definition?.rate ?? "fast"]);
  }

  #logOf(id: PathId): SubsystemLog | null {
    const subsystem = this.book.subsystemOf(id);
    return subsystem === null ? null : this.log(subsystem);
  }

  /** A log for every subsystem that has none yet. */
  #addLogs(): void {
    for (const [number, name] of this.book.subsystems.entries()) {
      if (number === 0 || this.#logs[number] !== undefined) continue;
      const log = new SubsystemLog(number, name, this.#relay, this.#nodes);
      this.#logs[number] = log;
      for (const observer of this.#observers) observer.noteLog(log);
    }
  }

  #noteBook(): void {
    for (const observer of this.#observers) observer.noteBook();
  }
}

/** What a winner shows: a sum is rounded to what every copy can hold. */
function valueOf({ value }: Winner, definition: ParameterDefinition): StateValue {
  return definition.merge === "sum" ? clampValue(definition, value) : value;
}
