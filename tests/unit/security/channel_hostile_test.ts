// The encrypted channel against strangers, recordings, alterations and peers that stop in the middle.

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  CHANNEL_FAILURES,
  type ChannelContext,
  channelError,
  type ChannelFailure,
  ReplayGuard,
  SecureChannel,
} from "../../../lib/security/mod.ts";
import { connected, Endpoint, endpoints, flipBit, testContext, testRing } from "./support.ts";

/** What a listener makes of `bytes`; checks that it answered nothing and counted the failure once. */
function refusal(
  bytes: Uint8Array,
  context: ChannelContext = testContext(testRing(1)),
): ChannelFailure | null {
  const listener = new Endpoint(SecureChannel.listen(context));
  const before = { ...context.counters.failures };
  const failure = listener.feed(bytes);
  assertEquals(listener.output().length, 0, "not a byte to a stranger");
  assertEquals(listener.received, []);
  if (failure !== null) {
    assertEquals(context.counters.failures[failure], before[failure] + 1);
    assertEquals(listener.feed(bytes), failure, "a failed channel ignores what still comes");
    assertEquals(context.counters.failures[failure], before[failure] + 1);
    assertEquals([listener.channel.state, listener.channel.slot], ["failed", null]);
  }
  return failure;
}

function opening(ring = testRing(1)): Uint8Array {
  return new Endpoint(SecureChannel.dial(testContext(ring))).output();
}

const ascii = (text: string) => new TextEncoder().encode(text);

Deno.test("what is not hana is refused at its first wrong byte, without an answer", () => {
  assertEquals(refusal(ascii("GET / HTTP/1.1\r\n\r\n")), "not-hana");
  assertEquals(refusal(ascii("HANDS UP")), "not-hana");
  assertEquals(refusal(new Uint8Array(1)), "not-hana");
  assertEquals(refusal(new Uint8Array(100_000)), "not-hana");
  assertEquals(refusal(ascii("HAN")), null, "may still become hana");
  const trickled = new Endpoint(SecureChannel.listen(testContext(testRing(1))));
  assertEquals([trickled.feed(ascii("H")), trickled.feed(ascii("X"))], [null, "not-hana"]);
});

Deno.test("another version, suite or number of offers is refused as such", () => {
  const altered = (at: number, value: number) => {
    const bytes = opening();
    bytes[at] = value;
    return bytes;
  };
  for (const version of [0, 3, 255]) assertEquals(refusal(altered(4, version)), "bad-version");
  for (const suite of [0, 2, 255]) assertEquals(refusal(altered(5, suite)), "bad-suite");
  for (const offers of [0, 3, 255]) assertEquals(refusal(altered(6, offers)), "bad-preamble");
});

Deno.test("a stranger's key is refused without an answer", () => {
  assertEquals(refusal(opening(testRing(2))), "stranger");
  assertEquals(refusal(opening(testRing(2, 3))), "stranger");
});

Deno.test("naming our key without holding it is refused without an answer", () => {
  const honest = opening();
  const liar = opening(testRing(2));
  liar.set(honest.subarray(0, 15)); // our key's id with the handshake of another
  assertEquals(refusal(liar), "forged-handshake");
});

Deno.test("every flipped bit of an opening is refused without an answer", () => {
  for (const ring of [testRing(1), testRing(1, 2)]) {
    const honest = opening(ring);
    const seen = new Set<ChannelFailure | null>();
    for (let bit = 0; bit < honest.length * 8; bit++) {
      const altered = flipBit(honest, bit);
      const context = testContext(testRing(1));
      const listener = new Endpoint(SecureChannel.listen(context));
      const failure = listener.feed(altered);
      seen.add(failure);
      if (failure !== null) {
        assertEquals(listener.output().length, 0);
        continue;
      }
      // One of two cases: more is awaited (another count of offers), or the tag of an offer that the listener
      // does not need was altered, which is none of its business.
      const unneededTag = ring.previous !== null && bit >= (honest.length - 16) * 8;
      assert(unneededTag || listener.channel.state === "handshaking", `bit ${bit}`);
    }
    assert(seen.has("not-hana") && seen.has("bad-version") && seen.has("forged-handshake"));
  }
});

Deno.test("a cut opening is awaited, then is a connection closed in the handshake", () => {
  const honest = opening();
  for (let length = 0; length < honest.length; length++) {
    const context = testContext(testRing(1));
    const listener = new Endpoint(SecureChannel.listen(context));
    assertEquals(listener.feed(honest.subarray(0, length)), null);
    assertEquals(listener.output().length, 0);
    assertEquals(listener.channel.handleEnd(), "closed-in-handshake");
    assertEquals(context.counters.failures["closed-in-handshake"], 1);
  }
});

