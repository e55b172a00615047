// What happened to the programs of a node, in the order in which the daemon learned of it.
// Decides ids without gaps, what is kept of the past, and that writing waits for the end of the turn, so that a burst is
// one commit. Never decides what is an event.

import type { Platform, RowChange } from "../../platform/mod.ts";
import type { ProgramEvent, ProgramEventKind } from "../model/mod.ts";
import type { EventPage, EventQuery, ProgramEventEntry } from "./calls.ts";
import { readEntry } from "./rows.ts";
import type { Store } from "./store.ts";

/** Digits of an id as a key: keys are in order as texts. */
const KEY_DIGITS = 14;
/** Events of one answer where nothing else is said. */
const DEFAULT_LIMIT = 100;
/** Rows that are looked at together while looking for those of one program. */
const SCAN_ROWS = 1_000;
/** What one answer holds in characters: more is asked for from where it ends. */
const MAX_PAGE_LENGTH = 2 << 20;
/** The row of the table `instance` that holds what belongs to no program. */
const OWN_ROW = "#daemon";

/** Something that the daemon itself noticed. */
export interface OwnEvent {
  readonly program: string;
  readonly run: number;
  readonly kind: ProgramEventKind;
  readonly by: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The events of a node. */
export class EventLog {
  readonly #store: Store;
  readonly #platform: Platform;
  readonly #maxEvents: number;
  readonly #listeners = new Set<(entry: ProgramEventEntry) => void>();
  #waiting: RowChange[] = [];
  #last: number;
  #oldest: number;
  #ownSeq: number;

  constructor(store: Store, platform: Platform, maxEvents: number) {
    this.#store = store;
    this.#platform = platform;
    this.#maxEvents = maxEvents;
    const [newest] = store.list("event", { reverse: true, limit: 1 });
    const [oldest] = store.list("event", { limit: 1 });
    this.#last = newest === undefined ? 0 : idOf(newest.key);
    this.#oldest = oldest === undefined ? this.#last + 1 : idOf(oldest.key);
    const [own] = store.list("instance", { limit: 1 });
    this.#ownSeq = own?.key === OWN_ROW ? Number(own.value) || 0 : 0;
  }

  /** The newest id; 0 before there was any. */
  get last(): number {
    return this.#last;
  }

  /** The oldest id that is kept; one more than the newest where none is. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Notes an event of a shim. `alongside` is written in the same commit: how far the shim's events are taken over. */
  take(event: ProgramEvent, alongside: RowChange): void {
    this.#append("shim", event, [alongside]);
  }

  /** Notes an event of the daemon's own. */
  note({ program, run, kind, by, detail }: OwnEvent): void {
    const { clock } = this.#platform;
    const seq = ++this.#ownSeq;
    const event: ProgramEvent = {
      seq,
      program,
      run,
      atWallMs: Math.floor(clock.wallMs()),
      atUs: clock.nowUs(),
      kind,
      by,
      detail,
    };
    this.#append("daemon", event, [{ table: "instance", key: OWN_ROW, value: String(seq) }]);
  }

  /** Calls `listener` with every event from now on. Returns how to stop it. */
  onEvent(listener: (entry: ProgramEventEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Events behind an id, oldest first; without one the newest. */
  page({ after, program, limit = DEFAULT_LIMIT }: EventQuery): EventPage {
    this.flush();
    const found: ProgramEventEntry[] = [];
    const isForward = after !== undefined;
    let at = after === undefined ? this.#last + 1 : after;
    let looked = isForward ? after : this.#last;
    let room = MAX_PAGE_LENGTH;
    while (found.length < limit && room > 0) {
      const rows = this.#store.list("event", {
        ...(isForward ? { after: keyOf(at) } : { before: keyOf(at), reverse: true }),
        limit: program === undefined ? Math.min(SCAN_ROWS, limit - found.length) : SCAN_ROWS,
      });
      if (rows.length === 0) {
        if (isForward) looked = this.#last;
        break;
      }
      for (const { key, value } of rows) {
        at = idOf(key);
        const entry = readEntry(at, value);
        if (isForward) looked = at;
        if (entry === null || (program !== undefined && entry.event.program !== program)) continue;
        found.push(entry);
        room -= value.length;
        if (found.length >= limit || room <= 0) break;
      }
    }
    if (!isForward) found.reverse();
    return { events: found, last: Math.max(looked, after ?? 0), oldest: this.#oldest };
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const changes = this.#waiting;
    this.#waiting = [];
    this.#store.commit(changes, "relaxed");
  }

  #append(origin: "shim" | "daemon", event: ProgramEvent, alongside: readonly RowChange[]): void {
    const id = ++this.#last;
    const entry: ProgramEventEntry = { id, origin, event };
    if (this.#waiting.length === 0) this.#platform.timers.defer(() => this.flush());
    this.#waiting.push({ table: "event", key: keyOf(id), value: JSON.stringify({ origin, event }) });
    this.#waiting.push(...alongside);
    while (this.#last - this.#oldest >= this.#maxEvents) {
      this.#waiting.push({ table: "event", key: keyOf(this.#oldest++), value: null });
    }
    for (const listener of [...this.#listeners]) listener(entry);
  }
}

function keyOf(id: number): string {
  return String(id).padStart(KEY_DIGITS, "0");
}

function idOf(key: string): number {
  return Number(key) || 0;
}
