import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import { SecureChannel } from "../../../lib/security/mod.ts";
import { encodeFrame } from "../../../lib/wire/mod.ts";
import { testContext, testRing } from "../security/support.ts";
import { FakeStream, RecordedLink, utf8 } from "./support.ts";

function openPlain(options: { maxFrameBytes?: number; highWaterBytes?: number } = {}): {
  stream: FakeStream;
  side: RecordedLink;
} {
  const stream = new FakeStream();
  return { stream, side: new RecordedLink(stream, { channel: null, ...options }).open() };
}

Deno.test("a plain link is open at once, and frames arrive however the stream is cut", () => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(fc.property(texts, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
    const { stream, side } = openPlain();
    assertEquals(side.opened, 1);
    const bytes = Uint8Array.from(sent.flatMap((text) => [...encodeFrame(utf8(text))]));
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = cuts[i % cuts.length] ?? 1;
      stream.feed(bytes.subarray(at, at + size));
      at += size;
    }
    assertEquals(side.frames, sent.map((text) => new TextDecoder().decode(utf8(text))));
    assertEquals(side.link.stats.bytesReceived, bytes.length);
  }));
});

Deno.test("reads of one byte each deliver every frame once", () => {
  const { stream, side } = openPlain();
  const bytes = Uint8Array.from([...encodeFrame(utf8("one")), ...encodeFrame(utf8("two"))]);
  for (const byte of bytes) stream.feed(Uint8Array.of(byte));
  assertEquals(side.frames, ["one", "two"]);
});

Deno.test("the first frame goes out at once, all that come meanwhile go out together", () => {
  const { stream, side } = openPlain();
  for (const text of ["first", "second", "third"]) assert(side.send(text));
  assertEquals(stream.writes.length, 1);
  stream.finishWrite();
  assertEquals(stream.writes.length, 2);
  stream.finishAll();
  const reader = openPlain();
  reader.stream.feed(stream.written);
  assertEquals(reader.side.frames, ["first", "second", "third"]);
  assertEquals(side.link.stats.framesSent, 3);
  assertEquals(side.link.stats.bytesSent, stream.written.length);
});

Deno.test("above the high water nothing more is welcome, and a finished write says so", () => {
  const { stream, side } = openPlain({ highWaterBytes: 100 });
  assert(side.send("x".repeat(10)));
  assert(side.link.canSend);
  assert(side.send("y".repeat(200)));
  assert(!side.link.canSend, "204 bytes wait");
  assertEquals(side.link.queuedBytes, 204);
  stream.finishWrite();
  assert(side.link.canSend);
  assertEquals(side.writable, 1);
});

Deno.test("a frame over the limit is not sent, and one that comes ends the link before a byte of it is kept", () => {
  const { stream, side } = openPlain({ maxFrameBytes: 8 });
  assert(!side.send("123456789"));
  assert(side.send("12345678"));
  stream.feed(Uint8Array.of(0, 0, 0, 9, 1, 2, 3));
  assertEquals([side.closed, side.error?.code, stream.aborted], [1, "frame-too-large", true]);
  stream.feed(encodeFrame(utf8("late")));
  stream.feedClose();
  assertEquals([side.frames, side.closed], [[], 1]);
});

Deno.test("an empty frame breaks the protocol", () => {
  const { stream, side } = openPlain();
  stream.feed(new Uint8Array(4));
  assertEquals([side.closed, side.error?.code, stream.aborted], [1, "protocol", true]);
});

Deno.test("frames before garbage arrive, nothing behind it does", () => {
  const { stream, side } = openPlain({ maxFrameBytes: 1000 });
  stream.feed(
    Uint8Array.from([...encodeFrame(utf8("good")), 0xff, 0xff, 0xff, 0xff, ...encodeFrame(utf8("bad"))]),
  );
  assertEquals([side.frames, side.error?.code], [["good"], "frame-too-large"]);
});

