import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { HandlerTable, type MessageDefinition } from "../../../lib/session/mod.ts";
import { DOUBLE, NOTE } from "./support.ts";

Deno.test("a message has one handler, and a name one definition", () => {
  const handlers = new HandlerTable();
  handlers.onRequest(DOUBLE, (body) => body);
  assertEquals(assertThrows(() => handlers.onRequest(DOUBLE, (body) => body), HanaError).code, "conflict");
  handlers.messages.define(NOTE);
  assertEquals(assertThrows(() => handlers.onEvent({ ...NOTE }, () => {}), HanaError).code, "conflict");
  assertEquals(handlers.find(NOTE.name), undefined);
  handlers.onEvent(NOTE, () => {});
  assert(handlers.find(NOTE.name) !== undefined);
  for (const name of ["toString", "__proto__", "constructor"]) assertEquals(handlers.find(name), undefined);
});

Deno.test("definitions are compiled once, own and learned ones, and the learned ones are bounded", () => {
  const handlers = new HandlerTable();
  handlers.messages.define(NOTE);
  assertStrictEquals(handlers.compile(NOTE), handlers.compile(NOTE));
  const learned: MessageDefinition = { ...DOUBLE };
  const first = handlers.compile(learned);
  assertStrictEquals(handlers.compile(learned), first);
  for (let i = 0; i < 1024; i++) handlers.compile({ ...DOUBLE });
  const again = handlers.compile(learned);
  assert(again !== first, "the oldest was forgotten");
  assertEquals(again.definition, learned);
});
