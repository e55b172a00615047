// Our records on one link: probing for their names, announcing them, answering for them, withdrawing them
// (RFC 6762 §6 to §10). A synchronous state machine: time and messages in, messages and a deadline out.
// Decides when what is said here; never which names we go by (responder.ts) and never asks for services of others.

import type { IpEndpoint } from "../../platform/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { absenceOf, type OwnRecord } from "./advertisement.ts";
import type { DnsSdCounters } from "./counters.ts";
import { compareBytes, MessageWriter, plainData, type Section } from "./encode.ts";
import {
  CLASS_ANY,
  CLASS_IN,
  type DnsMessage,
  isAskedFor,
  type Question,
  recordKey,
  type ResourceRecord,
  TYPE,
} from "./message.ts";
import { nameKey } from "./name.ts";
import type { DnsOutbox } from "./outbox.ts";

const MS = 1_000;
const PROBES = 3;
const PROBE_GAP_US = 250 * MS;
/** How long the loser of two simultaneous probes waits (RFC 6762 §8.2). */
const TIE_LOST_US = 1_000 * MS;
/** Times of announcements after the first; the gap doubles. */
const ANNOUNCE_TIMES_US = [0, 1_000 * MS, 3_000 * MS];
const UPDATE_TIMES_US = [0, 1_000 * MS];
const BYE_TIMES_US = [0, 100 * MS, 300 * MS];
/** A record is not multicast again on a link before this; one that defends a name, before that (RFC 6762 §6). */
const RECORD_GAP_US = 1_000 * MS;
const DEFENCE_GAP_US = 250 * MS;
/** Answers that are about to be said may ride along with one that is due. */
const AGGREGATE_US = 120 * MS;
/** Records that are remembered as having been ours. */
const MAX_FORMER = 64;
/** A legacy answer: lifetime, and bytes as of classic DNS (RFC 6762 §6.7). */
const LEGACY_TTL_S = 10;
const LEGACY_BYTES = 512;

/** An answer that waits. */
interface Pending {
  readonly record: ResourceRecord;
  readonly key: string;
  dueUs: number;
  /** Sent no earlier than this after the last time, in µs. */
  gapUs: number;
  /** The host to which it is due alone: what it knows, it may still tell. Null when several asked. */
  askedBy: string | null;
  /** More known answers are to come. */
  isHeld: boolean;
}

/** Where a link stands. */
type Phase = "idle" | "probing" | "speaking" | "leaving" | "gone";

/** What {@linkcode LinkResponder.handleResponse} found of ours in the hands of others. */
export type Claim = { readonly owner: "instance" | "host"; readonly isProbing: boolean };

/** One link. */
export class LinkResponder {
  #records: readonly OwnRecord[] = [];
  #phase: Phase = "idle";
  /** Probes sent of this round. */
  #probes = 0;
  #probeUs = Infinity;
  /** Announcements still to come: when, and of which records. */
  #announcements: { readonly atUs: number; readonly keys: ReadonlySet<string> | null }[] = [];
  #byes: number[] = [];
  readonly #pending = new Map<string, Pending>();
  /** Keys of records that were ours: a reflector may bring them back late, and that is no conflict. */
  readonly #former = new Set<string>();
  /** When each record was multicast here last, by key. */
  readonly #sentUs = new Map<string, number>();

  constructor(
    readonly key: string,
    readonly random: RandomStream,
    readonly outbox: DnsOutbox,
    readonly counters: DnsSdCounters,
  ) {}

  /** Whether our records stand: probed, and not withdrawn. */
  get isSpeaking(): boolean {
    return this.#phase === "speaking";
  }

  /** Whether all goodbyes are out, or there was nothing to withdraw. */
  get isGone(): boolean {
    return this.#phase === "gone" || this.#phase === "idle";
  }

  /** Whether a record is ours here, or was until lately. */
  isOwn(key: string): boolean {
    return this.#former.has(key) || this.#records.some((each) => each.key === key);
  }

  /** What we advertise here. */
  get records(): readonly OwnRecord[] {
    return this.#records;
  }

