// Reliable lanes: every message once, in order or as it is whole, never more than was granted.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { CloseCode, type LaneKind } from "../../../../lib/lanes/mod.ts";
import { messageOf, range, smallBudget, TestLane } from "./recorder.ts";

const RELIABLE: readonly LaneKind[] = ["reliable-ordered", "reliable-unordered"];
/** Where numbers begin: at 0, before the low 32 bits wrap, at the middle, far on. */
const STARTS = [0, 65_530, 2 ** 31 - 100, 2 ** 32 - 100, 2 ** 45 - 7];

Deno.test("messages in order go to the sink from the packet itself, with nothing kept", () => {
  for (const kind of RELIABLE) {
    for (const firstNumber of STARTS) {
      const test = new TestLane(kind, { firstNumber });
      for (const number of range(firstNumber, 300)) {
        assertEquals(test.whole(number, messageOf(number, number % 70)), 0);
        assertEquals(test.budget.heldBytes, 0);
      }
      assertEquals(test.sink.numbers, range(firstNumber, 300));
      for (const { number, bytes } of test.sink.received) assertEquals(bytes, messageOf(number, number % 70));
      assertEquals(test.stats.receivedMessages, 300);
      assertEquals(test.lane.messageLimit, firstNumber + 300 + 16_384);
    }
  }
});

Deno.test("the very packet reaches the sink: no copy of a message whose turn it is", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    const packet = new Uint8Array(100);
    let seen: Uint8Array | null = null;
    const original = test.sink.onMessage.bind(test.sink);
    test.sink.onMessage = (lane, bytes, start, length, number) => {
      seen = bytes;
      assertEquals([start, length], [10, 20]);
      original(lane, bytes, start, length, number);
    };
    test.lane.handleData(0, 0, -1, 0, -1, packet, 10, 20);
    assertStrictEquals(seen, packet);
  }
});

Deno.test("an ordered lane keeps what comes early and hands it on in order, across the wrap of 32 bits", () => {
  for (const firstNumber of STARTS) {
    const test = new TestLane("reliable-ordered", { firstNumber });
    for (const number of range(firstNumber + 1, 200).reverse()) test.whole(number, messageOf(number, 50));
    assertEquals(test.sink.numbers, []);
    assertEquals(test.lane.queuedMessages, 200);
    assertEquals(test.lane.queuedBytes, 10_000);
    test.whole(firstNumber, messageOf(firstNumber, 50));
    assertEquals(test.sink.numbers, range(firstNumber, 201));
    for (const { number, bytes } of test.sink.received) assertEquals(bytes, messageOf(number, 50));
    assertEquals(test.lane.queuedMessages, 0);
    test.closeEmpty();
  }
});

Deno.test("an unordered lane hands on what is whole, whatever is missing before it", () => {
  for (const firstNumber of STARTS) {
    const test = new TestLane("reliable-unordered", { firstNumber });
    const order = range(firstNumber, 200).reverse();
    for (const number of order) test.whole(number, messageOf(number, 50));
    assertEquals(test.sink.numbers, order);
    assertEquals(test.budget.heldBytes, 0);
  }
});

Deno.test("a late copy of a message, or of a piece of one, makes no state and is only counted", () => {
  for (const kind of RELIABLE) {
    for (const firstNumber of STARTS) {
      const test = new TestLane(kind, { firstNumber });
      const large = messageOf(firstNumber, 3000);
      test.piece(firstNumber, large, 0, 1000);
      test.piece(firstNumber, large, 1000, 2000);
      test.piece(firstNumber, large, 2000, 3000);
      test.whole(firstNumber + 2, messageOf(firstNumber + 2, 20)); // behind a hole
      const before = [test.sink.received.length, test.budget.heldBytes, test.lane.messageLimit];
      assertEquals(test.piece(firstNumber, large, 1000, 2000), 0);
      assertEquals(test.whole(firstNumber, large), 0);
      assertEquals(test.whole(firstNumber + 2, messageOf(firstNumber + 2, 20)), 0);
      assertEquals(test.piece(firstNumber + 2, messageOf(firstNumber + 2, 20), 0, 10), 0);
      assertEquals([test.sink.received.length, test.budget.heldBytes, test.lane.messageLimit], before);
      assertEquals(test.stats.receivedDuplicates, 4);
      assertEquals(test.lane.partialMessages, 0);
      test.closeEmpty();
    }
  }
});

