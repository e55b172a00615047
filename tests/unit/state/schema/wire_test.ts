// What the schema accepts must come through the messages as it is: otherwise a copy's digest differs for ever.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { canonicalBytes, StateDigest } from "../../../../lib/state/digest/mod.ts";
import { MessageDecoder, MessageEncoder, type WireEntry } from "../../../../lib/state/messages/mod.ts";
import type {
  ParameterDefinition,
  PathId,
  StateValue,
  SubsystemNumber,
  Version,
} from "../../../../lib/state/model/mod.ts";
import { checkValue, isRefusal, readDefinition, SchemaBook } from "../../../../lib/state/schema/mod.ts";
import { anyDefinedValue, define, type RawDefinition, rawDefinitions, TYPES } from "./arbitraries.ts";

/** Sends entries as a patch and reads it. */
function sent(entries: readonly WireEntry[]): readonly WireEntry[] {
  const bytes = new MessageEncoder().encode({
    kind: "patch",
    term: 1,
    subsystem: 0 as SubsystemNumber,
    base: 0 as Version,
    version: 1 as Version,
    ack: null,
    nonce: null,
    digest: null,
    entries,
  });
  assert(bytes !== null, `cannot be written: ${JSON.stringify(entries)}`);
  const message = new MessageDecoder().decode(bytes);
  assert(typeof message === "object" && message.kind === "patch", String(message));
  return message.entries;
}

Deno.test("every accepted value comes through a message with the same canonical bytes, and is accepted there", () => {
  fc.assert(
    fc.property(anyDefinedValue, ([definition, given]) => {
      const value = checkValue(definition, given);
      assert(!isRefusal(value));
      const [entry] = sent([{ id: 7 as PathId, type: definition.type, value, winner: null }]);
      assert(entry !== undefined && entry.type === definition.type);
      const arrived = checkValue(definition, entry.value);
      assert(!isRefusal(arrived), isRefusal(arrived) ? arrived.why : "");
      const { type } = definition;
      assertEquals(canonicalBytes(type, arrived), canonicalBytes(type, value));
      const [here, there] = [new StateDigest(), new StateDigest()];
      here.toggle(7 as PathId, type, value, 3, 100);
      there.toggle(7 as PathId, type, entry.value as StateValue, 3, 100);
      assertEquals(there.text, here.text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("the largest and strangest values that are accepted come through a message", () => {
  const words = Array.from({ length: 256 }, (_, i) => `${i}`.padStart(63, "w"));
  const cases: [RawDefinition, StateValue][] = [
    [{ type: "json" }, { a: 2 ** 60, b: -(2 ** 53), c: 1e308, d: 5e-324, e: -0, f: 0.1, g: 2 ** 53 - 1 }],
    [{ type: "json" }, Array.from({ length: 1_023 }, (_, i) => i / 8)],
    [{ type: "json" }, Object.fromEntries(Array.from({ length: 1_023 }, (_, i) => [`k${i}`, null]))],
    [{ type: "json" }, { text: "é".repeat(8_160), $: 1, "": { toString: 1 } }],
    [{ type: "json" }, [[[[[[[["eight"]]]]]]]] as unknown as StateValue],
    [{ type: "json" }, null],
    [{ type: "text" }, "é".repeat(2_048)],
    [{ type: "bytes" }, new Uint8Array(16_384).fill(7)],
    [{ type: "enum", words }, words[255] ?? ""],
    [{ type: "f32" }, -3.4028234663852886e38],
    [{ type: "f32" }, 1e-45],
    [{ type: "i32" }, -0x8000_0000],
  ];
  for (const [raw, given] of cases) {
    const definition = define(raw);
    const value = checkValue(definition, given);
    assert(!isRefusal(value), isRefusal(value) ? value.why : "");
    const [entry] = sent([{ id: 1 as PathId, type: definition.type, value, winner: null }]);
    assertEquals(
      canonicalBytes(definition.type, entry?.value as StateValue),
      canonicalBytes(definition.type, value),
    );
    const [told] = sent([{
      id: 1 as PathId,
      type: "definition",
      value: { ...definition, default: value },
      winner: null,
    }]);
    assertEquals(readDefinition(told?.value), { ...definition, default: value });
  }
});

Deno.test("every definition comes through a message as it was read, and the books agree", () => {
  const definitions = fc.uniqueArray(
    fc.constantFrom(...TYPES).chain(rawDefinitions).map(readDefinition),
    { minLength: 1, maxLength: 8, selector: ({ path }) => path },
  );
  fc.assert(
    fc.property(definitions, (list: ParameterDefinition[]) => {
      const [host, copy] = [new SchemaBook(), new SchemaBook()];
      for (const definition of list) assert(!isRefusal(host.define(definition)));
      const rows = host.rowsSince(0).map(({ id, definition }): WireEntry => {
        assert(definition !== null);
        return { id, type: "definition", value: definition, winner: null };
      });
      for (const entry of sent(rows)) {
        assert(entry.type === "definition");
        assertEquals(readDefinition(entry.value), entry.value);
        assertEquals(copy.adopt(entry.id, entry.value), "taken");
      }
      assertEquals([copy.high, copy.low, copy.size], [host.high, host.low, host.size]);
    }),
    { numRuns: 200 },
  );
});
