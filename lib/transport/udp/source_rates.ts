// How often sources have spoken lately, in fixed memory: counts of the present second and the one before it, in a table
// by a hash that only this process knows. Two sources may share a place, and then count as one: what hangs on it is
// whether more is asked of a source, never whether it is believed.

const PLACES = 1024;
const SECOND_US = 1_000_000;

/** Counts by source. */
export class SourceRates {
  #present = new Uint16Array(PLACES);
  #before = new Uint16Array(PLACES);
  #startedUs: number;
  #total = 0;
  #totalBefore = 0;
  readonly #seed: number;

  /** @param seed a random u32 */
  constructor(nowUs: number, seed: number) {
    this.#startedUs = nowUs;
    this.#seed = seed;
  }

  /** Counts one of `host`. Returns about how many came from there during the last second, this one included. */
  count(nowUs: number, host: string): number {
    this.#turn(nowUs);
    const place = this.#placeOf(host);
    const value = Math.min(0xffff, (this.#present[place] ?? 0) + 1);
    this.#present[place] = value;
    this.#total++;
    return value + (this.#before[place] ?? 0) * this.#shareBefore(nowUs);
  }

  /** About how many came from `host` during the last second. */
  rate(nowUs: number, host: string): number {
    this.#turn(nowUs);
    const place = this.#placeOf(host);
    return (this.#present[place] ?? 0) + (this.#before[place] ?? 0) * this.#shareBefore(nowUs);
  }

  /** About how many came from all sources together. */
  total(nowUs: number): number {
    this.#turn(nowUs);
    return this.#total + this.#totalBefore * this.#shareBefore(nowUs);
  }

  /** The part of the second before that lies within the last 1,000 ms. */
  #shareBefore(nowUs: number): number {
    return 1 - (nowUs - this.#startedUs) / SECOND_US;
  }

  #turn(nowUs: number): void {
    const elapsedUs = nowUs - this.#startedUs;
    if (elapsedUs < SECOND_US) return;
    const oldest = this.#before;
    this.#before = this.#present;
    this.#present = oldest.fill(0);
    this.#totalBefore = this.#total;
    this.#total = 0;
    this.#startedUs += SECOND_US;
    if (elapsedUs >= 2 * SECOND_US) {
      this.#before.fill(0);
      this.#totalBefore = 0;
      this.#startedUs = nowUs;
    }
  }

  #placeOf(host: string): number {
    let hash = this.#seed;
    for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x0100_0193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
    return ((hash ^ (hash >>> 13)) >>> 0) % PLACES;
  }
}
