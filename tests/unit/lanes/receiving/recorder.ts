// A sink that keeps what it gets, and lanes that hand on to it.

import { assert, assertEquals } from "@std/assert";
import {
  type LaneId,
  type LaneKind,
  type LaneSink,
  type LaneStats,
  newLaneStats,
} from "../../../../lib/lanes/mod.ts";
import {
  EndpointBudget,
  type EndpointBudgetOptions,
  ReassemblyBudget,
  type ReassemblyBudgetOptions,
  ReceiveLane,
  type ReceiveLaneOptions,
  receiveLaneOptions,
} from "../../../../lib/lanes/receiving/mod.ts";

export interface Received {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Keeps copies of messages; `onEach` runs inside of each call. */
export class Recorder implements LaneSink {
  readonly received: Received[] = [];
  onEach: (number: number) => void = () => {};

  onMessage(_lane: LaneId, bytes: Uint8Array, start: number, length: number, number: number): void {
    assert(start >= 0 && start + length <= bytes.length);
    this.received.push({ number, bytes: bytes.slice(start, start + length) });
    this.onEach(number);
  }
  onDelivered(): void {}
  onExpired(): void {}
  onLost(): void {}
  onWritable(): void {}
  onOpened(): void {}
  onClosed(): void {}

  get numbers(): number[] {
    return this.received.map(({ number }) => number);
  }
}

export interface TestLaneOptions extends Partial<ReceiveLaneOptions> {
  readonly firstNumber?: number;
  readonly budget?: ReassemblyBudget;
}

/** A lane with its sink, its counters and short words for frames. */
export class TestLane {
  readonly sink = new Recorder();
  readonly stats: LaneStats = newLaneStats();
  readonly budget: ReassemblyBudget;
  readonly lane: ReceiveLane;
  nowUs = 0;

  constructor(kind: LaneKind, options: TestLaneOptions = {}) {
    const { firstNumber = 0, budget = new ReassemblyBudget(), ...rest } = options;
    this.budget = budget;
    const all = {
      ...receiveLaneOptions(16 as LaneId, kind, kind === "unreliable-sequenced", rest.maxMessageBytes),
      ...rest,
    };
    this.lane = new ReceiveLane(all, budget, this.sink, this.stats, firstNumber);
  }

  /** A whole message; returns the lane's code. */
  whole(number: number, bytes: Uint8Array, key = -1): number {
    // Not at the start of its packet, as in life.
    const packet = new Uint8Array(bytes.length + 7);
    packet.set(bytes, 5);
    const code = this.lane.handleData(this.nowUs, number % 2 ** 32, key, 0, -1, packet, 5, bytes.length);
    packet.fill(0xee); // the packet's buffer is used again
    return code;
  }

  /** Bytes [offset, end) of a message. */
  piece(number: number, bytes: Uint8Array, offset: number, end: number, key = -1): number {
    const packet = new Uint8Array(end - offset + 3);
    packet.set(bytes.subarray(offset, end), 3);
    const code = this.lane.handleData(
      this.nowUs,
      number % 2 ** 32,
      key,
      offset,
      bytes.length,
      packet,
      3,
      end - offset,
    );
    packet.fill(0xee);
    return code;
  }

  skip(number: number): number {
    return this.lane.handleSkip(number % 2 ** 32);
  }

  /** Closes the lane; nothing may be left of it in the budget. */
  closeEmpty(): void {
    this.lane.close();
    assertEquals(this.budget.heldBytes, 0);
    assertEquals(this.budget.heldUnreliableBytes, 0);
    assertEquals(this.lane.queuedMessages + this.lane.partialMessages, 0);
  }
}

/** Budgets with small bounds, and the endpoint's own counter. */
export function smallBudget(
  endpoint: Partial<EndpointBudgetOptions>,
  connection: Partial<ReassemblyBudgetOptions> = {},
): { endpoint: EndpointBudget; budget: ReassemblyBudget } {
  const shared = new EndpointBudget(endpoint);
  return { endpoint: shared, budget: new ReassemblyBudget(shared, connection) };
}

/** A message whose bytes say which one it is. */
export function messageOf(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (number % 2 ** 32) ^ Math.imul(length + 1, 0x9e3779b1);
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Numbers `from`, `from + 1`, … */
export function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
