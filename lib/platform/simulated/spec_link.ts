// A link that plays a `LinkSpec`: delay, loss, bursts, stalls, rate and queue, copies, overtaking, broken bits.
// Decides in this order: too large, no room in the queue, lost, in a bad spell, then when it arrives. Bursts and stalls
// run with time, from processes of their own, so an outage lasts as long for 1 Hz as for 500 Hz (simulation research
// 1.3). Frames of one direction keep their order unless `reorder` says otherwise, as they do on one cable or radio.

import { type Link, type LinkModel, LOST, type TimeProcess, type Traffic } from "./link.ts";
import type { DelaySpec, FlowSpec, LinkSpec } from "./link_spec.ts";

/** The queue of a link with a rate and no word of its queue: what a small switch holds. */
export const DEFAULT_QUEUE_BYTES = 512_000;

const NO_DELAY: DelaySpec = { kind: "constant", us: 0 };

/** Two states that alternate with time, the good one first, since the world began: whoever asks, whenever. */
class Spells {
  readonly #process: TimeProcess;
  readonly #goodUs: number;
  readonly #badUs: () => number;
  #endsUs: number;
  /** Counts bad spells; also the number of the present one. */
  number = 0;
  isBad = false;

  constructor(process: TimeProcess, goodUs: number, badUs: () => number) {
    this.#process = process;
    this.#goodUs = goodUs;
    this.#badUs = badUs;
    this.#endsUs = process.exponentialUs(goodUs);
  }

  /** Goes on to `nowUs`, which never goes back. */
  advance(nowUs: number): void {
    while (nowUs >= this.#endsUs) {
      this.isBad = !this.isBad;
      if (this.isBad) this.number++;
      this.#endsUs += Math.max(1, this.isBad ? this.#badUs() : this.#process.exponentialUs(this.#goodUs));
    }
  }

  /** When the present state ends. */
  get endsUs(): number {
    return this.#endsUs;
  }
}

/** What one kind of traffic has to itself on one direction. */
class Flow {
  readonly spec: FlowSpec;
  readonly bursts: Spells | null;
  readonly stalls: Spells | null;
  /** The stall whose first frame is gone. */
  stallPaid = 0;
  /** When the rate is free again. */
  readonly rate: { freeUs: number };
  /** When the last frame arrives. */
  lastUs = 0;

  /** @param shared what has the same rate, bursts and stalls, as far as `spec` does not give others */
  constructor(spec: FlowSpec, link: Link, prefix: string, shared: Flow | null) {
    this.spec = spec;
    const { bursts, stall } = spec;
    this.rate = shared !== null && shared.spec.bitsPerSecond === spec.bitsPerSecond
      ? shared.rate
      : { freeUs: 0 };
    if (bursts === undefined) this.bursts = null;
    else if (shared !== null && isSame(shared.spec.bursts, bursts)) this.bursts = shared.bursts;
    else {
      const process = link.processCalled(`${prefix}bursts`);
      this.bursts = new Spells(process, bursts.goodUs, () => process.exponentialUs(bursts.badUs));
    }
    if (stall === undefined) this.stalls = null;
    else if (shared !== null && isSame(shared.spec.stall, stall)) this.stalls = shared.stalls;
    else {
      const process = link.processCalled(`${prefix}stalls`);
      const lengthUs = (): number =>
        stall.minUs + (stall.meanExtraUs > 0 ? process.exponentialUs(stall.meanExtraUs) : 0);
      this.stalls = new Spells(process, stall.everyUs, lengthUs);
    }
  }
}

/** Whether two processes are one: a spec that was written out says the same of both kinds of traffic. */
function isSame<T extends object>(a: T | undefined, b: T): boolean {
  return a !== undefined && Object.entries(b).every(([key, value]) => a[key as keyof T] === value);
}

/** The kinds of traffic of one direction: the same where the spec does not tell them apart. */
interface Flows {
  readonly stream: Flow;
  readonly unicast: Flow;
  readonly group: Flow;
}

/** Plays a {@linkcode LinkSpec}. One may serve any number of links; each direction has a state of its own. */
export class SpecLink implements LinkModel {
  readonly spec: LinkSpec;
  readonly mtuBytes?: number;
  readonly isBlocked: boolean;
  readonly #groupSpec: FlowSpec | null;
  readonly #datagramSpec: FlowSpec | null;
  readonly #makeFlows = (link: Link): Flows => {
    const stream = new Flow(this.spec, link, "", null);
    return {
      stream,
      unicast: this.#datagramSpec === null
        ? stream
        : new Flow(this.#datagramSpec, link, "datagrams/", stream),
      group: this.#groupSpec === null ? stream : new Flow(this.#groupSpec, link, "group/", null),
    };
  };

