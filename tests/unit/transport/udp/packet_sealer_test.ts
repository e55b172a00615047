// Sealing and opening of data packets: form, replay, renewal of keys.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { PACKET_OVERHEAD_BYTES } from "../../../../lib/lanes/mod.ts";
import { noiseSuite } from "../../../../lib/security/mod.ts";
import { KEEP_OLD_KEY_US, OpenRefusal, REKEY_US } from "../../../../lib/transport/udp/mod.ts";
import { nullSuite, RecordingCipher } from "../../../support/null_cipher.ts";
import { seededRandom } from "../../security/support.ts";
import { Sealing, sealings, suite, swapped, testKeys } from "./support.ts";

const { forged, replayed, malformed } = OpenRefusal;

Deno.test("a packet carries its header in the clear and its text sealed, 25 bytes more than the text", () => {
  const { a, b } = sealings();
  const datagram = a.seal(0x1_0000_0203, "hello", 0, true);
  assertEquals(datagram.length, 5 + PACKET_OVERHEAD_BYTES);
  assertEquals([...datagram.subarray(0, 9)], [0x50, 0, 0, 0, 7, 0, 0, 2, 3]);
  const fresh = a.seal(0x1_0000_0204, "");
  assertEquals([fresh.length, fresh[0]], [25, 0x40]);
  b.sealer.setNumbers({ expandNumber: (low) => 0x1_0000_0000 + low, canAccept: () => true });
  assertEquals(b.open(datagram), "hello");
  assertEquals([b.sealer.number, b.sealer.isHighest, b.sealer.isImmediate], [0x1_0000_0203, true, true]);
  assertEquals(b.open(fresh), "");
  assertEquals(b.sealer.isImmediate, false);
});

Deno.test("a packet is opened once, late ones too, and none of the far past", () => {
  const { a, b } = sealings();
  const early = a.seal(0, "zero");
  const late = a.seal(10, "ten");
  assertEquals(b.open(a.seal(3_000, "far")), "far");
  assertEquals(b.open(a.seal(1_500 + 1_600, "later")), "later");
  assertEquals(b.open(early), replayed, "more than the window back");
  assertEquals(b.open(late), replayed);
  const { a: c, b: d } = sealings();
  const datagrams = Array.from({ length: 50 }, (_, i) => c.seal(i, `${i}`));
  for (const datagram of datagrams.toReversed()) assert(typeof d.open(datagram) === "string");
  for (const datagram of datagrams) assertEquals(d.open(datagram), replayed);
  assertEquals(d.sealer.stats, {
    sealed: 0,
    opened: 50,
    forged: 0,
    replayed: 50,
    malformed: 0,
    keysRenewed: 0,
  });
});

Deno.test("an altered packet is refused wherever a bit is turned, changes nothing, and the packet itself still opens", () => {
  const { a, b } = sealings();
  b.open(a.seal(0, "first"));
  const datagram = a.seal(1, "the text of a packet");
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const altered = datagram.slice();
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
    const refusal = b.open(altered);
    assert(refusal === forged || refusal === malformed || refusal === replayed, `bit ${bit}: ${refusal}`);
  }
  assertEquals(b.sealer.receiveGeneration, 0);
  assertEquals(b.open(datagram), "the text of a packet");
});

Deno.test("a packet cut anywhere is refused", () => {
  const { a, b } = sealings();
  const datagram = a.seal(0, "some text that is cut");
  for (let length = 0; length < datagram.length; length++) {
    assertEquals(b.open(datagram.subarray(0, length)), length < PACKET_OVERHEAD_BYTES ? malformed : forged);
  }
  assertEquals(b.open(datagram), "some text that is cut");
});

Deno.test("a packet sent back to its sender is refused, and so is one under other keys", () => {
  const { a } = sealings();
  const datagram = a.seal(0, "mine");
  assertEquals(a.open(datagram), forged);
  assertEquals(new Sealing(false, { keys: testKeys(2) }).open(datagram), forged);
  assertEquals(new Sealing(false, { keys: testKeys(1) }).open(datagram), forged, "not swapped");
});

Deno.test("sealing a number again, or a lower one, is a bug of ours", () => {
  const { a } = sealings();
  a.seal(5, "five");
  assertThrows(() => a.seal(5, "again"), HanaError);
  assertThrows(() => a.seal(4, "lower"), HanaError);
  a.seal(6, "six");
});

Deno.test("numbers beyond 32 bits go on, and a forged number never moves what is expected", () => {
  const { a, b } = sealings();
  for (let i = -100; i < 100; i++) assertEquals(b.open(a.seal(2 ** 32 + i, `${i}`)), `${i}`);
  assertEquals(b.sealer.number, 2 ** 32 + 99);
  const forgery = a.seal(2 ** 32 + 200, "x");
  forgery[5] = 0x7f;
  assertEquals(b.open(forgery), forged);
  assertEquals(b.open(a.seal(2 ** 32 + 201, "y")), "y");
});

Deno.test("the initiator renews its key after so many packets, the other end follows, and both go on", () => {
  const { a, b } = sealings({ rekeyPackets: 10 });
  let number = 0;
  for (let round = 0; round < 60; round++) {
    assertEquals(b.open(a.seal(number, "there")), "there");
    assertEquals(a.open(b.seal(number, "back")), "back");
    number++;
  }
  assert(a.sealer.sendGeneration >= 10, `${a.sealer.sendGeneration} generations`);
  assertEquals(a.sealer.receiveGeneration, a.sealer.sendGeneration);
  assertEquals(b.sealer.sendGeneration, a.sealer.sendGeneration);
});

