// Strict tiers; within a tier deficit round robin by weight (Shreedhar and Varghese); below them floors, so that no tier starves.
// Decides which lane may write next; never what it writes nor when a packet may leave.
// Hot path: asked once a packet and once more for each lane that is done. Typed arrays, no allocation, no closures.

/** What the scheduler sees of a lane. */
export interface Schedulable {
  /** 0 to 255, unique. */
  readonly id: number;
  /** 0 to 7; lower goes first. */
  readonly tier: number;
  /** 1 to 255: its share of the tier while others of it wait too. */
  readonly weight: number;
  /** Whether it has something to send now. */
  hasWork(nowUs: number): boolean;
}

/** Tiers 0 to 7. */
export const SCHEDULER_TIERS = 8;
const LANE_IDS = 256;
/** What a waiting tier gets of all bytes whatever goes before it: 5 % of every 100 ms, whole packets and the first wait included. */
const FLOOR_SHARE = 0.055;
/** A packet's room for frames: 1,200 B without header and tag (research section 4.7). */
const QUANTUM_BYTES = 1_175;

/** Options of {@linkcode Scheduler}. */
export interface SchedulerOptions {
  /** What a lane of weight 1 may send a round: the room of a packet, so that a turn never exceeds it. */
  readonly quantumBytes?: number;
}

/** The lanes of one tier, and whose turn it is. */
class Tier {
  readonly lanes: Schedulable[] = [];
  /** Index of the lane that has its turn. */
  turn = 0;
  /** Whether the lane at `turn` got its quantum of this turn. */
  isOpen = false;
}

/** Chooses lanes. */
export class Scheduler {
  readonly #quantumBytes: number;
  readonly #tiers: Tier[] = [];
  /** Highest tier in use + 1. */
  #depth = 0;
  /** Bytes that a lane may still send in its turn; below 0 what it took too much. By lane id. */
  readonly #deficits = new Float64Array(LANE_IDS);
  /** Bytes that each tier has earned under its floor; below 0 what it took too much. */
  readonly #floors = new Float64Array(SCHEDULER_TIERS);
  /** Bytes that tier 0 sent more than tier 1 while tier 1 waited. */
  #lead = 0;
  /** The tier that goes now because of its floor, or −1. */
  #paying = -1;

  constructor(options: SchedulerOptions = {}) {
    this.#quantumBytes = options.quantumBytes ?? QUANTUM_BYTES;
    for (let tier = 0; tier < SCHEDULER_TIERS; tier++) this.#tiers.push(new Tier());
  }

  /** Takes a lane in, at the end of its tier's round. */
  add(lane: Schedulable): void {
    this.#tierOf(lane).lanes.push(lane);
    this.#deficits[lane.id] = 0;
    this.#depth = Math.max(this.#depth, lane.tier + 1);
  }

  /** Takes a lane out; nothing happens when it is not there. */
  remove(lane: Schedulable): void {
    const tier = this.#tierOf(lane);
    const at = tier.lanes.indexOf(lane);
    if (at < 0) return;
    tier.lanes.splice(at, 1);
    if (at < tier.turn) tier.turn--;
    else if (at === tier.turn) tier.isOpen = false;
    if (tier.turn >= tier.lanes.length) tier.turn = 0;
  }

  /** What a lane may still send in its turn; for statistics and tests. */
  deficitOf(lane: Schedulable): number {
    return this.#deficits[lane.id] ?? 0;
  }

  /** Who writes next, or null when nobody has anything. Ask again after `onSent`. */
  next(nowUs: number): Schedulable | null {
    this.#paying = -1;
    for (let tier = 1; tier < this.#depth; tier++) {
      if ((this.#floors[tier] ?? 0) < this.#quantumBytes) continue;
      const lane = this.#choose(tier, nowUs);
      if (lane !== null) {
        this.#paying = tier;
        return lane;
      }
      this.#floors[tier] = 0; // nothing waited: floors are not saved up
    }
    if (this.#lead >= this.#quantumBytes) {
      const lane = this.#choose(1, nowUs);
      if (lane !== null) return lane;
      this.#lead = 0;
    }
    for (let tier = 0; tier < this.#depth; tier++) {
      const lane = this.#choose(tier, nowUs);
      if (lane !== null) return lane;
    }
    return null;
  }

  /** The lane wrote `bytes` into a packet. */
  onSent(lane: Schedulable, bytes: number): void {
    this.#deficits[lane.id] = (this.#deficits[lane.id] ?? 0) - bytes;
    const earned = bytes * FLOOR_SHARE;
    // One packet is due, one more may be earned while other floors are paid.
    const limit = 2 * this.#quantumBytes;
    for (let tier = 1; tier < this.#depth; tier++) {
      const floor = (this.#floors[tier] ?? 0) + earned;
      this.#floors[tier] = floor > limit ? limit : floor;
    }
    if (this.#paying === lane.tier) this.#floors[lane.tier] = (this.#floors[lane.tier] ?? 0) - bytes;
    if (lane.tier === 0) this.#lead += bytes;
    else if (lane.tier === 1) this.#lead = Math.max(0, this.#lead - bytes);
  }

  #tierOf(lane: Schedulable): Tier {
    const tier = this.#tiers[lane.tier];
    if (tier === undefined) throw new RangeError(`tier ${lane.tier} is not 0 to ${SCHEDULER_TIERS - 1}`);
    return tier;
  }

  /** The lane of a tier whose turn it is. */
  #choose(at: number, nowUs: number): Schedulable | null {
    const tier = this.#tiers[at];
    if (tier === undefined || tier.lanes.length === 0) return null;
    const { lanes } = tier;
    // Two rounds suffice unless every lane with work is in debt; then its rounds are paid at once.
    for (;;) {
      let rounds = Infinity;
      for (let tried = 0; tried <= lanes.length; tried++) {
        const lane = lanes[tier.turn];
        if (lane === undefined) return null;
        if (lane.hasWork(nowUs)) {
          if (!tier.isOpen) {
            tier.isOpen = true;
            this.#pay(lane, 1);
          }
          const deficit = this.#deficits[lane.id] ?? 0;
          if (deficit > 0) return lane;
          const needed = Math.ceil((1 - deficit) / (lane.weight * this.#quantumBytes));
          if (needed < rounds) rounds = needed;
        } else this.#deficits[lane.id] = Math.min(0, this.#deficits[lane.id] ?? 0);
        tier.turn = tier.turn + 1 < lanes.length ? tier.turn + 1 : 0;
        tier.isOpen = false;
      }
      if (rounds === Infinity) return null;
      for (let index = 0; rounds > 1 && index < lanes.length; index++) {
        const lane = lanes[index];
        if (lane !== undefined && lane.hasWork(nowUs)) this.#pay(lane, rounds - 1);
      }
    }
  }

  #pay(lane: Schedulable, rounds: number): void {
    this.#deficits[lane.id] = (this.#deficits[lane.id] ?? 0) + rounds * lane.weight * this.#quantumBytes;
  }
}
