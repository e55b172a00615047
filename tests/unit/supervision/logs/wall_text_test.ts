import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readWall, wallText } from "../../../../lib/supervision/logs/wall_text.ts";

const encoder = new TextEncoder();
const MIN_MS = Date.UTC(1, 0, 1) - (Date.UTC(1901, 0, 1) - new Date("0001-01-01T00:00:00Z").getTime());
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

Deno.test("every millisecond of the years 1 to 9999 is the text that the system writes, and is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: MIN_MS, max: MAX_MS }), (ms) => {
      const text = wallText(ms);
      assertEquals(text, new Date(ms).toISOString());
      assertEquals(readWall(encoder.encode(`xx${text}`), 2), ms);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("the days around the ends of months and leap years are right", () => {
  for (const year of [1, 4, 100, 400, 1600, 1900, 1970, 2000, 2024, 2026, 2100, 9999]) {
    for (const [month, date] of [[1, 1], [2, 28], [3, 1], [12, 31]] as const) {
      const day = new Date(0);
      day.setUTCFullYear(year, month - 1, date);
      for (const ms of [day.getTime(), day.getTime() + 86_399_999]) {
        assertEquals(wallText(ms), new Date(ms).toISOString());
      }
    }
  }
});

Deno.test("a clock that is out of all bounds gives the nearest time that has 24 characters", () => {
  assertEquals(wallText(1e18), "9999-12-31T23:59:59.999Z");
  assertEquals(wallText(-1e18), "0001-01-01T00:00:00.000Z");
  assertEquals(wallText(NaN), "1970-01-01T00:00:00.000Z");
  assertEquals(wallText(0.9), "1970-01-01T00:00:00.000Z");
});

Deno.test("a text that is no time is none", () => {
  for (
    const text of [
      "",
      "2026-11-20",
      "2026-11-20 20:14:07.123Z",
      "2026-00-20T20:14:07.123Z",
      "2026-11-20T24:14:07.123Z",
    ]
  ) {
    assertEquals(readWall(encoder.encode(text), 0), null);
  }
});
