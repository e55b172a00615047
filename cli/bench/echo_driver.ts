// Round trips through a channel: at a fixed rate, or one after the other.
// Decides from when a round trip counts: at a fixed rate from the moment at which the message should have been sent,
// so that a stall that delays sending is seen in all messages that it delayed, and not in one (coordinated omission).

import type { EchoChannel } from "./channels.ts";
import type { LatencyHistogram } from "./latency.ts";
import { nowUs, turn } from "./time.ts";

/** How to send. */
export interface EchoPlan {
  /** Messages a second; null sends the next one when the last is answered. */
  readonly ratePerS: number | null;
  readonly durationUs: number;
}

/** What came of it. */
export interface EchoCount {
  readonly sent: number;
  readonly received: number;
  /** Messages that the channel did not take. */
  readonly refused: number;
}

/** Messages under way whose time is remembered. */
const REMEMBERED = 1 << 16;
/** An answer that takes longer counts as lost, in microseconds. */
const LOST_US = 500_000;

/** Measures one channel at a time. */
export class EchoDriver {
  readonly #sinceUs = new Float64Array(REMEMBERED).fill(NaN);
  readonly #payload: Uint8Array;
  readonly #view: DataView;
  #number = 0;
  #received = 0;
  #histogram: LatencyHistogram | null = null;
  #waiting: ((isAnswered: boolean) => void) | null = null;

  constructor(private readonly channel: EchoChannel, size: number) {
    this.#payload = Uint8Array.from({ length: size }, (_, i) => i);
    this.#view = new DataView(this.#payload.buffer);
    channel.onReply = (bytes) => this.#onReply(bytes);
  }

  /** Sends for a while; latencies go into `histogram`. */
  async run(plan: EchoPlan, histogram: LatencyHistogram): Promise<EchoCount> {
    this.#histogram = histogram;
    this.#received = 0;
    this.#sinceUs.fill(NaN);
    const count = plan.ratePerS === null
      ? await this.#closedLoop(plan.durationUs)
      : await this.#atRate(plan.ratePerS, plan.durationUs);
    this.#histogram = null;
    return { ...count, received: this.#received };
  }

  async #atRate(ratePerS: number, durationUs: number): Promise<{ sent: number; refused: number }> {
    const periodUs = 1e6 / ratePerS;
    const total = Math.max(1, Math.round(durationUs / periodUs));
    // The first one is due when the event loop has had a turn.
    const startUs = nowUs() + 2 * periodUs;
    let refused = 0;
    for (let sent = 0; sent < total;) {
      for (let dueUs = startUs + sent * periodUs; sent < total && dueUs <= nowUs();) {
        if (!this.#send(dueUs)) refused++;
        sent++;
        dueUs = startUs + sent * periodUs;
      }
      // A timer is 2 ms late at best (deno-platform research, section 3): turns of the event loop are waited instead.
      await turn();
    }
    const endUs = nowUs() + LOST_US;
    while (this.#received < total - refused && nowUs() < endUs) await turn();
    return { sent: total, refused };
  }

  async #closedLoop(durationUs: number): Promise<{ sent: number; refused: number }> {
    const endUs = nowUs() + durationUs;
    let sent = 0;
    let refused = 0;
    while (nowUs() < endUs) {
      const answered = new Promise<boolean>((resolve) => {
        this.#waiting = resolve;
      });
      sent++;
      if (!this.#send(nowUs())) {
        refused++;
        await turn();
        continue;
      }
      // A timer for each message would cost more than the message: one watches over many.
      this.#watchOver(sent);
      await answered;
    }
    this.#waiting = null;
    clearTimeout(this.#watch);
    this.#watch = undefined;
    return { sent, refused };
  }

  #watch: number | undefined;
  #watchedNumber = 0;
  #watchOver(number: number): void {
    this.#watchedNumber = number;
    if (this.#watch !== undefined) return;
    const began = number;
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      if (this.#watchedNumber === began) this.#settle(false);
      else this.#watchOver(this.#watchedNumber);
    }, LOST_US / 1000);
  }

  #send(sinceUs: number): boolean {
    this.#number = (this.#number + 1) >>> 0;
    this.#view.setUint32(0, this.#number);
    this.#sinceUs[this.#number % REMEMBERED] = sinceUs;
    return this.channel.send(this.#payload);
  }

  #onReply(bytes: Uint8Array): void {
    const number = ((bytes[0] ?? 0) * 0x100_0000) +
      (((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));
    const at = number % REMEMBERED;
    const sinceUs = this.#sinceUs[at] ?? NaN;
    // NaN: answered before, or of an earlier run.
    if (!(sinceUs >= 0) || this.#histogram === null) return;
    this.#sinceUs[at] = NaN;
    this.#received++;
    this.#histogram.record(nowUs() - sinceUs);
    this.#settle(true);
  }

  #settle(isAnswered: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(isAnswered);
  }
}
