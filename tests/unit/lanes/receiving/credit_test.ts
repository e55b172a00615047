// Credit: what the sender may use, when it must hear of more, and that both ends count alike.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_RELIABLE_MESSAGE_BYTES } from "../../../../lib/lanes/mod.ts";
import { WINDOW_MESSAGES, windowBytesFor } from "../../../../lib/lanes/receiving/mod.ts";
import { messageOf, range, TestLane } from "./recorder.ts";

Deno.test("the window that both ends start with takes the largest message and lets it be followed", () => {
  assertEquals(WINDOW_MESSAGES, 16_384);
  assertEquals(windowBytesFor(1000), 4 * 2 ** 20);
  assertEquals(windowBytesFor(MAX_RELIABLE_MESSAGE_BYTES), 17 * 2 ** 20);
});

Deno.test("credit is due when more than half of the messages were used up, and not before", () => {
  const test = new TestLane("reliable-ordered", { windowMessages: 10 });
  for (const number of range(0, 5)) test.whole(number, messageOf(number, 1));
  assert(!test.lane.creditDue);
  test.whole(5, messageOf(5, 1));
  assert(test.lane.creditDue);
  assertEquals(test.lane.messageLimit, 16);
  test.lane.onCreditSent();
  assert(!test.lane.creditDue);
  test.lane.onCreditLost();
  assert(test.lane.creditDue);
  test.lane.onCreditSent();
  assert(!test.lane.creditDue);
});

Deno.test("credit is due when more than half of the bytes were used up, in units that travel", () => {
  const test = new TestLane("reliable-unordered", { windowBytes: 8192, maxMessageBytes: 1024 });
  for (const number of range(0, 4)) test.whole(number, messageOf(number, 1024));
  assert(!test.lane.creditDue);
  test.whole(5, messageOf(5, 100)); // behind a hole: its bytes are used up, its number waits
  assert(test.lane.creditDue);
  assertEquals(test.lane.byteLimit, Math.floor((4196 + 8192) / 256) * 256);
  assertEquals(test.lane.messageLimit, 4 + WINDOW_MESSAGES);
});

Deno.test("unreliable lanes ask for no credit and set no limit", () => {
  const test = new TestLane("unreliable-unordered");
  for (const number of range(0, 100)) test.whole(number, messageOf(number, 1000));
  assertEquals([test.lane.creditDue, test.lane.messageLimit], [false, Infinity]);
});

// The sender's side of the agreement, as docs/lanes.md words it, against the receiver: in any order of arrival, with
// losses, resends and skips, an honest sender is never refused, and never stuck when all that it sent was dealt with.
Deno.test("an honest sender is never refused and never stuck, whatever is reordered, lost or skipped", () => {
  const step = fc.record({
    kind: fc.constantFrom(
      "send",
      "send",
      "send",
      "arrive",
      "arrive",
      "arrive",
      "lose",
      "pause",
      "resume",
      "skip",
    ),
    pick: fc.nat(1000),
    length: fc.oneof(fc.nat(40), fc.constantFrom(0, 256, 1999, 2000)),
  });
  fc.assert(
    fc.property(
      fc.constantFrom("reliable-ordered" as const, "reliable-unordered" as const),
      fc.constantFrom(0, 2 ** 32 - 5),
      fc.constantFrom(5000, 2600, 2000), // wide, narrow, raised to what the largest message needs
      fc.array(step, { maxLength: 120, size: "max" }),
      (kind, firstNumber, windowBytes, steps) => {
        const test = new TestLane(kind, {
          firstNumber,
          windowMessages: 6,
          windowBytes,
          maxMessageBytes: 2000,
        });
        const sender = new HonestSender(firstNumber, test);
        for (const { kind: what, pick, length } of steps) {
          if (what === "send") sender.send(length);
          else if (what === "arrive") sender.arrive(pick);
          else if (what === "lose") sender.lose(pick);
          else if (what === "skip") sender.skip();
          else if (what === "pause") test.lane.pause();
          else test.lane.resume();
        }
        test.lane.resume();
        sender.settle();
        assertEquals(test.lane.queuedMessages + test.lane.partialMessages, 0);
        for (let i = 0; i < 30; i++) {
          assert(sender.send(2000), "stuck with everything dealt with");
          sender.settle();
        }
        assertEquals(test.sink.numbers.toSorted((a, b) => a - b), sender.whole);
        test.closeEmpty();
      },
    ),
    { numRuns: 300 },
  );
});

