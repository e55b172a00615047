// What every part of a simulated world stands on: the event queue, the one true time, randomness, the log.
// Decides that bytes handed to a callback are gone after it, as they are on a machine.
// Knows nothing of networks or hosts.

import { HanaError } from "../../base/mod.ts";
import { EventQueue, type QueuedEvent } from "../event_queue.ts";
import { callbackError, EventLog } from "./event_log.ts";
import type { FrameTap } from "./frame_tap.ts";
import { SimulatedRandom } from "./random.ts";

/** The largest piece that a stream hands to its owner, as on a machine. */
export const MAX_PIECE_BYTES = 64 * 1024;

/** Datagrams are shorter than this. */
const SMALL_BYTES = 2049;

/** What the lent buffer holds between two callbacks: a handler that kept its bytes reads this. */
const POISON = 0xdd;

/** Told of an exception that a callback let out. */
export type CrashHook = (error: HanaError) => void;

/** Queue, time, randomness and log of a world. */
export class Engine {
  /** Microseconds since the world began. */
  nowUs = 0;
  readonly log = new EventLog();
  /** Told of every frame; null costs nothing. */
  frameTap: FrameTap | null = null;
  readonly random: SimulatedRandom;
  readonly #queue = new EventQueue();
  readonly #lent = new Uint8Array(MAX_PIECE_BYTES);
  /** Views of the lent buffer by their length: one is handed out at a time. */
  readonly #views: Uint8Array[] = new Array(SMALL_BYTES);
  readonly #onCrash: CrashHook;
  readonly #maxAtOnce: number;
  #atOnce = 0;
  /** Events that ran. */
  ran = 0;

  constructor(seed: number, onCrash: CrashHook, maxAtOnce: number) {
    this.#maxAtOnce = maxAtOnce;
    this.random = new SimulatedRandom(seed, "");
    this.#onCrash = onCrash;
  }

  /** Runs `run` at `atUs`, now at the earliest. */
  at(atUs: number, run: () => void): QueuedEvent {
    return this.#queue.push(Math.max(atUs, this.nowUs), run);
  }

  /** Runs `run` in `delayUs`. */
  after(delayUs: number, run: () => void): QueuedEvent {
    return this.#queue.push(this.nowUs + delayUs, run);
  }

  /** Forgets an event. */
  cancel(event: QueuedEvent): void {
    this.#queue.cancel(event);
  }

  /** When the next event is due; Infinity when there is none. */
  nextAtUs(): number {
    return this.#queue.nextAtUs();
  }

  /**
   * Jumps to the next event and runs it; false when none is due by `limitUs`.
   * Throws `internal` when so many events ran at one instant that time seems to stand still.
   */
  runDue(limitUs: number): boolean {
    const event = this.#queue.popDue(limitUs);
    if (event === null) return false;
    if (event.atUs > this.nowUs) {
      this.nowUs = event.atUs;
      this.#atOnce = 0;
    } else if (++this.#atOnce > this.#maxAtOnce) {
      throw new HanaError("internal", {
        what: `time stands still at ${this.nowUs} us`,
        why: `${this.#maxAtOnce} events ran at this one instant`,
      });
    }
    const run = event.run;
    event.run = null;
    this.ran++;
    try {
      run?.();
    } catch (thrown) {
      this.crash(thrown, "an event");
    }
    return true;
  }

  /** A copy of `bytes` that lasts until {@linkcode takeBack}. One at a time: callbacks never nest. */
  lend(bytes: Uint8Array): Uint8Array {
    if (bytes.length > this.#lent.length) return bytes.slice();
    this.#lent.set(bytes);
    if (bytes.length >= SMALL_BYTES) return this.#lent.subarray(0, bytes.length);
    return this.#views[bytes.length] ??= this.#lent.subarray(0, bytes.length);
  }

  /** Spoils what was lent. */
  takeBack(lent: Uint8Array): void {
    lent.fill(POISON);
  }

  /** Notes an exception of a callback whose owner hears of it another way. */
  fault(thrown: unknown, where: string): HanaError {
    this.log.record(this.nowUs, "crash", "", where, 0);
    return callbackError(thrown, where);
  }

  /** Notes and reports an exception that a callback let out. */
  crash(thrown: unknown, where: string): void {
    this.#onCrash(this.fault(thrown, where));
  }
}
