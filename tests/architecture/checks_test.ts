// Plants a violation of each rule and expects it to be found, and its harmless look-alikes to be left alone.

import { assert, assertEquals } from "@std/assert";
import {
  checkAny,
  checkCycles,
  checkDefaultExports,
  checkFaces,
  checkFiles,
  checkLayers,
  checkPlaces,
  checkSeam,
} from "./checks.ts";
import { undocumentedExports } from "./documentation.ts";
import { MAX_LINES, SIDE_DOORS, WORLDLY_EXCEPTIONS } from "./house.ts";
import { root, type Source, sourcesOf, type Violation } from "./tree.ts";
import { tokensOf } from "./tokens.ts";

type Check = (sources: readonly Source[]) => Violation[];

/** Where `check` finds something in the planted files, as `path:line`. */
function found(check: Check, files: Record<string, string>): string[] {
  return check(sourcesOf(new Map(Object.entries(files)))).map(({ path, line }) => `${path}:${line}`);
}

/** Asserts that each line, alone in `path`, breaks the rule or keeps it. */
function assertLines(check: Check, path: string, lines: readonly string[], broken: boolean): void {
  for (const line of lines) {
    assertEquals({ line, found: found(check, { [path]: line }) }, {
      line,
      found: broken ? [`${path}:1`] : [],
    });
  }
}

const TOUCHING = [
  "const now = Date.now();",
  "const then = new Date(0);",
  "const atUs = performance.now() * 1000;",
  "setTimeout(() => {}, 1);",
  "const later = setInterval(tick, 5);",
  "queueMicrotask(tick);",
  "const draw = Math.random();",
  "const draw = Math . random();",
  "crypto.getRandomValues(key);",
  "const digest = await crypto.subtle.digest(name, key);",
  "const signal = AbortSignal.timeout(5);",
  "const file = Deno.readFileSync(path);",
  "const { now } = Date;",
  "process.exit(1);",
  "const { Date } = own;",
  'const hidden = globalThis["Da" + "te"];',
  "const text = `at ${Date.now()} ms`;",
  "const half = total / 2; const other = Date.now() / 2;",
  "const all = [...performance.getEntries()];",
  "const answer = fetch(url);",
  'import { connect } from "node:net";',
  'import "node:fs";',
  'export { connect } from "node:net";',
  'const net = await import("node:net");',
  'import { createHash } from "node:crypto";',
];

const HARMLESS = [
  "// Date.now() would be wrong here",
  "/* setTimeout(() => {}) */ const a = 1;",
  'const text = "Deno.exit and Date";',
  "const text = `Date ${name} setTimeout ${`fetch ${a}`} Math.random()`;",
  "const at = clock.performance.now();",
  "const times = { Date: 1, fetch: 2 };",
  "interface Times { readonly performance: number; fetch?: string }",
  "const pattern = /Deno.exit(Date)`/; const b = 1;",
  "const biggest = Math.max(1, 2);",
  "const controller = new AbortController();",
  "class Wire { #Date = 1; }",
  "for (const process of host.processes) process.end();",
  "function end(process: SimulatedProcess): void { process.end(); }",
];

Deno.test("whatever touches the world is found below the seam", () => {
  assertLines(checkSeam, "lib/wire/planted.ts", TOUCHING, true);
  assertLines(checkSeam, "lib/wire/planted.ts", HARMLESS, false);
});

Deno.test("what touches the world is free to stand above the seam", () => {
  for (const room of ["lib/platform/deno", "cli", "tests/unit", "scripts"]) {
    assertLines(checkSeam, `${room}/planted.ts`, TOUCHING, false);
  }
  assertLines(checkSeam, "lib/platform/simulated/planted.ts", TOUCHING, true);
});

Deno.test("an exception holds for its file and its name alone", () => {
  for (const { path, name } of WORLDLY_EXCEPTIONS) {
    assertLines(checkSeam, path, [`${name}(tick);`], false);
    assertLines(checkSeam, path, ["setTimeout(tick, 1);"], true);
    assertLines(checkSeam, `${path.slice(0, -3)}_2.ts`, [`${name}(tick);`], true);
  }
});

