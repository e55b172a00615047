// A histogram of microseconds with logarithmic buckets: 16 a power of two, so a percentile is off by 6 % at most.
// Decides nothing; one typed array, no allocation a value.

const SUB_BUCKETS = 16;
const OCTAVES = 32;
/** The largest value with a bucket of its own width: 9.5 hours. */
const LARGEST = 2 ** (OCTAVES + 3) - 1;

/** Counts values; answers percentiles. */
export class Histogram {
  readonly #buckets = new Uint32Array(SUB_BUCKETS * OCTAVES);
  #count = 0;
  #min = Infinity;
  #max = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }
  /** The smallest value, 0 when there is none. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }
  /** The largest value, 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  /** Records one value in microseconds; negatives and NaN count as 0. */
  record(valueUs: number): void {
    const value = valueUs > 0 ? Math.round(valueUs) : 0;
    const index = bucketOf(value);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The value below which `share` (0 to 1) of all values lie, in microseconds; 0 when there is none. */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let i = 0; i < this.#buckets.length; i++) {
      seen += this.#buckets[i] ?? 0;
      if (seen >= wanted) return Math.min(this.#max, Math.max(this.#min, upperEdge(i)));
    }
    return this.#max;
  }

  /** How many values lie in [`fromUs`, `toUs`); exact where both are powers of two. */
  countBetween(fromUs: number, toUs: number): number {
    let count = 0;
    for (let i = bucketOf(fromUs); i < bucketOf(toUs); i++) count += this.#buckets[i] ?? 0;
    return count;
  }
}

/** Values below 16 have a bucket each; above, the top five bits choose it. What is over the last counts in it. */
function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return Math.ceil(value);
  const whole = Math.min(Math.ceil(value), LARGEST);
  // The count of leading zeros knows 32 bits only.
  const octave = whole < 2 ** 32 ? 31 - Math.clz32(whole) : 63 - Math.clz32(Math.floor(whole / 2 ** 32));
  const sub = Math.floor(whole / 2 ** (octave - 4)) % SUB_BUCKETS;
  return (octave - 3) * SUB_BUCKETS + sub;
}

function upperEdge(index: number): number {
  if (index < SUB_BUCKETS) return index;
  if (index === SUB_BUCKETS * OCTAVES - 1) return Infinity;
  const octave = Math.floor(index / SUB_BUCKETS) + 3;
  return (SUB_BUCKETS + (index % SUB_BUCKETS) + 1) * 2 ** (octave - 4) - 1;
}
