// What was sent, against a plain list of packets.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  MAX_IN_FLIGHT_PACKETS,
  MAX_PACKET_REFS,
  MAX_REFS_A_PACKET,
  PacketFlag,
  SentPackets,
} from "../../../../lib/lanes/recovery/mod.ts";
import { Recorder } from "./recorder.ts";

function send(sent: SentPackets, number: number, nowUs = 0, path = 0, bytes = 100): void {
  sent.begin(number, nowUs, path, PacketFlag.prompt);
  sent.addRun(3, number * 10);
  sent.commit(bytes);
}

Deno.test("200 whole messages in a row are one reference, and what comes between begins another", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  sent.begin(0, 5, 1, PacketFlag.lazy);
  for (let i = 0; i < 200; i++) sent.addRun(2, 1_000 + i);
  assertEquals(sent.refCount, 1);
  sent.addControl(4, 2 ** 40, 7);
  sent.addRun(2, 1_200);
  sent.addRun(3, 1_201);
  sent.addRun(3, 1_203);
  sent.addPiece(3, 1_204, 0, 500);
  sent.addPiece(3, 1_204, 500, 20);
  sent.addPiece(3, 1_204, 600, 20);
  sent.commit(1_175);
  send(sent, 1);
  sent.acknowledge(9, 0, 1, recorder);
  sent.settle();
  assertEquals(recorder.take(), [{
    number: 0,
    bytes: 1_175,
    sentAtUs: 5,
    path: 1,
    flags: PacketFlag.lazy,
    fate: "acked",
    refs: [
      "run 2 1000 200 true",
      `control 4 ${2 ** 40} 7 true`,
      "run 2 1200 1 true",
      "run 3 1201 1 true",
      "run 3 1203 1 true",
      "piece 3 1204 0 520 true",
      "piece 3 1204 600 20 true",
    ],
  }, { number: 1, bytes: 100, sentAtUs: 0, path: 0, flags: 1, fate: "acked", refs: ["run 3 10 1 true"] }]);
  assertEquals([sent.refCount, sent.span, sent.inFlightBytes], [0, 0, 0]);
});

Deno.test("messages in a row in two packets are two references", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  for (let i = 0; i < 2; i++) {
    sent.begin(i, 0, 0, PacketFlag.prompt);
    sent.addRun(3, i);
    sent.commit(9);
  }
  sent.acknowledge(0, 1, 1, recorder);
  assertEquals(recorder.take().map((told) => told.refs), [["run 3 1 1 true"]]);
});

Deno.test("what the oldest packet of a path carried can be told again, and it stays in flight", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  send(sent, 0, 0, 1);
  send(sent, 1, 0, 2);
  send(sent, 2, 0, 2);
  const refs: string[] = [];
  const visitor = {
    onRun: (lane: number, first: number, count: number, acked: boolean): void => {
      refs.push(`${lane} ${first} ${count} ${acked}`);
    },
    onPiece: (): void => {},
    onControl: (): void => {},
  };
  sent.revisitOldest(2, visitor);
  sent.revisitOldest(7, visitor);
  assertEquals(refs, ["3 10 1 false"]);
  assertEquals([sent.inFlightPackets, sent.lost], [3, 0]);
  sent.acknowledge(0, 1, 1, recorder);
  assertEquals(recorder.numbers("acked"), [1]);
});

Deno.test("an abandoned packet leaves nothing, and its number may be used", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  sent.begin(7, 0, 0, PacketFlag.prompt);
  sent.addRun(1, 1);
  sent.abandon();
  assertEquals([sent.refCount, sent.firstNumber, sent.inFlightPackets], [0, -1, 0]);
  send(sent, 7);
  sent.acknowledge(0, 7, 7, recorder);
  assertEquals(recorder.numbers("acked"), [7]);
});

Deno.test("a packet that asks for no acknowledgement takes no room, however many there are", () => {
  const sent = new SentPackets();
  for (let i = 0; i < 100_000; i++) {
    sent.begin(i, i, 0, 0);
    sent.addControl(9);
    sent.commit(40);
  }
  assertEquals([sent.inFlightPackets, sent.inFlightBytes, sent.refCount, sent.span], [0, 0, 0, 0]);
  assertEquals([sent.nextNumber, sent.capacity], [100_000, 64]);
});

