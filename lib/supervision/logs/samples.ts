// How a program fared in its last minute: one sample a second.

import type { ResourceSample } from "../model/mod.ts";

const SAMPLES = 60;

/** The newest 60 samples. */
export class SampleRing {
  readonly #samples: ResourceSample[] = [];
  #next = 0;

  /** Adds a sample in place of the oldest. */
  add(sample: ResourceSample): void {
    this.#samples[this.#next] = sample;
    this.#next = (this.#next + 1) % SAMPLES;
  }

  /** All that are kept, oldest first. */
  list(): ResourceSample[] {
    return this.#samples.length < SAMPLES
      ? this.#samples.slice()
      : [...this.#samples.slice(this.#next), ...this.#samples.slice(0, this.#next)];
  }

  /** The newest; null where there is none. */
  get newest(): ResourceSample | null {
    return this.#samples[(this.#next + SAMPLES - 1) % SAMPLES] ?? null;
  }

  /** Forgets all: a new run begins. */
  clear(): void {
    this.#samples.length = 0;
    this.#next = 0;
  }
}
