import { assert, assertEquals } from "@std/assert";
import { SendRefusal } from "../../../../lib/lanes/mod.ts";
import { LaneBench, numbersOf, testLane, withCredit } from "./bench.ts";

const RELIABLE = ["reliable-ordered", "reliable-unordered"] as const;

for (const kind of RELIABLE) {
  Deno.test(`${kind}: messages go in order, many a packet, and count as delivered when acknowledged`, () => {
    const bench = new LaneBench(testLane(kind));
    assertEquals([bench.push(64), bench.push(0), bench.push(64)], [0, 1, 2]);
    const packet = bench.packet();
    assertEquals(numbersOf(packet), [0, 1, 2]);
    assertEquals(bench.lane.queuedMessages, 0);
    assertEquals(bench.lane.isIdle, false);
    bench.ack(packet);
    assertEquals(bench.told, ["delivered 0", "delivered 1", "delivered 2"]);
    assertEquals(bench.lane.isIdle, true);
    bench.ack(packet);
    bench.lose(packet);
    assertEquals(bench.told.length, 3, "late news changes nothing");
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
  });

  Deno.test(`${kind}: lost messages go again before new ones, in message order`, () => {
    const bench = new LaneBench(testLane(kind), 2 ** 32 - 2);
    const first = 2 ** 32 - 2;
    for (let i = 0; i < 6; i++) bench.push(500);
    const [a, b, c] = bench.packets();
    assert(a !== undefined && b !== undefined && c !== undefined);
    bench.push(10);
    bench.lose(c, a);
    const repair = bench.packet(5000);
    assertEquals(numbersOf(repair), [first, first + 1, first + 4, first + 5, first + 6]);
    assertEquals(bench.lane.stats.repairedPieces, 4);
    assertEquals(bench.lane.stats.repairedBytes, 2000);
    bench.ack(repair, b);
    assertEquals(bench.lane.stats.deliveredMessages, 7);
  });

  Deno.test(`${kind}: a message that was thought lost and arrives after all does not go again`, () => {
    const bench = new LaneBench(testLane(kind));
    for (let i = 0; i < 3; i++) bench.push(1000);
    const [a, b, c] = bench.packets();
    assert(a !== undefined && b !== undefined && c !== undefined);
    bench.lose(a, b);
    bench.ack(a);
    assertEquals(numbersOf(bench.packet(5000)), [1]);
    bench.ack(b);
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
    bench.lose(c);
    bench.ack(c);
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
    assertEquals(bench.lane.isIdle, true);
  });

  Deno.test(`${kind}: of a message in pieces only the missing bytes go again, cut to the packet at hand`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(4000);
    const pieces = bench.packets(1175);
    assertEquals(pieces.length, 4);
    const [a, b, c, d] = pieces;
    assert(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    bench.ack(a, d);
    bench.lose(b, c);
    const missing = (b.refs[0]?.length ?? 0) + (c.refs[0]?.length ?? 0);
    const again = bench.packet(5000);
    assertEquals(again.refs.map(({ offset, length }) => [offset, length]), [[a.refs[0]?.length, missing]]);
    bench.lose(again);
    bench.ack(c);
    const small = bench.packet(400);
    assert(small.written > 350);
    assertEquals(bench.told, []);
    bench.ack(small, ...bench.packets(1175));
    assertEquals(bench.told, ["delivered 0"]);
    assertEquals(bench.lane.isIdle, true);
  });

  Deno.test(`${kind}: without credit nothing new begins, but what was lost goes again`, () => {
    const bench = withCredit(new LaneBench(testLane(kind, { maxQueuedMessages: 2 })), 2, 200);
    bench.push(100);
    bench.push(100);
    const packet = bench.packet();
    bench.push(100);
    bench.push(100);
    assertEquals(bench.push(100), SendRefusal.noCredit);
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
    assertEquals(bench.packet().written, 0);
    bench.lose(packet);
    assertEquals(numbersOf(bench.packet()), [0, 1]);
    bench.lane.handleCredit(4, 399);
    assertEquals(numbersOf(bench.packet()), [2]);
    bench.lane.handleCredit(3, 400);
    assertEquals(numbersOf(bench.packet()), [3], "limits do not shrink");
    assertEquals(bench.lane.stats.refusedNoCredit, 1);
    assertEquals(bench.told, ["writable"]);
  });

  Deno.test(`${kind}: a message that is too old is given up unsent, and SKIP says so after what goes before`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(100);
    const packet = bench.packet();
    bench.push(100, { ttlUs: 1000 });
    bench.push(100, { ttlUs: 5000 });
    assertEquals(bench.lane.nextExpiryUs, bench.nowUs + 1000);
    bench.nowUs += 1000;
    bench.lane.handleTimeout(bench.nowUs);
    assertEquals(bench.told, ["expired 1"]);
    assertEquals(bench.lane.stats.expired, 1);
    assertEquals(bench.lane.pollSkip(), -1, "message 0 may still come");
    bench.ack(packet);
    assertEquals(bench.lane.pollSkip(), 1);
    assertEquals(bench.lane.pollSkip(), -1);
    bench.lane.onSkip(1, false);
    assertEquals(bench.lane.pollSkip(), 1, "a lost SKIP goes again");
    bench.lane.onSkip(1, true);
    const last = bench.packet();
    assertEquals(numbersOf(last), [2]);
    bench.nowUs += 1_000_000;
    bench.lane.handleTimeout(bench.nowUs);
    bench.lose(last);
    assertEquals(numbersOf(bench.packet()), [2], "what was sent whole is repaired however old it is");
    bench.ack(last);
    assertEquals(bench.lane.isIdle, true);
  });

  Deno.test(`${kind}: a message that is partly sent when its time is over never arrives, and its credit comes back`, () => {
    const bench = withCredit(new LaneBench(testLane(kind)), 10, 5000);
    bench.push(3000, { ttlUs: 1000 });
    bench.push(3000);
    const piece = bench.packet(1175);
    assertEquals(bench.lane.queuedMessages, 2);
    assertEquals(bench.lane.queuedBytes, 6000 - (piece.refs[0]?.length ?? 0));
    bench.nowUs += 1000;
    assertEquals(bench.packet(1175).written, 0, "the peer may hold what came of the first one");
    assertEquals(bench.told, ["expired 0"]);
    bench.lose(piece);
    bench.ack(piece);
    assertEquals(bench.lane.pollSkip(), 0);
    bench.lane.onSkip(0, true);
    bench.ack(...bench.packets());
    assertEquals(bench.told, ["expired 0", "delivered 1"]);
  });
}

