// One other node as we know it: its record, its life, how it was heard.
// Holds facts and small rules about them; never decides what follows from silence (liveness.ts) and never sends.

import type { Incarnation, NodeId } from "../base/mod.ts";
import type { IpEndpoint } from "../platform/mod.ts";
import type { Census } from "./census.ts";
import type { Path } from "./datagram.ts";
import { type Contribution, contributionOf } from "./digest.ts";
import type { LinkInterface } from "./endpoint.ts";
import { hash32 } from "./hash.ts";
import type { Life } from "./lives.ts";
import type { NodeRecord } from "./record.ts";
import type { Suspicion } from "./suspicion.ts";

/**
 * What we think of a node. `unreachable`: silent to us, but others hear it, or nobody confirms that it is gone.
 * `partitioned`: silent together with so many others that we are the ones cut off. `dead` and `left` are remembered for a
 * while and then forgotten.
 */
export const ENTRY_STATES = ["alive", "suspect", "unreachable", "partitioned", "dead", "left"] as const;

/** What we think of a node. */
export type EntryState = typeof ENTRY_STATES[number];

/** Silence in beats after which a path no longer counts as heard, and a node as suspect: three beats at most jitter. */
export const SILENT_BEATS = 3.3;

/** Beats for which a node belongs to a network on which it is silent. */
const ON_LINK_BEATS = 6;
/** Long before anything: a quarter of an hour, and a small integer, which the engine keeps within the object. */
const NEVER = -1_000_000_000;
const MAX_ROUTES = 8;

/** One way on which a node is heard: a link of ours, and the address it sends from. */
export class Route {
  lastHeardUs: number;
  #unicastUs = NEVER;
  #multicastUs = NEVER;
  #broadcastUs = NEVER;

  constructor(readonly link: LinkInterface | null, public from: IpEndpoint, nowUs: number) {
    this.lastHeardUs = nowUs;
  }

  /** Whether it is the IPv6 link of an interface that IPv4 serves as well. */
  get isSecondary(): boolean {
    return this.link?.ipv6?.isSecondary ?? false;
  }

  /** Key of its link, empty for none. */
  get key(): string {
    return this.link?.key ?? "";
  }

  /** When the node was heard so last; long before the beginning for never. */
  heardUs(path: Path): number {
    return path === "multicast"
      ? this.#multicastUs
      : path === "unicast"
      ? this.#unicastUs
      : this.#broadcastUs;
  }

  /** Notes that it was heard so. */
  noteHeard(nowUs: number, path: Path): void {
    if (path === "multicast") this.#multicastUs = nowUs;
    else if (path === "unicast") this.#unicastUs = nowUs;
    else this.#broadcastUs = nowUs;
  }
}

/** What is derived from all peers together and follows the changes of each. */
export interface PeerWatch {
  /** Those who are present. */
  readonly census: Census;
  /** Something may have become due earlier than it was. */
  isDueStale: boolean;
  /** Who is present, or in which version, has changed. */
  onIdentity(id: NodeId): void;
}

/** A node that has proved that it lives. */
export class Peer {
  /** Told of changes that concern more than this peer; set by the registry. */
  watch: PeerWatch | null = null;
  #state: EntryState = "alive";
  sinceUs: number;
  lastHeardUs: number;
  /** Since when silence counts: the last sign of life, or later when we were deaf ourselves. */
  silentSinceUs: number;
  #beatUs: number;
  rttUs: number | null = null;
  #peerCount = 1;
  /** Sender's milliseconds minus ours at arrival, NaN while unknown; a replay or a pause shifts it. */
  skewMs = NaN;
  /** May come back in the same incarnation although it said goodbye. */
  isAsleep = false;
  /** Known from the list of another node alone: not heard yet, so that we cannot vouch for it. */
  isRelayed = false;
  /** Whether the node has shown that it has heard of us. */
  knowsUs = false;
  /** Number of its last beat, −1 before the first: gaps tell what was lost on the way to us. */
  beat = -1;
  /** Since when its digest differs from ours, in µs; 0 while it does not. */
  differsSinceUs = 0;
  /** Live load as it last told; empty while it has not. */
  availability: readonly number[] = [];
  #contribution: Contribution | null = null;
  /** What is held against it; null while nobody misses it. */
  suspicion: Suspicion | null = null;
  nextProbeUs = 0;
  /** Since when we ask it once a second; infinite while we do not. */
  ringedUs = Infinity;
  /** Milliseconds it slept, as it last told, and when. */
  resumedMs = 0;
  resumedUs = NEVER;
  recordAskedUs = NEVER;
  /** All ways on which it was heard, each over another link; almost always one. */
  readonly #routes: Route[];
  #main: Route;

