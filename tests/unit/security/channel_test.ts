// The encrypted channel between members: handshake, records, splits, renewal of keys, rotation of the mesh key.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  MAX_RECORD_PLAINTEXT_BYTES,
  MeshKeyRing,
  openMeshKeyRing,
  RECORD_OVERHEAD_BYTES,
  rotate,
  SecureChannel,
} from "../../../lib/security/mod.ts";
import { connected, Endpoint, endpoints, seededRandom, testContext, testKey, testRing } from "./support.ts";

Deno.test("two members shake hands in one round trip and talk both ways", () => {
  const [a, b] = [testContext(testRing(1)), testContext(testRing(1))];
  const { dialler, listener } = endpoints(a, b);
  assertEquals([dialler.channel.state, listener.channel.state], ["handshaking", "handshaking"]);
  assertEquals(listener.output().length, 0);

  const opening = dialler.output();
  assertEquals(opening.length, 63);
  assertEquals(listener.feed(opening), null);
  assertEquals(listener.channel.state, "confirming");
  const answer = listener.output();
  assertEquals(answer.length, 49);
  assertEquals(dialler.feed(answer), null);
  assertEquals(dialler.channel.state, "established");

  assertEquals(listener.feed(dialler.seal("hello")), null);
  assertEquals(listener.channel.state, "established");
  assertEquals(dialler.feed(listener.seal("welcome")), null);
  assertEquals([listener.text, dialler.text], ["hello", "welcome"]);
  assertEquals([dialler.output().length, listener.output().length], [0, 0]);
  assertEquals([a.counters.established, b.counters.established], [1, 1]);
  assertEquals([dialler.channel.slot, listener.channel.slot], ["primary", "primary"]);
  assert(dialler.channel.handshakeHash !== null);
  assertEquals(dialler.channel.handshakeHash, listener.channel.handshakeHash);
});

Deno.test("a listener may not speak before the dialler's first authentic record", () => {
  const { dialler, listener } = endpoints(testContext(testRing(1)), testContext(testRing(1)));
  assertThrows(() => dialler.seal("early"), HanaError);
  listener.feed(dialler.output());
  listener.output();
  assertThrows(() => listener.seal("early"), HanaError);
  assertEquals(listener.channel.established, false);
});

Deno.test("no two conversations have the same bytes, even with the same keys and words", () => {
  const [a, b] = [testContext(testRing(1)), testContext(testRing(1))];
  const first = connected(a, b);
  const second = connected(a, b);
  assertNotEquals(first.dialler.channel.handshakeHash, second.dialler.channel.handshakeHash);
  assertNotEquals(first.dialler.seal("same"), second.dialler.seal("same"));
  const one = first.dialler.seal("same");
  assertNotEquals(first.dialler.seal("same"), one);
});

