// How fast a client may write: 200 messages a second, 30 values a second to one path; the newest value is kept and follows as
// soon as it may (research 2.9: what is too much is merged, not queued).
// Decides which writes go on at once and which wait; never what a write is, nor whether it is allowed.

import type { ClientNumber, PathId } from "../model/mod.ts";
import { MAX_GATED_PATHS, SETS_PER_SECOND, WRITES_PER_PATH_SECOND } from "./bounds.ts";

const MESSAGE_US = Math.ceil(1_000_000 / SETS_PER_SECOND);
const PATH_US = Math.ceil(1_000_000 / WRITES_PER_PATH_SECOND);
/** Messages may come in bursts: a tenth of a second's worth at once. */
const MESSAGE_SLACK_US = 100_000;
/** A sender at just that rate whose packets arrive unevenly must not be slowed down. */
const PATH_SLACK_US = PATH_US;
/** A client is told no more often than so that writes of it were merged. */
const NOTICE_US = 1_000_000;

/** What becomes of a write: it goes on now; it waits, as the newest of its path; or there is no room even for that. */
export type GateAnswer = "now" | "waits" | "full";

/** A write whose time has come. */
export interface DueWrite<W> {
  readonly client: ClientNumber;
  readonly path: PathId;
  readonly write: W;
}

/** Writes of a client were merged: tell it. */
export interface MergeNotice {
  readonly client: ClientNumber;
  /** How many never took effect since a newer one came. */
  readonly merged: number;
}

/** Counters of one gate. */
export interface GateCounters {
  /** Writes that went on at once, those that had to wait, and those of them that a newer one replaced. */
  passed: number;
  waited: number;
  merged: number;
  refusedFull: number;
}

/** One path of one client. The times are those of the generic cell rate algorithm (ITU-T I.371): when the next one is expected. */
interface PathGate<W> {
  expectedUs: number;
  isWaiting: boolean;
  waiting: W | null;
}

interface ClientGate<W> {
  readonly client: ClientNumber;
  readonly paths: Map<PathId, PathGate<W>>;
  expectedUs: number;
  /** How many paths have a write that waits. */
  waiting: number;
  /** No waiting write is due before. */
  nextUs: number;
  merged: number;
  toldUs: number;
  /** No idle path is worth looking for before. */
  sweepUs: number;
  /** Whether the message of now may go on. */
  isOpen: boolean;
}

/** The rates of a host's clients. `W` is a write as the host wants it back. */
export class WriteGate<W> {
  readonly #clients = new Map<ClientNumber, ClientGate<W>>();
  /** That of the message that is being handled. */
  #last: ClientGate<W> | null = null;
  readonly #due: DueWrite<W>[] = [];
  readonly #maxPaths: number;
  readonly counters: GateCounters = { passed: 0, waited: 0, merged: 0, refusedFull: 0 };

  constructor(maxPaths = MAX_GATED_PATHS) {
    this.#maxPaths = maxPaths;
  }

  /** A message with values has come: what follows from `handleWrite` until the next one belongs to it. */
  handleMessage(nowUs: number, client: ClientNumber): void {
    const gate = this.#gateOf(client);
    gate.isOpen = nowUs >= gate.expectedUs - MESSAGE_SLACK_US;
    if (gate.isOpen) gate.expectedUs = Math.max(nowUs, gate.expectedUs) + MESSAGE_US;
  }

