// Discovery as a synchronous state machine: datagrams, time and interfaces in; datagrams, events and a deadline out.
// Decides how the parts work together: reception and admission read, newcomers and liveness ask and judge, announcer,
// questions and offers speak, conflict keeps names unique. Never opens a socket, reads a clock or draws from anything but its stream,
// so that the same core runs on a machine, in the simulator and under a fuzzer.

import { HanaError, type Incarnation, type NodeId, type Role } from "../base/mod.ts";
import type { IpEndpoint, RandomStream } from "../platform/mod.ts";
import { Admission } from "./admission.ts";
import { Announcer } from "./announcer.ts";
import { Challenges } from "./challenges.ts";
import { MulticastWatch } from "./multicast_watch.ts";
import { NameKeeper } from "./conflict.ts";
import { type Context, drawNonce, earlier, emit, type OwnRecord, type Wake } from "./context.ts";
import { DiscoveryCounters, type Refusal } from "./counters.ts";
import { Agreement } from "./agreement.ts";
import { type BodyCodec, type DatagramSeal, type OpenDatagram, openDatagram } from "./datagram.ts";
import { Echoes } from "./echoes.ts";
import type { LinkInterface } from "./endpoint.ts";
import type { DiscoveryEvent } from "./events.ts";
import { meshTagOf } from "./hash.ts";
import { Hints } from "./hints.ts";
import { Introductions } from "./introductions.ts";
import { Leadership, type LeaseSettings } from "./leadership.ts";
import { type Link, Links } from "./links.ts";
import { Liveness } from "./liveness.ts";
import { LifeBook } from "./lives.ts";
import { Measuring } from "./measuring.ts";
import { type LeaveReason, MAX_AVAILABILITY, MAX_WHOLE_RECORD_BYTES, targetOf } from "./messages/mod.ts";
import { Newcomers } from "./newcomers.ts";
import { OfferDesk, type PendingOffer } from "./offers.ts";
import { type Destination, Outbox, type Transmit } from "./outbox.ts";
import { Overflow } from "./overflow.ts";
import { SILENT_BEATS } from "./peer.ts";
import { PageIntake } from "./page_intake.ts";
import { Questions } from "./questions.ts";
import { Reception } from "./reception.ts";
import { checkEncodable, checkRecord, type NodeRecord, type RecordPatch } from "./record.ts";
import { RecordParts } from "./record_parts.ts";
import { Registry, type Trust } from "./registry.ts";
import { GuestDesk } from "./guests.ts";
import { SyncDesk } from "./sync_desk.ts";
import { SyncPuller } from "./sync_puller.ts";

/** Nodes in the registry unless told otherwise; tested with 500. */
export const DEFAULT_MAX_PEERS = 512;

/** A timeout handled later than this was none of the peers' fault, in µs. */
const STALL_US = 1_000_000;
/** Lives that are remembered beside those of listed nodes. */
const MAX_LIVES = 2_048;
/** Nodes from which on a common start is a storm. */
const STORM_NODES = 16;
const ECHO_BEATS = SILENT_BEATS;
/** Echoes missed in a row after which multicast is taken for blocked, and no more for lost. */
const MAX_LOST_ECHOES = 4;
/** How long a challenge must still count for newcomers to be left to echo it, in µs. */
const ECHO_WAIT_US = 1_500_000;

/** What a core is made of. */
export interface DiscoveryOptions {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: Role;
  readonly record: {
    readonly name: string;
    readonly version: string;
    /** `tcp://0.0.0.0:PORT` stands for one endpoint a link. The `udp` ones of discovery itself are added. */
    readonly endpoints?: NodeRecord["endpoints"];
    readonly capabilities?: NodeRecord["capabilities"];
    readonly resources?: NodeRecord["resources"];
    readonly tags?: NodeRecord["tags"];
  };
  /** Meshes of different names do not see each other. */
  readonly meshName?: string;
  readonly trust: Trust;
  readonly seal: DatagramSeal;
  readonly codec: BodyCodec;
  /** Verifies and parses what comes; `openDatagram` unless given. */
  readonly open?: OpenDatagram;
  readonly random: RandomStream;
  /** Addresses that are asked by unicast. */
  readonly seeds?: readonly IpEndpoint[];
  readonly maxPeers?: number;
  /** Our part in the leader lease; none unless given. */
  readonly lease?: LeaseSettings;
  /** Whether our own multicast is expected to come back; false without a receive socket. */
  readonly expectsEcho?: boolean;
}

