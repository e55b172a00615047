// What the codec does not write, what it does not believe, and what it shares between clients.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  CHUNK_BYTES,
  MAX_ENTRIES,
  MAX_LEAVES,
  MAX_MESSAGE_BYTES,
  MAX_SUBSYSTEMS,
  MessageDecoder,
  MessageEncoder,
  type PatchMessage,
  splitEntries,
  type StateMessage,
  type WireEntry,
} from "../../../../lib/state/messages/mod.ts";
import type { ClientSequence } from "../../../../lib/state/model/mod.ts";
import { fromPlain, messageOf } from "../../../support/state_messages.ts";

const encoder = new MessageEncoder();
const decoder = new MessageDecoder();

const entry = (id: number, type: string, value: unknown, winner: unknown = null): WireEntry =>
  ({ id, type, value, winner }) as unknown as WireEntry;

function patchOf(entries: readonly WireEntry[], more: Record<string, unknown> = {}): PatchMessage {
  return {
    ...fromPlain({
      kind: "patch",
      term: 1,
      subsystem: 1,
      base: 1,
      version: 2,
      ack: null,
      nonce: null,
      digest: null,
    }),
    entries,
    ...more,
  } as PatchMessage;
}

Deno.test("a value that its type has no form for makes no message", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const wrong: readonly (readonly [string, unknown])[] = [
    ["f32", NaN],
    ["f32", Infinity],
    ["f32", 1e39],
    ["f32", "1"],
    ["f32", null],
    ["unit", 1.1],
    ["unit", -0.1],
    ["unit", NaN],
    ["unit", true],
    ["i32", 1.5],
    ["i32", 2 ** 31],
    ["i32", "1"],
    ["bool", 1],
    ["enum", ""],
    ["enum", "x".repeat(64)],
    ["enum", 3],
    ["text", "x".repeat(32_769)],
    ["text", "\ud800"],
    ["text", 5],
    ["bytes", new Uint8Array(32_769)],
    ["bytes", "00"],
    ["vec3", [1, 2]],
    ["vec3", [1, 2, NaN]],
    ["vec3", [1, 2, 3, 4]],
    ["quat", [1, 2, 3]],
    ["quat", "abcd"],
    ["json", cyclic],
    ["json", undefined],
    ["json", new Map()],
    ["json", "x".repeat(40_000)],
    ["colour", 1],
  ];
  for (const [type, value] of wrong) {
    assertStrictEquals(encoder.encode(patchOf([entry(1, type, value)])), null, `${type} ${typeof value}`);
    assert(encoder.encode(patchOf([entry(1, "f32", 1)])) !== null, "the next message is not harmed");
  }
});

Deno.test("ids that are none, that come twice, and numbers beyond their bounds make no message", () => {
  const good = entry(1, "f32", 1);
  const wrong: readonly StateMessage[] = [
    patchOf([entry(0, "f32", 1)]),
    patchOf([entry(-1, "f32", 1)]),
    patchOf([entry(1.5, "f32", 1)]),
    patchOf([entry(2 ** 32, "f32", 1)]),
    patchOf([good, good]),
    patchOf([entry(2, "f32", 1), entry(1, "bool", true), entry(2, "bool", true)]),
    patchOf([entry(1, "f32", 1, { holder: 65_536, priority: 1 })]),
    patchOf([entry(1, "f32", 1, { holder: 1, priority: 256 })]),
    patchOf([good], { base: 3 }),
    patchOf([good], { base: 2 }),
    patchOf([good], { term: -1 }),
    patchOf([good], { version: 2 ** 53 }),
    patchOf([good], { subsystem: 65_536 }),
    patchOf([good], { nonce: 2 ** 32 }),
    patchOf([good], { digest: { high: -1, low: 0 } }),
    patchOf([good], { ack: { sequence: 2 ** 52, single: false } }),
    patchOf(Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => entry(i + 1, "bool", true))),
    fromPlain({
      kind: "set",
      term: 1,
      sequence: 1,
      priority: 0,
      take: false,
      momentary: false,
      generation: null,
      entries: [good],
    }),
    fromPlain({ kind: "bye", term: 1, reason: "tired", successor: null, text: "" }),
    fromPlain({ kind: "bye", term: 1, reason: "leaving", successor: "zz", text: "" }),
    fromPlain({ kind: "bye", term: 1, reason: "leaving", successor: null, text: "x".repeat(256) }),
    fromPlain({
      kind: "ack",
      term: 1,
      heldUs: 0,
      versions: [{ subsystem: 2, version: 1 }, { subsystem: 1, version: 1 }],
    }),
  ];
  for (const message of wrong) {
    assertStrictEquals(encoder.encode(message), null, JSON.stringify(message).slice(0, 300));
  }
});

Deno.test("a message that would be too large is not written, and the largest that fits is read", () => {
  const large = (count: number) =>
    patchOf(Array.from({ length: count }, (_, i) => entry(i + 1, "bytes", new Uint8Array(1_000))));
  assertStrictEquals(encoder.encode(large(66)), null);
  const bytes = encoder.encode(large(65));
  assert(bytes !== null && bytes.length <= MAX_MESSAGE_BYTES);
  const read = decoder.decode(bytes);
  assert(typeof read === "object" && read.kind === "patch" && read.entries.length === 65);
  assertEquals(decoder.decode(new Uint8Array(MAX_MESSAGE_BYTES + 1)), "trailing");
});

Deno.test("no count is believed: a short message that announces much is refused", () => {
  const head = "0701010201";
  for (
    const section of [
      "f07ff0",
      "f17ff0",
      "f27ff0",
      "f37ff0",
      "f57ff0",
      "f77ff0",
      "f97ff0",
      "fa7ff0",
      "fb7ff0",
    ]
  ) {
    for (const rest of ["", "017ff0", "01bfef", "0100000000"]) {
      assertEquals(decoder.decode(fromHex(head + section + rest)), "truncated", section + rest);
    }
  }
});

