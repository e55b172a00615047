// What the parts of the lease share: who we are, what we promised, whom we know, what goes out.
// Holds queues with their bounds; decides nothing.

import type { NodeId } from "../../base/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import type { Acceptor } from "./acceptor.ts";
import type { LifeId } from "./life.ts";
import type { LeaseMessage } from "../messages/mod.ts";
import type { Roster } from "./roster.ts";

/** A message to send: to one node, or to everybody by multicast. */
export interface LeaseSend {
  readonly to: NodeId | "all";
  readonly message: LeaseMessage;
}

/** Messages that wait for the owner; at the bound the new one is dropped and counted. */
export const MAX_SENDS = 256;

/** What the lease counts; the counters only grow. */
export class LeaseCounters {
  /** Claims that we made, and those that won. */
  claims = 0;
  wins = 0;
  /** Refusals that we gave. */
  denials = 0;
  /** Messages that changed nothing: of no candidate, out of date, answers to nothing, terms out of reach. */
  ignored = 0;
  /** Messages dropped since the owner did not fetch them, or since nobody of that id is known. */
  dropped = 0;
  /** Events dropped since the owner did not fetch them. */
  droppedEvents = 0;
}

/** What the parts share. */
export class Desk {
  readonly counters = new LeaseCounters();
  readonly #sends: LeaseSend[] = [];

  constructor(
    readonly life: LifeId,
    readonly acceptor: Acceptor,
    readonly roster: Roster,
    readonly random: RandomStream,
  ) {}

  /** Queues a message. */
  send(to: NodeId | "all", message: LeaseMessage): void {
    if (this.#sends.length >= MAX_SENDS) this.counters.dropped++;
    else this.#sends.push({ to, message });
  }

  /** Queues a message to the node of this short id. */
  sendShort(short: string, message: LeaseMessage): void {
    const member = this.roster.find(short);
    if (member === undefined) this.counters.dropped++;
    else this.send(member.id, message);
  }

  /** The next message, or null. */
  poll(): LeaseSend | null {
    return this.#sends.shift() ?? null;
  }

  /** A whole number of µs in [low, high). */
  drawUs(lowUs: number, highUs: number): number {
    return lowUs + Math.floor((highUs - lowUs) * this.random.float());
  }
}
