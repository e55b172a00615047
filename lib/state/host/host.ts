// The host of the shared state: takes what clients say, and has them told what is.
// Decides who may speak (joined, of this term), and what each message starts; the desks behind it do the work.
// A synchronous machine without clock, timers or network: `handle…` in, `poll…` out, `deadline` between them.
// Never elects, never finds its clients, never stores anything.

import { assert, type NodeId } from "../../base/mod.ts";
import { utf8Length } from "../../wire/mod.ts";
import { ClaimTable, type PathChange, type SetOutcome } from "../merge/mod.ts";
import {
  type AckMessage,
  type BeatMessage,
  type HelloMessage,
  MAX_TEXT_BYTES,
  type NackMessage,
  type ResyncMessage,
  STATE_PROTOCOL,
  type StateErrorCode,
  type StateMessage,
} from "../messages/mod.ts";
import {
  type ClientNumber,
  type ClientSequence,
  compareEpochs,
  type ParameterDefinition,
  type PathId,
  type StateEpoch,
  type StateValue,
} from "../model/mod.ts";
import { type BookLimits, type Defined, isRefusal, type Refusal, SchemaBook } from "../schema/mod.ts";
import { type HostCounters, newCounters } from "./counters.ts";
import { StateDocument, type WinnerObserver } from "./document.ts";
import type { HostEvent } from "./events.ts";
import type { Admission, Holding, HoldingEvent } from "./holding.ts";
import { InterestGroups } from "./interest.ts";
import * as limits from "./limits.ts";
import { type Outgoing, Sender } from "./sender.ts";
import { StandbyDesk, type StandbyOutgoing, type StandbyUpdate } from "./standby_desk.ts";
import { type LinkName, Subscriber } from "./subscriber.ts";
import { type NackSink, WriteDesk } from "./write_desk.ts";

/** How a host begins. */
export interface StateHostOptions {
  /** Under which it reigns; above every epoch that was. */
  readonly epoch: StateEpoch;
  readonly holding: Holding;
  readonly bookLimits?: BookLimits;
  /** What a standby or a store kept of the host before. */
  readonly from?: StandbyUpdate;
}

/** When a host wants `handleDeadline`, and for what. */
export interface HostDeadline {
  /** In microseconds of the clock of `nowUs`. */
  readonly atUs: number;
  readonly reason: "send" | "merge" | "holding" | "standby" | "tombstones";
}

interface Link {
  readonly name: LinkName;
  readonly peer: NodeId;
  subscriber: Subscriber | null;
  /** It is in, and waits for its turn to receive the whole. */
  waiting: { readonly hello: HelloMessage; readonly admission: Admission } | null;
}

/** The host. */
export class StateHost implements NackSink, WinnerObserver {
  readonly epoch: StateEpoch;
  readonly document: StateDocument;
  readonly counters: HostCounters = newCounters();
  readonly #holding: Holding;
  readonly #groups: InterestGroups;
  readonly #sender: Sender;
  readonly #writes: WriteDesk;
  readonly #standbys: StandbyDesk;
  readonly #links = new Map<LinkName, Link>();
  readonly #waiting = new Set<Link>();
  readonly #subscribers = new Map<ClientNumber, Subscriber>();
  /** The interests that a client that is away had. */
  readonly #interests = new Map<ClientNumber, string>();
  readonly #events: HostEvent[] = [];
  #nextEvent = 0;
  #tombstonesUs = Infinity;
  #nowUs = 0;

