// A sending lane and a receiving lane with a network between them that loses, delays and reorders packets:
// both must agree on credit, on what was skipped, and on the newest value of each key.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  isReliable,
  LANE_KINDS,
  type LaneId,
  type LaneKind,
  newLaneStats,
} from "../../../../lib/lanes/mod.ts";
import { ReassemblyBudget, ReceiveLane, receiveLaneOptions } from "../../../../lib/lanes/receiving/mod.ts";
import { LaneBench, type SentPacket, testLane } from "./bench.ts";

const MAX_MESSAGE_BYTES = 3_000;

const STEP = fc.record({
  what: fc.constantFrom(
    "push",
    "push",
    "push",
    "send",
    "send",
    "arrive",
    "arrive",
    "lose",
    "late",
    "skip",
    "wait",
  ),
  size: fc.oneof(fc.nat(80), fc.nat(MAX_MESSAGE_BYTES)),
  key: fc.integer({ min: -1, max: 4 }),
  room: fc.constantFrom(200, 1175, 1175, 4000),
  pick: fc.nat(30),
  isMortal: fc.boolean(),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

for (const kind of LANE_KINDS) {
  Deno.test(`${kind}: what was delivered arrived, what expired did not, and in the end nothing is open`, () => {
    fc.assert(
      fc.property(
        fc.array(STEP, { size: "max", maxLength: 250 }),
        fc.constantFrom(0, 2 ** 32 - 20),
        (steps, first) => {
          const pair = new Pair(kind, first);
          for (const step of steps) pair.step(step);
          pair.drain();
        },
      ),
      { numRuns: 150 },
    );
  });
}

class Pair {
  readonly #kind: LaneKind;
  readonly #bench: LaneBench;
  readonly #receiver: ReceiveLane;
  readonly #pushed = new Map<number, Uint8Array>();
  /** By key: every value, in the order of the pushes. */
  readonly #values = new Map<number, Uint8Array[]>();
  readonly #received = new Map<number, Uint8Array>();
  readonly #receivedOfKey = new Map<number, Uint8Array>();
  readonly #receivedOrder: number[] = [];
  #keyInHand = -1;
  readonly #network: SentPacket[] = [];
  /** Packets that arrived although they count as lost. */
  readonly #unheard: SentPacket[] = [];
  #seed = 0;

  constructor(kind: LaneKind, first: number) {
    this.#kind = kind;
    this.#bench = new LaneBench(
      testLane(kind, { maxMessageBytes: MAX_MESSAGE_BYTES, maxQueuedMessages: 40, maxQueuedBytes: 30_000 }),
      first,
    );
    const id = 20 as LaneId;
    const options = receiveLaneOptions(id, kind, kind === "unreliable-sequenced", MAX_MESSAGE_BYTES);
    const sink = {
      onMessage: (_lane: LaneId, bytes: Uint8Array, start: number, length: number, number: number) =>
        this.#onMessage(number, bytes.slice(start, start + length)),
      onDelivered() {},
      onExpired() {},
      onLost() {},
      onWritable() {},
      onOpened() {},
      onClosed() {},
    };
    this.#receiver = new ReceiveLane(
      { ...options, windowMessages: 6, windowBytes: 5_000 },
      new ReassemblyBudget(),
      sink,
      newLaneStats(),
      first,
    );
    this.#grant();
  }

  step(step: Step): void {
    switch (step.what) {
      case "push":
        return this.#push(step.size, step.key, step.isMortal ? 1_000 : 0);
      case "send": {
        const packet = this.#bench.packet(step.room);
        if (packet.written > 0) this.#network.push(packet);
        return;
      }
      case "arrive":
        return this.#settle(step.pick, true, true);
      case "lose":
        return this.#settle(step.pick, false, false);
      case "late":
        if (this.#unheard.length > 0) this.#bench.ack(...this.#unheard.splice(0, 1));
        return this.#settle(step.pick, true, false);
      case "skip":
        return this.#skip(step.isMortal);
      default:
        this.#bench.nowUs += 700;
        this.#bench.lane.handleTimeout(this.#bench.nowUs);
    }
  }

  drain(): void {
    const { lane } = this.#bench;
    for (let round = 0; round < 2_000 && !(lane.isIdle && this.#network.length === 0); round++) {
      const packet = this.#bench.packet(1175);
      if (packet.written > 0) this.#network.push(packet);
      while (this.#network.length > 0) this.#settle(0, true, true);
      this.#skip(true);
    }
    assert(lane.isIdle, "everything comes to an end");
    const told = new Map(this.#bench.told.filter((text) => text !== "writable").map(outcomeOf));
    for (const [number, bytes] of this.#pushed) {
      const outcome = told.get(number);
      const received = this.#received.get(number);
      if (received !== undefined) assertEquals(received, bytes);
      if (isReliable(this.#kind)) {
        assert(outcome === "delivered" || outcome === "expired");
        assertEquals(received !== undefined, outcome === "delivered");
      } else if (outcome === "expired") assertEquals(received, undefined);
      else if (outcome === "delivered" && this.#kind === "unreliable-unordered") {
        assert(received !== undefined);
      }
    }
    if (this.#kind === "reliable-ordered") {
      assertEquals(this.#receivedOrder, this.#receivedOrder.toSorted((a, b) => a - b));
    }
    assertEquals(this.#receiver.partialMessages * (isReliable(this.#kind) ? 1 : 0), 0);
    for (const [key, values] of this.#values) {
      const newest = values.at(-1);
      if (newest !== undefined) {
        assertEquals(this.#receivedOfKey.get(key), newest, `newest value of key ${key}`);
      }
    }
  }

  #push(size: number, key: number, ttlUs: number): void {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = (this.#seed * 17 + i) & 255;
    this.#seed++;
    const isKeyed = this.#kind === "unreliable-sequenced" && key >= 0;
    // Values that must arrive in the end never expire.
    const number = this.#bench.push(bytes, { key: isKeyed ? key : -1, ttlUs: isKeyed ? 0 : ttlUs });
    if (number < 0) return;
    this.#pushed.set(number, bytes);
    if (!isKeyed) return;
    const values = this.#values.get(key) ?? [];
    values.push(bytes);
    this.#values.set(key, values);
    // A full lane drops its oldest: then nothing is promised of that key.
    if (this.#bench.lane.stats.droppedOldest > 0) this.#values.clear();
  }

  #settle(pick: number, arrives: boolean, isHeard: boolean): void {
    if (this.#network.length === 0) return;
    const [packet] = this.#network.splice(pick % this.#network.length, 1) as [SentPacket];
    if (arrives) {
      for (const { number, key, offset, total, bytes } of packet.frames) {
        this.#keyInHand = key;
        const problem = this.#receiver.handleData(
          this.#bench.nowUs,
          number >>> 0,
          key,
          offset,
          total,
          bytes,
          0,
          bytes.length,
        );
        assertEquals(problem, 0, `message ${number}`);
      }
    }
    if (isHeard) this.#bench.ack(packet);
    else this.#bench.lose(packet);
    if (arrives && !isHeard) this.#unheard.push(packet);
    this.#grant();
  }

  #skip(arrives: boolean): void {
    const number = this.#bench.lane.pollSkip();
    if (number < 0) return;
    if (arrives) assertEquals(this.#receiver.handleSkip(number >>> 0), 0);
    this.#bench.lane.onSkip(number, arrives);
    this.#grant();
  }

  #grant(): void {
    if (isReliable(this.#kind)) {
      this.#bench.lane.handleCredit(this.#receiver.messageLimit, this.#receiver.byteLimit);
    }
  }

  #onMessage(number: number, bytes: Uint8Array): void {
    assert(!this.#received.has(number), "nothing arrives twice");
    this.#received.set(number, bytes);
    this.#receivedOrder.push(number);
    if (this.#keyInHand >= 0) this.#receivedOfKey.set(this.#keyInHand, bytes);
  }
}

function outcomeOf(text: string): [number, string] {
  const [what = "", number = ""] = text.split(" ");
  return [Number(number), what];
}