Deno.test("lib/security may compute with node:crypto and not draw from it", () => {
  const path = "lib/security/planted.ts";
  assertLines(checkSeam, path, ['import { createHash, type Hash } from "node:crypto";'], false);
  assertLines(checkSeam, path, [
    'import { createHash, randomBytes } from "node:crypto";',
    'import { type Hash, webcrypto as web } from "node:crypto";',
    'import * as all from "node:crypto";',
    'import all from "node:crypto";',
    'import { createServer } from "node:https";',
  ], true);
});

/** Violations of the layers by a file of `from` that says `statement`, where all the `to` exist. */
function layerViolations(from: string, statement: string, ...to: string[]): string[] {
  return found(checkLayers, {
    [from]: statement,
    ...Object.fromEntries(to.map((path) => [path, "// there"])),
  });
}

Deno.test("imports that point up or sideways are found, those that point down are not", () => {
  const up: [string, string, string][] = [
    ["lib/wire/planted.ts", "../security/mod.ts", "lib/security/mod.ts"],
    ["lib/base/planted.ts", "../platform/mod.ts", "lib/platform/mod.ts"],
    ["lib/state/planted.ts", "../discovery/mod.ts", "lib/discovery/mod.ts"],
    ["lib/session/planted.ts", "../node/mod.ts", "lib/node/mod.ts"],
    ["lib/node/planted.ts", "../simulate/mod.ts", "lib/simulate/mod.ts"],
    ["lib/node/planted.ts", "../../cli/main.ts", "cli/main.ts"],
    ["lib/node/planted.ts", "../../tests/support/binary.ts", "tests/support/binary.ts"],
    ["lib/platform/planted.ts", "./deno/mod.ts", "lib/platform/deno/mod.ts"],
    ["lib/node/planted.ts", "../platform/deno/mod.ts", "lib/platform/deno/mod.ts"],
    ["lib/mod.ts", "./platform/deno/mod.ts", "lib/platform/deno/mod.ts"],
    ["cli/planted.ts", "../lib/platform/simulated/mod.ts", "lib/platform/simulated/mod.ts"],
    ["lib/platform/deno/planted.ts", "../../wire/mod.ts", "lib/wire/mod.ts"],
    ["lib/platform/deno/planted.ts", "../simulated/mod.ts", "lib/platform/simulated/mod.ts"],
    ["cli/planted.ts", "../scripts/build/targets.ts", "scripts/build/targets.ts"],
    ["lib/node/planted.ts", "../attic/mod.ts", "lib/attic/mod.ts"],
  ];
  for (const [from, specifier, to] of up) {
    for (
      const statement of [
        `import { a } from "${specifier}";`,
        `import type { A } from "${specifier}";`,
        `export * from "${specifier}";`,
        `const { a } = await import("${specifier}");`,
      ]
    ) {
      const result = layerViolations(from, statement, to);
      assertEquals({ from, statement, result: result.filter((at) => at === `${from}:1`).length > 0 }, {
        from,
        statement,
        result: true,
      });
    }
  }
  const down: [string, string, string][] = [
    ["lib/wire/planted.ts", "../base/mod.ts", "lib/base/mod.ts"],
    ["lib/wire/planted.ts", "./framing.ts", "lib/wire/framing.ts"],
    ["lib/wire/deep/planted.ts", "../framing.ts", "lib/wire/framing.ts"],
    ["lib/simulate/planted.ts", "../platform/simulated/mod.ts", "lib/platform/simulated/mod.ts"],
    ["lib/simulate/planted.ts", "../node/mod.ts", "lib/node/mod.ts"],
    ["lib/platform/deno/planted.ts", "../mod.ts", "lib/platform/mod.ts"],
    ["lib/mod.ts", "./node/mod.ts", "lib/node/mod.ts"],
    ["cli/planted.ts", "../lib/mod.ts", "lib/mod.ts"],
    ["cli/planted.ts", "../lib/platform/deno/mod.ts", "lib/platform/deno/mod.ts"],
    ["tests/unit/wire/planted_test.ts", "../../../lib/wire/framing.ts", "lib/wire/framing.ts"],
    ["tests/unit/planted_test.ts", "../../lib/platform/simulated/mod.ts", "lib/platform/simulated/mod.ts"],
  ];
  for (const [from, specifier, to] of down) {
    assertEquals(layerViolations(from, `import { a } from "${specifier}";`, to), []);
  }
});

