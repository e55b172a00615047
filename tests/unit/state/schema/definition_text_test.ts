// Texts of definitions that are made from those before are what the plain way makes.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isPath } from "../../../../lib/state/model/mod.ts";
import { canonicalDefinition } from "../../../../lib/state/schema/compatibility.ts";
import { DefinitionTexts } from "../../../../lib/state/schema/definition_text.ts";
import { define, rawDefinitions, TYPES } from "./arbitraries.ts";

const definitions = fc.constantFrom(...TYPES).chain(rawDefinitions).map(define);

Deno.test("the text of a definition is the same whatever came before it", () => {
  const texts = new DefinitionTexts();
  fc.assert(
    fc.property(fc.array(definitions, { minLength: 1, maxLength: 6 }), fc.nat(40), (kinds, count) => {
      for (let at = 0; at <= count; at++) {
        const kind = kinds[at % kinds.length];
        if (kind === undefined) continue;
        const definition = { ...kind, path: `${kind.path.slice(0, 100)}-${at}` };
        assertEquals(texts.of(definition), canonicalDefinition(definition));
      }
    }),
  );
});

Deno.test("a path is what the pattern of the protocol says", () => {
  const pattern = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;
  const text = fc.string({
    unit: fc.constantFrom("a", "z", "0", "9", "/", "-", ".", "_", "A", "ä", " "),
    maxLength: 24,
  });
  fc.assert(fc.property(text, (path) => {
    assertEquals(isPath(path), pattern.test(path) && path.split("/").length <= 8);
  }));
  assertEquals([isPath("a".repeat(63)), isPath("a".repeat(64))], [true, false]);
  assertEquals([isPath("a/b/c/d/e/f/g/h"), isPath("a/b/c/d/e/f/g/h/i"), isPath("")], [true, false, false]);
  const long = `${"a".repeat(63)}/${"b".repeat(62)}`;
  assertEquals([isPath(`${long}/c`), isPath(`${long}/cd`)], [true, false]);
});
