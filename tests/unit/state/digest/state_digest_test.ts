import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { DIGEST_BUCKETS, Hash64, isSameEntry, StateDigest } from "../../../../lib/state/digest/mod.ts";
import type { PathId, StateEntry, StateValue, ValueType } from "../../../../lib/state/model/mod.ts";
import { checkValue, isRefusal } from "../../../../lib/state/schema/mod.ts";
import { anyDefinedValue, TYPES, valuesOf } from "../schema/arbitraries.ts";

interface Held {
  readonly id: number;
  readonly type: ValueType;
  readonly value: StateValue;
  readonly holder: number;
  readonly priority: number;
}

function digestOf(rows: readonly Held[]): StateDigest {
  const digest = new StateDigest();
  for (const row of rows) toggle(digest, row);
  return digest;
}

function toggle(digest: StateDigest, { id, type, value, holder, priority }: Held): void {
  digest.toggle(id as PathId, type, value, holder, priority);
}

function entry(row: Partial<StateEntry>): StateEntry {
  return { value: 0, version: 1, holder: 1, priority: 100, deleted: false, ...row };
}

const ids = fc.integer({ min: 1, max: 0xffff_ffff });
const holders = fc.integer({ min: 0, max: 0xffff });
const priorities = fc.integer({ min: 0, max: 255 });

/** A row whose value is in the form that is kept, and another value that the same definition allows. */
const rows: fc.Arbitrary<readonly [Held, StateValue]> = anyDefinedValue.chain(([definition, value]) =>
  fc.tuple(ids, holders, priorities, valuesOf(definition)).map(([id, holder, priority, other]) => {
    const [kept, next] = [checkValue(definition, value), checkValue(definition, other)];
    assert(!isRefusal(kept) && !isRefusal(next));
    return [{ id, type: definition.type, value: kept, holder, priority }, next] as const;
  })
);

const sets = fc.uniqueArray(rows.map(([row]) => row), { maxLength: 24, selector: ({ id }) => id });

Deno.test("a change of any field that people see changes the digest (I14)", () => {
  fc.assert(
    fc.property(rows, ids, holders, priorities, fc.constantFrom(...TYPES), (
      [row, value],
      id,
      holder,
      priority,
      type,
    ) => {
      const before = digestOf([row]).text;
      const as = (change: Partial<Held>) => digestOf([{ ...row, ...change }]).text;
      if (id !== row.id) assertNotEquals(as({ id }), before, "id");
      if (holder !== row.holder) assertNotEquals(as({ holder }), before, "holder");
      if (priority !== row.priority) assertNotEquals(as({ priority }), before, "priority");
      const isSame = isSameEntry(row.type, entry({ value: row.value }), entry({ value }));
      assertEquals(as({ value }) === before, isSame, "value");
      // A value that both types could have: 0 and 1 as numbers, "x" as words.
      const twin: Held = { ...row, type: "f32", value: 1 };
      if (type === "i32" || type === "unit") {
        assertNotEquals(digestOf([{ ...twin, type }]).text, digestOf([twin]).text, "type");
      }
      const word: Held = { ...row, type: "enum", value: "cut" };
      assertNotEquals(digestOf([{ ...word, type: "text" }]).text, digestOf([word]).text, "enum and text");
    }),
    { numRuns: 400 },
  );
});

Deno.test("one bit of a number, whichever it is, changes the digest", () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  fc.assert(fc.property(fc.integer(), fc.integer({ min: 0, max: 31 }), (number, bit) => {
    const row: Held = { id: 5, type: "i32", value: number, holder: 1, priority: 100 };
    assertNotEquals(digestOf([{ ...row, value: number ^ (1 << bit) }]).text, digestOf([row]).text);
    bits[0] = number;
    const [a] = float;
    bits[0] = number ^ (1 << bit);
    const [b] = float;
    if (!Number.isFinite(a) || !Number.isFinite(b) || a === b) return;
    const real: Held = { ...row, type: "f32", value: a ?? 0 };
    assertNotEquals(digestOf([{ ...real, value: b ?? 0 }]).text, digestOf([real]).text);
  }));
});

Deno.test("one byte of a long value changes the digest, wherever it stands", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (
      bytes,
      at,
      mask,
    ) => {
      const other = bytes.slice();
      const index = at % bytes.length;
      other[index] = (other[index] ?? 0) ^ mask;
      const row: Held = { id: 1, type: "bytes", value: bytes, holder: 0, priority: 0 };
      assertNotEquals(digestOf([{ ...row, value: other }]).text, digestOf([row]).text);
      // Noughts at the end are not what fills up the last word.
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      assertNotEquals(digestOf([{ ...row, value: longer }]).text, digestOf([row]).text);
    }),
  );
});