Deno.test("a room that is entered past its mod.ts is found", () => {
  const inner = "lib/wire/deep/inner.ts";
  assertEquals(layerViolations("lib/session/a.ts", 'import "../wire/framing.ts";', "lib/wire/framing.ts"), [
    "lib/session/a.ts:1",
  ]);
  assertEquals(layerViolations("lib/session/a.ts", 'import "../wire/deep/mod.ts";', "lib/wire/deep/mod.ts"), [
    "lib/session/a.ts:1",
  ]);
  assertEquals(layerViolations("cli/a.ts", 'import "../lib/wire/framing.ts";', "lib/wire/framing.ts"), [
    "cli/a.ts:1",
  ]);
  assertEquals(layerViolations("lib/wire/a.ts", 'import "./deep/inner.ts";', inner), ["lib/wire/a.ts:1"]);
  assertEquals(layerViolations("lib/wire/a.ts", 'import "./deep/mod.ts";', "lib/wire/deep/mod.ts"), []);
});

Deno.test("a side door is open to the files that the table names, and to nobody else", () => {
  for (const { door, usedBy, why } of SIDE_DOORS) {
    assert(why.length > 0);
    for (const path of usedBy) {
      const specifier = `${"../".repeat(path.split("/").length - 1)}${door}`;
      assertEquals(layerViolations(path, `import { a } from "${specifier}";`, door), []);
      const beside = path.replace(/[^/]+$/, "planted.ts");
      assertEquals(layerViolations(beside, `import { a } from "${specifier}";`, door), [`${beside}:1`]);
      const behind = door.replace(/mod\.ts$/, "planted.ts");
      const past = specifier.replace(/mod\.ts$/, "planted.ts");
      assertEquals(layerViolations(path, `import { a } from "${past}";`, behind), [`${path}:1`]);
    }
  }
});

Deno.test("imports of what is not there, not pinned, not compiled or for tests alone are found", () => {
  assertLines(checkLayers, "lib/wire/planted.ts", [
    'import "./gone.ts";',
    'import "npm:left-pad@1.0.0";',
    'import "https://example.org/mod.ts";',
    'import fc from "fast-check";',
    'import { assert } from "@std/assert";',
    "const plugin = await import(name);",
    "const plugin = await import(`./${name}.ts`);",
  ], true);
  assertLines(checkLayers, "tests/unit/planted_test.ts", [
    'import fc from "fast-check";',
    "const url = import.meta.url;",
    "const plugin = await import(name);",
  ], false);
});

Deno.test("files that import each other in a ring are found, also when only types go round", () => {
  const [a, b, c] = ["lib/wire/a.ts", "lib/wire/b.ts", "lib/wire/c.ts"];
  const ring = { [a]: 'import { b } from "./b.ts";', [b]: 'import { c } from "./c.ts";' };
  assertEquals(found(checkCycles, { ...ring, [c]: 'import { a } from "./a.ts";' }), [`${c}:1`]);
  assertEquals(found(checkCycles, { ...ring, [c]: 'export { a, type A } from "./a.ts";' }), [`${c}:1`]);
  for (
    const types of [
      'import type { A } from "./a.ts";',
      'import { type A, type B } from "./a.ts";',
      'import type * as a from "./a.ts";',
      'export type { A } from "./a.ts";',
      'export const c: import("./a.ts").A = 1;',
    ]
  ) assertEquals({ types, found: found(checkCycles, { ...ring, [c]: types }) }, { types, found: [`${c}:1`] });
  assertEquals(found(checkCycles, { [a]: 'import { a } from "./a.ts";' }), [`${a}:1`]);
  // Two ways to the same file are no ring.
  assertEquals(
    found(checkCycles, { ...ring, [c]: "", "lib/wire/d.ts": 'import "./a.ts"; import "./b.ts";' }),
    [],
  );
});

Deno.test("a default export is found in every form", () => {
  assertLines(checkDefaultExports, "cli/planted.ts", [
    "export default class Wire {}",
    "const a = 1; export { a as default };",
    'export { decode as default } from "./codec.ts";',
  ], true);
  assertLines(checkDefaultExports, "cli/planted.ts", [
    "switch (a) { default: break; }",
    "const value = options.default;",
    'import { default as fc } from "fast-check";',
    "export const settings = { default: 1 };",
  ], false);
});

