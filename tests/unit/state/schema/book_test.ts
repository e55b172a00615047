import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import type { ParameterDefinition, PathId } from "../../../../lib/state/model/mod.ts";
import {
  BUILT_IN_SUBSYSTEMS,
  canonicalDefinition,
  checkValue,
  compareDefinitions,
  DEFAULT_BOOK_LIMITS,
  type Defined,
  isRefusal,
  NO_PATH,
  readDefinition,
  type Refusal,
  SchemaBook,
} from "../../../../lib/state/schema/mod.ts";
import { rawDefinitions, TYPES, valuesOf } from "./arbitraries.ts";

function defined(answer: Defined | Refusal): Defined {
  assert(!isRefusal(answer), isRefusal(answer) ? answer.why : "");
  return answer;
}

function codeOf(answer: unknown): string {
  assert(isRefusal(answer), "was taken");
  assert(answer.why.length > 10);
  return answer.code;
}

function hue(change: Record<string, unknown> = {}): ParameterDefinition {
  return readDefinition({ path: "aurora/hue", type: "f32", min: 0, max: 360, unit: "°", ...change });
}

const anyDefinition = fc.constantFrom(...TYPES).chain(rawDefinitions).map(readDefinition);

Deno.test("numbers are given in order from 1 on, and found by path and by number", () => {
  const book = new SchemaBook();
  const first = defined(book.define(hue()));
  const second = defined(book.define(hue({ path: "aurora/size" })));
  assertEquals([first, second], [
    { id: 1 as PathId, outcome: "new", former: NO_PATH },
    { id: 2 as PathId, outcome: "new", former: NO_PATH },
  ]);
  assertEquals([book.idOf("aurora/size"), book.idOf("aurora/nothing"), book.size, book.lastId], [2, 0, 2, 2]);
  assertEquals(book.definitionOf(second.id)?.path, "aurora/size");
  assertEquals(book.definitionOf(9 as PathId), null);
  assertEquals(book.definitionOf(NO_PATH), null);
});

Deno.test("the same definition again changes nothing", () => {
  const book = new SchemaBook();
  const { id } = defined(book.define(hue()));
  const before = [book.revision, book.high, book.low];
  assertEquals(defined(book.define(hue())), { id, outcome: "same", former: NO_PATH });
  assertEquals([book.revision, book.high, book.low], before);
});

Deno.test("a wider definition keeps its number, and what clients wrote goes on", () => {
  const book = new SchemaBook();
  const { id } = defined(book.define(hue()));
  assertEquals(codeOf(book.check(id, 400)), "out-of-range");
  const [high, revision] = [book.high, book.revision];
  assertEquals(defined(book.define(hue({ max: 720, min: null }))), { id, outcome: "wider", former: NO_PATH });
  assertStrictEquals(book.check(id, 400), 400);
  assertEquals(book.revision, revision + 1);
  assertNotEquals(book.high, high);
  assertEquals(book.counters.widened, 1);
});

Deno.test("a path that stands for something else gets a new number, and writes to the old one are refused as gone", () => {
  for (
    const change of [{ max: 180 }, { type: "i32" }, { unit: "rad" }, { merge: "highest" }, {
      subsystem: "lasers",
    }]
  ) {
    const book = new SchemaBook();
    const { id } = defined(book.define(hue()));
    const next = defined(book.define(hue(change)));
    assertEquals(next, { id: 2 as PathId, outcome: "replaced", former: id });
    assertEquals(book.idOf("aurora/hue"), next.id);
    assertEquals([book.isGone(id), book.isGone(next.id), book.size], [true, false, 1]);
    const refusal = book.check(id, 10);
    assertEquals(codeOf(refusal), "gone");
    assertEquals((refusal as Refusal).why, "aurora/hue was declared anew: its number is 2 now");
    assertEquals([book.counters.replaced, book.counters.defined], [1, 2]);
  }
});

