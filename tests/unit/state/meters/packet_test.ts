// Packets of meters: docs/vectors/meters.json, sizes, and bytes that are none.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import * as meters from "../../../../lib/state/meters/mod.ts";
import {
  makeMeterVectors,
  METER_VECTORS_URL,
  type MeterVectors,
  packetOf,
  type PlainSection,
  readPacket,
} from "../../../support/meter_vectors.ts";
import { damaged } from "../../../support/reader.ts";

const told = JSON.parse(Deno.readTextFileSync(METER_VECTORS_URL)) as MeterVectors;
const page = Deno.readTextFileSync(new URL("../../../../docs/meters-and-modulation.md", import.meta.url));

const anySection: fc.Arbitrary<PlainSection> = fc.record({
  source: fc.nat(meters.MAX_SOURCE_NUMBER),
  mark: fc.integer({ min: 1, max: 0xffff_ffff }),
  number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  ageMs: fc.nat(meters.MAX_AGE_MS),
  first: fc.nat(200),
  values: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 }),
});
const anyPacket = fc.array(anySection, { minLength: 1, maxLength: 6 }).map(packetOf);

Deno.test("the vectors of meters are what the code makes of them today", () => {
  assertEquals<unknown>(told, JSON.parse(JSON.stringify(makeMeterVectors())));
});

Deno.test("every packet of the vectors is read as it says, and every problem has a vector", () => {
  for (const { name, sections, bytes } of told.packets) {
    assertEquals(readPacket(fromHex(bytes)), sections, name);
  }
  for (const { name, bytes, problem } of told.refused) {
    assertEquals(readPacket(fromHex(bytes)), problem, name);
  }
  assertEquals(new Set(told.refused.map(({ problem }) => problem)), new Set<string>(meters.METER_PROBLEMS));
});

Deno.test("tables have the marks of the vectors, and rows that cannot be make no table", () => {
  for (const { name, meters: rows, mark } of told.tables) {
    assertEquals(meters.readMeterTable(rows)?.mark, mark, name);
  }
  const good = { name: "fps", unit: null, min: 0, max: 1 };
  const wrong: readonly (readonly meters.MeterDefinition[])[] = [
    [{ ...good, name: "" }],
    [{ ...good, name: "Fps" }],
    [{ ...good, name: "a//b" }],
    [{ ...good, name: "a".repeat(64) }],
    [{ ...good, unit: "x".repeat(17) }],
    [{ ...good, unit: "\ud800" }],
    [{ ...good, min: NaN }],
    [{ ...good, max: Infinity }],
    [{ ...good, min: 1 }],
    [{ ...good, min: "0" as unknown as number }],
    [good, good],
    Array.from({ length: 257 }, (_, i) => ({ ...good, name: `m${i}` })),
  ];
  for (const rows of wrong) assertEquals(meters.readMeterTable(rows), null, JSON.stringify(rows[0]));
});

Deno.test("whatever is written is read again as it was", () => {
  fc.assert(fc.property(fc.array(anySection, { minLength: 1, maxLength: 6 }), (sections) => {
    assertEquals(readPacket(packetOf(sections)), sections);
  }));
});

Deno.test("of packets cut off anywhere nothing is read but a packet with fewer sections", () => {
  fc.assert(
    fc.property(fc.array(anySection, { minLength: 1, maxLength: 3 }), (sections) => {
      const bytes = packetOf(sections);
      const ends = new Set(sections.map((_, i) => packetOf(sections.slice(0, i + 1)).length));
      for (let length = 0; length < bytes.length; length++) {
        const read = readPacket(bytes.subarray(0, length));
        assertEquals(
          typeof read === "string" ? read : read.length,
          ends.has(length) ? read.length : "truncated",
        );
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("damaged packets are refused for one of the problems, or read and written again as they are", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(damaged(fc.oneof(anyPacket, fc.uint8Array({ maxLength: 64 }))), (bytes) => {
      const read = readPacket(bytes);
      if (typeof read === "string") {
        assert((meters.METER_PROBLEMS as readonly string[]).includes(read), read);
        seen.add(read);
      } else {
        assert(read.length > 0);
        // Longer forms of numbers than needed are read; the shortest are written.
        assert(packetOf(read).length <= bytes.length, toHex(bytes));
        seen.add("read");
      }
    }),
    { numRuns: 5_000, seed: 11 },
  );
  for (const result of ["read", "kind", "truncated", "range", "not-finite"]) assert(seen.has(result), result);
});

Deno.test("256 meters of a source fit one packet of 1,200 bytes at every size of its header", () => {
  const values = Array.from({ length: 256 }, () => 1);
  const largest = packetOf([{
    ...{
      source: 65_535,
      mark: 0xffff_ffff,
      number: Number.MAX_SAFE_INTEGER,
      ageMs: 65_535,
      first: 0,
      values,
    },
  }]);
  assertEquals(largest.length, 1_048);
  assertEquals(packetOf([{ source: 0, mark: 1, number: 1, ageMs: 0, first: 0, values }]).length, 1_035);
  assertEquals(packetOf([{ source: 0, mark: 1, number: 1, ageMs: 0, first: 0, values: [1] }]).length, 14);
});

Deno.test("the page of meters names every problem and every bound", () => {
  for (const problem of meters.METER_PROBLEMS) assert(page.includes(`\`${problem}\``), problem);
  const bounds = [
    ...[meters.MAX_METERS, meters.MAX_METER_SOURCES, meters.MAX_METER_CLIENTS, meters.MAX_METER_PREFIXES],
    ...[meters.MAX_METER_SLOTS, meters.MAX_METER_PACKET_BYTES, meters.METER_PERIOD_US, meters.MAX_AGE_MS],
  ];
  for (const bound of bounds) assert(page.includes(bound.toLocaleString("en")), `${bound}`);
});