Deno.test("any is found as a type and left alone as a word", () => {
  assertLines(checkAny, "lib/wire/planted.ts", [
    "function decode(bytes: any): void {}",
    "const a = b as any;",
    "const all: any[] = [];",
    "const map = new Map<string, any>();",
    "// deno-lint-ignore no-explicit-any",
    "// deno-lint-ignore-file",
    "// deno-lint-ignore-file -- for reasons",
  ], true);
  assertLines(checkAny, "lib/wire/planted.ts", [
    "// any node may ask",
    "const first = await Promise.any(all);",
    "let any = 0;",
    "any |= byte;",
    "// deno-lint-ignore no-console",
  ], false);
  assertLines(checkAny, "cli/deps/yaml.ts", ["const std = untyped as any;"], false);
});

Deno.test("long files, files without a head and folders without a face are found", () => {
  const long = "// Head.\n" + "const a = 1;\n".repeat(MAX_LINES);
  const tree = new Map([
    ["lib/wire/long.ts", long],
    ["lib/wire/bare.ts", "const a = 1;\n"],
    ["scripts/long", long],
    ["tests/unit/bare_test.ts", "const a = 1;\n"],
    ["docs/long.md", long],
    ["lib/session/mod.ts", "// Head.\n"],
  ]);
  assertEquals(checkFiles(tree).map(({ path }) => path), [
    "lib/wire/long.ts",
    "lib/wire/bare.ts",
    "scripts/long",
  ]);
  assertEquals(checkFaces(tree).map(({ path }) => path), ["lib/wire"]);
});

Deno.test("places and names of one machine are found, parts of other paths are not", () => {
  // Written in parts, since this file is read by the same check.
  const [home, top] = ["/home", "/ro" + "ot"];
  const told = [
    `cd ${home}/alice/hana`,
    `"${top}/.cache"`,
    "see stagehand-7.example",
    `file://${"/wo"}rk/main`,
  ];
  const silent = [
    "ssh://host/path",
    "lib/root/work",
    "$root/scripts",
    "../home/x",
    "a /worker/ of ours",
    "~/home/me",
  ];
  const lines = (texts: string[]) => new Map([["docs/a.md", texts.join("\n")]]);
  assertEquals(checkPlaces(lines(told), ["stagehand-7"]).map(({ line }) => line), [1, 2, 3, 4]);
  assertEquals(checkPlaces(lines(silent), ["stagehand-7"]), []);
});

Deno.test("an export without a docstring is found", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hana-docs-" });
  try {
    await Deno.writeTextFile(
      `${folder}/mod.ts`,
      "// Head.\n\n/** Told. */\nexport const told = 1;\n\nexport function silent(): number {\n  return 1;\n}\n\n" +
        "export type Bare = number;\n",
    );
    const violations = await undocumentedExports(`${folder}/mod.ts`);
    assertEquals(violations.map(({ line, what }) => `${line} ${what.split(" ")[0]}`).sort(), [
      "10 Bare",
      "6 silent",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the scanner keeps its place in every kind of literal", () => {
  const names = (source: string) =>
    tokensOf(source).filter(({ kind }) => kind === "name").map(({ text }) => text);
  assertEquals(names("`a ${b + `${c}` + { d: 1 }.d} e` + f"), ["b", "c", "d", "d", "f"]);
  assertEquals(names("x = /[/`'\"]/g.test(y) ? 'it\\'s' : z / 2 / w"), ["x", "test", "y", "z", "w"]);
  assertEquals(names("#!/usr/bin/env x\nconst a = 1; // b\n/* c\nd */ e"), ["const", "a", "e"]);
  assertEquals(
    tokensOf("a\n/*\n*/\n`\n${b}\n`\nc").filter(({ kind }) => kind === "name").map(({ line }) => line),
    [
      1,
      5,
      7,
    ],
  );
  // A file that ends in the middle of anything ends the scan, not the scanner.
  for (const cut of ["`a ${", "`a", "'a", "/* a", "/a[", "a ? /"]) {
    assertEquals(Array.isArray(tokensOf(cut)), true);
  }
});

Deno.test("the checkout that is checked is the one that holds this test", () => {
  assertEquals(
    new URL("checks_test.ts", import.meta.url).pathname,
    `${root}/tests/architecture/checks_test.ts`,
  );
});