Deno.test("a number that is gone comes never again, not even for its own path", () => {
  const book = new SchemaBook();
  const { id } = defined(book.define(hue()));
  assert(book.retire("aurora/hue"));
  assert(!book.retire("aurora/hue"));
  assert(!book.retire("aurora/other"));
  assertEquals([book.idOf("aurora/hue"), book.definitionOf(id), book.pathOf(id)], [
    NO_PATH,
    null,
    "aurora/hue",
  ]);
  assertEquals((book.check(id, 1) as Refusal).why, "aurora/hue is there no more");
  assertEquals(defined(book.define(hue())), { id: 2 as PathId, outcome: "new", former: NO_PATH });
  assertEquals(codeOf(book.check(77 as PathId, 1)), "unknown-path");
});

Deno.test("words may be added at the end and nowhere else", () => {
  const wipe = (...words: string[]) => readDefinition({ path: "wipe", type: "enum", words });
  assertEquals(compareDefinitions(wipe("a", "b"), wipe("a", "b", "c")), "wider");
  assertEquals(compareDefinitions(wipe("a", "b"), wipe("b", "a")), "other");
  assertEquals(compareDefinitions(wipe("a", "b"), wipe("a")), "other");
  assertEquals(compareDefinitions(wipe("a", "b"), wipe("c", "a", "b")), "other");
  assertEquals(compareDefinitions(wipe("a", "b"), wipe("a", "b")), "same");
});

Deno.test("bounds may only open, on either side", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ min: -1 }, "wider"],
    [{ min: 1 }, "other"],
    [{ min: null }, "wider"],
    [{ max: 361 }, "wider"],
    [{ max: 359 }, "other"],
    [{ max: null }, "wider"],
    [{ min: -1, max: 359 }, "other"],
    [{ default: 1 }, "wider"],
    [{ fadeUs: 5 }, "wider"],
    [{ rate: "rare" }, "wider"],
    [{ onLoss: "default" }, "wider"],
    [{ description: "x" }, "wider"],
    [{}, "same"],
  ];
  for (const [change, outcome] of cases) {
    assertEquals(compareDefinitions(hue(), hue(change)), outcome, JSON.stringify(change));
  }
  assertEquals(compareDefinitions(hue({ min: null }), hue()), "other");
  assertEquals(compareDefinitions(hue({ max: null }), hue()), "other");
});

Deno.test("whatever a definition allowed, a wider one allows in the same form", () => {
  const pairs = fc.constantFrom(...TYPES).chain((type) =>
    fc.tuple(rawDefinitions(type), rawDefinitions(type)).map(([a, b]) => {
      const first = readDefinition(a);
      // Alike enough that many pairs are wider.
      const { path, subsystem, unit, merge } = first;
      const next = { ...readDefinition(b), path, subsystem, unit, merge };
      return [first, {
        ...next,
        words: next.words.length === 0 ? [] : [...new Set([...first.words, ...next.words])],
      }] as const;
    })
  ).chain(([a, b]) => fc.tuple(fc.constant(a), fc.constant(b), valuesOf(a)));
  let wider = 0;
  fc.assert(
    fc.property(pairs, ([a, b, value]) => {
      if (compareDefinitions(a, b) !== "wider") return;
      wider++;
      const once = checkValue(a, value);
      assert(!isRefusal(once));
      assertStrictEquals(checkValue(b, once), once);
    }),
    { numRuns: 500 },
  );
  assert(wider > 50, `${wider} pairs`);
});

Deno.test("definitions are the same exactly when their canonical texts are", () => {
  const pairs = anyDefinition.chain((a) =>
    fc.tuple(fc.constant(a), fc.oneof(fc.constant(a), anyDefinition.map((b) => ({ ...b, path: a.path }))))
  );
  fc.assert(fc.property(pairs, ([a, b]) => {
    assertEquals(compareDefinitions(a, b) === "same", canonicalDefinition(a) === canonicalDefinition(b));
  }));
});