Deno.test("a replayed opening gets no answer, on whichever channel of the listener", () => {
  const context = testContext(testRing(1));
  const recorded = opening();
  const first = new Endpoint(SecureChannel.listen(context));
  assertEquals(first.feed(recorded), null);
  assertEquals(first.output().length, 49);
  assertEquals(refusal(recorded, context), "replayed-handshake");
});

Deno.test("forged openings do not wash out the memory of real ones", () => {
  const replayGuard = new ReplayGuard(2);
  const context = testContext(testRing(1), { replayGuard });
  const recorded = opening();
  new Endpoint(SecureChannel.listen(context)).feed(recorded);
  for (let i = 0; i < 10; i++) refusal(flipBit(opening(), 15 * 8 + i), context);
  assertEquals(replayGuard.size, 1);
  assertEquals(refusal(recorded, context), "replayed-handshake");
});

Deno.test("a recording older than the memory gets an answer and never a session", () => {
  const context = testContext(testRing(1), { replayGuard: new ReplayGuard(1) });
  const pair = endpoints(testContext(testRing(1)), context);
  const recordedOpening = pair.dialler.output();
  pair.listener.feed(recordedOpening);
  pair.dialler.feed(pair.listener.output());
  const recordedHello = pair.dialler.seal("hello");
  assertEquals(pair.listener.feed(recordedHello), null);

  new Endpoint(SecureChannel.listen(context)).feed(opening()); // pushes the first out of the memory
  const replayed = new Endpoint(SecureChannel.listen(context));
  assertEquals(replayed.feed(recordedOpening), null);
  assertEquals(replayed.channel.state, "confirming");
  assertEquals(replayed.feed(recordedHello), "forged-record");
  assertEquals(replayed.received, []);
  assertEquals(context.counters.established, 1);
});

Deno.test("every flipped bit and every other answer is refused by the dialler", () => {
  const bits = 49 * 8;
  for (let bit = 0; bit < bits; bit++) {
    const context = testContext(testRing(1));
    const { dialler, listener } = endpoints(context, testContext(testRing(1)));
    listener.feed(dialler.output());
    const failure = dialler.feed(flipBit(listener.output(), bit));
    assert(failure === "forged-handshake" || (bit < 8 && failure === "not-hana"), `${bit} ${failure}`);
    assertEquals(context.counters.failures[failure], 1);
    assertEquals(dialler.channel.established, false);
  }
  for (const answer of [ascii("HTTP/1.1 400 Bad Request\r\n\r\n"), opening(), new Uint8Array(49)]) {
    const dialler = new Endpoint(SecureChannel.dial(testContext(testRing(1))));
    assertNotEquals(dialler.feed(answer), null);
  }
});

Deno.test("an answer that names the other offer is refused", () => {
  const { dialler, listener } = endpoints(testContext(testRing(1, 2)), testContext(testRing(1, 2)));
  listener.feed(dialler.output());
  const answer = listener.output();
  answer[0] = 1;
  assertEquals(dialler.feed(answer), "forged-handshake");
});

Deno.test("our own opening, reflected, is no answer", () => {
  const { dialler } = endpoints(testContext(testRing(1)), testContext(testRing(1)));
  const reflected = dialler.output();
  assertNotEquals(dialler.feed(reflected), null);
});

