// What standbys have to have, and how far they have it (research 2.7 L3).
// Decides which changes go to which standby, and which writes may be acknowledged as copied: for each standby one number and
// at most one update on its way. Never decides who takes over; never sends.

import type { HoldingCopy, LinkNumber } from "../holding/mod.ts";
import type { ClaimTable, PathRecord } from "../merge/mod.ts";
import type { ClientNumber, PathId, StateEpoch, SubsystemNumber } from "../model/mod.ts";
import type { BookRow, SchemaBook } from "../schema/mod.ts";
import type { HostCounters } from "./counters.ts";
import { MAX_STANDBYS, STANDBY_LATE_US } from "./limits.ts";
import { RecencyList, type RecencyNode } from "./recency_list.ts";
import type { AckLimit } from "./sender.ts";
import type { Subscriber } from "./subscriber.ts";

/** A client as a standby keeps it. */
export interface StandbyClient {
  readonly client: ClientNumber;
  readonly name: string;
  /** Its newest write that has taken effect. */
  readonly sequence: number;
  /** It will not come back. */
  readonly isGone: boolean;
}

/** A path as a standby keeps it. */
export interface StandbyPath {
  readonly id: PathId;
  readonly record: PathRecord;
}

/** What changed after `base`, or everything where that is 0. Plain data, good for ever. */
export interface StandbyUpdate {
  readonly epoch: StateEpoch;
  readonly base: number;
  readonly number: number;
  readonly subsystems: readonly (readonly [SubsystemNumber, string])[];
  readonly rows: readonly BookRow[];
  readonly paths: readonly StandbyPath[];
  readonly clients: readonly StandbyClient[];
  /** What holding/ has its standby keep; null where nothing of it changed. */
  readonly holding: HoldingCopy | null;
}

/** An update and whom it is for. */
export interface StandbyOutgoing {
  readonly to: LinkNumber;
  readonly update: StandbyUpdate;
}

/** What the desk needs. */
export interface StandbyDeskOptions {
  readonly epoch: StateEpoch;
  readonly book: SchemaBook;
  readonly claims: ClaimTable;
  readonly subscribers: ReadonlyMap<ClientNumber, Subscriber>;
  readonly holding: () => HoldingCopy;
  readonly counters: HostCounters;
}

interface Standby {
  readonly name: LinkNumber;
  /** What it has confirmed, and what is on its way; 0 for nothing. */
  confirmed: number;
  confirmedRevision: number;
  cut: number;
  cutRevision: number;
  sentUs: number;
  isLate: boolean;
  holdingAt: number;
  /** The newest writes of clients that the update on its way holds. */
  readonly sequences: Map<ClientNumber, number>;
}

/** Keeps standbys up to date. */
export class StandbyDesk implements AckLimit {
  readonly #options: StandbyDeskOptions;
  readonly #standbys = new Map<LinkNumber, Standby>();
  readonly #paths = new RecencyList<PathId>();
  readonly #pathNodes = new Map<PathId, RecencyNode<PathId>>();
  readonly #clients = new RecencyList<ClientNumber>();
  readonly #clientNodes = new Map<ClientNumber, RecencyNode<ClientNumber>>();
  /** Counts changes, from 1 on. */
  #count = 0;
  #revision = 0;
  #holdingAt = 0;
  #isSingle = true;

  constructor(options: StandbyDeskOptions) {
    this.#options = options;
  }

  get isSingle(): boolean {
    return this.#isSingle;
  }

  limitOf(subscriber: Subscriber): number {
    return this.#isSingle ? Infinity : subscriber.confirmed;
  }

  /** How many standbys there are. */
  get size(): number {
    return this.#standbys.size;
  }