  /** The same as that of its life and its record; here too, since every datagram asks for it. */
  readonly id: NodeId;
  /** Where it is on the ring (ring.ts), as a signed integer, which the engine keeps within the object. */
  readonly ringPlace: number;
  #record: NodeRecord;
  #stateVersion: number;

  constructor(
    record: NodeRecord,
    public life: Life,
    readonly admittedUs: number,
    beatUs: number,
    link: LinkInterface | null,
    from: IpEndpoint,
  ) {
    this.id = life.id;
    this.ringPlace = hash32(life.id) | 0;
    this.#record = record;
    this.#stateVersion = record.stateVersion;
    this.sinceUs = admittedUs;
    this.lastHeardUs = admittedUs;
    this.silentSinceUs = admittedUs;
    this.#beatUs = beatUs;
    this.#main = new Route(link, from, admittedUs);
    this.#routes = [this.#main];
  }

  /** Whether it is in the registry. */
  get isListed(): boolean {
    return this.watch !== null;
  }

  get record(): NodeRecord {
    return this.#record;
  }

  set record(record: NodeRecord) {
    this.#record = record;
    if (record.stateVersion === this.#stateVersion) return;
    this.#stateVersion = record.stateVersion;
    this.#contribution = null;
    this.watch?.onIdentity(this.id);
  }

  /** What this life and this record add to a digest. */
  get contribution(): Contribution {
    this.#contribution ??= contributionOf(this.id, this.incarnation, this.#stateVersion);
    return this.#contribution;
  }

  /** Four bytes that stand for what is known of this node: the same for two nodes that need not tell each other. */
  get knownHash(): number {
    return (this.contribution.low ^ (this.isPresent ? 0 : this.#state === "left" ? 1 : 2)) >>> 0;
  }

  /** The version of its record; here too, since every heartbeat asks for it. */
  get stateVersion(): number {
    return this.#stateVersion;
  }

  get state(): EntryState {
    return this.#state;
  }

  set state(state: EntryState) {
    if (state === this.#state) return;
    const wasPresent = this.isPresent;
    this.#state = state;
    if (this.watch === null) return;
    this.watch.isDueStale = true;
    if (wasPresent === this.isPresent) return;
    if (wasPresent) this.watch.census.remove(this.#peerCount);
    else this.watch.census.add(this.#peerCount);
    this.watch.onIdentity(this.id);
  }

  /** The node's own beat period in µs, as it last said. */
  get beatUs(): number {
    return this.#beatUs;
  }

  set beatUs(beatUs: number) {
    if (beatUs === this.#beatUs) return;
    this.#beatUs = beatUs;
    if (this.watch !== null) this.watch.isDueStale = true;
  }

  /** Number of nodes that this one counts. */
  get peerCount(): number {
    return this.#peerCount;
  }

  set peerCount(count: number) {
    if (count === this.#peerCount) return;
    if (this.watch !== null && this.isPresent) {
      this.watch.census.remove(this.#peerCount);
      this.watch.census.add(count);
    }
    this.#peerCount = count;
  }

  get incarnation(): Incarnation {
    return this.life.incarnation;
  }

  /** Whether the node counts as part of the mesh. */
  get isPresent(): boolean {
    return this.#state === "alive" || this.#state === "suspect" || this.#state === "unreachable";
  }

  /** Whether one datagram of it suffices to take it for alive: also of one that we were cut off from. */
  get isAwaited(): boolean {
    return this.isPresent || this.#state === "partitioned";
  }

  /** Whether the node belongs to the network of this link: it was heard there within six beats, or was relayed there. */
  isOnLink(linkKey: string, nowUs: number): boolean {
    const route = this.#main.key === linkKey ? this.#main : this.routeOver(linkKey);
    return route !== null && nowUs - route.lastHeardUs <= ON_LINK_BEATS * this.#beatUs;
  }

  /** All routes, the oldest first. */
  get routes(): readonly Route[] {
    return this.#routes;
  }

  /** The route over the link with this key, empty for none; null when it was not heard there. */
  routeOver(linkKey: string): Route | null {
    for (const route of this.#routes) if (route.key === linkKey) return route;
    return null;
  }

  /** The route to use; it stays the same while it is heard. */
  get route(): Route {
    return this.#main;
  }

  /** Notes a datagram. Returns whether the main route changed. */
  noteHeard(nowUs: number, link: LinkInterface | null, from: IpEndpoint, path: Path): boolean {
    this.lastHeardUs = nowUs;
    this.silentSinceUs = nowUs;
    // Almost all comes by the main route, and with every datagram.
    const route = this.#main.link === link ? this.#main : this.#routeOver(nowUs, link, from);
    // A copy, since `from` belongs to whoever received the datagram.
    if (route.from.host !== from.host || route.from.port !== from.port) {
      route.from = { host: from.host, port: from.port };
    }
    route.lastHeardUs = nowUs;
    route.noteHeard(nowUs, path);
    if (route === this.#main) return false;
    // Where IPv4 serves the same interface nothing but beats without IPv4 keeps the IPv6 link busy.
    const isBetter = this.#main.isSecondary && !route.isSecondary;
    if (!isBetter && nowUs - this.#main.lastHeardUs < 2.5 * this.beatUs) return false;
    this.#main = route;
    return true;
  }

  #routeOver(nowUs: number, link: LinkInterface | null, from: IpEndpoint): Route {
    let route = this.routeOver(link?.key ?? "");
    if (route === null) {
      if (this.#routes.length >= MAX_ROUTES) this.#forgetOldestRoute();
      route = new Route(link, { host: from.host, port: from.port }, nowUs);
      this.#routes.push(route);
    }
    return route;
  }

  #forgetOldestRoute(): void {
    let oldest: Route | null = null;
    for (const each of this.#routes) {
      if (each !== this.#main && (oldest === null || each.lastHeardUs < oldest.lastHeardUs)) oldest = each;
    }
    if (oldest !== null) this.#routes.splice(this.#routes.indexOf(oldest), 1);
  }

  /** Forgets the route over a link that is gone. Returns whether there was one. */
  dropRoute(linkKey: string): boolean {
    const dropped = this.routeOver(linkKey);
    if (dropped === null) return false;
    this.#routes.splice(this.#routes.indexOf(dropped), 1);
    let best: Route | null = null;
    for (const route of this.#routes) {
      if (best === null || route.lastHeardUs > best.lastHeardUs) best = route;
    }
    // Without any route the address stays: another link may lead there.
    this.#main = best ?? new Route(null, this.#main.from, this.#main.lastHeardUs);
    return true;
  }

  /** Paths on which the node was heard within the last beats. */
  pathsAt(nowUs: number): Path[] {
    const paths: Path[] = [];
    for (const path of ["multicast", "broadcast", "unicast"] as const) {
      if (this.#hasHeard(path, nowUs)) paths.push(path);
    }
    return paths;
  }

  #hasHeard(path: Path, nowUs: number): boolean {
    if (nowUs - this.#main.heardUs(path) <= SILENT_BEATS * this.beatUs) return true;
    if (this.#routes.length <= 1) return false;
    for (const route of this.#routes) {
      if (nowUs - route.heardUs(path) <= SILENT_BEATS * this.beatUs) return true;
    }
    return false;
  }

  /** Whether multicast from the node reaches us. */
  isHeardByMulticast(nowUs: number): boolean {
    return this.#hasHeard("multicast", nowUs);
  }

  /** Whether multicast from the node does not reach us though broadcast does. */
  isBroadcastOnly(nowUs: number): boolean {
    // A copy by broadcast may be the first that counts of who was let in between the two.
    if (nowUs - this.admittedUs < 2 * this.beatUs) return false;
    return this.#hasHeard("broadcast", nowUs) && !this.#hasHeard("multicast", nowUs);
  }

  /** Whether the node reaches us by unicast alone: it then gets our beats by unicast too. */
  isUnicastOnly(nowUs: number): boolean {
    if (this.#main.link !== null && nowUs - this.admittedUs < 2 * this.beatUs) return false;
    return !this.#hasHeard("multicast", nowUs) && !this.#hasHeard("broadcast", nowUs);
  }
}

/** The newest sequence number of a node that we or those who told us of it have heard. */
export function newestOf(peer: Peer): number {
  return Math.max(0, peer.life.window.highest, peer.life.notBefore);
}
