// One datagram on its way to many.
// Decides the order in which receivers of one instant hear it; never who they are or whether it arrives.

import type { Engine } from "./engine.ts";
import type { Frame } from "./frame.ts";
import type { SimulatedInterface } from "./network.ts";

/** Interfaces on one segment at most. */
const MAX_RECEIVERS = 65536;

/**
 * One frame on its way to many receivers: one event in the queue at a time, for all who hear it at the same instant.
 * The cost of a beacon is then its handlers, not the queue (simulation research 1.8).
 */
export class FanOut {
  readonly #engine: Engine;
  readonly #frame: Frame;
  readonly #sentUs: number;
  readonly #run = (): void => this.#deliver();
  #targets: SimulatedInterface[] = [];
  #delays: number[] = [];
  #isSorted = true;
  #next = 0;

  constructor(engine: Engine, frame: Frame) {
    this.#engine = engine;
    this.#frame = frame;
    this.#sentUs = engine.nowUs;
  }

  /** One receiver more. */
  add(target: SimulatedInterface, delayUs: number): void {
    const last = this.#delays.length - 1;
    if (last >= 0 && delayUs < (this.#delays[last] ?? 0)) this.#isSorted = false;
    this.#targets.push(target);
    this.#delays.push(delayUs);
  }

  /** Lets the frame go. Receivers of one instant hear it in the order of their plugging in. */
  start(): void {
    if (!this.#isSorted) this.#sort();
    this.#plan();
  }

  #sort(): void {
    const count = this.#delays.length;
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = (this.#delays[i] ?? 0) * MAX_RECEIVERS + i;
    keys.sort();
    const targets: SimulatedInterface[] = [];
    const delays: number[] = [];
    for (const key of keys) {
      const target = this.#targets[key % MAX_RECEIVERS];
      if (target === undefined) continue;
      targets.push(target);
      delays.push(Math.floor(key / MAX_RECEIVERS));
    }
    this.#targets = targets;
    this.#delays = delays;
  }

  #plan(): void {
    this.#engine.at(this.#sentUs + (this.#delays[this.#next] ?? 0), this.#run);
  }

  #deliver(): void {
    const delayUs = this.#delays[this.#next];
    while (this.#next < this.#delays.length && this.#delays[this.#next] === delayUs) {
      const target = this.#targets[this.#next++];
      if (target !== undefined) target.network.datagrams?.deliver(target, this.#frame);
    }
    if (this.#next < this.#delays.length) this.#plan();
  }
}
