// Signed datagrams: the published HMAC, both keys of a ring, and everything altered refused.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  AccessKeyRing,
  DATAGRAM_TAG_BYTES,
  DatagramAuthenticator,
  MeshKeyRing,
  OPEN_KEY_TAG,
  openMeshKeyRing,
  rotate,
} from "../../../lib/security/mod.ts";
import { flipBit, testKey, testRing } from "./support.ts";

function signed(authenticator: DatagramAuthenticator, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + DATAGRAM_TAG_BYTES);
  bytes.set(body);
  authenticator.sign(bytes, body.length);
  return bytes;
}

Deno.test("a tag is HMAC-SHA-256 cut to 16 bytes, by an independent implementation", () => {
  const ring = testRing(1);
  const authenticator = new DatagramAuthenticator(ring);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1300 }), (body) => {
    const expected = hmac(sha256, ring.primary.derive("datagram mac"), body).slice(0, 16);
    const bytes = signed(authenticator, body);
    assertEquals(bytes.subarray(0, body.length), body);
    assertEquals(bytes.subarray(body.length), expected);
    assertEquals(authenticator.verify(bytes), "primary");
  }));
});

Deno.test("signing writes the tag and not a byte beside it", () => {
  const bytes = new Uint8Array(100).fill(0xaa);
  new DatagramAuthenticator(testRing(1)).sign(bytes, 50);
  assertEquals(bytes.subarray(0, 50), new Uint8Array(50).fill(0xaa));
  assertEquals(bytes.subarray(66), new Uint8Array(34).fill(0xaa));
  assertNotEquals(bytes.subarray(50, 66), new Uint8Array(16).fill(0xaa));
  const small = new Uint8Array(65);
  assertThrows(() => new DatagramAuthenticator(testRing(1)).sign(small, 50), HanaError);
});

Deno.test("every flipped bit and every cut is refused", () => {
  const authenticator = new DatagramAuthenticator(testRing(1, 2));
  const bytes = signed(authenticator, new Uint8Array(60).map((_, i) => i));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    assertEquals(authenticator.verify(flipBit(bytes, bit)), null);
  }
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(authenticator.verify(bytes.subarray(0, length)), null);
  }
});

Deno.test("old and new rings understand each other, until the second rotation", () => {
  const old = new MeshKeyRing(testKey(1), null);
  const once = rotate(old, testKey(2));
  const twice = rotate(once, testKey(3));
  const verdict = (from: MeshKeyRing, to: MeshKeyRing) =>
    new DatagramAuthenticator(to).verify(signed(new DatagramAuthenticator(from), new Uint8Array(9)));
  assertEquals(verdict(old, once), "previous");
  assertEquals(verdict(once, once), "primary");
  assertEquals(verdict(once, twice), "previous");
  assertEquals(verdict(old, twice), null);
  // A machine with the old key alone cannot check the new one: what rotated speaks to it through its sessions.
  assertEquals(verdict(once, old), null);
});

Deno.test("the open mesh signs with a key that everybody has, and no keyed mesh takes it", () => {
  const open = new DatagramAuthenticator(openMeshKeyRing());
  const keyed = new DatagramAuthenticator(testRing(1));
  assertEquals([open.keyTag, open.trust, keyed.trust], [OPEN_KEY_TAG, "open", "keyed"]);
  const bytes = signed(open, new Uint8Array(4));
  assertEquals(new DatagramAuthenticator(openMeshKeyRing()).verify(bytes), "primary");
  assertEquals(keyed.verify(bytes), null);
  assertEquals(open.verify(signed(keyed, new Uint8Array(4))), null);
});

Deno.test("the key tag tells keys apart, is never that of the open mesh, and only narrows what is tried", () => {
  for (let number = 0; number < 300; number++) {
    const tag = new DatagramAuthenticator(testRing(number)).keyTag;
    assert(tag >= 1 && tag <= 255, `${tag}`);
  }
  const ring = testRing(1, 2);
  const authenticator = new DatagramAuthenticator(ring);
  const previous = new DatagramAuthenticator(new MeshKeyRing(testKey(2), null));
  assertNotEquals(previous.keyTag, authenticator.keyTag);
  const bytes = signed(previous, new Uint8Array(4));
  assertEquals(authenticator.verify(bytes, previous.keyTag), "previous");
  assertEquals(authenticator.verify(bytes, authenticator.keyTag), null);
  assertEquals(authenticator.verify(bytes), "previous");
});

Deno.test("a node tells the question of a holder from the word of a member, by either key of its ring", () => {
  const grant = { name: "anna", level: "operator", expiresS: null } as const;
  const bytes = (key: number) =>
    signed(
      new DatagramAuthenticator(new AccessKeyRing(testKey(key).accessKey(grant))),
      new Uint8Array(60).fill(7),
    );
  const node = new DatagramAuthenticator(testRing(1, 2));
  assertEquals([node.verify(bytes(1)), node.verify(bytes(2)), node.verify(bytes(3))], [
    "guest",
    "guest",
    null,
  ]);
  const old = testRing(1).primary;
  assertEquals(new DatagramAuthenticator(rotate(testRing(2), old)).verify(bytes(1)), "guest");
  for (let bit = 0; bit < bytes(1).length * 8; bit++) assertEquals(node.verify(flipBit(bytes(1), bit)), null);
  assertEquals(new DatagramAuthenticator(openMeshKeyRing()).verify(bytes(1)), null);
});

Deno.test("a holder takes what names its mesh key for what it says, since it can check nothing", () => {
  const key = testKey(1);
  const holder = new DatagramAuthenticator(
    new AccessKeyRing(key.accessKey({ name: "anna", level: "viewer", expiresS: null })),
  );
  assertEquals([holder.trust, holder.keyTag], ["open", new DatagramAuthenticator(testRing(1)).keyTag]);
  const bytes = signed(new DatagramAuthenticator(testRing(1)), new Uint8Array(60));
  assertEquals([holder.verify(bytes, holder.keyTag), holder.verify(bytes, holder.keyTag ^ 1)], [
    "primary",
    null,
  ]);
  assertEquals(holder.verify(bytes.subarray(0, 3), holder.keyTag), null);
});
