// docs/discovery-scenarios.md names scenarios of the catalogue and tests by their sentences: all of them are there.

import { assert, assertEquals } from "@std/assert";
import { catalogue } from "../../../../lib/simulate/mod.ts";

const root = new URL("../../../../", import.meta.url);
const text = Deno.readTextFileSync(new URL("docs/discovery-scenarios.md", root));

interface Row {
  readonly number: number;
  readonly scenarios: string;
  readonly tests: string;
}

const rows = [...text.matchAll(/^\| (\d+) +\| [^|]+ \| ([^|]*) \| ([^|]*) \|$/gm)].map(
  ([, number, scenarios = "", tests = ""]): Row => ({ number: Number(number), scenarios, tests }),
);

Deno.test("the 84 scenarios of discovery stand on their page in order, each with where it is played or why not", () => {
  assertEquals(rows.map(({ number }) => number), Array.from({ length: 84 }, (_, index) => index + 1));
  for (const { number, scenarios, tests } of rows) {
    const isPlayed = scenarios.includes("`") || tests.includes("_test.ts`");
    assert(isPlayed || /^not playable: .{20,}$/.test(tests.trim()), `scenario ${number}`);
  }
});

Deno.test("every scenario of the catalogue that the page names is there", () => {
  const known = new Set(catalogue().map(({ name }) => name));
  const named = rows.flatMap(({ number, scenarios }) =>
    [...scenarios.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => [number, name] as const)
  );
  assert(named.length >= 80);
  assertEquals(named.filter(([, name]) => !known.has(name)), []);
  // What the suite plays is about one of them.
  const played = catalogue().filter(({ suites }) => suites.includes("discovery")).map(({ name }) => name);
  assertEquals(played.filter((name) => !named.some(([, each]) => each === name)), []);
});

Deno.test("every test that the page names is there under its sentence", () => {
  const sources = new Map<string, string>();
  let count = 0;
  for (const { number, tests } of rows) {
    for (const [, path = "", sentence = ""] of tests.matchAll(/`([a-z0-9_/]+_test\.ts)` "([^"]+)"/g)) {
      count++;
      let source = sources.get(path);
      if (source === undefined) {
        source = Deno.readTextFileSync(new URL(`tests/${path}`, root));
        sources.set(path, source);
      }
      assert(source.includes(sentence), `scenario ${number}: ${path} has no test "${sentence}"`);
    }
  }
  assert(count >= 120, `${count} tests are named`);
});
