// The sender of every workload. Decides how far it may be ahead, what it waits for, and when it gives a message up;
// never how a message travels. Nothing here is faster or slower for one peer than for another.

import { setImmediate } from "node:timers";
import { nowUs } from "./clock.ts";
import { Back, Channel, type Endpoint, MessageView, Phase } from "./endpoint.ts";
import type { Measure } from "./receiving.ts";
import { Samples } from "./samples.ts";
import { startTicker } from "./ticker.ts";

const PERIOD_US = 1_000;
const MAX_TRIPS = 400_000;
/** An answer that did not come until then was lost: the next one is asked for. */
const TRIP_LOST_MS = 250;
/** A window that did not move for so long is forgotten: what was in it was lost. */
const STALL_MS = 100;
const WATCH_MS = 20;
/** Messages between two looks at what came in. */
const BATCH = 256;
/** Bytes of a transfer that may be ahead of the receiver's count, whatever the peer would queue. */
const BULK_WINDOW_BYTES = 1 << 20;
/** A transfer that takes longer is given up. */
const TRANSFER_LIMIT_MS = 40_000;

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Sends one run. */
export class Sender {
  readonly trips = new Samples(1, MAX_TRIPS);
  readonly #view = new MessageView();
  #endpoint: Endpoint | null = null;
  #waiting: ((hasCome: boolean) => void) | null = null;
  #wakeByUs = 0;
  #echoed = 0;
  #counted = 0;
  #countedBytes = 0;
  #countedAtUs = 0;

