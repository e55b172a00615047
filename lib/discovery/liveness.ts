// What silence means: alive, suspect after 3.3 beats, asked three times, dead after 5 beats without an answer.
// Decides on each node's own beat period and on time that we were awake; a verdict is local.
// Never believes others about a third node: that is the business of a later version (discovery research 6.6).

import type { Challenges } from "./challenges.ts";
import { type Context, drawBetween, emit, type Wake, type WakeReason } from "./context.ts";
import {
  type Heartbeat,
  type Nack,
  type PingRequest,
  type Suspect,
  type SyncEntry,
  targetOf,
  type Vouch,
} from "./messages/mod.ts";
import type { Refusal } from "./counters.ts";
import type { Link } from "./links.ts";
import { type Peer, SILENT_BEATS } from "./peer.ts";

const DEAD_BEATS = 5;
/** Beats by which the timers of nodes on a vanished link are extended. */
const GRACE_BEATS = 2.5;
const SUSPECT_SLACK_US = 100_000;
/** Questions to a suspect, the last one on every way there is, and the waits between them in µs. */
const PROBES = 3;
const PROBE_WAITS_US = [200_000, 400_000];
/** From suspicion to verdict at least, so that the last question can be answered. */
const VERDICT_US = 1_000_000;
const DEAD_PROBE_US = 30_000_000;
/** How long the dead and the left are remembered, in µs. */
export const DEAD_FOR_US = 3_600_000_000;
export const LEFT_FOR_US = 600_000_000;

/** Judges silence. */
export class Liveness {
  /** Nothing is due before this. A sign of life only puts things off, so it may be early, never late. */
  #nextUs = Infinity;
  #nextReason: WakeReason = "suspicion";

  /** @param onPresence called when a node has stopped to count as part of the mesh */
  constructor(
    readonly context: Context,
    readonly challenges: Challenges,
    readonly onPresence: (nowUs: number) => void,
  ) {}

