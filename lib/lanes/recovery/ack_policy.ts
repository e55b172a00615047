// When an acknowledgement is due: at once, after so many packets, or after so long (lanes research 4.2).
// Decides the moment alone; never what it says, and never asks for one because of an acknowledgement.

/** What a packet asks for: nothing, an acknowledgement some time, one soon. */
export const Eliciting = {
  /** Acknowledgements, padding, reports, goodbyes. */
  none: 0,
  /** Only unreliable messages. */
  lazy: 1,
  /** Anything that is sent again when it is lost, or a question. */
  prompt: 2,
} as const;

/** How long an acknowledgement of what matters is held back. */
export const MAX_PROMPT_ACK_DELAY_US = 5_000;
/** And of unreliable messages alone. */
export const MAX_LAZY_ACK_DELAY_US = 25_000;

/** One for ten packets costs a tenth of the completion time and saves four fifths of the acknowledgements (research 1). */
const PROMPT_PACKETS = 10;
const LAZY_PACKETS = 32;
/** A new or newly awake sender knows nothing of the path yet, and may send little until it does. */
const WAKING_PROMPT_PACKETS = 2;
const WAKING_PACKETS = 32;
const IDLE_US = 1_000_000;
/** Big packets of a stream are told as often as small ones of a datagram path are: what lies in the kernel is bounded. */
const ACK_BYTES = 16 * 1024;
/**
 * Acknowledgements that somebody asks for are at least this far apart. Others wait for nothing: a timer of 2.1 ms between
 * them would hold a fast sender to a window in that time.
 */
const MIN_INTERVAL_US = 250;

/** Unreliable messages alone are acknowledged so often at most by packets that go the other way anyway. */
const RIDE_INTERVAL_US = 1_000;

/** Delays other than the usual ones; both in microseconds. */
export interface AckPolicyOptions {
  readonly promptDelayUs?: number;
  readonly lazyDelayUs?: number;
}

/** Says when to acknowledge. */
export class AckPolicy {
  /** When an acknowledgement must go out, even alone; Infinity for never. */
  dueAtUs = Infinity;
  /** Whether a packet waits for its acknowledgement. */
  hasPending = false;
  readonly #promptDelayUs: number;
  readonly #lazyDelayUs: number;
  #prompt = 0;
  #bytes = 0;
  #eliciting = 0;
  /** Packets since the start or the last idle time, as far as they matter. */
  #awake = 0;
  #lastPacketAtUs = -Infinity;
  #lastAckAtUs = -Infinity;

  constructor(options: AckPolicyOptions = {}) {
    this.#promptDelayUs = options.promptDelayUs ?? MAX_PROMPT_ACK_DELAY_US;
    this.#lazyDelayUs = options.lazyDelayUs ?? MAX_LAZY_ACK_DELAY_US;
  }

  /**
   * A packet came and was taken in.
   *
   * @param number its number
   * @param eliciting 0 nothing, 1 lazy, 2 prompt ({@linkcode Eliciting})
   * @param immediate whether its sender asks for an acknowledgement at once
   * @param outOfOrder whether it made a hole or came into one
   * @param bytes its size; 0 leaves sizes out of account
   */
  onPacket(
    nowUs: number,
    _number: number,
    eliciting: number,
    immediate: boolean,
    outOfOrder: boolean,
    bytes = 0,
  ): void {
    if (nowUs - this.#lastPacketAtUs >= IDLE_US) this.#awake = 0;
    this.#lastPacketAtUs = nowUs;
    // An acknowledgement is never acknowledged, though holes be made of them: two idle ends would never fall silent.
    if (eliciting === Eliciting.none) return;
    this.hasPending = true;
    this.#eliciting++;
    let dueAtUs = nowUs + this.#lazyDelayUs;
    let isEnough = this.#eliciting >= LAZY_PACKETS;
    if (eliciting === Eliciting.prompt) {
      dueAtUs = nowUs + this.#promptDelayUs;
      this.#prompt++;
      const enough = this.#awake < WAKING_PACKETS ? WAKING_PROMPT_PACKETS : PROMPT_PACKETS;
      if (this.#prompt >= enough) isEnough = true;
    }
    this.#bytes += bytes;
    if (this.#bytes >= ACK_BYTES) isEnough = true;
    if (this.#awake < WAKING_PACKETS) this.#awake++;
    // What was received pays for its acknowledgement. What is asked for does not: there are only so many of those.
    if (isEnough) dueAtUs = nowUs;
    else if (immediate || outOfOrder) dueAtUs = Math.max(nowUs, this.#lastAckAtUs + MIN_INTERVAL_US);
    if (dueAtUs < this.dueAtUs) this.dueAtUs = dueAtUs;
  }

  /** An acknowledgement of everything that came so far went out, alone or with other frames. */
  onAckSent(nowUs: number): void {
    this.#lastAckAtUs = nowUs;
    this.#prompt = 0;
    this.#bytes = 0;
    this.#eliciting = 0;
    this.hasPending = false;
    this.dueAtUs = Infinity;
  }

  /**
   * Whether a packet that goes out anyway takes the acknowledgement along: at once where something that matters waits for
   * it, else once a millisecond, since writing and reading one costs as much as a small message.
   */
  ridesAlong(nowUs: number): boolean {
    return this.hasPending && (this.#prompt > 0 || nowUs - this.#lastAckAtUs >= RIDE_INTERVAL_US);
  }

  /** Whether one must go out now. */
  isDue(nowUs: number): boolean {
    return nowUs >= this.dueAtUs;
  }
}
