// What silence means: alive, suspect, unreachable, partitioned, dead, and when each is forgotten.
// Decides by a node's own beat period, by how much is lost, by what it and others answer, and by whether it may be
// ourselves who are cut off (discovery research 6.6). A verdict is local: what others say confirms it or speaks against
// it, and never replaces our own questions.

import type { IpEndpoint } from "../platform/mod.ts";
import type { ChallengePurpose, Challenges } from "./challenges.ts";
import {
  type Context,
  drawBetween,
  earlier,
  emit,
  type Obituary,
  type Wake,
  type WakeReason,
} from "./context.ts";
import type { Refusal } from "./counters.ts";
import { LocalHealth } from "./health.ts";
import { Helpers } from "./helpers.ts";
import { Inquiry } from "./inquiry.ts";
import { Isolation } from "./isolation.ts";
import type { Link } from "./links.ts";
import { LossEstimate } from "./loss.ts";
import { LostAddresses } from "./lost_addresses.ts";
import {
  type Heartbeat,
  type Nack,
  type PingRequest,
  type Suspect,
  type SyncEntry,
  targetOf,
  type Vouch,
} from "./messages/mod.ts";
import type { Peer } from "./peer.ts";
import { Prober } from "./prober.ts";
import { Ring, ROUND_US } from "./ring.ts";
import { type Court, MAX_CONFIRMERS, Suspicion } from "./suspicion.ts";
import { Testimony } from "./testimony.ts";
import { Vouching } from "./vouching.ts";

const MS = 1_000;
/** Beats jitter by a tenth (announcer.ts). */
const JITTER = 1.1;
const SUSPECT_SLACK_US = 100 * MS;
/** Beats by which the timers of nodes on a vanished link are extended, and of all after we have slept. */
const GRACE_BEATS = 2.5;
/** Between two looks at all nodes, unless something is due. */
const LOOK_GAP_US = 20 * MS;
/** When others are asked to ask. */
const ASK_OTHERS_US = 300 * MS;
/** Everybody is told of a suspicion after up to this, once more, and then as long as it lasts: all may have been lost. */
const TELL_JITTER_US = 100 * MS;
const TELL_AGAIN_US = 1_200 * MS;
const TELL_ON_US = 2_500 * MS;
/** While we are cut off: so many nodes are asked in this time. */
const SWEEP_US = 500 * MS;
const SWEEP_SLOWLY_US = 5_000 * MS;
const SWEEP_NODES = 5;
const SWEEP_QUICKLY_FOR_US = 60_000 * MS;
/** Once it turns out that it is the others, they get so much more. */
const PARTITION_ENDS_US = 60_000 * MS;
/** Where at least so many are heard, so many of their beats in a row cannot all be lost, nor in less time than this. */
const MIN_TALKERS = 3;
const DEAF_BEATS = 12;
const DEAF_US = 300 * MS;
const DEAD_PROBE_US = 30_000 * MS;
/** How long our beats name a node that we have declared dead, and how many we remember for that. */
const OBITUARY_US = 30_000 * MS;
const MAX_OBITUARIES = 64;
/** How long the dead and the left are remembered, in µs. */
export const DEAD_FOR_US = 3_600_000_000;
export const LEFT_FOR_US = 600_000_000;

/** What liveness calls upon. */
export interface LivenessParts {
  /** A node has begun or stopped to count as part of the mesh. */
  readonly onPresence: (nowUs: number) => void;
  /** Says a beat at once: to everybody if `toAll`, and to `accuser`. */
  readonly refute: (nowUs: number, accuser: Peer, toAll: boolean) => void;
  /** Whether our own multicast came back until lately and does no more. */
  readonly isEchoLost: () => boolean;
  /** Our own beat period in µs. */
  readonly beatUs: () => number;
  readonly meshSize: () => number;
}

/** Judges silence. */
export class Liveness {
  readonly loss = new LossEstimate();
  readonly health = new LocalHealth();
  readonly #prober: Prober;
  readonly #inquiry: Inquiry;
  readonly #helpers: Helpers;
  readonly #vouching: Vouching;
  readonly #testimony: Testimony;
  readonly #ring: Ring;
  readonly #lost: LostAddresses;
  readonly #isolation = new Isolation();
  /** Nothing is due before this. A sign of life only puts things off, so it may be early, never late. */
  #nextUs = Infinity;
  #nextReason: WakeReason = "suspicion";
  #lookedUs = Number.NEGATIVE_INFINITY;
  #nextSweepUs = Infinity;
  #isolatedUs = 0;
  /** When anybody was heard last, and after how long without anybody we take ourselves for deaf. */
  #heardUs = Infinity;
  #deafUs = Infinity;
  /** Nodes that are heard, apart from those known from lists alone. */
  #heard = 0;
  /** Suspects and those taken out since, of which isolation depends. */
  #silent = 0;