Deno.test("keys are renewed after an hour by the clock", () => {
  const { a, b } = sealings();
  b.open(a.seal(0, "x"));
  a.open(b.seal(0, "y"));
  b.open(a.seal(1, "x", REKEY_US - 1), REKEY_US - 1);
  assertEquals(a.sealer.sendGeneration, 0);
  assertEquals(b.open(a.seal(2, "renewed", REKEY_US), REKEY_US), "renewed");
  assertEquals([a.sealer.sendGeneration, b.sealer.receiveGeneration, b.sealer.sendGeneration], [1, 1, 1]);
});

Deno.test("an initiator that hears nothing never goes two keys ahead", () => {
  const { a, b } = sealings({ rekeyPackets: 5 });
  a.open(b.seal(0, "alive"));
  for (let i = 0; i < 100; i++) a.seal(i, "lost");
  assertEquals(a.sealer.sendGeneration, 1);
  assertEquals(b.open(a.seal(100, "at last")), "at last", "the first that it hears is of the next key");
});

Deno.test("an initiator that has heard nothing at all stays with its first key", () => {
  const { a, b } = sealings({ rekeyPackets: 5 });
  for (let i = 0; i < 20; i++) a.seal(i, "lost");
  assertEquals(a.sealer.sendGeneration, 0);
  a.open(b.seal(0, "heard"));
  a.seal(20, "renewed");
  assertEquals(a.sealer.sendGeneration, 1);
});

Deno.test("an initiator follows nobody to a key that it has not gone to first", () => {
  const [a, other] = [new Sealing(true), new Sealing(true, { keys: swapped(testKeys(1)), rekeyPackets: 2 })];
  assertEquals(a.open(other.seal(0, "zero")), "zero");
  other.open(a.seal(0, "back"));
  const renewed = other.seal(1, "renewed");
  assertEquals([other.sealer.sendGeneration, a.open(renewed), a.sealer.receiveGeneration], [1, forged, 0]);
});

Deno.test("packets that the renewal overtook are opened for a while, and then no more", () => {
  const { a, b } = sealings({ rekeyPackets: 3 });
  a.open(b.seal(0, "alive"));
  const [slow, slower] = [a.seal(0, "slow"), a.seal(1, "slower")];
  assertEquals(b.open(a.seal(2, "new")), "new");
  assertEquals(b.sealer.receiveGeneration, 1);
  assertEquals(b.open(slow, KEEP_OLD_KEY_US - 1), "slow");
  assertEquals(b.open(slower, KEEP_OLD_KEY_US), forged);
});

Deno.test("a flood with the other phase bit neither renews a key nor costs a derivation each", () => {
  const { a, b } = sealings();
  b.open(a.seal(0, "x"));
  const forgery = a.seal(1, "text");
  forgery[0] = (forgery[0] ?? 0) ^ 0x20;
  for (let i = 2; i < 1_000; i++) {
    forgery[8] = i;
    forgery[7] = i >> 8;
    assertEquals(b.open(forgery), forged);
    assertEquals(a.open(forgery), forged);
  }
  assertEquals([b.sealer.receiveGeneration, a.sealer.receiveGeneration], [0, 0]);
  assertEquals(b.open(a.seal(2_000, "y")), "y");
});

Deno.test("under loss and reordering keys are renewed, everything of the last generations opens, and no nonce repeats", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 4, max: 40 }), (seed, rekeyPackets) => {
      const recording = new RecordingCipher(suite.cipher);
      const recorded = noiseSuite(recording, "SHA256");
      const { a, b } = sealings({ rekeyPackets, suite: recorded });
      const random = seededRandom(seed);
      const flights: { datagram: Uint8Array; to: Sealing; due: number; text: string }[] = [];
      const numbers = [0, 0];
      let refused = 0;
      for (let step = 0; step < 600; step++) {
        const fromA = random.float() < 0.5;
        const [from, to] = fromA ? [a, b] : [b, a];
        const number = numbers[fromA ? 0 : 1] ?? 0;
        numbers[fromA ? 0 : 1] = number + 1 + Math.floor(random.float() * 2);
        const text = `${step}`;
        const datagram = from.seal(number, text, step * 1000);
        // A reordering by up to 3 packets never spans two renewals.
        if (random.float() >= 0.2) flights.push({ datagram, to, due: step + random.float() * 3, text });
        for (const flight of flights.filter(({ due }) => due <= step)) {
          flights.splice(flights.indexOf(flight), 1);
          const opened = flight.to.open(flight.datagram, step * 1000);
          if (opened !== flight.text) refused++;
          else if (random.float() < 0.1) {
            assertEquals(flight.to.open(flight.datagram, step * 1000), replayed);
          }
        }
      }
      assertEquals(recording.repeated, []);
      assert(a.sealer.sendGeneration >= 2, `${a.sealer.sendGeneration}`);
      assertEquals(refused, 0);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a number that the owner knows already is refused before it is opened", () => {
  const { a, b } = sealings({ suite: nullSuite() });
  const known = new Set([3]);
  b.sealer.setNumbers({ expandNumber: (low) => low, canAccept: (number) => !known.has(number) });
  assertEquals(b.open(a.seal(3, "came by the stream")), replayed);
  assertEquals(b.open(a.seal(4, "new")), "new");
});

Deno.test("without a cipher alterations behind the seal reach the text, and the form is still checked", () => {
  const b = new Sealing(false, { suite: nullSuite(), keys: swapped(testKeys(1)) });
  const a = new Sealing(true, { suite: nullSuite() });
  const datagram = a.seal(0, "abc");
  datagram[9] = 0x7a;
  assertEquals(b.open(datagram), "zbc");
  for (const [i, form] of [0x00, 0x80, 0xc0, 0x41, 0x48].entries()) {
    const altered = a.seal(i + 1, "abc");
    altered[0] = form;
    assertEquals(b.open(altered), malformed);
  }
});
