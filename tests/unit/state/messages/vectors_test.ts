// docs/vectors/state.json, and what docs/state-protocol.md says of bytes, against the code.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import * as messages from "../../../../lib/state/messages/mod.ts";
import { fromPlain, plainMessage } from "../../../support/state_messages.ts";
import { makeStateVectors, STATE_VECTORS_URL, type StateVectors } from "../../../support/state_vectors.ts";

const told = JSON.parse(Deno.readTextFileSync(STATE_VECTORS_URL)) as StateVectors;
const page = Deno.readTextFileSync(new URL("../../../../docs/state-protocol.md", import.meta.url));

/** The cells of the table that begins behind `heading`, without its head. */
function tableAfter(heading: string, number = 0): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  assert(start >= 0, heading);
  const tables = page.slice(start + heading.length + 2).split("\n").join("\n").match(/(^\|.*\n)+/gm) ?? [];
  const rows = (tables[number] ?? "").trim().split("\n").slice(2);
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("the vectors of shared state are what the code makes of their messages today", () => {
  assertEquals<unknown>(told, JSON.parse(JSON.stringify(makeStateVectors())));
});

Deno.test("every message of the vectors is read as it says and written again as it is", () => {
  const encoder = new messages.MessageEncoder();
  const decoder = new messages.MessageDecoder();
  const kinds = new Set<string>();
  const types = new Set<string>();
  for (const { name, message, bytes } of told.messages) {
    const read = decoder.decode(fromHex(bytes));
    assert(typeof read !== "string", `${name}: ${read}`);
    assertEquals<unknown>(JSON.parse(JSON.stringify(plainMessage(read))), message, name);
    assertEquals(toHex(encoder.encode(fromPlain(message)) ?? new Uint8Array(0)), bytes, name);
    kinds.add(read.kind);
    if ("entries" in read) { for (const { type } of read.entries) types.add(type); }
  }
  assertEquals(kinds, new Set(Object.keys(messages.KIND_NUMBERS)), "every kind has a vector");
  assertEquals(types, new Set(messages.ENTRY_TYPES), "every type has a vector");
});

Deno.test("what the vectors of shared state say is refused is refused for that reason", () => {
  const decoder = new messages.MessageDecoder();
  const problems = new Set<string>();
  for (const { name, bytes, problem } of told.refused) {
    assertEquals<unknown>(decoder.decode(fromHex(bytes)), problem, name);
    problems.add(problem);
  }
  assertEquals(problems, new Set(messages.DECODE_PROBLEMS), "every problem has a vector");
});

Deno.test("the page lists the kinds, types and problems that there are", () => {
  const kinds = tableAfter("## A message").map((
    [kind, number],
  ) => [kind?.replaceAll("`", ""), Number(number)]);
  assertEquals<unknown>(Object.fromEntries(kinds), messages.KIND_NUMBERS);
  const types = tableAfter("## Entries").map((
    [section, type],
  ) => [Number(section), type?.replaceAll("`", "")]);
  assertEquals<unknown>(types.slice(0, -1), messages.ENTRY_TYPES.map((type, number) => [number, type]));
  assertEquals(types.at(-1), [15, ""]);
  const problems = tableAfter("## Refusing").map(([problem]) => problem?.replaceAll("`", ""));
  assertEquals<unknown>(problems, messages.DECODE_PROBLEMS);
});

Deno.test("the page lists the words of each list in the order of their numbers", () => {
  const words = Object.fromEntries(tableAfter("### Words").map(([list, all]) => [list, all?.split(", ")]));
  assertEquals<unknown>(words, {
    rate: ["fast", "slow", "rare"],
    nack: messages.NACK_CODES,
    resync: messages.RESYNC_REASONS,
    beat: messages.BEAT_STATES,
    own: messages.OWN_ACTIONS,
    standing: messages.OWN_STATES,
    privilege: messages.PRIVILEGE_ACTIONS,
    "privilege standing": messages.PRIVILEGE_STATES,
    bye: messages.BYE_REASONS,
    error: messages.ERROR_CODES,
    leave: messages.LEAVE_TIMES,
  });
});

Deno.test("the page tells the bounds that the code has", () => {
  const bounds: readonly (readonly [heading: string, field: string, bound: number])[] = [
    ["### hello", "interests", messages.MAX_INTERESTS],
    ["### hello", "capabilities", messages.MAX_CAPABILITIES],
    ["### welcome", "plans", messages.MAX_SUBSYSTEMS],
    ["### welcome", "takenOver", messages.MAX_TAKEN_OVER],
    ["### welcome", "client", messages.MAX_CLIENT],
    ["### tx", "guards", messages.MAX_GUARDS],
    ["### tx", "definitions", messages.MAX_DEFINITIONS],
    ["### beat", "versions", messages.MAX_SUBSYSTEMS],
    ["### own", "objects", messages.MAX_OBJECTS],
    ["### leave", "operations", messages.MAX_LEAVES],
    ["### names", "subsystems", messages.MAX_SUBSYSTEMS],
  ];
  for (const [heading, field, bound] of bounds) {
    const row = tableAfter(heading).find(([name]) => name === field);
    assert(row?.[1]?.endsWith(` ${bound.toLocaleString("en")}`), `${heading} ${field}: ${row}`);
  }
  for (const bound of [messages.MAX_ENTRIES, messages.MAX_MESSAGE_BYTES, messages.MAX_VALUE_BYTES]) {
    assert(page.includes(bound.toLocaleString("en")), `${bound}`);
  }
});
