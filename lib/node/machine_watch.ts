// Watches the machine that a node runs on: what it has, and how busy it is.
// Decides when to look and what is worth telling; a machine that tells nothing is asked once. Never waited for: what is
// found comes later, and changes the node's record then.

import { type Availability, AvailabilityGate } from "../discovery/mod.ts";
import type { LoadReader, MachineFacts, Platform, TimerHandle } from "../platform/mod.ts";
import { availabilityOf } from "./resources.ts";

/** A first figure of processor load needs a little time to be one. */
const FIRST_SAMPLE_US = 500_000;
const SAMPLE_US = 2_000_000;
/** Displays are plugged in while a show is set up; looking again is cheap where it can be done at all. */
const FACTS_EVERY_SAMPLES = 15;

/** What is told. Nothing is told after `stop`. */
export interface MachineWatchHandlers {
  /** What the machine has: at first, and whenever that is different from before. */
  onFacts(facts: MachineFacts): void;
  /** How busy it is, when that changed by as much as is worth telling. */
  onAvailability(availability: Availability): void;
}

/** One node's view of its machine. */
export class MachineWatch {
  readonly #platform: Platform;
  readonly #handlers: MachineWatchHandlers;
  readonly #gate = new AvailabilityGate();
  #factsText = "{}";
  #reader: LoadReader | null = null;
  #timer: TimerHandle | null = null;
  #samples = 0;
  #isStopped = false;
  #latest: Availability | null = null;

  constructor(platform: Platform, handlers: MachineWatchHandlers) {
    this.#platform = platform;
    this.#handlers = handlers;
  }

  /** How busy the machine was when it was looked at last; null before that, or when it does not tell. */
  get latest(): Availability | null {
    return this.#latest;
  }

  /** Starts watching, without waiting for anything. */
  start(): void {
    void this.#platform.hardware.read().then((facts) => {
      if (this.#isStopped) return;
      this.#takeFacts(facts);
      this.#reader = this.#platform.hardware.openLoad();
      if (this.#reader !== null || this.#factsText !== "{}") this.#schedule(FIRST_SAMPLE_US);
    });
  }

  /** Ends it. Harmless twice. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#reader?.close();
    this.#reader = null;
  }

  #schedule(afterUs: number): void {
    const { clock, timers } = this.#platform;
    this.#timer = timers.schedule(clock.nowUs() + afterUs, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#schedule(SAMPLE_US);
    this.#sample();
    if (++this.#samples % FACTS_EVERY_SAMPLES !== 0) return;
    void this.#platform.hardware.read().then((facts) => {
      if (!this.#isStopped) this.#takeFacts(facts);
    });
  }

  #sample(): void {
    if (this.#reader === null) return;
    const sample = availabilityOf(this.#reader.read());
    this.#latest = sample;
    const nowUs = this.#platform.clock.nowUs();
    this.#gate.handleSample(nowUs, sample);
    const told = this.#gate.pollTell(nowUs);
    if (told !== null) this.#handlers.onAvailability(told);
  }

  #takeFacts(facts: MachineFacts): void {
    const text = JSON.stringify(facts);
    if (text === this.#factsText) return;
    this.#factsText = text;
    this.#handlers.onFacts(facts);
  }
}
