import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isUtf8, utf8Length } from "../../../lib/wire/mod.ts";
import { utf8ToText } from "../../../lib/wire/utf8.ts";
import { anyText, utf8 } from "./values.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function platformAccepts(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the check agrees with the platform's strict decoder on every first and second byte and on random bytes", () => {
  for (let first = 0xbf; first < 0xf9; first++) {
    for (let second = 0; second < 0x100; second++) {
      // Continuation bytes behind them, so that the longer forms get their chance.
      for (const tail of [[], [0xbf], [0x80, 0xbf]]) {
        const bytes = Uint8Array.of(first, second, ...tail);
        if (isUtf8(bytes, 0, bytes.length) !== platformAccepts(bytes)) assertEquals([...bytes], []);
      }
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      assertEquals(isUtf8(bytes, 0, bytes.length), platformAccepts(bytes));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("text comes back from its bytes wherever they stand", () => {
  fc.assert(fc.property(anyText, fc.nat(9), fc.nat(9), (text, before, behind) => {
    const encoded = utf8(text);
    const bytes = new Uint8Array(before + encoded.length + behind).fill(0xff);
    bytes.set(encoded, before);
    assertEquals(utf8Length(text), encoded.length);
    assertEquals(isUtf8(bytes, before, before + encoded.length), true);
    assertEquals(utf8ToText(bytes, before, before + encoded.length), text);
  }));
});
