// What others announce by DNS-SD: asks for types of service, resolves what answers, tells what comes, changes and goes
// (RFC 6762 §5, RFC 6763 §4). A synchronous state machine: time and messages in, messages, events and a deadline out.
// Decides what is asked and when; never speaks for ourselves and never asks for an answer by unicast, since that would
// reach whichever process of this machine opened the port last (RFC 6762 §15.1).

import type { RandomStream } from "../../platform/mod.ts";
import { DOMAIN, META_NAME } from "./advertisement.ts";
import { type Cached, RecordCache, type RecordSource } from "./cache.ts";
import type { DnsSdCounters } from "./counters.ts";
import { MessageWriter } from "./encode.ts";
import {
  CLASS_IN,
  type DnsMessage,
  isAskedFor,
  type Question,
  recordKey,
  type ResourceRecord,
  TYPE,
} from "./message.ts";
import { firstLabel, nameKey, parentOf } from "./name.ts";
import type { DnsOutbox } from "./outbox.ts";
import { decodeText } from "./text.ts";

const SECOND_US = 1_000_000;
const FIRST_GAP_US = SECOND_US;
const MAX_GAP_US = 3_600 * SECOND_US;
/** Questions that are due this soon go along with one that is due. */
const AGGREGATE_US = 120_000;
/** By how much a gap is longer at random, as a share of it and at most. */
const GAP_SPREAD = 0.1;
const MAX_GAP_SPREAD_US = SECOND_US;
/** How often missing parts of a service are asked for; its next announcement brings them anyway. */
const RESOLVE_TIMES = 4;
/** Questions of others count as ours when ours is due within this time. */
const SHARED_QUESTION_US = SECOND_US;
/** Questions that are planned at most; what is over is asked for when its service is heard of again. */
const MAX_ASKED = 1_024;
/** From this gap on, a question is one of many. */
const STEADY_GAP_US = 16 * SECOND_US;
/** Types of service that are looked for at most. */
const MAX_TYPES = 64;
/** Events that wait for the owner; the oldest goes first. */
const MAX_EVENTS = 4_096;

/** A service of somebody. */
export interface ServiceView {
  /** The full name, which is what makes it this service: `Desk\.1._osc._udp.local`. */
  readonly name: string;
  /** The name that people see: `Desk.1`. */
  readonly instance: string;
  /** `_osc._udp`. */
  readonly type: string;
  /** `desk.local`; null while nobody has said. */
  readonly host: string | null;
  readonly port: number;
  /** In the order of the links that they were heard on. */
  readonly addresses: readonly string[];
  readonly text: Readonly<Record<string, string>>;
}

/** What happened to a service. It is added once its address is known. */
export interface ServiceEvent {
  readonly op: "added" | "updated" | "removed";
  readonly service: ServiceView;
}

/** A question of ours on one link. */
interface Asked {
  readonly link: string;
  readonly name: string;
  readonly types: readonly number[];
  atUs: number;
  gapUs: number;
  /** How often it will still be asked. */
  times: number;
}

/** An instance that a PTR record names. */
interface Instance {
  readonly name: string;
  readonly type: string;
  /** What was told last; null before the first time. */
  told: ServiceView | null;
}

/** Looks for services. */
export class Browser {
  readonly cache: RecordCache;
  /** Types that are looked for, by the key of their name: `_osc._udp.local`. */
  readonly #types = new Map<string, string>();
  readonly #instances = new Map<string, Instance>();
  /** The instances on each host, by the keys of their names. */
  readonly #hosts = new Map<string, Set<string>>();
  readonly #asked = new Map<string, Asked>();
  readonly #events: ServiceEvent[] = [];
  readonly #changed = new Set<string>();
  #links: readonly string[] = [];
  #browsesAll = false;

  /**
   * @param own our own answers to a question on a link. They count as known: we hear neither our questions nor our
   * answers, and others would take a question that does not name them for one that nobody answers.
   */
  constructor(
    readonly random: RandomStream,
    readonly outbox: DnsOutbox,
    readonly counters: DnsSdCounters,
    readonly own: (link: string, question: Question) => readonly ResourceRecord[] = () => [],
  ) {
    this.cache = new RecordCache(random, counters);
  }

