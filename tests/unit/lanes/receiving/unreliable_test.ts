// Unreliable lanes: at once, or newest of its key; unfinished messages are few, small and short-lived.

import { assert, assertEquals } from "@std/assert";
import { CloseCode, type LaneKind } from "../../../../lib/lanes/mod.ts";
import {
  MAX_KEYS,
  MAX_PARTIALS,
  MAX_WAITING_BYTES,
  MAX_WAITING_MESSAGES,
  MIN_EXPIRY_US,
} from "../../../../lib/lanes/receiving/mod.ts";
import { messageOf, range, smallBudget, TestLane } from "./recorder.ts";

const UNRELIABLE: readonly LaneKind[] = ["unreliable-unordered", "unreliable-sequenced"];
const STARTS = [0, 65_530, 2 ** 31 - 100, 2 ** 32 - 100, 2 ** 45 - 7];
const LARGEST_KEY = 2 ** 30 - 1;

Deno.test("whole messages of an unordered lane are handed on at once, in any order", () => {
  for (const firstNumber of STARTS) {
    const test = new TestLane("unreliable-unordered", { firstNumber });
    const order = [5, 0, 199, 7, 100, 6].map((i) => firstNumber + i);
    for (const number of order) assertEquals(test.whole(number, messageOf(number, 64)), 0);
    assertEquals(test.sink.numbers, order);
    for (const { number, bytes } of test.sink.received) assertEquals(bytes, messageOf(number, 64));
    assertEquals(test.budget.heldBytes, 0);
  }
});

Deno.test("of a sequenced lane only what is newer than everything before it is handed on", () => {
  for (const firstNumber of STARTS) {
    const test = new TestLane("unreliable-sequenced", { firstNumber });
    for (const i of [0, 1, 5, 3, 5, 4, 6, 150, 149]) test.whole(firstNumber + i, messageOf(i, 8));
    assertEquals(test.sink.numbers, [0, 1, 5, 6, 150].map((i) => firstNumber + i));
    assertEquals(test.stats.receivedStale, 3);
    assertEquals(test.stats.receivedDuplicates, 1);
  }
});

Deno.test("each key is sequenced for itself: a newer value of one never hides that of another", () => {
  for (const firstNumber of STARTS) {
    const test = new TestLane("unreliable-sequenced", { firstNumber });
    const send = (i: number, key: number) => test.whole(firstNumber + i, messageOf(i, 8), key);
    send(3, 0);
    send(1, LARGEST_KEY);
    send(2, 0); // stale
    send(0, 7);
    send(0, 7); // again
    send(4, -1);
    send(5, LARGEST_KEY);
    send(2, -1); // stale among those without a key
    assertEquals(test.sink.numbers, [3, 1, 0, 4, 5].map((i) => firstNumber + i));
    assertEquals([test.stats.receivedStale, test.stats.receivedDuplicates], [2, 1]);
  }
});

Deno.test("a lane that was silent for almost half of all numbers goes on as if nothing had been", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    const far = 2 ** 31 - 2;
    const numbers = [0, 1, 1 + far, 2 + far, 2 + 2 * far, 3 + 3 * far];
    for (const number of numbers) test.whole(number, messageOf(1, 8));
    assertEquals(test.sink.numbers, numbers);
  }
});

Deno.test("a key on a lane without keys is against the protocol", () => {
  assertEquals(new TestLane("unreliable-unordered").whole(0, messageOf(0, 3), 0), CloseCode.protocol);
  assertEquals(
    new TestLane("unreliable-sequenced", { keyed: false }).whole(0, messageOf(0, 3), 0),
    CloseCode.protocol,
  );
  assertEquals(
    new TestLane("unreliable-sequenced", { keyed: false }).piece(0, messageOf(0, 3), 0, 1, 5),
    CloseCode.protocol,
  );
});

Deno.test("more keys than the lane remembers: the one updated longest ago is forgotten, and never goes back", () => {
  const test = new TestLane("unreliable-sequenced");
  for (const i of range(0, MAX_KEYS)) test.whole(i, messageOf(i, 4), i);
  test.whole(MAX_KEYS, messageOf(0, 4), 0); // key 0 is fresh again: key 1 is the oldest
  assertEquals(test.lane.forgottenKeys, 0);
  test.whole(MAX_KEYS + 1, messageOf(1, 4), 5000);
  assertEquals(test.lane.forgottenKeys, 1);
  const count = test.sink.received.length;
  test.whole(1, messageOf(1, 4), 1); // a late copy of what was forgotten
  test.whole(0, messageOf(0, 4), 0);
  assertEquals(test.sink.received.length, count);
  test.whole(MAX_KEYS + 2, messageOf(2, 4), 1);
  assertEquals(test.sink.received.length, count + 1);
});

