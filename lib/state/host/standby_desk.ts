// What standbys have to have, and how far they have it (research 2.7 L3).
// Decides which changes go to which standby, and which writes may be acknowledged as copied: for each standby one number and
// at most one update on its way. Never decides who takes over; never sends.

import type { HoldingCopy, LinkNumber } from "../holding/mod.ts";
import type { ClaimTable, PathRecord } from "../merge/mod.ts";
import type { ClientNumber, PathId, StateEpoch, SubsystemNumber } from "../model/mod.ts";
import type { BookRow, SchemaBook } from "../schema/mod.ts";
import { ChangeOrder } from "./change_order.ts";
import type { HostCounters } from "./counters.ts";
import { MAX_STANDBYS, STANDBY_LATE_US } from "./limits.ts";
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

/** What changed after `base`, or everything where that is 0. Plain data, good for ever; all lists ascend. */
export interface StandbyUpdate {
  readonly epoch: StateEpoch;
  readonly base: number;
  readonly number: number;
  readonly subsystems: readonly (readonly [SubsystemNumber, string])[];
  readonly rows: readonly BookRow[];
  /** Without those at which nobody ever wrote. */
  readonly paths: readonly StandbyPath[];
  readonly clients: readonly StandbyClient[];
  /** The same of holding/: clients that are gone are told above, an object that nobody owns any more has owner 0. */
  readonly holding: HoldingCopy | null;
}

/** An update and whom it is for. */
export interface StandbyOutgoing {
  readonly to: LinkNumber;
  readonly update: StandbyUpdate;
}

/** What holding/ has its standby keep. */
export interface HoldingSource {
  /** The next client, the next object, of which a standby has to be told again; null for none. */
  pollClientCopy(): ClientNumber | null;
  pollObjectCopy(): PathId | null;
  /** Another number with every change of the privilege. */
  readonly privilegeGeneration: number;
  /** Some of it; without the clients that are gone. */
  copyOf(clients: readonly ClientNumber[], objects: readonly PathId[]): HoldingCopy;
  /** All of it. */
  copyAll(): HoldingCopy;
}

/** What the desk needs. */
export interface StandbyDeskOptions {
  readonly epoch: StateEpoch;
  readonly book: SchemaBook;
  readonly claims: ClaimTable;
  readonly subscribers: ReadonlyMap<ClientNumber, Subscriber>;
  readonly holding: HoldingSource;
  readonly counters: HostCounters;
}

interface Standby {
  readonly name: LinkNumber;
  /** What it has confirmed, and what is on its way; 0 for nothing. */
  confirmed: number;
  confirmedRevision: number;
  cut: number;
  cutRevision: number;
  /** How many subsystems it knows, and will know. */
  confirmedNames: number;
  cutNames: number;
  sentUs: number;
  isLate: boolean;
  /** The newest writes of clients that the update on its way holds. */
  readonly sequences: Map<ClientNumber, number>;
}

/** Keeps standbys up to date. */
export class StandbyDesk implements AckLimit {
  readonly #options: StandbyDeskOptions;
  readonly #standbys = new Map<LinkNumber, Standby>();
  readonly #paths = new ChangeOrder<PathId>();
  readonly #clients = new ChangeOrder<ClientNumber>();
  /** Rows of clients and objects of holding/. */
  readonly #rows = new ChangeOrder<ClientNumber>();
  readonly #objects = new ChangeOrder<PathId>();
  /** Counts changes, from 1 on. */
  #count = 0;
  #revision = 0;
  #privilege = 0;
  /** When something of holding/ changed last. */
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