interface Flight {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
}

/** Cuts messages of more than 500 bytes in two; leaves the second half unsent at times, which may then be skipped. */
class HonestSender {
  /** Numbers that were sent whole: each must arrive. */
  readonly whole: number[] = [];
  #next: number;
  #used = 0;
  #messageLimit: number;
  #byteLimit: number;
  #flights: Flight[] = [];
  /** Sent in part only; never to be finished. */
  #broken: Flight[] = [];
  #unacked = new Map<number, number>();

  constructor(firstNumber: number, readonly test: TestLane) {
    this.#next = firstNumber;
    this.#messageLimit = test.lane.messageLimit;
    this.#byteLimit = test.lane.byteLimit;
  }

  send(length: number): boolean {
    if (this.#next >= this.#messageLimit || this.#used + length > this.#byteLimit) return false;
    const number = this.#next++;
    const bytes = messageOf(number, length);
    this.#used += length;
    if (length === 1999) { // its time is over when only half of it was sent
      const half = { number, bytes, offset: 0, end: 1000 };
      this.#flights.push(half);
      this.#broken.push(half);
      return true;
    }
    const cut = length > 500 ? 500 : length;
    this.whole.push(number);
    this.#unacked.set(number, cut < length ? 2 : 1);
    this.#flights.push({ number, bytes, offset: 0, end: cut });
    if (cut < length) this.#flights.push({ number, bytes, offset: cut, end: length });
    return true;
  }

  arrive(pick: number): void {
    if (this.#flights.length === 0) return;
    const [flight] = this.#flights.splice(pick % this.#flights.length, 1);
    if (flight === undefined) return;
    const { number, bytes, offset, end } = flight;
    const code = end - offset === bytes.length
      ? this.test.whole(number, bytes)
      : this.test.piece(number, bytes, offset, end);
    assertEquals(code, 0, `${number} refused`);
    const left = (this.#unacked.get(number) ?? 0) - 1;
    if (left === 0) this.#unacked.delete(number);
    else if (left > 0) this.#unacked.set(number, left);
    this.#readCredit();
  }

  /** Lost, found lost and sent again, behind what is under way. */
  lose(pick: number): void {
    const [flight] = this.#flights.splice(pick % Math.max(1, this.#flights.length), 1);
    if (flight !== undefined && !this.#broken.includes(flight)) this.#flights.push(flight);
  }

  /** Gives up the first message that was sent in part, once all before it are acknowledged. */
  skip(): void {
    const broken = this.#broken[0];
    if (broken === undefined) return;
    for (const number of this.#unacked.keys()) if (number < broken.number) return;
    assertEquals(this.test.skip(broken.number), 0);
    this.#broken.shift();
    this.#used -= broken.bytes.length; // the skip is acknowledged
    this.#readCredit();
  }

  /** Everything arrives, in order. */
  settle(): void {
    while (this.#flights.length > 0) this.arrive(0);
    while (this.#broken.length > 0) this.skip();
    this.#readCredit();
  }

  #readCredit(): void {
    const { lane } = this.test;
    if (!lane.creditDue) return;
    assert(lane.messageLimit >= this.#messageLimit && lane.byteLimit >= this.#byteLimit, "credit went back");
    this.#messageLimit = lane.messageLimit;
    this.#byteLimit = lane.byteLimit;
    lane.onCreditSent();
  }
}
