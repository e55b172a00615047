// The two searches find what is needed and no more.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { minimiseList, minimiseNumber } from "../../../../lib/simulate/shrink/minimise.ts";

Deno.test("what is left of a list is exactly what is needed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }).chain((size) =>
        fc.tuple(fc.constant(size), fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 5 }))
      ),
      async ([size, needed]) => {
        const items = Array.from({ length: size }, (_, index) => index);
        let tests = 0;
        const kept = await minimiseList(items, (list) => {
          tests++;
          return Promise.resolve(needed.every((each) => list.includes(each)));
        });
        assertEquals(kept, needed.toSorted((a, b) => a - b));
        // A few items cost a few times the logarithm, never the square.
        assert(
          tests <= 20 + needed.length * 4 * Math.ceil(Math.log2(size + 1)) + size,
          `${tests} for ${size}`,
        );
      },
    ),
  );
});

Deno.test("of a list no single item can be left out, however the items hang together", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 }),
      async (items) => {
        const indexed = items.map((value, index) => ({ value, index }));
        const limit = items.reduce((sum, value) => sum + value, 0) / 2;
        const does = (list: readonly { value: number }[]) =>
          list.reduce((sum, { value }) => sum + value, 0) >= limit;
        const kept = await minimiseList(indexed, (list) => Promise.resolve(does(list)));
        assert(does(kept));
        for (const each of kept) assert(!does(kept.filter((other) => other !== each)) || kept.length === 1);
      },
    ),
  );
});

Deno.test("a number falls to the least multiple that does it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 0, max: 10_000 }),
      async (value, least) => {
        fc.pre(least <= value);
        let tests = 0;
        const found = await minimiseNumber(value, 0, 10, (number) => {
          tests++;
          return Promise.resolve(number >= least);
        });
        assert(found >= least && found <= value);
        assert(found - least < 20, `${found} for ${least} of ${value}`);
        assert(tests <= 16, `${tests}`);
      },
    ),
  );
});