  /**
   * Takes other records: probes for names that are new, announces what changed, withdraws what is gone.
   * @param isTaken whether somebody else has our old names, so that nothing of theirs is withdrawn
   * @param waitUs how long to wait before probing, beyond the usual jitter
   */
  setRecords(nowUs: number, records: readonly OwnRecord[], isTaken = false, waitUs = 0): void {
    if (this.#phase === "leaving" || this.#phase === "gone") return;
    const before = this.#records;
    const keys = new Set(records.map(({ key }) => key));
    const known = new Set(before.map(({ key }) => key));
    if (keys.size === known.size && records.every(({ key }) => known.has(key)) && !isTaken) return;
    this.#records = records;
    for (const { key } of before) if (!keys.has(key)) this.#noteFormer(key);
    this.#pending.clear();
    if (this.isSpeaking && !isTaken) {
      const replaced = new Set(records.filter((each) => each.isUnique).map(slotOf));
      this.#sayGoodbye(
        nowUs,
        before.filter((each) => !keys.has(each.key) && each.isOurs && !replaced.has(slotOf(each))),
      );
    }
    for (const key of this.#sentUs.keys()) if (!keys.has(key)) this.#sentUs.delete(key);
    if (records.length === 0) {
      this.#phase = "idle";
      this.#announcements = [];
      return;
    }
    const names = new Set(before.filter((each) => each.isUnique).map(({ record }) => nameKey(record.name)));
    const isNewName = records.some((each) => each.isUnique && !names.has(nameKey(each.record.name)));
    if (isNewName || isTaken || this.#phase === "idle") this.probe(nowUs, waitUs);
    else if (this.#phase === "speaking") {
      const changed = new Set(records.filter(({ key }) => !known.has(key)).map(({ key }) => key));
      if (changed.size === 0) return;
      for (const afterUs of UPDATE_TIMES_US) {
        this.#announcements.push({ atUs: nowUs + afterUs, keys: changed });
      }
    }
  }

  /** Begins to probe (again). */
  probe(nowUs: number, waitUs = 0): void {
    this.#phase = "probing";
    this.#probes = 0;
    this.#announcements = [];
    this.#pending.clear();
    this.#probeUs = nowUs + waitUs + this.random.float() * PROBE_GAP_US;
  }

  /** Begins to withdraw everything; nothing is answered any more. */
  leave(nowUs: number): void {
    if (this.#phase === "leaving" || this.#phase === "gone") return;
    this.#byes = this.isSpeaking ? BYE_TIMES_US.map((afterUs) => nowUs + afterUs) : [];
    this.#phase = this.#byes.length === 0 ? "gone" : "leaving";
    this.#announcements = [];
    this.#pending.clear();
  }

  // --- in ------------------------------------------------------------------------------------------------------

  /** A query of a host that takes part in multicast DNS. */
  handleQuery(nowUs: number, query: DnsMessage, from: IpEndpoint): void {
    if (this.#phase === "probing") this.#handleRival(nowUs, query);
    if (!this.isSpeaking) return;
    const known = new Map(query.answers.map((record) => [recordKey(record), record.ttlS]));
    // The rest of a list of known answers (RFC 6762 §7.2).
    for (const pending of this.#pending.values()) {
      if (pending.askedBy !== from.host) continue;
      const ttlS = known.get(pending.key);
      if (ttlS !== undefined && 2 * ttlS >= pending.record.ttlS) {
        this.#pending.delete(pending.key);
        this.counters.suppressedByKnownAnswer++;
      } else if (query.isTruncated && pending.isHeld) {
        pending.dueUs = nowUs + this.#jitter(400, 100);
      }
    }
    const answers = new Map<string, ResourceRecord>();
    let isShared = false;
    for (const question of query.questions) {
      isShared = this.#collect(question, answers) || isShared;
    }
    const isDefence = query.authorities.length > 0;
    const delayUs = query.isTruncated ? this.#jitter(400, 100) : isShared ? this.#jitter(20, 100) : 0;
    for (const [key, record] of answers) {
      const ttlS = known.get(key);
      if (ttlS !== undefined && 2 * ttlS >= record.ttlS) {
        this.counters.suppressedByKnownAnswer++;
        continue;
      }
      const dueUs = nowUs + delayUs;
      const gapUs = isDefence ? DEFENCE_GAP_US : RECORD_GAP_US;
      const before = this.#pending.get(key);
      if (before === undefined) {
        const isHeld = query.isTruncated;
        this.#pending.set(key, { record, key, dueUs, gapUs, askedBy: from.host, isHeld });
      } else {
        before.isHeld = before.isHeld && query.isTruncated;
        before.dueUs = before.isHeld ? Math.max(before.dueUs, dueUs) : Math.min(before.dueUs, dueUs);
        before.gapUs = Math.min(before.gapUs, gapUs);
        if (before.askedBy !== from.host) before.askedBy = null;
      }
    }
  }

  /** A query of a program that is no mDNS host: the answer goes to it alone and is soon forgotten (RFC 6762 §6.7). */
  handleLegacyQuery(query: DnsMessage, from: IpEndpoint): boolean {
    if (!this.isSpeaking) return false;
    const answers = new Map<string, ResourceRecord>();
    for (const question of query.questions) this.#collect(question, answers);
    if (answers.size === 0) return false;
    const writer = new MessageWriter({ isResponse: true, id: query.id }, LEGACY_BYTES);
    for (const question of query.questions) {
      if (!writer.canAddQuestion({ ...question, wantsUnicast: false })) return false;
    }
    const brief = (record: ResourceRecord): ResourceRecord => ({
      ...record,
      isFlush: false,
      ttlS: Math.min(record.ttlS, LEGACY_TTL_S),
    });
    for (const record of answers.values()) writer.canAddRecord("answer", brief(record));
    for (const record of this.#additionalsOf([...answers.values()])) {
      if (!answers.has(recordKey(record))) writer.canAddRecord("additional", brief(record));
    }
    this.outbox.put({ bytes: writer.finish(), link: this.key, to: from });
    return true;
  }

  /**
   * Records that another host multicast. Returns which of our names it claims for itself, or null.
   * @param isOwn whether a record is ours on any link: another link of ours may lead to the same place
   */
  handleResponse(nowUs: number, message: DnsMessage, isOwn: (key: string) => boolean): Claim | null {
    if (this.#phase !== "probing" && !this.isSpeaking) return null;
    let claim: Claim | null = null;
    for (const records of [message.answers, message.authorities, message.additionals]) {
      for (const record of records) {
        const key = recordKey(record);
        const pending = this.#pending.get(key);
        if (pending !== undefined && record.ttlS >= pending.record.ttlS) {
          this.#pending.delete(key);
          this.counters.suppressedByOther++;
        }
        if (isOwn(key)) {
          this.#rescue(nowUs, key, record);
          continue;
        }
        const owner = record.ttlS === 0 ? null : this.#claimed(record);
        if (owner !== null) claim ??= { owner, isProbing: this.#phase === "probing" };
      }
    }
    return claim;
  }

  // --- time ----------------------------------------------------------------------------------------------------

  /** Sends what is due. */
  handleTimeout(nowUs: number): void {
    if (this.#phase === "probing" && this.#probeUs <= nowUs) this.#probeOrSpeak(nowUs);
    if (this.#phase === "leaving") {
      while ((this.#byes[0] ?? Infinity) <= nowUs) {
        this.#byes.shift();
        this.#sayGoodbye(nowUs, this.#records.filter((each) => each.isOurs));
      }
      if (this.#byes.length === 0) this.#phase = "gone";
      return;
    }
    if (!this.isSpeaking) return;
    const due = this.#announcements.filter(({ atUs }) => atUs <= nowUs);
    if (due.length > 0) {
      this.#announcements = this.#announcements.filter(({ atUs }) => atUs > nowUs);
      const all = due.some(({ keys }) => keys === null);
      const records = this.#records.filter(({ key }) => {
        const isRecent = (this.#sentUs.get(key) ?? Number.NEGATIVE_INFINITY) + RECORD_GAP_US > nowUs;
        return !isRecent && (all || due.some(({ keys }) => keys?.has(key) === true));
      });
      this.#multicast(nowUs, records.map(({ record }) => record));
    }
    this.#answer(nowUs);
  }

  /** When {@linkcode handleTimeout} is due; Infinity when it is not. */
  nextUs(): number {
    let atUs = this.#phase === "probing" ? this.#probeUs : this.#byes[0] ?? Infinity;
    for (const announcement of this.#announcements) atUs = Math.min(atUs, announcement.atUs);
    for (const pending of this.#pending.values()) atUs = Math.min(atUs, this.#sendableUs(pending));
    return atUs;
  }

  // --- probing -------------------------------------------------------------------------------------------------

  #probeOrSpeak(nowUs: number): void {
    if (this.#probes === PROBES) {
      this.#phase = "speaking";
      this.#probeUs = Infinity;
      this.#announcements = ANNOUNCE_TIMES_US.map((afterUs) => ({ atUs: nowUs + afterUs, keys: null }));
      return;
    }
    this.#probes++;
    this.#probeUs = nowUs + PROBE_GAP_US;
    const writer = new MessageWriter({ isResponse: false });
    const unique = this.#records.filter((each) => each.isUnique);
    const names = new Map(unique.map(({ record }) => [nameKey(record.name), record.name]));
    for (const name of names.values()) {
      writer.canAddQuestion({ name, type: TYPE.any, class: CLASS_IN, wantsUnicast: false });
    }
    // The flush bit is for names that are ours already (RFC 6762 §10.2).
    for (const { record } of unique) writer.canAddRecord("authority", { ...record, isFlush: false });
    this.outbox.put({ bytes: writer.finish(), link: this.key, to: null });
  }

  /** Another host probes for the same name at the same time: the later data win (RFC 6762 §8.2). */
  #handleRival(nowUs: number, query: DnsMessage): void {
    if (query.authorities.length === 0) return;
    const names = new Set(
      this.#records.filter((each) => each.isUnique).map(({ record }) => nameKey(record.name)),
    );
    for (const name of names) {
      const theirs = query.authorities.filter((record) => nameKey(record.name) === name);
      if (theirs.length === 0) continue;
      const ours = this.#records.filter((each) => each.isUnique && nameKey(each.record.name) === name);
      if (compareSets(ours.map(({ record }) => record), theirs) >= 0) continue;
      this.probe(nowUs, TIE_LOST_US);
      return;
    }
  }

  /** Which of our names a foreign record claims, or null. */
  #claimed(record: ResourceRecord): Claim["owner"] | null {
    const name = nameKey(record.name);
    const { type } = record.data;
    if (type === TYPE.nsec) return null;
    for (const each of this.#records) {
      if (each.owner === null || nameKey(each.record.name) !== name) continue;
      // While we probe, any record under the name is an answer to our probe.
      if (each.record.data.type === type || this.#phase === "probing") return each.owner;
    }
    return null;
  }

  /** Somebody lets a record of ours run out that still holds: it is said again (RFC 6762 §6.6). */
  #rescue(nowUs: number, key: string, heard: ResourceRecord): void {
    if (!this.isSpeaking) return;
    const own = this.#records.find((each) => each.key === key);
    if (own === undefined || 2 * heard.ttlS >= own.record.ttlS || this.#pending.has(key)) return;
    const dueUs = nowUs + this.#jitter(20, 100);
    const { record } = own;
    this.#pending.set(key, { record, key, dueUs, gapUs: RECORD_GAP_US, askedBy: null, isHeld: false });
  }

  // --- answering -----------------------------------------------------------------------------------------------

  /** Adds our answers to a question. Returns whether others may answer it too. */
  #collect(question: Question, answers: Map<string, ResourceRecord>): boolean {
    let isShared = false;
    let isFound = false;
    for (const own of this.#records) {
      if (!isAskedFor(question, own.record)) continue;
      isFound = true;
      isShared ||= !own.isUnique;
      answers.set(own.key, own.record);
    }
    if (!isFound && (question.class === CLASS_IN || question.class === CLASS_ANY)) {
      const absence = absenceOf(question.name, this.#records);
      if (absence !== null) answers.set(recordKey(absence), absence);
    }
    return isShared;
  }

  #sendableUs(pending: Pending): number {
    const sentUs = this.#sentUs.get(pending.key);
    return sentUs === undefined ? pending.dueUs : Math.max(pending.dueUs, sentUs + pending.gapUs);
  }

  #answer(nowUs: number): void {
    let isDue = false;
    for (const pending of this.#pending.values()) isDue ||= this.#sendableUs(pending) <= nowUs;
    if (!isDue) return;
    const ready: ResourceRecord[] = [];
    for (const pending of this.#pending.values()) {
      const sentUs = this.#sentUs.get(pending.key) ?? Number.NEGATIVE_INFINITY;
      const isClose = !pending.isHeld && pending.dueUs <= nowUs + AGGREGATE_US;
      if (sentUs + pending.gapUs > nowUs || (pending.dueUs > nowUs && !isClose)) continue;
      this.#pending.delete(pending.key);
      ready.push(pending.record);
    }
    this.#multicast(nowUs, ready);
  }

  /** Multicasts records, in as many messages as it takes, each with what its readers will ask for next. */
  #multicast(nowUs: number, records: readonly ResourceRecord[]): void {
    const left = [...records];
    const said = new Set<string>();
    while (left.length > 0) {
      const writer = new MessageWriter({ isResponse: true });
      const answers: ResourceRecord[] = [];
      for (let next = left[0]; next !== undefined; next = left[0]) {
        if (!writer.canAddRecord("answer", next)) break;
        left.shift();
        answers.push(next);
      }
      // A record that fills a message alone cannot be: ours have a few hundred bytes.
      if (answers.length === 0) left.shift();
      for (const record of answers) this.#noteSaid(nowUs, record, said);
      for (const record of this.#additionalsOf(answers)) {
        const key = recordKey(record);
        const sentUs = this.#sentUs.get(key) ?? Number.NEGATIVE_INFINITY;
        if (said.has(key) || left.some((each) => recordKey(each) === key)) continue;
        if (sentUs + RECORD_GAP_US > nowUs || !writer.canAddRecord("additional", record)) continue;
        this.#noteSaid(nowUs, record, said);
        this.#pending.delete(key);
      }
      if (!writer.isEmpty) this.outbox.put({ bytes: writer.finish(), link: this.key, to: null });
    }
  }

  #noteSaid(nowUs: number, record: ResourceRecord, said: Set<string>): void {
    const key = recordKey(record);
    said.add(key);
    this.#sentUs.set(key, nowUs);
  }

  /** What goes along with answers (RFC 6763 §12): SRV and TXT with PTR, the address with SRV, absences with it. */
  #additionalsOf(answers: readonly ResourceRecord[]): ResourceRecord[] {
    const wanted = new Set<string>();
    for (const { name, data } of answers) {
      if ("target" in data) wanted.add(nameKey(data.target));
      if (data.type === TYPE.a) wanted.add(nameKey(name));
    }
    const found: ResourceRecord[] = [];
    for (const round of [0, 1]) {
      for (const { record, isUnique } of this.#records) {
        if (!isUnique || !wanted.has(nameKey(record.name)) || found.includes(record)) continue;
        found.push(record);
        if (round === 0 && "port" in record.data) wanted.add(nameKey(record.data.target));
      }
    }
    const host = this.#records.find((each) => each.owner === "host")?.record;
    const absence = host !== undefined && wanted.has(nameKey(host.name))
      ? absenceOf(host.name, this.#records)
      : null;
    return absence === null ? found : [...found, absence];
  }

  #sayGoodbye(nowUs: number, records: readonly OwnRecord[]): void {
    let writer: MessageWriter | null = null;
    const section: Section = "answer";
    for (const { record, key } of records) {
      const bye = { ...record, ttlS: 0 };
      writer ??= new MessageWriter({ isResponse: true });
      if (!writer.canAddRecord(section, bye)) {
        this.outbox.put({ bytes: writer.finish(), link: this.key, to: null });
        writer = new MessageWriter({ isResponse: true });
        writer.canAddRecord(section, bye);
      }
      this.#sentUs.set(key, nowUs);
    }
    if (writer !== null) this.outbox.put({ bytes: writer.finish(), link: this.key, to: null });
  }

  #noteFormer(key: string): void {
    this.#former.delete(key);
    this.#former.add(key);
    if (this.#former.size <= MAX_FORMER) return;
    for (const oldest of this.#former) {
      this.#former.delete(oldest);
      return;
    }
  }

  #jitter(fromMs: number, spreadMs: number): number {
    return Math.round((fromMs + this.random.float() * spreadMs) * MS);
  }
}

/** The place of a unique record: a new one there replaces the old by its flush bit. */
function slotOf({ record }: OwnRecord): string {
  return `${nameKey(record.name)} ${record.data.type}`;
}

/** Compares two sets of records as RFC 6762 §8.2.1 says: sorted, one by one, the longer set last. */
function compareSets(ours: readonly ResourceRecord[], theirs: readonly ResourceRecord[]): number {
  const [a, b] = [ours, theirs].map((list) => [...list].sort(compareRecords));
  if (a === undefined || b === undefined) return 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) break;
    const difference = compareRecords(x, y);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareRecords(a: ResourceRecord, b: ResourceRecord): number {
  return a.class - b.class || a.data.type - b.data.type || compareBytes(plainData(a.data), plainData(b.data));
}
