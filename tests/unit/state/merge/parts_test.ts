// The parts of the merge by themselves: fades, pick-up, due times, values, explanations.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { equalValues, Fade, winnerOf } from "../../../../lib/state/merge/mod.ts";
import { type Due, DueList } from "../../../../lib/state/merge/due_list.ts";
import { explainPath } from "../../../../lib/state/merge/mod.ts";
import { hasMet } from "../../../../lib/state/merge/pick_up.ts";
import { compareValues } from "../../../../lib/state/merge/values.ts";
import type { StateValue } from "../../../../lib/state/model/mod.ts";
import { claimed, client, defined } from "./support.ts";

Deno.test("another writer's value fades in over the definition's time", () => {
  const fade = new Fade(defined({ fadeUs: 1_000 }), 0, 1);
  fade.handleValue(5_000, 1, 2);
  assertEquals([5_000, 5_250, 5_500, 6_000, 9_000].map((nowUs) => fade.fadeAt(nowUs)), [0, 0.25, 0.5, 1, 1]);
  assertEquals(fade.endUs, 6_000);
});

Deno.test("the same writer's value shows at once, and moves the end of a fade that runs", () => {
  const fade = new Fade(defined({ fadeUs: 1_000 }), 0, 1);
  fade.handleValue(0, 0.5, 1);
  assertEquals(fade.fadeAt(0), 0.5);
  fade.handleValue(0, 1, 2);
  fade.handleValue(500, 0, 2);
  assertEquals(fade.fadeAt(500), 0.25);
  assertEquals(fade.fadeAt(1_000), 0);
});

Deno.test("a fade into a fade begins at what is shown, so that nothing jumps", () => {
  const step = fc.record({
    us: fc.nat(2_000),
    value: fc.double({ min: 0, max: 1, noNaN: true }),
    who: fc.nat(3),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const fade = new Fade(defined({ fadeUs: 1_000 }), 0, 0);
    let nowUs = 0;
    let holder = 0;
    for (const { us, value, who } of steps) {
      nowUs += us;
      const before = Number(fade.fadeAt(nowUs));
      fade.handleValue(nowUs, value, who);
      const after = Number(fade.fadeAt(nowUs));
      if (who !== holder) assertNear(after, before, 1e-9);
      holder = who;
      assert(after >= 0 && after <= 1);
      assertEquals(fade.fadeAt(nowUs + 1_000), value);
    }
  }));
});

Deno.test("whole numbers fade in whole steps, words and switches not at all", () => {
  const whole = new Fade(defined({ type: "i32", fadeUs: 1_000 }), 0, 1);
  whole.handleValue(0, 10, 2);
  assertEquals(whole.fadeAt(333), 3);
  const word = new Fade(defined({ type: "enum", fadeUs: 1_000 }), "wave", 1);
  word.handleValue(0, "plasma", 2);
  assertEquals(word.fadeAt(1), "plasma");
});

Deno.test("a rotation fades the short way and stays a rotation", () => {
  const half = Math.SQRT1_2;
  const fade = new Fade(defined({ type: "quat", fadeUs: 1_000 }), [0, 0, 0, 1], 1);
  fade.handleValue(0, [-half, 0, 0, -half], 2);
  const shown = fade.fadeAt(500);
  assert(Array.isArray(shown));
  const [x, , , w] = shown.map(Number);
  assertNear(Math.hypot(...shown.map(Number)), 1, 1e-12);
  assertNear(Number(x), Math.sin(Math.PI / 8), 1e-12);
  assertNear(Number(w), Math.cos(Math.PI / 8), 1e-12);
  assertEquals(fade.fadeAt(1_000), [-half, 0, 0, -half]);
});

Deno.test("a fader has met a value that it is near, was near, or passed", () => {
  const definition = defined();
  assertEquals(hasMet(definition, null, 0.5, 0.5), true);
  assertEquals(hasMet(definition, null, 0.505, 0.5), true);
  assertEquals(hasMet(definition, null, 0.6, 0.5), false);
  assertEquals(hasMet(definition, 0.4, 0.6, 0.5), true);
  assertEquals(hasMet(definition, 0.6, 0.4, 0.5), true);
  assertEquals(hasMet(definition, 0.5, 0.7, 0.5), true);
  assertEquals(hasMet(definition, 0.3, 0.4, 0.5), false);
  assertEquals(hasMet(defined({ min: null, max: null }), null, 0.5000001, 0.5), false);
});

