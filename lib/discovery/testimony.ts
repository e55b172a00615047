// What others say of a third node: that they miss it, that they have heard it, that it is dead or has left.
// Decides what of that confirms a suspicion and what speaks against it, and answers what is said about ourselves. Nothing
// said by others is proof: it moves verdicts, which rest on questions of our own (suspicion.ts).

import type { Challenges } from "./challenges.ts";
import type { Context } from "./context.ts";
import type { Refusal } from "./counters.ts";
import type { LocalHealth } from "./health.ts";
import type { LossEstimate } from "./loss.ts";
import {
  type Heartbeat,
  type Nack,
  type NamedNode,
  type Suspect,
  type SyncEntry,
  targetOf,
  type Vouch,
} from "./messages/mod.ts";
import { newestOf, type Peer } from "./peer.ts";
import type { Prober } from "./prober.ts";
import { MAX_CONFIRMERS, Suspicion } from "./suspicion.ts";
import type { Vouching } from "./vouching.ts";

const MS = 1_000;
/** Heard within this many of its beats, a node needs no defence. */
const FRESH_BEATS = 1.1;
const MAX_FRESH_US = 1_100 * MS;
/** In a mesh that beats slowly, a node that several others miss is suspect once it has been silent for this. */
const LARGE_MESH_BEAT_US = 1_100 * MS;
const EARLY_SILENCE_US = 2_200 * MS;
const EARLY_JITTER_US = 300 * MS;
/** How often one whom we gave up and somebody hears is asked at most. */
const DOUBT_EVERY_US = 1_000 * MS;
/** How often everybody is answered who suspects us, in µs; each accuser is answered every time. */
const REFUTE_EVERY_US = 200 * MS;
/** How often one that names us dead is answered, in µs. */
const DENY_EVERY_US = 1_000 * MS;
/** Within which two that suspect us are two of one mind, in µs. */
const ACCUSED_WITHIN_US = 2_000 * MS;

/** What testimony is weighed with. */
export interface TestimonyParts {
  readonly challenges: Challenges;
  readonly prober: Prober;
  readonly vouching: Vouching;
  readonly health: LocalHealth;
  readonly loss: LossEstimate;
  /** Says a beat at once: to everybody if `toAll`, and to `accuser`. */
  readonly refute: (nowUs: number, accuser: Peer, toAll: boolean) => void;
  /** How long a node may be silent, in µs. */
  readonly patienceUs: (peer: Peer) => number;
  /** Something is to be judged at this time. */
  readonly onDue: (atUs: number) => void;
}

/** Weighs what others say. */
export class Testimony {
  #refutedUs = Number.NEGATIVE_INFINITY;
  #accusedUs = Number.NEGATIVE_INFINITY;
  #deniedUs = Number.NEGATIVE_INFINITY;
  #lastAccuser = "";

  constructor(readonly context: Context, readonly parts: TestimonyParts) {}

  /** Takes note of what `from` says about suspected or living nodes. */
  handleGossip(
    nowUs: number,
    from: Peer,
    message: Suspect | Vouch | Nack,
  ): Refusal | null {
    switch (message.kind) {
      case "suspect":
        for (const named of message.nodes) this.#noteSuspected(nowUs, from, named);
        return null;
      case "vouch":
        for (const named of message.nodes) {
          this.parts.vouching.noteSpoken(nowUs, named.target);
          const peer = this.context.registry.peerByTarget(named.target);
          if (peer?.incarnation === named.incarnation) this.#noteWord(nowUs, peer, named.seq, named.ageMs);
        }
        return null;
      case "nack": {
        const challenge = this.parts.challenges.close(message.echo, from.id);
        if (challenge?.purpose !== "request") return "stale-nonce";
        const peer = this.context.registry.peerByTarget(message.target);
        if (peer === undefined) return null;
        if (peer.suspicion !== null) peer.suspicion.nacks++;
        if (message.heardMs === null) return null;
        this.#noteWord(nowUs, peer, message.seq, message.heardMs);
        // It has not heard it for as long as makes us suspect it, and got no answer: it misses it, too.
        if (message.heardMs * MS > this.parts.patienceUs(peer) && peer.suspicion !== null) {
          this.#accuse(nowUs, peer, from);
        }
        return null;
      }
    }
  }

