import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decode, encode } from "@std/msgpack";
import { parse } from "@std/yaml";

Deno.test("the typed faces of republished packages reach their functions", async () => {
  assert(true);
  assertEquals(decode(encode({ a: [1, "x"] })), { a: [1, "x"] });
  assertEquals(parse("a: 1\nb: [x]\n"), { a: 1, b: ["x"] });
  assertThrows(() => parse("a: ]"), SyntaxError);
  await assertRejects(() => Promise.reject(new RangeError("out")), RangeError, "out");
});