Deno.test("empty messages are messages", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    const empty = new Uint8Array(0);
    test.whole(1, empty);
    test.whole(0, empty);
    test.whole(1, empty);
    assertEquals(test.sink.numbers.toSorted(), [0, 1]);
    assertEquals(test.stats.receivedBytes, 0);
    test.closeEmpty();
  }
});

Deno.test("a resend may be cut anew, or come whole, when the path has changed", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    const first = messageOf(0, 4000);
    test.piece(0, first, 0, 1100);
    test.piece(0, first, 2200, 3300);
    test.piece(0, first, 600, 2500);
    assertEquals(test.sink.numbers, []);
    test.piece(0, first, 3299, 4000);
    const second = messageOf(1, 1300);
    test.piece(1, second, 0, 1100);
    test.whole(1, second);
    assertEquals(test.sink.received, [{ number: 0, bytes: first }, { number: 1, bytes: second }]);
    test.closeEmpty();
  }
});

Deno.test("a message beyond what was granted closes the connection: by number, by bytes, by length", () => {
  for (const kind of RELIABLE) {
    const options = { windowMessages: 8, windowBytes: 10_000, maxMessageBytes: 2000 };
    const byNumber = new TestLane(kind, options);
    assertEquals(byNumber.whole(7, messageOf(7, 1)), 0);
    assertEquals(byNumber.whole(8, messageOf(8, 1)), CloseCode.limit);
    assertEquals(byNumber.piece(8, messageOf(8, 10), 0, 5), CloseCode.limit);
    assertEquals(byNumber.whole(2 ** 31, messageOf(1, 1)), CloseCode.limit);

    const byBytes = new TestLane(kind, options);
    for (const number of range(1, 5)) assertEquals(byBytes.piece(number, messageOf(number, 2000), 0, 1), 0);
    assertEquals(byBytes.piece(6, messageOf(6, 2000), 0, 1), CloseCode.limit);
    assertEquals(byBytes.whole(6, messageOf(6, 1)), CloseCode.limit);
    assertEquals(byBytes.lane.partialBytes, 10_000);

    const byLength = new TestLane(kind, options);
    assertEquals(byLength.whole(0, messageOf(0, 2001)), CloseCode.limit);
    assertEquals(byLength.piece(0, messageOf(0, 2001), 0, 1), CloseCode.limit);
    assertEquals(byLength.sink.numbers, []);
    assertEquals(byLength.budget.heldBytes, 0);
  }
});

Deno.test("pieces that contradict each other, or themselves, close the connection before anything is allocated", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    const data = new Uint8Array(100);
    const malformed = [[-1, 50, 10], [0, 50, 0], [41, 50, 10], [0, 10, 10], [2 ** 30, 50, 10], [0, 1, 1], [
      0,
      0,
      0,
    ]];
    for (const [offset = 0, total = 0, length = 0] of malformed) {
      assertEquals(test.lane.handleData(0, 3, -1, offset, total, data, 0, length), CloseCode.malformed);
    }
    assertEquals(test.budget.heldBytes, 0);
    assertEquals(test.lane.handleData(0, 3, 5, 0, -1, data, 0, 10), CloseCode.protocol); // a key
    assertEquals(test.piece(3, messageOf(3, 50), 0, 10), 0);
    assertEquals(test.piece(3, messageOf(3, 51), 10, 20), CloseCode.protocol);
    assertEquals(test.whole(3, messageOf(3, 49)), CloseCode.protocol);
    test.closeEmpty();
  }
});