Deno.test("entries may come in any order, and make the same bytes", () => {
  fc.assert(
    fc.property(messageOf.chunk, fc.infiniteStream(fc.nat()), (message, numbers) => {
      const keys = new Map(message.entries.map((each) => [each, numbers.next().value]));
      const shuffled = [...message.entries].sort((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
      // Definitions refer to those before them, in the order of ids: nothing depends on the caller's.
      const bytes = toHex(encoder.encode(message) ?? new Uint8Array(0));
      const again = encoder.encode({ ...message, entries: shuffled } as StateMessage);
      assertEquals(toHex(again ?? new Uint8Array(0)), bytes);
    }),
    { numRuns: 300 },
  );
});

Deno.test("an acknowledgement is put into a patch that others get as well", () => {
  fc.assert(
    fc.property(messageOf.patch, fc.nat(), fc.boolean(), (message, number, single) => {
      const ack = { sequence: number as ClientSequence, single };
      const shared = encoder.encode({ ...message, ack: null })?.slice();
      const direct = encoder.encode({ ...message, ack })?.slice();
      assert(shared !== undefined && direct !== undefined);
      const acknowledged = encoder.acknowledge(shared, ack);
      assertEquals(toHex(acknowledged ?? new Uint8Array(0)), toHex(direct));
      assertStrictEquals(encoder.acknowledge(direct, ack), null, "it has one already");
      const view = encoder.encode({ ...message, ack: null }) ?? direct;
      assertStrictEquals(encoder.acknowledge(view, ack), null, "it would be written over while it is read");
    }),
    { numRuns: 300 },
  );
  assertStrictEquals(
    encoder.acknowledge(new Uint8Array(0), { sequence: 1 as ClientSequence, single: true }),
    null,
  );
});

Deno.test("entries are split into chunks that fit, in their order and none lost", () => {
  const letters = "x".repeat(300);
  const many = Array.from(
    { length: 9_000 },
    (_, i) =>
      i % 3 === 0
        ? entry(i + 1, "text", letters.slice(0, i % 300))
        : i % 3 === 1
        ? entry(i + 1, "vec3", [i, i, i], { holder: i % 50, priority: i % 200 })
        : entry(i + 1, "json", { at: i, parts: [letters.slice(0, i % 40), i / 3] }),
  );
  const parts = splitEntries(many, CHUNK_BYTES);
  assertEquals(parts.flat(), many);
  assert(parts.length > 10);
  for (const part of parts) {
    const bytes = encoder.encode(patchOf(part));
    assert(bytes !== null && bytes.length <= CHUNK_BYTES + 64, `${bytes?.length}`);
  }
  assertEquals(splitEntries([], CHUNK_BYTES), [[]]);
  const bools = Array.from({ length: 40_000 }, (_, i) => entry(i + 1, "bool", true));
  for (const part of splitEntries(bools, 1e9)) assert(encoder.encode(patchOf(part)) !== null);
});

Deno.test("entries of any message, split as small as can be, fit the bound unless one alone is larger", () => {
  fc.assert(
    fc.property(messageOf.chunk, fc.integer({ min: 16, max: 400 }), (message, bound) => {
      for (const part of splitEntries(message.entries, bound)) {
        const bytes = encoder.encode({ ...message, entries: part });
        const empty = encoder.encode({ ...message, entries: [] })?.length ?? 0;
        assert(bytes !== null);
        // Each section begins with a byte or three.
        if (part.length > 1) assert(bytes.length - empty <= bound + 36, `${bytes.length} of ${bound}`);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("what is left, and names of subsystems, are written within their bounds alone", () => {
  const leave = (...operations: readonly Record<string, unknown>[]) =>
    encoder.encode({ kind: "leave", term: 1, operations } as unknown as StateMessage);
  const one = { at: "loss", id: 1, priority: 100, type: "f32", value: 1 };
  assert(leave() !== null && leave(...Array.from({ length: MAX_LEAVES }, () => one)) !== null);
  const wrong: readonly (readonly [string, readonly Record<string, unknown>[]])[] = [
    ["too many", Array.from({ length: MAX_LEAVES + 1 }, () => one)],
    ["no path", [{ ...one, id: 0 }]],
    ["no such time", [{ ...one, at: "never" }]],
    ["a value without a priority", [{ ...one, priority: 0 }]],
    ["a priority without a value", [{ ...one, type: "gone", value: null }]],
    ["a value where the claim is given up", [{ ...one, priority: 0, type: "gone" }]],
    ["a priority beyond 255", [{ ...one, priority: 256 }]],
    ["a definition", [{ ...one, type: "definition" }]],
    ["NaN", [{ ...one, value: NaN }]],
  ];
  for (const [why, operations] of wrong) assertStrictEquals(leave(...operations), null, why);
  const names = (...subsystems: readonly (readonly [number, string])[]) =>
    encoder.encode({
      kind: "names",
      term: 1,
      subsystems: subsystems.map(([subsystem, name]) => ({ subsystem, name })),
    } as unknown as StateMessage);
  assert(names([0, ""], [65_535, "x".repeat(63)]) !== null);
  const bad: readonly (readonly (readonly [number, string])[])[] = [
    [],
    [[2, "b"], [1, "a"]],
    [[1, "a"], [1, "b"]],
    [[65_536, "a"]],
    [[1, "x".repeat(64)]],
    Array.from({ length: MAX_SUBSYSTEMS + 1 }, (_, number) => [number, "a"] as const),
  ];
  for (const subsystems of bad) assertStrictEquals(names(...subsystems), null, JSON.stringify(subsystems[0]));
});
