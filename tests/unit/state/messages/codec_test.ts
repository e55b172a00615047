// Messages of shared state come back as they were sent, and nothing else is one.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../../../../lib/base/mod.ts";
import { DECODE_PROBLEMS, MessageDecoder, MessageEncoder } from "../../../../lib/state/messages/mod.ts";
import type { DecodeProblem, StateMessage } from "../../../../lib/state/messages/mod.ts";
import { anyMessage, fromPlain, inWireOrder, plainMessage } from "../../../support/state_messages.ts";

const encoder = new MessageEncoder();
const decoder = new MessageDecoder();

function encoded(message: StateMessage): Uint8Array {
  const bytes = encoder.encode(message);
  assert(bytes !== null, JSON.stringify(plainMessage(message)));
  return bytes.slice();
}

/** Whether the inside of a value of type json, which has more than one form, may be part of `message`. */
function holdsJson(message: StateMessage): boolean {
  return JSON.stringify(plainMessage(message)).includes('"json"');
}

Deno.test("every message comes back as it was sent, its entries in the order of the wire", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encoded(message);
      const read = decoder.decode(bytes);
      assertEquals<unknown>(read, inWireOrder(message));
      assertEquals(toHex(encoded(read as StateMessage)), toHex(bytes));
    }),
    { numRuns: 1_200 },
  );
});

Deno.test("a message told in JSON is the same message", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const told = JSON.parse(JSON.stringify(plainMessage(message)));
      assertEquals(toHex(encoded(fromPlain(told))), toHex(encoded(message)));
    }),
    { numRuns: 500 },
  );
});

Deno.test("a message cut at any byte is refused, or is one that says less", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encoded(message);
      for (let end = 0; end < bytes.length; end++) {
        const read = decoder.decode(bytes.subarray(0, end));
        // Whole sections at the end are entries that are not there.
        if (typeof read === "string") assert(DECODE_PROBLEMS.includes(read), read);
        else assertEquals(toHex(encoded(read)), toHex(bytes.subarray(0, end)));
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("bytes after a message without entries are refused", () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(255), (message, byte) => {
      fc.pre(!("entries" in message) && message.kind !== "nack");
      const bytes = encoded(message);
      assertEquals(decoder.decode(Uint8Array.from([...bytes, byte])), "trailing");
    }),
    { numRuns: 500 },
  );
});

const damage = fc.array(
  fc.record({
    how: fc.constantFrom("set", "set", "flip", "flip", "insert", "cut", "end"),
    at: fc.nat(100_000),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xf0, 0xff)),
  }),
  { minLength: 1, maxLength: 3 },
);

Deno.test("damaged bytes never throw, and what is read from them is written as those very bytes", () => {
  const seen = new Map<DecodeProblem | "read", number>();
  fc.assert(
    fc.property(anyMessage, damage, (message, steps) => {
      const bytes = [...encoded(message)];
      for (const { how, at, byte } of steps) {
        const place = at % (bytes.length + 1);
        if (how === "set") bytes[place] = byte;
        if (how === "flip") bytes[place] = (bytes[place] ?? 0) ^ (1 << byte % 8);
        if (how === "insert") bytes.splice(place, 0, byte);
        if (how === "cut") bytes.splice(place, 1);
        if (how === "end") bytes.length = place;
      }
      const read = decoder.decode(Uint8Array.from(bytes));
      const result = typeof read === "string" ? read : "read";
      seen.set(result, (seen.get(result) ?? 0) + 1);
      if (typeof read === "string") {
        assert(decoder.problemAt >= 0 && decoder.problemAt <= bytes.length, `${decoder.problemAt}`);
      } else if (!holdsJson(read)) {
        assertEquals(toHex(encoded(read)), toHex(Uint8Array.from(bytes)));
      }
    }),
    { numRuns: 6_000, seed: 7 },
  );
  for (const problem of DECODE_PROBLEMS) {
    if (problem === "unknown-kind" || problem === "not-json") continue;
    assert((seen.get(problem) ?? 0) > 2, `${problem}: ${seen.get(problem)}`);
  }
  assert((seen.get("read") ?? 0) > 500);
});

Deno.test("bytes at random never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const read = decoder.decode(bytes);
      if (typeof read !== "string" && !holdsJson(read)) assertEquals(toHex(encoded(read)), toHex(bytes));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("a message shares no memory with its bytes", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encoded(message);
      const read = decoder.decode(bytes);
      const before = JSON.stringify(read);
      bytes.fill(0xff);
      assertStrictEquals(JSON.stringify(read), before);
    }),
    { numRuns: 300 },
  );
});
