import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { batchRecords, plainText } from "../../../../lib/supervision/logs/mod.ts";
import type { LogRecord } from "../../../../lib/supervision/model/mod.ts";

Deno.test("an alert shows what a line says, without colours, cursors, titles and tricks", () => {
  const cases: Record<string, string> = {
    "plain": "plain",
    "\x1b[1;31merror\x1b[0m: no GPU": "error: no GPU",
    "\x1b]0;a title\x07text": "text",
    "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\": "link",
    "\x1bP1$r0m\x1b\\after": "after",
    "\x1b(Bcharset": "charset",
    "\x1b7saved\x1b8": "saved",
    "\x9b31mC1": "C1",
    "10 %\r20 %\r30 %": "30 %",
    "done\r": "done",
    "a\tb\0\x07\x7fc": "a bc",
    "safe\u202egnp.exe": "safegnp.exe",
    "cut \x1b[": "cut",
    "cut \x1b": "cut",
    "never ended \x1b]0;title": "never ended",
    "é € 😀": "é € 😀",
    "": "",
  };
  for (const [text, plain] of Object.entries(cases)) {
    assertEquals(plainText({ text }), plain, JSON.stringify(text));
  }
});

Deno.test("whatever a program writes, its plain text has no control character and is no longer", () => {
  const unit = fc.oneof(
    fc.constantFrom("\x1b", "[", "]", "P", "\x07", "\\", "m", "0", ";", "\r", "\x9b", " "),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(unit).map((parts) => parts.join("")), (text) => {
      const plain = plainText({ text });
      for (let at = 0; at < plain.length; at++) {
        const code = plain.charCodeAt(at);
        assertEquals(code < 0x20 || (code >= 0x7f && code <= 0x9f), false);
      }
      assertEquals(plain.length <= text.length, true);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("records come in batches that fit, all of them, in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary", maxLength: 400 })),
      fc.integer({ min: 500, max: 5000 }),
      (texts, most) => {
        const records = texts.map((text, at): LogRecord => ({
          seq: 2 ** 50 + at,
          run: 1_000_000,
          stream: "stdout",
          atWallMs: 1_795_205_652_123,
          sinceSpawnUs: 1e15,
          text,
          partial: false,
        }));
        const batches = batchRecords(records, most);
        assertEquals(batches.flat(), records);
        for (const batch of batches) {
          const bytes = new TextEncoder().encode(JSON.stringify(batch)).length;
          assertEquals(bytes <= most + 2 || batch.length === 1, true, `${bytes} of ${most}`);
        }
      },
    ),
  );
});
