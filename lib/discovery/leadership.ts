// The leader lease within discovery: who is there goes in, its messages ride in our datagrams, its events are told.
// Decides how the lease's short ids become addresses and what a node without a part in it (an observer) believes: what
// beats and announcements say. Never decides who leads: lease/ does.

import { type Context, emit, type Wake } from "./context.ts";
import type { Refusal } from "./counters.ts";
import {
  type Leader,
  LEASE_US,
  LeaseCore,
  type LeaseMember,
  type LeaseMessage,
  type LeaseStore,
  type LeaseToken,
  type VoterSet,
} from "./lease/mod.ts";
import { type LeaderHint, targetOf } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";
import type { NodeId } from "../base/mod.ts";

/** What a node brings to the lease. */
export interface LeaseSettings {
  /** Claims earlier than those of lower ones; 0 unless the operator says otherwise. */
  readonly priority: number;
  /** Keeps promises across restarts. */
  readonly store: LeaseStore;
}

/** How the lease stands, for people. */
export interface LeaseState {
  readonly leader: Leader | null;
  readonly isCandidate: boolean;
  readonly voters: VoterSet | null;
}

/** Capability by which an app says its priority, so that all put candidates into the same order. */
export const PRIORITY_CAPABILITY = "leaderPriority";
const MAX_PRIORITY = 1_000;
/** The list of nodes is looked at again at most this often unless a message waits for it, in µs. */
const REFRESH_US = 200_000;
/** Nodes to which an announcement goes by unicast since multicast does not reach them. */
const MAX_UNICAST = 16;

type OutMessage = LeaseMessage & { readonly bootNonce: string };

/** Our part in the lease. */
export class Leadership {
  readonly #lease: LeaseCore | null;
  #priority: number;
  #revision = -1;
  #refreshUs = Infinity;
  #hint: { readonly token: LeaseToken; readonly mode: Leader["mode"]; readonly untilUs: number } | null =
    null;

