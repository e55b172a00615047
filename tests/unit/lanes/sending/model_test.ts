// The sending lane beside its model: random pushes, packets of random room, acknowledgements, losses and late news.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isReliable, LANE_KINDS, type LaneKind, type Overflow } from "../../../../lib/lanes/mod.ts";
import { LaneBench, type SentPacket, testLane } from "./bench.ts";
import { LaneModel } from "./model.ts";

type Step =
  | { readonly do: "push"; size: number; key: number; ttlUs: number; report: boolean }
  | { readonly do: "fill"; room: number; budget: number; used: number }
  | { readonly do: "ack" | "lose" | "late"; pick: number }
  | { readonly do: "wait"; us: number }
  | { readonly do: "credit"; messages: number; bytes: number }
  | { readonly do: "skip"; fate: number }
  | { readonly do: "probe" };

const SIZE = fc.oneof(
  fc.integer({ min: 0, max: 60 }),
  fc.integer({ min: 60, max: 1300 }),
  fc.integer({ min: 1300, max: 3200 }),
);
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      size: SIZE,
      key: fc.integer({ min: -1, max: 3 }),
      ttlUs: fc.constantFrom(0, 0, 500, 2_000),
      report: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("fill" as const),
      room: fc.constantFrom(40, 150, 400, 1175, 1175, 5000),
      budget: fc.constantFrom(100, 1000, Infinity, Infinity),
      used: fc.constantFrom(0, 0, 15, 300),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("ack" as const, "lose" as const, "late" as const),
      pick: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), us: fc.constantFrom(100, 600, 3_000_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("credit" as const),
      messages: fc.nat(6),
      bytes: fc.integer({ min: 0, max: 8_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("skip" as const), fate: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("probe" as const) }) },
);

const SETUP = fc.record({
  overflow: fc.constantFrom<Overflow>("refuse", "drop-oldest", "drop-newest"),
  maxQueuedMessages: fc.integer({ min: 1, max: 8 }),
  maxQueuedBytes: fc.integer({ min: 50, max: 6_000 }),
  ttlUs: fc.constantFrom(0, 0, 1_000),
  first: fc.constantFrom(0, 2 ** 32 - 3),
  steps: fc.array(STEP, { maxLength: 200, size: "max" }),
});

for (const kind of LANE_KINDS) {
  Deno.test(`a ${kind} lane does what its model does, whatever becomes of its packets`, () => {
    fc.assert(fc.property(SETUP, (setup) => new Run(kind, setup).run()), { numRuns: 250 });
  });
}

class Run {
  readonly #bench: LaneBench;
  readonly #model: LaneModel;
  readonly #steps: readonly Step[];
  readonly #isReliable: boolean;
  readonly #isKeyed: boolean;
  readonly #ttlUs: number;
  readonly #inFlight: SentPacket[] = [];
  /** Lost packets that arrived after all: their acknowledgement may still come. */
  readonly #late: SentPacket[] = [];
  readonly #skips: number[] = [];
  #messageLimit: number;
  #byteLimit = 6_000;
  #refused = 0;
  #seed = 0;

  constructor(kind: LaneKind, setup: typeof SETUP extends fc.Arbitrary<infer T> ? T : never) {
    const { overflow, maxQueuedMessages, maxQueuedBytes, ttlUs, first } = setup;
    const lane = testLane(kind, {
      overflow,
      maxQueuedMessages,
      maxQueuedBytes,
      ttlUs,
      maxMessageBytes: 3_000,
    });
    this.#isReliable = isReliable(kind);
    this.#isKeyed = lane.keyed;
    this.#ttlUs = ttlUs;
    this.#messageLimit = first + 6;
    this.#bench = new LaneBench(lane, first);
    this.#model = new LaneModel(lane);
    this.#steps = setup.steps;
    this.#bench.lane.handleCredit(this.#messageLimit, this.#byteLimit);
  }

  run(): void {
    for (const step of this.#steps) {
      this.#step(step);
      this.#check();
    }
    this.#drain();
  }

