// Brings every client from what it has to what there is: welcomes, wholes, patches, acknowledgements, beats.
// Decides what goes to whom next (research 2.7 W2 to W4, C3, C4); holds for each client what it has, never what it is to get.
// Never decides what stands (document.ts) or what was written (write_desk.ts).

import type { LinkNumber } from "../holding/mod.ts";
import {
  CHUNK_BYTES,
  type Digest64,
  type HelloMessage,
  MessageEncoder,
  type ResyncMessage,
  splitEntries,
  type StateMessage,
  type SubsystemBeat,
  type SubsystemPlan,
  type SubsystemVersion,
  type WriteAck,
} from "../messages/mod.ts";
import type { ClientSequence, StateEpoch, SubsystemNumber, Version } from "../model/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { Feed } from "./feed.ts";
import type { InterestGroups } from "./interest.ts";
import * as limits from "./limits.ts";
import { PatchPress } from "./patch_press.ts";
import { NOTHING, type Subscriber } from "./subscriber.ts";

/** A message on its way. */
export interface Outgoing {
  readonly to: LinkNumber;
  /** Good until the next `poll`. */
  readonly bytes: Uint8Array;
}

/** How far the writes of a client may be acknowledged. */
export interface AckLimit {
  /** The newest write of a client that may be acknowledged. */
  limitOf(subscriber: Subscriber): number;
  /** Whether the host alone has what it acknowledges. */
  readonly isSingle: boolean;
}

/** What the sender needs. */
export interface SenderOptions {
  readonly epoch: StateEpoch;
  readonly groups: InterestGroups;
  readonly acks: AckLimit;
  readonly counters: HostCounters;
}

type Waiting = { readonly to: LinkNumber; readonly message: StateMessage | Uint8Array };

/** In which order subsystems go to a newcomer (research 2.11); those that are not named follow. */
const FIRST = ["dict", "transport", "groups", "layers", "params"];

/** Sends. */
export class Sender {
  readonly #epoch: StateEpoch;
  readonly #groups: InterestGroups;
  readonly #acks: AckLimit;
  readonly #counters: HostCounters;
  readonly #encoder = new MessageEncoder();
  readonly #press: PatchPress;
  readonly #links = new Map<LinkNumber, Subscriber>();
  readonly #outbox: Waiting[] = [];
  #next = 0;
  readonly #transferring = new Set<Subscriber>();
  readonly #answering = new Set<Subscriber>();
  #flushed: Feed | null = null;
  #hasDigest = false;
  #rest: Iterator<Subscriber> | null = null;
  /** No client has anything due before. */
  #clientsUs = Infinity;

  constructor({ epoch, groups, acks, counters }: SenderOptions) {
    this.#epoch = epoch;
    this.#groups = groups;
    this.#acks = acks;
    this.#counters = counters;
    this.#press = new PatchPress(epoch.term, this.#encoder, counters);
  }

  /** The clients that are there. */
  get links(): ReadonlyMap<LinkNumber, Subscriber> {
    return this.#links;
  }

  /** Whether another client can receive the whole now. */
  get hasRoom(): boolean {
    return this.#transferring.size < limits.MAX_TRANSFERS;
  }

  /** A message outside of the rhythm. @returns false where there is no room for it. */
  say(to: LinkNumber, message: StateMessage | Uint8Array): boolean {
    if (this.#outbox.length - this.#next >= limits.MAX_OUTBOX) {
      this.#counters.outboxFull++;
      return false;
    }
    this.#outbox.push({ to, message });
    return true;
  }

