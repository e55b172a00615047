// One client as far as sending goes: what it has, what it wrote, what it is owed.
// Decides which acknowledgement may travel (research 2.7 L2, L3), and whether patches are skipped (W4).
// Holds one integer a subsystem and purpose, never a queue of patches (I10).

import type { LinkNumber } from "../holding/mod.ts";
import type { ChunkMessage, SetMessage, TransactionMessage, WireEntry } from "../messages/mod.ts";
import type { ClientNumber, PathId, SubsystemNumber } from "../model/mod.ts";
import type { Feed } from "./feed.ts";
import type { InterestGroup } from "./interest.ts";
import { MAX_BACKLOG_BYTES, MAX_SHADOWS, MAX_UNACKNOWLEDGED_US } from "./limits.ts";

/** A subsystem on its way to a client whole. */
export interface Transfer {
  readonly feed: Feed;
  readonly version: number;
  readonly parts: readonly (readonly WireEntry[])[];
  readonly digest: ChunkMessage["digest"];
  readonly nonce: number | null;
  /** The next chunk. */
  index: number;
}

/** An answer to a resync that is to be sent. */
export interface Answer {
  readonly feed: Feed;
  readonly have: number;
  readonly nonce: number;
}

/** What is sent of a subsystem that the client does not have whole yet. */
export const NOTHING = -1;

/** A client. */
export class Subscriber {
  readonly client: ClientNumber;
  name = "";
  /** Null while it is away. */
  link: LinkNumber | null = null;
  group: InterestGroup | null = null;
  maxPriority = 0;
  /** By subsystem: the version that was sent last; NOTHING before the whole. */
  readonly sent: number[] = [];
  /** By subsystem: the version that it acknowledged last. */
  readonly acked: number[] = [];
  /** By subsystem: when something was sent last, and when a resync was answered last, in microseconds. */
  readonly sentUs: number[] = [];
  readonly answeredUs: number[] = [];
  readonly transfers: Transfer[] = [];
  readonly answers = new Map<SubsystemNumber, Answer>();
  /** Writes that came before their predecessors. */
  readonly held: (SetMessage | TransactionMessage)[] = [];
  /** Of which paths it was told that another client stands above it. */
  readonly #shadows = new Map<PathId, ClientNumber>();
  /** The newest write that has taken effect, and the newest that a standby confirmed. */
  sequence = 0;
  confirmed = 0;
  /** The newest write that was acknowledged; whether it is to be acknowledged again. */
  acknowledged = 0;
  isToAcknowledge = false;
  ackDueUs = Infinity;
  beatDueUs = Infinity;
  backlogBytes = 0;
  /** The newest write whose effects were sent to it, and the one after for which that is awaited. */
  #effective = 0;
  #candidate = 0;
  #needs = new Map<SubsystemNumber, number>();
  #touched = new Map<SubsystemNumber, number>();
  #markSubsystem = 0;
  #markVersion = 0;
  #markUs = Infinity;

  constructor(client: ClientNumber) {
    this.client = client;
  }

  /** It comes in over a link and knows nothing yet. */
  begin(link: LinkNumber, group: InterestGroup): void {
    this.link = link;
    this.group = group;
    this.#forgetLink();
  }

  /** Its link is gone. */
  end(): void {
    this.link = this.group = null;
    this.#forgetLink();
  }

  /** Whether patches are to wait: its lane is full, or it does not follow (W4). */
  isBehind(nowUs: number): boolean {
    return this.backlogBytes > MAX_BACKLOG_BYTES || nowUs - this.#markUs > MAX_UNACKNOWLEDGED_US;
  }

  /** The version of a subsystem that was sent last; NOTHING before the whole, 0 for one that began since the welcome. */
  sentOf(subsystem: number): number {
    return this.sent[subsystem] ?? 0;
  }

  /** Up to which version it knows what was deleted in a subsystem; Infinity where it has all that it wants of it. */
  knownOf(subsystem: number): number {
    const acked = this.acked[subsystem] ?? 0;
    const feed = this.group?.feeds[subsystem];
    return feed === undefined || acked >= feed.version ? Infinity : acked;
  }

  /** Something of a subsystem was sent. */
  noteSent(nowUs: number, subsystem: number, version: number): void {
    this.sent[subsystem] = version;
    this.sentUs[subsystem] = nowUs;
    if (this.#markUs !== Infinity || version <= (this.acked[subsystem] ?? 0)) return;
    this.#markSubsystem = subsystem;
    this.#markVersion = version;
    this.#markUs = nowUs;
  }

  /** It has a subsystem up to `version`. @returns whether patches need not wait any more. */
  noteAcked(subsystem: number, version: number): boolean {
    this.acked[subsystem] = Math.max(this.acked[subsystem] ?? 0, version);
    if (this.#markUs === Infinity || subsystem !== this.#markSubsystem || version < this.#markVersion) {
      return false;
    }
    this.#markUs = Infinity;
    return true;
  }

  /** What was sent of a subsystem is worth nothing: it starts over from `version`. */
  rewind(subsystem: number, version: number): void {
    this.sent[subsystem] = version;
    if (subsystem === this.#markSubsystem) this.#markUs = Infinity;
  }

  /** A write has taken effect. */
  noteWrite(sequence: number): void {
    this.sequence = sequence;
  }

  /** A write may have changed a subsystem, which is at `version` for this client now. */
  noteTouched(subsystem: SubsystemNumber, version: number): void {
    this.#touched.set(subsystem, version);
  }

  /**
   * The newest write whose effects were sent to it: an acknowledgement must not come before what it acknowledges,
   * for the client's own view of the value ends with it (L1).
   */
  effective(): number {
    if (this.link === null) return this.#effective;
    for (let round = 0; round < 2; round++) {
      for (const [subsystem, version] of this.#needs) {
        if (this.sentOf(subsystem) < version) return this.#effective;
      }
      this.#effective = this.#candidate;
      this.#candidate = this.sequence;
      const needs = this.#needs;
      needs.clear();
      this.#needs = this.#touched;
      this.#touched = needs;
    }
    return this.#effective;
  }

  /** @returns whether it is to be told that `by` stands above it at a path: once, until that changes. */
  noteShadow(path: PathId, by: ClientNumber): boolean {
    if (this.#shadows.get(path) === by) return false;
    if (this.#shadows.size >= MAX_SHADOWS) this.#shadows.clear();
    this.#shadows.set(path, by);
    return true;
  }

  /** It stands at a path. */
  noteStands(path: PathId): void {
    if (this.#shadows.size > 0) this.#shadows.delete(path);
  }

  #forgetLink(): void {
    this.sent.length =
      this.acked.length =
      this.sentUs.length =
      this.answeredUs.length =
        0;
    this.transfers.length = this.held.length = 0;
    this.answers.clear();
    this.#needs.clear();
    this.#touched.clear();
    this.#effective = this.#candidate = this.sequence;
    this.backlogBytes = 0;
    this.#markUs = Infinity;
    this.ackDueUs = this.beatDueUs = Infinity;
    this.isToAcknowledge = false;
    this.#shadows.clear();
  }
}