Deno.test("whatever is sent, however the stream splits it, arrives whole and in order", () => {
  const payload = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 20_000 }).map((length) => new Uint8Array(length).fill(length & 0xff)),
  );
  fc.assert(
    fc.property(
      fc.array(payload, { maxLength: 12 }),
      fc.array(payload, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      (forth, back, splits, rekeyRecords) => {
        const a = testContext(testRing(1, 2), { rekeyRecords });
        const b = testContext(testRing(1), { rekeyRecords });
        const { dialler, listener } = endpoints(a, b);
        let turn = 0;
        const deliver = (to: Endpoint, bytes: Uint8Array) => {
          for (let at = 0; at < bytes.length;) {
            const length = splits[turn++ % splits.length] ?? 1;
            assertEquals(to.feed(bytes.slice(at, at + length)), null);
            at += length;
          }
        };
        deliver(listener, dialler.output());
        deliver(dialler, listener.output());
        const first = new Uint8Array([1]);
        deliver(listener, dialler.seal(first));
        // All records of one direction in one run of bytes, so that splits fall anywhere.
        const joined = (from: Endpoint, parts: Uint8Array[]) => {
          const records = parts.map((part) => from.seal(part));
          const bytes = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0));
          let at = 0;
          for (const record of records) {
            bytes.set(record, at);
            at += record.length;
          }
          return bytes;
        };
        deliver(listener, joined(dialler, forth));
        deliver(dialler, joined(listener, back));
        assertEquals(listener.received, [first, ...forth]);
        assertEquals(dialler.received, back);
        assertEquals(dialler.channel.handleEnd(), null);
        assertEquals(listener.channel.handleEnd(), null);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("one byte at a time, from the first of the handshake on", () => {
  const { dialler, listener } = endpoints(testContext(testRing(1)), testContext(testRing(1)));
  const trickle = (to: Endpoint, bytes: Uint8Array) => {
    for (const byte of bytes) assertEquals(to.feed(new Uint8Array([byte])), null);
  };
  trickle(listener, dialler.output());
  trickle(dialler, listener.output());
  trickle(listener, dialler.seal("hello"));
  trickle(dialler, listener.seal("welcome"));
  assertEquals([listener.text, dialler.text], ["hello", "welcome"]);
});

Deno.test("the largest record passes; a larger or an empty one is a bug of ours", () => {
  const { dialler, listener } = connected(testContext(testRing(1)), testContext(testRing(1)));
  const largest = seededRandom(1).fill(new Uint8Array(MAX_RECORD_PLAINTEXT_BYTES));
  const record = dialler.seal(largest);
  assertEquals(record.length, 65_537);
  assertEquals(record.length, SecureChannel.sealedLength(largest.length));
  listener.feed(record.subarray(0, 40_000));
  listener.feed(record.subarray(40_000));
  assertEquals(listener.received.at(-1), largest);
  for (const length of [0, MAX_RECORD_PLAINTEXT_BYTES + 1]) {
    assertThrows(() => dialler.seal(new Uint8Array(length)), HanaError);
  }
});

Deno.test("a record can be sealed where its plaintext stands", () => {
  const { dialler, listener } = connected(testContext(testRing(1)), testContext(testRing(1)));
  for (const length of [5, 1200, 10_000]) {
    const plain = seededRandom(length).fill(new Uint8Array(length));
    const out = new Uint8Array(length + RECORD_OVERHEAD_BYTES);
    out.set(plain, 2);
    assertEquals(dialler.channel.sealInto(out, out.subarray(2, 2 + length)), out.length);
    assertEquals(listener.feed(out), null);
    assertEquals(listener.received.at(-1), plain);
  }
});

Deno.test("keys are renewed after so many records, both sides in step", () => {
  const [a, b] = [
    testContext(testRing(1), { rekeyRecords: 3 }),
    testContext(testRing(1), { rekeyRecords: 3 }),
  ];
  const { dialler, listener } = connected(a, b);
  for (let i = 0; i < 20; i++) {
    assertEquals(listener.feed(dialler.seal(`forth ${i}`)), null);
    if (i % 2 === 0) assertEquals(dialler.feed(listener.seal(`back ${i}`)), null);
  }
  assertEquals(listener.received.length, 21);
  assertEquals(dialler.received.length, 10);
  // 21 records forth make 7 renewals, 10 back make 3, counted on each side.
  assertEquals([a.counters.rekeys, b.counters.rekeys], [10, 10]);
});

Deno.test("keys are renewed after so many bytes, both sides in step", () => {
  const [a, b] = [
    testContext(testRing(1), { rekeyBytes: 1000 }),
    testContext(testRing(1), { rekeyBytes: 1000 }),
  ];
  const { dialler, listener } = connected(a, b);
  for (let i = 0; i < 30; i++) assertEquals(listener.feed(dialler.seal(new Uint8Array(1 + i * 37))), null);
  assertEquals(a.counters.rekeys, b.counters.rekeys);
  assert(a.counters.rekeys > 5);
});

Deno.test("a side that did not renew its key can no longer be understood", () => {
  const { dialler, listener } = connected(
    testContext(testRing(1), { rekeyRecords: 2 }),
    testContext(testRing(1), { rekeyRecords: 1000 }),
  );
  assertEquals(listener.feed(dialler.seal("second")), null);
  assertEquals(listener.feed(dialler.seal("third")), "forged-record");
});

Deno.test("old and new rings connect both ways; after the second rotation they do not", () => {
  const old = new MeshKeyRing(testKey(1), null);
  const once = rotate(old, testKey(2));
  const twice = rotate(once, testKey(3));
  const outcome = (from: MeshKeyRing, to: MeshKeyRing): string => {
    const { dialler, listener } = endpoints(testContext(from), testContext(to));
    const failure = listener.feed(dialler.output());
    if (failure !== null) return failure;
    assertEquals(dialler.feed(listener.output()), null);
    assertEquals(listener.feed(dialler.seal("hello")), null);
    assertEquals(dialler.feed(listener.seal("welcome")), null);
    assertEquals([listener.text, dialler.text], ["hello", "welcome"]);
    return `${dialler.channel.slot} to ${listener.channel.slot}`;
  };
  assertEquals(outcome(old, once), "primary to previous");
  assertEquals(outcome(once, old), "previous to primary");
  assertEquals(outcome(once, once), "primary to primary");
  assertEquals(outcome(once, twice), "primary to previous");
  assertEquals(outcome(twice, once), "previous to primary");
  assertEquals(outcome(old, twice), "stranger");
  assertEquals(outcome(twice, old), "stranger");
});

Deno.test("open machines meet over the same path, and no keyed one talks to them", () => {
  const open = () => testContext(openMeshKeyRing());
  const { dialler, listener } = connected(open(), open());
  assertEquals([dialler.channel.trust, listener.channel.trust, listener.text], ["open", "open", "hello"]);
  assertEquals(connected(testContext(testRing(1)), testContext(testRing(1))).dialler.channel.trust, "keyed");
  for (
    const [from, to] of [[open(), testContext(testRing(1))], [testContext(testRing(1)), open()]] as const
  ) {
    const pair = endpoints(from, to);
    assertEquals(pair.listener.feed(pair.dialler.output()), "stranger");
    assertEquals(pair.listener.output().length, 0);
  }
});

Deno.test("a sink may close the channel, and hears nothing more", () => {
  const { dialler } = endpoints(testContext(testRing(1)), testContext(testRing(1)));
  const listener = SecureChannel.listen(testContext(testRing(1)));
  const heard: string[] = [];
  const sink = {
    onPlaintext: (bytes: Uint8Array) => {
      heard.push(new TextDecoder().decode(bytes));
      listener.close();
    },
  };
  listener.handleBytes(dialler.output(), sink);
  dialler.feed(listener.pollOutput() ?? new Uint8Array(0));
  const [one, two] = [dialler.seal("one"), dialler.seal("two")];
  const both = new Uint8Array([...one, ...two]);
  assertEquals(listener.handleBytes(both, sink), null);
  assertEquals(heard, ["one"]);
  assertEquals([listener.state, listener.failure, listener.handleEnd()], ["closed", null, null]);
  assertThrows(() => listener.sealInto(new Uint8Array(100), new Uint8Array(1)), HanaError);
});