Deno.test("pieces in any order make one message; a late copy of a piece begins nothing", () => {
  for (const kind of UNRELIABLE) {
    for (const firstNumber of STARTS) {
      const test = new TestLane(kind, { firstNumber });
      const bytes = messageOf(firstNumber, 3000);
      test.piece(firstNumber, bytes, 2000, 3000);
      test.piece(firstNumber, bytes, 0, 1000);
      test.piece(firstNumber, bytes, 0, 1000);
      assertEquals(test.lane.partialMessages, 1);
      test.piece(firstNumber, bytes, 1000, 2000);
      test.piece(firstNumber, bytes, 1000, 2000);
      assertEquals(test.sink.received, [{ number: firstNumber, bytes }]);
      assertEquals(test.stats.receivedDuplicates, 2);
      assertEquals(test.lane.partialMessages, 0);
      assertEquals(test.budget.heldBytes, 0);
    }
  }
});

Deno.test("a newer whole message of a key drops what is unfinished and older of that key, and of no other", () => {
  for (const key of [-1, 0, LARGEST_KEY]) {
    const test = new TestLane("unreliable-sequenced");
    const other = key === 0 ? -1 : 0;
    test.piece(0, messageOf(0, 3000), 0, 1000, key);
    test.piece(1, messageOf(1, 3000), 0, 1000, other);
    test.piece(3, messageOf(3, 3000), 0, 1000, key);
    test.piece(2, messageOf(2, 2000), 0, 1000, key);
    test.piece(2, messageOf(2, 2000), 1000, 2000, key); // whole: 0 will not be
    assertEquals(test.sink.numbers, [2]);
    assertEquals(test.lane.partialMessages, 2);
    assertEquals(test.stats.partialsDropped, 1);
    test.piece(0, messageOf(0, 3000), 1000, 3000, key);
    assertEquals(test.stats.receivedStale, 1);
    test.whole(4, messageOf(4, 5), key);
    assertEquals(test.lane.partialMessages, 1); // that of the other key
    test.piece(1, messageOf(1, 3000), 1000, 3000, other);
    assertEquals(test.sink.numbers, [2, 4, 1]);
    test.closeEmpty();
  }
});

Deno.test("a newer message that is not whole yet drops nothing", () => {
  const test = new TestLane("unreliable-sequenced");
  test.piece(0, messageOf(0, 3000), 0, 1000);
  test.piece(1, messageOf(1, 3000), 0, 1000);
  test.piece(0, messageOf(0, 3000), 1000, 3000);
  test.piece(1, messageOf(1, 3000), 1000, 3000);
  assertEquals(test.sink.numbers, [0, 1]);
});

Deno.test("the ninth unfinished message of a lane takes the place of the one whose last piece is oldest", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    for (const number of range(0, MAX_PARTIALS)) {
      test.nowUs = number;
      test.piece(number, messageOf(number, 100), 0, 10);
    }
    test.nowUs = 20;
    test.piece(0, messageOf(0, 100), 20, 30); // number 1 is the oldest now
    test.piece(8, messageOf(8, 100), 0, 10);
    assertEquals(test.lane.partialMessages, MAX_PARTIALS);
    assertEquals(test.stats.partialsDropped, 1);
    test.piece(0, messageOf(0, 100), 10, 100);
    test.piece(2, messageOf(2, 100), 10, 100);
    assertEquals(test.sink.numbers, [0, 2]);
    test.piece(1, messageOf(1, 100), 10, 100);
    assertEquals(test.sink.numbers, [0, 2]);
    test.closeEmpty();
  }
});

Deno.test("an unfinished message expires after three round trips, after 100 ms at least, counted from its last piece", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    assertEquals(test.lane.nextExpiryUs, Infinity);
    test.nowUs = 1000;
    test.piece(0, messageOf(0, 100), 0, 10);
    assertEquals(test.lane.nextExpiryUs, 1000 + MIN_EXPIRY_US);
    test.nowUs = 50_000;
    test.piece(0, messageOf(0, 100), 10, 20);
    test.nowUs = 60_000;
    test.piece(1, messageOf(1, 100), 10, 20);
    assertEquals(test.lane.nextExpiryUs, 150_000);
    test.lane.handleTimeout(149_999);
    assertEquals(test.lane.partialMessages, 2);
    test.lane.setRoundTrip(200_000);
    assertEquals(test.lane.nextExpiryUs, 650_000);
    test.lane.handleTimeout(650_000);
    assertEquals([test.lane.partialMessages, test.stats.partialsDropped], [1, 1]);
    test.lane.setRoundTrip(10);
    test.lane.handleTimeout(700_000);
    assertEquals([test.lane.partialMessages, test.stats.partialsDropped], [0, 2]);
    assertEquals([test.lane.nextExpiryUs, test.budget.heldBytes], [Infinity, 0]);
  }
});

