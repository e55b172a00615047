import { assert, assertEquals } from "@std/assert";
import { MAX_SENT_KEYS } from "../../../../lib/lanes/sending/mod.ts";
import { LaneBench, numbersOf, testLane } from "./bench.ts";

function keyed(): LaneBench {
  return new LaneBench(testLane("unreliable-sequenced", { maxQueuedMessages: 2000 }));
}

for (const kind of ["unreliable-unordered", "unreliable-sequenced"] as const) {
  Deno.test(`${kind}: a message without a key is sent once, and told lost once`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(64);
    bench.push(64, { report: false });
    const packet = bench.packet();
    bench.lose(packet);
    assertEquals(bench.told, ["lost 0"]);
    assertEquals(bench.lane.stats.lostMessages, 2);
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
    bench.ack(packet);
    assertEquals(bench.told, ["lost 0"]);
    assertEquals(bench.lane.isIdle, true);
  });

  Deno.test(`${kind}: a message in pieces is delivered when all arrived, lost with the first that did not`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(3000);
    bench.push(3000);
    const pieces = bench.packets(1500);
    const [a, b, c, d] = pieces;
    assert(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    bench.ack(a, b);
    bench.lose(d);
    bench.ack(c, ...pieces.slice(4));
    bench.lose(c);
    assertEquals(bench.told.toSorted(), ["delivered 0", "lost 1"]);
    assertEquals(bench.lane.isIdle, true);
  });

  Deno.test(`${kind}: when a piece is lost the rest of its message is not sent`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(6000);
    bench.push(10);
    const piece = bench.packet();
    bench.lose(piece);
    assertEquals(bench.told, ["lost 0"]);
    assertEquals([bench.lane.queuedMessages, bench.lane.queuedBytes], [1, 10]);
    assertEquals(numbersOf(bench.packet()), [1]);
  });

  Deno.test(`${kind}: nothing is sent that waited for its time to live`, () => {
    const bench = new LaneBench(testLane(kind, { ttlUs: 1000 }));
    bench.push(10);
    bench.push(10, { ttlUs: Infinity });
    bench.push(10, { ttlUs: 1001 });
    bench.nowUs += 1000;
    const packet = bench.packet();
    assertEquals(numbersOf(packet), [1, 2]);
    assertEquals(bench.lane.nextExpiryUs, Infinity);
    assertEquals(bench.told, ["expired 0"]);
    assertEquals(bench.lane.stats.expired, 1);
  });
}

Deno.test("a newer value of a key takes the place of the one that waits", () => {
  const bench = keyed();
  bench.push(10, { key: 1 });
  bench.push(20, { key: 2 });
  bench.push(30);
  assertEquals(bench.push(40, { key: 1 }), 3);
  assertEquals(bench.told, ["expired 0"]);
  assertEquals(bench.lane.stats.conflated, 1);
  assertEquals([bench.lane.queuedMessages, bench.lane.queuedBytes], [3, 90]);
  const packet = bench.packet();
  assertEquals(numbersOf(packet), [3, 1, 2]);
  assertEquals(packet.frames.map((frame) => [frame.key, frame.bytes.length]), [[1, 40], [2, 20], [-1, 30]]);
  bench.ack(packet);
  assertEquals(bench.told, ["expired 0", "delivered 3", "delivered 1", "delivered 2"]);
});

Deno.test("a key that is set faster than the lane sends does not keep others from going", () => {
  const bench = keyed();
  const sent = new Set<number>();
  for (let round = 0; round < 40; round++) {
    for (let key = 0; key < 100; key++) bench.push(20, { key, report: false });
    for (const frame of bench.packet(100).frames) sent.add(frame.key);
  }
  assertEquals(sent.size, 100);
});

Deno.test("keys mean nothing on other kinds of lanes, or where the lane has none", () => {
  for (
    const lane of [
      testLane("unreliable-sequenced", { keyed: false }),
      testLane("unreliable-unordered", { keyed: true }),
      testLane("reliable-ordered", { keyed: true }),
    ]
  ) {
    const bench = new LaneBench(lane);
    bench.push(10, { key: 1 });
    bench.push(10, { key: 1 });
    assertEquals(bench.packet().frames.map((frame) => frame.key), [-1, -1], lane.kind);
    assertEquals(bench.lane.stats.conflated, 0);
  }
});

