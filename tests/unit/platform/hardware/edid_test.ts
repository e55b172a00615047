// EDID: what a display says of itself, from blocks that are built here field by field as the standard lays them out.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseEdid } from "../../../../lib/platform/deno/hardware/edid.ts";
import { DELL, edidBlock } from "./fixtures.ts";

Deno.test("a display says its name, its preferred mode and its size", () => {
  // 2560x1440 at 59.95 Hz with reduced blanking: 241.5 MHz, 2720x1481 pixels in all (VESA CVT).
  assertEquals(parseEdid(DELL), {
    vendor: "DEL",
    name: "DELL U2715H",
    mode: { width: 2560, height: 1440, refreshHz: 59.95 },
    sizeMm: { width: 597, height: 336 },
  });
});

Deno.test("the lines of an interlaced mode are counted twice, its rate is that of the fields", () => {
  // 1920x1080i at 60 fields: 74.25 MHz, 2200x562 pixels a field (CTA-861, format 5).
  const block = edidBlock({
    vendor: "SAM",
    name: "TV",
    timing: { clockMhz: 74.25, width: 1920, blankX: 280, lines: 540, blankY: 22, interlaced: true },
  });
  assertEquals(parseEdid(block)?.mode, { width: 1920, height: 1080, refreshHz: 60.05 });
});

Deno.test("a projector has no size, and a block without timing or name says neither", () => {
  const projector = edidBlock({
    vendor: "EPS",
    name: "EPSON PJ",
    timing: { clockMhz: 148.5, width: 1920, blankX: 280, lines: 1080, blankY: 45 },
  });
  assertEquals(parseEdid(projector)?.sizeMm, null);
  assertEquals(parseEdid(projector)?.mode, { width: 1920, height: 1080, refreshHz: 60 });
  assertEquals(parseEdid(edidBlock({ vendor: "ABC" })), {
    vendor: "ABC",
    name: null,
    mode: null,
    sizeMm: null,
  });
});

Deno.test("extension blocks behind the first one change nothing", () => {
  const long = new Uint8Array(256).fill(7);
  long.set(DELL);
  assertEquals(parseEdid(long), parseEdid(DELL));
});

Deno.test("a damaged or a short block says nothing, whichever byte is wrong", () => {
  for (let at = 0; at < DELL.length; at++) {
    const damaged = DELL.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    assertEquals(parseEdid(damaged), null, `byte ${at}`);
  }
  assertEquals(parseEdid(DELL.subarray(0, 127)), null);
  assertEquals(parseEdid(new Uint8Array(0)), null);
});

Deno.test("any bytes with a right checksum are read without a throw, and a name is printable", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 128, maxLength: 128 }), (bytes) => {
    bytes.set(DELL.subarray(0, 8));
    bytes[127] = 0;
    bytes[127] = -bytes.reduce((sum, byte) => sum + byte, 0) & 255;
    const edid = parseEdid(bytes);
    return edid !== null && (edid.name === null || /^[\x20-\x7e]+$/.test(edid.name)) &&
      (edid.mode === null || edid.mode.width > 0 && Number.isFinite(edid.mode.refreshHz));
  }));
});
