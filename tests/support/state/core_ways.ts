// Ways between nodes: they take time, now and then much; closed ones hold what meets them, and break in the end.
// Decides when a message arrives; nothing overtakes on one way unless it is let.

import type { Draws } from "../lanes/random.ts";
import { MS, type Way } from "./core_parts.ts";

/** A way that is closed for so long breaks what goes over it. */
const BREAK_US = 1_500 * MS;

/** All ways. */
export class Ways {
  /** The group of each node; equal groups reach each other. */
  readonly #groups = new Map<string, number>();
  readonly #random: Draws;
  readonly #nowUs: () => number;
  readonly #at: (atUs: number, run: () => void) => void;
  #sinceUs = 0;

  constructor(random: Draws, nowUs: () => number, at: (atUs: number, run: () => void) => void) {
    this.#random = random;
    this.#nowUs = nowUs;
    this.#at = at;
  }

  /** Since when they are as they are. */
  get sinceUs(): number {
    return this.#sinceUs;
  }

  add(name: string): void {
    this.#groups.set(name, 0);
  }

  canTalk(a: string, b: string): boolean {
    return a === b || this.#groups.get(a) === this.#groups.get(b);
  }

  /** Puts every node into a group. */
  part(groups: (name: string) => number): void {
    for (const name of this.#groups.keys()) this.#groups.set(name, groups(name));
    this.#sinceUs = this.#nowUs();
  }

  /** Runs `take` when what is sent now arrives. */
  carry(way: Way, take: () => void, extraUs = 0): void {
    const nowUs = this.#nowUs();
    way.lastUs = Math.max(way.lastUs, nowUs + this.#delayUs());
    const atUs = way.lastUs + extraUs;
    way.queue.push({ atUs, sentUs: nowUs, take });
    this.#at(atUs, () => this.#drain(way));
  }

  #drain(way: Way): void {
    const { queue, from, to } = way;
    const nowUs = this.#nowUs();
    for (let at = queue.findIndex(({ atUs }) => atUs <= nowUs); at >= 0;) {
      const next = queue[at];
      if (next === undefined || !way.isOpen()) return void (queue.length = 0);
      if (!this.canTalk(from, to)) {
        if (nowUs - next.sentUs > BREAK_US) return way.breakIt();
        return this.#at(nowUs + 50 * MS, () => this.#drain(way));
      }
      const awakeUs = way.awakeUs();
      if (awakeUs > nowUs) return this.#at(awakeUs, () => this.#drain(way));
      queue.splice(at, 1);
      next.take();
      at = queue.findIndex(({ atUs }) => atUs <= nowUs);
    }
  }

  #delayUs(): number {
    // A few hundred microseconds, and now and then as long as a radio takes.
    const isLong = this.#random.float() < 0.02;
    return Math.floor(
      150 - 150 * Math.log(1 - this.#random.float()) + (isLong ? this.#random.float() * 60 * MS : 0),
    );
  }
}
