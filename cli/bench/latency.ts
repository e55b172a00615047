// Latencies as a histogram of three significant digits: 1,024 buckets a power of two of tenths of microseconds.
// Decides the resolution (0.1 % or 0.1 µs, whichever is coarser), where lib/base has 6 % buckets: ratios of two
// medians need more. Written here because a package for it would add 16 ms to the start and knows no fractions of µs.
// Recording allocates nothing; what is above the last bucket (7 minutes) counts in it.

/** Values are kept in units of this many microseconds. */
const UNIT_US = 0.1;
const SUB_BITS = 10;
const SUB_BUCKETS = 1 << SUB_BITS;
const OCTAVES = 22;
const BUCKETS = SUB_BUCKETS * (OCTAVES + 1);

/** The percentiles that every result has. */
export interface LatencyFigures {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** A range of a histogram, in microseconds. */
export interface LatencyBucket {
  readonly fromUs: number;
  readonly toUs: number;
  readonly count: number;
}

/** Counts latencies in microseconds. */
export class LatencyHistogram {
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  get count(): number {
    return this.#count;
  }
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }
  get max(): number {
    return this.#max;
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Records one latency in microseconds; negatives count as 0. */
  record(us: number): void {
    const value = us > 0 ? us : 0;
    const index = bucketOf(value);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Adds all that another histogram holds. */
  add(other: LatencyHistogram): void {
    for (let i = 0; i < BUCKETS; i++) {
      const count = other.#buckets[i] ?? 0;
      if (count > 0) this.#buckets[i] = (this.#buckets[i] ?? 0) + count;
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The latency below which `share` (0 to 1) of all lie, in microseconds; 0 when there is none. */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#buckets[i] ?? 0;
      if (seen >= wanted) return Math.min(this.#max, Math.max(this.#min, middleOf(i)));
    }
    return this.#max;
  }

  /** The figures that are shown, rounded to a tenth of a microsecond. */
  figures(): LatencyFigures {
    const tenth = (us: number): number => Math.round(us * 10) / 10;
    return {
      min: tenth(this.min),
      mean: tenth(this.mean),
      p50: tenth(this.percentile(0.5)),
      p90: tenth(this.percentile(0.9)),
      p99: tenth(this.percentile(0.99)),
      p999: tenth(this.percentile(0.999)),
      max: tenth(this.max),
    };
  }

  /** The values in ranges of `perOctave` a power of two, from the first to the last that is not empty. */
  ranges(perOctave: number): LatencyBucket[] {
    if (this.#count === 0) return [];
    const rows = new Map<number, number>();
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#buckets[i] ?? 0;
      if (count === 0) continue;
      const row = Math.floor(Math.log2(Math.max(middleOf(i), UNIT_US)) * perOctave);
      rows.set(row, (rows.get(row) ?? 0) + count);
    }
    const first = Math.min(...rows.keys());
    const last = Math.max(...rows.keys());
    return Array.from({ length: last - first + 1 }, (_, at) => ({
      fromUs: 2 ** ((first + at) / perOctave),
      toUs: 2 ** ((first + at + 1) / perOctave),
      count: rows.get(first + at) ?? 0,
    }));
  }

  /** Non-empty buckets as index and count, for another process or a file. */
  toJSON(): { buckets: number[]; sum: number; min: number; max: number } {
    const buckets: number[] = [];
    this.#buckets.forEach((count, index) => {
      if (count > 0) buckets.push(index, count);
    });
    return { buckets, sum: this.#sum, min: this.min, max: this.#max };
  }

  /** What {@linkcode toJSON} wrote. */
  static fromJSON(
    json: {
      readonly buckets: readonly number[];
      readonly sum: number;
      readonly min: number;
      readonly max: number;
    },
  ): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (let i = 0; i + 1 < json.buckets.length; i += 2) {
      const count = json.buckets[i + 1] ?? 0;
      histogram.#buckets[json.buckets[i] ?? 0] = count;
      histogram.#count += count;
    }
    histogram.#sum = json.sum;
    histogram.#min = histogram.#count === 0 ? Infinity : json.min;
    histogram.#max = json.max;
    return histogram;
  }
}

/** Values below 1,024 units have a bucket each; above, the top eleven bits choose it. */
function bucketOf(us: number): number {
  const units = Math.floor(us / UNIT_US);
  if (units < SUB_BUCKETS) return units;
  const octave = Math.min(31 - Math.clz32(Math.min(units, 0xffff_ffff)), OCTAVES + SUB_BITS - 1);
  const sub = Math.min(SUB_BUCKETS - 1, Math.floor(units / 2 ** (octave - SUB_BITS)) - SUB_BUCKETS);
  return SUB_BUCKETS * (octave - SUB_BITS + 1) + sub;
}

function middleOf(index: number): number {
  if (index < SUB_BUCKETS) return (index + 0.5) * UNIT_US;
  const octave = Math.floor(index / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (index % SUB_BUCKETS) + 0.5) * 2 ** octave * UNIT_US;
}