Deno.test("numbers only grow, and by no more than is allowed", () => {
  const sent = new SentPackets();
  send(sent, 5);
  assertThrows(() => sent.begin(5, 0, 0, 1));
  assertThrows(() => sent.begin(6 + 1_025, 0, 0, 1));
  sent.begin(6 + 1_024, 0, 0, 1);
  assertThrows(() => sent.begin(6 + 1_025, 0, 0, 1));
  sent.commit(1);
  assertEquals(sent.skippedNumbers, 1_024);
  assert(sent.wasSkipped(6, 6) && sent.wasSkipped(1_029, 1_029));
  assert(!sent.wasSkipped(5, 5) && !sent.wasSkipped(1_030, 1_030));
});

Deno.test("the ring is full at 8192 packets in flight, and one acknowledgement makes room", () => {
  const sent = new SentPackets();
  const first = 2 ** 32 - 100;
  for (let i = 0; i < MAX_IN_FLIGHT_PACKETS; i++) {
    assert(!sent.isFull);
    send(sent, first + i);
  }
  assert(sent.isFull);
  assertThrows(() => sent.begin(first + MAX_IN_FLIGHT_PACKETS, 0, 0, 1));
  sent.acknowledge(0, first + 4_000, first + 4_000, new Recorder());
  sent.settle();
  assert(!sent.isFull);
});

Deno.test("the log is full while the largest packet would still fit, and never grows past its bound", () => {
  const sent = new SentPackets();
  let number = 0;
  while (!sent.isFull) {
    sent.begin(number++, 0, 0, PacketFlag.prompt);
    for (let i = 0; i < MAX_REFS_A_PACKET; i++) sent.addRun(i % 2, number * 100_000 + i);
    sent.commit(16_384);
    assert(sent.refCount <= MAX_PACKET_REFS, `${sent.refCount}`);
  }
  sent.acknowledge(0, 0, number, new Recorder());
  sent.settle();
  assertEquals(sent.refCount, 0);
});

Deno.test("lost packets never keep new ones from being sent: the oldest are forgotten early, and counted", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  for (let i = 0; i < 50_000; i++) {
    assert(!sent.isFull, `${i}`);
    send(sent, i);
    sent.lose(0, i, true, recorder);
  }
  assert(sent.capacity <= 16_384);
  assert(sent.forgottenEarly > 30_000, `${sent.forgottenEarly}`);
  assertEquals([sent.lost, sent.inFlightPackets, sent.inFlightBytes], [50_000, 0, 0]);
  recorder.take();
  sent.acknowledge(0, 0, 49_999, recorder);
  assertEquals(recorder.numbers("spurious").length, 50_000 - sent.forgottenEarly);
});

Deno.test("what the peer knows of our acknowledgements is learned from packets that carried them", () => {
  const sent = new SentPackets();
  sent.begin(0, 0, 0, PacketFlag.prompt);
  sent.carriesAck(41);
  sent.commit(10);
  send(sent, 1);
  sent.acknowledge(0, 1, 1, new Recorder());
  assertEquals(sent.confirmedAck, -1);
  sent.acknowledge(0, 0, 0, new Recorder());
  assertEquals(sent.confirmedAck, 41);
});

interface Packet {
  readonly number: number;
  readonly path: number;
  readonly bytes: number;
  state: "out" | "lost" | "done";
  lostAtUs: number;
}

