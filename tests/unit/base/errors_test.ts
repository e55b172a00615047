import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { assert as assertOwn, HanaError, toHanaError } from "../../../lib/base/mod.ts";

Deno.test("an error reads as what failed and why, and keeps code, hint and cause", () => {
  const cause = new Error("underneath");
  const error = new HanaError("storage", { what: "file f", why: "is gone", hint: "ls f", cause });
  assertEquals(error.message, "file f: is gone");
  assertEquals([error.code, error.what, error.why, error.hint], ["storage", "file f", "is gone", "ls f"]);
  assertStrictEquals(error.cause, cause);
  assertEquals(new HanaError("closed", { what: "it ended" }).message, "it ended");
});

Deno.test("whatever was thrown becomes a HanaError, and one that is one stays the same", () => {
  const own = new HanaError("timeout", { what: "late" });
  assertStrictEquals(toHanaError(own, "internal", "x"), own);
  const wrapped = toHanaError(new TypeError("no such thing"), "internal", "reading");
  assertEquals([wrapped.code, wrapped.message], ["internal", "reading: no such thing"]);
  for (const thrown of [undefined, null, 7, "text", { a: 1 }]) {
    assertEquals(toHanaError(thrown, "closed", "it").why, String(thrown));
  }
});

Deno.test("an assertion that fails is a bug of hana and says so", () => {
  assertOwn(true, "never read");
  const error = assertThrows(() => assertOwn(false, "two is two"), HanaError, "two is two");
  assertEquals(error.code, "internal");
});
