// Who gets into the registry, and what is kept of what a node says about itself.
// Decides on nodes that have answered a nonce of ours; never asks (newcomers.ts) and never judges silence (liveness.ts).

import type { NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import { type Announcer, MAX_BEAT_US } from "./announcer.ts";
import type { NameKeeper } from "./conflict.ts";
import { type Context, emit } from "./context.ts";
import type { Refusal } from "./counters.ts";
import type { Datagram } from "./datagram.ts";
import { isLoopbackHost, isWildcardHost } from "./address.ts";
import { believedEndpoints, mergeEndpoints } from "./endpoint.ts";
import type { Link } from "./links.ts";
import type { Introductions } from "./introductions.ts";
import type { Life } from "./lives.ts";
import type { Liveness } from "./liveness.ts";
import type { Measuring } from "./measuring.ts";
import { type SyncEntry, targetOf } from "./messages/mod.ts";
import type { Sighting } from "./newcomers.ts";
import type { Overflow } from "./overflow.ts";
import { Peer } from "./peer.ts";
import type { NodeRecord } from "./record.ts";

/** Beat periods that are believed, in µs: a peer must not set our timers to nothing or to forever. */
const MIN_BELIEVED_BEAT_US = 200_000;
const MAX_BELIEVED_BEAT_US = 2 * MAX_BEAT_US;

/** Beats that name a newcomer, and newcomers that are remembered for them. */
const ARRIVAL_BEATS = 2;
const MAX_ARRIVALS = 64;

/** What admission works with. */
export interface AdmissionParts {
  readonly liveness: Liveness;
  readonly announcer: Announcer;
  readonly names: NameKeeper;
  readonly measuring: Measuring;
  readonly introductions: Introductions;
  /** Nodes that did not fit. */
  readonly overflow: Overflow;
}

/** Takes nodes in. */
export class Admission {
  constructor(readonly context: Context, readonly parts: AdmissionParts) {}

  /** Takes in a node that has answered a nonce of ours: new, restarted, returned, or known all along. */
  admit(
    nowUs: number,
    sighting: Sighting & { readonly record: NodeRecord | null },
    datagram: Datagram,
    rttUs: number | null,
    wasAsked: boolean,
  ): Refusal | null {
    const { life, record, from, link } = sighting;
    if (record === null) return null;
    const old = this.context.registry.peer(life.id);
    if (old?.life === life && old.isPresent) {
      old.skewMs = NaN;
      old.peerCount = sighting.peerCount;
      old.beatUs = believedBeatUs(sighting.beatMs);
      this.noteHeard(nowUs, old, datagram, from, link);
      this.applyRecord(nowUs, old, record, from, link);
      return null;
    }
    if (old?.life === life && old.state === "left" && !old.isAsleep) return "after-goodbye";
    const peer = new Peer(
      this.#believed(record, [], from, link),
      life,
      nowUs,
      believedBeatUs(sighting.beatMs),
      link?.facts ?? null,
      from,
    );
    peer.peerCount = sighting.peerCount;
    peer.skewMs = datagram.header.sentMs - nowUs / 1000;
    peer.route.noteHeard(nowUs, datagram.header.path);
    if (!this.context.registry.insert(nowUs, peer)) return this.refuseForRoom(nowUs, life.id);
    this.parts.overflow.delete(life.id);
    if (rttUs === null) this.parts.measuring.add(peer);
    else smoothRtt(peer, rttUs);
    this.#noteArrival(nowUs, peer);
    if (old === undefined) emit(this.context, { kind: "added", id: life.id });
    else if (old.life === life) emit(this.context, { kind: "returned", id: life.id });
    else emit(this.context, { kind: "restarted", id: life.id, was: old.incarnation, now: life.incarnation });
    // Who is out of reach of our multicast has not heard our announcement.
    if (wasAsked && link === null && !this.context.isObserver) {
      this.context.outbox.toEndpoint(nowUs, from, link, this.parts.announcer.announcement(nowUs, link, null));
    }
    if (old === undefined) this.parts.names.noteArrival(nowUs, record.name);
    else this.parts.names.check(nowUs);
    return null;
  }

  /** Names a node in our next beats: who waits for its proof takes ours. */
  #noteArrival(nowUs: number, peer: Peer): void {
    const { arrivals } = this.context;
    if (arrivals.length >= MAX_ARRIVALS) arrivals.shift();
    const untilUs = nowUs + ARRIVAL_BEATS * this.parts.announcer.beatUs;
    arrivals.push({ target: targetOf(peer.id), incarnation: peer.incarnation, untilUs });
  }

  /** Takes in a node that another one lists: it is there until it turns out to be silent, and nobody vouches for it yet. */
  admitRelayed(
    nowUs: number,
    life: Life,
    entry: Pick<SyncEntry, "beatMs" | "peerCount">,
    record: NodeRecord,
    from: IpEndpoint,
  ): Refusal | null {
    const old = this.context.registry.peer(life.id);
    const link = this.context.links.linkOf(from.host);
    const isLoopback = link?.facts.loopback ?? false;
    if (isWildcardHost(from.host) || (isLoopbackHost(from.host) && !isLoopback)) {
      this.context.counters.refused["bad-endpoint"]++;
      return "bad-endpoint";
    }
    const peer = new Peer(
      this.#believed(record, [], from, link),
      life,
      nowUs,
      believedBeatUs(entry.beatMs),
      link?.facts ?? null,
      from,
    );
    peer.peerCount = entry.peerCount;
    peer.isRelayed = true;
    if (!this.context.registry.insert(nowUs, peer)) return this.refuseForRoom(nowUs, life.id);
    this.parts.overflow.delete(life.id);
    this.parts.introductions.addRelayed(nowUs, peer);
    if (old === undefined) emit(this.context, { kind: "added", id: life.id });
    else emit(this.context, { kind: "restarted", id: life.id, was: old.incarnation, now: life.incarnation });
    if (old === undefined) this.parts.names.noteArrival(nowUs, record.name);
    else this.parts.names.check(nowUs);
    return null;
  }

  /** Notes one that does not fit, and says so at most once a minute. */
  refuseForRoom(nowUs: number, id: NodeId): Refusal {
    if (this.parts.overflow.note(nowUs, id)) {
      emit(this.context, { kind: "peer-limit", overflow: this.parts.overflow.size });
    }
    return "peer-limit";
  }

  /** Notes a sign of life of a node that is present. */
  noteHeard(nowUs: number, peer: Peer, datagram: Datagram, from: IpEndpoint, link: Link | null): void {
    const sampleMs = datagram.header.sentMs - nowUs / 1000;
    // Followed slowly, because the two clocks drift apart by seconds a day.
    peer.skewMs = Number.isNaN(peer.skewMs) ? sampleMs : peer.skewMs + (sampleMs - peer.skewMs) / 16;
    const isRouteNew = peer.noteHeard(nowUs, link?.facts ?? null, from, datagram.header.path);
    if (datagram.header.path === "unicast") peer.knowsUs = true;
    const wasRelayed = peer.isRelayed;
    peer.isRelayed = false;
    if (wasRelayed) this.parts.measuring.add(peer);
    this.parts.liveness.noteAlive(nowUs, peer);
    if (isRouteNew || wasRelayed) this.context.registry.changed(nowUs, peer);
  }

  /** Takes the live load that a beat told. */
  noteAvailability(nowUs: number, peer: Peer, figures: readonly number[]): void {
    const before = peer.availability;
    if (
      before === figures ||
      (before.length === figures.length && figures.every((each, i) => each === before[i]))
    ) {
      return;
    }
    peer.availability = figures;
    this.context.registry.changed(nowUs, peer);
  }

  /** Takes over a newer record, or further endpoints of the same one. */
  applyRecord(nowUs: number, peer: Peer, record: NodeRecord, from: IpEndpoint, link: Link | null): void {
    if (record.stateVersion < peer.record.stateVersion) return; // overtaken on the way
    const isSame = record.stateVersion === peer.record.stateVersion;
    const known = isSame ? peer.record.endpoints : [];
    // A page or an offer has less room than an announcement: what was cut there may come whole now, and stays so.
    if (isSame && record.more === true && peer.record.more !== true) return;
    const isWhole = isSame && peer.record.more === true && record.more !== true;
    // Said again: almost always there is nothing new in it.
    const isRepeated = isSame && !isWhole;
    if (
      isRepeated && record.endpoints.every(({ address }) => known.some((each) => each.address === address))
    ) {
      return;
    }
    const next = this.#believed(record, known, from, link);
    if (isRepeated && next.endpoints.length === known.length) return;
    peer.record = next;
    this.context.registry.changed(nowUs, peer);
    emit(this.context, { kind: "updated", id: peer.id });
    this.parts.names.check(nowUs);
  }

  /** The record without endpoints that point back at us, with those heard on other links. */
  #believed(
    record: NodeRecord,
    known: NodeRecord["endpoints"],
    from: IpEndpoint,
    link: Link | null,
  ): NodeRecord {
    const isLocal = link !== null && (link.facts.loopback || this.context.links.isOwn(from.host));
    const heard = believedEndpoints(record.endpoints, isLocal, link?.facts.ipv6?.zone ?? null);
    if (heard.length < record.endpoints.length) this.context.counters.refused["bad-endpoint"]++;
    const endpoints = mergeEndpoints(known, heard, this.context.links.facts);
    const isSame = endpoints.length === record.endpoints.length &&
      endpoints.every((each, at) => each === record.endpoints[at]);
    return isSame ? record : { ...record, endpoints };
  }
}

/** The beat period of a peer as far as we go along with it, in µs. */
export function believedBeatUs(beatMs: number): number {
  return Math.min(MAX_BELIEVED_BEAT_US, Math.max(MIN_BELIEVED_BEAT_US, 1000 * beatMs));
}

/** Takes a new sample into the smoothed round trip. */
export function smoothRtt(peer: Peer, rttUs: number): void {
  // RFC 6298 §2.3: the weight of a new sample is one eighth.
  peer.rttUs = peer.rttUs === null ? rttUs : Math.round(peer.rttUs + (rttUs - peer.rttUs) / 8);
}