  /** A standby is there; it has nothing. @returns false where there is no room for it. */
  handleJoined(standby: LinkNumber): boolean {
    if (!this.#standbys.has(standby) && this.#standbys.size >= MAX_STANDBYS) return false;
    this.#standbys.set(standby, {
      name: standby,
      confirmed: 0,
      confirmedRevision: 0,
      cut: 0,
      cutRevision: 0,
      sentUs: 0,
      isLate: false,
      holdingAt: -1,
      sequences: new Map(),
    });
    this.#options.counters.standbyWhole++;
    this.#judge();
    return true;
  }

  /** A standby is gone. @returns whether more may be acknowledged now. */
  handleLeft(standby: LinkNumber): boolean {
    this.#standbys.delete(standby);
    return this.#judge();
  }

  /** A standby has everything up to `number`. @returns whether more may be acknowledged now. */
  handleConfirmed(standby: LinkNumber, number: number): boolean {
    const found = this.#standbys.get(standby);
    if (found === undefined || found.cut === 0 || number !== found.cut) return false;
    found.confirmed = found.cut;
    found.confirmedRevision = found.cutRevision;
    found.cut = 0;
    found.isLate = false;
    for (const [client, sequence] of found.sequences) {
      const subscriber = this.#options.subscribers.get(client);
      if (subscriber !== undefined) subscriber.confirmed = Math.max(subscriber.confirmed, sequence);
    }
    found.sequences.clear();
    this.#forgetGone();
    this.#judge();
    return true;
  }

  /** A standby could not take an update: it has to have everything again. */
  handleRefused(standby: LinkNumber): void {
    if (this.#standbys.has(standby)) this.handleJoined(standby);
  }

  /** A client came, wrote, or went for good. */
  noteClient(client: ClientNumber): void {
    const node = this.#clientNodes.get(client);
    const at = ++this.#count;
    if (node === undefined) this.#clientNodes.set(client, this.#clients.add(client, at));
    else this.#clients.touch(node, at);
  }

  /** Something that holding/ keeps has changed. */
  noteHolding(): void {
    this.#holdingAt = ++this.#count;
  }

  /** @returns whether acknowledgements stop waiting, because no standby answers. */
  handleTimeout(nowUs: number): boolean {
    for (const standby of this.#standbys.values()) {
      if (standby.cut === 0 || standby.isLate || nowUs - standby.sentUs < STANDBY_LATE_US) continue;
      standby.isLate = true;
      this.#options.counters.standbyLate++;
    }
    return this.#judge();
  }

  /** When it wants `handleTimeout` or has an update, in microseconds; Infinity for never. */
  deadlineUs(): number {
    let atUs = Infinity;
    for (const { cut, isLate, sentUs } of this.#standbys.values()) {
      if (cut !== 0 && !isLate) atUs = Math.min(atUs, sentUs + STANDBY_LATE_US);
    }
    return atUs;
  }

  /** The next update; null where every standby has all or an update on its way. */
  poll(nowUs: number): StandbyOutgoing | null {
    this.#gather();
    if (this.#standbys.size === 0) return null;
    for (const standby of this.#standbys.values()) {
      const isWhole = standby.confirmed === 0;
      if (standby.cut !== 0 || (!isWhole && standby.confirmed === this.#count)) continue;
      standby.cut = Math.max(1, this.#count);
      this.#count = standby.cut;
      standby.cutRevision = this.#options.book.revision;
      standby.sentUs = nowUs;
      this.#options.counters.standbyUpdates++;
      return { to: standby.name, update: this.#update(standby) };
    }
    return null;
  }

  /** Everything, as a standby would have it. */
  snapshot(): StandbyUpdate {
    this.#gather();
    return this.#whole(Math.max(1, this.#count));
  }

  #update(standby: Standby): StandbyUpdate {
    const isWhole = standby.confirmed === 0;
    const { book, subscribers, holding } = this.#options;
    const update = isWhole ? this.#whole(standby.cut) : {
      epoch: this.#options.epoch,
      base: standby.confirmed,
      number: standby.cut,
      subsystems: [...book.subsystems.entries()],
      rows: book.rowsSince(standby.confirmedRevision),
      paths: this.#pathsAfter(standby.confirmed),
      clients: this.#clientsAfter(standby.confirmed),
      holding: this.#holdingAt > standby.holdingAt ? holding() : null,
    };
    standby.holdingAt = this.#holdingAt;
    for (const { client } of update.clients) {
      const subscriber = subscribers.get(client);
      if (subscriber !== undefined) standby.sequences.set(client, subscriber.sequence);
    }
    return update;
  }

  #whole(number: number): StandbyUpdate {
    const { book, claims, epoch, holding } = this.#options;
    const paths: StandbyPath[] = [];
    for (let id = 1; id <= book.lastId; id++) {
      const record = claims.recordOf(id as PathId);
      if (record !== null) paths.push({ id: id as PathId, record: copyRecord(record) });
    }
    return {
      epoch,
      base: 0,
      number,
      subsystems: [...book.subsystems.entries()],
      rows: book.rowsSince(0),
      paths,
      clients: this.#clientsAfter(0).filter(({ isGone }) => !isGone),
      holding: holding(),
    };
  }

  #pathsAfter(base: number): StandbyPath[] {
    const paths: StandbyPath[] = [];
    for (let node = this.#paths.firstAfter(base); node !== null; node = node.newer) {
      const record = this.#options.claims.recordOf(node.item);
      if (record !== null) paths.push({ id: node.item, record: copyRecord(record) });
    }
    return paths;
  }

  #clientsAfter(base: number): StandbyClient[] {
    const clients: StandbyClient[] = [];
    for (let node = this.#clients.firstAfter(base); node !== null; node = node.newer) {
      const subscriber = this.#options.subscribers.get(node.item);
      const isGone = subscriber === undefined;
      const [name, sequence] = isGone ? ["", 0] : [subscriber.name, subscriber.sequence];
      clients.push({ client: node.item, name, sequence, isGone });
    }
    return clients;
  }

  /** Numbers what has changed among definitions and claims since it was last asked. */
  #gather(): void {
    const { book, claims } = this.#options;
    if (book.revision !== this.#revision) {
      this.#revision = book.revision;
      this.#count++;
      for (const [id, node] of this.#pathNodes) {
        if (book.definitionOf(id) !== null) continue;
        this.#pathNodes.delete(id);
        this.#paths.remove(node);
      }
    }
    for (let id = claims.pollCopy(); id !== null; id = claims.pollCopy()) {
      const node = this.#pathNodes.get(id);
      const at = ++this.#count;
      if (node === undefined) this.#pathNodes.set(id, this.#paths.add(id, at));
      else this.#paths.touch(node, at);
    }
    if (this.#standbys.size === 0) this.#forgetGone();
  }

  /** Clients that went for good are forgotten when every standby knows. */
  #forgetGone(): void {
    let known = Infinity;
    for (const { confirmed } of this.#standbys.values()) known = Math.min(known, confirmed);
    for (let node = this.#clients.oldest; node !== null && node.at <= known;) {
      const next = node.newer;
      if (!this.#options.subscribers.has(node.item)) {
        this.#clients.remove(node);
        this.#clientNodes.delete(node.item);
      }
      node = next;
    }
  }

  /** @returns whether acknowledgements have stopped waiting for standbys. */
  #judge(): boolean {
    const wasSingle = this.#isSingle;
    this.#isSingle = true;
    for (const { confirmed, isLate } of this.#standbys.values()) {
      if (confirmed > 0 && !isLate) this.#isSingle = false;
    }
    return this.#isSingle && !wasSingle;
  }
}

/** A record that stays as it is. */
function copyRecord({ claims, look }: PathRecord): PathRecord {
  return { claims: claims.map((claim) => ({ ...claim })), look: { ...look } };
}