Deno.test("what contradicts itself or goes over the lane's largest message is refused before anything is allocated", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind, { maxMessageBytes: 1000 });
    const data = new Uint8Array(2000);
    for (
      const [offset, total, length] of [[-1, 50, 10], [0, 50, 0], [41, 50, 10], [0, 10, 10], [
        0,
        0,
        0,
      ]] as const
    ) {
      assertEquals(test.lane.handleData(0, 3, -1, offset, total, data, 0, length), CloseCode.malformed);
    }
    assertEquals(test.whole(1, messageOf(1, 1001)), CloseCode.limit);
    assertEquals(test.piece(1, messageOf(1, 1001), 0, 5), CloseCode.limit);
    assertEquals(test.budget.heldBytes, 0);
    test.piece(4, messageOf(4, 1000), 0, 5);
    assertEquals(test.piece(4, messageOf(4, 999), 5, 9), CloseCode.protocol);
    if (kind === "unreliable-sequenced") {
      assertEquals(test.piece(4, messageOf(4, 1000), 5, 9, 3), CloseCode.protocol);
    }
    assertEquals(test.whole(4, messageOf(4, 999)), CloseCode.protocol);
    assertEquals(test.sink.numbers, []);
    test.closeEmpty();
  }
});

Deno.test("the unfinished messages of all unreliable lanes share 256 KiB, and the oldest of any lane makes room", () => {
  const { budget } = smallBudget({});
  const first = new TestLane("unreliable-unordered", { budget, maxMessageBytes: 100_000 });
  const second = new TestLane("unreliable-sequenced", { budget, maxMessageBytes: 100_000 });
  first.piece(0, messageOf(0, 100_000), 0, 10);
  second.nowUs = 1;
  second.piece(0, messageOf(0, 100_000), 0, 10);
  assertEquals(first.lane.partialMessages, 1);
  second.nowUs = 2;
  second.piece(1, messageOf(1, 100_000), 0, 10);
  assertEquals([first.lane.partialMessages, second.lane.partialMessages], [0, 2]);
  assertEquals(first.stats.partialsDropped, 1);
  assert(budget.heldUnreliableBytes <= 256 * 1024);
  first.lane.close();
  second.closeEmpty();
});

Deno.test("over the endpoint's soft bound no unreliable message is begun, and reliable ones still are", () => {
  const { endpoint, budget } = smallBudget({ softBytes: 50_000, hardBytes: 100_000 });
  const test = new TestLane("unreliable-sequenced", { budget });
  const reliable = new TestLane("reliable-ordered", { budget });
  endpoint.heldBytes += 49_900;
  assertEquals(test.piece(0, messageOf(0, 1000), 0, 10), 0);
  assertEquals([test.lane.partialMessages, test.stats.partialsDropped], [0, 1]);
  assertEquals(test.whole(1, messageOf(1, 1000)), 0);
  assertEquals(test.sink.numbers, [1]); // nothing needs to be kept for it
  assertEquals(reliable.piece(0, messageOf(0, 1000), 0, 10), 0);
  assertEquals(reliable.lane.partialMessages, 1);
  reliable.lane.close();
  test.closeEmpty();
});

Deno.test("a reader that pauses finds the newest 1,024 messages, and what was dropped is counted", () => {
  const test = new TestLane("unreliable-unordered");
  test.lane.pause();
  for (const number of range(0, 1500)) test.whole(number, messageOf(number, 20));
  assertEquals(test.lane.queuedMessages, MAX_WAITING_MESSAGES);
  assertEquals(test.stats.receiveDropped, 1500 - MAX_WAITING_MESSAGES);
  test.lane.resume();
  assertEquals(test.sink.numbers, range(1500 - MAX_WAITING_MESSAGES, MAX_WAITING_MESSAGES));
  for (const { number, bytes } of test.sink.received) assertEquals(bytes, messageOf(number, 20));
  test.closeEmpty();
});

Deno.test("what waits for a paused reader is bounded in bytes too", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    test.lane.pause();
    for (const number of range(0, 100)) {
      test.whole(number, messageOf(number, 16_000));
      assert(test.lane.queuedBytes <= MAX_WAITING_BYTES);
    }
    assertEquals(test.lane.queuedMessages, 65);
    test.lane.resume();
    assertEquals(test.sink.numbers, range(35, 65));
    test.closeEmpty();
  }
});

