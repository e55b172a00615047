// The Noise handshake: published vectors of every suite, the same result by every back end, refusals.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { x25519 } from "@noble/curves/ed25519.js";
import { concatBytes, fromHex, HanaError, toHex } from "../../../lib/base/mod.ts";
import { NO_AAD } from "../../../lib/security/aead.ts";
import { loadAead } from "../../../lib/security/aead_load.ts";
import { nobleCipher } from "../../../lib/security/aead_noble.ts";
import { nodeCipher } from "../../../lib/security/aead_node.ts";
import { CipherState } from "../../../lib/security/cipher_state.ts";
import { NoiseHandshake } from "../../../lib/security/noise.ts";
import {
  loadSessionSuite,
  noiseHash,
  type NoiseSuite,
  noiseSuite,
} from "../../../lib/security/noise_suite.ts";
import { X25519KeyPair } from "../../../lib/security/x25519.ts";
import {
  INITIATOR_EPHEMERAL,
  NOISE_VECTORS,
  PAYLOADS,
  PROLOGUE,
  PSK,
  RESPONDER_EPHEMERAL,
} from "./noise_vectors.ts";

const FAST = (await loadAead("ChaChaPoly")).cipher;
const SUITE = noiseSuite(FAST, "SHA256");

function pair(
  suite: NoiseSuite,
  overrides: { responderPsk?: Uint8Array; responderPrologue?: Uint8Array } = {},
) {
  const initiator = NoiseHandshake.initiator({
    suite,
    psk: fromHex(PSK),
    prologue: fromHex(PROLOGUE),
    ephemeral: fromHex(INITIATOR_EPHEMERAL),
  });
  const responder = NoiseHandshake.responder({
    suite,
    psk: overrides.responderPsk ?? fromHex(PSK),
    prologue: overrides.responderPrologue ?? fromHex(PROLOGUE),
    ephemeral: fromHex(RESPONDER_EPHEMERAL),
  });
  return { initiator, responder };
}

function sealed(cipher: CipherState, plain: Uint8Array): Uint8Array {
  const out = new Uint8Array(plain.length + 16);
  assertEquals(cipher.seal(out, NO_AAD, plain), out.length);
  return out;
}

function opened(cipher: CipherState, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - 16);
  assertEquals(cipher.open(out, NO_AAD, bytes), out.length);
  return out;
}

Deno.test("there is a published vector for each of the eight suites", () => {
  const suites = NOISE_VECTORS.map(({ cipher, hash }) => `${cipher} ${hash}`);
  assertEquals(new Set(suites).size, 8);
});

for (const vector of NOISE_VECTORS) {
  const backEnds = [nodeCipher(vector.cipher), nobleCipher(vector.cipher)];
  if (vector.cipher === "ChaChaPoly") backEnds.push(FAST);
  for (const backEnd of backEnds) {
    Deno.test(`the published vector of ${vector.cipher} with ${vector.hash} comes out, by ${backEnd.backEnd}`, () => {
      const { initiator, responder } = pair(noiseSuite(backEnd, vector.hash));
      const payloads = PAYLOADS.map(fromHex);
      const [first, second] = payloads;
      assert(first !== undefined && second !== undefined);

      const message1 = initiator.writeMessage(first);
      assertEquals(toHex(message1), vector.messages[0] ?? "");
      assertEquals(responder.readMessage(message1), first);
      const message2 = responder.writeMessage(second);
      assertEquals(toHex(message2), vector.messages[1] ?? "");
      assertEquals(initiator.readMessage(message2), second);
      assertEquals(toHex(initiator.handshakeHash), vector.handshakeHash);
      assertEquals(toHex(responder.handshakeHash), vector.handshakeHash);

      const a = initiator.split();
      const b = responder.split();
      for (const [i, payload] of payloads.entries()) {
        if (i < 2) continue;
        const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
        const message = sealed(from.send, payload);
        assertEquals(toHex(message), vector.messages[i] ?? "");
        assertEquals(opened(to.receive, message), payload);
      }
    });
  }
}

Deno.test("the session suite is the one that the wire names", async () => {
  const suite = await loadSessionSuite();
  assertEquals(suite.name, "25519_ChaChaPoly_SHA256");
  assertEquals(suite.cipher.backEnd, "wasm + node:crypto");
  assert(await loadSessionSuite() === suite);
});

Deno.test("another pre-shared key, another prologue: message 1 is refused", () => {
  const otherPsk = fromHex(PSK);
  otherPsk[31] = (otherPsk[31] ?? 0) ^ 1;
  for (const overrides of [{ responderPsk: otherPsk }, { responderPrologue: new Uint8Array(1) }]) {
    const { initiator, responder } = pair(SUITE, overrides);
    assertEquals(responder.readMessage(initiator.writeMessage(NO_AAD)), null);
    assertEquals(responder.failure, "forged");
  }
});

Deno.test("every flipped bit of either message is refused, and so is every cut", () => {
  const message1 = pair(SUITE).initiator.writeMessage(NO_AAD);
  for (let bit = 0; bit < message1.length * 8; bit++) {
    const altered = message1.slice();
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assertEquals(pair(SUITE).responder.readMessage(altered), null);
  }
  for (let length = 0; length < message1.length; length++) {
    assertEquals(pair(SUITE).responder.readMessage(message1.subarray(0, length)), null);
  }
  const { responder } = pair(SUITE);
  responder.readMessage(message1);
  const message2 = responder.writeMessage(NO_AAD);
  for (let bit = 0; bit < message2.length * 8; bit++) {
    const altered = message2.slice();
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { initiator } = pair(SUITE);
    initiator.writeMessage(NO_AAD);
    assertEquals(initiator.readMessage(altered), null, `bit ${bit}`);
  }
});