Deno.test("the newest value of a key whose packet was lost goes again under a new number, until it arrives", () => {
  const bench = keyed();
  bench.push(new Uint8Array([1, 2, 3]), { key: 7 });
  bench.lose(bench.packet());
  assertEquals(bench.told, ["lost 0"]);
  assertEquals(bench.lane.queuedMessages, 0, "it is no new message");
  bench.push(10, { key: 8 });
  const again = bench.packet();
  assertEquals(again.frames.map(({ number, key }) => [number, key]), [[2, 7], [1, 8]]);
  assertEquals(again.frames[0]?.bytes, new Uint8Array([1, 2, 3]));
  bench.lose(again);
  const third = bench.packet();
  assertEquals(third.frames.map(({ number, key }) => [number, key]), [[3, 7], [4, 8]]);
  bench.ack(third);
  assertEquals(bench.lane.hasWork(bench.nowUs), false);
  assertEquals(bench.lane.isIdle, true);
  assertEquals(bench.lane.stats.repairedPieces, 3);
  assertEquals(bench.told, ["lost 0", "lost 1"], "what was told lost is not told again");
});

Deno.test("a lost value does not go again when a newer one of its key waits, is on its way or arrived", () => {
  const bench = keyed();
  bench.push(10, { key: 1 });
  const first = bench.packet();
  bench.push(11, { key: 1 });
  bench.lose(first);
  const second = bench.packet();
  assertEquals(numbersOf(second), [1]);
  bench.push(12, { key: 1 });
  const third = bench.packet();
  bench.ack(third);
  bench.lose(second);
  assertEquals(bench.lane.hasWork(bench.nowUs), false);
  assertEquals(bench.lane.isIdle, true);
});

Deno.test("a newer value takes the place of a lost one that is to go again", () => {
  const bench = keyed();
  bench.push(10, { key: 1 });
  bench.lose(bench.packet());
  bench.push(11, { key: 1 });
  const packets = bench.packets();
  assertEquals(packets.map(numbersOf), [[1]]);
});

Deno.test("a value that is partly sent is finished before a newer one of its key goes", () => {
  const bench = keyed();
  bench.push(2000, { key: 1 });
  const a = bench.packet();
  bench.push(10, { key: 1 });
  bench.push(11, { key: 1 });
  const b = bench.packet();
  assertEquals(numbersOf(b), [0, 2]);
  bench.ack(a, b);
  assertEquals(bench.told, ["expired 1", "delivered 0", "delivered 2"]);
  assertEquals(bench.lane.isIdle, true);
});

Deno.test("of more keys than a receiver tells apart the value that was sent first is not repaired", () => {
  const bench = keyed();
  for (let key = 0; key < MAX_SENT_KEYS; key++) bench.push(4, { key, report: false });
  const packets = bench.packets();
  bench.push(4, { key: MAX_SENT_KEYS, report: false });
  assertEquals(bench.lane.forgottenKeys, 1);
  bench.lose(...packets);
  const again = new Set(bench.packets(16_384).flatMap((packet) => packet.frames.map((frame) => frame.key)));
  assertEquals(again.has(0), false);
  assertEquals(again.size, MAX_SENT_KEYS);
});

Deno.test("a value that arrived is kept no longer", () => {
  const bench = keyed();
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < MAX_SENT_KEYS; key++) bench.push(4, { key: round * MAX_SENT_KEYS + key });
    bench.ack(...bench.packets());
  }
  assertEquals(bench.lane.forgottenKeys, 0);
});

Deno.test("what is known of messages on their way is forgotten with them", () => {
  const bench = new LaneBench(testLane("unreliable-unordered"));
  for (let i = 0; i < 50_000; i++) {
    bench.push(10);
    if (i % 50 === 0) bench.ack(...bench.packets());
  }
  assert(bench.lane.heldBytes < 32 * 1024, `${bench.lane.heldBytes} bytes`);
});

Deno.test("a lane with a value waiting for every key it can have drops the oldest for another key", () => {
  const bench = keyed();
  for (let key = 0; key <= MAX_SENT_KEYS; key++) assertEquals(bench.push(4, { key }), key);
  assertEquals(bench.told, ["expired 0"]);
  assertEquals(bench.lane.stats.droppedOldest, 1);
  assertEquals(bench.lane.queuedMessages, MAX_SENT_KEYS);
});

Deno.test("values of many lengths, set over and over, keep their bytes and hold little memory", () => {
  const bench = keyed();
  const newest = new Map<number, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = (i * 7) % 50;
    const size = (i * 13) % 200;
    bench.push(new Uint8Array(size).fill(i & 255), { key, report: false });
    newest.set(key, i);
    if (i % 400 === 0) bench.packet(300);
  }
  for (const frame of bench.packets().flatMap((packet) => packet.frames)) {
    const i = newest.get(frame.key) as number;
    assertEquals(frame.bytes, new Uint8Array((i * 13) % 200).fill(i & 255));
  }
  assert(bench.lane.heldBytes < 100_000);
});
