import { assert, assertEquals } from "@std/assert";
import { LANE_KINDS, SendRefusal } from "../../../../lib/lanes/mod.ts";
import { KEPT_BYTES, SHRINK_AFTER_US } from "../../../../lib/lanes/sending/mod.ts";
import { LaneBench, numbersOf, testLane } from "./bench.ts";

for (const kind of LANE_KINDS) {
  Deno.test(`${kind}: a lane that refuses takes exactly its messages and bytes, and says once that it has room`, () => {
    const lane = testLane(kind, { overflow: "refuse", maxQueuedMessages: 4, maxQueuedBytes: 1000 });
    const bench = new LaneBench(lane);
    for (let i = 0; i < 4; i++) assertEquals(bench.push(250), i);
    assertEquals(bench.push(0), SendRefusal.full, "no fifth message");
    assertEquals(bench.lane.freeBytes, 0);
    const packet = bench.packet(550);
    assertEquals(numbersOf(packet), [0, 1]);
    assertEquals(bench.told, ["writable"]);
    assertEquals(bench.push(501), SendRefusal.full, "no byte more");
    assertEquals(bench.push(500), 4);
    assertEquals(bench.push(1001), SendRefusal.tooLarge);
    assertEquals(bench.lane.stats.refusedFull, 2);
    assertEquals(bench.lane.stats.refusedTooLarge, 1);
    bench.packets();
    assertEquals(bench.told, ["writable", "writable"]);
  });

  Deno.test(`${kind}: a lane that drops the oldest drops no more than it must`, () => {
    const lane = testLane(kind, { overflow: "drop-oldest", maxQueuedMessages: 4, maxQueuedBytes: 1000 });
    const bench = new LaneBench(lane);
    for (let i = 0; i < 4; i++) bench.push(250);
    assertEquals(bench.push(300), 4);
    assertEquals(bench.told, ["expired 0", "expired 1"]);
    assertEquals(bench.lane.stats.droppedOldest, 2);
    assertEquals([bench.lane.queuedMessages, bench.lane.queuedBytes], [3, 800]);
    assertEquals(numbersOf(bench.packet()), [2, 3, 4]);
  });

  Deno.test(`${kind}: a lane that drops the newest keeps what it has`, () => {
    const lane = testLane(kind, { overflow: "drop-newest", maxQueuedMessages: 2 });
    const bench = new LaneBench(lane);
    bench.push(10);
    bench.push(10);
    assertEquals(bench.push(10), SendRefusal.full);
    assertEquals(bench.lane.stats.droppedNewest, 1);
    assertEquals(bench.lane.stats.refusedFull, 0);
    assertEquals(numbersOf(bench.packet()), [0, 1]);
    assertEquals(bench.told, []);
  });

  Deno.test(`${kind}: a message that is partly sent is not dropped for a newer one`, () => {
    const bench = new LaneBench(testLane(kind, { overflow: "drop-oldest", maxQueuedMessages: 2 }));
    bench.push(3000);
    bench.push(10);
    const begun = bench.packet();
    assertEquals(bench.push(10), 2);
    assertEquals(bench.told, ["expired 1"]);
    bench.ack(begun, ...bench.packets());
    assertEquals(bench.told, ["expired 1", "delivered 0", "delivered 2"]);
  });

  Deno.test(`${kind}: whoever is told of room may send from inside the call`, () => {
    const lane = testLane(kind, { overflow: "refuse", maxQueuedMessages: 2 });
    const bench = new LaneBench(lane);
    bench.push(10);
    bench.push(10);
    assertEquals(bench.push(10), SendRefusal.full);
    bench.onTold = () => {
      while (bench.push(10) >= 0);
    };
    bench.packet();
    assertEquals(bench.lane.queuedMessages, 2);
    bench.packet();
    assertEquals(bench.told, ["writable", "writable"]);
    assertEquals(bench.lane.queuedMessages, 2);
  });

  Deno.test(`${kind}: whoever is told of a drop may send from inside the call`, () => {
    const bench = new LaneBench(testLane(kind, { overflow: "drop-oldest", maxQueuedMessages: 2 }));
    bench.onTold = () => {
      if (bench.told.length < 100) bench.push(10);
    };
    for (let i = 0; i < 3; i++) bench.push(10);
    assertEquals(bench.told.length, 100);
    assertEquals(new Set(bench.told).size, 100);
    assertEquals(bench.lane.queuedMessages, 2);
    assertEquals(numbersOf(bench.packet()), [100, 101]);
  });

  Deno.test(`${kind}: what fits a packet of its own is never cut, and less than 128 bytes are no place for a piece`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(1000);
    assertEquals(bench.packet(1175, Infinity, 600).written, 0);
    assertEquals(bench.packet(1175).frames[0]?.total, -1);
    bench.push(3000);
    assertEquals(bench.packet(1175, Infinity, 1050).written, 0);
    const piece = bench.packet(1175, Infinity, 900);
    assertEquals(piece.frames[0]?.total, 3000);
    assert(piece.written > 240);
  });

  Deno.test(`${kind}: a message is cut after all when control frames leave no packet of its own`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(1050);
    let packets = 0;
    while (bench.packet(1175, Infinity, 200).written === 0) packets++;
    assert(packets > 0 && packets < 10, `${packets} packets`);
  });

  Deno.test(`${kind}: a turn keeps to its budget, but for its first frame`, () => {
    const bench = new LaneBench(testLane(kind));
    for (let i = 0; i < 10; i++) bench.push(100);
    assertEquals(bench.packet(1175, 50).frames.length, 1);
    assertEquals(bench.packet(1175, 330).frames.length, 3);
    assertEquals(bench.packet(1175, Infinity).frames.length, 6);
  });

  Deno.test(`${kind}: a closed lane tells once what became of everything, and takes nothing more`, () => {
    const bench = new LaneBench(testLane(kind));
    bench.push(10);
    const packet = bench.packet();
    bench.push(10);
    bench.lane.close();
    bench.lane.close();
    assertEquals(bench.told, ["lost 0", "expired 1"]);
    bench.ack(packet);
    assertEquals(bench.told.length, 2);
    assertEquals(bench.push(10), SendRefusal.closed);
    assertEquals(bench.lane.hasWork(bench.nowUs), false);
    assertEquals(bench.packet().written, 0);
    assertEquals([bench.lane.queuedMessages, bench.lane.queuedBytes], [0, 0]);
    assertEquals(bench.lane.nextExpiryUs, Infinity);
  });

  Deno.test(`${kind}: memory grows with what waits and is given back when the lane stays idle`, () => {
    const bench = new LaneBench(testLane(kind, { maxQueuedBytes: 1024 * 1024, maxMessageBytes: 16 * 1024 }));
    assert(bench.lane.heldBytes < 16 * 1024);
    for (let i = 0; i < 64; i++) assertEquals(bench.push(16 * 1024), i);
    assert(bench.lane.heldBytes > 1024 * 1024 && bench.lane.heldBytes < 4 * 1024 * 1024 + KEPT_BYTES);
    bench.ack(...bench.packets());
    assertEquals(bench.lane.nextExpiryUs, bench.nowUs + SHRINK_AFTER_US);
    bench.nowUs += SHRINK_AFTER_US;
    bench.lane.handleTimeout(bench.nowUs);
    assert(bench.lane.heldBytes < 16 * 1024);
    assertEquals(bench.lane.nextExpiryUs, Infinity);
    bench.push(100);
    bench.ack(...bench.packets());
    assertEquals(bench.told.at(-1), "delivered 64");
  });
}