Deno.test("a step out of turn is a bug of ours and says so", () => {
  const { initiator, responder } = pair(SUITE);
  assertEquals(assertThrows(() => initiator.split(), HanaError).code, "internal");
  assertEquals(assertThrows(() => responder.writeMessage(NO_AAD), HanaError).code, "internal");
  assertEquals(assertThrows(() => initiator.readMessage(new Uint8Array(48)), HanaError).code, "internal");
});

/** Points of low order on Curve25519: multiplied by any clamped scalar they give zero (RFC 7748, section 7). */
function lowOrderPoints(): Uint8Array[] {
  const points: Uint8Array[] = [new Uint8Array(32), new Uint8Array(32).fill(1, 0, 1)];
  // The prime, and the numbers beside it: encodings of 0, 1 and −1 that are not reduced.
  for (const last of [0xec, 0xed, 0xee]) {
    const point = new Uint8Array(32).fill(0xff);
    point[0] = last;
    point[31] = 0x7f;
    points.push(point);
  }
  // The two points of order 8.
  points.push(fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
  points.push(fromHex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
  return points;
}

/** A first message that holds the right pre-shared key and any public key, by the framework's formulas. */
function message1With(publicKey: Uint8Array): Uint8Array {
  const hash = noiseHash("SHA256");
  let h = hash.hash(new TextEncoder().encode(`Noise_NNpsk0_${SUITE.name}`));
  let ck = h;
  h = hash.hash(h, fromHex(PROLOGUE));
  const [ck1 = NO_AAD, mixed = NO_AAD] = hash.hkdf(ck, fromHex(PSK), 3);
  ck = ck1;
  h = hash.hash(hash.hash(h, mixed), publicKey);
  const [, key = NO_AAD] = hash.hkdf(ck, publicKey, 2);
  const tag = new Uint8Array(16);
  new CipherState(nobleCipher("ChaChaPoly"), key).seal(tag, h, NO_AAD);
  return concatBytes(publicKey, tag);
}

Deno.test("a public key of low order is refused by the key pair and in both messages", () => {
  const honest = x25519.getPublicKey(fromHex(INITIATOR_EPHEMERAL));
  assertEquals(message1With(honest), pair(SUITE).initiator.writeMessage(NO_AAD));
  for (const point of lowOrderPoints()) {
    const { initiator, responder } = pair(SUITE);
    assertEquals(responder.readMessage(message1With(point)), null);
    assertEquals(responder.failure, "weak-key");
    initiator.writeMessage(NO_AAD);
    assertEquals(initiator.readMessage(concatBytes(point, new Uint8Array(16))), null);
    assertEquals(initiator.failure, "weak-key");
  }
  const keyPair = new X25519KeyPair(fromHex(INITIATOR_EPHEMERAL));
  for (const point of lowOrderPoints()) {
    assertEquals(keyPair.agree(point), null, toHex(point));
    assertThrows(() => x25519.getSharedSecret(fromHex(INITIATOR_EPHEMERAL), point)); // the reference agrees
  }
});

Deno.test("X25519 agrees with the reference for any keys", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(key, key, (mine, theirs) => {
      const keyPair = new X25519KeyPair(mine);
      assertEquals(keyPair.publicKey, x25519.getPublicKey(mine));
      const publicKey = x25519.getPublicKey(theirs);
      assertEquals(keyPair.agree(publicKey), x25519.getSharedSecret(mine, publicKey));
    }),
    { numRuns: 25 },
  );
  assertEquals(new X25519KeyPair(new Uint8Array(32)).agree(new Uint8Array(31)), null);
});

Deno.test("rekeying changes the key in step, keeps the counter, and is what the framework says", () => {
  for (const cipher of [FAST, nodeCipher("AESGCM")]) {
    const key = new Uint8Array(32).fill(9);
    const a = new CipherState(cipher, key);
    const b = new CipherState(cipher, key);
    const plain = new Uint8Array([1, 2, 3]);
    opened(b, sealed(a, plain));
    a.rekey();
    b.rekey();
    const message = sealed(a, plain);
    assertEquals(a.counter, 2);
    assertEquals(opened(b, message), plain);

    const expectedKey = new Uint8Array(48);
    const lastNonce = fromHex("00000000ffffffffffffffff");
    nobleCipher(cipher.name).withKey(key).seal(expectedKey, lastNonce, NO_AAD, new Uint8Array(32));
    const expected = new CipherState(cipher, expectedKey.subarray(0, 32));
    sealed(expected, plain);
    assertEquals(sealed(expected, plain), message);

    const stale = new CipherState(cipher, key);
    sealed(stale, plain);
    assertNotEquals(sealed(stale, plain), message);
  }
});

Deno.test("a message that is not authentic does not move the counter", () => {
  const key = new Uint8Array(32).fill(3);
  const a = new CipherState(FAST, key);
  const b = new CipherState(FAST, key);
  const first = sealed(a, new Uint8Array(5));
  const second = sealed(a, new Uint8Array(6));
  assertEquals(b.open(new Uint8Array(6), NO_AAD, second), -1);
  assertEquals(b.counter, 0);
  opened(b, first);
  opened(b, second);
});
