// The receiver of every workload: answers what is echoed, counts what flows, notes when values of a stream came.
// Decides when it reports back, never when a run ends: its input does.

import { Back, Channel, type Endpoint, MessageView, Phase } from "./endpoint.ts";
import { nowUs } from "./clock.ts";
import { Samples, STREAM_COLUMNS } from "./samples.ts";

const MAX_STREAM_ROWS = 200_000;
/** The clock is read once in so many messages of a flow. */
const CLOCK_EVERY = 32;

/** What a run measures, as both ends are told. */
export interface Measure {
  readonly bytes: number;
  readonly warmUpUs: number;
  readonly measureUs: number;
  /** A sender is at most so many messages of a flow ahead of the receiver's count. */
  readonly window: number;
  readonly bulkBytes: number;
  readonly chunkBytes: number;
  readonly transfers: number;
}

/** Handles messages of one run. */
export class Receiver {
  readonly rows = new Samples(STREAM_COLUMNS, MAX_STREAM_ROWS);
  readonly #view = new MessageView();
  readonly #report = new Uint8Array(32);
  #endpoint: Endpoint | null = null;
  #flowCount = 0;
  #highest = -1;
  #firstUs = 0;
  #from: { count: number; us: number; highest: number } | null = null;
  #to: { count: number; us: number; highest: number } | null = null;
  #bulkBytes = 0;
  #reportedBulkBytes = 0;

  constructor(private readonly measure: Measure) {}

  attach(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  /** Messages of the measured part of a flow, and what it took. */
  get flow(): { messages: number; us: number; sent: number } {
    if (this.#from === null || this.#to === null) return { messages: 0, us: 0, sent: 0 };
    return {
      messages: this.#to.count - this.#from.count,
      us: this.#to.us - this.#from.us,
      sent: this.#to.highest - this.#from.highest,
    };
  }

  onMessage(channel: number, bytes: Uint8Array): void {
    if (channel === Channel.flow) this.#onFlow(bytes);
    else if (channel === Channel.stream) this.#onStream(bytes);
    else if (channel === Channel.bulk) this.#onBulk(bytes);
    else if (channel === Channel.echo) {
      // What arrived is valid during the call alone; `slice` of a Buffer of Node would be no copy.
      void this.#endpoint?.send(Channel.echo, new Uint8Array(bytes));
      void this.#endpoint?.flush();
    }
  }

  #onFlow(bytes: Uint8Array): void {
    const count = ++this.#flowCount;
    const highest = this.#view.use(bytes).number;
    if (highest > this.#highest) this.#highest = highest;
    if (count % CLOCK_EVERY === 1) this.#readClock(count);
    if (count % (this.measure.window >> 2) === 0) this.#tell(Back.count, this.#highest + 1);
  }

  #readClock(count: number): void {
    if (this.#to !== null) return;
    const us = nowUs();
    if (this.#firstUs === 0) this.#firstUs = us;
    const sinceUs = us - this.#firstUs;
    if (this.#from === null) {
      if (sinceUs >= this.measure.warmUpUs) this.#from = { count, us, highest: this.#highest };
    } else if (sinceUs >= this.measure.warmUpUs + this.measure.measureUs) {
      this.#to = { count, us, highest: this.#highest };
    }
  }

  #onStream(bytes: Uint8Array): void {
    const view = this.#view.use(bytes);
    if (view.phase === Phase.end) return;
    this.rows.addStream(view.number, view.phase, view.dueUs, view.sentUs, nowUs());
  }

  #onBulk(bytes: Uint8Array): void {
    this.#bulkBytes += bytes.length;
    const due = this.#bulkBytes - this.#reportedBulkBytes >= 4 * this.measure.chunkBytes ||
      this.#bulkBytes % this.measure.bulkBytes === 0;
    if (!due) return;
    this.#reportedBulkBytes = this.#bulkBytes;
    this.#tell(Back.bytes, this.#bulkBytes);
  }

  /** Kind, value, and when it became so. */
  #tell(kind: number, value: number): void {
    // A copy of its own: who sends it may keep it.
    const report = this.#report.slice();
    const view = new DataView(report.buffer);
    view.setUint8(0, kind);
    view.setFloat64(8, value, true);
    view.setFloat64(16, nowUs(), true);
    void this.#endpoint?.send(Channel.back, report);
    void this.#endpoint?.flush();
  }
}