  /** @param settings null for a node that takes no part, whatever its role */
  constructor(readonly context: Context, nowUs: number, settings: LeaseSettings | null) {
    const { own, isObserver, random } = context;
    this.#priority = settings?.priority ?? 0;
    if (settings === null || isObserver) {
      this.#lease = null;
      return;
    }
    this.#lease = new LeaseCore(nowUs, {
      id: own.id,
      incarnation: own.incarnation,
      isCandidate: own.role === "app",
      priority: settings.priority,
      random,
      store: settings.store,
    });
  }

  /** How it stands at `nowUs`. */
  state(nowUs: number): LeaseState {
    const lease = this.#lease;
    return {
      leader: this.leader(nowUs),
      isCandidate: lease?.isCandidate ?? false,
      voters: lease?.voterSet ?? null,
    };
  }

  /** Who leads, as far as we know. */
  leader(nowUs: number): Leader | null {
    if (this.#lease !== null) return this.#lease.leader();
    const hint = this.#hint;
    if (hint === null || nowUs >= hint.untilUs) return null;
    return { token: hint.token, mode: hint.mode, validUntilUs: hint.untilUs, isSelf: false };
  }

  /** The token of our own leadership when we may act at `nowUs`; to be asked before every command. */
  token(nowUs: number): LeaseToken | null {
    const lease = this.#lease;
    return lease !== null && lease.canAct(nowUs) ? lease.token : null;
  }

  /** Takes a message of a node that is present. */
  handleMessage(nowUs: number, peer: Peer, message: LeaseMessage): Refusal | null {
    const lease = this.#lease;
    if (lease === null) {
      if (message.kind !== "lease" || message.validMs === 0) return "not-for-us";
      this.#believe(nowUs, peer, message.term, message.mode);
      return null;
    }
    if (this.#revision !== this.context.registry.revision) this.#refresh(nowUs);
    lease.handleMessage(nowUs, peer, message);
    this.#flush(nowUs);
    return null;
  }

  /** Takes in whom the beat of another calls leader: the only word that a node without a part in it may hear. */
  noteHint(nowUs: number, hint: LeaderHint): void {
    if (this.#lease !== null) return;
    for (const peer of this.context.registry.peers()) {
      if (targetOf(peer.id) === hint.target) return this.#believe(nowUs, peer, hint.term, "lease");
    }
  }

  /** Does what is due. */
  handleTimeout(nowUs: number): void {
    const lease = this.#lease;
    if (lease === null) return;
    if (this.#revision !== this.context.registry.revision && nowUs >= this.#refreshUs) this.#refresh(nowUs);
    const wake = lease.pollTimeout();
    if (wake !== null && wake.atUs <= nowUs) lease.handleTimeout(nowUs);
    this.#flush(nowUs);
  }

  /** What is due next. */
  next(): Wake | null {
    const lease = this.#lease;
    if (lease === null) return null;
    const wake = lease.pollTimeout();
    if (this.#revision === this.context.registry.revision) return wake;
    if (this.#refreshUs === Infinity) this.#refreshUs = -Infinity;
    return wake === null || this.#refreshUs < wake.atUs
      ? { atUs: this.#refreshUs, reason: "lease-members" }
      : wake;
  }

  /** We were not running for `lateUs`. */
  noteStall(nowUs: number, lateUs: number): void {
    this.#lease?.noteStall(nowUs, lateUs);
    this.#flush(nowUs);
  }

  /** There is no network any more. */
  noteIsolated(nowUs: number): void {
    this.#lease?.noteIsolated(nowUs);
    this.#flush(nowUs);
  }

  /** Stops leading in favour of `to`, or of whoever goes first. False when we do not lead. */
  handOver(nowUs: number, to?: NodeId): boolean {
    const isDone = this.#lease?.handOver(nowUs, to) ?? false;
    this.#flush(nowUs);
    return isDone;
  }

  /** Leads by the operator's word. False when that cannot be kept on disk, or when we take no part. */
  forceSolo(nowUs: number): boolean {
    const isDone = this.#lease?.forceSolo(nowUs) ?? false;
    this.#flush(nowUs);
    return isDone;
  }

  /** Ends it. False when it was none. */
  endSolo(nowUs: number): boolean {
    const isDone = this.#lease?.endSolo(nowUs) ?? false;
    this.#flush(nowUs);
    return isDone;
  }

  /** Takes or drops the part of a candidate. */
  setCandidate(nowUs: number, isCandidate: boolean, priority = this.#priority): void {
    this.#priority = priority;
    this.#lease?.setCandidate(nowUs, isCandidate, priority);
    this.#flush(nowUs);
  }

  #believe(nowUs: number, peer: Peer, term: number, mode: Leader["mode"]): void {
    const hint = this.#hint;
    if (hint !== null && nowUs < hint.untilUs && hint.token.term > term) return;
    const token = { term, leaderId: peer.id, leaderIncarnation: peer.incarnation };
    const isSame = hint !== null && hint.token.term === term && hint.token.leaderId === peer.id;
    this.#hint = { token, mode: isSame && mode === "lease" ? hint.mode : mode, untilUs: nowUs + LEASE_US };
  }

  #refresh(nowUs: number): void {
    const { registry } = this.context;
    this.#revision = registry.revision;
    this.#refreshUs = nowUs + REFRESH_US;
    const members: LeaseMember[] = [];
    for (const peer of registry.peers()) {
      const { id, incarnation, record, state } = peer;
      members.push({
        id,
        incarnation,
        role: record.role,
        // Its datagrams say how long it runs.
        upSinceUs: Number.isNaN(peer.skewMs) ? peer.admittedUs : Math.round(-1_000 * peer.skewMs),
        isAlive: state === "alive" || state === "suspect",
        priority: priorityOf(record.capabilities),
      });
    }
    this.#lease?.handleMembers(nowUs, members);
  }

  /** Sends and tells what has come of it. */
  #flush(nowUs: number): void {
    const lease = this.#lease;
    if (lease === null) return;
    for (let send = lease.pollSend(); send !== null; send = lease.pollSend()) {
      const message = { bootNonce: this.context.own.bootNonce, ...send.message };
      if (send.to === "all") this.#tellAll(nowUs, message);
      else this.#tellOne(nowUs, send.to, message);
    }
    for (let event = lease.pollEvent(); event !== null; event = lease.pollEvent()) {
      emit(this.context, event);
      if (event.kind === "leader-changed") this.#noteChanged(nowUs, event.leader.token);
      if (event.kind === "leader-lost" || event.kind === "leader-changed") {
        this.#noteChanged(nowUs, event.was);
      }
    }
    const leader = lease.leader();
    this.context.own.leader = leader === null
      ? null
      : { term: leader.token.term, target: targetOf(leader.token.leaderId) };
  }

  /** The list shows who leads, so a change of it is a change of the list. */
  #noteChanged(nowUs: number, token: LeaseToken | null): void {
    const peer = token === null ? undefined : this.context.registry.peer(token.leaderId);
    if (peer !== undefined) this.context.registry.changed(nowUs, peer);
  }

  #tellOne(nowUs: number, id: NodeId, message: OutMessage): void {
    const { registry, outbox, links } = this.context;
    const peer = registry.peer(id);
    if (peer === undefined) return;
    outbox.toEndpoint(nowUs, peer.route.from, links.linkOf(peer.route.from.host), message);
  }

  #tellAll(nowUs: number, message: OutMessage): void {
    const { registry, outbox, links } = this.context;
    let alsoBroadcast = false;
    let unicast = 0;
    for (const peer of registry.peers()) {
      if (!peer.isPresent || peer.isHeardByMulticast(nowUs)) continue;
      if (peer.isBroadcastOnly(nowUs)) alsoBroadcast = true;
      else if (unicast < MAX_UNICAST && peer.isUnicastOnly(nowUs)) {
        unicast++;
        this.#tellOne(nowUs, peer.id, message);
      }
    }
    for (const link of links.all) outbox.toLink(nowUs, link, message, alsoBroadcast);
  }
}

/** The priority that a record's capabilities tell; 0 where they tell none that counts. */
export function priorityOf(capabilities: Readonly<Record<string, unknown>>): number {
  const value = capabilities[PRIORITY_CAPABILITY];
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= MAX_PRIORITY ? value : 0;
}