  constructor(private readonly measure: Measure) {
    setInterval(() => {
      if (this.#waiting !== null && nowUs() >= this.#wakeByUs) this.#wake(false);
    }, WATCH_MS);
  }

  attach(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  onMessage(channel: number, bytes: Uint8Array): void {
    if (channel === Channel.echo) {
      this.#echoed = this.#view.use(bytes).number;
    } else if (channel === Channel.back) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const value = view.getFloat64(8, true);
      if (view.getUint8(0) === Back.count) this.#counted = Math.max(this.#counted, value);
      else if (value > this.#countedBytes) {
        this.#countedBytes = value;
        this.#countedAtUs = view.getFloat64(16, true);
      }
    }
    this.#wake(true);
  }

  /** Round trips one after the other. */
  async echo(): Promise<Record<string, unknown>> {
    const message = new Uint8Array(this.measure.bytes);
    const view = new MessageView();
    const startUs = nowUs();
    const endUs = startUs + this.measure.warmUpUs + this.measure.measureUs;
    let lost = 0;
    for (let number = 1;; number++) {
      view.use(message).number = number;
      const sentUs = nowUs();
      if (sentUs >= endUs) break;
      await this.#send(Channel.echo, message);
      while (this.#echoed !== number) {
        if (!await this.#woken(TRIP_LOST_MS) && this.#echoed !== number) break;
      }
      if (this.#echoed !== number) lost++;
      else if (sentUs - startUs >= this.measure.warmUpUs) this.trips.add(nowUs() - sentUs);
    }
    return { lost };
  }

  /** As many messages as the receiver takes. */
  async flow(): Promise<Record<string, unknown>> {
    const { window, bytes, warmUpUs, measureUs } = this.measure;
    // A message stays as it is until the receiver has counted it: so many are needed, and no more.
    const messages = Array.from({ length: window + BATCH }, () => new Uint8Array(bytes));
    const view = new MessageView();
    const endUs = nowUs() + warmUpUs + measureUs + 300_000;
    let sent = 0;
    let stalls = 0;
    while (nowUs() < endUs) {
      const until = Math.min(sent + Math.min(BATCH, window >> 2), this.#counted + window);
      while (sent < until) {
        const message = messages[sent % messages.length] ?? new Uint8Array(bytes);
        view.use(message).number = sent++;
        const waiting = this.#endpoint?.send(Channel.flow, message);
        if (waiting !== undefined) await waiting;
      }
      const flushed = this.#endpoint?.flush();
      if (flushed !== undefined) await flushed;
      await turn();
      while (sent - this.#counted >= window && nowUs() < endUs) {
        if (await this.#woken(STALL_MS)) continue;
        stalls++;
        this.#counted = sent;
      }
    }
    return { sent, stalls };
  }

  /** A value a millisecond, alone. */
  async stream(): Promise<Record<string, unknown>> {
    const { warmUpUs, measureUs } = this.measure;
    const ticks = Math.round((warmUpUs + measureUs) / PERIOD_US);
    const phaseOf = (number: number): number => number * PERIOD_US < warmUpUs ? Phase.warmUp : Phase.before;
    await this.#startStream(ticks, phaseOf).done;
    return { ticks };
  }

  /** A value a millisecond, first alone, then beside transfers one after the other until both took their time. */
  async mixed(): Promise<Record<string, unknown>> {
    const { warmUpUs, measureUs } = this.measure;
    let phase: number = Phase.warmUp;
    const stream = this.#startStream(Infinity, () => phase);
    await sleep(warmUpUs / 1e3);
    phase = Phase.before;
    await sleep(measureUs / 1e3);
    phase = Phase.during;
    const startUs = nowUs();
    const transfers: (number | null)[] = [];
    do {
      transfers.push(await this.#transfer());
    } while (nowUs() - startUs < measureUs && transfers.at(-1) !== null);
    phase = Phase.end;
    stream.stop();
    await stream.done;
    return { transfersUs: transfers };
  }

  /** A value a millisecond; then single large messages, each when the last one has arrived. */
  async loss(): Promise<Record<string, unknown>> {
    const { ticks } = await this.stream();
    const transfers: (number | null)[] = [];
    for (let i = 0; i < this.measure.transfers; i++) {
      await sleep(200);
      transfers.push(await this.#transfer());
      if (transfers.at(-1) === null) break;
    }
    return { ticks, transfersUs: transfers };
  }

  /** From the first byte sent until the receiver had the last, by its own clock; null when it was given up. */
  async #transfer(): Promise<number | null> {
    const { bulkBytes, chunkBytes } = this.measure;
    const target = this.#countedBytes + bulkBytes;
    const startUs = nowUs();
    const endUs = startUs + TRANSFER_LIMIT_MS * 1e3;
    let sent = this.#countedBytes;
    while (sent < target) {
      const length = Math.min(chunkBytes, target - sent);
      await this.#send(Channel.bulk, new Uint8Array(length));
      sent += length;
      await turn();
      while (sent - this.#countedBytes >= Math.max(BULK_WINDOW_BYTES, chunkBytes) && sent < target) {
        await this.#woken(STALL_MS);
        if (nowUs() > endUs) return null;
      }
    }
    while (this.#countedBytes < target) {
      await this.#woken(STALL_MS);
      if (nowUs() > endUs) return null;
    }
    return this.#countedAtUs - startUs;
  }

  #startStream(ticks: number, phaseOf: (number: number) => number) {
    const ring = Array.from({ length: 4096 }, () => new Uint8Array(this.measure.bytes));
    const view = new MessageView();
    let number = 0;
    return startTicker({ startUs: nowUs() + 50_000, periodUs: PERIOD_US, ticks }, (dueUs) => {
      const message = ring[number % ring.length] ?? new Uint8Array(this.measure.bytes);
      view.use(message).number = number;
      view.phase = phaseOf(number++);
      view.setTimes(dueUs, nowUs());
      // A peer that asks to wait is not waited for: the next value is due whatever it does.
      void this.#endpoint?.send(Channel.stream, message);
      void this.#endpoint?.flush();
    });
  }

  async #send(channel: number, message: Uint8Array): Promise<void> {
    const waiting = this.#endpoint?.send(channel, message);
    if (waiting !== undefined) await waiting;
    const flushed = this.#endpoint?.flush();
    if (flushed !== undefined) await flushed;
  }

  /** Whether something came from the receiver within that time. No timer of its own: that would cost every trip. */
  #woken(limitMs: number): Promise<boolean> {
    this.#wakeByUs = nowUs() + limitMs * 1e3;
    return new Promise((resolve) => this.#waiting = resolve);
  }

  #wake(hasCome: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(hasCome);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