  /** Another node lists `peer` as dead or left: that confirms a suspicion, and proves nothing. */
  noteGoneElsewhere(nowUs: number, peer: Peer, entry: SyncEntry, from: Peer): void {
    if (!peer.isAwaited || entry.seq < newestOf(peer)) return;
    const suspicion = this.#accuse(nowUs, peer, from);
    // It said goodbye after all that we have heard of it: then it is worth asking at once.
    if (entry.state !== "left" || entry.seq === newestOf(peer)) return;
    suspicion.hasLeft = true;
    suspicion.earlyUs = Math.min(suspicion.earlyUs, nowUs);
    this.parts.onDue(nowUs);
  }

  #noteSuspected(nowUs: number, from: Peer, named: NamedNode): void {
    const { own, registry } = this.context;
    if (named.target === targetOf(own.id)) {
      if (named.incarnation === own.incarnation) this.#refute(nowUs, from);
      return;
    }
    const peer = registry.peerByTarget(named.target);
    if (peer === undefined || peer.incarnation !== named.incarnation || !peer.isAwaited || peer === from) {
      return;
    }
    if (!this.context.isObserver && this.parts.vouching.consider(nowUs, peer, named)) return;
    this.#accuse(nowUs, peer, from);
  }

  /** A beat of `from` names nodes that it has declared dead. Returns whether something became due. */
  noteDead(nowUs: number, from: Peer, dead: Heartbeat["dead"]): boolean {
    const { own, registry } = this.context;
    let isNews = false;
    for (const { target, incarnation } of dead) {
      const peer = registry.peerByTarget(target);
      if (peer !== undefined) {
        if (peer.incarnation !== incarnation || !peer.isAwaited || peer === from) continue;
        // Heard within the last beat, it needs no defence: lists are compared, and whoever misses it will ask it.
        if (
          peer.state === "alive" &&
          nowUs - peer.lastHeardUs < Math.min(FRESH_BEATS * peer.beatUs, MAX_FRESH_US)
        ) continue;
        this.#accuse(nowUs, peer, from);
        isNews = true;
      } else if (incarnation === own.incarnation && target === targetOf(own.id)) {
        // Everybody may say so with every beat for half a minute, and hear our beats or not: one a second is told.
        if (nowUs - this.#deniedUs < DENY_EVERY_US) continue;
        this.#deniedUs = nowUs;
        this.parts.refute(nowUs, from, false);
        isNews = true;
      }
    }
    return isNews;
  }

  #refute(nowUs: number, accuser: Peer): void {
    if (this.context.isObserver) return;
    // One accuser may have had bad luck; several at once say something about us, unless everybody loses much.
    const isOther = accuser.id !== this.#lastAccuser && nowUs - this.#accusedUs < ACCUSED_WITHIN_US;
    if (isOther && !this.parts.loss.isHigh) this.parts.health.noteRefute(nowUs);
    this.#lastAccuser = accuser.id;
    this.#accusedUs = nowUs;
    const toAll = nowUs - this.#refutedUs >= REFUTE_EVERY_US;
    if (toAll) this.#refutedUs = nowUs;
    this.parts.refute(nowUs, accuser, toAll);
  }

  #accuse(nowUs: number, peer: Peer, by: Peer): Suspicion {
    const suspicion = peer.suspicion ??= new Suspicion();
    suspicion.noteAccusation(nowUs, by.id);
    if (peer.state !== "alive") this.parts.onDue(nowUs);
    else if (
      peer.beatUs > LARGE_MESH_BEAT_US && suspicion.earlyUs === Infinity &&
      suspicion.accusersAt(nowUs) >= MAX_CONFIRMERS
    ) {
      const jitterUs = EARLY_JITTER_US * this.context.random.float();
      suspicion.earlyUs = Math.max(nowUs + jitterUs, peer.silentSinceUs + EARLY_SILENCE_US);
      this.parts.onDue(suspicion.earlyUs);
    }
    return suspicion;
  }

  /** Somebody has heard `peer` itself, `ageMs` ago and up to number `seq`. */
  #noteWord(nowUs: number, peer: Peer, seq: number, ageMs: number): void {
    if (seq <= newestOf(peer)) return;
    const aliveUs = nowUs - MS * ageMs;
    if (peer.state === "dead") {
      // Somebody hears whom we have given up: once a second at most it is asked.
      if (peer.nextProbeUs - nowUs > DOUBT_EVERY_US && ageMs * MS < 2 * peer.beatUs) {
        peer.nextProbeUs = nowUs + DOUBT_EVERY_US;
        this.parts.prober.ask(nowUs, peer, "probe");
      }
      return;
    }
    if (peer.suspicion === null || !peer.isAwaited) return;
    if (!peer.isRelayed && aliveUs <= peer.lastHeardUs) return;
    peer.suspicion.noteVouch(aliveUs);
    this.parts.onDue(nowUs);
  }
}