  /**
   * A client begins to listen: what it has counts where it still means something, the rest goes to it whole.
   * @returns how each subsystem will come.
   */
  begin(
    nowUs: number,
    link: LinkNumber,
    subscriber: Subscriber,
    hello: HelloMessage,
    keeps: boolean,
  ): SubsystemPlan[] {
    this.#links.set(link, subscriber);
    const plans: SubsystemPlan[] = [];
    const feeds = subscriber.group?.feeds ?? [];
    for (const feed of feeds) {
      if (feed === undefined) continue;
      const { subsystem, name } = feed.source;
      const have = keeps ? hello.have.find((each) => each.subsystem === subsystem)?.version ?? 0 : 0;
      const version = feed.version;
      let chunks = 0;
      if (version === 0) subscriber.sent[subsystem] = 0;
      else if (this.#canFollow(feed, have)) {
        subscriber.sent[subsystem] = have;
        subscriber.noteAcked(subsystem, have);
        if (have < version) this.#noteNews(feed);
      } else chunks = this.#beginTransfer(subscriber, feed, null);
      plans.push({ subsystem, name, version, chunks });
    }
    subscriber.transfers.sort((a, b) => rankOf(a.feed) - rankOf(b.feed));
    subscriber.beatDueUs = nowUs + limits.FIRST_BEAT_US;
    this.#clientsUs = Math.min(this.#clientsUs, subscriber.beatDueUs);
    return plans;
  }

  /** A link is gone. */
  end(link: LinkNumber): void {
    const subscriber = this.#links.get(link);
    if (subscriber === undefined) return;
    this.#links.delete(link);
    this.#transferring.delete(subscriber);
    this.#answering.delete(subscriber);
  }

  /** A client wrote: it will be told. */
  noteWrite(nowUs: number, subscriber: Subscriber): void {
    if (subscriber.ackDueUs > nowUs + limits.ACK_DELAY_US) {
      this.#dueAck(subscriber, nowUs + limits.ACK_DELAY_US);
    }
  }

  /** More may be acknowledged than before. */
  noteLimits(nowUs: number): void {
    for (const subscriber of this.#links.values()) {
      if (subscriber.acknowledged < subscriber.sequence) this.#dueAck(subscriber, nowUs);
    }
  }

  /** A sign of life of a client is wanted: it hears a beat, and what it says next is one. */
  probe(nowUs: number, subscriber: Subscriber): void {
    if (subscriber.link === null) return;
    this.#counters.probes++;
    this.#dueBeat(subscriber, nowUs);
  }

  /** So many bytes wait on a client's lane. */
  noteBacklog(subscriber: Subscriber, bytes: number): void {
    const wasFull = subscriber.backlogBytes > limits.MAX_BACKLOG_BYTES;
    subscriber.backlogBytes = bytes;
    if (wasFull && bytes <= limits.MAX_BACKLOG_BYTES) this.#resume(subscriber);
  }

  /** A client tells what it has. */
  noteVersions(nowUs: number, subscriber: Subscriber, versions: readonly SubsystemVersion[]): void {
    for (const { subsystem, version } of versions) {
      const feed = subscriber.group?.feeds[subsystem];
      const sent = subscriber.sentOf(subsystem);
      if (feed === undefined || version > sent) continue;
      if (subscriber.noteAcked(subsystem, version)) this.#resume(subscriber);
      const sentUs = subscriber.sentUs[subsystem] ?? nowUs;
      if (version === sent || nowUs - sentUs < limits.REWIND_US || subscriber.isBehind(nowUs)) continue;
      this.#counters.rewinds++;
      subscriber.sentUs[subsystem] = nowUs;
      if (version > 0 && version >= feed.source.horizon) subscriber.rewind(subsystem, version);
      else this.#beginTransfer(subscriber, feed, null);
      this.#noteNews(feed);
    }
  }

  /**
   * A client asks for entries again.
   * @returns the parts of the digest in which it differs, if it told them; null where nothing follows.
   */
  noteResync(nowUs: number, subscriber: Subscriber, message: ResyncMessage): readonly number[] | null {
    const { subsystem, have, nonce, reason, buckets } = message;
    const feed = subscriber.group?.feeds[subsystem];
    if (feed === undefined) return null;
    this.#counters.resyncs++;
    if (nowUs - (subscriber.answeredUs[subsystem] ?? -Infinity) < limits.RESYNC_US) {
      this.#counters.resyncsTooSoon++;
      return null;
    }
    subscriber.answeredUs[subsystem] = nowUs;
    subscriber.answers.set(subsystem, { feed, have: reason === "digest" ? 0 : have, nonce });
    this.#answering.add(subscriber);
    return buckets.length === 0 ? [] : feed.source.differingParts(buckets);
  }

