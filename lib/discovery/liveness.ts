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
import { Isolation } from "./isolation.ts";
import type { Link } from "./links.ts";
import { LossEstimate } from "./loss.ts";
import { LostAddresses } from "./lost_addresses.ts";
import {
  type DeadNode,
  type Heartbeat,
  MAX_NAMED,
  type Nack,
  type NamedNode,
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
import { Vouching } from "./vouching.ts";

const MS = 1_000;
/** Beats jitter by a tenth (announcer.ts). */
const JITTER = 1.1;
const SUSPECT_SLACK_US = 100 * MS;
/** Beats by which the timers of nodes on a vanished link are extended, and of all after we have slept. */
const GRACE_BEATS = 2.5;
/** Within which the questions to a suspect are asked, so that the last one can be answered before the verdict. */
const PROBING_US = 1_350 * MS;
const MAX_PROBE_GAP_US = 300 * MS;
const SECOND_PROBE_US = 200 * MS;
/** Between questions to an unreachable node. */
const UNREACHABLE_PROBE_US = 1_000 * MS;
/** Every so many questions goes by every way there is. */
const EVERYWHERE_EVERY = 4;
/** Others are asked to ask: when, how often again, and how many of them. */
const ASK_OTHERS_US = 300 * MS;
const ASK_OTHERS_EVERY_US = 700 * MS;
const ASK_OTHERS_SLOWLY_US = 2_000 * MS;
const QUICK_ROUNDS = 2;
const HELPERS = 3;
/** Everybody is told of a suspicion after up to this, once more, and then as long as it lasts: all may have been lost. */
const TELL_JITTER_US = 100 * MS;
const TELL_AGAIN_US = 1_200 * MS;
const TELL_ON_US = 2_500 * MS;
/** In a mesh that beats slowly, a node that several others miss is suspect once it has been silent for this. */
const LARGE_MESH_BEAT_US = 1_100 * MS;
const EARLY_SILENCE_US = 2_200 * MS;
const EARLY_JITTER_US = 300 * MS;
/** While we are cut off: so many nodes are asked in this time. */
const SWEEP_US = 500 * MS;
const SWEEP_SLOWLY_US = 5_000 * MS;
const SWEEP_NODES = 5;
const SWEEP_QUICKLY_FOR_US = 60_000 * MS;
/** Once it turns out that it is the others, they get so much more. */
const PARTITION_ENDS_US = 60_000 * MS;
const REFUTE_EVERY_US = 200 * MS;
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
  readonly #helpers: Helpers;
  readonly #vouching: Vouching;
  readonly #ring: Ring;
  readonly #lost: LostAddresses;
  readonly #isolation = new Isolation();
  /** Nothing is due before this. A sign of life only puts things off, so it may be early, never late. */
  #nextUs = Infinity;
  #nextReason: WakeReason = "suspicion";
  #nextSweepUs = Infinity;
  #isolatedUs = 0;
  #refutedUs = Number.NEGATIVE_INFINITY;
  /** Nodes that are heard, apart from those known from lists alone. */
  #heard = 0;
  /** Suspects and those taken out since, of which isolation depends. */
  #silent = 0;

  constructor(readonly context: Context, readonly challenges: Challenges, readonly parts: LivenessParts) {
    this.#prober = new Prober(context, challenges);
    this.#helpers = new Helpers(context, this.#prober);
    this.#vouching = new Vouching(context, parts.meshSize);
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
    return dead.length > 0 && this.#noteDead(nowUs, peer, dead);
  }

  /** Takes note of what `from` says about dead, suspected or living nodes, or of a request to ping somebody. */
  handleGossip(
    nowUs: number,
    from: Peer,
    message: Suspect | Vouch | PingRequest | Nack,
  ): Refusal | null {
    switch (message.kind) {
      case "suspect":
        for (const named of message.nodes) this.#noteSuspected(nowUs, from, named);
        return null;
      case "vouch":
        for (const named of message.nodes) {
          this.#vouching.noteSpoken(nowUs, named.target);
          const peer = this.context.registry.peerByTarget(named.target);
          if (peer?.incarnation === named.incarnation) this.#noteWord(nowUs, peer, named.seq, named.ageMs);
        }
        return null;
      case "ping-request":
        if (this.context.isObserver) return "not-for-us";
        this.#helpers.request(nowUs, from, message);
        return null;
      case "nack": {
        const challenge = this.challenges.close(message.echo, from.id);
        if (challenge?.purpose !== "request") return "stale-nonce";
        const peer = this.context.registry.peerByTarget(message.target);
        if (peer === undefined) return null;
        if (peer.suspicion !== null) peer.suspicion.nacks++;
        if (message.heardMs === null) return null;
        this.#noteWord(nowUs, peer, message.seq, message.heardMs);
        // It has not heard it for as long as makes us suspect it, and got no answer: it misses it, too.
        if (message.heardMs * MS > this.#patienceUs(peer) && peer.suspicion !== null) {
          this.#accuse(nowUs, peer, from);
        }
        return null;
      }
    }
  }

  /** Another node lists `peer` as dead or left: that confirms a suspicion, and proves nothing. */
  noteGoneElsewhere(nowUs: number, peer: Peer, entry: SyncEntry, from: Peer | null): void {
    if (from === null || !peer.isPresent || entry.seq < newestOf(peer)) return;
    const suspicion = this.#accuse(nowUs, peer, from);
    // It said goodbye after all that we have heard of it: then it is worth asking at once.
    if (entry.state !== "left" || entry.seq === newestOf(peer)) return;
    suspicion.hasLeft = true;
    suspicion.earlyUs = Math.min(suspicion.earlyUs, nowUs);
    this.#nextUs = nowUs;
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
          if ((peer.suspicion?.endsUs ?? nowUs) <= nowUs) this.#declareDead(nowUs, peer);
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
    if (toTell.length > 0) this.#tell(nowUs, toTell);
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
    if (this.context.registry.takeDueStale()) this.#look(nowUs);
  }

  /** Finds what is due next, and counts who is heard. */
  #look(nowUs: number): void {
    const { registry } = this.context;
    registry.takeDueStale();
    this.#recount();
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
      case "unreachable": {
        if (suspicion === null) return nowUs;
        let dueUs = Math.min(peer.nextProbeUs, suspicion.askOthersUs, suspicion.tellUs);
        if (!this.#isolation.isOn) dueUs = Math.min(dueUs, suspicion.nextUs(nowUs, this.#court(nowUs, peer)));
        return dueUs;
      }
      case "partitioned":
        return suspicion?.endsUs ?? nowUs;
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

  #court(nowUs: number, peer: Peer): Court {
    return {
      others: this.context.isObserver ? 0 : this.#heard,
      patienceUs: this.#patienceUs(peer),
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
    if (!this.#isolation.isOn) {
      const verdict = suspicion.verdictAt(nowUs, court);
      if (verdict === "dead") {
        this.#declareDead(nowUs, peer);
        return;
      }
      if (verdict !== peer.state && verdict === "unreachable") this.#declareUnreachable(nowUs, peer, court);
    }
    if (peer.nextProbeUs <= nowUs) this.#probe(nowUs, peer, suspicion);
    if (this.context.isObserver) suspicion.tellUs = suspicion.askOthersUs = Infinity;
    if (suspicion.askOthersUs <= nowUs) this.#askOthers(nowUs, peer, suspicion);
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

  #probe(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    const count = suspicion.probes;
    const isSent = count % EVERYWHERE_EVERY === EVERYWHERE_EVERY - 1 && peer.state === "suspect"
      ? this.#prober.askEverywhere(nowUs, peer)
      : this.#prober.ask(nowUs, peer, "probe");
    if (isSent) suspicion.probes++;
    if (peer.state === "unreachable") {
      peer.nextProbeUs = nowUs + UNREACHABLE_PROBE_US * drawBetween(this.context.random, 0.8, 1.2);
      return;
    }
    const gapUs = Math.min(MAX_PROBE_GAP_US, PROBING_US / Math.max(1, this.loss.probes - 1));
    peer.nextProbeUs = nowUs + (count === 0 ? Math.min(gapUs, SECOND_PROBE_US) : gapUs);
  }

  /** Asks some who hear others well to ask the silent one. */
  #askOthers(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    if (suspicion.nacks === 0 && this.loss.isSilenceTelling(suspicion.helpers)) this.health.noteAlone(nowUs);
    suspicion.rounds++;
    suspicion.nacks = 0;
    suspicion.helpers = 0;
    const everyUs = suspicion.rounds < QUICK_ROUNDS ? ASK_OTHERS_EVERY_US : ASK_OTHERS_SLOWLY_US;
    suspicion.askOthersUs = nowUs + everyUs * drawBetween(this.context.random, 0.9, 1.1);
    const { own, outbox, links } = this.context;
    const target = targetOf(peer.id);
    for (const helper of this.#someOf(HELPERS, (each) => each.state === "alive" && !each.isRelayed)) {
      const nonce = this.challenges.open({ purpose: "request", id: helper.id, sentUs: nowUs, token: 0 });
      const to = helper.route.from;
      const message = { kind: "ping-request", bootNonce: own.bootNonce, nonce, target } as const;
      if (outbox.toEndpoint(nowUs, to, links.linkOf(to.host), message)) suspicion.helpers++;
    }
  }

  /** Up to `count` peers that fit, at random. */
  #someOf(count: number, fits: (peer: Peer) => boolean): Peer[] {
    const chosen: Peer[] = [];
    let seen = 0;
    for (const peer of this.context.registry.peers()) {
      if (!fits(peer)) continue;
      seen++;
      // Reservoir sampling (Vitter's algorithm R): everybody is as likely, with one look at each.
      if (chosen.length < count) chosen.push(peer);
      else {
        const at = Math.floor(this.context.random.float() * seen);
        if (at < count) chosen[at] = peer;
      }
    }
    return chosen;
  }

  /** Tells everybody whom we miss: the accused shall speak, and so shall those who hear them. */
  #tell(nowUs: number, peers: readonly Peer[]): void {
    const { own, links, outbox } = this.context;
    for (let at = 0; at < peers.length; at += MAX_NAMED) {
      const nodes = peers.slice(at, at + MAX_NAMED).map((peer): NamedNode => ({
        target: targetOf(peer.id),
        incarnation: peer.incarnation,
        seq: newestOf(peer),
      }));
      const isAgain = peers.some((peer) => (peer.suspicion?.told ?? 0) > 1);
      const message = { kind: "suspect", bootNonce: own.bootNonce, nodes } as const;
      for (const link of links.all) outbox.toLink(nowUs, link, message, isAgain);
    }
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
      beatUs: this.parts.beatUs(),
    });
    if (change === "began") this.#noteIsolated(nowUs, silent);
    if (this.#isCutOff) {
      for (const peer of this.context.registry.peers()) {
        if (peer.state === "suspect" && !peer.isRelayed) this.#partition(nowUs, peer);
      }
    }
    if (change !== "ended" && change !== "capped") return;
    for (const peer of this.context.registry.peers()) {
      const { suspicion } = peer;
      if (suspicion === null) continue;
      if (peer.state === "partitioned" && suspicion.endsUs === Infinity) {
        if (change === "capped") suspicion.endsUs = nowUs + PARTITION_ENDS_US;
        else this.#suspectAgain(nowUs, peer, suspicion);
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
    if (peer.suspicion !== null) peer.suspicion.endsUs = Infinity;
    this.context.registry.changed(nowUs, peer);
  }

  /** We hear others again, and not this one: now its silence counts. */
  #suspectAgain(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    suspicion.restart(nowUs);
    suspicion.tellUs = nowUs + TELL_JITTER_US * this.context.random.float();
    suspicion.askOthersUs = nowUs + ASK_OTHERS_US;
    peer.state = "suspect";
    peer.sinceUs = nowUs;
    peer.nextProbeUs = nowUs;
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: "suspected", id: peer.id, silentUs: nowUs - peer.lastHeardUs });
  }

  /** While we are cut off, some are asked now and then; those of whom it turned out that they are, more rarely. */
  #sweep(nowUs: number): void {
    const isQuick = this.#isolation.isOn && nowUs - this.#isolatedUs < SWEEP_QUICKLY_FOR_US;
    for (const peer of this.#someOf(isQuick ? SWEEP_NODES : 1, (each) => each.state === "partitioned")) {
      this.ask(nowUs, peer, "probe");
    }
    const goesOn = this.#isolation.isOn || this.#someOf(1, (each) => each.state === "partitioned").length > 0;
    const everyUs = isQuick ? SWEEP_US : this.#isolation.isOn ? SWEEP_SLOWLY_US : 2 * SWEEP_US;
    this.#nextSweepUs = goesOn ? nowUs + everyUs : Infinity;
  }

  // --- the word of others ----------------------------------------------------------------------------------------

  #noteSuspected(nowUs: number, from: Peer, named: NamedNode): void {
    const { own, registry } = this.context;
    if (named.target === targetOf(own.id)) {
      if (named.incarnation === own.incarnation) this.#refute(nowUs, from);
      return;
    }
    const peer = registry.peerByTarget(named.target);
    if (peer === undefined || peer.incarnation !== named.incarnation || !peer.isPresent || peer === from) {
      return;
    }
    if (!this.context.isObserver && this.#vouching.consider(nowUs, peer, named)) return;
    this.#accuse(nowUs, peer, from);
  }

  /** Returns whether something became due. */
  #noteDead(nowUs: number, from: Peer, dead: readonly DeadNode[]): boolean {
    const { own, registry } = this.context;
    let isNews = false;
    for (const { target, incarnation } of dead) {
      const peer = registry.peerByTarget(target);
      if (peer !== undefined) {
        if (peer.incarnation !== incarnation || !peer.isPresent || peer === from) continue;
        // Heard within the last beat, it needs no defence: lists are compared, and whoever misses it will ask it.
        if (peer.state === "alive" && nowUs - peer.lastHeardUs < JITTER * peer.beatUs) continue;
        this.#accuse(nowUs, peer, from);
        isNews = true;
      } else if (incarnation === own.incarnation && target === targetOf(own.id)) {
        this.#refute(nowUs, from);
        isNews = true;
      }
    }
    return isNews;
  }

  #refute(nowUs: number, accuser: Peer): void {
    if (this.context.isObserver) return;
    if (!this.loss.isHigh) this.health.noteRefute(nowUs);
    const toAll = nowUs - this.#refutedUs >= REFUTE_EVERY_US;
    if (toAll) this.#refutedUs = nowUs;
    this.parts.refute(nowUs, accuser, toAll);
  }

  #accuse(nowUs: number, peer: Peer, by: Peer): Suspicion {
    const suspicion = peer.suspicion ??= new Suspicion();
    suspicion.noteAccusation(nowUs, by.id);
    if (peer.state !== "alive") this.#nextUs = Math.min(this.#nextUs, nowUs);
    else if (
      peer.beatUs > LARGE_MESH_BEAT_US && suspicion.earlyUs === Infinity &&
      suspicion.accusersAt(nowUs) >= MAX_CONFIRMERS
    ) {
      const jitterUs = EARLY_JITTER_US * this.context.random.float();
      suspicion.earlyUs = Math.max(nowUs + jitterUs, peer.silentSinceUs + EARLY_SILENCE_US);
      this.#nextUs = Math.min(this.#nextUs, suspicion.earlyUs);
    }
    return suspicion;
  }

  /** Somebody has heard `peer` itself, `ageMs` ago and up to number `seq`. */
  #noteWord(nowUs: number, peer: Peer, seq: number, ageMs: number): void {
    if (seq <= newestOf(peer)) return;
    const aliveUs = nowUs - MS * ageMs;
    if (peer.state === "dead") {
      // Somebody hears whom we have given up: once a second at most it is asked.
      if (peer.nextProbeUs - nowUs > UNREACHABLE_PROBE_US && ageMs * MS < 2 * peer.beatUs) {
        peer.nextProbeUs = nowUs + UNREACHABLE_PROBE_US;
        this.ask(nowUs, peer, "probe");
      }
      return;
    }
    if (peer.suspicion === null || !peer.isPresent) return;
    if (!peer.isRelayed && aliveUs <= peer.lastHeardUs) return;
    peer.suspicion.noteVouch(aliveUs);
    this.#nextUs = Math.min(this.#nextUs, nowUs);
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

/** The newest number of a node that we know of. */
function newestOf(peer: Peer): number {
  return Math.max(0, peer.life.window.highest, peer.life.notBefore);
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