Deno.test("the order in which entries came is nothing to a digest", () => {
  fc.assert(fc.property(sets, (list) => {
    const digest = digestOf(list);
    const turned = digestOf([...list].reverse());
    assertEquals(turned.text, digest.text);
    assertEquals(turned.buckets(), digest.buckets());
    assert(digest.isEqual(turned.high, turned.low));
  }));
});

Deno.test("a digest that followed every change is that of what is there in the end", () => {
  const histories = sets.chain((list) =>
    fc.tuple(fc.constant(list), fc.array(fc.tuple(fc.nat(), rows, fc.boolean()), { maxLength: 40 }))
  );
  fc.assert(fc.property(histories, ([list, changes]) => {
    const digest = new StateDigest();
    const shown = new Map<number, { type: ValueType; entry: StateEntry }>();
    const put = ({ id, type, value, holder, priority }: Held, deleted: boolean) => {
      // A number keeps its type for life.
      const before = shown.get(id);
      if (before !== undefined && before.type !== type) return;
      const after = entry({ value, holder, priority, deleted });
      digest.change(id as PathId, type, before?.entry ?? null, after);
      shown.set(id, { type, entry: after });
    };
    for (const row of list) put(row, false);
    for (const [at, [row], deleted] of changes) {
      const id = list.length === 0 ? row.id : list[at % list.length]?.id ?? row.id;
      put({ ...row, id }, deleted);
    }
    const rest = [...shown].filter(([, { entry }]) => !entry.deleted)
      .map(([id, { type, entry: { value, holder, priority } }]) => ({ id, type, value, holder, priority }));
    assertEquals(digest.text, digestOf(rest).text);
    assertEquals(digest.buckets(), digestOf(rest).buckets());
  }));
});

Deno.test("a tombstone does not count: each copy forgets it at its own time", () => {
  const digest = new StateDigest();
  const id = 3 as PathId;
  digest.change(id, "f32", null, entry({ value: 1 }));
  assertNotEquals(digest.text, "0".repeat(16));
  digest.change(id, "f32", entry({ value: 1 }), entry({ value: 1, deleted: true }));
  assertEquals(digest.text, "0".repeat(16));
  digest.change(id, "f32", entry({ value: 1, deleted: true }), null);
  assertEquals(digest.text, "0".repeat(16));
});

Deno.test("the version at which an entry came is nothing to a digest", () => {
  const [a, b] = [new StateDigest(), new StateDigest()];
  a.change(1 as PathId, "i32", null, entry({ value: 7, version: 1 }));
  b.change(1 as PathId, "i32", null, entry({ value: 7, version: 99 }));
  assertEquals(a.text, b.text);
});

Deno.test("the buckets that differ are those of the paths that do, and their sum is the digest", () => {
  fc.assert(fc.property(sets, rows, (list, [row, value]) => {
    const digest = digestOf(list);
    assertEquals(sumOf(digest), [digest.high, digest.low]);
    assertEquals(digest.halves(), { high: digest.high, low: digest.low });
    const rest = list.filter(({ id }) => id !== row.id);
    const [mine, theirs] = [digestOf([...rest, row]), digestOf([...rest, { ...row, value }])];
    const differs = mine.text !== theirs.text;
    assertEquals(mine.differingBuckets(theirs.buckets()), differs ? [row.id % DIGEST_BUCKETS] : []);
    assertEquals(mine.isEqual(theirs.high, theirs.low), !differs);
  }));
});

function sumOf(digest: StateDigest): number[] {
  let [high, low] = [0, 0];
  for (const bucket of digest.buckets()) {
    high ^= bucket.high;
    low ^= bucket.low;
  }
  return [high >>> 0, low >>> 0];
}

Deno.test("equal ids in sequence spread over all buckets", () => {
  const digest = digestOf(Array.from({ length: 16 }, (_, i) => (
    { id: i + 1, type: "bool" as const, value: true, holder: 0, priority: 0 }
  )));
  assertEquals(digest.differingBuckets(new StateDigest().buckets()).length, DIGEST_BUCKETS);
});

Deno.test("a digest that is cleared is that of nothing", () => {
  const digest = digestOf([{ id: 1, type: "text", value: "a", holder: 1, priority: 1 }]);
  digest.clear();
  assertEquals(digest.differingBuckets([]).length, DIGEST_BUCKETS);
  assertEquals(digest.halves(), { high: 0, low: 0 });
  assertEquals([digest.text, sumOf(digest)], ["0".repeat(16), [0, 0]]);
  assertEquals(digest.buckets(), new StateDigest().buckets());
});

Deno.test("the digest of a value is that of its canonical bytes, whichever way it was computed", () => {
  // Computed by a program in another language from what hash64.ts, canonical.ts and state_digest.ts say.
  for (const [row, text] of GOLDEN) assertEquals(digestOf([row]).text, text, JSON.stringify(row));
});

