import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError, type Role, ROLES } from "../../../lib/base/mod.ts";
import { LANES } from "../../../lib/lanes/mod.ts";
import {
  CompiledMessage,
  defineEvent,
  defineRequest,
  type MessageDefinition,
  MessageTable,
  parseDefinition,
} from "../../../lib/session/mod.ts";
import { createCodec, s } from "../../../lib/wire/mod.ts";
import { DOUBLE, NOTE } from "./support.ts";

const base = {
  lane: "events",
  effect: "read",
  from: ["app"],
  to: ["daemon"],
  body: s.object({ hue: s.number({ minimum: 0, maximum: 1 }) }),
} as const;

Deno.test("a definition travels in either codec and comes back as it was", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcxyz019"), minLength: 1, maxLength: 6 });
  const roles = fc.uniqueArray(fc.constantFrom<Role>(...ROLES), { minLength: 1 });
  const definition = fc.record({
    name: fc.array(word.map((text) => `w${text}`), { minLength: 2, maxLength: 6 }).map((words) =>
      words.join(".")
    ),
    lane: fc.constantFrom(...Object.values(LANES).map((lane) => lane.name)),
    effect: fc.constantFrom("read", "command"),
    from: roles,
    to: roles,
    body: fc.constant(base.body),
    kind: fc.constantFrom("event", "request"),
    access: fc.constantFrom(undefined, "crew", "operator"),
  });
  fc.assert(
    fc.property(definition, fc.constantFrom("msgpack" as const, "json" as const), (drawn, codecName) => {
      const { access, ...rest } = drawn;
      const made = access === undefined ? rest : { ...rest, access };
      const whole = made.kind === "request" ? { ...made, reply: s.nullable(s.string()) } : made;
      const codec = createCodec(codecName);
      const read = parseDefinition(codec.decode(codec.encode(whole)));
      assertEquals(parseDefinition(codec.decode(codec.encode(read))), read);
      assertEquals(read.name, made.name);
      assertEquals(read.access, access);
      assertEquals(
        new CompiledMessage(read).access,
        access ?? (made.effect === "command" ? "crew" : "viewer"),
      );
      for (const from of ROLES) {
        for (const to of ROLES) {
          assertEquals(
            new CompiledMessage(read).isAllowed(from, to),
            made.from.includes(from) && made.to.includes(to),
          );
        }
      }
    }),
  );
});

Deno.test("a definition that is none is refused, whatever a peer puts in its fields", () => {
  const good = { ...base, name: "wall.hue", kind: "event" };
  parseDefinition(good);
  const hostile: unknown[] = [
    undefined,
    null,
    7,
    "",
    "nothing",
    [],
    {},
    ["control"],
    { toString: 7, valueOf: 7 },
    new Uint8Array(3),
    { length: 1 },
  ];
  for (const field of ["name", "lane", "effect", "access", "from", "to", "body", "kind"]) {
    for (const value of hostile) {
      if (field === "access" && value === undefined) continue; // the default
      // The empty object is the schema that allows anything.
      if (field === "body" && JSON.stringify(value) === "{}") continue;
      const error = assertThrows(() => parseDefinition({ ...good, [field]: value }), HanaError, "");
      assertEquals(error.code, "schema", `${field} ${JSON.stringify(value)}`);
    }
  }
  for (const value of hostile) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) continue;
    assertThrows(() => parseDefinition(value), HanaError);
  }
});

Deno.test("names are two to six dotted lower-case words of 64 characters at most", () => {
  const named = (name: string) => () => defineEvent({ ...base, name });
  for (const name of ["wall.hue", "a.1", "a-b.c_d.e.f.g.h", `a.${"b".repeat(62)}`]) named(name)();
  const wrong = [
    "",
    "wall",
    "Wall.hue",
    "wall.Hue",
    ".hue",
    "wall.",
    "wall..hue",
    "1.a",
    "a.b.c.d.e.f.g",
    "a.b c",
  ];
  for (const name of [...wrong, `a.${"b".repeat(63)}`, "a.b\n", "ä.b"]) {
    assertEquals(assertThrows(named(name), HanaError).code, "schema", name);
  }
});

Deno.test("the text of a refused definition stays short", () => {
  const error = assertThrows(
    () => parseDefinition({ ...base, kind: "event", name: "x".repeat(1_000_000) }),
    HanaError,
  );
  assert(error.message.length < 300);
});

Deno.test("a name has one definition in a table, and defining the same one twice is harmless", () => {
  const messages = new MessageTable();
  assertEquals(messages.define(NOTE), messages.define(NOTE));
  assertEquals(assertThrows(() => messages.define({ ...NOTE }), HanaError).code, "conflict");
  messages.define(DOUBLE);
  assertEquals(messages.definitions(), [NOTE, DOUBLE] as MessageDefinition[]);
  assertEquals(messages.find("toString"), undefined);
});

Deno.test("a table is bounded", () => {
  const messages = new MessageTable();
  for (let i = 0; i < 1024; i++) messages.define(defineEvent({ ...base, name: `some.m${i}` }));
  const error = assertThrows(() => messages.define(defineEvent({ ...base, name: "one.more" })), HanaError);
  assertEquals(error.code, "overloaded");
});

Deno.test("a definition keeps its exact types, and a wrong lane or role does not compile", () => {
  const request = defineRequest({ ...base, name: "wall.ask", reply: s.object({ ok: s.boolean() }) });
  const kind: "request" = request.kind;
  const name: "wall.ask" = request.name;
  assertStringIncludes(`${kind} ${name}`, "request wall.ask");
  // @ts-expect-error: there is no such lane
  assertThrows(() => defineEvent({ ...base, name: "wall.x", lane: "bulk" }), HanaError);
  // @ts-expect-error: there is no such role
  assertThrows(() => defineEvent({ ...base, name: "wall.x", from: ["controller"] }), HanaError);
});

Deno.test("a command that says that viewers may send it is refused: viewers only look", () => {
  const bad = { ...base, name: "wall.dark", effect: "command", access: "viewer", kind: "event" } as const;
  const error = assertThrows(() => parseDefinition(bad), HanaError, "cannot be defined");
  assertEquals([error.code, error.why], [
    "schema",
    "a command needs access crew at least: viewers only look",
  ]);
  assertThrows(() => defineEvent(bad), HanaError, "cannot be defined");
  for (const access of ["viewer", "crew", "operator"] as const) {
    assertEquals(defineEvent({ ...base, name: "wall.seen", access }).access, access);
  }
});