  /** Notes a sign of life of a node that is present. */
  noteAlive(nowUs: number, peer: Peer): void {
    if (peer.state === "alive") return;
    peer.state = "alive";
    peer.sinceUs = nowUs;
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: "cleared", id: peer.id });
  }

  /** Takes the number of a beat of a node that is present. Returns whether that set something in motion. */
  noteBeat(_nowUs: number, peer: Peer, message: Heartbeat): boolean {
    peer.beat = message.beat;
    return false;
  }

  /** Takes note of what `from` says about dead, suspected or living nodes, or of a request to ping somebody. */
  handleGossip(
    _nowUs: number,
    _from: Peer,
    _message: Suspect | Vouch | PingRequest | Nack,
  ): Refusal | null {
    return null;
  }

  /** Another node lists `peer` as dead or left. */
  noteGoneElsewhere(_nowUs: number, _peer: Peer, _entry: SyncEntry): void {
  }

  /** We were not running: nobody's silence until now counts. */
  noteStall(nowUs: number): void {
    for (const peer of this.context.registry.peers()) {
      if (peer.isPresent) peer.silentSinceUs = Math.max(peer.silentSinceUs, nowUs);
    }
  }

  /** A link is gone: its nodes get time to be heard elsewhere. */
  noteLinkGone(nowUs: number, link: Link): void {
    for (const peer of this.context.registry.peers()) {
      if (!peer.dropRoute(link.key)) continue;
      if (peer.isPresent) peer.silentSinceUs += GRACE_BEATS * peer.beatUs;
      this.context.registry.changed(nowUs, peer);
    }
  }

  /** Suspects, asks, judges and forgets what is due. */
  handleTimeout(nowUs: number): void {
    const { registry } = this.context;
    this.#maybeLook();
    if (nowUs < this.#nextUs) return;
    for (const peer of [...registry.peers()]) {
      if (peer.state === "alive" && suspectUs(peer) <= nowUs) {
        peer.state = "suspect";
        peer.sinceUs = nowUs;
        peer.probesSent = 0;
        peer.nextProbeUs = nowUs;
        registry.changed(nowUs, peer);
        emit(this.context, { kind: "suspected", id: peer.id, silentUs: nowUs - peer.lastHeardUs });
      }
      if (peer.state === "suspect") {
        if (deadUs(peer) <= nowUs) this.#declareDead(nowUs, peer);
        else if (peer.nextProbeUs <= nowUs) this.#probe(nowUs, peer);
      } else if (peer.state === "dead") {
        if (peer.sinceUs + DEAD_FOR_US <= nowUs) registry.remove(nowUs, peer);
        else if (peer.nextProbeUs <= nowUs) this.#askDead(nowUs, peer);
      } else if (peer.state === "left" && peer.sinceUs + LEFT_FOR_US <= nowUs) {
        registry.remove(nowUs, peer);
      }
    }
    this.#look();
  }

  /** What is due next, or earlier: then nothing is, and there is a later one. */
  next(): Wake | null {
    this.#maybeLook();
    return this.#nextUs === Infinity ? null : { atUs: this.#nextUs, reason: this.#nextReason };
  }

  #maybeLook(): void {
    if (this.context.registry.takeDueStale()) this.#look();
  }

  #look(): void {
    this.context.registry.takeDueStale();
    this.#nextUs = Infinity;
    for (const peer of this.context.registry.peers()) {
      const dueUs = nextUs(peer);
      if (dueUs >= this.#nextUs) continue;
      this.#nextUs = dueUs;
      this.#nextReason = reasonOf(peer);
    }
  }

  #declareDead(nowUs: number, peer: Peer): void {
    const silentUs = nowUs - peer.lastHeardUs;
    peer.state = "dead";
    peer.sinceUs = nowUs;
    peer.nextProbeUs = nowUs + DEAD_PROBE_US;
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: "lost", id: peer.id, silentUs });
    this.onPresence(nowUs);
  }

  #probe(nowUs: number, peer: Peer): void {
    peer.nextProbeUs = nowUs + (PROBE_WAITS_US[peer.probesSent] ?? Infinity);
    peer.probesSent++;
    const isLast = peer.probesSent === PROBES;
    for (const route of isLast ? peer.routes.values() : [peer.route]) {
      this.ask(nowUs, peer, "probe", route.from);
    }
    if (!isLast) return;
    const link = this.context.links.linkOf(peer.route.from.host);
    if (link === null) return;
    const nonce = this.challenges.open({ purpose: "probe", id: peer.id, sentUs: nowUs, token: 0 });
    this.context.outbox.toLink(nowUs, link, this.#ping(peer, nonce), true);
  }

  /** Sends a ping with a fresh nonce. */
  ask(
    nowUs: number,
    peer: Peer,
    purpose: "probe" | "measure" | "ping",
    to: { host: string; port: number } = peer.route.from,
    token = 0,
  ): void {
    const nonce = this.challenges.open({ purpose, id: peer.id, sentUs: nowUs, token });
    this.context.outbox.toEndpoint(nowUs, to, this.context.links.linkOf(to.host), this.#ping(peer, nonce));
  }

  #ping(peer: Peer, nonce: string) {
    const { own, isObserver } = this.context;
    const target = targetOf(peer.id);
    return { kind: "ping", bootNonce: own.bootNonce, nonce, target, observer: isObserver } as const;
  }

  /** The mesh as a whole asks each dead node about once in 30 s, which heals a partition without multicast. */
  #askDead(nowUs: number, peer: Peer): void {
    const everyUs = DEAD_PROBE_US * Math.max(1, this.context.registry.presentCount);
    peer.nextProbeUs = nowUs + everyUs * drawBetween(this.context.random, 0.5, 1.5);
    this.ask(nowUs, peer, "probe");
  }
}

function suspectUs(peer: Peer): number {
  return peer.silentSinceUs + SILENT_BEATS * peer.beatUs + SUSPECT_SLACK_US;
}

function deadUs(peer: Peer): number {
  return Math.max(peer.silentSinceUs + DEAD_BEATS * peer.beatUs, peer.sinceUs + VERDICT_US);
}

function nextUs(peer: Peer): number {
  switch (peer.state) {
    case "alive":
      return suspectUs(peer);
    case "suspect":
      return Math.min(peer.nextProbeUs, deadUs(peer));
    case "dead":
      return Math.min(peer.nextProbeUs, peer.sinceUs + DEAD_FOR_US);
    case "left":
      return peer.sinceUs + LEFT_FOR_US;
    case "unreachable":
    case "partitioned":
      return Infinity;
  }
}

function reasonOf(peer: Peer): WakeReason {
  switch (peer.state) {
    case "alive":
      return "suspicion";
    case "suspect":
      return peer.nextProbeUs < deadUs(peer) ? "probe" : "verdict";
    case "dead":
      return peer.nextProbeUs < peer.sinceUs + DEAD_FOR_US ? "probe" : "forget";
    case "unreachable":
    case "partitioned":
    case "left":
      return "forget";
  }
}
