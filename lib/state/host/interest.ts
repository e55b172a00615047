// Groups of clients that want to hear the same: work for one of them is work for all (research 2.11).
// Decides which group an interest belongs to, which paths it sees, and which feeds hear of a change.

import type { Interest } from "../messages/mod.ts";
import { isBelow, type PathId, RATE_US, type SubsystemNumber } from "../model/mod.ts";
import { BookSource, Feed, LogSource } from "./feed.ts";
import type { StateDocument } from "./document.ts";
import type { Entry, LogObserver, SubsystemLog } from "./subsystem_log.ts";

/** A feed whose versions and digest the log moves. */
interface LogFeed {
  readonly feed: Feed;
  readonly source: LogSource;
}

/** Clients of one interest. */
export class InterestGroup {
  /** The same for equal interests. */
  readonly key: string;
  /** By number of the subsystem. 0 is the book, which all groups have in common. */
  readonly feeds: (Feed | undefined)[] = [];
  readonly #sources: (LogFeed | undefined)[] = [];
  readonly #prefixes: readonly string[];
  readonly #intervalUs: number;
  readonly #pathOf: (id: PathId) => string | null;
  /** By id: 0 not asked yet, 1 seen, 2 not seen. */
  #seen = new Uint8Array(1_024);
  /** How many clients are in it. */
  members = 0;

  constructor(
    key: string,
    interests: readonly Interest[],
    pathOf: (id: PathId) => string | null,
    book: Feed,
  ) {
    this.key = key;
    this.#prefixes = interests.map(({ prefix }) => prefix);
    this.#pathOf = pathOf;
    this.#intervalUs = interests.length === 0 ? RATE_US.fast : Math.min(...interests.map(intervalOf));
    this.feeds[0] = book;
  }

  /** Whether it wants to hear of a path. Ids never change what they stand for, so each is asked for once. */
  sees(id: PathId): boolean {
    const known = this.#seen[id];
    if (known === 1) return true;
    if (known === 2) return false;
    const path = this.#pathOf(id);
    const isSeen = path !== null && this.#prefixes.some((prefix) => isBelow(path, prefix));
    if (known === undefined) {
      const seen = new Uint8Array(Math.max(id + 1, this.#seen.length * 2));
      seen.set(this.#seen);
      this.#seen = seen;
    }
    this.#seen[id] = isSeen ? 1 : 2;
    return isSeen;
  }

  /** A subsystem is there: what it holds already and what comes. */
  addLog(log: SubsystemLog): void {
    if (this.#sources[log.number] !== undefined) return;
    const source = new LogSource(log, (id) => this.sees(id));
    const feed = new Feed(source, this.#intervalUs);
    this.#sources[log.number] = { feed, source };
    this.feeds[log.number] = feed;
  }

  /** Nobody is in it any more. */
  end(): void {
    for (const found of this.#sources) found?.source.end();
  }

  /** An entry has changed. @returns the feed that tells of it; null where the group does not see it. */
  noteAfter(subsystem: SubsystemNumber, entry: Entry): Feed | null {
    const found = this.#sources[subsystem];
    return found === undefined || !found.source.noteAfter(entry) ? null : found.feed;
  }
}

/** All groups of a host. */
export class InterestGroups implements LogObserver {
  readonly #document: StateDocument;
  readonly #groups = new Map<string, InterestGroup>();
  /** The same in a row: every change goes through all of them. */
  readonly #row: InterestGroup[] = [];
  /** The feed of the book. */
  readonly book: Feed;
  /** Feeds with news, in no order; the sender takes them. */
  readonly dirty = new Set<Feed>();
  /** Subsystems of which no client was told that they began; the sender takes them. */
  readonly begun: SubsystemLog[] = [];

  constructor(document: StateDocument) {
    this.#document = document;
    this.book = new Feed(new BookSource(document.book), RATE_US.fast);
    document.observe(this);
  }

  /** How many groups there are. */
  get size(): number {
    return this.#groups.size;
  }

  /** The group of these interests, with one client more. `leave` it when the client goes. */
  join(interests: readonly Interest[]): InterestGroup {
    const key = keyOf(interests);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new InterestGroup(key, interests, (id) => this.#document.book.pathOf(id), this.book);
      this.#groups.set(key, group);
      this.#row.push(group);
      for (const log of this.#document.logs()) group.addLog(log);
    }
    group.members++;
    return group;
  }

  /** A client of a group is gone; the last one takes the group with it. */
  leave(group: InterestGroup): void {
    if (--group.members > 0) return;
    this.#groups.delete(group.key);
    this.#row.splice(this.#row.indexOf(group), 1);
    group.end();
    for (const feed of group.feeds) if (feed !== undefined && feed !== this.book) this.dirty.delete(feed);
  }

  /** A subsystem began. */
  noteLog(log: SubsystemLog): void {
    this.begun.push(log);
    for (const group of this.#groups.values()) group.addLog(log);
  }

  /** The book has changed. */
  noteBook(): void {
    this.book.noteNews(RATE_US.fast);
    this.dirty.add(this.book);
  }

  noteAfter(log: SubsystemLog, entry: Entry, rateUs: number): void {
    const row = this.#row;
    for (let at = 0; at < row.length; at++) {
      const feed = row[at]?.noteAfter(log.number, entry) ?? null;
      if (feed === null) continue;
      // What is due already is among them.
      if (feed.dueUs === Infinity) this.dirty.add(feed);
      feed.noteNews(rateUs);
    }
  }
}

/** The pause between two patches that an interest asks for, in microseconds. */
function intervalOf({ rate, maxHz }: Interest): number {
  return maxHz === 0 ? RATE_US[rate] : Math.max(RATE_US[rate], Math.ceil(1_000_000 / maxHz));
}

/** One text for equal interests, whatever their order. */
function keyOf(interests: readonly Interest[]): string {
  return interests.map((interest) => `${interest.prefix} ${intervalOf(interest)}`).sort().join("|");
}
