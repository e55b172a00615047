// The JSON Schema and the reader agree: what one takes the other takes, what one refuses the other refuses.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { catalogue, normaliseScenario, scenarioSchema, VERBS } from "../../../../lib/simulate/mod.ts";
import { documentShape } from "../../../../lib/simulate/language/document.ts";
import { substitute } from "../../../../lib/simulate/language/params.ts";
import { ScenarioProblem } from "../../../../lib/simulate/language/problem.ts";
import { RICH } from "./examples.ts";
import { fits } from "./json_schema.ts";

const schema = scenarioSchema();
const examples: readonly Record<string, unknown>[] = [RICH, ...catalogue().map(({ raw }) => ({ ...raw }))];

Deno.test("every scenario of the catalogue fits the schema", () => {
  for (const raw of examples) assert(fits(raw, schema, schema), String(raw.name));
});

Deno.test("the schema is plain JSON and has one definition for every reference", () => {
  const text = JSON.stringify(schema);
  assertEquals(JSON.parse(text), schema);
  const names = Object.keys(schema.$defs as Record<string, unknown>);
  for (const [, name = ""] of text.matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)) {
    assert(names.includes(name), name);
  }
});

Deno.test("the example of every verb is one", () => {
  for (const { verb, example } of VERBS) {
    const entry = exampleOf(example);
    assert(Object.keys(entry).includes(verb), example);
    const programs = { scene: { on: "viz-*" } };
    const apps = {
      desk: { on: "app-*" },
      wall: { on: "viz-0" },
      evil: { on: "viz-1" },
      late: { on: "viz-2", start: "later" },
    };
    const raw = {
      name: "x",
      extends: "base",
      programs,
      state: { apps, parameters: { hue: { type: "f32", on: "viz-*" } } },
      timeline: [{ at: "10s", ...entry }],
      duration: "90s",
    };
    assert(fits(raw, schema, schema), `${verb}: ${example}`);
    normaliseScenario(raw);
  }
});

/** Reads the one-line YAML of examples: `verb: argument, for: 3s`. */
function exampleOf(example: string): Record<string, unknown> {
  const quoted = example.replaceAll(
    /"[^"]*"|[A-Za-z0-9@][^,:[\]{}]*|\*/g,
    (word) =>
      word.startsWith('"') ? word : /^(\d+|true|false)$/.test(word) ? word : JSON.stringify(word.trim()),
  );
  return JSON.parse(`{${quoted}}`);
}

type Path = readonly (string | number)[];

/** Every place in a value. */
function places(value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((each, index) => places(each, [...path, index]))];
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => places(each, [...path, key]))];
}

/** A copy of `root` with what stands at `path` changed. */
function changedAt(root: unknown, path: Path, change: (value: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(root);
  if (Array.isArray(root)) return root.map((each, at) => at === key ? changedAt(each, rest, change) : each);
  const object = root as Record<string, unknown>;
  return { ...object, [key]: changedAt(object[key], rest, change) };
}

const MUTATIONS: readonly ((value: unknown) => unknown)[] = [
  () => 7,
  () => -1,
  () => true,
  () => "something else entirely?",
  () => "",
  () => "5s",
  () => "5 parsecs",
  () => [],
  () => ({}),
  () => ["viz-0"],
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value, zzz: 1 } : [value],
  (value) => typeof value === "string" ? `${value}?` : [value, value],
];

/** What the reader says of the structure of a scenario; null when it takes it. */
function refusal(raw: unknown): string | null {
  try {
    documentShape.read(
      substitute(raw, { gap: "500ms", lossy: "2%", median: "1ms", sigma: 0.2, draw: 0 }),
      "",
    );
    return null;
  } catch (thrown) {
    assert(thrown instanceof ScenarioProblem, String(thrown));
    return thrown.message;
  }
}

/** Rules on more than one key, which the reader knows and the schema leaves to it. */
const BEYOND_SCHEMA =
  /more than 100%|for (constant|uniform|exponential|lognormal)|has none|less than min|there is no parameter/;

Deno.test("a scenario with a mistake anywhere is refused by the reader if the schema refuses it, and the other way", () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...examples).chain((raw) =>
        fc.record({
          raw: fc.constant(raw),
          path: fc.constantFrom(...places(raw)),
          mutation: fc.constantFrom(...MUTATIONS),
        })
      ),
      ({ raw, path, mutation }) => {
        const mutated = changedAt(raw, path, mutation);
        const said = refusal(mutated);
        if (fits(mutated, schema, schema)) {
          // Without nodes of its own it must extend a scenario that has some.
          if (said === null || BEYOND_SCHEMA.test(said) || said.startsWith("nodes: is missing")) return;
          // What a text with a parameter in it stands for is known when the parameter is put in, which only the reader does.
          if (
            [valueAt(mutated, path)].flat().some((text) => typeof text === "string" && text.includes("$"))
          ) return;
          throw new Error(`only the reader refuses it: ${said}`);
        }
        refused++;
        // What repeats is read when it is known what `$i` is.
        assert(said !== null || isRefused(mutated), `only the schema refuses ${path.join(".")}`);
      },
    ),
    { numRuns: 3_000 },
  );
  assert(refused > 500, `only ${refused} were refused`);
});

function valueAt(raw: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], raw);
}

function isRefused(raw: unknown): boolean {
  try {
    normaliseScenario(raw);
    return false;
  } catch (thrown) {
    return thrown instanceof HanaError && thrown.code === "config";
  }
}