/** One node's discovery. */
export class DiscoveryCore {
  readonly counters = new DiscoveryCounters();
  readonly registry: Registry;
  readonly #context: Context;
  readonly #challenges: Challenges;
  readonly #questions: Questions;
  readonly #hints: Hints;
  readonly #announcer: Announcer;
  readonly #offers: OfferDesk;
  readonly #echoes: Echoes;
  readonly #agreement: Agreement;
  readonly #desk: SyncDesk;
  readonly #puller: SyncPuller;
  readonly #records: RecordParts;
  readonly #measuring: Measuring;
  readonly #introductions: Introductions;
  readonly #newcomers: Newcomers;
  readonly #liveness: Liveness;
  readonly #names: NameKeeper;
  readonly #leadership: Leadership;
  readonly #multicast: MulticastWatch;
  readonly #reception: Reception;
  readonly #overflow = new Overflow();
  #expectsEcho: boolean;
  #isGone = false;
  #tokens = 0;
  #expectedUs: number | null = null;
  #hasNews = true;
  #nowUs: number;

  /** Throws `config` for a record that cannot be announced. Nothing is sent before links are given. */
  constructor(nowUs: number, readonly options: DiscoveryOptions) {
    const { record, id, incarnation, role, random } = options;
    this.#nowUs = nowUs;
    const own: OwnRecord = {
      id,
      incarnation,
      role,
      bootNonce: drawNonce(random),
      stateVersion: 0,
      wantedName: record.name,
      name: record.name,
      version: record.version,
      endpoints: record.endpoints ?? [],
      capabilities: record.capabilities ?? {},
      resources: record.resources ?? {},
      tags: record.tags ?? {},
      availability: [],
      leader: null,
    };
    checkRecord(own);
    checkEncodable(own, options.codec);
    const meshTag = meshTagOf(options.meshName ?? "");
    this.#expectsEcho = options.expectsEcho ?? true;
    this.registry = new Registry(options.trust, options.maxPeers ?? DEFAULT_MAX_PEERS);
    const sender = { id, incarnation, meshTag, codec: options.codec, seal: options.seal };
    this.#context = {
      own,
      isObserver: role === "observer",
      links: new Links(),
      registry: this.registry,
      outbox: new Outbox(sender, this.counters, nowUs),
      counters: this.counters,
      random,
      events: [],
      obituaries: [],
      arrivals: [],
    };
    this.#challenges = new Challenges(random, this.counters);
    this.#puller = new SyncPuller(this.#context);
    this.#agreement = new Agreement(this.#context, this.#puller);
    this.#desk = new SyncDesk(this.#context, nowUs);
    this.#questions = new Questions(this.#context, this.#agreement);
    const echoes = new Echoes(random);
    this.#newcomers = new Newcomers(this.#context, this.#challenges, (atUs) => this.#challengeAll(atUs));
    this.#echoes = echoes;
    this.#announcer = new Announcer(
      this.#context,
      {
        questions: this.#questions,
        agreement: this.#agreement,
        echoes,
        isStorm: (atUs) => this.#newcomers.isStorm(atUs),
      },
      options.seeds ?? [],
      () => this.meshSize,
    );
    this.#hints = new Hints(this.#context, (atUs, endpoint) => this.#announcer.askAt(atUs, endpoint));
    this.#multicast = new MulticastWatch(this.#context, () => this.#announcer.beatUs);
    this.#offers = new OfferDesk(id, random, this.counters, nowUs);
    this.#names = new NameKeeper(this.#context, (atUs) => this.#onRecordChanged(atUs));
    this.#liveness = new Liveness(this.#context, this.#challenges, {
      onPresence: (atUs) => this.#names.check(atUs),
      refute: (atUs, accuser, toAll) => this.#announcer.refute(atUs, accuser, toAll),
      isEchoLost: () => this.#isEchoLost,
      beatUs: () => this.#announcer.beatUs,
      meshSize: () => this.meshSize,
    });
    this.#measuring = new Measuring(this.#context, this.#liveness);
    this.#introductions = new Introductions(
      this.#context,
      this.#announcer,
      this.#liveness,
      (atUs) => this.#newcomers.isStorm(atUs),
    );
    this.#leadership = new Leadership(this.#context, nowUs, options.lease ?? null);
    const parts = {
      liveness: this.#liveness,
      announcer: this.#announcer,
      names: this.#names,
      measuring: this.#measuring,
      introductions: this.#introductions,
    };
    const admission = new Admission(this.#context, { ...parts, overflow: this.#overflow });
    const lives = new LifeBook(MAX_LIVES);
    this.#records = new RecordParts(
      this.#context,
      admission,
      (link) => this.#announcer.recordFor(link),
      nowUs,
    );
    this.#reception = new Reception(this.#context, {
      ...parts,
      admission,
      newcomers: this.#newcomers,
      challenges: this.#challenges,
      questions: this.#questions,
      offers: this.#offers,
      echoes,
      agreement: this.#agreement,
      puller: this.#puller,
      lives,
      records: this.#records,
      pages: new PageIntake(this.#context, {
        admission,
        desk: this.#desk,
        lives,
        liveness: this.#liveness,
        newcomers: this.#newcomers,
        puller: this.#puller,
      }),
      guests: new GuestDesk(this.#context, {
        agreement: this.#agreement,
        offers: this.#offers,
        desk: this.#desk,
        mesh: (atUs) => ({ size: this.meshSize, isStorm: this.#newcomers.isStorm(atUs) }),
      }),
      onLease: (atUs, peer, message) => this.#leadership.handleMessage(atUs, peer, message),
      onLeaderHint: (atUs, hint) => this.#leadership.noteHint(atUs, hint),
      meshTag,
      open: options.open ?? openDatagram,
      seeds: options.seeds ?? [],
      meshSize: () => this.meshSize,
      onAuthentic: (atUs) => this.#noteTime(atUs),
      onIdLost: (atUs) => {
        this.#announcer.giveUpId(atUs);
        this.#isGone = true;
      },
    });
  }

  /** Our own record as it leaves by the first link. */
  get record(): NodeRecord {
    return this.#announcer.recordFor(null);
  }

  /** Whether our record is too large to be fetched, so that others see a part of it alone. */
  get isRecordTooLarge(): boolean {
    return this.#records.sizeOf(this.record) > MAX_WHOLE_RECORD_BYTES;
  }

  /** Nodes that we believe there are, ourselves included: our own count, or what most others count if that is more. */
  get meshSize(): number {
    const median = this.registry.medianPeerCount;
    const own = this.registry.presentCount + this.#overflow.size + (this.#context.isObserver ? 0 : 1);
    // One liar must not slow the mesh down: the median holds against fewer than half.
    return Math.max(1, own, Math.min(median, 2 * own + 64));
  }

  /** Whether we take ourselves for cut off from the others, so that nobody is declared dead. */
  get isIsolated(): boolean {
    return this.#liveness.isIsolated;
  }

  // --- in ------------------------------------------------------------------------------------------------------

  /**
   * Takes a datagram in. `from` is where it came from and where an answer goes. Returns why it was refused, or null.
   * `bytes` are not kept. Never throws on anything that a peer can send.
   */
  handleDatagram(nowUs: number, bytes: Uint8Array, from: IpEndpoint): Refusal | null {
    if (this.#isGone) return null;
    this.counters.received++;
    this.counters.receivedBytes += bytes.length;
    const refusal = this.#reception.receive(nowUs, bytes, from);
    if (refusal === null) this.counters.accepted++;
    else this.counters.refused[refusal]++;
    this.#hasNews = !this.#reception.wasRoutine || this.#context.events.length > 0 ||
      !this.registry.isSettled;
    if (!this.#hasNews && this.#expectedUs !== null) this.#expectedUs = Math.max(this.#expectedUs, nowUs);
    return refusal;
  }

  /**
   * Whether the last datagram may have left something to poll. Almost all are beats of nodes that are known, after
   * which there is nothing to send, nothing to tell and the same deadline as before.
   */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** Does what time has made due. Calling it early or often is harmless. */
  handleTimeout(nowUs: number): void {
    if (this.#isGone) return;
    this.#noteTime(nowUs);
    for (const challenge of this.#challenges.expire(nowUs)) {
      if (challenge.purpose === "ping") emit(this.#context, { kind: "ping-lost", token: challenge.token });
    }
    if (this.#announcer.handleTimeout(nowUs)) {
      this.#isGone = true;
      return;
    }
    this.#leadership.handleTimeout(nowUs);
    if (this.#announcer.isLeaving) return;
    this.#questions.handleTimeout(nowUs);
    this.#hints.handleTimeout(nowUs);
    for (const offer of this.#offers.takeDue(nowUs)) this.#sendOffer(nowUs, offer);
    this.#newcomers.handleTimeout(nowUs);
    this.#puller.handleTimeout(nowUs);
    this.#records.handleTimeout(nowUs);
    this.#introductions.handleTimeout(nowUs);
    this.#measuring.handleTimeout(nowUs);
    this.#liveness.handleTimeout(nowUs);
    this.#names.handleTimeout(nowUs);
    this.#watchEcho(nowUs);
    if (this.#watchesEcho) this.#multicast.handleTimeout(nowUs);
  }

  /** The machine's usable links, all of them, whenever they may have changed. The first call starts discovery. */
  handleInterfaces(nowUs: number, interfaces: readonly LinkInterface[]): void {
    if (this.#isGone) return;
    this.#noteTime(nowUs);
    const changes = this.#context.links.replace(nowUs, interfaces);
    if (!changes.isChanged) return;
    for (const link of changes.removed) {
      this.#context.outbox.dropLink(link.key);
      this.#liveness.noteLinkGone(nowUs, link);
    }
    const isCutOff = interfaces.every((link) => link.loopback);
    if (isCutOff && changes.removed.length > 0) this.#leadership.noteIsolated(nowUs);
    this.#context.own.stateVersion++;
    this.#announcer.startOn(nowUs, changes.added);
    if (changes.added.length > 0) this.#introductions.noteStart(nowUs);
    // On links that stay, the record now names other addresses.
    if (changes.added.length < interfaces.length) this.#announcer.announceChange(nowUs);
  }

  /** Whether our own multicast is expected to come back. */
  setExpectsEcho(nowUs: number, expectsEcho: boolean): void {
    this.#expectsEcho = expectsEcho;
    for (const link of this.#context.links.all) link.watchFromUs = nowUs;
  }

  /** Changes our record and announces it. Throws `config` when it could not be announced; nothing changes then. */
  updateRecord(nowUs: number, patch: RecordPatch): void {
    const { own } = this.#context;
    const next = { ...own, ...patch };
    checkRecord(next);
    checkEncodable(next, this.options.codec);
    const isRenamed = patch.name !== undefined && patch.name !== own.wantedName;
    Object.assign(own, { ...patch, name: isRenamed ? patch.name : own.name });
    if (isRenamed) own.wantedName = next.name;
    this.#onRecordChanged(nowUs);
    this.#names.check(nowUs);
  }

  /** Takes the live load that beats tell from now on; −1 stands for a figure that is not known. */
  setAvailability(nowUs: number, figures: readonly number[]): void {
    this.#announcer.beatEarly(nowUs);
    this.#context.own.availability = figures.slice(0, MAX_AVAILABILITY).map((each) => Math.round(each));
  }

  /** The machine was asleep for `asleepMs`, during which our clock may have stood still: nobody's silence counts. */
  handleResume(nowUs: number, asleepMs: number): void {
    if (this.#isGone) return;
    this.#noteTime(nowUs);
    this.#liveness.noteResume(nowUs);
    for (const link of this.#context.links.all) link.watchFromUs = nowUs;
    this.#announcer.announceResume(nowUs, asleepMs);
  }

  /** The wall clock was set by `jumpMs`: the owner is told, and nothing else follows. */
  noteClockJump(jumpMs: number): void {
    emit(this.#context, { kind: "clock-jump", jumpMs });
  }

  /** Asks everybody. `query-done` with the returned number follows when no new answer came for `quietUs`. */
  query(nowUs: number, quietUs: number): number {
    const token = ++this.#tokens;
    this.#questions.ask(nowUs, token, quietUs);
    return token;
  }

  /**
   * Pings a node of the registry, or an address. `pong` or, after a second, `ping-lost` with the returned number
   * follows. Throws `not-found` for an id that is not in the registry.
   */
  ping(nowUs: number, target: NodeId | IpEndpoint): number {
    const token = ++this.#tokens;
    if (typeof target === "string") {
      const peer = this.registry.peer(target);
      if (peer === undefined) {
        throw new HanaError("not-found", { what: `node ${target}`, why: "is not in the registry" });
      }
      this.#liveness.ask(nowUs, peer, "ping", peer.route.from, token);
    } else {
      const { own, isObserver, outbox, links } = this.#context;
      const nonce = this.#challenges.open({ purpose: "ping", id: null, sentUs: nowUs, token });
      const message = {
        kind: "ping",
        bootNonce: own.bootNonce,
        nonce,
        target: null,
        observer: isObserver,
      } as const;
      outbox.toEndpoint(nowUs, target, links.linkOf(target.host), message);
    }
    return token;
  }

  /**
   * Pings by one way of one link and of `size` bytes: a tool that tries ways follows the answers by its own tracing, to
   * discovery they answer nothing. Returns the nonce; null when there is no such link or our own rate forbids it.
   */
  probe(nowUs: number, linkKey: string, to: Destination, target: NodeId | null, size: number): string | null {
    const { own, outbox, links, random } = this.#context;
    const link = links.all.find((each) => each.key === linkKey);
    if (link === undefined || this.#isGone) return null;
    const nonce = drawNonce(random);
    const ping = {
      kind: "ping",
      bootNonce: own.bootNonce,
      nonce,
      target: target === null ? null : targetOf(target),
      observer: true,
    } as const;
    return outbox.probe(nowUs, link, to, ping, size) ? nonce : null;
  }

  /** Asks an address at which a node may be, a few times; only its answer counts. */
  addHint(nowUs: number, endpoint: IpEndpoint): void {
    if (!this.#isGone) this.#hints.add(nowUs, endpoint);
  }

  /** Our part in the leader lease: what there is to ask of it and to order. */
  get leadership(): Pick<Leadership, "state" | "token" | "handOver" | "forceSolo" | "endSolo"> {
    return this.#leadership;
  }

  /** Takes another role; with the app role goes the candidacy, and a leader that drops it hands over. */
  setRole(nowUs: number, role: Role): void {
    const { own } = this.#context;
    if (own.role === role || this.#context.isObserver || role === "observer") return;
    own.role = role;
    this.#onRecordChanged(nowUs);
    this.#leadership.setCandidate(nowUs, role === "app");
  }

  /** Says goodbye; `goodbye-sent` follows within 300 ms, and nothing after it. */
  leave(nowUs: number, reason: LeaveReason): void {
    if (!this.#announcer.isLeaving) this.#leadership.handOver(nowUs);
    this.#announcer.leave(nowUs, reason);
  }

  // --- out -----------------------------------------------------------------------------------------------------

  /** The next datagram to send, or null. */
  pollTransmit(): Transmit | null {
    return this.#context.outbox.poll();
  }

  /** The next event, or null. */
  pollEvent(): DiscoveryEvent | null {
    return this.#context.events.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is due next, and what for; null when nothing is. */
  pollTimeout(): Wake | null {
    const wake = this.#nextWake();
    // What is overdue since a pause is due now, and not late a second time.
    this.#expectedUs = wake === null ? null : Math.max(wake.atUs, this.#nowUs);
    return wake;
  }

  #nextWake(): Wake | null {
    if (this.#isGone) return null;
    let next = earlier(this.#announcer.next(), this.#leadership.next());
    if (this.#announcer.isLeaving) return next;
    next = earlier(next, this.#questions.next());
    next = earlier(next, this.#hints.next());
    next = earlier(next, this.#newcomers.next());
    next = earlier(next, this.#puller.next());
    next = earlier(next, this.#records.next());
    next = earlier(next, this.#introductions.next());
    next = earlier(next, this.#measuring.next());
    next = earlier(next, this.#liveness.next());
    const offerUs = this.#offers.nextUs();
    if (offerUs !== Infinity) next = earlier(next, { atUs: offerUs, reason: "offer" });
    const pingUs = this.#challenges.nextUs();
    if (pingUs !== null) next = earlier(next, { atUs: pingUs, reason: "ping-timeout" });
    const renameUs = this.#names.nextUs();
    if (renameUs !== null) next = earlier(next, { atUs: renameUs, reason: "rename" });
    if (this.#watchesEcho) {
      next = earlier(next, this.#multicast.next());
      for (const link of this.#context.links.all) {
        // A link without beats has no echo.
        if (!link.isSecondary) next = earlier(next, { atUs: this.#echoDueUs(link), reason: "echo-watch" });
      }
    }
    return next;
  }

  // --- time ----------------------------------------------------------------------------------------------------

  #noteTime(nowUs: number): void {
    this.#nowUs = nowUs;
    this.registry.setNow(nowUs);
    const lateUs = this.#expectedUs === null ? 0 : nowUs - this.#expectedUs;
    if (lateUs <= STALL_US) return;
    this.#expectedUs = nowUs;
    this.#leadership.noteStall(nowUs, lateUs);
    this.#liveness.noteStall(nowUs);
    for (const link of this.#context.links.all) link.watchFromUs = nowUs;
    emit(this.#context, { kind: "stalled", lateUs });
  }

  get #watchesEcho(): boolean {
    return this.#expectsEcho && !this.#context.isObserver;
  }

  /** Whether our multicast came back on every link and does on none: after some misses it is taken for forbidden. */
  get #isEchoLost(): boolean {
    if (!this.#watchesEcho) return false;
    const all = this.#context.links.all;
    const outward = all.filter((link) => !link.facts.loopback);
    const watched = outward.length > 0 ? outward : all;
    return watched.length > 0 &&
      watched.every((link) => link.hasEchoed && link.echoMisses > 0 && link.echoMisses <= MAX_LOST_ECHOES);
  }

  #echoDueUs(link: Link): number {
    return link.watchFromUs + ECHO_BEATS * this.#announcer.beatUs;
  }

  #watchEcho(nowUs: number): void {
    if (!this.#watchesEcho) return;
    for (const link of this.#context.links.all) {
      if (link.isSecondary || this.#echoDueUs(link) > nowUs) continue;
      link.watchFromUs = nowUs;
      link.echoMisses++;
      emit(this.#context, { kind: "echo-missing", link: link.key, times: link.echoMisses });
    }
  }

  #sendOffer(nowUs: number, pending: PendingOffer): void {
    // When a whole show is switched on at once, announcements tell everybody and offers would only add to the storm.
    if (pending.isForAll && this.#announcer.isStarting && this.meshSize > STORM_NODES) return;
    const { own, outbox, links } = this.#context;
    const link = links.linkOf(pending.to.host);
    const offer = {
      kind: "offer",
      bootNonce: own.bootNonce,
      echo: pending.nonce,
      record: this.#announcer.recordFor(link),
      peerCount: this.registry.presentCount + 1,
      beatMs: this.#announcer.beatUs / 1000,
      digest: this.#agreement.digestOn(nowUs, link),
      cookie: this.#desk.cookieFor(nowUs, pending.to),
    } as const;
    outbox.toEndpoint(nowUs, pending.to, link, offer);
    // Who asks one node by multicast has asked by unicast before, in vain.
    if (pending.isShouted && link !== null) outbox.toLink(nowUs, link, offer, true);
  }

  /** Makes sure that a challenge of ours is out which the newcomers of the next second can echo. */
  #challengeAll(nowUs: number): boolean {
    if (this.#context.isObserver) return false;
    if (!this.#echoes.isOpenFor(nowUs, ECHO_WAIT_US)) this.#announcer.challengeAll(nowUs);
    return true;
  }

  #onRecordChanged(nowUs: number): void {
    this.#context.own.stateVersion++;
    this.#announcer.announceChange(nowUs);
  }
}