  /** When it has something to send, in microseconds; Infinity for never. */
  deadlineUs(): number {
    const hasNames = this.#groups.begun.length > 0;
    if (this.#next < this.#outbox.length || this.#flushed !== null || hasNames) return -Infinity;
    let atUs = this.#clientsUs;
    for (const feed of this.#groups.dirty) atUs = Math.min(atUs, feed.dueUs);
    return atUs;
  }

  /** The next message; null when nothing is due. */
  poll(nowUs: number): Outgoing | null {
    while (true) {
      const waiting = this.#outbox[this.#next];
      if (waiting === undefined) {
        this.#outbox.length = this.#next = 0;
        if (!this.#pump(nowUs)) return null;
        continue;
      }
      this.#next++;
      const { to, message } = waiting;
      const bytes = message instanceof Uint8Array ? message : this.#encoder.encode(message);
      if (bytes !== null) return { to, bytes };
      this.#counters.unencodable++;
    }
  }

  /** Puts what is due next into the outbox. @returns whether there was something. */
  #pump(nowUs: number): boolean {
    return this.#pumpNames() || this.#pumpAnswers(nowUs) || this.#pumpTransfers(nowUs) ||
      this.#pumpPatches(nowUs) ||
      this.#pumpClients(nowUs);
  }

  /** What a subsystem is called goes before all that is in it. */
  #pumpNames(): boolean {
    const { begun } = this.#groups;
    if (begun.length === 0) return false;
    const subsystems = begun.map(({ number, name }) => ({ subsystem: number, name }));
    subsystems.sort((a, b) => a.subsystem - b.subsystem);
    begun.length = 0;
    const message: StateMessage = { kind: "names", term: this.#epoch.term, subsystems };
    for (const link of this.#links.keys()) this.say(link, message);
    return this.#links.size > 0;
  }

  #pumpAnswers(nowUs: number): boolean {
    for (const subscriber of this.#answering) {
      if (subscriber.backlogBytes > limits.MAX_BACKLOG_BYTES) continue;
      this.#answering.delete(subscriber);
      const { link } = subscriber;
      if (link === null) continue;
      for (const { feed, have, nonce } of subscriber.answers.values()) {
        const { source } = feed;
        const changes = this.#canFollow(feed, have) ? source.changesAfter(have, Infinity) : null;
        const parts = changes === null ? [] : this.#press.press(feed, have, changes, nonce, true);
        if (parts.length === 0) {
          this.#counters.resyncsWhole++;
          this.#beginTransfer(subscriber, feed, nonce);
          continue;
        }
        this.#stopTransfer(subscriber, feed);
        for (const bytes of parts) this.say(link, bytes);
        subscriber.noteSent(nowUs, source.subsystem, feed.version);
        this.#dueAck(subscriber, nowUs);
      }
      subscriber.answers.clear();
      return true;
    }
    return false;
  }

  #pumpTransfers(nowUs: number): boolean {
    for (const subscriber of this.#transferring) {
      const [transfer] = subscriber.transfers;
      const { link } = subscriber;
      if (transfer === undefined || link === null) {
        this.#transferring.delete(subscriber);
        continue;
      }
      if (subscriber.backlogBytes > limits.MAX_BACKLOG_BYTES) continue;
      const { feed, version, parts, digest, nonce } = transfer;
      const index = transfer.index++;
      const isLast = transfer.index === parts.length;
      this.#counters.chunks++;
      this.say(link, {
        kind: "chunk",
        term: this.#epoch.term,
        subsystem: feed.source.subsystem,
        version: version as Version,
        index,
        count: parts.length,
        nonce,
        digest: isLast ? digest : null,
        entries: parts[index] ?? [],
      });
      // One after the other: a large state must not keep the others waiting.
      this.#transferring.delete(subscriber);
      if (isLast) {
        subscriber.transfers.shift();
        subscriber.noteSent(nowUs, feed.source.subsystem, version);
        if (feed.version > version) this.#noteNews(feed);
        if (subscriber.transfers.length === 0 || feed === this.#groups.book) this.#resume(subscriber);
        this.#dueAck(subscriber, nowUs);
      }
      if (subscriber.transfers.length > 0) this.#transferring.add(subscriber);
      return true;
    }
    return false;
  }

  #pumpPatches(nowUs: number): boolean {
    while (true) {
      if (this.#flushed === null && !this.#beginFlush(nowUs)) return false;
      const feed = this.#flushed;
      const next = this.#rest?.next();
      if (feed === null || next === undefined || next.done === true) {
        this.#flushed = this.#rest = null;
        continue;
      }
      if (this.#sendPatch(nowUs, next.value, feed)) return true;
    }
  }

  /** Takes the next feed that is due; the book before all others, for they name what it defines. */
  #beginFlush(nowUs: number): boolean {
    let found: Feed | null = null;
    for (const feed of this.#groups.dirty) {
      if (feed.dueUs > nowUs) continue;
      found = feed;
      if (feed === this.#groups.book) break;
    }
    if (found === null) return false;
    this.#groups.dirty.delete(found);
    this.#flushed = found;
    this.#hasDigest = found.beginFlush(nowUs);
    this.#rest = this.#links.values();
    this.#press.clear();
    return true;
  }

  /** @returns whether something was put into the outbox. */
  #sendPatch(nowUs: number, subscriber: Subscriber, feed: Feed): boolean {
    const { subsystem } = feed.source;
    const { link } = subscriber;
    if (link === null || subscriber.group?.feeds[subsystem] !== feed) return false;
    const base = subscriber.sentOf(subsystem);
    if (base === NOTHING || base >= feed.version) return false;
    if (subscriber.isBehind(nowUs)) {
      this.#counters.skipped++;
      return false;
    }
    if (subsystem !== 0) {
      if (subscriber.sentOf(0) === NOTHING) return false; // The end of that transfer brings it up again.
      this.#sendPatch(nowUs, subscriber, this.#groups.book);
    }
    const { parts } = this.#press.print(feed, base, this.#hasDigest && feed === this.#flushed);
    subscriber.noteSent(nowUs, subsystem, feed.version);
    parts.forEach((bytes, at) => {
      const ack = at === parts.length - 1 ? this.#takeAck(subscriber) : null;
      this.#counters.patches++;
      this.say(link, ack === null ? bytes : this.#encoder.acknowledge(bytes, ack)?.slice() ?? bytes);
    });
    this.#dueBeat(subscriber, nowUs + limits.FIRST_BEAT_US);
    return parts.length > 0;
  }

  #pumpClients(nowUs: number): boolean {
    if (nowUs < this.#clientsUs) return false;
    this.#clientsUs = Infinity;
    let hasSaid = false;
    for (const [link, subscriber] of this.#links) {
      if (nowUs >= subscriber.ackDueUs) {
        subscriber.ackDueUs = Infinity;
        if (subscriber.backlogBytes > limits.MAX_BACKLOG_BYTES) {
          subscriber.ackDueUs = nowUs + limits.ACK_DELAY_US;
        } else hasSaid = this.#acknowledge(link, subscriber) || hasSaid;
      }
      if (nowUs >= subscriber.beatDueUs) {
        this.#beat(nowUs, link, subscriber);
        hasSaid = true;
      }
      this.#clientsUs = Math.min(this.#clientsUs, subscriber.ackDueUs, subscriber.beatDueUs);
    }
    return hasSaid;
  }

  /** A patch with nothing but an acknowledgement, where there is one. */
  #acknowledge(link: LinkNumber, subscriber: Subscriber): boolean {
    const ack = this.#takeAck(subscriber);
    if (ack === null) return false;
    const version = Math.max(0, subscriber.sentOf(0)) as Version;
    this.#counters.bareAcks++;
    return this.say(link, {
      kind: "patch",
      term: this.#epoch.term,
      subsystem: 0 as SubsystemNumber,
      base: version,
      version,
      ack,
      nonce: null,
      digest: null,
      entries: [],
    });
  }

  #beat(nowUs: number, link: LinkNumber, subscriber: Subscriber): void {
    const isBehind = subscriber.isBehind(nowUs);
    const versions: SubsystemBeat[] = [];
    for (const feed of subscriber.group?.feeds ?? []) {
      if (feed === undefined || feed.version === 0) continue;
      const { subsystem } = feed.source;
      const sent = subscriber.sentOf(subsystem);
      if (sent === NOTHING) continue;
      // What waits for its rhythm is not missed; what waits because the client does not follow is.
      const version = (isBehind ? feed.version : sent) as Version;
      const digest: Digest64 | null = sent === feed.version ? feed.source.digest() : null;
      versions.push({ subsystem, version, digest });
    }
    this.#counters.beats++;
    this.#dueBeat(subscriber, nowUs + limits.BEAT_US);
    const state = subscriber.transfers.length > 0 ? "joining" : isBehind ? "behind" : "synced";
    const ack = this.#takeAck(subscriber) ?? this.ackOf(subscriber);
    this.say(link, { kind: "beat", epoch: this.#epoch, nowUs, state, ack, versions });
  }

  /** The acknowledgement that a client is owed; null for none. It counts as sent. */
  #takeAck(subscriber: Subscriber): WriteAck | null {
    const sequence = Math.min(subscriber.effective(), this.#acks.limitOf(subscriber));
    if (sequence <= subscriber.acknowledged && !subscriber.isToAcknowledge) return null;
    subscriber.isToAcknowledge = false;
    subscriber.acknowledged = Math.max(subscriber.acknowledged, sequence);
    return this.ackOf(subscriber);
  }

  /** What was acknowledged to a client; `single` as long as no standby has all of that. */
  ackOf(subscriber: Subscriber): WriteAck {
    const { acknowledged } = subscriber;
    const single = this.#acks.isSingle || acknowledged > this.#acks.limitOf(subscriber);
    return { sequence: acknowledged as ClientSequence, single };
  }

  /** Whether a difference from `have` says all, and is worth it (C3). */
  #canFollow({ source }: Feed, have: number): boolean {
    if (have <= 0 || have > source.version || have < source.horizon) return false;
    return source.changesAfter(have, Math.floor(source.size / 2)) !== null;
  }

  /** @returns how many chunks there will be. */
  #beginTransfer(subscriber: Subscriber, feed: Feed, nonce: number | null): number {
    const { source } = feed;
    this.#stopTransfer(subscriber, feed);
    const parts = splitEntries(source.all(), CHUNK_BYTES);
    subscriber.transfers.push({
      feed,
      version: feed.version,
      parts,
      digest: source.digest(),
      nonce,
      index: 0,
    });
    subscriber.rewind(source.subsystem, NOTHING);
    this.#transferring.add(subscriber);
    return parts.length;
  }

  #stopTransfer(subscriber: Subscriber, feed: Feed): void {
    const at = subscriber.transfers.findIndex((transfer) => transfer.feed === feed);
    if (at >= 0) subscriber.transfers.splice(at, 1);
  }

  /** A client can hear patches again. */
  #resume(subscriber: Subscriber): void {
    for (const feed of subscriber.group?.feeds ?? []) {
      if (feed === undefined) continue;
      const sent = subscriber.sentOf(feed.source.subsystem);
      if (sent !== NOTHING && sent < feed.version) this.#noteNews(feed);
    }
  }

  #noteNews(feed: Feed): void {
    feed.noteNews(0);
    this.#groups.dirty.add(feed);
  }

  #dueAck(subscriber: Subscriber, atUs: number): void {
    subscriber.ackDueUs = Math.min(subscriber.ackDueUs, atUs);
    this.#clientsUs = Math.min(this.#clientsUs, atUs);
  }

  #dueBeat(subscriber: Subscriber, atUs: number): void {
    subscriber.beatDueUs = atUs;
    this.#clientsUs = Math.min(this.#clientsUs, atUs);
  }
}

function rankOf({ source }: Feed): number {
  const at = FIRST.indexOf(source.name);
  return at < 0 ? FIRST.length + source.subsystem : at;
}
