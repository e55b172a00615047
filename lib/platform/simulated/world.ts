// A virtual world: hosts on segments, one event queue, one true time that jumps from event to event.
// Decides when what happens; everything in it is repeatable from the seed. Between two events all promises settle,
// so programs may be written with promises and still run the same way twice.

import { HanaError } from "../../base/mod.ts";
import type { RandomStream } from "../mod.ts";
import { type DrainWay, runEvents } from "./drain.ts";
import { type CrashHook, Engine } from "./engine.ts";
import type { EventTap } from "./event_log.ts";
import { type HostOptions, SimulatedHost } from "./host.ts";
import type { FrameTap } from "./frame_tap.ts";
import { Segment, type SegmentOptions } from "./segment.ts";
import type { StreamPieces } from "./stream.ts";

const MAX_EVENTS_AT_ONCE = 1_000_000;

/** What a world is made of. */
export interface WorldOptions {
  /** An integer in 0 … 2^53 − 1; the same seed and program give the same run. */
  readonly seed: number;
  /** How streams cut what arrives: `whole` (the default), or `random` to find code that trusts the cuts. */
  readonly streamPieces?: StreamPieces;
  /** Told of an exception that a callback let out; without it the running `run…` call rejects with it. */
  readonly onCrash?: CrashHook;
  /** Events at one instant before a run rejects, because the time stands still; a million unless given. */
  readonly maxEventsAtOnce?: number;
  /** How promises are settled between events; both ways give the same run. For tests. */
  readonly drain?: DrainWay;
}

/** The world. */
export class SimulatedWorld {
  readonly seed: number;
  readonly #engine: Engine;
  readonly #pieces: StreamPieces;
  readonly #drain: DrainWay;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #segments = new Map<string, Segment>();
  #crash: HanaError | null = null;
  #running = false;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.#pieces = options.streamPieces ?? "whole";
    this.#drain = options.drain ?? "auto";
    this.#engine = new Engine(
      options.seed,
      options.onCrash ?? ((error) => {
        this.#crash ??= error;
      }),
      options.maxEventsAtOnce ?? MAX_EVENTS_AT_ONCE,
    );
  }

  /** Microseconds since the world began. */
  get nowUs(): number {
    return this.#engine.nowUs;
  }

  /** The hosts, in the order of their making. */
  get hosts(): readonly SimulatedHost[] {
    return [...this.#hosts.values()];
  }

  /** Events that were digested so far. */
  get eventCount(): number {
    return this.#engine.log.count;
  }

  /** The digest of everything that happened, 16 hex digits: equal for equal runs. */
  eventDigest(): string {
    return this.#engine.log.digest();
  }

  /** Shows every event from now on to `tap`, or to nobody. */
  tapEvents(tap: EventTap | null): void {
    this.#engine.log.tap = tap;
  }

  /** Shows every frame on a segment from now on to `tap`, or to nobody. */
  tapFrames(tap: FrameTap | null): void {
    this.#engine.frameTap = tap;
  }

  /**
   * The truth: whether frames can pass from one host to the other now. Cuts, clogs, isolation, links that lose
   * everything, pulled cables and missing power count; a frozen host can be talked to. A host with power can always
   * talk to itself.
   */
  canTalk(from: string, to: string): boolean {
    const a = this.#hosts.get(from);
    const b = this.#hosts.get(to);
    if (a === undefined || b === undefined || !a.powered || !b.powered) return false;
    if (a === b) return true;
    for (const out of a.network.interfaces) {
      const segment = out.segment;
      if (segment === null || !out.usable || out.isolated || out.addresses.length === 0) continue;
      for (const target of b.network.interfaces) {
        const isThere = target.segment === segment && target.usable && !target.isolated &&
          target.addresses.length > 0;
        if (isThere && segment.canReach(from, to)) return true;
      }
    }
    return false;
  }

  /** The segments, in the order of their making. */
  get segments(): readonly Segment[] {
    return [...this.#segments.values()];
  }

  /** The host of this name; null when there is none. */
  host(name: string): SimulatedHost | null {
    return this.#hosts.get(name) ?? null;
  }

  /** A random stream of the world's own, for faults and scenarios. */
  random(name: string): RandomStream {
    return this.#engine.random.stream(`world/${name}`);
  }

  /** Makes a segment. Throws `conflict` when the name is taken. */
  createSegment(name: string, options: SegmentOptions = {}): Segment {
    if (this.#segments.has(name)) {
      throw new HanaError("conflict", { what: `segment ${name}`, why: "is there already" });
    }
    const segment = new Segment(this.#engine, name, options);
    this.#segments.set(name, segment);
    return segment;
  }

  /** The segment of this name, made with default settings when there is none. */
  segment(name: string): Segment {
    return this.#segments.get(name) ?? this.createSegment(name);
  }

  /** Makes a host. Throws `conflict` when the name is taken. */
  createHost(options: HostOptions): SimulatedHost {
    if (this.#hosts.has(options.name)) {
      throw new HanaError("conflict", { what: `host ${options.name}`, why: "is there already" });
    }
    const host = new SimulatedHost(options, {
      engine: this.#engine,
      pieces: this.#pieces,
      hostCalled: (name) => this.#hosts.get(name) ?? null,
      segmentCalled: (name) => this.segment(name),
    });
    this.#hosts.set(options.name, host);
    return host;
  }

  /** Plans something of the scenario's own: a fault, a measurement. */
  at(atUs: number, run: () => void): void {
    this.#engine.at(atUs, run);
  }

  /** Runs one event and lets promises settle; false when nothing waits. */
  async step(): Promise<boolean> {
    let ran = false;
    await this.#run(() => {
      if (ran) return false;
      ran = this.#engine.runDue(Infinity);
      return ran;
    });
    return ran;
  }

  /** Runs everything that is due until `atUs`, where the clock then stands. */
  async runUntil(atUs: number): Promise<void> {
    await this.#run(() => this.#engine.runDue(atUs));
    if (this.#engine.nowUs < atUs) this.#engine.nowUs = atUs;
  }

  /** Runs for so many microseconds. */
  async runFor(us: number): Promise<void> {
    await this.runUntil(this.#engine.nowUs + us);
  }

  /** Runs until nothing waits any more; false when that was not so by `limitUs`, where the clock then stands. */
  async runUntilIdle(limitUs: number): Promise<boolean> {
    await this.#run(() => this.#engine.runDue(limitUs));
    const idle = this.#engine.nextAtUs() === Infinity;
    if (!idle && this.#engine.nowUs < limitUs) this.#engine.nowUs = limitUs;
    return idle;
  }

  /** Runs until `condition` holds; false when it did not by `limitUs`. Looked at between any two events. */
  async runUntilTrue(condition: () => boolean, limitUs: number): Promise<boolean> {
    await this.#run(() => !condition() && this.#engine.runDue(limitUs));
    if (condition()) return true;
    if (this.#engine.nowUs < limitUs && limitUs !== Infinity) this.#engine.nowUs = limitUs;
    return false;
  }

  /** Calls `next`, which runs one event, with all promises settled before it, until it returns false. */
  async #run(next: () => boolean): Promise<void> {
    if (this.#running) {
      throw new HanaError("internal", { what: "the world was run twice at once", why: "it has one time" });
    }
    this.#running = true;
    try {
      await runEvents(() => {
        this.#raise();
        return next();
      }, this.#drain);
    } finally {
      this.#running = false;
    }
  }

  #raise(): void {
    const crash = this.#crash;
    this.#crash = null;
    if (crash !== null) throw crash;
  }
}
