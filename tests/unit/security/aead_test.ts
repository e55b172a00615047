// The ciphers: every back end gives the same bytes, refuses what was altered, and proves itself before it is used.

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  type AeadCipher,
  type AeadName,
  NO_AAD,
  selfTestAead,
  setNonce,
} from "../../../lib/security/aead.ts";
import { aeadCandidates, LARGE_TEXT_BYTES, loadAead } from "../../../lib/security/aead_load.ts";
import { nobleCipher } from "../../../lib/security/aead_noble.ts";
import { nodeCipher } from "../../../lib/security/aead_node.ts";
import { wasmCipher } from "../../../lib/security/aead_wasm.ts";
import { flipBit } from "./support.ts";

async function backEnds(name: AeadName): Promise<AeadCipher[]> {
  const chosen = (await loadAead(name)).cipher;
  return name === "ChaChaPoly" ? [chosen, nodeCipher(name), wasmCipher()] : [chosen];
}

for (const name of ["ChaChaPoly", "AESGCM"] as const) {
  Deno.test(`${name}: the published vector and the self-test pass on every back end`, async () => {
    for (const cipher of [...await backEnds(name), nobleCipher(name)]) {
      if (cipher.backEnd === "wasm") continue; // takes 32 B of associated data at most; tested within the split
      assertEquals(selfTestAead(cipher, nobleCipher(name)), null, cipher.backEnd);
    }
  });

  Deno.test(`${name}: any message is sealed to the reference's bytes and opened again, by every back end`, async () => {
    const ciphers = await backEnds(name);
    const reference = nobleCipher(name);
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        bytes(32),
        bytes(12),
        fc.uint8Array({ maxLength: 32 }),
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.uint8Array({ minLength: LARGE_TEXT_BYTES - 20, maxLength: LARGE_TEXT_BYTES + 20 }),
        ),
        (key, nonce, aad, plain) => {
          const expected = new Uint8Array(plain.length + 16);
          reference.withKey(key).seal(expected, nonce, aad, plain);
          for (const cipher of ciphers) {
            const aead = cipher.withKey(key);
            const sealed = new Uint8Array(plain.length + 16);
            assertEquals(aead.seal(sealed, nonce, aad, plain), sealed.length);
            assertEquals(sealed, expected, cipher.backEnd);
            const opened = new Uint8Array(plain.length);
            assertEquals(aead.open(opened, nonce, aad, sealed), plain.length);
            assertEquals(opened, plain);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  Deno.test(`${name}: one flipped bit anywhere, in anything, is refused and nothing is written`, async () => {
    const key = new Uint8Array(32).fill(1);
    const nonce = new Uint8Array(12).fill(2);
    const aad = new Uint8Array(5).fill(3);
    const plain = new Uint8Array(40).fill(4);
    for (const cipher of [...await backEnds(name), nobleCipher(name)]) {
      const aead = cipher.withKey(key);
      const sealed = new Uint8Array(56);
      aead.seal(sealed, nonce, aad, plain);
      const out = new Uint8Array(56).fill(0xee);
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        assertEquals(aead.open(out, nonce, aad, flipBit(sealed, bit)), -1);
      }
      for (let bit = 0; bit < 96; bit++) assertEquals(aead.open(out, flipBit(nonce, bit), aad, sealed), -1);
      for (let bit = 0; bit < 40; bit++) assertEquals(aead.open(out, nonce, flipBit(aad, bit), sealed), -1);
      for (let bit = 0; bit < 256; bit += 5) {
        assertEquals(cipher.withKey(flipBit(key, bit)).open(out, nonce, aad, sealed), -1);
      }
      for (let length = 0; length < sealed.length; length++) {
        assertEquals(aead.open(out, nonce, aad, sealed.subarray(0, length)), -1);
      }
      assertEquals(out, new Uint8Array(56).fill(0xee));
    }
  });

  Deno.test(`${name}: sealing and opening in place gives the same bytes`, async () => {
    for (const cipher of [...await backEnds(name), nobleCipher(name)]) {
      for (const length of [1, 64, 1200, 5000]) {
        const aead = cipher.withKey(new Uint8Array(32).fill(8));
        const nonce = new Uint8Array(12);
        const plain = new Uint8Array(length).map((_, i) => i & 0xff);
        const expected = new Uint8Array(length + 16);
        aead.seal(expected, nonce, NO_AAD, plain);
        const buffer = new Uint8Array(length + 16);
        buffer.set(plain);
        aead.seal(buffer, nonce, NO_AAD, buffer.subarray(0, length));
        assertEquals(buffer, expected, `${cipher.backEnd} ${length}`);
        assertEquals(aead.open(buffer, nonce, NO_AAD, buffer), length);
        assertEquals(buffer.subarray(0, length), plain);
      }
    }
  });

  Deno.test(`${name}: changing the key's array afterwards changes nothing`, async () => {
    for (const cipher of [...await backEnds(name), nobleCipher(name)]) {
      const key = new Uint8Array(32).fill(6);
      const aead = cipher.withKey(key);
      const before = new Uint8Array(20);
      const after = new Uint8Array(20);
      aead.seal(before, new Uint8Array(12), NO_AAD, new Uint8Array(4));
      key.fill(0);
      aead.seal(after, new Uint8Array(12), NO_AAD, new Uint8Array(4));
      assertEquals(after, before);
    }
  });
}

Deno.test("a counter becomes the nonce that Noise asks for, in either byte order", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (counter) => {
    const nonce = new Uint8Array(12).fill(0xff);
    const view = new DataView(nonce.buffer);
    setNonce(nonce, "ChaChaPoly", counter);
    assertEquals([view.getUint32(0), view.getBigUint64(4, true)], [0, BigInt(counter)]);
    setNonce(nonce, "AESGCM", counter);
    assertEquals([view.getUint32(0), view.getBigUint64(4, false)], [0, BigInt(counter)]);
  }));
});