Deno.test("a full book refuses, counts, and is as before", () => {
  const book = new SchemaBook({ ...DEFAULT_BOOK_LIMITS, maxPaths: 2, maxIds: 3, maxSubsystems: 10 });
  defined(book.define(hue({ path: "a" })));
  defined(book.define(hue({ path: "b", subsystem: "mine" })));
  const before = [book.size, book.revision, book.high, book.low, book.bytes, book.lastId];
  assertEquals(codeOf(book.define(hue({ path: "c" }))), "full");
  assertEquals(codeOf(book.define(hue({ path: "a", subsystem: "yours" }))), "full", "subsystems");
  assertEquals([book.size, book.revision, book.high, book.low, book.bytes, book.lastId], before);
  assertEquals(book.counters.full, 2);
  // A full book still replaces: as many paths as before.
  assertEquals(defined(book.define(hue({ path: "a", max: 1 }))).outcome, "replaced");
  assertEquals(codeOf(book.define(hue({ path: "a", max: 0.5 }))), "full", "numbers");
  assertEquals(book.definitionOf(3 as PathId)?.max, 1);
  assertEquals(book.idOf("a"), 3);
  assertEquals(defined(book.define(hue({ path: "a", max: 2 }))).outcome, "wider");
});

Deno.test("the bytes of definitions are bounded, and those of a path that is gone are free again", () => {
  const words = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(60, "w"));
  const size = canonicalDefinition(readDefinition({ path: "p0", type: "enum", words })).length;
  const book = new SchemaBook({ ...DEFAULT_BOOK_LIMITS, maxBytes: size * 2 });
  for (const path of ["p0", "p1"]) defined(book.define(readDefinition({ path, type: "enum", words })));
  assertEquals(book.bytes, size * 2);
  assertEquals(codeOf(book.define(hue({ path: "q" }))), "full");
  assertEquals(
    codeOf(book.define(readDefinition({ path: "p0", type: "enum", words: [...words, "x"] }))),
    "full",
  );
  // The place of the former definition is free for the next one.
  assertEquals(
    defined(book.define(readDefinition({ path: "p0", type: "enum", words, default: words[1] }))).outcome,
    "wider",
  );
  assertEquals(book.bytes, size * 2);
  assert(book.retire("p1"));
  assertEquals(book.bytes, size);
  defined(book.define(hue({ path: "q" })));
});

type Step =
  | { readonly kind: "define"; readonly definition: ParameterDefinition }
  | { readonly kind: "retire"; readonly path: string }
  | { readonly kind: "sync" };

const fewPaths = fc.constantFrom("a", "b", "c", "d");
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(anyDefinition, fewPaths).map(([definition, path]) => (
    { kind: "define" as const, definition: { ...definition, path } }
  )),
  fewPaths.map((path) => ({
    kind: "define" as const,
    definition: hue({ path, max: 100 + path.charCodeAt(0) }),
  })),
  fc.tuple(fewPaths, fc.integer({ min: 1, max: 9 })).map(([path, max]) => (
    { kind: "define" as const, definition: hue({ path, max: max * 100 }) }
  )),
  fewPaths.map((path) => ({ kind: "retire" as const, path })),
  fc.constant({ kind: "sync" as const }),
);

/** Brings a copy up to date, as a host does. */
function sync(copy: SchemaBook, host: SchemaBook, since: number): number {
  for (const { id, definition } of host.rowsSince(since)) {
    const answer = copy.adopt(id, definition);
    assert(!isRefusal(answer), isRefusal(answer) ? answer.why : "");
  }
  return host.revision;
}

function contents(book: SchemaBook): unknown[] {
  return [
    book.size,
    book.high,
    book.low,
    book.bytes,
    ...book.rowsSince(0).map(({ id, definition }) => [id, definition])
      .sort(([a], [b]) => Number(a) - Number(b)),
  ];
}