Deno.test("the credit of a message that was given up comes back with the SKIP that covers it, not with an earlier one", () => {
  const bench = withCredit(new LaneBench(testLane("reliable-unordered")), 10, 6000);
  bench.push(3000, { ttlUs: 1000 });
  bench.packet();
  bench.nowUs += 1000;
  bench.lane.handleTimeout(bench.nowUs);
  assertEquals(bench.lane.pollSkip(), 0);
  bench.push(2500, { ttlUs: 1000 });
  bench.packet();
  bench.nowUs += 1000;
  bench.lane.handleTimeout(bench.nowUs);
  assertEquals(bench.lane.pollSkip(), 1);
  bench.push(4000);
  bench.lane.onSkip(0, true);
  assertEquals(bench.lane.hasWork(bench.nowUs), false);
  bench.lane.onSkip(1, true);
  assertEquals(bench.lane.hasWork(bench.nowUs), true);
});

Deno.test("a SKIP never names a number beyond the peer's credit", () => {
  const bench = withCredit(new LaneBench(testLane("reliable-ordered", { ttlUs: 100 })), 2);
  for (let i = 0; i < 4; i++) bench.push(10);
  bench.nowUs += 100;
  bench.lane.handleTimeout(bench.nowUs);
  assertEquals(bench.lane.hasSkip, true);
  assertEquals(bench.lane.pollSkip(), 1);
  assertEquals(bench.lane.hasSkip, false);
  assertEquals(bench.lane.pollSkip(), -1);
  bench.lane.handleCredit(4, 2 ** 40);
  assertEquals(bench.lane.hasSkip, true);
  assertEquals(bench.lane.pollSkip(), 3);
  bench.lane.onSkip(3, true);
  assertEquals(bench.lane.isIdle, true);
});

Deno.test("a probe shows the oldest unacknowledged message again, once, without calling it lost", () => {
  const bench = new LaneBench(testLane("reliable-ordered"));
  assertEquals(bench.lane.probe(), false);
  bench.push(100);
  bench.push(100);
  const packet = bench.packet();
  assertEquals(bench.lane.probe(), true);
  const probe = bench.packet();
  assertEquals(numbersOf(probe), [0]);
  bench.ack(probe);
  bench.ack(packet);
  assertEquals(bench.told, ["delivered 0", "delivered 1"]);
});

Deno.test("with fifty thousand messages in flight the oldest lost one goes again first, then the newest", () => {
  const bench = withCredit(new LaneBench(testLane("reliable-unordered")), 1e9);
  const count = 50_000;
  for (let i = 0; i < count; i++) bench.push(8, { report: false });
  const packets = bench.packets(16_384);
  for (let round = 0; round < 20; round++) {
    bench.lane.onRun(count - 1, 1, false, bench.nowUs);
    bench.lane.onRun(0, 1, false, bench.nowUs);
    assertEquals(numbersOf(bench.packet(20)), [0]);
    assertEquals(numbersOf(bench.packet(20)), [count - 1]);
  }
  bench.ack(...packets.toReversed());
  assertEquals(bench.lane.stats.deliveredMessages, count);
  assertEquals(bench.lane.isIdle, true);
});
