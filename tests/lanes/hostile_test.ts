// A peer that holds the keys and breaks one rule: it loses its connection with the code that says which, and costs no
// memory beyond the bounds (research 4.5, 4.9, 4.10).

import { assert, assertEquals } from "@std/assert";
import { CloseCode, LANES } from "../../lib/lanes/mod.ts";
import { ack, data, Lone } from "../support/lanes/lone.ts";
import { SECOND } from "../support/lanes/quiet.ts";

const { control, state, events, modulation, telemetry } = LANES;

const u32 = (
  value: number,
) => [Math.floor(value / 2 ** 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const credit = (lane: number) => [0x04, lane, ...u32(100), ...u32(100)];
const skip = (lane: number, number: number) => [0x05, lane, ...u32(number)];
const open = (lane: number, kind: number, flags = 0, bytes = 1_000) => [
  ...[0x0a, lane, kind, 2, flags],
  ...u32(bytes),
  ...[2, 0x61, 0x62],
];

const BROKEN: readonly {
  readonly what: string;
  readonly code: number;
  readonly packets: readonly number[][];
}[] = [
  { what: "acknowledges what was never sent", code: CloseCode.protocol, packets: [ack(50, 60)] },
  { what: "acknowledges far ahead", code: CloseCode.protocol, packets: [ack(2 ** 31, 2 ** 31 + 5)] },
  { what: "speaks on a lane that was never opened", code: CloseCode.unknownLane, packets: [data(9, 0, "x")] },
  { what: "skips on a lane that was never opened", code: CloseCode.unknownLane, packets: [skip(77, 0)] },
  { what: "sends beyond its credit", code: CloseCode.limit, packets: [data(control.id, 16_384, "x")] },
  {
    what: "sends beyond its credit, unordered",
    code: CloseCode.limit,
    packets: [data(events.id, 20_000, "x")],
  },
  {
    what: "claims more than an unreliable message may have",
    code: CloseCode.limit,
    packets: [data(telemetry.id, 0, "x", { offset: 0, total: 16_385 })],
  },
  {
    what: "claims more than a reliable message may have",
    code: CloseCode.limit,
    packets: [data(events.id, 0, "x", { offset: 0, total: 2 ** 24 + 1 })],
  },
  {
    what: "claims more bytes in all than its credit",
    code: CloseCode.limit,
    packets: [0, 1].map((number) => data(control.id, number, "x", { offset: 0, total: 2 ** 24 })),
  },
  {
    what: "changes its mind about a length",
    code: CloseCode.protocol,
    packets: [8, 9].map((total) => data(events.id, 0, "x", { offset: 0, total })),
  },
  {
    what: "changes its mind about an unreliable length",
    code: CloseCode.protocol,
    packets: [8, 9].map((total) => data(telemetry.id, 0, "x", { offset: 0, total })),
  },
  {
    what: "names a key where there are none",
    code: CloseCode.protocol,
    packets: [data(events.id, 0, "x", undefined, 1)],
  },
  {
    what: "names a key on a lane without",
    code: CloseCode.protocol,
    packets: [data(telemetry.id, 0, "x", undefined, 1)],
  },
  { what: "skips on an unreliable lane", code: CloseCode.protocol, packets: [skip(modulation.id, 0)] },
  { what: "skips beyond its credit", code: CloseCode.protocol, packets: [skip(state.id, 1_000_000)] },
  { what: "gives credit to an unreliable lane", code: CloseCode.protocol, packets: [credit(telemetry.id)] },
  { what: "opens a lane as two kinds", code: CloseCode.protocol, packets: [open(20, 0), open(20, 3)] },
  {
    what: "opens too many lanes",
    code: CloseCode.limit,
    packets: Array.from({ length: 65 }, (_, i) => open(16 + i, 0)),
  },
  { what: "opens a lane for anything", code: CloseCode.limit, packets: [open(20, 3, 0, 2 ** 32 - 1)] },
  { what: "sends half a frame", code: CloseCode.malformed, packets: [[0x02, 0, 0]] },
  { what: "sends a frame of no type", code: CloseCode.malformed, packets: [[0x3f]] },
];

for (const { what, code, packets } of BROKEN) {
  Deno.test(`a peer that ${what} is told so and loses its connection alone`, () => {
    const lone = new Lone();
    for (const packet of packets) if (lone.closed.length === 0) lone.feed(packet);
    assertEquals(lone.closed.map((closed) => Number(closed.split(" ")[0])), [code], lone.closed.join());
    const closes = () => lone.sent.flatMap(({ frames }) => frames).filter(({ type }) => type === "close");
    assert(closes().length === 1);
    lone.wait(SECOND / 2);
    const [first] = closes();
    assert(first?.type === "close" && first.code === code);
    assertEquals(closes().length, 3, "CLOSE goes out three times");
    assertEquals(lone.came.length, 0);
    assertEquals(lone.peer.pollTimeout(), null, "a timer is left");
  });
}

Deno.test("a number that was left out on purpose catches who acknowledges everything", () => {
  let caught = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const lone = new Lone({ seed });
    for (let i = 0; i < 6_000 && lone.closed.length === 0; i++) {
      lone.peer.send(lone.nowUs, telemetry.id, new Uint8Array(4));
      lone.drain();
      lone.nowUs += 300;
      lone.peer.handleTimeout(lone.nowUs);
      lone.drain();
      if (i % 10 === 9) {
        lone.feed(ack(Math.max(0, (lone.sent.at(-1)?.number ?? 0) - 9), lone.sent.at(-1)?.number ?? 0));
      }
      lone.sent.splice(0, lone.sent.length - 1);
    }
    if (lone.closed[0]?.startsWith(`${CloseCode.protocol} `)) caught++;
  }
  assert(caught >= 7, `${caught} of 8 were caught`);
});

Deno.test("unfinished messages cost their bounds and no more, whoever begins how many", () => {
  const lone = new Lone();
  for (let i = 0; i < 1_000; i++) {
    lone.feed(data(telemetry.id, i, "x", { offset: 0, total: 16_000 }));
    lone.feed(data(modulation.id, i, "x", { offset: 0, total: 16_000 }, i));
  }
  assertEquals(lone.closed, []);
  for (const lane of [telemetry, modulation]) {
    const { partialsDropped } = lone.peer.laneStats(lane.id);
    // Eight a lane, 256 KiB a connection.
    assert(partialsDropped >= 992, `${lane.name}: ${partialsDropped} of 1000 were dropped`);
  }
  lone.feed(data(telemetry.id, 2_000, "whole"));
  assertEquals(lone.came.map(({ text }) => text), ["whole"]);
});

Deno.test("a peer that acknowledges nothing costs its queue's bounds, and is given up when it is silent", () => {
  const lone = new Lone();
  let taken = 0;
  for (let i = 0; i < 4_000; i++) {
    if (lone.peer.send(lone.nowUs, events.id, new Uint8Array(10_000)) >= 0) taken += 10_000;
    lone.peer.send(lone.nowUs, modulation.id, new Uint8Array(500), { key: i });
    lone.peer.send(lone.nowUs, telemetry.id, new Uint8Array(500));
    if (i % 50 === 0) lone.advance(1_000);
    lone.sent.length = 0;
  }
  lone.drain();
  // What is queued, and what may be unacknowledged.
  assert(taken <= events.maxQueuedBytes + 17 * 1024 * 1024, `${taken} B were taken`);
  lone.wait(6 * SECOND);
  assertEquals(lone.closed.map((closed) => Number(closed.split(" ")[0])), [CloseCode.silence]);
});

Deno.test("an address is believed when it answers the question, and not when it says anything else", () => {
  const lone = new Lone();
  const { connection } = lone.peer;
  lone.peer.addMovedPath(lone.nowUs, 1_175);
  const say = (frames: readonly number[], number: number) => {
    const bytes = Uint8Array.from(frames);
    connection.handlePacket(lone.nowUs, 2, number, bytes, 0, bytes.length);
    lone.drain();
  };
  say([0x01, 0, 0, 0, 0], 0);
  const asked = lone.sent.flatMap(({ frames }) => frames).filter(({ type }) => type === "challenge");
  assertEquals(asked.length, 1);
  for (let i = 0; i < 50; i++) say([0x08, ...u32(i), ...u32(2 ** 32 - 1 - i)], 1 + i);
  assertEquals([connection.pathReason, lone.closed.length], ["first", 0]);
});
