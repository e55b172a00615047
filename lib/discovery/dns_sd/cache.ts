// Records of others, for as long as they hold (RFC 6762 §10).
// Decides when a record has run out, when its owner should be asked again, and when silence means that it is gone;
// never which records are worth keeping (browser.ts). At the bound a new record is refused and counted.

import type { RandomStream } from "../../platform/mod.ts";
import type { DnsSdCounters } from "./counters.ts";
import { isAskedFor, type Question, recordKey, type ResourceRecord } from "./message.ts";
import { nameKey } from "./name.ts";

/** Records at most; avahi has the same bound. */
export const MAX_CACHED = 4_096;

const SECOND_US = 1_000_000;
/** A goodbye, and a record that another one replaces, hold for a second more (RFC 6762 §10.1, §10.2). */
const LAST_SECOND_US = SECOND_US;
/** No record is believed for longer than this without being asked for; others' lifetimes end at 75 minutes. */
const MAX_TTL_US = 4 * 3_600 * SECOND_US;
/** When the owner is asked again, as shares of the lifetime, and the spread of each (RFC 6762 §5.2). */
const REFRESH_SHARES = [0.80, 0.85, 0.90, 0.95];
const REFRESH_SPREAD = 0.02;
/** Questions without an answer, and for how long, after which a record is taken for gone (RFC 6762 §10.5). */
const SILENT_QUESTIONS = 2;
const SILENT_US = 10 * SECOND_US;

/** Whom a message came from. */
export interface RecordSource {
  readonly link: string;
  readonly host: string;
}

/** One record as it was heard on one link. */
export interface Cached {
  readonly link: string;
  readonly key: string;
  record: ResourceRecord;
  /** Address of the host that said it last. */
  host: string;
  heardUs: number;
  ttlUs: number;
  expiresUs: number;
  /** When its owner is asked next; Infinity once it is too late. */
  refreshUs: number;
  refreshes: number;
  /** Questions since it was heard that it should have answered, and the time of the first. */
  unanswered: number;
  unansweredUs: number;
}

/** The cache of all links. */
export class RecordCache {
  readonly #byName = new Map<string, Cached[]>();
  #size = 0;
  #nextUs: number | null = null;

  constructor(readonly random: RandomStream, readonly counters: DnsSdCounters, readonly max = MAX_CACHED) {}

  /** Records held. */
  get size(): number {
    return this.#size;
  }

  /** The records under a name, of one type, on one link or on all. */
  of(name: string, type: number, link: string | null = null): Cached[] {
    return (this.#byName.get(nameKey(name)) ?? []).filter((each) =>
      each.record.data.type === type && (link === null || each.link === link)
    );
  }

  /** Takes a record in. Returns whether that changed what we know; a goodbye takes effect a second later. */
  put(nowUs: number, { link, host }: RecordSource, record: ResourceRecord): boolean {
    const name = nameKey(record.name);
    const key = recordKey(record);
    const list = this.#byName.get(name) ?? [];
    let known = list.find((each) => each.link === link && each.key === key);
    if (record.isFlush && record.ttlS > 0) this.#flushOthers(nowUs, list, link, record, key);
    if (record.ttlS === 0) {
      if (known !== undefined) this.#endSoon(nowUs, known);
      return false;
    }
    const isNew = known === undefined;
    if (known === undefined) {
      if (this.#size >= this.max) {
        this.counters.cacheFull++;
        return false;
      }
      known = {
        link,
        key,
        record,
        host,
        heardUs: nowUs,
        ttlUs: 0,
        expiresUs: 0,
        refreshUs: 0,
        refreshes: 0,
        unanswered: 0,
        unansweredUs: 0,
      };
      list.push(known);
      this.#byName.set(name, list);
      this.#size++;
    }
    known.record = record;
    known.host = host;
    known.heardUs = nowUs;
    known.ttlUs = Math.min(record.ttlS * SECOND_US, MAX_TTL_US);
    known.expiresUs = nowUs + known.ttlUs;
    known.refreshes = 0;
    known.unanswered = 0;
    this.#planRefresh(known);
    this.#nextUs = null;
    return isNew;
  }