Deno.test("a skip gives up what is not whole, and hands on what is, before and behind it", () => {
  for (const firstNumber of STARTS) {
    const at = (i: number) => firstNumber + i;
    const ordered = new TestLane("reliable-ordered", { firstNumber });
    ordered.whole(at(0), messageOf(0, 5));
    ordered.piece(at(1), messageOf(1, 1000), 0, 600); // never whole
    ordered.whole(at(2), messageOf(2, 5)); // whole: acknowledged, so it must arrive
    ordered.whole(at(4), messageOf(4, 5));
    ordered.whole(at(6), messageOf(6, 5));
    assertEquals(ordered.sink.numbers, [at(0)]);
    assertEquals(ordered.skip(at(3)), 0);
    assertEquals(ordered.sink.numbers, [at(0), at(2), at(4)]);
    assertEquals(ordered.stats.skipped, 2);
    assertEquals(ordered.lane.partialMessages, 0);
    assertEquals(ordered.skip(at(3)), 0); // again
    assertEquals(ordered.skip(at(1)), 0); // an older one
    assertEquals(ordered.stats.skipped, 2);
    assertEquals(ordered.whole(at(3), messageOf(3, 5)), 0); // too late
    assertEquals(ordered.piece(at(1), messageOf(1, 1000), 0, 1), 0);
    ordered.whole(at(5), messageOf(5, 5));
    assertEquals(ordered.sink.numbers, [0, 2, 4, 5, 6].map(at));
    assertEquals(ordered.lane.messageLimit, at(7) + 16_384);
    ordered.closeEmpty();

    const unordered = new TestLane("reliable-unordered", { firstNumber });
    unordered.piece(at(0), messageOf(0, 1000), 0, 600);
    unordered.whole(at(2), messageOf(2, 5));
    unordered.whole(at(5), messageOf(5, 5));
    assertEquals(unordered.skip(at(3)), 0);
    assertEquals(unordered.stats.skipped, 3);
    assertEquals(unordered.lane.messageLimit, at(4) + 16_384);
    unordered.whole(at(4), messageOf(4, 5));
    assertEquals(unordered.sink.numbers, [2, 5, 4].map(at));
    assertEquals(unordered.lane.messageLimit, at(6) + 16_384);
    unordered.closeEmpty();
  }
});

Deno.test("a skip beyond the window is against the protocol, and so is one on an unreliable lane", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind, { windowMessages: 8 });
    assertEquals(test.skip(8), CloseCode.protocol);
    assertEquals(test.stats.skipped, 0);
    assertEquals(test.skip(7), 0);
    assertEquals(test.stats.skipped, 8);
    assertEquals(test.lane.messageLimit, 16);
  }
  assertEquals(new TestLane("unreliable-sequenced").skip(0), CloseCode.protocol);
  assertEquals(new TestLane("unreliable-unordered").skip(0), CloseCode.protocol);
});

Deno.test("a reader that pauses keeps every message in its order, and credit stands still until it resumes", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind, { windowMessages: 16 });
    test.whole(0, messageOf(0, 9));
    test.lane.pause();
    for (const number of range(1, 15)) assertEquals(test.whole(number, messageOf(number, 9)), 0);
    assertEquals(test.sink.numbers, [0]);
    assertEquals(test.lane.messageLimit, 17);
    assertEquals(test.lane.queuedMessages, 15);
    assert(!test.lane.creditDue);
    assertEquals(test.whole(16, messageOf(16, 9)), 0); // the last one that was granted
    assertEquals(test.whole(17, messageOf(17, 9)), CloseCode.limit);
    test.lane.resume();
    assertEquals(test.sink.numbers, range(0, 17));
    for (const { number, bytes } of test.sink.received) assertEquals(bytes, messageOf(number, 9));
    assertEquals(test.lane.messageLimit, 33);
    assert(test.lane.creditDue);
    test.whole(17, messageOf(17, 9));
    assertEquals(test.sink.numbers.at(-1), 17);
    test.closeEmpty();
  }
});

Deno.test("a skip while the reader pauses takes effect in its turn", () => {
  const test = new TestLane("reliable-ordered", { windowMessages: 16 });
  test.lane.pause();
  test.whole(0, messageOf(0, 9));
  test.whole(2, messageOf(2, 9));
  test.whole(4, messageOf(4, 9));
  assertEquals(test.skip(1), 0);
  assertEquals(test.skip(3), 0);
  assertEquals([test.sink.numbers, test.lane.messageLimit], [[], 16]);
  test.lane.resume();
  assertEquals([test.sink.numbers, test.lane.messageLimit], [[0, 2, 4], 21]);
  test.closeEmpty();
});

