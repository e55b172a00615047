// The copies and digests of docs/vectors/state.json, and what docs/state-protocol.md says of them, against the code.

import { assert, assertEquals } from "@std/assert";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import {
  COPY_KINDS,
  CopyDecoder,
  CopyEncoder,
  encodeCopyFile,
  MAX_COPY_BYTES,
  MAX_PART_BYTES,
} from "../../../../lib/state/copies/mod.ts";
import { TYPE_CODES } from "../../../../lib/state/digest/mod.ts";
import { plain } from "../../../support/state_messages.ts";
import { STATE_VECTORS_URL, type StateVectors } from "../../../support/state_vectors.ts";

const told = JSON.parse(Deno.readTextFileSync(STATE_VECTORS_URL)) as StateVectors;
const page = Deno.readTextFileSync(new URL("../../../../docs/state-protocol.md", import.meta.url));
const encoder = new CopyEncoder();
const decoder = new CopyDecoder();

Deno.test("every update of the vectors is read as it says and written again as it is", () => {
  for (const { name, update, bytes } of told.updates) {
    const read = decoder.decodeUpdate(fromHex(bytes));
    assert(typeof read !== "string", `${name}: ${read}`);
    assertEquals(JSON.parse(JSON.stringify(plain(read))), update, name);
    assertEquals(toHex(encoder.encodeUpdate(read) ?? new Uint8Array(0)), bytes, name);
  }
  for (const { name, bytes, problem } of told.refusedUpdates) {
    assertEquals<unknown>(decoder.decodeUpdate(fromHex(bytes)), problem, name);
  }
});

Deno.test("every message about copies of the vectors is read as it says, and every kind has one", () => {
  const kinds = new Set<string>();
  for (const { name, message, bytes } of told.copies) {
    const read = decoder.decode(fromHex(bytes));
    assert(typeof read !== "string", `${name}: ${read}`);
    assertEquals(JSON.parse(JSON.stringify(plain(read))), message, name);
    assertEquals(toHex(encoder.encode(read) ?? new Uint8Array(0)), bytes, name);
    kinds.add(read.kind);
  }
  assertEquals(kinds, new Set(Object.keys(COPY_KINDS)));
});

Deno.test("the page tells the numbers of copies and of types in digests that the code has", () => {
  const rows = [...page.matchAll(/^\| `(part|confirmation|question|answer)` +\| (\d+) /gm)];
  assertEquals<unknown>(
    Object.fromEntries(rows.map(([, kind, number]) => [kind, Number(number)])),
    COPY_KINDS,
  );
  for (const [type, code] of Object.entries(TYPE_CODES)) {
    assert(new RegExp(`\\b${type}\\s${code}\\b`).test(page), `${type} ${code}`);
  }
  for (const bound of [MAX_PART_BYTES, MAX_COPY_BYTES]) {
    assert(page.includes(bound.toLocaleString("en")), `${bound}`);
  }
});

Deno.test("a copy at rest lies as the page says", () => {
  const whole = told.updates.find(({ name }) => name === "a whole");
  assert(whole !== undefined);
  const update = decoder.decodeUpdate(fromHex(whole.bytes));
  assert(typeof update !== "string");
  const file = encodeCopyFile(update);
  assert(file !== null);
  assertEquals(new TextDecoder().decode(file.subarray(0, 8)), "hanacopy");
  assertEquals([file[8], new DataView(file.buffer).getUint32(9)], [1, whole.bytes.length / 2]);
  assertEquals(toHex(file.subarray(45)), whole.bytes);
});