Deno.test("a dialler tells a peer that closed during the handshake from any other end", () => {
  const context = testContext(testRing(1));
  const dialler = new Endpoint(SecureChannel.dial(context));
  dialler.output();
  const failure = dialler.channel.handleEnd();
  assertEquals(failure, "closed-in-handshake");
  assertEquals(dialler.channel.handleEnd(), "closed-in-handshake");
  assertEquals(context.counters.failures["closed-in-handshake"], 1);
  const error = channelError("closed-in-handshake", "tcp://10.0.0.2:47677");
  assertEquals(error.code, "authentication");
  assertMatch(error.message, /^tcp:\/\/10\.0\.0\.2:47677: .*another mesh key$/);

  const later = connected(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(later.dialler.channel.handleEnd(), null);
  const middle = connected(testContext(testRing(1)), testContext(testRing(1)));
  middle.dialler.feed(middle.listener.seal("welcome").subarray(0, 9));
  assertEquals(middle.dialler.channel.handleEnd(), "truncated");
});

Deno.test("a peer that stops mid-handshake is given up at the owner's deadline", () => {
  const context = testContext(testRing(1));
  const silent = SecureChannel.listen(context);
  assertEquals(silent.handleHandshakeTimeout(), "handshake-timeout");
  const stopped = new Endpoint(SecureChannel.listen(context));
  stopped.feed(opening());
  assertEquals(stopped.channel.state, "confirming");
  assertEquals(stopped.channel.handleHandshakeTimeout(), "handshake-timeout");
  assertEquals(stopped.output().length, 0, "an answer that was not yet sent is not sent any more");
  assertEquals(context.counters.failures["handshake-timeout"], 2);
  const { dialler } = connected(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(dialler.channel.handleHandshakeTimeout(), null);
});

Deno.test("every flipped bit of a record ends the channel and gives out nothing", () => {
  const length = 18 + 7;
  for (let bit = 0; bit < length * 8; bit++) {
    const context = testContext(testRing(1));
    const { dialler, listener } = connected(testContext(testRing(1)), context);
    const heard = listener.received.length;
    const failure = listener.feed(flipBit(dialler.seal("7 bytes"), bit));
    assertEquals(listener.received.length, heard);
    if (bit >= 16) {
      assertEquals(failure, "forged-record");
      assertEquals(context.counters.failures["forged-record"], 1);
    } else {
      // The length was altered: too short fails at once, too long waits for bytes that make it no better.
      assert(failure !== null || listener.feed(new Uint8Array(70_000)) === "forged-record", `bit ${bit}`);
    }
  }
});

Deno.test("replayed, reordered, dropped and foreign records end the channel", () => {
  const fresh = () => connected(testContext(testRing(1)), testContext(testRing(1)));
  const replayed = fresh();
  const record = replayed.dialler.seal("once");
  assertEquals(replayed.listener.feed(record), null);
  assertEquals(replayed.listener.feed(record), "forged-record");

  const reordered = fresh();
  const first = reordered.dialler.seal("first");
  const second = reordered.dialler.seal("second");
  assertEquals(reordered.listener.feed(second), "forged-record");
  assertEquals(reordered.listener.feed(first), "forged-record");
  assertEquals(reordered.listener.text, "hello");

  const dropped = fresh();
  dropped.dialler.seal("lost");
  assertEquals(dropped.listener.feed(dropped.dialler.seal("found")), "forged-record");

  const reflected = fresh();
  assertEquals(reflected.dialler.feed(reflected.dialler.seal("mine")), "forged-record");

  const foreign = fresh();
  assertEquals(foreign.listener.feed(fresh().dialler.seal("other conversation")), "forged-record");
});

Deno.test("records of impossible length are refused, whole or in pieces", () => {
  for (let length = 0; length <= 16; length++) {
    const record = new Uint8Array(2 + length);
    record[1] = length;
    for (const size of [1, 2, 3, record.length]) {
      const context = testContext(testRing(1));
      const { listener } = connected(testContext(testRing(1)), context);
      for (let at = 0; at < record.length; at += size) listener.feed(record.subarray(at, at + size));
      assertEquals(listener.channel.failure, "bad-record", `length ${length} by ${size}`);
    }
  }
  const { listener } = connected(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(listener.feed(new Uint8Array(65_537).fill(0xff)), "forged-record");
});

Deno.test("a length alone makes nobody set memory aside", () => {
  const { listener } = connected(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(listener.feed(new Uint8Array([0xff, 0xff])), null);
  assertEquals(listener.channel.established, true);
  assertEquals(listener.channel.handleEnd(), "truncated");
});

Deno.test("what was sent before the answer is read as records, and garbage there ends the channel", () => {
  const context = testContext(testRing(1));
  const listener = new Endpoint(SecureChannel.listen(context));
  const bytes = new Uint8Array([...opening(), 0, 20, ...new Uint8Array(20)]);
  assertEquals(listener.feed(bytes), "forged-record");
  assertEquals(context.counters.established, 0);
});

Deno.test("every failure has words, a code, and nothing of a secret", () => {
  for (const failure of CHANNEL_FAILURES) {
    const error = channelError(failure, "tcp://10.0.0.2:47677");
    assertEquals(error.what, "tcp://10.0.0.2:47677");
    assert((error.why ?? "").length > 20, failure);
    assertNotEquals(error.code, "internal");
  }
});