Deno.test("a peer that ends in the middle of a frame broke the protocol; between two it ended", () => {
  const cut = openPlain();
  cut.stream.feed(encodeFrame(utf8("whole")).subarray(0, 6));
  cut.stream.feedEnd();
  assertEquals([cut.side.error?.code, cut.stream.aborted], ["protocol", true]);
  const whole = openPlain();
  whole.stream.feed(encodeFrame(utf8("whole")));
  whole.stream.feedEnd();
  assertEquals([whole.side.ended, whole.side.closed, whole.stream.writeEnded], [1, 0, true]);
  whole.stream.feedClose(null);
  assertEquals([whole.side.closed, whole.side.error], [1, null]);
});

Deno.test("ending lets out what waits, takes nothing more, and ends once", () => {
  const { stream, side } = openPlain();
  side.send("one");
  side.send("two");
  side.link.end();
  side.link.end();
  assert(!side.send("three") && !side.link.canSend && !side.link.isOpen);
  assert(!stream.writeEnded);
  stream.finishAll();
  assert(stream.writeEnded);
  const reader = openPlain();
  reader.stream.feed(stream.written);
  assertEquals(reader.side.frames, ["one", "two"]);
});

Deno.test("a peer that has ended still gets what we send until we end", () => {
  const { stream, side } = openPlain();
  side.endsToo = false;
  stream.feedEnd();
  assert(side.send("still here"));
  stream.finishAll();
  assert(!stream.writeEnded);
  side.link.end();
  assert(stream.writeEnded);
});

Deno.test("an abrupt reset is told once, with its reason, and the link is dead", () => {
  const { stream, side } = openPlain();
  side.send("on its way");
  const reset = new HanaError("closed", { what: "connection reset" });
  stream.feedClose(reset);
  assertEquals([side.closed, side.error], [1, reset]);
  assert(!side.send("more") && !side.link.canSend && !side.link.isOpen);
  assertEquals(side.link.queuedBytes, 0);
  side.link.abort();
  side.link.end();
  assertEquals([side.closed, stream.aborted, stream.writeEnded], [1, false, false]);
});

Deno.test("aborting tells the reason at once and once, and drops what waits", () => {
  const { stream, side } = openPlain();
  side.send("one");
  side.send("two");
  const why = new HanaError("overloaded", { what: "too slow" });
  side.link.abort(why);
  stream.feedClose(null);
  assertEquals([side.closed, side.error, stream.writes.length], [1, why, 1]);
});

Deno.test("a frame handler that aborts sees no further frame of the same read", () => {
  const { stream, side } = openPlain();
  side.onFrame = () => side.link.abort();
  stream.feed(Uint8Array.from([...encodeFrame(utf8("a")), ...encodeFrame(utf8("b"))]));
  assertEquals(side.frames, ["a"]);
});

Deno.test("buffers that one huge frame needed are given back", () => {
  const { stream, side } = openPlain({ highWaterBytes: 1024 });
  const huge = "h".repeat(1_000_000);
  for (let i = 0; i < 3; i++) {
    assert(side.send(huge));
    stream.finishAll();
  }
  for (let i = 0; i < 10; i++) {
    side.send("small");
    stream.finishAll();
    assert(stream.lastCapacityBytes <= 4096, `${stream.lastCapacityBytes} bytes behind five`);
  }
  const reader = openPlain();
  for (const bytes of stream.writes) reader.stream.feed(bytes);
  assertEquals(reader.side.lengths, [...Array(3).fill(1_000_000), ...Array(10).fill(5)]);
});

Deno.test("reading can be paused and goes on", () => {
  const { stream, side } = openPlain();
  side.link.pauseReading();
  assert(stream.paused);
  side.link.resumeReading();
  assert(!stream.paused);
});

Deno.test("a handshake that is given up counts under its own reason, in its owner's counters", () => {
  const context = testContext(testRing(1));
  for (
    const [code, counter] of [["timeout", "handshake-timeout"], ["closed", "closed-in-handshake"]] as const
  ) {
    const side = new RecordedLink(new FakeStream(), { channel: SecureChannel.listen(context) }).open();
    side.link.abort(new HanaError(code, { what: "given up" }));
    assertEquals([side.opened, context.counters.failures[counter]], [0, 1]);
  }
});
