// Finds how large a datagram a path takes: tries the next size with padded probes, and goes back to the base when larger
// ones vanish while smaller ones arrive (RFC 8899; research 4.13). Sizes are UDP payloads in bytes.
// Decides a size and when to probe; never builds a probe, and never counts one as congestion.

/** What every path takes: the padded handshake proved it. */
export const BASE_DATAGRAM_BYTES = 1_200;
/** Ethernet and what tunnels leave of it: IPv6's minimum, common tunnels, 1,500 without IPv6 and UDP headers. */
export const STANDARD_STEPS: readonly number[] = [1_280, 1_372, 1_452];
/** Where switches and cards are set to 9,000. */
export const JUMBO_STEPS: readonly number[] = [...STANDARD_STEPS, 4_052, 8_900];
/**
 * Within one machine the loopback takes 65,507 B, but the reader's kernel charges blocks of powers of two (kernel_buffer.ts):
 * 7,600 B fill one of 8 KiB, so that 190 kB fit its buffer; of 8,900 B only 107 kB do.
 */
export const LOOPBACK_STEPS: readonly number[] = [1_452, 7_600];

const SECOND_US = 1_000_000;
/** A probe about which nobody says anything is lost. */
const PROBE_TIMEOUT_US = 5 * SECOND_US;
/** Ordinary loss is a mean over so many packets. */
const MEAN_PACKETS = 256;
/** Losses that chance explains less often than this are none of chance. */
const CHANCE = 1e-6;

/** Options of {@linkcode MtuSearch}. */
export interface MtuSearchOptions {
  readonly baseBytes?: number;
  /** Sizes to try, rising. */
  readonly steps?: readonly number[];
  /** Tries of one size. */
  readonly tries?: number;
  /** After a search that ended, or found its limit. */
  readonly rerunUs?: number;
  /** After a black hole. */
  readonly retryUs?: number;
  /** Losses in a row of packets above the base, on a path that otherwise loses nothing, that make a black hole. */
  readonly blackHoleLosses?: number;
}

/** The search for one path. */
export class MtuSearch {
  /** What a packet may have now. */
  sizeBytes: number;
  /** When `pollProbe` may have something; Infinity when all is said. */
  nextAtUs: number;
  /** Times that larger packets vanished. */
  blackHoles = 0;
  /** Probes asked for. */
  probes = 0;

  readonly #baseBytes: number;
  readonly #steps: readonly number[];
  readonly #tries: number;
  readonly #rerunUs: number;
  readonly #retryUs: number;
  readonly #blackHoleLosses: number;
  /** The step being tried. */
  #step = 0;
  #tried = 0;
  /** The size of a probe on its way, 0 for none. */
  #probing = 0;
  /** Loss events of large packets since one of them arrived. */
  #losses = 0;
  #lostAtUs = -1;
  /** Large packets lost since one arrived, however they count. */
  #lostInRow = 0;
  /** A small packet arrived since the last of these. */
  #smallArrived = false;
  /** The share of packets that are lost in ordinary times, and of how many it is the mean. */
  #usualLoss = 0;
  #noted = 0;

  constructor(nowUs: number, options: MtuSearchOptions = {}) {
    this.#baseBytes = options.baseBytes ?? BASE_DATAGRAM_BYTES;
    this.#steps = options.steps ?? STANDARD_STEPS;
    this.#tries = options.tries ?? 3;
    this.#rerunUs = options.rerunUs ?? 600 * SECOND_US;
    this.#retryUs = options.retryUs ?? 60 * SECOND_US;
    this.#blackHoleLosses = options.blackHoleLosses ?? 3;
    this.sizeBytes = this.#baseBytes;
    this.nextAtUs = nowUs;
    this.#begin(nowUs);
  }

  /** The size of a datagram to probe with now, 0 for none. The caller sends it, or asks again later. */
  pollProbe(nowUs: number): number {
    if (nowUs < this.nextAtUs) return 0;
    if (this.#probing > 0) {
      this.onProbe(nowUs, this.#probing, false);
      if (nowUs < this.nextAtUs) return 0;
    }
    if (this.#step >= this.#steps.length) this.#begin(nowUs);
    const size = this.#steps[this.#step];
    if (size === undefined) {
      this.nextAtUs = Infinity;
      return 0;
    }
    this.#probing = size;
    this.#tried++;
    this.probes++;
    this.nextAtUs = nowUs + PROBE_TIMEOUT_US;
    return size;
  }

  /** A probe of `size` arrived or is lost. */
  onProbe(nowUs: number, size: number, acked: boolean): void {
    if (acked && size > this.sizeBytes) {
      this.sizeBytes = size;
      this.#losses = 0;
    }
    if (size !== this.#probing) return; // of an earlier search, or late
    this.#probing = 0;
    this.nextAtUs = nowUs;
    if (acked) {
      this.#step++;
      this.#tried = 0;
    } else if (this.#tried < this.#tries) return;
    else this.#step = this.#steps.length;
    if (this.#step >= this.#steps.length) this.nextAtUs = nowUs + this.#rerunUs;
  }

  /** An ordinary packet of `size` arrived or is lost: looks for a black hole. */
  onPacket(nowUs: number, size: number, acked: boolean): void {
    if (size <= this.#baseBytes) {
      this.#noteLoss(acked ? 0 : 1, 1);
      if (acked) this.#smallArrived = true;
      return;
    }
    if (size > this.sizeBytes) return; // sent before a fall back
    if (acked) {
      this.#noteLoss(this.#lostInRow, this.#lostInRow + 1);
      this.#losses = 0;
      this.#lostInRow = 0;
      this.#smallArrived = false;
      return;
    }
    this.#lostInRow++;
    // Packets lost together are one event: a burst takes neighbours of every size.
    if (nowUs === this.#lostAtUs) return;
    if (this.#losses > 0 && !this.#smallArrived) return;
    this.#lostAtUs = nowUs;
    this.#smallArrived = false;
    this.#losses++;
    if (this.#losses < this.#lossesNeeded()) return;
    this.blackHoles++;
    this.sizeBytes = this.#baseBytes;
    this.#losses = this.#lostInRow = 0;
    this.#step = this.#steps.length;
    this.#probing = 0;
    this.nextAtUs = nowUs + this.#retryUs;
  }

  /** The packets take another path: back to the base, search at once. */
  onPathChanged(nowUs: number): void {
    this.sizeBytes = this.#baseBytes;
    this.#losses = this.#lostInRow = 0;
    this.#usualLoss = this.#noted = 0;
    this.#lostAtUs = -1;
    this.#smallArrived = false;
    this.#begin(nowUs);
  }

  /** Starts at the first size above what is known to pass. */
  #begin(nowUs: number): void {
    this.#step = 0;
    while (this.#step < this.#steps.length && (this.#steps[this.#step] ?? 0) <= this.sizeBytes) this.#step++;
    this.#tried = 0;
    this.#probing = 0;
    this.nextAtUs = this.#step < this.#steps.length ? nowUs : Infinity;
  }

  /** A mean over about 256 packets, over all while there were fewer. Losses that may be a black hole wait for its denial. */
  #noteLoss(lost: number, of: number): void {
    this.#noted = Math.min(MEAN_PACKETS, this.#noted + of);
    this.#usualLoss += (lost - of * this.#usualLoss) / Math.max(of, this.#noted);
  }

  #lossesNeeded(): number {
    if (this.#usualLoss <= 0) return this.#blackHoleLosses;
    return Math.max(
      this.#blackHoleLosses,
      Math.ceil(Math.log(CHANCE) / Math.log(Math.min(0.9, this.#usualLoss))),
    );
  }
}
