// Who is there, as far as leading and voting go: candidates in their order, nodes fit to vote in theirs.
// Decides orders alone; whether somebody is alive is the failure detector's word, and nothing here depends on its truth.

import { hash32 } from "../hash.ts";
import type { Incarnation, NodeId, Role } from "../../base/mod.ts";
import { isSameLife, type LifeId, shortId } from "./life.ts";

/** A node as discovery sees it. */
export interface LeaseMember {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: Role;
  /** Since when it runs, in µs on our clock. */
  readonly upSinceUs: number;
  readonly isAlive: boolean;
  /** Higher claims earlier; 0 unless the operator said otherwise. */
  readonly priority: number;
}

/** For how long a node must have run before it is trusted with a vote, in µs. */
export const STABLE_US = 60_000_000;
/** For how long a voter must be away before another takes its place, in µs: a reboot is no reason. */
export const GONE_US = 30_000_000;
/** Members that are kept; discovery itself admits fewer. */
export const MAX_MEMBERS = 4_096;

interface Entry extends LeaseMember {
  readonly short: string;
  readonly changedUs: number;
}

const CLASSES: Readonly<Record<Role, number>> = { app: 0, daemon: 1, visualization: 2, observer: 3 };

/** The nodes that we know of, without ourselves. */
export class Roster {
  readonly #byShort = new Map<string, Entry>();

  constructor(readonly self: NodeId, readonly bornUs: number) {}

  /** Replaces what was known. Observers never count. Past the bound the rest is not seen. */
  replace(nowUs: number, members: readonly LeaseMember[]): void {
    const former = new Map(this.#byShort);
    this.#byShort.clear();
    for (const member of members) {
      if (member.id === this.self || member.role === "observer") continue;
      if (this.#byShort.size >= MAX_MEMBERS) break;
      const short = shortId(member.id);
      const before = former.get(short);
      const isSame = before !== undefined && before.isAlive === member.isAlive;
      this.#byShort.set(short, { ...member, short, changedUs: isSame ? before.changedUs : nowUs });
    }
  }

  /** A node by its short id. */
  find(short: string): LeaseMember | undefined {
    return this.#byShort.get(short);
  }

  /** Nodes that are there, ourselves included. */
  get aliveCount(): number {
    let count = 1;
    for (const { isAlive } of this.#byShort.values()) if (isAlive) count++;
    return count;
  }

  /** Whether a node was silent for so long that its vote may go to another. */
  isGone(nowUs: number, short: string): boolean {
    if (short === shortId(this.self)) return false;
    const entry = this.#byShort.get(short);
    return entry === undefined
      ? nowUs >= this.bornUs + GONE_US
      : !entry.isAlive && nowUs >= entry.changedUs + GONE_US;
  }

  /** How many candidates go before us: higher priority first, then by hash. `except` has lost its lease and waits too. */
  rankOf(priority: number, except: LifeId | null): number {
    const own = hash32(this.self);
    let rank = 0;
    for (const entry of this.#byShort.values()) {
      if (!entry.isAlive || entry.role !== "app" || isSameLife(except, entry)) continue;
      if (entry.priority > priority || (entry.priority === priority && hash32(entry.id) < own)) rank++;
    }
    return rank;
  }

  /** Whether the candidate `id` goes before us. */
  goesBefore(id: NodeId, priority: number): boolean {
    const entry = this.#byShort.get(shortId(id));
    if (entry === undefined) return false;
    return entry.priority > priority || (entry.priority === priority && hash32(entry.id) < hash32(this.self));
  }

  /** The candidate to hand over to: the first that is alive; null when there is none. */
  successor(): LeaseMember | null {
    let best: Entry | null = null;
    for (const entry of this.#byShort.values()) {
      if (!entry.isAlive || entry.role !== "app") continue;
      if (
        best === null || entry.priority > best.priority ||
        (entry.priority === best.priority && hash32(entry.id) < hash32(best.id))
      ) best = entry;
    }
    return best;
  }

  /**
   * Short ids of the nodes that could vote, the most stable first: apps, daemons, visualizations, each by age.
   * @param minUpUs how long they must have run
   */
  stable(nowUs: number, minUpUs: number): string[] {
    const fit: Entry[] = [];
    for (const entry of this.#byShort.values()) {
      if (entry.isAlive && nowUs - entry.upSinceUs >= minUpUs) fit.push(entry);
    }
    fit.sort((a, b) =>
      CLASSES[a.role] - CLASSES[b.role] || a.upSinceUs - b.upSinceUs || (a.short < b.short ? -1 : 1)
    );
    return fit.map(({ short }) => short);
  }
}
