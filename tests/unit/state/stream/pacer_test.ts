// When a sender on an unreliable lane speaks.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { AskPause, f32At, isFiniteF32At, Pacer, TableHash } from "../../../../lib/state/stream/mod.ts";

const PACE = { leastUs: 1_000, repeatUs: [20_000, 100_000], refreshUs: 800_000 };

Deno.test("the first change after a pause goes out at once, and the next waits for the least time", () => {
  const pacer = new Pacer(PACE);
  assertEquals(pacer.dueUs, Infinity, "nothing was ever changed");
  pacer.noteChange();
  assert(pacer.dueUs <= 0, "at once");
  pacer.noteSent(5_000);
  pacer.noteChange();
  assertEquals(pacer.dueUs, 6_000);
});

Deno.test("the last change is said again twice, then each refresh", () => {
  const pacer = new Pacer(PACE);
  pacer.noteChange();
  const moments: number[] = [];
  pacer.noteSent(0);
  for (let i = 0; i < 4; i++) {
    moments.push(pacer.dueUs);
    pacer.noteSent(pacer.dueUs);
  }
  assertEquals(moments, [20_000, 120_000, 920_000, 1_720_000]);
  pacer.noteChange();
  pacer.noteSent(2_000_000);
  assertEquals(pacer.dueUs, 2_020_000, "a change begins the repetitions anew");
});

Deno.test("what could not be sent stays to be said", () => {
  const pacer = new Pacer(PACE);
  pacer.noteChange();
  pacer.noteBlocked(0);
  assertEquals(pacer.dueUs, 1_000);
  assert(pacer.isChanged);
  const pauses = Array.from({ length: 8 }, () => {
    pacer.noteBlocked(0);
    return pacer.dueUs / 1_000;
  });
  assertEquals(pauses, [2, 4, 8, 16, 32, 50, 50, 50], "a lane may be gone for long");
  pacer.noteSent(0);
  pacer.noteChange();
  assertEquals(pacer.dueUs, 1_000);
});

Deno.test("whatever changes when, a sender never speaks more often than its pace, and says the last change thrice", () => {
  fc.assert(fc.property(fc.array(fc.nat(30_000), { maxLength: 60 }), (pauses) => {
    const pacer = new Pacer(PACE);
    const sent: number[] = [];
    let nowUs = 0;
    const runUntil = (untilUs: number) => {
      while (pacer.dueUs <= untilUs) {
        const atUs = Math.max(nowUs, pacer.dueUs);
        sent.push(atUs);
        pacer.noteSent(atUs);
      }
    };
    for (const pauseUs of pauses) {
      runUntil(nowUs + pauseUs);
      nowUs += pauseUs;
      pacer.noteChange();
    }
    const changedUs = nowUs;
    runUntil(changedUs + 125_000);
    sent.slice(1).forEach((atUs, i) => assert(atUs - (sent[i] as number) >= PACE.leastUs));
    if (pauses.length > 0) assert(sent.filter((atUs) => atUs >= changedUs).length >= 3);
  }));
});

Deno.test("what is missing is asked for at once, then with pauses that grow to five seconds", () => {
  const ask = new AskPause();
  assert(ask.nextUs <= 0);
  const pauses = Array.from({ length: 8 }, () => {
    ask.noteAsked(0);
    return ask.nextUs / 1_000;
  });
  assertEquals(pauses, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  ask.noteAnswered();
  assert(ask.nextUs <= 0);
});

Deno.test("floats are read at any place as a view of the bytes reads them", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 4, maxLength: 16 }), fc.nat(12), (bytes, place) => {
    const at = Math.min(place, bytes.length - 4);
    const expected = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(at, true);
    assertEquals(Object.is(f32At(bytes, at), expected), true);
    assertEquals(isFiniteF32At(bytes, at), Number.isFinite(expected));
  }));
});

Deno.test("the mark of a table is another with every field that is another", () => {
  const mark = (text: string | null, number: number | null) =>
    new TableHash().text(text).number(number).finish();
  const marks = [
    ...[mark(null, null), mark("", null), mark("a", null), mark("b", null), mark("ab", null)],
    ...[mark(null, 0), mark(null, 1), mark(null, -1), mark("a", 0), mark("a", 1e-9)],
  ];
  assertEquals(new Set(marks).size, marks.length);
  assertEquals(mark(null, 0), mark(null, -0), "−0 and 0 are one bound");
  assert(marks.every((value) => value > 0));
});