Deno.test("copies that come at any time and hear of every change have the same book and digest", () => {
  fc.assert(fc.property(fc.array(steps, { maxLength: 40 }), (list) => {
    const host = new SchemaBook();
    const early = new SchemaBook();
    let heard = 0;
    const given = new Set<number>();
    for (const step of list) {
      if (step.kind === "sync") heard = sync(early, host, heard);
      else if (step.kind === "retire") host.retire(step.path);
      else {
        const { id, outcome, former } = defined(host.define(step.definition));
        assertEquals(given.has(id), outcome === "same" || outcome === "wider", "numbers are given once");
        given.add(id);
        assertEquals(host.idOf(step.definition.path), id);
        assertEquals(host.definitionOf(id), step.definition);
        assertEquals(former !== NO_PATH, outcome === "replaced");
        if (former !== NO_PATH) assert(host.isGone(former));
      }
    }
    sync(early, host, heard);
    assertEquals(contents(early), contents(host));
    const late = new SchemaBook();
    sync(late, host, 0);
    assertEquals(contents(late), contents(host));
    // Hearing all of it again changes nothing.
    sync(late, host, 0);
    sync(early, host, 0);
    assertEquals(contents(late), contents(host));
    assertEquals(contents(early), contents(host));
  }));
});

Deno.test("the digest of a book differs when any definition does", () => {
  fc.assert(fc.property(anyDefinition, anyDefinition, (a, b) => {
    const [left, right] = [new SchemaBook(), new SchemaBook()];
    defined(left.define(a));
    defined(right.define({ ...b, path: a.path }));
    const isSame = compareDefinitions(a, { ...b, path: a.path }) === "same";
    assertEquals(left.high === right.high && left.low === right.low, isSame);
    left.retire(a.path);
    assertEquals([left.high, left.low, left.bytes], [0, 0, 0]);
  }));
});

Deno.test("the digest of a book differs when a path has another number", () => {
  const [left, right] = [new SchemaBook(), new SchemaBook()];
  left.adopt(1 as PathId, hue());
  right.adopt(2 as PathId, hue());
  assertNotEquals([left.high, left.low], [right.high, right.low]);
});

Deno.test("a copy that is up to date is told nothing, and one that is not only what changed", () => {
  const book = new SchemaBook();
  for (const path of ["a", "b", "c"]) defined(book.define(hue({ path })));
  const { revision } = book;
  assertEquals(book.rowsSince(revision), []);
  book.retire("b");
  defined(book.define(hue({ path: "c", max: 1 })));
  assertEquals(
    book.rowsSince(revision).map(({ id, path, definition }) => [id, path, definition?.max ?? null]),
    [
      [2, "b", null],
      [3, "c", null],
      [4, "c", 1],
    ],
  );
});

Deno.test("a copy refuses rows that contradict what the host said before, and is as before", () => {
  const book = new SchemaBook();
  book.adopt(5 as PathId, hue());
  book.adopt(6 as PathId, hue({ path: "b" }));
  book.adopt(6 as PathId, null);
  const before = contents(book);
  const rows: [number, ParameterDefinition | null, string][] = [
    [5, hue({ path: "c" }), "conflict"],
    [5, hue({ type: "i32" }), "conflict"],
    [7, hue(), "conflict"],
    [6, hue({ path: "b" }), "conflict"],
    [0, hue({ path: "c" }), "full"],
    [-1, hue({ path: "c" }), "full"],
    [1.5, hue({ path: "c" }), "full"],
    [DEFAULT_BOOK_LIMITS.maxIds + 1, hue({ path: "c" }), "full"],
    [NaN, null, "full"],
  ];
  for (const [id, definition, code] of rows) {
    assertEquals(codeOf(book.adopt(id as PathId, definition)), code, `${id}`);
  }
  assertEquals(contents(book), before);
  assertEquals([book.counters.conflicts, book.counters.full], [4, 5]);
  assertEquals(book.adopt(9 as PathId, null), "known");
  assertEquals(book.adopt(5 as PathId, hue()), "known");
  assertEquals(book.adopt(5 as PathId, hue({ max: 999 })), "taken");
  assertEquals(contents(book).length, before.length);
});