  /** One value of that message. Where it waits, it replaces what waited for its path; only then is `write` kept. */
  handleWrite(nowUs: number, client: ClientNumber, path: PathId, write: W): GateAnswer {
    const gate = this.#gateOf(client);
    let entry = gate.paths.get(path);
    if (entry === undefined) {
      if (gate.paths.size >= this.#maxPaths && !this.#sweep(nowUs, gate)) {
        this.counters.refusedFull++;
        return "full";
      }
      entry = { expectedUs: 0, isWaiting: false, waiting: null };
      gate.paths.set(path, entry);
    }
    if (entry.isWaiting) {
      gate.merged++;
      this.counters.merged++;
      entry.waiting = write;
      return "waits";
    }
    if (gate.isOpen && nowUs >= entry.expectedUs - PATH_SLACK_US) {
      entry.expectedUs = Math.max(nowUs, entry.expectedUs) + PATH_US;
      this.counters.passed++;
      return "now";
    }
    entry.isWaiting = true;
    entry.waiting = write;
    gate.waiting++;
    gate.nextUs = Math.min(gate.nextUs, this.#dueUs(gate, entry));
    this.counters.waited++;
    return "waits";
  }

  /** A client gives a path up, which is never delayed: what waits for it is void. */
  handleRelease(client: ClientNumber, path: PathId): void {
    const gate = this.#clients.get(client);
    const entry = gate?.paths.get(path);
    if (gate === undefined || entry === undefined || !entry.isWaiting) return;
    entry.isWaiting = false;
    entry.waiting = null;
    gate.waiting--;
    gate.merged++;
    this.counters.merged++;
  }

  /** A client is suspended: what of it waits was acknowledged, and waits no longer; `pollWrite` has it. */
  handleSuspended(client: ClientNumber): void {
    const gate = this.#clients.get(client);
    for (const [path, { waiting }] of gate?.paths ?? []) {
      if (waiting !== null) this.#due.push({ client, path, write: waiting });
    }
    this.forget(client);
  }

  /** A client is gone: nothing of it waits any more. */
  forget(client: ClientNumber): void {
    this.#clients.delete(client);
    this.#last = null;
  }

  /** Lets those writes go on whose time has come: `pollWrite` has them. All that wait of one client count as one message. */
  handleTimeout(nowUs: number): void {
    for (const gate of this.#clients.values()) {
      if (gate.waiting === 0 || nowUs < gate.nextUs) continue;
      gate.nextUs = Infinity;
      let isAny = false;
      for (const [path, entry] of gate.paths) {
        if (!entry.isWaiting) continue;
        const dueUs = this.#dueUs(gate, entry);
        if (dueUs > nowUs) {
          gate.nextUs = Math.min(gate.nextUs, dueUs);
          continue;
        }
        const { waiting } = entry;
        if (waiting !== null) this.#due.push({ client: gate.client, path, write: waiting });
        entry.isWaiting = false;
        entry.waiting = null;
        entry.expectedUs = Math.max(nowUs, entry.expectedUs) + PATH_US;
        gate.waiting--;
        isAny = true;
      }
      if (isAny) gate.expectedUs = Math.max(nowUs, gate.expectedUs) + MESSAGE_US;
    }
  }

  /** When it wants `handleTimeout`, in microseconds; Infinity for never. */
  nextUs(): number {
    let next = Infinity;
    for (const { waiting, nextUs } of this.#clients.values()) {
      if (waiting > 0 && nextUs < next) next = nextUs;
    }
    return next;
  }

  /** The next write that goes on now. Its permission has to be looked at again: it may have lost it while it waited. */
  pollWrite(): DueWrite<W> | null {
    return this.#due.shift() ?? null;
  }

  /** The next client to be told that writes of it were merged: once a second at most. */
  pollNotice(nowUs: number): MergeNotice | null {
    for (const gate of this.#clients.values()) {
      const { client, merged } = gate;
      if (merged === 0 || nowUs - gate.toldUs < NOTICE_US) continue;
      gate.merged = 0;
      gate.toldUs = nowUs;
      return { client, merged };
    }
    return null;
  }

  /** When a waiting write may go on: without slack, so that what comes too fast settles at the rate. */
  #dueUs(gate: ClientGate<W>, entry: PathGate<W>): number {
    return Math.max(entry.expectedUs, gate.expectedUs - MESSAGE_SLACK_US);
  }

  #gateOf(client: ClientNumber): ClientGate<W> {
    if (this.#last?.client === client) return this.#last;
    let gate = this.#clients.get(client);
    if (gate === undefined) {
      gate = {
        client,
        paths: new Map(),
        expectedUs: 0,
        waiting: 0,
        nextUs: Infinity,
        merged: 0,
        toldUs: -NOTICE_US,
        sweepUs: 0,
        isOpen: true,
      };
      this.#clients.set(client, gate);
    }
    this.#last = gate;
    return gate;
  }

  /** Forgets paths that were not written lately. @returns whether there is room now. */
  #sweep(nowUs: number, gate: ClientGate<W>): boolean {
    if (nowUs < gate.sweepUs) return false;
    gate.sweepUs = nowUs + PATH_US;
    for (const [path, { expectedUs, isWaiting }] of gate.paths) {
      if (!isWaiting && expectedUs <= nowUs) gate.paths.delete(path);
    }
    return gate.paths.size < this.#maxPaths;
  }
}
