// How busy a node is, in the few small numbers that a heartbeat carries.
// Decides their form in a datagram, and which changes are worth telling before the next beat (discovery research 6.4: ten
// points or ten percent, four times a second at most). Never measures (the platform does) and never sends.

/** Live load of a machine; null where it does not say. */
export interface Availability {
  /** Of all processors together, 0 to 100. */
  readonly cpuPercent: number | null;
  /** Of the busiest graphics card, 0 to 100. */
  readonly gpuPercent: number | null;
  /** What programs could still take, in MiB. */
  readonly memoryFreeMb: number | null;
  /** Of the graphics card that has most, in MiB. */
  readonly vramFreeMb: number | null;
}

/** Places in a datagram; the fifth is kept for the number of renders. */
const ORDER = ["cpuPercent", "gpuPercent", "memoryFreeMb", "vramFreeMb"] as const;
const MAX_FIGURES = 5;
const UNKNOWN = -1;
/** A figure is a small integer; 64 TiB of memory are no machine of a show. */
const MAX_FIGURE = 2 ** 26;

/** A change of so much is told: points of a percentage, or percent of an amount. */
const TELL_PERCENT = 10;
/** Amounts that are nearly nothing change by ten percent all the time. */
const TELL_MB = 64;
/** Least time between two tellings, in µs: four a second. */
const MIN_GAP_US = 250_000;

/** The figures of a datagram: integers, −1 for what is not known, unknown ones at the end left out. */
export function encodeAvailability(availability: Availability): number[] {
  const figures = ORDER.map((key) => {
    const value = availability[key];
    if (value === null || !Number.isFinite(value)) return UNKNOWN;
    const most = key.endsWith("Percent") ? 100 : MAX_FIGURE;
    return Math.min(most, Math.max(0, Math.round(value)));
  });
  while (figures.at(-1) === UNKNOWN) figures.pop();
  return figures;
}

/** What figures say; null when none of them says anything. A figure that cannot be is one that is not known. */
export function decodeAvailability(figures: readonly unknown[]): Availability | null {
  if (figures.length > MAX_FIGURES) return null;
  const at = (index: number, most: number): number | null => {
    const value = figures[index];
    return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most ? value : null;
  };
  const decoded: Availability = {
    cpuPercent: at(0, 100),
    gpuPercent: at(1, 100),
    memoryFreeMb: at(2, MAX_FIGURE),
    vramFreeMb: at(3, MAX_FIGURE),
  };
  return ORDER.every((key) => decoded[key] === null) ? null : decoded;
}

/** Whether the change from `before` to `after` is worth telling at once. */
export function isWorthTelling(before: Availability, after: Availability): boolean {
  return ORDER.some((key) => {
    const a = before[key];
    const b = after[key];
    if (a === null || b === null) return a !== b;
    const change = Math.abs(b - a);
    return key.endsWith("Percent")
      ? change >= TELL_PERCENT
      : change >= TELL_MB && change * 100 >= TELL_PERCENT * Math.max(a, b);
  });
}

/** Lets through what is worth telling, and that not too often. */
export class AvailabilityGate {
  #told: Availability | null = null;
  #toldUs = -Infinity;
  #waiting: Availability | null = null;
  /** Samples that were not worth telling, or were overtaken by a later one while they waited. */
  held = 0;

  /** Takes a sample in. */
  handleSample(nowUs: number, sample: Availability): void {
    if (this.#waiting !== null) this.held++;
    const isNews = this.#told === null
      ? ORDER.some((key) => sample[key] !== null)
      : isWorthTelling(this.#told, sample);
    if (!isNews) this.held++;
    this.#waiting = isNews ? sample : null;
    // A clock that started anew must not silence us.
    if (nowUs < this.#toldUs) this.#toldUs = -Infinity;
  }

  /** What is to be told now; null when nothing is. */
  pollTell(nowUs: number): Availability | null {
    const due = this.nextUs();
    if (due === null || nowUs < due) return null;
    this.#told = this.#waiting;
    this.#toldUs = nowUs;
    this.#waiting = null;
    return this.#told;
  }

  /** When {@linkcode pollTell} has something to tell; null while nothing waits. */
  nextUs(): number | null {
    return this.#waiting === null ? null : Math.max(0, this.#toldUs + MIN_GAP_US);
  }
}
