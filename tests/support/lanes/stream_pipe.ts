// One direction of a byte stream, in virtual time: everything arrives, in order, at a rate; the kernel takes so much and
// no more. Decides when a frame arrives and when there is room again. Loss of the link below shows as waiting.

import type { Datagram, LinkSpec } from "./link.ts";
import type { Draws } from "./random.ts";

/** What a write to a Unix socket leaves in the kernel before it blocks (research 1). */
const KERNEL_BYTES = 180_000;
/** A lost segment is sent again after about this long. */
const REPAIR_US = 5_000;

/** A stream. */
export class StreamPipe {
  #busyUntilUs = 0;
  #lastArrivalUs = 0;
  #waitingBytes = 0;

  constructor(
    private spec: LinkSpec,
    private readonly random: Draws,
    private readonly deliver: (atUs: number, datagram: Datagram) => void,
  ) {}

  change(spec: LinkSpec): void {
    this.spec = spec;
  }

  canTake(): boolean {
    return this.#waitingBytes < KERNEL_BYTES;
  }

  mtuAt(_nowUs: number): number {
    return Infinity;
  }

  /** The reader has it: there is room again. */
  onRead(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  send(nowUs: number, bytes: Uint8Array, wireBytes: number): "sent" {
    const { delayUs = 0, jitterUs = 0, loss = 0, bytesPerSecond = Infinity, bursts } = this.spec;
    this.#waitingBytes += wireBytes;
    this.#busyUntilUs = Math.max(nowUs, this.#busyUntilUs) + wireBytes * 1e6 / bytesPerSecond;
    let arrivalUs = this.#busyUntilUs + delayUs + Math.abs(this.random.normal()) * jitterUs;
    const lossNow = Math.max(
      loss,
      bursts === undefined ? 0 : bursts.lossBad * bursts.badUs / (bursts.goodUs + bursts.badUs),
    );
    if (this.random.happens(lossNow)) arrivalUs += 2 * delayUs + REPAIR_US;
    for (const stop of [...this.spec.outages ?? [], ...this.spec.holds ?? []]) {
      if (arrivalUs >= stop.fromUs && arrivalUs < stop.toUs) arrivalUs = stop.toUs;
    }
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, Math.round(arrivalUs));
    this.deliver(this.#lastArrivalUs, { bytes, sentAtUs: nowUs, corrupt: false, copy: 0 });
    return "sent";
  }
}