Deno.test("what is due comes in order of time, whatever was set, moved or cleared in between", () => {
  const command = fc.record({
    what: fc.constantFrom("set", "set", "clear", "poll"),
    which: fc.nat(5),
    us: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(fc.property(fc.array(command, { maxLength: 60, size: "max" }), (commands) => {
    const list = new DueList<number>();
    const entries = Array.from({ length: 6 }, (_, which): Due<number> => ({
      subject: which,
      order: which,
      atUs: 0,
      index: 0,
    }));
    const plain = new Map<number, number>();
    for (const { what, which, us } of commands) {
      const entry = entries[which];
      assert(entry !== undefined);
      if (what === "set") {
        list.set(entry, us);
        plain.set(which, us);
      } else if (what === "clear") {
        list.clear(entry);
        plain.delete(which);
      } else {
        for (;;) {
          const first = [...plain].filter(([, atUs]) =>
            atUs <= us
          ).sort((a, b) => a[1] - b[1] || a[0] - b[0])[0];
          assertEquals(list.poll(us), first?.[0] ?? null);
          if (first === undefined) break;
          plain.delete(first[0]);
        }
      }
      assertEquals(list.size, plain.size);
      assert(list.nextUs() <= Math.min(...plain.values()));
    }
  }));
});

function assertNear(actual: number, expected: number, by: number): void {
  assert(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`);
}

const value: fc.Arbitrary<StateValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.string(),
  fc.uint8Array({ maxLength: 3 }),
  fc.array(fc.constantFrom(0, 1, 2), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("a", "b"), fc.jsonValue({ maxDepth: 1 })),
);

Deno.test("values have one order, in which the equal ones and no others compare as equal", () => {
  fc.assert(
    fc.property(value, value, value, (a, b, c) => {
      assertEquals(Math.sign(compareValues(a, b)), -Math.sign(compareValues(b, a)) + 0);
      if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) assert(compareValues(a, c) <= 0);
      assertEquals(equalValues(a, b), compareValues(a, b) === 0);
      assert(equalValues(a, structuredClone(a)));
    }),
    { numRuns: 2_000 },
  );
  assert(equalValues({ a: 1, b: [2] }, { b: [2], a: 1 }));
});

Deno.test("an explanation says of every claim why it stands or does not", () => {
  const claims = [
    claimed(1, { priority: 150, value: 0.5, leaseUntilUs: 3_000, momentary: true }),
    claimed(2, { priority: 150, value: 0.25, seq: 1 }),
    claimed(3),
    claimed(4, { standing: "overtaken", takenBy: client(1) }),
    claimed(5, { standing: "released", priority: 0 }),
  ];
  const look = { value: 0, holder: client(0), term: 0, stamp: 0 };
  const tell = (merge: "latest" | "highest" | "lock" | "sum") => {
    const definition = defined({ merge });
    const winner = winnerOf(claims, definition, look);
    return explainPath(1_000, { claims, look }, definition, winner, 0);
  };
  const told = tell("latest");
  assertEquals([told.path, told.value, told.holder, told.priority, told.reason], [
    "viz/hue",
    0.25,
    client(2),
    150,
    "newest",
  ]);
  assertEquals(told.claims.map((claim) => [Number(claim.client), claim.fate]), [
    [2, "stands"],
    [1, "older"],
    [3, "lower-priority"],
    [4, "overtaken"],
    [5, "released"],
  ]);
  assertEquals(told.claims.map((claim) => [claim.leaseLeftUs, claim.takenBy && Number(claim.takenBy)]), [
    [null, null],
    [2_000, null],
    [null, null],
    [null, 1],
    [null, null],
  ]);
  assertEquals(tell("highest").claims.slice(0, 2).map(({ fate }) => fate), ["stands", "lower-value"]);
  assertEquals(tell("lock").claims.slice(0, 2).map(({ fate }) => fate), ["stands", "no-lock"]);
  assertEquals(tell("sum").claims.slice(0, 2).map(({ fate }) => fate), ["part", "part"]);
});
