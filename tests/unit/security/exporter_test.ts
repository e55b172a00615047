// Keys for what runs beside a channel.

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { HanaError, toHex } from "../../../lib/base/mod.ts";
import {
  type DirectionKeys,
  KeyedMac,
  KeyExporter,
  loadSessionSuite,
  NoiseHandshake,
} from "../../../lib/security/mod.ts";
import { connected, endpoints, testContext, testRing } from "./support.ts";

const suite = await loadSessionSuite();

function hexOf(keys: DirectionKeys | null): [string, string] | null {
  return keys === null ? null : [toHex(keys.send), toHex(keys.receive)];
}

Deno.test("both ends of a channel export the same keys, swapped, and each direction has its own", () => {
  const { dialler, listener } = connected(testContext(testRing(1)), testContext(testRing(1)));
  const [send, receive] = hexOf(dialler.channel.exportKeys("udp")) ?? ["", ""];
  assertEquals(hexOf(listener.channel.exportKeys("udp")), [receive, send]);
  assertEquals([send.length, receive.length], [64, 64]);
  assertNotEquals(send, receive);
  assertEquals(hexOf(dialler.channel.exportKeys("udp")), [send, receive], "asking twice gives the same");
});

Deno.test("another label and another handshake give other keys", () => {
  const one = connected(testContext(testRing(1)), testContext(testRing(1)));
  const other = connected(testContext(testRing(1)), testContext(testRing(1)));
  const keys = [
    ...hexOf(one.dialler.channel.exportKeys("udp")) ?? [],
    ...hexOf(one.dialler.channel.exportKeys("udp2")) ?? [],
    ...hexOf(one.dialler.channel.exportKeys("")) ?? [],
    ...hexOf(other.dialler.channel.exportKeys("udp")) ?? [],
  ];
  assertEquals(new Set(keys).size, 8);
});

Deno.test("renewing the channel's own keys leaves exported ones as they are", () => {
  const [a, b] = [
    testContext(testRing(1), { rekeyRecords: 2 }),
    testContext(testRing(1), { rekeyRecords: 2 }),
  ];
  const { dialler, listener } = connected(a, b);
  const before = hexOf(dialler.channel.exportKeys("udp"));
  for (let i = 0; i < 9; i++) listener.feed(dialler.seal(`record ${i}`));
  assertEquals(b.counters.rekeys, 5);
  assertEquals(hexOf(dialler.channel.exportKeys("udp")), before);
});

Deno.test("a channel exports nothing before it is established, nor after it is closed or has failed", () => {
  const { dialler, listener } = endpoints(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(dialler.channel.exportKeys("udp"), null);
  listener.feed(dialler.output());
  assertEquals(listener.channel.state, "confirming");
  assertEquals(listener.channel.exportKeys("udp"), null, "the dialler may be a recording");
  dialler.feed(listener.output());
  listener.feed(dialler.seal("hello"));
  assertEquals(listener.channel.exportKeys("udp") === null, false);
  dialler.channel.close();
  assertEquals(dialler.channel.exportKeys("udp"), null);
  listener.feed(new Uint8Array(100));
  assertEquals(listener.channel.state, "failed");
  assertEquals(listener.channel.exportKeys("udp"), null);
});

Deno.test("a handshake exports when it is finished, and what it exports is none of its transport keys", () => {
  const psk = new Uint8Array(32).fill(1);
  const prologue = new Uint8Array(0);
  const a = NoiseHandshake.initiator({ suite, psk, prologue, ephemeral: new Uint8Array(32).fill(2) });
  const b = NoiseHandshake.responder({ suite, psk, prologue, ephemeral: new Uint8Array(32).fill(3) });
  assertThrows(() => a.exporter(), HanaError);
  b.readMessage(a.writeMessage(new Uint8Array(0)));
  a.readMessage(b.writeMessage(new Uint8Array(0)));
  const keys = a.exporter().keys("udp");
  assertEquals(hexOf(b.exporter().keys("udp")), [toHex(keys.receive), toHex(keys.send)]);
  // What one seals with an exported key is not what the transport seals.
  const sealed = new Uint8Array(17);
  const other = new Uint8Array(17);
  a.split().send.seal(sealed, new Uint8Array(0), new Uint8Array([1]));
  suite.cipher.withKey(keys.send).seal(other, new Uint8Array(12), new Uint8Array(0), new Uint8Array([1]));
  assertNotEquals(sealed, other);
});

Deno.test("an exporter does not give back the chaining key that it was made of", () => {
  const chainingKey = new Uint8Array(32).fill(9);
  const { send, receive } = new KeyExporter(suite.hash, chainingKey, true).keys("udp");
  // Computed by another HMAC: two steps of HKDF, a label a direction.
  assertEquals(toHex(send), "705e2ac6c28e2f0a5bb6c817d1f557d1ce30dd667e0ebfd43ebb83a9543609bc");
  assertEquals(toHex(receive), "adf48516e77fca17155a6a4573aad935f48213cc81a5b1628d457ffed246a315");
  const [split] = suite.hash.hkdf(chainingKey, new Uint8Array(0), 2);
  assertNotEquals(send, split);
  assertNotEquals(send, chainingKey);
});

Deno.test("a keyed code is HMAC-SHA-256 cut to 16 bytes (RFC 4231, test case 2)", () => {
  const text = new TextEncoder().encode("what do ya want for nothing?");
  const out = new Uint8Array(20);
  const mac = new KeyedMac(new TextEncoder().encode("Jefe"));
  mac.sign(text, 0, text.length, out, 2);
  assertEquals(toHex(out.subarray(2, 18)), "5bdcc146bf60754e6a042426089575c7");
  assertEquals(mac.verify(text, 0, text.length, out, 2), true);
  assertEquals(mac.verify(text, 0, text.length - 1, out, 2), false);
  assertEquals(mac.verify(text, 0, text.length, out, 5), false, "there are no 16 bytes there");
  assertEquals(mac.verify(text, 0, text.length, out, 1), false);
  assertThrows(() => new KeyedMac(new Uint8Array(65)), HanaError);
});