Deno.test("every packet is told once as acknowledged, or once as lost and once as spurious, in any order", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("send"),
        skip: fc.integer({ min: 0, max: 3 }),
        path: fc.integer({ min: 0, max: 2 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("ack"),
        skip: fc.integer({ min: 0, max: 120 }),
        path: fc.integer({ min: 0, max: 9 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("lose"),
        skip: fc.integer({ min: 0, max: 3 }),
        path: fc.integer({ min: 0, max: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("forget"),
        skip: fc.integer({ min: 0, max: 30 }),
        path: fc.constant(0),
      }),
    },
  );
  const starts = fc.constantFrom(0, 2 ** 31 - 30, 2 ** 32 - 30, 2 ** 50);
  fc.assert(
    fc.property(starts, fc.array(step, { minLength: 1, maxLength: 300, size: "max" }), (first, steps) => {
      const sent = new SentPackets();
      const recorder = new Recorder();
      const model: Packet[] = [];
      let next = first;
      let now = 0;
      for (const { kind, skip, path } of steps) {
        now++;
        const expected: string[] = [];
        if (kind === "send") {
          const number = model.length === 0 ? next : next + skip;
          send(sent, number, now, path, 100 + path);
          model.push({ number, path, bytes: 100 + path, state: "out", lostAtUs: 0 });
          next = number + 1;
        } else if (kind === "ack") {
          const start = first + skip;
          for (const packet of model) {
            if (packet.number < start || packet.number > start + path || packet.state === "done") continue;
            expected.push(`${packet.state === "out" ? "acked" : "spurious"} ${packet.number}`);
            packet.state = "done";
          }
          assertEquals(sent.acknowledge(now, start, start + path, recorder), expected.length);
          sent.settle();
        } else if (kind === "lose") {
          const record = sent.path(path);
          const oldest = model.find((packet) => packet.state === "out" && packet.path === path);
          assertEquals(record === null ? -1 : sent.oldest(record), oldest?.number ?? -1);
          if (oldest !== undefined) {
            oldest.state = "lost";
            oldest.lostAtUs = now;
            expected.push(`lost ${oldest.number}`);
            sent.lose(now, oldest.number, true, recorder);
          }
        } else {
          // Only from the oldest on: a record behind one that is open stays.
          for (const packet of model) {
            if (packet.state === "done") continue;
            if (packet.state === "out" || packet.lostAtUs >= now - skip) break;
            packet.state = "done";
          }
          sent.forgetLost(now - skip);
        }
        const told = recorder.take();
        assertEquals(told.map(({ fate, number }) => `${fate} ${number}`), expected);
        for (const packet of told) {
          assertEquals(packet.refs, [`run 3 ${packet.number * 10} 1 ${packet.fate !== "lost"}`]);
        }
        const out = model.filter((packet) => packet.state === "out");
        assertEquals(sent.inFlightPackets, out.length);
        assertEquals(sent.inFlightBytes, out.reduce((sum, packet) => sum + packet.bytes, 0));
        for (let id = 0; id < 3; id++) {
          const bytes = out.filter((packet) => packet.path === id).reduce(
            (sum, packet) => sum + packet.bytes,
            0,
          );
          assertEquals(sent.inFlightBytesOf(id), bytes);
        }
        for (const packet of model) assertEquals(sent.isOutstanding(packet.number), packet.state === "out");
        assertEquals(sent.refCount >= model.filter((packet) => packet.state !== "done").length, true);
      }
      assertEquals(sent.sent, sent.acked + sent.lost + sent.inFlightPackets);
    }),
  );
});

Deno.test("an acknowledgement costs what it newly tells, not what is in flight", () => {
  const sent = new SentPackets();
  const recorder = new Recorder();
  // The oldest stays open, and all acknowledgements repeat everything above it, as a peer does.
  for (let i = 0; i < 8_000; i++) send(sent, i);
  let worst = 0;
  const before = sent.searchSteps;
  for (let i = 10; i < 8_000; i += 10) {
    const steps = sent.searchSteps;
    assertEquals(sent.acknowledge(0, 1, i, recorder), i === 10 ? 10 : 10);
    sent.settle();
    worst = Math.max(worst, sent.searchSteps - steps);
  }
  assert(worst <= 100, `${worst} places for 10 packets`);
  assert(sent.searchSteps - before <= 8 * 8_000, `${sent.searchSteps - before} places for 8000 packets`);
  const steps = sent.searchSteps;
  for (let i = 0; i < 1_000; i++) sent.acknowledge(0, 1, 7_990, recorder);
  assert(sent.searchSteps - steps <= 5 * 1_000, `${sent.searchSteps - steps} places for 1000 stale ranges`);
});