  /** Another number with every change that a standby would be told of. */
  get changes(): number {
    this.#gather();
    return this.#count;
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
      confirmedNames: 0,
      cutNames: 0,
      sentUs: 0,
      isLate: false,
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
    found.confirmedNames = found.cutNames;
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
    this.#clients.note(client, ++this.#count, !this.#options.subscribers.has(client));
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
      standby.cutNames = this.#options.book.subsystems.size;
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
    const { book, epoch, holding, subscribers } = this.#options;
    const { confirmed: base, confirmedRevision, cut: number } = standby;
    const update = base === 0 ? this.#whole(number) : {
      epoch,
      base,
      number,
      // Numbers are given in order: the new ones are the last ones.
      subsystems: [...book.subsystems.entries()].slice(standby.confirmedNames),
      rows: book.rowsSince(confirmedRevision),
      paths: this.#copyPaths(this.#paths.after(base)),
      clients: this.#copyClients(this.#clients.after(base)),
      holding: this.#holdingAt > base
        ? holding.copyOf(this.#rows.after(base), this.#objects.after(base))
        : null,
    };
    for (const { client } of update.clients) {
      const subscriber = subscribers.get(client);
      if (subscriber !== undefined) standby.sequences.set(client, subscriber.sequence);
    }
    return update;
  }

  #whole(number: number): StandbyUpdate {
    const { book, claims, epoch, holding, subscribers } = this.#options;
    const ids: PathId[] = [];
    for (let id = 1; id <= book.lastId; id++) {
      const record = claims.recordOf(id as PathId);
      if (record !== null && !isUntouched(record)) ids.push(id as PathId);
    }
    return {
      epoch,
      base: 0,
      number,
      subsystems: [...book.subsystems.entries()],
      rows: book.rowsSince(0),
      paths: this.#copyPaths(ids),
      clients: this.#copyClients([...subscribers.keys()].sort((a, b) => a - b)),
      holding: holding.copyAll(),
    };
  }

  #copyPaths(ids: readonly PathId[]): StandbyPath[] {
    const paths: StandbyPath[] = [];
    for (const id of ids) {
      const record = this.#options.claims.recordOf(id);
      if (record !== null) paths.push({ id, record: copyRecord(record) });
    }
    return paths;
  }

  #copyClients(clients: readonly ClientNumber[]): StandbyClient[] {
    return clients.map((client) => {
      const subscriber = this.#options.subscribers.get(client);
      if (subscriber === undefined) return { client, name: "", sequence: 0, isGone: true };
      return { client, name: subscriber.name, sequence: subscriber.sequence, isGone: false };
    });
  }

  /** Numbers what has changed since it was last asked. */
  #gather(): void {
    const { book, claims, holding } = this.#options;
    if (book.revision !== this.#revision) {
      this.#revision = book.revision;
      this.#count++;
      for (const id of this.#paths.all()) if (book.definitionOf(id) === null) this.#paths.forget(id);
    }
    for (let id = claims.pollCopy(); id !== null; id = claims.pollCopy()) {
      this.#paths.note(id, ++this.#count, false);
    }
    this.#gatherHolding(holding);
    if (this.#standbys.size === 0) this.#forgetGone();
  }

  #gatherHolding(holding: HoldingSource): void {
    for (let client = holding.pollClientCopy(); client !== null; client = holding.pollClientCopy()) {
      // What becomes of a client that is gone is told with the clients.
      if (!this.#options.subscribers.has(client)) this.#rows.forget(client);
      else this.#rows.note(client, this.#holdingAt = ++this.#count, false);
    }
    for (let object = holding.pollObjectCopy(); object !== null; object = holding.pollObjectCopy()) {
      const isFree = holding.copyOf([], [object]).objects[0]?.owner === 0;
      this.#objects.note(object, this.#holdingAt = ++this.#count, isFree);
    }
    if (holding.privilegeGeneration === this.#privilege) return;
    this.#privilege = holding.privilegeGeneration;
    this.#holdingAt = ++this.#count;
  }

  /** What went for good is forgotten when every standby knows. */
  #forgetGone(): void {
    let known = Infinity;
    for (const { confirmed } of this.#standbys.values()) known = Math.min(known, confirmed);
    this.#clients.forgetGone(known);
    this.#objects.forgetGone(known);
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

/** Whether nobody ever wrote there: what it has follows from its definition. */
export function isUntouched({ claims, look }: PathRecord): boolean {
  return claims.length === 0 && look.stamp === 0;
}

/** A record that stays as it is. */
function copyRecord({ claims, look }: PathRecord): PathRecord {
  return { claims: claims.map((claim) => ({ ...claim })), look: { ...look } };
}
