// The law within one machine: no cable, no queue but the reader's kernel buffer, and delays that are the scheduler's.
// Decides a window and no rate; the acknowledgements pace. A law that steers by delay misfires here, since a busy machine
// lets packets wait for milliseconds that no queue explains (ENet's throttle on localhost is the known case).
// Several senders may share one buffer: loss halves the window, acknowledgements win it back.

import type { CongestionControl, RoundTrip } from "./control.ts";
import { heldBytes, KERNEL_BUFFER_BYTES } from "./kernel_buffer.ts";
import { FULL_PACKET_BYTES } from "./pacer.ts";

/** Four packets are always allowed, so that a lost one is found. */
const MIN_WINDOW_PACKETS = 4;
/** The buffer also holds what others send: acknowledgements, the next probe. */
const SHARE = 0.8;

/** As much as the reader's kernel holds while it does not read. */
export class LoopbackWindow implements CongestionControl {
  readonly name = "loopback-window";
  readonly rateBytesPerSecond = Infinity;
  windowBytes: number;
  readonly nextTickUs = Infinity;
  /** Mean size of what is sent: what a kernel holds depends on it. */
  #meanBytes: number = FULL_PACKET_BYTES;
  #limitBytes: number;
  /** Packets sent before this are told as lost for the same overflow. */
  #judgedFromUs = -1;

  /** @param kernelBufferBytes the memory of the reader's socket; Linux's default unless given */
  constructor(private readonly kernelBufferBytes: number = KERNEL_BUFFER_BYTES) {
    this.#limitBytes = this.#heldBytes();
    this.windowBytes = this.#limitBytes;
  }

  onSent(_nowUs: number, bytes: number, _inFlightBytes: number): void {
    this.#meanBytes += (bytes - this.#meanBytes) / 32;
  }

  onAcked(
    _nowUs: number,
    bytes: number,
    _sentAtUs: number,
    _rtt: RoundTrip,
    _inFlightBytes: number,
    appLimited: boolean,
  ): void {
    this.#limitBytes = this.#heldBytes();
    // A packet more for each window that arrives, as TCP does.
    const won = appLimited ? 0 : this.#meanBytes * bytes / this.windowBytes;
    this.windowBytes = Math.min(this.#limitBytes, this.windowBytes + won);
  }

  onLost(nowUs: number, _bytes: number, sentAtUs: number): void {
    if (sentAtUs < this.#judgedFromUs) return;
    this.#judgedFromUs = nowUs;
    this.windowBytes = Math.max(MIN_WINDOW_PACKETS * this.#meanBytes, this.windowBytes / 2);
  }

  onPto(_nowUs: number): void {}

  onPathChanged(_nowUs: number): void {
    this.#judgedFromUs = -1;
    this.windowBytes = this.#limitBytes;
  }

  handleTick(_nowUs: number): void {}

  #heldBytes(): number {
    const size = Math.max(64, Math.ceil(this.#meanBytes));
    return Math.max(MIN_WINDOW_PACKETS * size, SHARE * heldBytes(this.kernelBufferBytes, size));
  }
}