  /** All services whose name is known, resolved or not, by name. */
  get services(): ServiceView[] {
    return [...this.#instances.values()].map((instance) => this.#viewOf(instance))
      .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  /** Looks for a type of service, `_osc._udp`, from now on. False when too many are looked for already. */
  browse(nowUs: number, type: string): boolean {
    const name = `${type}.${DOMAIN}`;
    if (this.#types.has(nameKey(name))) return true;
    if (this.#types.size >= MAX_TYPES) {
      this.counters.typesFull++;
      return false;
    }
    this.#types.set(nameKey(name), type);
    for (const link of this.#links) this.#ask(nowUs, link, name, [TYPE.ptr], Infinity);
    return true;
  }

  /** Looks for all types that anybody lists (RFC 6763 §9), up to 64. */
  browseAll(nowUs: number): void {
    if (this.#browsesAll) return;
    this.#browsesAll = true;
    for (const link of this.#links) this.#ask(nowUs, link, META_NAME, [TYPE.ptr], Infinity);
  }

  /** The links there are, by key. On a new one everything is asked anew. */
  handleLinks(nowUs: number, links: readonly string[]): void {
    for (const gone of this.#links.filter((link) => !links.includes(link))) {
      for (const cached of this.cache.dropLink(gone)) this.#noteLost(cached);
      for (const [key, asked] of this.#asked) if (asked.link === gone) this.#asked.delete(key);
    }
    const added = links.filter((link) => !this.#links.includes(link));
    this.#links = links;
    for (const link of added) {
      if (this.#browsesAll) this.#ask(nowUs, link, META_NAME, [TYPE.ptr], Infinity);
      for (const type of this.#types.values()) {
        this.#ask(nowUs, link, `${type}.${DOMAIN}`, [TYPE.ptr], Infinity);
      }
    }
    this.#tell(nowUs);
  }

  /** Asks everything again at once, as after a sleep. */
  restart(nowUs: number): void {
    for (const asked of this.#asked.values()) {
      if (asked.times !== Infinity) continue;
      asked.gapUs = FIRST_GAP_US;
      asked.atUs = nowUs + this.#firstWaitUs();
    }
  }

  /** A message of another host, whose address is `host`. */
  handleMessage(nowUs: number, link: string, message: DnsMessage, host: string): void {
    if (!this.#links.includes(link)) return;
    if (message.isResponse) {
      this.#handleResponse(nowUs, { link, host }, [...message.answers, ...message.additionals]);
    } else if (message.authorities.length === 0) {
      this.#handleQuery(nowUs, { link, host }, message);
    }
    this.#tell(nowUs);
  }

  /** Does what time has made due. */
  handleTimeout(nowUs: number): void {
    for (const cached of this.cache.takeExpired(nowUs)) this.#noteLost(cached);
    this.#tell(nowUs);
    for (const { link, record } of this.cache.takeRefreshes(nowUs)) {
      const key = `${link} ${nameKey(record.name)} ${record.data.type}`;
      // A name that is asked for anyway is asked for now, once.
      const asked = this.#asked.get(key);
      if (asked !== undefined) asked.atUs = nowUs;
      else this.#asked.set(key, askedOnce(link, record.name, record.data.type, nowUs));
    }
    for (const link of this.#links) this.#sendDue(nowUs, link);
  }

  /** When {@linkcode handleTimeout} is due; Infinity when it is not. */
  nextUs(): number {
    let atUs = this.cache.nextUs();
    for (const asked of this.#asked.values()) atUs = Math.min(atUs, asked.atUs);
    return atUs;
  }

  /** The next event, or null. */
  pollEvent(): ServiceEvent | null {
    return this.#events.shift() ?? null;
  }

  // --- what is heard -------------------------------------------------------------------------------------------

  /** Pointers first, then what they lead to, so that one message that brings all of a service is read in one go. */
  #handleResponse(nowUs: number, source: RecordSource, records: readonly ResourceRecord[]): void {
    const { link } = source;
    for (const record of records) {
      if (record.data.type === TYPE.ptr && "target" in record.data) {
        this.#handlePointer(nowUs, source, record);
      }
    }
    for (const record of records) {
      const { type } = record.data;
      const key = nameKey(record.name);
      if ((type === TYPE.srv || type === TYPE.txt) && this.#instances.has(key)) {
        if (!this.cache.put(nowUs, source, record)) continue;
        this.#changed.add(key);
        this.#noteHost(record);
        this.#asked.delete(`${link} ${key} ${type}`);
      }
    }
    for (const record of records) {
      const { type } = record.data;
      if (type !== TYPE.a && type !== TYPE.aaaa) continue;
      const instances = this.#hosts.get(nameKey(record.name));
      if (instances === undefined || !this.cache.put(nowUs, source, record)) continue;
      this.#asked.delete(`${link} ${nameKey(record.name)} ${TYPE.a}`);
      for (const key of instances) this.#changed.add(key);
    }
  }

  #handlePointer(nowUs: number, source: RecordSource, record: ResourceRecord): void {
    if (!("target" in record.data)) return;
    const { target } = record.data;
    const owner = nameKey(record.name);
    if (this.#browsesAll && owner === nameKey(META_NAME)) {
      const type = /^(_[^.\\]{1,62}\._(?:udp|tcp))\.local$/.exec(nameKey(target))?.[1];
      if (type !== undefined && record.ttlS > 0) this.browse(nowUs, type);
      return;
    }
    const type = this.#types.get(owner);
    if (type === undefined || nameKey(parentOf(target)) !== owner) return;
    const key = nameKey(target);
    if (!this.cache.put(nowUs, source, record)) return;
    if (!this.#instances.has(key)) this.#instances.set(key, { name: target, type, told: null });
    this.#changed.add(key);
  }

  /** Another host asks: what does not answer it is gone, and what it asks we need not ask (RFC 6762 §7.3, §10.5). */
  #handleQuery(nowUs: number, source: RecordSource, query: DnsMessage): void {
    const { link } = source;
    const known = new Set(query.answers.map(recordKey));
    for (const question of query.questions) {
      // What is answered by unicast is not heard here.
      if (question.wantsUnicast) continue;
      if (!query.isTruncated) this.cache.noteQuestion(nowUs, source, question, known);
      const asked = this.#asked.get(`${link} ${nameKey(question.name)} ${question.type}`);
      if (asked === undefined || asked.atUs > nowUs + SHARED_QUESTION_US) continue;
      // The rest of a long list is not awaited by who has asked for a while: he has most of it, and will ask again.
      if (query.isTruncated && asked.gapUs < STEADY_GAP_US) continue;
      // It may know what we do not: then its answer would not tell us.
      const ours = new Set(this.#knownAnswers(nowUs, link, question).map(recordKey));
      const isSame = query.answers.every((record) =>
        !isAskedFor(question, record) || ours.has(recordKey(record))
      );
      if (!isSame) continue;
      this.counters.suppressedQuestions++;
      this.#planOn(nowUs, `${link} ${nameKey(question.name)} ${question.type}`, asked);
    }
  }

  #noteLost(cached: Cached): void {
    const { record } = cached;
    const name = nameKey(record.name);
    if ("target" in record.data && !("port" in record.data)) this.#changed.add(nameKey(record.data.target));
    else if (record.data.type === TYPE.srv || record.data.type === TYPE.txt) this.#changed.add(name);
    else for (const key of this.#hosts.get(name) ?? []) this.#changed.add(key);
    this.#noteHostLost(record);
  }

  // --- what is told --------------------------------------------------------------------------------------------

  /** Looks at every service that may have changed: tells it, and asks for what is missing. */
  #tell(nowUs: number): void {
    for (const key of this.#changed) {
      const instance = this.#instances.get(key);
      if (instance === undefined) continue;
      const pointers = this.cache.of(`${instance.type}.${DOMAIN}`, TYPE.ptr).filter(({ record }) =>
        "target" in record.data && nameKey(record.data.target) === key
      );
      if (pointers.length === 0) {
        this.#forget(key, instance);
        continue;
      }
      for (const { link } of pointers) this.#askForMissing(nowUs, link, instance);
      const view = this.#viewOf(instance);
      const before = instance.told;
      if (before === null && (view.host === null || view.addresses.length === 0)) continue;
      if (before !== null && isSameView(before, view)) continue;
      instance.told = view;
      this.#emit({ op: before === null ? "added" : "updated", service: view });
    }
    this.#changed.clear();
  }

  #forget(key: string, instance: Instance): void {
    this.#instances.delete(key);
    for (const type of [TYPE.srv, TYPE.txt]) {
      for (const cached of this.cache.of(instance.name, type)) {
        this.cache.drop(cached);
        this.#noteHostLost(cached.record);
      }
    }
    for (const [askedKey, asked] of this.#asked) {
      if (nameKey(asked.name) === key) this.#asked.delete(askedKey);
    }
    if (instance.told !== null) this.#emit({ op: "removed", service: instance.told });
  }

  #viewOf({ name, type }: Instance): ServiceView {
    const where = latest(this.cache.of(name, TYPE.srv))?.record.data;
    const text = latest(this.cache.of(name, TYPE.txt))?.record.data;
    const host = where !== undefined && "port" in where ? where.target : null;
    const addresses: string[] = [];
    for (const addressType of host === null ? [] : [TYPE.a, TYPE.aaaa]) {
      for (const { record } of this.cache.of(host ?? "", addressType)) {
        if ("address" in record.data && !addresses.includes(record.data.address)) {
          addresses.push(record.data.address);
        }
      }
    }
    return {
      name,
      instance: firstLabel(name),
      type,
      host,
      port: where !== undefined && "port" in where ? where.port : 0,
      addresses,
      text: text !== undefined && "bytes" in text ? decodeText(text.bytes) : {},
    };
  }

  #noteHost(record: ResourceRecord): void {
    if (!("port" in record.data)) return;
    const host = nameKey(record.data.target);
    const instances = this.#hosts.get(host);
    if (instances === undefined) this.#hosts.set(host, new Set([nameKey(record.name)]));
    else instances.add(nameKey(record.name));
  }

  /** After an SRV record is out of the cache: its instance is on the host no more, unless another link says so. */
  #noteHostLost(record: ResourceRecord): void {
    if (!("port" in record.data)) return;
    const host = nameKey(record.data.target);
    const isElsewhere = this.cache.of(record.name, TYPE.srv).some((each) =>
      "port" in each.record.data && nameKey(each.record.data.target) === host
    );
    const instances = this.#hosts.get(host);
    if (isElsewhere || instances === undefined) return;
    instances.delete(nameKey(record.name));
    if (instances.size === 0) this.#hosts.delete(host);
  }

  #emit(event: ServiceEvent): void {
    if (this.#events.length >= MAX_EVENTS) {
      this.#events.shift();
      this.counters.eventsFull++;
    }
    this.#events.push(event);
  }

  // --- what is asked -------------------------------------------------------------------------------------------

  #askForMissing(nowUs: number, link: string, { name }: Instance): void {
    const where = this.cache.of(name, TYPE.srv, link);
    if (where.length === 0) this.#ask(nowUs, link, name, [TYPE.srv], RESOLVE_TIMES);
    if (this.cache.of(name, TYPE.txt, link).length === 0) {
      this.#ask(nowUs, link, name, [TYPE.txt], RESOLVE_TIMES);
    }
    for (const { record } of where) {
      if (!("port" in record.data)) continue;
      const host = record.data.target;
      const isKnown =
        this.cache.of(host, TYPE.a, link).length + this.cache.of(host, TYPE.aaaa, link).length > 0;
      if (!isKnown) this.#ask(nowUs, link, host, [TYPE.a, TYPE.aaaa], RESOLVE_TIMES);
    }
  }

  /** Plans to ask, unless that is planned or was tried often enough. */
  #ask(nowUs: number, link: string, name: string, types: readonly number[], times: number): void {
    const key = `${link} ${nameKey(name)} ${types[0] ?? 0}`;
    if (this.#asked.has(key)) return;
    if (this.#asked.size >= MAX_ASKED) {
      this.counters.questionsFull++;
      return;
    }
    const atUs = nowUs + this.#firstWaitUs();
    this.#asked.set(key, { link, name, types, atUs, gapUs: FIRST_GAP_US, times });
  }

  #firstWaitUs(): number {
    return Math.round(20_000 + this.random.float() * 100_000);
  }

  /** Asks what is due on a link, with what is known already (RFC 6762 §7.1), in as many messages as it takes. */
  #sendDue(nowUs: number, link: string): void {
    let writer: MessageWriter | null = null;
    const send = (): void => {
      if (writer !== null) this.outbox.put({ bytes: writer.finish(), link, to: null });
      writer = null;
    };
    const next = (): MessageWriter => writer ??= new MessageWriter({ isResponse: false });
    let known: ResourceRecord[] = [];
    const finish = (): void => {
      for (const record of known) {
        if (next().canAddRecord("answer", record)) continue;
        next().setTruncated();
        send();
        next().canAddRecord("answer", record);
      }
      known = [];
      send();
    };
    const here = [...this.#asked].filter(([, asked]) => asked.link === link);
    if (!here.some(([, asked]) => asked.atUs <= nowUs)) return;
    for (const [key, asked] of here) {
      if (asked.atUs > nowUs + AGGREGATE_US) continue;
      this.#planOn(nowUs, key, asked);
      if (asked.times !== Infinity && this.#isAnswered(link, asked)) {
        this.#asked.delete(key);
        continue;
      }
      for (const type of asked.types) {
        const question = { name: asked.name, type, class: CLASS_IN, wantsUnicast: false };
        if (!next().canAddQuestion(question)) {
          finish();
          next().canAddQuestion(question);
        }
        known.push(...this.#knownAnswers(nowUs, link, question));
      }
    }
    finish();
  }

  /** Whether a question for missing parts has its answer, other than one whose lifetime is about to end. */
  #isAnswered(link: string, asked: Asked): boolean {
    if (asked.gapUs === 0) return false;
    return asked.types.some((type) => this.cache.of(asked.name, type, link).length > 0);
  }

  #planOn(nowUs: number, key: string, asked: Asked): void {
    asked.times--;
    if (asked.times <= 0) {
      this.#asked.delete(key);
      return;
    }
    // Without a spread, all who left a question to one host would ask the next one at the same instant.
    const spreadUs = Math.min(asked.gapUs * GAP_SPREAD, MAX_GAP_SPREAD_US) * this.random.float();
    asked.atUs = nowUs + asked.gapUs + Math.round(spreadUs);
    asked.gapUs = Math.min(2 * asked.gapUs, MAX_GAP_US);
  }

  /** Answers to a question that still hold for more than half of their lifetime. Unique ones are asked to be told. */
  #knownAnswers(nowUs: number, link: string, question: Question): ResourceRecord[] {
    const known = this.own(link, question).filter(({ isFlush }) => !isFlush);
    for (const { record, expiresUs, ttlUs } of this.cache.of(question.name, question.type, link)) {
      if (record.isFlush || 2 * (expiresUs - nowUs) <= ttlUs) continue;
      known.push({ ...record, ttlS: Math.floor((expiresUs - nowUs) / SECOND_US) });
    }
    return known;
  }
}

/** A question that is asked once and then forgotten: a gap of zero says so. */
function askedOnce(link: string, name: string, type: number, atUs: number): Asked {
  return { link, name, types: [type], atUs, gapUs: 0, times: 1 };
}

function latest(list: readonly Cached[]): Cached | undefined {
  let best: Cached | undefined;
  for (const each of list) if (best === undefined || each.heardUs >= best.heardUs) best = each;
  return best;
}

function isSameView(a: ServiceView, b: ServiceView): boolean {
  const keys = Object.keys(a.text);
  return a.host === b.host && a.port === b.port && a.addresses.join() === b.addresses.join() &&
    keys.length === Object.keys(b.text).length && keys.every((key) => a.text[key] === b.text[key]);
}
