import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { type ChannelContext, SecureChannel } from "../../../lib/security/mod.ts";
import { flipBit, testContext, testRing } from "../security/support.ts";
import { FakeStream, RecordedLink, utf8 } from "./support.ts";

/** Two links over streams that a test can see between. */
class Wire {
  readonly near = new FakeStream();
  readonly far = new FakeStream();
  readonly dialler: RecordedLink;
  readonly listener: RecordedLink;
  #nearAt = 0;
  #farAt = 0;

  constructor(dialler: ChannelContext, listener: ChannelContext) {
    this.dialler = new RecordedLink(this.near, { channel: SecureChannel.dial(dialler) });
    this.listener = new RecordedLink(this.far, { channel: SecureChannel.listen(listener) });
    this.listener.open();
    this.dialler.open();
  }

  /** Carries everything over, in pieces of `size`, until nothing moves. */
  carry(size = Infinity, alter: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes): void {
    for (let moved = true; moved;) {
      moved = false;
      for (let next = this.near.writes[this.#nearAt]; next !== undefined;) {
        this.#nearAt++;
        if (this.near.writing) this.near.finishWrite();
        feedIn(this.far, alter(next), size);
        next = this.near.writes[this.#nearAt];
        moved = true;
      }
      for (let next = this.far.writes[this.#farAt]; next !== undefined;) {
        this.#farAt++;
        if (this.far.writing) this.far.finishWrite();
        feedIn(this.near, next, size);
        next = this.far.writes[this.#farAt];
        moved = true;
      }
    }
  }
}

function feedIn(stream: FakeStream, bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) stream.feed(bytes.subarray(at, at + size));
}

function wire(dialKey = 1, listenKey = 1): Wire {
  return new Wire(testContext(testRing(dialKey)), testContext(testRing(listenKey)));
}

Deno.test("a sealed link opens when the dialler has the answer, and the listener at the first record", () => {
  const both = wire();
  assert(!both.dialler.link.isOpen && !both.dialler.send("too early"));
  both.carry();
  assertEquals([both.dialler.opened, both.listener.opened], [1, 0]);
  assert(both.dialler.send("hello"));
  both.carry();
  assertEquals([both.listener.opened, both.listener.frames], [1, ["hello"]]);
  assert(both.listener.send("welcome"));
  both.carry();
  assertEquals(both.dialler.frames, ["welcome"]);
  assert(both.dialler.link.secure);
});

Deno.test("sealed frames of any size arrive whole, whatever the stream does to them", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(lengths, fc.constantFrom(1000, 4096, 70_000, Infinity), (sent, size) => {
      const both = wire();
      both.carry();
      for (const length of sent) both.dialler.send("x".repeat(length));
      both.carry(size);
      assertEquals(both.listener.lengths, sent);
    }),
    { numRuns: 25 },
  );
});

Deno.test("reads of one byte carry handshake and records all the same", () => {
  const both = wire();
  both.carry(1);
  both.dialler.send("hello");
  both.carry(1);
  both.listener.send("welcome");
  both.carry(1);
  assertEquals([both.listener.frames, both.dialler.frames], [["hello"], ["welcome"]]);
});

Deno.test("the wire shows nothing of what is said", () => {
  const both = wire();
  both.carry();
  both.dialler.send("a secret that everybody would recognise");
  both.carry();
  assert(!new TextDecoder("latin1").decode(both.near.written).includes("secret"));
});

Deno.test("a stranger gets no byte, and reads that the keys differ", () => {
  const both = wire(1, 2);
  both.carry();
  assertEquals([both.far.writes.length, both.far.aborted, both.listener.error?.code], [
    0,
    true,
    "authentication",
  ]);
  both.near.feedEnd();
  assertEquals(both.dialler.error?.code, "authentication");
  assertMatch(both.dialler.error?.hint ?? "", /hana mesh show/);
});

Deno.test("a peer that is cut off during the handshake says what it had not proved, cancelling says cancelled", () => {
  const reset = wire();
  reset.near.feedClose(new HanaError("closed", { what: "connection reset" }));
  assertEquals(reset.dialler.error?.code, "authentication");
  const given = wire();
  given.dialler.link.abort(new HanaError("cancelled", { what: "given up" }));
  assertEquals(given.dialler.error?.code, "cancelled");
  const late = wire();
  late.dialler.link.abort(new HanaError("timeout", { what: "late" }));
  assertEquals(late.dialler.error?.code, "timeout");
});

Deno.test("one bit turned anywhere in a record ends the link, and no altered frame arrives", () => {
  fc.assert(
    fc.property(fc.nat(), (bit) => {
      const both = wire();
      both.carry();
      both.dialler.send("first");
      both.carry();
      both.dialler.send("altered");
      both.carry(Infinity, (bytes) => flipBit(bytes, bit % (bytes.length * 8)));
      // A length that grew makes the listener wait; the end then finds it in the middle of a record.
      if (both.listener.closed === 0) both.far.feedEnd();
      assertEquals([both.listener.frames, both.listener.closed], [["first"], 1]);
      assert(["authentication", "protocol", "closed"].includes(both.listener.error?.code ?? ""));
    }),
    { numRuns: 60 },
  );
});

Deno.test("a handshake that comes a second time gets no answer and is counted", () => {
  const member = testContext(testRing(1));
  const listening = testContext(testRing(1));
  const first = new Wire(member, listening);
  first.carry();
  const recording = first.near.writes[0] ?? new Uint8Array(0);
  const replayed = new FakeStream();
  const victim = new RecordedLink(replayed, { channel: SecureChannel.listen(listening) }).open();
  replayed.feed(recording);
  assertEquals([replayed.writes.length, replayed.aborted, victim.error?.code], [0, true, "authentication"]);
  assertEquals(listening.counters.failures["replayed-handshake"], 1);
});

Deno.test("garbage instead of a handshake is refused without an answer", () => {
  for (
    const garbage of [utf8("GET / HTTP/1.1\r\n\r\n"), new Uint8Array(200), new Uint8Array(64).fill(0xff)]
  ) {
    const stream = new FakeStream();
    const side = new RecordedLink(stream, { channel: SecureChannel.listen(testContext(testRing(1))) }).open();
    stream.feed(garbage);
    stream.feedEnd();
    assertEquals([stream.writes.length, side.closed, side.opened], [0, 1, 0]);
    assert(side.error instanceof HanaError);
  }
});

Deno.test("ending between two records is an end, inside one a cut", () => {
  const inOrder = wire();
  inOrder.carry();
  inOrder.dialler.send("bye");
  inOrder.dialler.link.end();
  inOrder.carry();
  inOrder.far.feedEnd();
  assertEquals([inOrder.listener.ended, inOrder.listener.closed], [1, 0]);
  assert(inOrder.near.writeEnded && inOrder.far.writeEnded);
  const cut = wire();
  cut.carry();
  cut.dialler.send("hello");
  cut.carry();
  cut.dialler.send("bye");
  cut.carry(Infinity, (bytes) => bytes.subarray(0, bytes.length - 1));
  cut.far.feedEnd();
  assertEquals([cut.listener.error?.code, cut.listener.frames], ["closed", ["hello"]]);
});