const GOLDEN: readonly (readonly [Held, string])[] = [
  [{ id: 1, type: "f32", value: 0.1, holder: 3, priority: 100 }, "18951a62f892b9d4"],
  [{ id: 2, type: "f32", value: -1.5, holder: 0, priority: 0 }, "0d4ade71c2783bbe"],
  [{ id: 300, type: "unit", value: 0.5, holder: 65535, priority: 200 }, "46bf9a5d041318a2"],
  [{ id: 4, type: "i32", value: -2, holder: 1, priority: 255 }, "84952290cf5a4d8c"],
  [{ id: 5, type: "bool", value: true, holder: 1, priority: 100 }, "d2c5a2ce45f862a7"],
  [{ id: 6, type: "enum", value: "sidewipe", holder: 2, priority: 50 }, "681ac8a035f5b799"],
  [{ id: 7, type: "text", value: "Bühne 😀", holder: 9, priority: 100 }, "41ac46533dc03a13"],
  [{ id: 7, type: "text", value: "", holder: 9, priority: 100 }, "0f40e653784a5c96"],
  [{ id: 8, type: "bytes", value: Uint8Array.of(1, 2, 3, 4, 5), holder: 1, priority: 1 }, "ba055d8d787c0c49"],
  [{ id: 4294967295, type: "vec3", value: [1, 0.25, -3], holder: 7, priority: 120 }, "e65e85a0d696c174"],
  [{ id: 10, type: "quat", value: [0, 0, 0, 1], holder: 7, priority: 120 }, "05da03b95951d74a"],
  [
    { id: 11, type: "json", value: { "b": [1, true, null], "a": "é" }, holder: 3, priority: 100 },
    "c0a549e7711a6c05",
  ],
  [{ id: 12, type: "json", value: null, holder: 0, priority: 0 }, "d2e552434faad208"],
];

Deno.test("near entries have digests far apart: none of 200,000 meets another", () => {
  const hash = new Hash64();
  const seen = new Set<number>();
  const lows = new Set<number>();
  let collisions = 0;
  for (let i = 0; i < 200_000; i++) {
    hash.begin();
    hash.word(i >>> 4);
    hash.word(i & 15);
    hash.finish();
    // 53 of the 64 bits, exactly.
    const key = (hash.high & 0x1f_ffff) * 2 ** 32 + hash.low;
    if (seen.has(key)) collisions++;
    seen.add(key);
    lows.add(hash.low);
  }
  assertEquals(collisions, 0);
  // Of 200,000 random numbers of 32 bits about 4.7 meet another.
  assert(lows.size > 200_000 - 30, `${200_000 - lows.size} collisions of the lower half`);
});

Deno.test("minus nought is nought: what is equal has one digest", () => {
  const cases: [ValueType, StateValue, StateValue][] = [
    ["f32", 0, -0],
    ["unit", 0, -0],
    ["i32", 0, -0],
    ["vec3", [0, 0, 1], [-0, 0, 1]],
    ["json", { a: 0 }, { a: -0 }],
  ];
  for (const [type, value, other] of cases) {
    const row: Held = { id: 1, type, value, holder: 1, priority: 1 };
    assertEquals(digestOf([{ ...row, value: other }]).text, digestOf([row]).text, type);
  }
});

Deno.test("entries are the same exactly when a digest holds them for the same", () => {
  const few = fc.integer({ min: 0, max: 1 });
  fc.assert(
    fc.property(rows, few, few, few, few, few, few, fc.boolean(), (
      [row, value],
      holder,
      otherHolder,
      priority,
      otherPriority,
      deleted,
      otherDeleted,
      hasOther,
    ) => {
      const a = entry({ value: row.value, holder, priority, deleted: deleted === 1 });
      const b = entry({
        value: hasOther ? value : row.value,
        holder: otherHolder,
        priority: otherPriority,
        deleted: otherDeleted === 1,
        version: 2,
      });
      const [left, right] = [new StateDigest(), new StateDigest()];
      left.change(row.id as PathId, row.type, null, a);
      right.change(row.id as PathId, row.type, null, b);
      assertEquals(isSameEntry(row.type, a, b), left.text === right.text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("half of a bucket that differs is enough", () => {
  const digest = digestOf([{ id: 3, type: "i32", value: 1, holder: 1, priority: 1 }]);
  for (const half of ["high", "low"] as const) {
    const told = digest.buckets().map((bucket, at) =>
      at === 9 ? { ...bucket, [half]: bucket[half] ^ 1 } : bucket
    );
    assertEquals(digest.differingBuckets(told), [9]);
    assert(!digest.isEqual(digest.high ^ (half === "high" ? 1 : 0), digest.low ^ (half === "low" ? 1 : 0)));
  }
});