  #step(step: Step): void {
    switch (step.do) {
      case "push":
        return this.#push(step.size, this.#isKeyed ? step.key : -1, step.ttlUs, step.report);
      case "fill":
        return this.#fill(step.room, step.budget, step.used);
      case "ack":
        return this.#settle(step.pick, true, false);
      case "lose":
        return this.#settle(step.pick, false, false);
      case "late":
        return this.#late.length > 0 && step.pick % 2 === 0
          ? this.#hearLate(step.pick)
          : this.#settle(step.pick, false, true);
      case "wait":
        this.#bench.nowUs += step.us;
        if (this.#bench.lane.nextExpiryUs <= this.#bench.nowUs) {
          this.#bench.lane.handleTimeout(this.#bench.nowUs);
          this.#model.expire(this.#bench.nowUs);
          assert(this.#bench.lane.nextExpiryUs > this.#bench.nowUs);
        }
        return;
      case "credit":
        this.#messageLimit += step.messages;
        this.#byteLimit += step.bytes;
        this.#bench.lane.handleCredit(this.#messageLimit, this.#byteLimit);
        return;
      case "skip":
        return this.#skip(step.fate);
      case "probe":
        if (this.#bench.lane.probe()) this.#model.onProbe();
    }
  }

  #push(size: number, key: number, ttlUs: number, report: boolean): void {
    const { nowUs } = this.#bench;
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = (this.#seed * 31 + i * 7) & 255;
    this.#seed++;
    const own = ttlUs > 0 ? ttlUs : this.#ttlUs > 0 ? this.#ttlUs : Infinity;
    const taken = this.#model.push(nowUs, bytes.slice(), key, nowUs + own);
    const number = this.#bench.push(bytes, { key, ttlUs, report });
    assertEquals(number >= 0, taken, `push of ${size} said ${number}`);
    if (taken) this.#model.onAccepted(number, key, report);
    else this.#refused++;
    bytes.fill(0xee); // the lane has a copy
  }

  #fill(room: number, budget: number, used: number): void {
    this.#model.expire(this.#bench.nowUs);
    const hadWork = this.#bench.lane.hasWork(this.#bench.nowUs);
    const packet = this.#bench.packet(room, budget, Math.min(used, room));
    for (const frame of packet.frames) {
      const message = this.#model.messages.get(frame.number);
      const isFirst = message === undefined || message.fate[0] === 0;
      if (isFirst && frame.total > 0 && used === 0) assert(frame.total > room - 128, "what fits is not cut");
    }
    this.#model.onPacket(this.#bench.nowUs, packet);
    if (packet.frames.length > 1) assert(packet.written <= budget);
    if (!hadWork) assertEquals(packet.written, 0);
    else if (room >= 5000 && used === 0) assert(packet.written > 0 || this.#model.queue.length === 0);
    if (packet.written > 0) this.#inFlight.push(packet);
    for (const frame of packet.frames) {
      assert(!this.#isReliable || frame.number < this.#messageLimit, "credit");
    }
  }

  #settle(pick: number, acked: boolean, isLate: boolean): void {
    if (this.#inFlight.length === 0) return;
    const [packet] = this.#inFlight.splice(pick % this.#inFlight.length, 1) as [SentPacket];
    this.#model.onFate(packet, acked);
    if (acked) this.#bench.ack(packet);
    else this.#bench.lose(packet);
    if (isLate) this.#late.push(packet);
  }

  #hearLate(pick: number): void {
    const [packet] = this.#late.splice(pick % this.#late.length, 1) as [SentPacket];
    this.#model.onFate(packet, true);
    this.#bench.ack(packet);
  }

  #skip(fate: number): void {
    const number = this.#bench.lane.pollSkip();
    if (number >= 0) {
      assert(this.#isReliable && number < this.#messageLimit);
      assert(this.#model.isFinishedTo(number), "SKIP names nothing that may still come");
      assertEquals(this.#bench.lane.pollSkip(), -1);
      this.#skips.push(number);
    }
    if (fate === 2 || this.#skips.length === 0) return;
    this.#bench.lane.onSkip(this.#skips.shift() as number, fate === 1);
  }

  #check(): void {
    const { stats } = this.#bench.lane;
    const model = this.#model;
    assertEquals(stats.queuedMessages, model.queue.length);
    assertEquals(stats.queuedBytes, model.queuedBytes);
    assertEquals(stats.deliveredMessages, model.delivered);
    assertEquals(stats.expired, model.expired);
    assertEquals(stats.conflated, model.conflated);
    assertEquals(stats.droppedOldest, model.dropped);
    assertEquals(stats.lostMessages, model.lost);
    assertEquals(stats.sentMessages, model.sent);
    const turnedAway = stats.refusedFull + stats.refusedNoCredit + stats.refusedTooLarge +
      stats.droppedNewest;
    assertEquals(turnedAway, this.#refused);
    assert(stats.queuedMessages <= this.#bench.lane.lane.maxQueuedMessages);
    assert(stats.queuedBytes <= this.#bench.lane.lane.maxQueuedBytes);
    const outcomes = this.#bench.told.filter((text) => text !== "writable").map((text) => text.split(" "));
    assertEquals(new Map(outcomes.map(([what, number]) => [Number(number), what])), model.told);
    assertEquals(outcomes.length, model.told.size, "each outcome is told once");
    if (this.#isReliable) {
      const rest = model.queue.length + model.expired + model.dropped + model.inFlight;
      assertEquals(model.accepted, model.delivered + rest);
    } else assertEquals(model.accepted, model.sent + this.#unsentFates());
  }

  /** Unreliable messages that will not be sent, or not yet. */
  #unsentFates(): number {
    const model = this.#model;
    return model.queue.length + model.expired + model.dropped + model.conflated;
  }

  /** With enough credit and packets that arrive, everything ends. */
  #drain(): void {
    const { lane } = this.#bench;
    this.#step({ do: "credit", messages: 1_000_000, bytes: 2 ** 40 });
    for (let round = 0; round < 1_000 && !(lane.isIdle && this.#inFlight.length === 0); round++) {
      this.#fill(1175, Infinity, 0);
      while (this.#inFlight.length > 0) this.#settle(0, true, false);
      while (lane.pollSkip() >= 0);
      lane.onSkip(2 ** 50, true);
      this.#check();
    }
    assert(lane.isIdle, "the lane comes to rest");
    assertEquals(lane.queuedMessages, 0);
    assertEquals(lane.hasWork(this.#bench.nowUs), false);
    lane.close();
    for (const message of this.#model.messages.values()) {
      if (message.report && !this.#model.givenUp.has(message.number)) {
        assert(this.#model.told.has(message.number));
      }
    }
    assertEquals(this.#bench.told.filter((text) => text !== "writable").length, this.#model.told.size);
  }
}