  /** @param nowUs the time, in microseconds. */
  constructor(nowUs: number, { epoch, holding, bookLimits, from }: StateHostOptions) {
    this.#nowUs = nowUs;
    this.epoch = epoch;
    this.#holding = holding;
    const book = new SchemaBook(bookLimits);
    const claims = new ClaimTable({ term: epoch.term });
    this.document = new StateDocument(book, claims, this);
    if (from !== undefined) this.#restore(nowUs, from);
    const counters = this.counters;
    this.#standbys = new StandbyDesk({
      epoch,
      book,
      claims,
      subscribers: this.#subscribers,
      holding: () => holding.snapshot(this.#nowUs),
      counters,
    });
    for (const client of this.#subscribers.keys()) this.#standbys.noteClient(client);
    this.#groups = new InterestGroups(this.document);
    this.#sender = new Sender({ epoch, groups: this.#groups, acks: this.#standbys, counters });
    this.#writes = new WriteDesk({
      term: epoch.term,
      document: this.document,
      holding,
      sink: this,
      counters,
    });
  }

  /** How many clients are there. */
  get size(): number {
    return this.#sender.links.size;
  }

  /** A link to somebody begins; `peer` is who the session says it is. */
  handleJoined(nowUs: number, from: LinkName, peer: NodeId): void {
    this.#nowUs = nowUs;
    if (this.#links.has(from)) this.handleLeft(nowUs, from);
    if (this.#links.size >= limits.MAX_LINKS) {
      this.counters.fullLinks++;
      return;
    }
    this.#links.set(from, { name: from, peer, subscriber: null, waiting: null });
  }

  /** A link has ended. */
  handleLeft(nowUs: number, from: LinkName): void {
    this.#nowUs = nowUs;
    const link = this.#links.get(from);
    if (link === undefined) return;
    const { subscriber } = link;
    this.#links.delete(from);
    this.#waiting.delete(link);
    if (subscriber !== null) {
      this.#unlink(link);
      this.#holding.handleLinkLost(nowUs, subscriber.client);
    }
    this.#follow(nowUs);
  }

  /** A message has arrived. Handle all that are there before the next `poll`: they are one batch. */
  handleMessage(nowUs: number, from: LinkName, message: StateMessage): void {
    this.#nowUs = nowUs;
    const link = this.#links.get(from);
    if (link === undefined) {
      this.counters.notJoined++;
      return;
    }
    if (message.kind === "hello") this.#hello(nowUs, link, message);
    else if (link.subscriber === null || link.waiting !== null) {
      this.counters.notJoined++;
      if (message.kind !== "error" && message.kind !== "bye") {
        this.#error(from, "not-joined", "say hello first");
      }
    } else this.#heard(nowUs, link, link.subscriber, message);
    this.#follow(nowUs);
  }

  /** So many bytes wait on a link. To be told whenever that crosses 64 KiB, and after each message that does not go out at once. */
  handleBacklog(nowUs: number, from: LinkName, bytes: number): void {
    this.#nowUs = nowUs;
    const subscriber = this.#links.get(from)?.subscriber;
    if (subscriber) this.#sender.noteBacklog(subscriber, bytes);
  }

  /** The time of `deadline` has come. */
  handleDeadline(nowUs: number): void {
    this.#nowUs = nowUs;
    this.document.claims.handleTimeout(nowUs);
    this.#holding.handleTimeout(nowUs);
    if (this.#standbys.handleTimeout(nowUs)) this.#noteDurability(nowUs);
    if (nowUs >= this.#tombstonesUs) this.#forgetDeleted(nowUs);
    this.#follow(nowUs);
  }

  /** A standby is there. */
  handleStandbyJoined(nowUs: number, standby: LinkName): void {
    this.#nowUs = nowUs;
    this.#standbys.handleJoined(standby);
  }

  /** A standby is gone. */
  handleStandbyLeft(nowUs: number, standby: LinkName): void {
    this.#nowUs = nowUs;
    if (this.#standbys.handleLeft(standby)) this.#noteDurability(nowUs);
  }

  /** A standby has everything up to `number`; null: it could not take the update and has to have everything again. */
  handleStandbyConfirmed(nowUs: number, standby: LinkName, number: number | null): void {
    this.#nowUs = nowUs;
    const wasSingle = this.#standbys.isSingle;
    if (number === null) this.#standbys.handleRefused(standby);
    else if (this.#standbys.handleConfirmed(standby, number)) this.#sender.noteLimits(nowUs);
    if (wasSingle !== this.#standbys.isSingle) this.#noteDurability(nowUs);
  }

  /** This host reigns no more; its clients are told who does, as far as known. */
  handleDeposed(nowUs: number, successor: NodeId | null): void {
    this.#nowUs = nowUs;
    for (const link of [...this.#links.values()]) {
      if (link.subscriber === null) continue;
      const text = "another machine hosts the shared state now";
      this.#sender.say(link.name, { kind: "bye", term: this.epoch.term, reason: "moved", successor, text });
      this.#unlink(link);
    }
  }

  /** The node declares a path itself. */
  define(nowUs: number, definition: ParameterDefinition): Defined | Refusal {
    this.#nowUs = nowUs;
    const defined = this.document.define(nowUs, definition);
    this.#follow(nowUs);
    return defined;
  }

  /** The node takes a path out itself. @returns whether it was there. */
  retire(nowUs: number, id: PathId): boolean {
    this.#nowUs = nowUs;
    const isGone = this.document.retire(nowUs, id);
    if (isGone) this.#holding.handleRemoval(nowUs, id);
    this.#follow(nowUs);
    return isGone;
  }

  /** The node writes itself, up to priority 255; 0 gives up. @returns what became of it. */
  write(nowUs: number, id: PathId, value: StateValue, priority: number): SetOutcome | Refusal {
    this.#nowUs = nowUs;
    const checked = priority === 0 ? null : this.document.book.check(id, value);
    if (isRefusal(checked)) return checked;
    const outcome = this.document.set(nowUs, id, 0 as ClientNumber, checked, priority, 0);
    this.#follow(nowUs);
    return outcome;
  }

  /** When it wants `handleDeadline` or `poll`; null for never. */
  deadline(): HostDeadline | null {
    let [atUs, reason]: [number, HostDeadline["reason"]] = [this.#sender.deadlineUs(), "send"];
    if (atUs === -Infinity) return { atUs: this.#nowUs, reason };
    const merge = this.document.claims.pollTimeout()?.atUs ?? Infinity;
    if (merge < atUs) [atUs, reason] = [merge, "merge"];
    const holding = this.#holding.deadlineUs();
    if (holding < atUs) [atUs, reason] = [holding, "holding"];
    const standby = this.#standbys.deadlineUs();
    if (standby < atUs) [atUs, reason] = [standby, "standby"];
    if (this.#tombstonesUs < atUs) [atUs, reason] = [this.#tombstonesUs, "tombstones"];
    return atUs === Infinity ? null : { atUs: Math.max(atUs, this.#nowUs), reason };
  }

  /** The next message; null when nothing is due at the time of the last `handle…`. The batch before it is over. */
  poll(): Outgoing | null {
    this.#writes.endBatch();
    this.#welcomeWaiting(this.#nowUs);
    return this.#sender.poll(this.#nowUs);
  }

  /** The next update for a standby; null when none is due. */
  pollStandby(): StandbyOutgoing | null {
    return this.#standbys.poll(this.#nowUs);
  }

  /** The next event; null for none. */
  pollEvent(): HostEvent | null {
    const event = this.#events[this.#nextEvent];
    if (event !== undefined) {
      this.#nextEvent++;
      return event;
    }
    this.#events.length = this.#nextEvent = 0;
    return null;
  }

  /** Everything that the next host has to have. */
  snapshot(): StandbyUpdate {
    return this.#standbys.snapshot();
  }

  nack({ link }: Subscriber, message: NackMessage): void {
    if (link !== null) this.#sender.say(link, { ...message, text: fitText(message.text) });
  }

  noteWinner({ path, from, to, cause }: PathChange): void {
    if (from !== to) this.#note({ kind: "winner", path, from, to, cause });
  }

  #hello(nowUs: number, link: Link, hello: HelloMessage): void {
    if (hello.protocol !== STATE_PROTOCOL) {
      this.counters.refusedHellos++;
      const text = `this host speaks version ${STATE_PROTOCOL} of the protocol, not ${hello.protocol}`;
      return this.#error(link.name, "protocol", text);
    }
    if (hello.epoch !== null && !this.#isOurs(hello.epoch)) return;
    const admission = this.#holding.handleHello(nowUs, link.peer, hello);
    if (!("client" in admission)) {
      this.counters.refusedHellos++;
      this.#note({ kind: "refused", link: link.name, code: admission.code, why: admission.why });
      return this.#error(link.name, admission.code, fitText(admission.why));
    }
    const former = link.subscriber;
    if (former !== null) {
      this.#unlink(link);
      if (former.client !== admission.client) this.#holding.handleLinkLost(nowUs, former.client);
    }
    link.subscriber = this.#subscriberOf(admission.client, hello.name);
    link.waiting = { hello, admission };
    this.#waiting.add(link);
    if (!this.#sender.hasRoom) this.counters.waitedTransfers++;
    this.#welcomeWaiting(nowUs);
  }

  /** @returns the client; another link that it had is closed. */
  #subscriberOf(client: ClientNumber, name: string): Subscriber {
    let subscriber = this.#subscribers.get(client);
    if (subscriber === undefined) {
      subscriber = new Subscriber(client);
      this.#subscribers.set(client, subscriber);
    }
    for (const other of this.#links.values()) {
      if (other.subscriber !== subscriber) continue;
      const text = "this client has come in over another link";
      const term = this.epoch.term;
      this.#sender.say(other.name, { kind: "bye", term, reason: "replaced", successor: null, text });
      this.#unlink(other);
    }
    subscriber.name = name;
    this.document.claims.handleJoin(client);
    this.#standbys.noteClient(client);
    this.#standbys.noteHolding();
    return subscriber;
  }

  #welcomeWaiting(nowUs: number): void {
    for (const link of this.#waiting) {
      if (!this.#sender.hasRoom) return;
      this.#waiting.delete(link);
      const { subscriber, waiting } = link;
      link.waiting = null;
      if (subscriber !== null && waiting !== null) {
        this.#welcome(nowUs, link, subscriber, waiting.hello, waiting.admission);
      }
    }
  }

  #welcome(
    nowUs: number,
    link: Link,
    subscriber: Subscriber,
    hello: HelloMessage,
    admission: Admission,
  ): void {
    const { client, token, resumed, maxPriority, setsPerSecond, silenceUs } = admission;
    const takenOver = this.document.claims.handleReturn(nowUs, client).map(({ path }) => path);
    this.document.settle();
    const group = this.#groups.join(hello.interests);
    subscriber.begin(link.name, group);
    subscriber.maxPriority = maxPriority;
    const isSameEpoch = hello.epoch !== null && compareEpochs(hello.epoch, this.epoch) === 0;
    const keeps = isSameEpoch && this.#interests.get(client) === group.key;
    this.#interests.delete(client);
    const plans = this.#sender.begin(nowUs, link.name, subscriber, hello, keeps);
    const single = this.#standbys.isSingle;
    const acked = Math.min(subscriber.sequence, this.#standbys.limitOf(subscriber));
    subscriber.acknowledged = acked;
    this.counters.welcomes++;
    if (resumed) this.counters.resumed++;
    this.#sender.say(link.name, {
      kind: "welcome",
      epoch: this.epoch,
      client,
      token,
      resumed,
      ack: { sequence: acked as ClientSequence, single },
      nowUs,
      limits: { setsPerSecond, maxPatchHz: 30, maxPriority, silenceUs },
      plans,
      takenOver: takenOver.sort((a, b) => a - b).slice(0, 4_096),
    });
    this.#note({ kind: "joined", client, name: subscriber.name, resumed });
  }

  /** Something came from a client that is in. */
  #heard(
    nowUs: number,
    link: Link,
    subscriber: Subscriber,
    message: Exclude<StateMessage, HelloMessage>,
  ): void {
    const { client } = subscriber;
    this.document.claims.noteHeard(client);
    this.#holding.handleHeard(nowUs, client);
    this.#drainHolding(nowUs);
    if (link.subscriber !== subscriber) return; // It was suspended meanwhile.
    if (message.kind === "beat") return this.#beat(nowUs, subscriber, message);
    if (message.kind === "error") return;
    if (message.kind !== "welcome" && message.term !== this.epoch.term) {
      return this.#otherTerm(subscriber, message);
    }
    switch (message.kind) {
      case "set":
      case "tx":
        if (this.#writes.handleWrite(nowUs, subscriber, message)) this.#standbys.noteClient(client);
        return this.#sender.noteWrite(nowUs, subscriber);
      case "ack":
        return this.#ack(nowUs, subscriber, message);
      case "resync":
        return this.#resync(nowUs, subscriber, message);
      case "own":
      case "priv":
        this.#holding.handleMessage(nowUs, client, message);
        return this.#standbys.noteHolding();
      case "bye":
        this.#unlink(link);
        return this.#holding.handleLeave(nowUs, client);
      default:
        this.counters.misplaced++;
        return this.#error(link.name, "malformed", `clients do not say ${message.kind}`);
    }
  }

  #ack(nowUs: number, subscriber: Subscriber, { versions }: AckMessage): void {
    this.#sender.noteVersions(nowUs, subscriber, versions);
  }

  #beat(nowUs: number, subscriber: Subscriber, { epoch, versions }: BeatMessage): void {
    if (this.#isOurs(epoch) && epoch.term === this.epoch.term) {
      this.#sender.noteVersions(nowUs, subscriber, versions);
    }
  }

  #resync(nowUs: number, subscriber: Subscriber, message: ResyncMessage): void {
    if (message.reason === "digest") {
      this.counters.differences++;
      const { subsystem, buckets } = message;
      this.#note({ kind: "difference", client: subscriber.client, subsystem, parts: buckets.length });
    }
    this.#sender.noteResync(nowUs, subscriber, message);
  }

  /** Whether an epoch that a client tells is this one or an older one. */
  #isOurs(epoch: StateEpoch): boolean {
    if (epoch.term > this.epoch.term) {
      this.counters.newerTerm++;
      this.#note({ kind: "newer-term", term: epoch.term });
      return false;
    }
    if (epoch.term === this.epoch.term && epoch.hostId !== this.epoch.hostId) {
      this.counters.twoHosts++;
      this.#note({ kind: "two-hosts", other: epoch });
      return false;
    }
    return true;
  }

  /** A message that was not meant for this reign has no effect; a write is told so. */
  #otherTerm(subscriber: Subscriber, message: StateMessage & { readonly term: number }): void {
    const { term } = this.epoch;
    if (message.term > term) {
      this.counters.newerTerm++;
      this.#note({ kind: "newer-term", term: message.term });
    } else this.counters.staleTerm++;
    if (message.kind !== "set" && message.kind !== "tx") return;
    const text = `this is term ${term}, not ${message.term}`;
    const { sequence } = message;
    this.nack(subscriber, {
      kind: "nack",
      term,
      sequence,
      code: "epoch",
      id: null,
      generation: null,
      current: null,
      text,
    });
  }

  /** Does what follows from what was just handled. */
  #follow(nowUs: number): void {
    this.#drainHolding(nowUs);
    this.document.settle();
    if (this.#tombstonesUs === Infinity) this.#forgetDeleted(nowUs);
  }

  #drainHolding(nowUs: number): void {
    for (let event = this.#holding.pollEvent(); event !== null; event = this.#holding.pollEvent()) {
      this.#change(nowUs, event);
    }
    for (
      let news = this.#holding.pollAnnouncement();
      news !== null;
      news = this.#holding.pollAnnouncement()
    ) {
      this.#standbys.noteHolding();
      const message = { ...news.message, term: this.epoch.term } as StateMessage;
      if (news.to === null) { for (const link of this.#sender.links.keys()) this.#sender.say(link, message); }
      else {
        const link = this.#subscribers.get(news.to)?.link ?? null;
        if (link !== null) this.#sender.say(link, message);
      }
    }
  }

  #change(nowUs: number, event: HoldingEvent): void {
    const { kind, client } = event;
    const { claims } = this.document;
    const subscriber = this.#subscribers.get(client);
    this.#note({ kind, client });
    this.#standbys.noteHolding();
    if (kind === "suspect" || kind === "lost") claims.handleLost(nowUs, client);
    else if (kind === "returned") claims.handleReturn(nowUs, client);
    else if (kind === "left") claims.handleLeave(client);
    else claims.handleForget(client);
    this.document.settle();
    if (kind === "suspect" || kind === "returned" || subscriber === undefined) return;
    const link = subscriber.link === null ? undefined : this.#links.get(subscriber.link);
    if (link !== undefined) {
      const text = "nothing was heard of this client";
      const term = this.epoch.term;
      this.#sender.say(link.name, { kind: "bye", term, reason: "silent", successor: null, text });
      this.#unlink(link);
    }
    if (kind === "lost") return;
    this.#subscribers.delete(client);
    this.#interests.delete(client);
    this.#standbys.noteClient(client);
  }

  /** A client does not listen on a link any more. */
  #unlink(link: Link): void {
    const { subscriber } = link;
    link.subscriber = link.waiting = null;
    this.#waiting.delete(link);
    if (subscriber === null) return;
    this.#sender.end(link.name);
    this.#writes.forget(subscriber);
    const { group } = subscriber;
    if (group !== null) {
      this.#interests.set(subscriber.client, group.key);
      this.#groups.leave(group);
    }
    subscriber.end();
  }

  #forgetDeleted(nowUs: number): void {
    this.#tombstonesUs = Infinity;
    for (const log of this.document.logs()) {
      if (log.tombstones === 0) continue;
      let known = Infinity;
      for (const subscriber of this.#sender.links.values()) {
        known = Math.min(known, subscriber.acked[log.number] ?? 0);
      }
      this.#tombstonesUs = Math.min(this.#tombstonesUs, log.forgetDeleted(nowUs, known));
    }
  }

  #noteDurability(nowUs: number): void {
    this.#note({ kind: "durability", single: this.#standbys.isSingle });
    this.#sender.noteLimits(nowUs);
  }

  /** Goes on from what another host left: its epoch is over, so versions begin anew, but numbers stay. */
  #restore(nowUs: number, { epoch, subsystems, rows, paths, clients }: StandbyUpdate): void {
    assert(compareEpochs(this.epoch, epoch) > 0, "a host that takes over reigns in a later epoch");
    const { book, claims } = this.document;
    for (const [number, name] of subsystems) book.subsystems.adopt(number, name);
    for (const { id, definition } of rows) book.adopt(id, definition);
    for (const { client, name, sequence } of clients) {
      const subscriber = new Subscriber(client);
      subscriber.name = name;
      subscriber.sequence = subscriber.acknowledged = subscriber.confirmed = sequence;
      this.#subscribers.set(client, subscriber);
      claims.handleJoin(client);
    }
    const records = new Map(paths.map(({ id, record }) => [id, record]));
    for (const { id } of rows) this.document.adopt(id, records.get(id) ?? null);
    claims.handleReign(nowUs, this.epoch.term);
    this.document.settle();
  }

  #error(to: LinkName, code: StateErrorCode, text: string): void {
    this.#sender.say(to, { kind: "error", term: this.epoch.term, code, text });
  }

  #note(event: HostEvent): void {
    if (this.#events.length - this.#nextEvent >= limits.MAX_EVENTS) this.counters.eventsFull++;
    else this.#events.push(event);
  }
}

/** As much of a text as a message holds. */
function fitText(text: string): string {
  let fitted = text;
  while (utf8Length(fitted) > MAX_TEXT_BYTES) fitted = fitted.slice(0, Math.floor(fitted.length * 0.9));
  return fitted.isWellFormed() ? fitted : fitted.toWellFormed();
}