Deno.test("a sink may pause, resume and close its lane from inside, and no message is lost or doubled by it", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    test.sink.onEach = () => test.lane.pause();
    test.lane.pause();
    for (const number of range(0, 4)) test.whole(number, messageOf(number, 3));
    for (const count of [1, 2, 3]) {
      test.lane.resume();
      assertEquals(test.sink.numbers, range(0, count));
    }
    test.sink.onEach = () => {
      test.lane.pause();
      test.lane.resume();
    };
    for (const number of range(4, 3)) test.whole(number, messageOf(number, 3));
    test.lane.resume();
    assertEquals(test.sink.numbers, range(0, 7));
    test.whole(8, messageOf(8, 3));
    test.sink.onEach = () => test.lane.close();
    test.whole(7, messageOf(7, 3));
    const expected = kind === "reliable-ordered" ? [7] : [8, 7];
    assertEquals(test.sink.numbers, [...range(0, 7), ...expected]);
    test.closeEmpty();
  }
});

Deno.test("a sink that throws takes one message with it and leaves the lane whole", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    test.lane.pause();
    for (const number of range(0, 4)) test.whole(number, messageOf(number, 3));
    test.sink.onEach = (number) => {
      if (number === 1) throw new Error("of the sink");
    };
    let thrown = 0;
    const attempt = (what: () => void) => {
      try {
        what();
      } catch {
        thrown++;
      }
    };
    attempt(() => test.lane.resume());
    assertEquals(thrown, 1);
    test.whole(4, messageOf(4, 3));
    assertEquals(test.sink.numbers, range(0, 5));
    test.closeEmpty();
  }
});

Deno.test("a closed lane has given back its memory and takes nothing more", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    test.lane.pause();
    test.whole(0, messageOf(0, 300));
    test.whole(5, messageOf(5, 300));
    test.piece(3, messageOf(3, 5000), 0, 1000);
    assert(test.budget.heldBytes > 5600);
    test.closeEmpty();
    assertEquals(test.whole(1, messageOf(1, 3)), 0);
    assertEquals(test.piece(2, messageOf(2, 3), 0, 1), 0);
    assertEquals(test.skip(9), 0);
    test.lane.resume();
    test.lane.close();
    assertEquals(test.sink.numbers, []);
    test.closeEmpty();
  }
});

Deno.test("more than 1,024 separate ranges of a message close the connection", () => {
  const test = new TestLane("reliable-ordered");
  const bytes = messageOf(0, 10_000);
  for (let i = 0; i < 1024; i++) assertEquals(test.piece(0, bytes, 4 * i, 4 * i + 1), 0);
  assertEquals(test.piece(0, bytes, 4, 6), 0); // grows a range
  assertEquals(test.piece(0, bytes, 9000, 9001), CloseCode.limit);
  test.closeEmpty();
});

Deno.test("an endpoint over its hard bound refuses a connection that holds more than its guaranteed part", () => {
  const { endpoint, budget } = smallBudget({
    softBytes: 50_000,
    hardBytes: 100_000,
    guaranteedBytes: 20_000,
  });
  const test = new TestLane("reliable-ordered", { budget });
  endpoint.heldBytes += 95_000; // other connections
  assertEquals(test.whole(1, messageOf(1, 15_000)), 0);
  assertEquals(test.whole(2, messageOf(2, 15_000)), CloseCode.limit);
  assertEquals(budget.refusals, 1);
  test.closeEmpty();
  assertEquals(endpoint.heldBytes, 95_000);
});

Deno.test("a reader that pauses and resumes at every message of a full window needs no stack for it", () => {
  for (const kind of RELIABLE) {
    const test = new TestLane(kind);
    test.lane.pause();
    for (const number of range(0, 16_384)) test.whole(number, messageOf(number, 2));
    let depth = 0;
    let deepest = 0;
    test.sink.onEach = () => {
      deepest = Math.max(deepest, ++depth);
      test.lane.pause();
      test.lane.resume();
      depth--;
    };
    test.lane.resume();
    assertEquals(test.sink.numbers, range(0, 16_384));
    assertEquals(deepest, 1);
    test.closeEmpty();
  }
});

Deno.test("a connection keeps no more than its bound for all lanes together", () => {
  const { budget } = smallBudget({}, { connectionBytes: 10_000 });
  const first = new TestLane("reliable-ordered", { budget });
  const second = new TestLane("reliable-unordered", { budget });
  assertEquals(first.whole(1, messageOf(1, 6000)), 0);
  assertEquals(second.piece(0, messageOf(0, 3000), 0, 10), CloseCode.limit);
  assertEquals(second.whole(0, messageOf(0, 3000)), 0); // needs nothing
  first.lane.close();
  assertEquals(second.piece(1, messageOf(1, 600), 0, 10), 0);
  second.closeEmpty();
});
