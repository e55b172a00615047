// What the parts of the core share: who we are, whom we know, what goes out, what is told.
// Holds state and the few helpers that every part needs; decides nothing.

import { type Incarnation, type NodeId, type Role, toHex } from "../base/mod.ts";
import type { RandomStream } from "../platform/mod.ts";
import type { DiscoveryCounters } from "./counters.ts";
import { type LeaderHint, type NamedLife, NONCE_BYTES } from "./messages/mod.ts";
import type { LeaseWakeReason } from "./lease/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import type { DiscoveryEvent } from "./events.ts";
import type { Links } from "./links.ts";
import type { Outbox } from "./outbox.ts";
import type { NodeRecord } from "./record.ts";
import type { Registry } from "./registry.ts";

/** Why the core wants to be woken. */
export type WakeReason =
  | "announce"
  | "heartbeat"
  | "goodbye"
  | "seed"
  | "hint"
  | "offer"
  | "query"
  | "ping-timeout"
  | "newcomer"
  | "sync"
  | "record"
  | "hello"
  | "measure"
  | "suspicion"
  | "probe"
  | "verdict"
  | "vouch"
  | "help"
  | "ring"
  | "isolation"
  | "forget"
  | "echo-watch"
  | "multicast-watch"
  | "rename"
  | "lease-members"
  | LeaseWakeReason;

/** A time at which something is due, and what. */
export interface Wake {
  readonly atUs: number;
  readonly reason: WakeReason;
}

/** The earlier of two wakes. */
export function earlier(a: Wake | null, b: Wake | null): Wake | null {
  if (a === null) return b;
  return b === null || a.atUs <= b.atUs ? a : b;
}

/** Our own record, as the owner set it and as conflicts changed it. */
export interface OwnRecord {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** May change while we run: an app role is taken and dropped. */
  role: Role;
  readonly bootNonce: string;
  stateVersion: number;
  /** The name that the owner asked for. */
  wantedName: string;
  /** The name that the mesh sees. */
  name: string;
  version: string;
  endpoints: readonly Endpoint[];
  capabilities: NodeRecord["capabilities"];
  resources: NodeRecord["resources"];
  tags: NodeRecord["tags"];
  /** Live load, as beats tell it; empty while nobody says. */
  availability: readonly number[];
  /** Who leads, as beats tell it. */
  leader: LeaderHint | null;
}

/** A node that we have declared dead, as beats name it for a while. */
export interface Obituary extends NamedLife {
  readonly untilUs: number;
}

/** A node that has proved to us that it lives, as beats name it for a while. */
export interface Arrival extends NamedLife {
  readonly untilUs: number;
}

/** Events that wait for the owner; at the bound the oldest is dropped and counted. */
export const MAX_EVENTS = 4_096;

/** What the parts of the core share. */
export interface Context {
  readonly own: OwnRecord;
  readonly isObserver: boolean;
  readonly links: Links;
  readonly registry: Registry;
  readonly outbox: Outbox;
  readonly counters: DiscoveryCounters;
  readonly random: RandomStream;
  readonly events: DiscoveryEvent[];
  /** The lately dead, oldest first; liveness.ts writes, announcer.ts tells. */
  readonly obituaries: Obituary[];
  /** Those who have lately proved themselves to us, oldest first; admission.ts writes, announcer.ts tells. */
  readonly arrivals: Arrival[];
}

/** Tells the owner. */
export function emit(context: Context, event: DiscoveryEvent): void {
  if (context.events.length >= MAX_EVENTS) {
    context.events.shift();
    context.counters.dropped.events++;
  }
  context.events.push(event);
}

/** 8 fresh random bytes as hex. */
export function drawNonce(random: RandomStream): string {
  return toHex(random.fill(new Uint8Array(NONCE_BYTES)));
}

/** A float in [low, high). */
export function drawBetween(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.float();
}