  constructor(spec: LinkSpec) {
    this.spec = spec;
    const { group, datagrams, ...plain } = spec;
    this.#groupSpec = group === undefined ? null : { ...plain, ...group };
    this.#datagramSpec = datagrams === undefined ? null : { ...plain, ...datagrams };
    if (spec.mtuBytes !== undefined) this.mtuBytes = spec.mtuBytes;
    this.isBlocked = (spec.loss ?? 0) >= 1;
  }

  planUs(link: Link, bytes: number, nowUs: number, traffic: Traffic): number {
    const flow = link.stateOf(this, this.#makeFlows)[traffic];
    const spec = flow.spec;
    let startUs = nowUs;
    if (spec.bitsPerSecond !== undefined) {
      const waitUs = Math.max(0, flow.rate.freeUs - nowUs);
      const queued = waitUs * spec.bitsPerSecond / 8e6;
      const isFull = queued + bytes > (spec.queueBytes ?? DEFAULT_QUEUE_BYTES);
      // A stream would slow down instead; without a congestion window it is let in and waits.
      if (isFull && traffic !== "stream") return LOST;
      flow.rate.freeUs = nowUs + waitUs + bytes * 8e6 / spec.bitsPerSecond;
      startUs = Math.round(flow.rate.freeUs);
    }
    if (spec.loss !== undefined && spec.loss > 0 && link.draw(0, 0) < spec.loss) return LOST;
    if (flow.bursts !== null && spec.bursts !== undefined) {
      flow.bursts.advance(nowUs);
      const share = flow.bursts.isBad ? spec.bursts.lossBad : spec.bursts.lossGood;
      if (share > 0 && link.draw(0, 1) < share) return LOST;
    }
    let atUs = startUs + delayUs(spec.delay ?? NO_DELAY, link, 0);
    if (flow.stalls !== null && spec.stall !== undefined) {
      flow.stalls.advance(nowUs);
      if (flow.stalls.isBad) {
        if (spec.stall.losesFirst && flow.stallPaid !== flow.stalls.number) {
          flow.stallPaid = flow.stalls.number;
          return LOST;
        }
        atUs = Math.max(atUs, flow.stalls.endsUs);
      }
    }
    if (traffic === "stream") {
      if (spec.corrupt !== undefined && spec.corrupt > 0 && link.draw(1, 2) < spec.corrupt) return LOST;
    } else this.#disturb(link, spec, bytes);
    if (
      traffic !== "stream" && spec.reorder !== undefined && spec.reorder.share > 0 &&
      link.draw(1, 0) < spec.reorder.share
    ) return Math.max(atUs, flow.lastUs) + spec.reorder.extraUs - nowUs;
    flow.lastUs = Math.max(atUs, flow.lastUs);
    return flow.lastUs - nowUs;
  }

  #disturb(link: Link, spec: FlowSpec, bytes: number): void {
    if (spec.corrupt !== undefined && spec.corrupt > 0 && link.draw(1, 2) < spec.corrupt) {
      link.flippedBit = Math.floor(link.draw(1, 3) * bytes * 8);
    }
    if (spec.duplicate !== undefined && spec.duplicate > 0 && link.draw(1, 1) < spec.duplicate) {
      link.copyUs = delayUs(spec.delay ?? NO_DELAY, link, 2);
    }
  }
}

/** One delay from draws 2 and 3 of a block, in whole microseconds. */
function delayUs(delay: DelaySpec, link: Link, block: number): number {
  switch (delay.kind) {
    case "constant":
      return delay.us;
    case "uniform":
      return Math.round(delay.minUs + link.draw(block, 2) * (delay.maxUs - delay.minUs));
    case "exponential":
      return Math.round(delay.minUs - Math.log(1 - link.draw(block, 2)) * delay.meanUs);
    case "lognormal": {
      // Box and Muller's transform of two even draws into a normal one.
      const radius = Math.sqrt(-2 * Math.log(1 - link.draw(block, 2)));
      const normal = radius * Math.cos(2 * Math.PI * link.draw(block, 3));
      return Math.round(delay.minUs + delay.medianUs * Math.exp(delay.sigma * normal));
    }
  }
}