Deno.test("subsystems have numbers: those that hana brings first, then others in the order in which they came", () => {
  const book = new SchemaBook({ ...DEFAULT_BOOK_LIMITS, maxSubsystems: 11 });
  assertEquals(BUILT_IN_SUBSYSTEMS.indexOf("params"), 4);
  const first = defined(book.define(hue({ path: "a", subsystem: "lasers" })));
  const second = defined(book.define(hue({ path: "b", subsystem: "fog" })));
  const third = defined(book.define(hue({ path: "c" })));
  assertEquals([first, second, third].map(({ id }) => book.subsystemOf(id)), [9, 10, 4] as never[]);
  assertEquals(book.subsystems.nameOf(9 as never), "lasers");
  assertEquals(book.subsystems.nameOf(99 as never), null);
  assertEquals(codeOf(book.define(hue({ path: "d", subsystem: "smoke" }))), "full");
  assertEquals(book.subsystems.numberOf("smoke"), null);

  const copy = new SchemaBook({ ...DEFAULT_BOOK_LIMITS, maxSubsystems: 11 }).subsystems;
  assert(copy.adopt(10 as never, "fog"));
  assert(copy.adopt(10 as never, "fog"));
  assert(copy.adopt(0 as never, "dict"));
  assert(!copy.adopt(9 as never, "fog"), "a name has one number");
  assert(!copy.adopt(10 as never, "lasers"), "a number has one name");
  assert(!copy.adopt(11 as never, "lasers"), "too high");
  assert(!copy.adopt(-1 as never, "lasers"));
  assert(!copy.adopt(9 as never, "La/sers"));
  assert(copy.adopt(9 as never, "lasers"));
  assertEquals([...copy.entries()].length, 11);
});

Deno.test("a definition that a bound refuses leaves no subsystem behind", () => {
  const book = new SchemaBook({ ...DEFAULT_BOOK_LIMITS, maxPaths: 0 });
  assertEquals(codeOf(book.define(hue({ subsystem: "lasers" }))), "full");
  assertEquals(book.subsystems.numberOf("lasers"), null);
});

Deno.test("a copy gives subsystems no numbers: it waits for those of the host", () => {
  const host = new SchemaBook();
  defined(host.define(hue({ path: "a", subsystem: "lasers" })));
  host.retire("a");
  const { id } = defined(host.define(hue({ path: "b", subsystem: "fog" })));
  const copy = new SchemaBook();
  sync(copy, host, 0);
  assertEquals([copy.subsystemOf(id), copy.subsystems.numberOf("fog")], [null, null]);
  for (const [number, name] of host.subsystems.entries()) assert(copy.subsystems.adopt(number, name));
  assertEquals([copy.subsystemOf(id), host.subsystemOf(id)], [10, 10] as never[]);
  copy.adopt(id, null);
  assertEquals(copy.subsystemOf(id), 10 as never);
});

Deno.test("an unknown path is refused with the nearest one", () => {
  const book = new SchemaBook();
  for (const path of ["aurora/hue", "aurora/size", "fog/hue"]) defined(book.define(hue({ path })));
  assertEquals(book.lookUp("fog/hue"), 3 as PathId);
  const why = (path: string) => {
    const answer = book.lookUp(path);
    assertEquals(codeOf(answer), "unknown-path");
    return (answer as Refusal).why;
  };
  assertEquals(why("aurora/heu"), 'nobody declared "aurora/heu": did you mean aurora/hue?');
  assertEquals(why("auora/size"), 'nobody declared "auora/size": did you mean aurora/size?');
  assertEquals(why("something/else"), 'nobody declared "something/else"');
  assert(why("x".repeat(1_000_000)).length < 100);
  // What has the same first segment comes before what is as near.
  defined(book.define(hue({ path: "fogs/hux" })));
  defined(book.define(hue({ path: "mist/hue" })));
  defined(book.define(hue({ path: "fog2/hux" })));
  book.retire("fog/hue");
  defined(book.define(hue({ path: "fog/hue" })));
  assertEquals(why("fog/hux"), 'nobody declared "fog/hux": did you mean fog/hue?');
  book.retire("aurora/hue");
  assertEquals(why("aurora/hue"), 'nobody declared "aurora/hue": did you mean aurora/size?');
});