/** A back end that is wrong in one way. */
function broken(name: AeadName, how: "sealed" | "long" | "tag" | "aad"): AeadCipher {
  const good = nodeCipher(name);
  return {
    name,
    backEnd: `broken ${how}`,
    withKey: (key) => {
      const aead = good.withKey(key);
      return {
        seal: (out, nonce, aad, plain) => {
          const written = aead.seal(out, nonce, how === "aad" ? NO_AAD : aad, plain);
          if (how === "sealed" || (how === "long" && plain.length > 1000)) out[0] = (out[0] ?? 0) ^ 1;
          return written;
        },
        open: (out, nonce, aad, sealed) => {
          const written = aead.open(out, nonce, aad, sealed);
          return how === "tag" ? sealed.length - 16 : written;
        },
      };
    },
  };
}

Deno.test("a back end that computes wrongly or cannot load is passed over, with the reason", async () => {
  for (const name of ["ChaChaPoly", "AESGCM"] as const) {
    for (const how of ["sealed", "long", "tag", "aad"] as const) {
      const bad = { label: `broken ${how}`, load: () => Promise.resolve(broken(name, how)) };
      const missing = { label: "missing", load: () => Promise.reject(new Error("no such module")) };
      const { cipher, passedOver } = await loadAead(name, [bad, missing, ...aeadCandidates(name).slice(-1)]);
      assertEquals(cipher.backEnd, "@noble/ciphers");
      assertEquals(passedOver.map(({ label }) => label), [`broken ${how}`, "missing"]);
      assertEquals(passedOver[1]?.why, "no such module");
      assertNotEquals(passedOver[0]?.why, "");
    }
  }
});

Deno.test("no back end at all is an error that names every attempt", async () => {
  const bad = { label: "broken", load: () => Promise.resolve(broken("AESGCM", "tag")) };
  const error = await assertRejects(() => loadAead("AESGCM", [bad]), HanaError, "broken");
  assertEquals(error.code, "unsupported");
});

Deno.test("the chosen back ends are the fast ones", async () => {
  assertEquals((await loadAead("ChaChaPoly")).cipher.backEnd, "wasm + node:crypto");
  assertEquals((await loadAead("AESGCM")).cipher.backEnd, "node:crypto");
  assert((await loadAead("ChaChaPoly")).passedOver.length === 0);
});