  constructor(readonly context: Context, readonly challenges: Challenges, readonly parts: LivenessParts) {
    this.#prober = new Prober(context, challenges);
    this.#inquiry = new Inquiry(context, {
      challenges,
      loss: this.loss,
      health: this.health,
      prober: this.#prober,
    });
    this.#helpers = new Helpers(context, this.#prober);
    this.#vouching = new Vouching(context, parts.meshSize);
    this.#testimony = new Testimony(context, {
      challenges,
      prober: this.#prober,
      vouching: this.#vouching,
      health: this.health,
      loss: this.loss,
      refute: parts.refute,
      patienceUs: (peer) => this.#patienceUs(peer),
      onDue: (atUs) => this.#nextUs = Math.min(this.#nextUs, atUs),
    });
    this.#ring = new Ring(context, this.#prober);
    this.#lost = new LostAddresses(context, this.#prober);
  }

  /** Whether we take ourselves for cut off, so that nobody is declared dead. */
  get isIsolated(): boolean {
    return this.#isolation.isOn;
  }

  // --- what is heard ---------------------------------------------------------------------------------------------

  /** Notes a sign of life of a node that is present or awaited. */
  noteAlive(nowUs: number, peer: Peer): void {
    const deafUs = nowUs - this.#heardUs;
    this.#heardUs = nowUs;
    if (deafUs > this.#deafUs) this.#noteDeaf(nowUs, deafUs);
    const { suspicion, state } = peer;
    if (suspicion === null && state === "alive") return;
    peer.suspicion = null;
    if (suspicion !== null && suspicion.probes > 0) this.health.noteSuccess(nowUs);
    if (state === "alive") return;
    peer.state = "alive";
    peer.sinceUs = nowUs;
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: state === "partitioned" ? "returned" : "cleared", id: peer.id });
    if (state === "partitioned") this.parts.onPresence(nowUs);
  }

  /** Takes the number of a beat of a node that is present. Returns whether that set something in motion. */
  noteBeat(nowUs: number, peer: Peer, message: Heartbeat): boolean {
    const { beat, dead } = message;
    const before = peer.beat;
    if (beat > before) {
      // One number on several ways is one beat, and what comes late was counted as lost: that is near enough.
      if (before >= 0) this.loss.note(beat - before - 1);
      peer.beat = beat;
    }
    return dead.length > 0 && this.#testimony.noteDead(nowUs, peer, dead);
  }

  /** Takes note of what `from` says about dead, suspected or living nodes, or of a request to ping somebody. */
  handleGossip(nowUs: number, from: Peer, message: Suspect | Vouch | PingRequest | Nack): Refusal | null {
    if (message.kind !== "ping-request") return this.#testimony.handleGossip(nowUs, from, message);
    if (this.context.isObserver) return "not-for-us";
    this.#helpers.request(nowUs, from, message);
    return null;
  }

  /** Another node lists `peer` as dead or left: that confirms a suspicion, and proves nothing. */
  noteGoneElsewhere(nowUs: number, peer: Peer, entry: SyncEntry, from: Peer | null): void {
    if (from !== null) this.#testimony.noteGoneElsewhere(nowUs, peer, entry, from);
  }

  /** A node that was asked on behalf of others has answered. */
  noteHelped(nowUs: number, peer: Peer): void {
    this.#helpers.noteAnswer(nowUs, peer);
  }

  // --- what befalls us -------------------------------------------------------------------------------------------

  /** We were not running: nobody's silence until now counts, and verdicts wait. */
  noteStall(nowUs: number): void {
    this.health.noteStall(nowUs);
    this.#startOver(nowUs, nowUs);
  }

  /** We were asleep: everybody gets two and a half beats to be heard. */
  noteResume(nowUs: number): void {
    this.health.noteStall(nowUs);
    this.#startOver(nowUs, null);
  }

  #startOver(nowUs: number, silentSinceUs: number | null): void {
    for (const peer of this.context.registry.peers()) {
      peer.beat = -1; // what was missed meanwhile was not lost
      if (!peer.isPresent) continue;
      const sinceUs = silentSinceUs ?? nowUs - this.#patienceUs(peer) + GRACE_BEATS * peer.beatUs;
      peer.silentSinceUs = Math.max(peer.silentSinceUs, sinceUs);
      if (peer.ringedUs !== Infinity) peer.ringedUs = nowUs;
      if (peer.state === "alive") peer.suspicion = null;
      else peer.suspicion?.restart(nowUs);
    }
    this.context.registry.noteDue();
    if (this.context.isObserver || this.context.registry.presentCount === 0) return;
    const wasOn = this.#isolation.isOn;
    this.#isolation.begin(nowUs, "stall");
    if (!wasOn) this.#noteIsolated(nowUs, 0);
  }

  /** For this long we heard nobody at all, of so many: the silence of each in that time says nothing. */
  #noteDeaf(nowUs: number, deafUs: number): void {
    for (const peer of this.context.registry.peers()) {
      if (!peer.isAwaited) continue;
      peer.silentSinceUs = Math.min(nowUs, peer.silentSinceUs + deafUs);
      peer.suspicion?.postpone(nowUs);
    }
    this.context.registry.noteDue();
  }

  /** A link is gone: its nodes get time to be heard elsewhere. */
  noteLinkGone(nowUs: number, link: Link): void {
    for (const peer of this.context.registry.peers()) {
      if (!peer.dropRoute(link.key)) continue;
      if (peer.isPresent) peer.silentSinceUs += GRACE_BEATS * peer.beatUs;
      this.context.registry.changed(nowUs, peer);
    }
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Suspects, asks, judges and forgets what is due. */
  handleTimeout(nowUs: number): void {
    const { registry } = this.context;
    this.#vouching.handleTimeout(nowUs);
    this.#helpers.handleTimeout(nowUs);
    this.#lost.handleTimeout(nowUs);
    if (this.#ring.handleTimeout(nowUs)) registry.noteDue();
    if (this.loss.settle(this.#heard)) registry.noteDue();
    this.#maybeLook(nowUs);
    if (nowUs < this.#nextUs) return;
    this.#suspectSilent(nowUs);
    this.#judgeOurselves(nowUs);
    const toTell: Peer[] = [];
    for (const peer of registry.peers()) {
      switch (peer.state) {
        case "suspect":
        case "unreachable":
          this.#pursue(nowUs, peer, toTell);
          break;
        case "partitioned":
          if (peer.suspicion?.isRetried === true) this.#pursue(nowUs, peer, toTell);
          else if ((peer.suspicion?.endsUs ?? nowUs) <= nowUs) this.#declareDead(nowUs, peer);
          break;
        case "dead":
          if (peer.sinceUs + DEAD_FOR_US <= nowUs) {
            registry.remove(nowUs, peer);
            this.#lost.add(nowUs, peer);
          } else if (peer.nextProbeUs <= nowUs) this.#askDead(nowUs, peer);
          break;
        case "left":
          if (peer.sinceUs + LEFT_FOR_US <= nowUs) registry.remove(nowUs, peer);
          break;
        case "alive":
          break;
      }
    }
    if (toTell.length > 0) this.#inquiry.tell(nowUs, toTell);
    if (this.#nextSweepUs <= nowUs) this.#sweep(nowUs);
    this.#look(nowUs);
  }

  /** What is due next, or earlier: then nothing is, and there is a later one. */
  next(): Wake | null {
    this.#maybeLook(this.context.registry.nowUs);
    let next = wakeAt(this.#nextUs, this.#nextReason);
    next = earlier(next, wakeAt(this.#vouching.nextUs, "vouch"));
    next = earlier(next, wakeAt(this.#helpers.nextUs, "help"));
    next = earlier(next, wakeAt(this.#ring.nextUs, "ring"));
    return earlier(next, wakeAt(this.#lost.nextUs, "probe"));
  }

  #maybeLook(nowUs: number): void {
    if (!this.context.registry.isDueStale) return;
    // While a whole show is switched on something changes with every datagram: one look for all of them is enough.
    const atUs = this.#lookedUs + LOOK_GAP_US;
    if (nowUs >= atUs) this.#look(nowUs);
    else this.#nextUs = Math.min(this.#nextUs, atUs);
  }

  /** Finds what is due next, and counts who is heard. */
  #look(nowUs: number): void {
    const { registry } = this.context;
    registry.noteLooked();
    this.#lookedUs = nowUs;
    this.#recount();
    this.#deafUs = this.#heard < MIN_TALKERS
      ? Infinity
      : Math.max(DEAF_US, DEAF_BEATS * this.parts.beatUs() / this.#heard);
    this.#nextUs = this.#nextSweepUs;
    this.#nextReason = "isolation";
    for (const peer of registry.peers()) {
      const dueUs = this.#dueUs(nowUs, peer);
      if (dueUs >= this.#nextUs) continue;
      this.#nextUs = dueUs;
      this.#nextReason = reasonOf(peer);
    }
    this.#dropObituaries();
  }

  #recount(): void {
    this.#heard = 0;
    this.#silent = 0;
    for (const peer of this.context.registry.peers()) {
      if (peer.isRelayed) continue;
      if (peer.state === "alive") this.#heard++;
      else if (peer.state === "suspect" && peer.suspicion?.vouchedUs === Number.NEGATIVE_INFINITY) {
        this.#silent++;
      } else if (peer.state === "partitioned" && peer.suspicion?.endsUs === Infinity) this.#silent++;
    }
  }

  #dueUs(nowUs: number, peer: Peer): number {
    const { suspicion } = peer;
    switch (peer.state) {
      case "alive":
        return this.#suspectUs(peer);
      case "suspect":
      case "unreachable":
      case "partitioned": {
        if (suspicion === null) return nowUs;
        if (peer.state === "partitioned" && !suspicion.isRetried) return suspicion.endsUs;
        let dueUs = Math.min(peer.nextProbeUs, suspicion.askOthersUs, suspicion.tellUs);
        if (!this.#mustWait(nowUs)) {
          dueUs = Math.min(dueUs, suspicion.nextUs(nowUs, this.#court(nowUs, peer)));
        }
        return dueUs;
      }
      case "dead":
        return Math.min(peer.nextProbeUs, peer.sinceUs + DEAD_FOR_US);
      case "left":
        return peer.sinceUs + LEFT_FOR_US;
    }
  }

  /** How long a node may be silent. */
  #patienceUs(peer: Peer): number {
    return this.loss.beats * JITTER * peer.beatUs + SUSPECT_SLACK_US;
  }

  #suspectUs(peer: Peer): number {
    let dueUs = peer.silentSinceUs + this.#patienceUs(peer);
    if (peer.ringedUs !== Infinity) {
      const fromUs = Math.max(peer.silentSinceUs, peer.ringedUs);
      dueUs = Math.min(dueUs, fromUs + this.loss.rounds * JITTER * ROUND_US + SUSPECT_SLACK_US);
    }
    return peer.suspicion === null ? dueUs : Math.min(dueUs, peer.suspicion.earlyUs);
  }

  /** Whether no verdict may fall now: we are cut off, or hear nobody at this moment. */
  #mustWait(nowUs: number): boolean {
    return this.#isolation.isOn || nowUs - this.#heardUs > this.#deafUs;
  }

  #court(nowUs: number, peer: Peer): Court {
    return {
      others: this.context.isObserver ? 0 : this.#heard,
      // In a mesh that beats slowly others' word must not hold for as long as its beats are apart.
      patienceUs: Math.min(this.#patienceUs(peer), this.loss.beats * JITTER * ROUND_US + SUSPECT_SLACK_US),
      probes: this.loss.probes,
      factor: this.health.factorAt(nowUs),
    };
  }

  // --- suspects --------------------------------------------------------------------------------------------------

  #suspectSilent(nowUs: number): void {
    const { registry } = this.context;
    const isCutOff = this.#isCutOff;
    for (const peer of registry.peers()) {
      if (peer.state !== "alive" || this.#suspectUs(peer) > nowUs) continue;
      const suspicion = peer.suspicion ?? new Suspicion();
      peer.suspicion = suspicion;
      suspicion.sinceUs = nowUs;
      suspicion.earlyUs = Infinity;
      peer.sinceUs = nowUs;
      peer.nextProbeUs = nowUs;
      if (isCutOff && !peer.isRelayed) {
        this.#partition(nowUs, peer);
        continue;
      }
      // Who never was heard was asked before (introductions.ts), and is nobody's to accuse.
      if (!peer.isRelayed) suspicion.tellUs = nowUs + TELL_JITTER_US * this.context.random.float();
      suspicion.askOthersUs = nowUs + (peer.isRelayed ? 0 : ASK_OTHERS_US);
      peer.state = peer.isRelayed ? "unreachable" : "suspect";
      registry.changed(nowUs, peer);
      emit(
        this.context,
        peer.isRelayed
          ? { kind: "unreachable", id: peer.id, isVouched: false }
          : { kind: "suspected", id: peer.id, silentUs: nowUs - peer.lastHeardUs },
      );
    }
  }

  /** Whether silence says nothing about others. */
  get #isCutOff(): boolean {
    return this.#isolation.isOn && this.#isolation.cause !== "stall";
  }

  #pursue(nowUs: number, peer: Peer, toTell: Peer[]): void {
    const suspicion = peer.suspicion ??= new Suspicion();
    if (suspicion.sinceUs === Infinity) suspicion.restart(nowUs);
    const court = this.#court(nowUs, peer);
    if (!this.#mustWait(nowUs)) {
      const verdict = suspicion.verdictAt(nowUs, court);
      if (verdict === "dead") {
        this.#declareDead(nowUs, peer);
        return;
      }
      if (verdict !== peer.state && verdict === "unreachable") this.#declareUnreachable(nowUs, peer, court);
    }
    if (peer.nextProbeUs <= nowUs) this.#inquiry.probe(nowUs, peer, suspicion);
    if (this.context.isObserver) suspicion.tellUs = suspicion.askOthersUs = Infinity;
    if (suspicion.askOthersUs <= nowUs) this.#inquiry.askOthers(nowUs, peer, suspicion);
    if (suspicion.tellUs > nowUs) return;
    if (this.#isolation.isOn) {
      suspicion.tellUs = nowUs + SWEEP_US;
      return;
    }
    const isKnown = suspicion.accusersAt(nowUs) >= MAX_CONFIRMERS;
    suspicion.told++;
    suspicion.tellUs = nowUs + (suspicion.told === 1 ? TELL_AGAIN_US : TELL_ON_US);
    // Others know, or hear it: then it is no news.
    if (!isKnown && !(suspicion.told > 2 && suspicion.isVouched(nowUs, court))) toTell.push(peer);
  }

  // --- verdicts --------------------------------------------------------------------------------------------------

  #declareUnreachable(nowUs: number, peer: Peer, court: Court): void {
    peer.state = "unreachable";
    peer.sinceUs = nowUs;
    this.context.registry.changed(nowUs, peer);
    const isVouched = peer.suspicion?.isVouched(nowUs, court) ?? false;
    emit(this.context, { kind: "unreachable", id: peer.id, isVouched });
  }

  #declareDead(nowUs: number, peer: Peer): void {
    const { registry, obituaries } = this.context;
    const silentUs = nowUs - peer.lastHeardUs;
    const hasLeft = peer.suspicion?.hasLeft ?? false;
    peer.suspicion = null;
    peer.state = hasLeft ? "left" : "dead";
    peer.sinceUs = nowUs;
    // What goodbye it was we do not know: it may come back as the same.
    if (hasLeft) peer.isAsleep = true;
    peer.nextProbeUs = nowUs + DEAD_PROBE_US;
    registry.changed(nowUs, peer);
    if (hasLeft) emit(this.context, { kind: "left", id: peer.id, reason: "quit" });
    else {
      emit(this.context, { kind: "lost", id: peer.id, silentUs });
      if (obituaries.length >= MAX_OBITUARIES) obituaries.shift();
      const { incarnation } = peer;
      obituaries.push({ target: targetOf(peer.id), incarnation, untilUs: nowUs + OBITUARY_US });
    }
    this.parts.onPresence(nowUs);
  }

  /** Who is back is named no more. */
  #dropObituaries(): void {
    const { obituaries, registry } = this.context;
    for (let at = obituaries.length - 1; at >= 0; at--) {
      const { target } = obituaries[at] as Obituary;
      if (registry.peerByTarget(target)?.isPresent === true) obituaries.splice(at, 1);
    }
  }

  /** The mesh as a whole asks each dead node about once in 30 s, which heals a partition without multicast. */
  #askDead(nowUs: number, peer: Peer): void {
    const everyUs = DEAD_PROBE_US * Math.max(1, this.context.registry.presentCount);
    peer.nextProbeUs = nowUs + everyUs * drawBetween(this.context.random, 0.5, 1.5);
    this.ask(nowUs, peer, "probe");
  }

  // --- ourselves -------------------------------------------------------------------------------------------------

  #judgeOurselves(nowUs: number): void {
    if (this.context.isObserver) return;
    this.#recount();
    const silent = this.#silent;
    const change = this.#isolation.judge(nowUs, {
      silent,
      heard: this.#heard,
      isEchoLost: this.parts.isEchoLost(),
      hasNetwork: this.context.links.hasNetwork,
      beatUs: this.parts.beatUs(),
    });
    if (change === "began") this.#noteIsolated(nowUs, silent);
    if (this.#isCutOff) {
      for (const peer of this.context.registry.peers()) {
        if (peer.state === "suspect" && !peer.isRelayed) this.#partition(nowUs, peer);
        else if (peer.state === "partitioned" && peer.suspicion !== null) peer.suspicion.isRetried = false;
      }
    }
    if (change !== "ended" && change !== "capped") return;
    for (const peer of this.context.registry.peers()) {
      const { suspicion } = peer;
      if (suspicion === null) continue;
      if (peer.state === "partitioned" && suspicion.endsUs === Infinity) {
        if (change === "capped") suspicion.endsUs = nowUs + PARTITION_ENDS_US;
        else this.#retry(nowUs, peer, suspicion);
      } else if (peer.state === "suspect") suspicion.restart(nowUs);
    }
    emit(this.context, { kind: "rejoined" });
    this.parts.onPresence(nowUs);
  }

  #noteIsolated(nowUs: number, silent: number): void {
    this.#isolatedUs = nowUs;
    this.#nextSweepUs = nowUs;
    emit(this.context, { kind: "isolated", cause: this.#isolation.cause, silent });
  }

  #partition(nowUs: number, peer: Peer): void {
    peer.state = "partitioned";
    peer.sinceUs = nowUs;
    if (peer.suspicion !== null) {
      peer.suspicion.endsUs = Infinity;
      peer.suspicion.isRetried = false;
    }
    this.context.registry.changed(nowUs, peer);
  }

  /** We hear others again, and not this one: now its silence counts. It stays on the list as it was until that is decided. */
  #retry(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    suspicion.restart(nowUs);
    suspicion.isRetried = true;
    suspicion.tellUs = nowUs + TELL_JITTER_US * this.context.random.float();
    suspicion.askOthersUs = nowUs + ASK_OTHERS_US;
    peer.nextProbeUs = nowUs;
  }

  /** While we are cut off, some are asked now and then; those of whom it turned out that they are, more rarely. */
  #sweep(nowUs: number): void {
    const isQuick = this.#isolation.isOn && nowUs - this.#isolatedUs < SWEEP_QUICKLY_FOR_US;
    for (
      const peer of this.#inquiry.someOf(isQuick ? SWEEP_NODES : 1, (each) => each.state === "partitioned")
    ) {
      this.ask(nowUs, peer, "probe");
    }
    const goesOn = this.#isolation.isOn ||
      this.#inquiry.someOf(1, (each) => each.state === "partitioned").length > 0;
    const everyUs = isQuick ? SWEEP_US : this.#isolation.isOn ? SWEEP_SLOWLY_US : 2 * SWEEP_US;
    this.#nextSweepUs = goesOn ? nowUs + everyUs : Infinity;
  }

  // --- for others ------------------------------------------------------------------------------------------------

  /** Sends a ping with a fresh nonce. */
  ask(
    nowUs: number,
    peer: Peer,
    purpose: ChallengePurpose,
    to: IpEndpoint = peer.route.from,
    token = 0,
  ): boolean {
    return this.#prober.ask(nowUs, peer, purpose, to, token);
  }
}

function wakeAt(atUs: number, reason: WakeReason): Wake | null {
  return atUs === Infinity ? null : { atUs, reason };
}

function reasonOf(peer: Peer): WakeReason {
  switch (peer.state) {
    case "alive":
      return "suspicion";
    case "suspect":
    case "unreachable":
      return "probe";
    case "partitioned":
      return "verdict";
    case "dead":
      return peer.nextProbeUs < peer.sinceUs + DEAD_FOR_US ? "probe" : "forget";
    case "left":
      return "forget";
  }
}
