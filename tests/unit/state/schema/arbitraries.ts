// Random definitions, and random values that they allow.

import fc from "fast-check";
import { readDefinition } from "../../../../lib/state/schema/mod.ts";
import type { ParameterDefinition, StateValue, ValueType } from "../../../../lib/state/model/mod.ts";

export const TYPES: readonly ValueType[] = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
];

/** What a declaration may hold. */
export type RawDefinition = Record<string, unknown>;

const segment = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,7}$/);
export const paths: fc.Arbitrary<string> = fc.array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"));
/** Characters of all lengths, and those that make trouble: quotes, escapes, controls, marks that turn the writing. */
const characters = fc.oneof(
  fc.string({ minLength: 1, maxLength: 1 }),
  fc.constantFrom(..."é中😀", '"', "\\", "\n", "\0", "\u007f", "\u202e", "\u2028", "\ufeff", "\u{e0041}"),
);
const word = fc.stringMatching(/^[A-Za-z0-9äß]{1,12}$/);
const units = fc.constantFrom("°", "Hz", "%", "s", "ms", "m/s²", "m", "px");

function ranges(type: ValueType): fc.Arbitrary<RawDefinition> {
  const number = type === "f32" || type === "vec3"
    ? fc.double({ min: -1e6, max: 1e6, noNaN: true })
    : type === "unit"
    ? fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100)
    : type === "i32"
    ? fc.integer()
    : null;
  if (number === null) {
    if (type !== "text" && type !== "bytes") return fc.constant({});
    return fc.option(fc.integer({ min: 1, max: 4_096 })).map((max) => max === null ? {} : { max });
  }
  return fc.tuple(fc.option(number), fc.option(number)).map(([a, b]) => ({
    min: a !== null && b !== null ? Math.min(a, b) : a,
    max: a !== null && b !== null ? Math.max(a, b) : b,
  }));
}

const NUMERIC: readonly ValueType[] = ["f32", "unit", "i32", "vec3"];

/** Declarations of one type that can be read, without a default. */
export function rawDefinitions(type: ValueType): fc.Arbitrary<RawDefinition> {
  const isNumeric = NUMERIC.includes(type);
  return fc.tuple(
    fc.record({ path: paths, type: fc.constant(type) }),
    ranges(type),
    type === "enum"
      ? fc.uniqueArray(word, { minLength: 1, maxLength: 12 }).map((words) => ({ words }))
      : fc.constant({}),
    isNumeric ? fc.option(units).map((unit) => ({ unit })) : fc.constant({}),
    fc.record({
      subsystem: fc.constantFrom("params", "layers", "lasers"),
      merge: fc.constantFrom(
        ..."latest lock".split(" "),
        ...(isNumeric && type !== "vec3" ? ["highest", "sum"] : []),
      ),
      onLoss: fc.constantFrom("hold", "default", "fallback"),
      fadeUs: isNumeric || type === "quat" ? fc.integer({ min: 0, max: 60_000_000 }) : fc.constant(0),
      rate: fc.constantFrom("fast", "slow", "rare"),
      description: fc.option(fc.string({ maxLength: 40, unit: characters })),
    }, { requiredKeys: [] }),
  ).map((parts) => Object.assign({}, ...parts));
}

/** Numbers of a type as they come: not rounded, within the range. */
function numbersOf({ type, min, max }: ParameterDefinition): fc.Arbitrary<number> {
  if (type === "i32") {
    return fc.integer({ min: min ?? -0x8000_0000, max: max ?? 0x7fff_ffff });
  }
  const [least, most] = type === "unit" ? [0, 1] : [-3e38, 3e38];
  const [low, high] = [min ?? Math.min(least, max ?? least), max ?? Math.max(most, min ?? most)];
  // Doubles are drawn by their exponents, so that most are next to nothing: some are spread over the range instead.
  const [from, to] = [Math.max(low, Math.min(-1_000, high)), Math.min(high, Math.max(1_000, low))];
  const even = fc.integer({ min: 0, max: 1_000 }).map((part) =>
    Math.min(Math.max(from + (to - from) * part / 1_000, low), high)
  );
  return fc.oneof(fc.double({ min: low, max: high, noNaN: true }), even);
}

/** Values that a definition allows, as a program gives them. */
export function valuesOf(definition: ParameterDefinition): fc.Arbitrary<StateValue> {
  switch (definition.type) {
    case "f32":
    case "unit":
    case "i32":
      return numbersOf(definition);
    case "bool":
      return fc.boolean();
    case "enum":
      return fc.constantFrom(...definition.words);
    case "text":
      return fc.string({ unit: characters, maxLength: 60 }).map((text) =>
        fitting(text, definition.max ?? 4_096)
      );
    case "bytes":
      return fc.uint8Array({ maxLength: Math.min(definition.max ?? 64, 64) });
    case "vec3":
      return fc.tuple(numbersOf(definition), numbersOf(definition), numbersOf(definition));
    case "quat":
      return fc.tuple(...Array.from({ length: 4 }, () => fc.double({ min: -1, max: 1, noNaN: true })))
        .filter((parts) => Math.hypot(...parts) > 0.1)
        .map((parts) => parts.map((part) => part / Math.hypot(...parts)));
    case "json":
      return fc.jsonValue({ maxDepth: 5 }).map((value) => value as StateValue);
  }
}

/** The longest beginning that has at most so many bytes in UTF-8. */
function fitting(text: string, most: number): string {
  let fits = "";
  for (const character of text) {
    if (new TextEncoder().encode(fits + character).length > most) break;
    fits += character;
  }
  return fits;
}

/** A definition and a value that it allows. */
export function definedValues(type: ValueType): fc.Arbitrary<readonly [ParameterDefinition, StateValue]> {
  return rawDefinitions(type).map(readDefinition)
    .chain((definition) => fc.tuple(fc.constant(definition), valuesOf(definition)));
}

/** The same of any type. */
export const anyDefinedValue: fc.Arbitrary<readonly [ParameterDefinition, StateValue]> = fc.constantFrom(
  ...TYPES,
)
  .chain(definedValues);

/** A definition with all that `raw` does not say. */
export function define(raw: RawDefinition): ParameterDefinition {
  return readDefinition({ path: "aurora/x", ...raw });
}
