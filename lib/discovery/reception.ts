// What a received datagram does: doubted in a fixed order (ours? our mesh? too many? our key? sound? fresh?), then acted
// on by kind. Decides refusals; never throws on anything that a peer can send, and never answers a stranger.

import type { NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import { type Admission, believedBeatUs, smoothRtt } from "./admission.ts";
import type { Announcer } from "./announcer.ts";
import type { Challenges } from "./challenges.ts";
import { mustYieldId, type NameKeeper } from "./conflict.ts";
import { type Context, emit } from "./context.ts";
import type { Refusal } from "./counters.ts";
import type { Agreement } from "./agreement.ts";
import { type Datagram, type OpenDatagram, PATHS, refusePreamble } from "./datagram.ts";
import type { Echoes } from "./echoes.ts";
import {
  type Announce,
  type Heartbeat,
  type LeaderHint,
  type LeaseMessage,
  type LeaveReason,
  type Offer,
  type Ping,
  type Query,
  type Question,
  questionToOne,
  targetOf,
} from "./messages/mod.ts";
import type { GuestDesk } from "./guests.ts";
import { SourceLimiter } from "./limiter.ts";
import type { Link, Place } from "./links.ts";
import type { Life, LifeBook } from "./lives.ts";
import type { Liveness } from "./liveness.ts";
import type { Newcomers, Sighting } from "./newcomers.ts";
import type { Address, OfferDesk } from "./offers.ts";
import type { Sender } from "./outbox.ts";
import { Overflow } from "./overflow.ts";
import { type Peer, SILENT_BEATS } from "./peer.ts";
import type { Questions } from "./questions.ts";
import type { NodeRecord } from "./record.ts";
import type { RecordParts } from "./record_parts.ts";
import type { PageIntake } from "./page_intake.ts";
import type { SyncPuller } from "./sync_puller.ts";

/** A datagram that took this much longer than its predecessors may be a replay, in ms. */
const MAX_SKEW_MS = 10_000;
const SOURCE_PER_SECOND = 200;
const SOURCE_BURST = 400;
const MAX_SOURCES = 1_024;
/** How long the announcement of a node that pings us is waited for. */
const UNANNOUNCED_WAIT_US = 300_000;
const DOUBLE_EVERY_US = 1_000_000;
const INCOMPATIBLE_EVERY_US = 60_000_000;
const RESUMED_TOLD_US = 10_000_000;

/** What reception works with. */
export interface ReceptionParts {
  readonly admission: Admission;
  readonly liveness: Liveness;
  readonly announcer: Announcer;
  readonly newcomers: Newcomers;
  readonly challenges: Challenges;
  readonly questions: Questions;
  readonly offers: OfferDesk;
  readonly names: NameKeeper;
  readonly echoes: Echoes;
  readonly agreement: Agreement;
  readonly puller: SyncPuller;
  readonly pages: PageIntake;
  readonly guests: GuestDesk;
  readonly lives: LifeBook;
  readonly records: RecordParts;
  /** What is said about who leads; by nodes that are present alone. */
  readonly onLease: (nowUs: number, from: Peer, message: LeaseMessage) => Refusal | null;
  /** Who leads as the beat of another has it. */
  readonly onLeaderHint: (nowUs: number, hint: LeaderHint) => void;
  readonly meshTag: number;
  readonly open: OpenDatagram;
  readonly seeds: readonly IpEndpoint[];
  readonly meshSize: () => number;
  /** Called with the time once a datagram has turned out to be authentic. */
  readonly onAuthentic: (nowUs: number) => void;
  /** Called when an earlier process holds our id. */
  readonly onIdLost: (nowUs: number) => void;
}

/** Reads datagrams. */
export class Reception {
  readonly #sources = new SourceLimiter(SOURCE_PER_SECOND, SOURCE_BURST, MAX_SOURCES);
  readonly #foreign = new Overflow();
  #incompatibleUs = Number.NEGATIVE_INFINITY;
  #doubleToldUs = Number.NEGATIVE_INFINITY;

  readonly #open: OpenDatagram;
  readonly #sender: Sender;

  constructor(readonly context: Context, readonly parts: ReceptionParts) {
    this.#open = parts.open;
    this.#sender = context.outbox.sender;
  }

  /** Whether the last datagram was one more sign of life of a node that is present, which sets nothing in motion. */
  wasRoutine = false;

  /** Doubts a datagram step by step, then acts on it. Returns why it was refused, or null. */
  receive(nowUs: number, bytes: Uint8Array, from: IpEndpoint): Refusal | null {
    this.wasRoutine = false;
    const preamble = refusePreamble(bytes, this.parts.meshTag);
    if (preamble !== null) {
      if (preamble === "version") this.#onIncompatible(nowUs, bytes[2] ?? 0, from);
      return preamble;
    }
    const { links, own } = this.context;
    // All processes of this machine share its addresses, so that there a source is a process.
    const place = links.placeOf(from.host);
    const { link } = place;
    if (!this.#canTake(nowUs, place, from)) return "flood";
    const opened = this.#open(bytes, this.#sender.codec, this.#sender.seal);
    if (typeof opened === "string") {
      if (opened === "foreign") this.#onForeign(nowUs, from);
      return opened;
    }
    if (opened.key === "guest") return this.parts.guests.handle(nowUs, opened, copyOf(from), link);
    this.parts.onAuthentic(nowUs);
    if (opened.key === "previous") this.context.counters.acceptedByPreviousKey++;
    if (opened.header.id === own.id) return this.#handleOwnId(nowUs, opened, copyOf(from), link);
    if (link === null && this.context.registry.trust === "open" && !this.#isSeed(from)) return "off-link";
    return this.#handleAuthentic(nowUs, opened, from, place);
  }

  /** Whether the source may be heard once more. */
  #canTake(nowUs: number, place: Place, from: IpEndpoint): boolean {
    if (place.bucket >= 0 && this.#sources.isRoomy) return this.#sources.canTakeAt(nowUs, place.bucket);
    if (place.isOwn) return this.#sources.canTake(nowUs, `${from.host} ${from.port}`);
    const canTake = this.#sources.canTake(nowUs, from.host);
    place.bucket = this.#sources.placeOf(from.host);
    return canTake;
  }

  /** The node of this id; mostly it is the one that spoke from there before. */
  #peerAt(place: Place, id: NodeId): Peer | undefined {
    const last = place.speaker;
    if (last !== null && last.isListed && last.id === id) return last;
    const peer = this.context.registry.peer(id);
    place.speaker = peer ?? null;
    return peer;
  }

  #isSeed(from: IpEndpoint): boolean {
    return this.parts.seeds.some((seed) => seed.host === from.host);
  }

  #handleAuthentic(nowUs: number, datagram: Datagram, heardFrom: IpEndpoint, place: Place): Refusal | null {
    const { header, message } = datagram;
    const { link } = place;
    const peer = this.#peerAt(place, header.id);
    if (peer !== undefined && header.incarnation < peer.incarnation && !canBeReplaced(nowUs, peer)) {
      return "old-incarnation";
    }
    const life = peer !== undefined && peer.incarnation === header.incarnation
      ? peer.life
      : this.parts.lives.lifeOf(header.id, header.incarnation, message.bootNonce);
    if (life.bootNonce !== message.bootNonce) return "other-process";
    if (header.seq <= life.notBefore || !life.window.canAccept(header.seq)) {
      // The other copy of a datagram that came on two paths tells that the second path works, and nothing else.
      const isCopy = peer?.life === life && peer.isPresent && life.window.highest === header.seq &&
        peer.route.from.host === heardFrom.host;
      if (isCopy) peer.route.noteHeard(nowUs, header.path);
      this.wasRoutine = true;
      return "duplicate";
    }
    // What was overtaken is no sign of life and no news of where its sender is: it may have been recorded, on a way on
    // which we did not hear it, by somebody who plays it to us now.
    const isNewest = header.seq > life.window.highest;
    life.window.commit(header.seq);
    const present = peer !== undefined && peer.life === life && peer.isAwaited ? peer : null;
    if (present !== null && message.kind !== "bye" && message.kind !== "offer" && message.kind !== "ack") {
      if (this.#isDelayed(nowUs, present, header.sentMs)) {
        this.parts.liveness.ask(nowUs, present, "measure");
        return "delayed";
      }
      if (isNewest) this.parts.admission.noteHeard(nowUs, present, datagram, heardFrom, link);
      else if (message.kind === "heartbeat") this.wasRoutine = true;
      if (this.wasRoutine) return null;
      if (message.kind === "heartbeat") return this.#noteBeat(nowUs, present, message, link);
    }
    const from = copyOf(heardFrom);
    switch (message.kind) {
      case "announce":
        return this.#handleAnnounce(nowUs, life, message, datagram, from, link);
      case "heartbeat":
        return this.#handleHeartbeat(nowUs, life, message, datagram, from, link);
      case "query":
        return this.#handleQuery(nowUs, life, message, datagram, from, link);
      case "offer":
        return this.#handleOffer(nowUs, life, message, datagram, from, link);
      case "bye":
        return this.#handleBye(nowUs, life, message.reason, isNewest);
      case "ping":
        return this.#handlePing(nowUs, life, message, datagram, from, link);
      case "ack":
        return this.#handleAck(nowUs, life, message.echo, datagram, from, link);
      case "sync-request":
        return this.parts.pages.handleRequest(nowUs, life, message, datagram, from, link);
      case "sync-page":
        return this.parts.pages.handlePage(nowUs, life, message, link);
      case "get":
        return this.#mayFetch(present, from)
          ? this.parts.records.handleGet(nowUs, message, from, link)
          : "not-allowed";
      case "record-part":
        return present === null
          ? "not-allowed"
          : this.parts.records.handlePart(nowUs, present, message, link);
      case "ping-request":
      case "nack":
      case "suspect":
      case "vouch":
        // Only those who are known to be there have a say about others.
        return present === null ? "not-allowed" : this.parts.liveness.handleGossip(nowUs, present, message);
      case "claim":
      case "grant":
      case "deny":
      case "lease":
      case "lease-ack":
        return present === null ? "not-allowed" : this.parts.onLease(nowUs, present, message);
      case "transfer": {
        // A leader hands over and says goodbye in one breath, and either may come first.
        const speaker = present ?? (peer?.life === life && peer.state === "left" ? peer : null);
        return speaker === null ? "not-allowed" : this.parts.onLease(nowUs, speaker, message);
      }
    }
  }

  /** Whether `peer` is known to live at `from`, so that a large answer goes to nobody else. */
  #mayFetch(peer: Peer | null, from: IpEndpoint): boolean {
    if (peer === null || this.context.isObserver) return false;
    return peer.route.from.host === from.host && peer.route.from.port === from.port;
  }

  #handleAnnounce(
    nowUs: number,
    life: Life,
    message: Announce,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (message.record.role === "observer") return "malformed";
    if (message.challenge !== null) this.parts.echoes.note(nowUs, message.challenge);
    const refusal = this.#hear(nowUs, life, message.record, message, datagram, from, link);
    this.#noteResumed(nowUs, life, message.resumedMs);
    if (refusal === null && message.question !== null) {
      this.#offer(nowUs, life, message.question, from, link, "all");
    }
    return refusal;
  }

  /** It was asleep, which it says several times. */
  #noteResumed(nowUs: number, life: Life, asleepMs: number): void {
    const peer = this.context.registry.peer(life.id);
    if (asleepMs === 0 || peer?.life !== life || !peer.isPresent) return;
    if (peer.resumedMs === asleepMs && nowUs - peer.resumedUs < RESUMED_TOLD_US) return;
    peer.resumedMs = asleepMs;
    peer.resumedUs = nowUs;
    emit(this.context, { kind: "resumed", id: life.id, asleepMs });
  }

  /** A beat of a node that is present. */
  #noteBeat(nowUs: number, peer: Peer, message: Heartbeat, link: Link | null): null {
    peer.peerCount = message.peerCount;
    peer.beatUs = believedBeatUs(message.beatMs);
    if (peer.record.more === true) this.parts.records.maybeFetch(nowUs, peer);
    if (message.availability.length > 0) {
      this.parts.admission.noteAvailability(nowUs, peer, message.availability);
    }
    if (this.parts.echoes.proves(nowUs, message.echoes, 0)) peer.knowsUs = true;
    // Who has just started proves itself by this to those who said their challenge before it came.
    if (message.challenge !== null && this.parts.echoes.isOpenFor(nowUs, 0)) {
      this.parts.echoes.note(nowUs, message.challenge);
    }
    if (message.joined.length > 0 && !peer.isRelayed) this.#noteJoined(nowUs, message.joined);
    if (message.leader !== null) this.parts.onLeaderHint(nowUs, message.leader);
    const isNews = this.parts.liveness.noteBeat(nowUs, peer, message);
    if (message.stateVersion > peer.stateVersion) this.#askForRecord(nowUs, peer);
    else if (!this.parts.agreement.noteDigest(nowUs, peer, message.digest, link) && !isNews) {
      this.wasRoutine = true;
    }
    return null;
  }

  /** Newcomers of ours that have proved to a node we know that they live. */
  #noteJoined(nowUs: number, joined: Heartbeat["joined"]): void {
    for (const sighting of this.parts.newcomers.takeJoined(joined)) {
      const { life, record, from } = sighting;
      if (record === null || this.context.registry.peer(life.id)?.life === life) continue;
      this.parts.admission.admitRelayed(nowUs, life, sighting, record, from);
    }
  }

  /** A beat of a node that does not count as present yet, or any more. */
  #handleHeartbeat(
    nowUs: number,
    life: Life,
    message: Heartbeat,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (message.challenge !== null) this.parts.echoes.note(nowUs, message.challenge);
    const refusal = this.#hear(nowUs, life, null, message, datagram, from, link);
    const peer = this.context.registry.peer(life.id);
    if (refusal === null && peer?.life === life && message.stateVersion > peer.stateVersion) {
      this.#askForRecord(nowUs, peer);
    }
    return refusal;
  }

  /** Life of a node that may or may not be listed: evidence for one that is, a question to one that is not. */
  #hear(
    nowUs: number,
    life: Life,
    record: NodeRecord | null,
    message: { readonly peerCount: number; readonly beatMs: number; readonly echoes: readonly string[] },
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    const peer = this.context.registry.peer(life.id);
    const { peerCount, beatMs } = message;
    if (peer?.life === life) {
      if (peer.isPresent) {
        peer.peerCount = peerCount;
        peer.beatUs = believedBeatUs(beatMs);
        if (record !== null) {
          this.parts.admission.applyRecord(nowUs, peer, record, from, link);
          this.parts.records.maybeFetch(nowUs, peer);
        }
        return null;
      }
      if (peer.state === "left" && !peer.isAsleep) return "after-goodbye";
    } else if (peer === undefined && !this.context.registry.canInsert()) {
      return this.parts.admission.refuseForRoom(nowUs, life.id);
    }
    const sighting: Sighting = { life, record, peerCount, beatMs, from, link };
    if (this.parts.echoes.proves(nowUs, message.echoes, peer?.sinceUs ?? 0)) {
      const known = record ?? this.parts.newcomers.waitingFor(life)?.record ?? this.#recordOf(life);
      if (known !== null) {
        this.parts.newcomers.take(life);
        const refusal = this.parts.admission.admit(
          nowUs,
          { ...sighting, record: known },
          datagram,
          null,
          false,
        );
        const admitted = this.context.registry.peer(life.id);
        if (refusal === null && admitted?.life === life) admitted.knowsUs = true;
        return refusal;
      }
    }
    this.parts.newcomers.meet(nowUs, sighting);
    return null;
  }

  #handleQuery(
    nowUs: number,
    life: Life,
    message: Query,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (this.context.isObserver) return "not-for-us";
    const { target, question } = message;
    if (target !== null && target !== targetOf(this.context.own.id)) return "not-for-us";
    const address = target === null ? "all" : datagram.header.path === "unicast" ? "direct" : "shouted";
    return this.#offer(nowUs, life, question, from, link, address);
  }

  #offer(
    nowUs: number,
    life: Life,
    question: Question,
    from: IpEndpoint,
    link: Link | null,
    address: Address,
  ): Refusal | null {
    if (!this.#mayOffer(life, link)) return "off-link";
    // Who knows the same knows us.
    if (address === "all" && question.digest === this.parts.agreement.digestOn(nowUs, link)) return null;
    const mesh = { size: this.parts.meshSize(), isStorm: this.parts.newcomers.isStorm(nowUs) };
    this.parts.offers.handleQuestion(nowUs, question, from, mesh, address);
    return null;
  }

  /** Records are large and a source can be forged: behind a router only a node that has proved itself gets one. */
  #mayOffer(life: Life, link: Link | null): boolean {
    return !this.context.isObserver && (link !== null || this.context.registry.peer(life.id)?.life === life);
  }

  #handleOffer(
    nowUs: number,
    life: Life,
    message: Offer,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (message.record.role === "observer") return "malformed";
    const isAnswer = this.parts.questions.isAsked(nowUs, message.echo) ||
      this.parts.challenges.close(message.echo, life.id) !== null;
    if (!isAnswer) return "stale-nonce";
    this.parts.questions.noteAnswer(nowUs, message.echo, life.id, message.peerCount);
    const { record, peerCount, beatMs } = message;
    const waited = this.parts.newcomers.take(life);
    const sighting: Sighting = { life, record, peerCount, beatMs, from: waited?.from ?? from, link };
    const refusal = this.parts.admission.admit(nowUs, sighting, datagram, null, waited !== null);
    if (message.cookie !== null && message.digest !== this.parts.agreement.digestOn(nowUs, link)) {
      this.parts.puller.addSource(nowUs, life.id, message.cookie, { endpoint: from, link }, peerCount);
    }
    return refusal;
  }

  #handleBye(nowUs: number, life: Life, reason: LeaveReason, isNewest: boolean): Refusal | null {
    // After this one the same life goes on: said before something that we have heard, it is over.
    if (reason === "sleep" && !isNewest) return "delayed";
    this.parts.newcomers.take(life);
    const peer = this.context.registry.peer(life.id);
    if (peer?.life !== life) return null;
    if (peer.state === "left") return "duplicate"; // it is said three times
    peer.state = "left";
    peer.sinceUs = nowUs;
    peer.isAsleep = reason === "sleep";
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: "left", id: life.id, reason });
    this.parts.names.check(nowUs);
    return null;
  }

  #handlePing(
    nowUs: number,
    life: Life,
    message: Ping,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    if (message.target !== null && message.target !== targetOf(this.context.own.id)) return "not-for-us";
    this.#sendAck(nowUs, message.nonce, datagram, from, link);
    const peer = this.context.registry.peer(life.id);
    const isKnown = peer?.life === life && (peer.isPresent || peer.state === "left");
    // Somebody lists us whom we have not heard ourselves: half of the way works already.
    if (!isKnown && !message.observer && this.context.registry.canInsert()) {
      const sighting = { life, record: null, peerCount: 1, beatMs: 1_000, from, link };
      this.parts.newcomers.meet(nowUs, sighting, UNANNOUNCED_WAIT_US);
    }
    return null;
  }

  #sendAck(nowUs: number, echo: string, datagram: Datagram, from: IpEndpoint, link: Link | null): void {
    const { own, outbox } = this.context;
    const heardBy = PATHS.indexOf(datagram.header.path);
    const message = {
      kind: "ack",
      bootNonce: own.bootNonce,
      echo,
      stateVersion: own.stateVersion,
      heardBy,
    } as const;
    outbox.toEndpoint(nowUs, from, link, message);
    // Whoever asks by multicast may not be reachable otherwise.
    if (datagram.header.path !== "unicast" && link !== null) outbox.toLink(nowUs, link, message, true);
  }

  #handleAck(
    nowUs: number,
    life: Life,
    echo: string,
    datagram: Datagram,
    from: IpEndpoint,
    link: Link | null,
  ): Refusal | null {
    const challenge = this.parts.challenges.close(echo, life.id);
    if (challenge === null) return "stale-nonce";
    const rttUs = nowUs - challenge.sentUs;
    if (challenge.purpose === "ping") {
      emit(this.context, { kind: "pong", token: challenge.token, id: life.id, rttUs });
    }
    const sighting = this.parts.newcomers.take(life);
    if (sighting !== null) {
      const record = sighting.record ?? this.#recordOf(life);
      if (record !== null) {
        return this.parts.admission.admit(nowUs, { ...sighting, record }, datagram, rttUs, true);
      }
    }
    const peer = this.context.registry.peer(life.id);
    if (peer?.life === life) {
      if (challenge.purpose === "help") this.parts.liveness.noteHelped(nowUs, peer);
      const { record, peerCount } = peer;
      const returned = { life, record, peerCount, beatMs: peer.beatUs / 1000, from, link };
      if (!peer.isPresent) {
        return peer.state === "left"
          ? null
          : this.parts.admission.admit(nowUs, returned, datagram, rttUs, true);
      }
      peer.skewMs = NaN; // proved fresh, whatever its clock says
      this.parts.admission.noteHeard(nowUs, peer, datagram, from, link);
      smoothRtt(peer, rttUs);
    } else if (challenge.purpose !== "ping" && this.context.registry.canInsert()) {
      // The address that we asked answers in another life: it was restarted.
      this.parts.newcomers.meet(nowUs, { life, record: null, peerCount: 1, beatMs: 1_000, from, link });
    }
    return null;
  }

  #recordOf(life: Life): NodeRecord | null {
    const peer = this.context.registry.peer(life.id);
    return peer?.life === life ? peer.record : null;
  }

  #isDelayed(nowUs: number, peer: Peer, sentMs: number): boolean {
    // Not so while the skew is unknown: nothing is greater than a bound when it is NaN.
    return Math.abs(sentMs - nowUs / 1000 - peer.skewMs) > MAX_SKEW_MS;
  }

  #askForRecord(nowUs: number, peer: Peer): void {
    if (nowUs - peer.recordAskedUs < peer.beatUs / 2) return;
    peer.recordAskedUs = nowUs;
    const { own, outbox, links } = this.context;
    const nonce = this.parts.challenges.open({ purpose: "record", id: peer.id, sentUs: nowUs, token: 0 });
    const question = questionToOne(nonce);
    const message = { kind: "query", bootNonce: own.bootNonce, question, target: targetOf(peer.id) } as const;
    outbox.toEndpoint(nowUs, peer.route.from, links.linkOf(peer.route.from.host), message);
  }

  // --- ourselves and strangers ---------------------------------------------------------------------------------

  /** Our own multicast, which tells that a link works; or another process under our id. */
  #handleOwnId(nowUs: number, datagram: Datagram, from: IpEndpoint, link: Link | null): Refusal | null {
    const { own, outbox } = this.context;
    const { header, message } = datagram;
    if (message.bootNonce === own.bootNonce) {
      if (link !== null && link.facts.port === from.port && header.path === "multicast") {
        link.watchFromUs = nowUs;
        if (link.echoMisses > 0) emit(this.context, { kind: "echo-back", link: link.key });
        link.echoMisses = 0;
        link.hasEchoed = true;
      }
      return "own-echo";
    }
    if (message.kind === "ping") {
      this.#sendAck(nowUs, message.nonce, datagram, from, link);
      return "own-id";
    }
    const other = { id: own.id, incarnation: header.incarnation, bootNonce: message.bootNonce };
    if (message.kind === "ack") {
      const challenge = this.parts.challenges.close(message.echo, own.id);
      if (challenge?.purpose !== "conflict" || !mustYieldId(own, other)) return "own-id";
      this.parts.onIdLost(nowUs);
      emit(this.context, { kind: "id-conflict", from });
      return "own-id";
    }
    // A former life of ours may be played back to us, so that even here only a fresh answer counts.
    if (nowUs - this.#doubleToldUs < DOUBLE_EVERY_US) return "own-id";
    this.#doubleToldUs = nowUs;
    if (mustYieldId(own, other)) {
      const nonce = this.parts.challenges.open({ purpose: "conflict", id: own.id, sentUs: nowUs, token: 0 });
      const { bootNonce } = own;
      const ping = { kind: "ping", bootNonce, nonce, target: targetOf(own.id), observer: true } as const;
      outbox.toEndpoint(nowUs, from, link, ping);
    } else {
      outbox.toEndpoint(nowUs, from, link, this.parts.announcer.heartbeat(nowUs, link));
    }
    return "own-id";
  }

  #onForeign(nowUs: number, from: IpEndpoint): void {
    if (this.#foreign.note(nowUs, `${from.host} ${from.port}`)) {
      emit(this.context, { kind: "foreign", sources: this.#foreign.size });
    }
  }

  #onIncompatible(nowUs: number, version: number, from: IpEndpoint): void {
    if (nowUs - this.#incompatibleUs < INCOMPATIBLE_EVERY_US) return;
    this.#incompatibleUs = nowUs;
    emit(this.context, { kind: "incompatible", version, from: { host: from.host, port: from.port } });
  }
}

/** An endpoint to keep: the one that came with a datagram belongs to whoever received it. */
function copyOf({ host, port }: IpEndpoint): IpEndpoint {
  return { host, port };
}

/** Whether another, even lower incarnation may follow: a node whose clock was set back and that could not save. */
function canBeReplaced(nowUs: number, peer: Peer): boolean {
  return !peer.isPresent || nowUs - peer.lastHeardUs > SILENT_BEATS * peer.beatUs;
}