  /**
   * Notes that another host asked on a link: what should have answered and does not is gone (RFC 6762 §10.5).
   * Who asks for what it has itself proves nothing, since nobody answers his own question; nor do our own questions,
   * since on a poor link the four before the end of a lifetime may need all their chances.
   */
  noteQuestion(
    nowUs: number,
    source: RecordSource,
    question: Question,
    knownKeys: ReadonlySet<string>,
  ): void {
    for (const each of this.#byName.get(nameKey(question.name)) ?? []) {
      if (each.link !== source.link || each.host === source.host) continue;
      if (!isAskedFor(question, each.record) || knownKeys.has(each.key)) continue;
      if (each.unanswered === 0) each.unansweredUs = nowUs;
      each.unanswered++;
      if (each.unanswered === SILENT_QUESTIONS) this.#nextUs = null;
    }
  }

  /** Takes out what has run out or has gone silent. */
  takeExpired(nowUs: number): Cached[] {
    if (this.nextUs() > nowUs) return [];
    const expired: Cached[] = [];
    for (const list of this.#byName.values()) {
      for (const each of list) {
        if (each.expiresUs <= nowUs) {
          expired.push(each);
        } else if (silentUs(each) <= nowUs) {
          this.counters.silentRecords++;
          expired.push(each);
        }
      }
    }
    for (const each of expired) this.#remove(each);
    return expired;
  }

  /** The records whose owners are to be asked again now; each is planned on. */
  takeRefreshes(nowUs: number): Cached[] {
    if (this.nextUs() > nowUs) return [];
    const due: Cached[] = [];
    for (const list of this.#byName.values()) {
      for (const each of list) {
        if (each.refreshUs > nowUs) continue;
        due.push(each);
        each.refreshes++;
        this.#planRefresh(each);
      }
    }
    this.#nextUs = null;
    return due;
  }

  /** Forgets what was heard on a link. Returns it. */
  dropLink(link: string): Cached[] {
    const dropped = [...this.#byName.values()].flat().filter((each) => each.link === link);
    for (const each of dropped) this.#remove(each);
    return dropped;
  }

  /** Forgets one record. */
  drop(cached: Cached): void {
    this.#remove(cached);
  }

  /** When something runs out or is to be asked for; Infinity when nothing is. */
  nextUs(): number {
    if (this.#nextUs !== null) return this.#nextUs;
    let atUs = Infinity;
    for (const list of this.#byName.values()) {
      for (const each of list) atUs = Math.min(atUs, each.expiresUs, each.refreshUs, silentUs(each));
    }
    this.#nextUs = atUs;
    return atUs;
  }

  /** Others of this name and type that were heard over a second ago are out of date. */
  #flushOthers(nowUs: number, list: Cached[], link: string, record: ResourceRecord, key: string): void {
    for (const each of list) {
      const isOther = each.link === link && each.record.data.type === record.data.type && each.key !== key;
      if (isOther && each.heardUs + SECOND_US < nowUs) this.#endSoon(nowUs, each);
    }
  }

  #endSoon(nowUs: number, cached: Cached): void {
    cached.expiresUs = Math.min(cached.expiresUs, nowUs + LAST_SECOND_US);
    cached.refreshUs = Infinity;
    this.#nextUs = null;
  }

  #planRefresh(cached: Cached): void {
    const share = REFRESH_SHARES[cached.refreshes];
    cached.refreshUs = share === undefined
      ? Infinity
      : Math.round(cached.heardUs + cached.ttlUs * (share + REFRESH_SPREAD * this.random.float()));
  }

  #remove(cached: Cached): void {
    const name = nameKey(cached.record.name);
    const list = this.#byName.get(name);
    const at = list?.indexOf(cached) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#byName.delete(name);
    this.#size--;
    this.#nextUs = null;
  }
}

function silentUs(cached: Cached): number {
  return cached.unanswered >= SILENT_QUESTIONS ? cached.unansweredUs + SILENT_US : Infinity;
}