Deno.test("of each key only the newest value waits for a paused reader, in the place of the first", () => {
  const test = new TestLane("unreliable-sequenced");
  test.lane.pause();
  for (const number of range(0, 3000)) test.whole(number, messageOf(number, 10 + number % 50), number % 3);
  test.whole(3000, messageOf(3000, 5));
  test.whole(3001, messageOf(3001, 5));
  assertEquals(test.lane.queuedMessages, 5); // without a key nothing replaces anything
  assertEquals(test.stats.receiveDropped, 2997);
  test.lane.resume();
  assertEquals(test.sink.numbers, [2997, 2998, 2999, 3000, 3001]);
  for (const number of range(2997, 3)) {
    assertEquals(test.sink.received[number - 2997]?.bytes, messageOf(number, 10 + number % 50));
  }
  test.whole(3002, messageOf(3002, 10), 1);
  test.lane.pause();
  test.whole(3003, messageOf(3003, 10), 1);
  test.lane.resume();
  assertEquals(test.sink.numbers.slice(5), [3002, 3003]);
  test.closeEmpty();
});

Deno.test("a value that outgrows the place of its older one pushes out others, never itself", () => {
  const test = new TestLane("unreliable-sequenced", { maxMessageBytes: 200_000 });
  test.lane.pause();
  for (const key of range(0, 6)) test.whole(key, messageOf(key, 150_000), key);
  assertEquals(test.lane.queuedMessages, 6);
  test.whole(6, messageOf(6, 150_000), 6); // 1,050,000 of 1,048,576: key 0 goes
  assertEquals(test.lane.queuedMessages, 6);
  test.whole(7, messageOf(7, 190_000), 1); // key 1 is now the oldest itself, and outgrows what is free
  test.lane.resume();
  assertEquals(test.sink.numbers, [7, 2, 3, 4, 5, 6]);
  test.closeEmpty();
});

Deno.test("a reader may pause and close from inside of the sink", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    test.lane.pause();
    for (const number of range(0, 4)) test.whole(number, messageOf(number, 3));
    test.sink.onEach = () => test.lane.pause();
    test.lane.resume();
    assertEquals(test.sink.numbers, [0]);
    test.whole(4, messageOf(4, 3));
    test.sink.onEach = () => {
      test.lane.pause();
      test.lane.resume();
    };
    test.lane.resume();
    assertEquals(test.sink.numbers, range(0, 5));
    test.lane.pause();
    for (const number of range(5, 4)) test.whole(number, messageOf(number, 3));
    test.sink.onEach = () => test.lane.close();
    test.lane.resume();
    assertEquals(test.sink.numbers, range(0, 6));
    test.closeEmpty();
    test.whole(20, messageOf(20, 3));
    test.piece(21, messageOf(21, 3), 0, 1);
    assertEquals(test.sink.numbers, range(0, 6));
    test.closeEmpty();
  }
});

Deno.test("a reader that pauses and resumes at every waiting message needs no stack for it", () => {
  const test = new TestLane("unreliable-unordered");
  test.lane.pause();
  for (const number of range(0, 1000)) test.whole(number, messageOf(number, 2));
  let depth = 0;
  let deepest = 0;
  test.sink.onEach = () => {
    deepest = Math.max(deepest, ++depth);
    test.lane.pause();
    test.lane.resume();
    depth--;
  };
  test.lane.resume();
  assertEquals([test.sink.numbers, deepest], [range(0, 1000), 1]);
});

Deno.test("a fragmented message that comes whole after all is delivered, and its pieces are let go", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    test.piece(3, messageOf(3, 500), 0, 100);
    assertEquals(test.whole(3, messageOf(3, 500)), 0);
    assertEquals(test.sink.received, [{ number: 3, bytes: messageOf(3, 500) }]);
    assertEquals([test.lane.partialMessages, test.budget.heldBytes], [0, 0]);
  }
});

Deno.test("fragmented messages alone carry the numbers on, over more than half of all of them", () => {
  for (const kind of UNRELIABLE) {
    const test = new TestLane(kind);
    const far = 2 ** 31 - 2;
    for (const number of [0, far, 2 * far, 3 * far]) {
      test.piece(number, messageOf(1, 20), 0, 10);
      test.piece(number, messageOf(1, 20), 10, 20);
    }
    assertEquals(test.sink.numbers, [0, far, 2 * far, 3 * far]);
  }
});

Deno.test("a closed lane is no longer asked to make room", () => {
  const { budget } = smallBudget({});
  const lanes = UNRELIABLE.map((kind) => new TestLane(kind, { budget }));
  assertEquals(budget.ownerCount, 2);
  for (const { lane } of lanes) lane.close();
  assertEquals(budget.ownerCount, 0);
});
