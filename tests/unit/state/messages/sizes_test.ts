// How many bytes patches have, as docs/state-protocol.md tells it.

import { assert, assertEquals } from "@std/assert";
import { MessageEncoder, type PatchMessage, type WireEntry } from "../../../../lib/state/messages/mod.ts";
import { fromPlain } from "../../../support/state_messages.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../../docs/state-protocol.md", import.meta.url));
const encoder = new MessageEncoder();

function sizeOf(ids: readonly number[], type: "f32" | "unit", withAck: boolean): number {
  const entries = ids.map((id, i) => ({ id, type, value: i / ids.length, winner: null }) as WireEntry);
  const patch = fromPlain({
    kind: "patch",
    term: 3,
    subsystem: 4,
    base: 108_000,
    version: 108_000 + Math.min(63, ids.length),
    ack: withAck ? { sequence: 20_500, single: false } : null,
    nonce: null,
    digest: null,
    entries,
  }) as PatchMessage;
  const bytes = encoder.encode(patch);
  assert(bytes !== null);
  return bytes.length;
}

/** Three of the seven parameters of each of a hundred objects. */
const OBJECTS = Array.from({ length: 300 }, (_, i) => 1 + 7 * Math.floor(i / 3) + i % 3);
const NEAR = Array.from({ length: 16 }, (_, i) => 5 + 7 * i);
const FAR = Array.from({ length: 16 }, (_, i) => 300 + 311 * i);

Deno.test("patches are as small as the page says, and within what was planned", () => {
  const told = new Map([...PAGE.slice(PAGE.indexOf("## Sizes")).matchAll(/^\| (.+?) +\| ([\d,]+) +\|$/gm)]
    .map(([, what, bytes]) => [what, Number(bytes?.replace(",", ""))]));
  const sizes = new Map([
    ["1 fader", sizeOf([17], "f32", false)],
    ["1 fader, with an acknowledgement", sizeOf([17], "f32", true)],
    ["16 faders, with an acknowledgement", sizeOf(NEAR, "f32", true)],
    ["16 faders far apart, with an acknowledgement", sizeOf(FAR, "f32", true)],
    ["300 floats of 100 objects", sizeOf(OBJECTS, "f32", false)],
    ["the same as `unit`", sizeOf(OBJECTS, "unit", false)],
  ]);
  assertEquals(told, sizes);
  assert(sizeOf([17], "f32", false) <= 16);
  assert(sizeOf(FAR, "f32", true) <= 120);
  assert(sizeOf(Array.from({ length: 300 }, (_, i) => 40 + 17 * i), "f32", true) <= 1_600);
});

Deno.test("a change of holder costs five bytes", () => {
  const quiet = sizeOf([17], "f32", false);
  const patch = fromPlain({
    kind: "patch",
    term: 3,
    subsystem: 4,
    base: 108_000,
    version: 108_001,
    ack: null,
    nonce: null,
    digest: null,
    entries: [{ id: 17, type: "f32", value: 0, winner: { holder: 5, priority: 100 } }],
  });
  // Its section, the client, the priority, how many, which.
  assertEquals(encoder.encode(patch)?.length, quiet + 5);
});
