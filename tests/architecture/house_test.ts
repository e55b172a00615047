// Holds the project to its architecture by reading its source. The rules are in checks.ts, their tables in house.ts;
// that the checks find what they should is tested in checks_test.ts.

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
import { readTree, root, sourcesOf, type Violation } from "./tree.ts";

const tree = readTree();
const sources = sourcesOf(tree);

/** Fails with a line a violation, as an editor can jump to it. */
function assertNone(violations: readonly Violation[]): void {
  assertEquals(violations.map(({ path, line, what }) => `${path}:${line} ${what}`), []);
}

Deno.test("the checks see the whole project", () => {
  for (const room of ["lib/base/", "lib/platform/", "cli/", "scripts/", "tests/"]) {
    assert(sources.some(({ path }) => path.startsWith(room)), `no file of ${room} was read`);
  }
  const imports = sources.flatMap((source) => source.imports);
  assert(imports.length > sources.length, "the checks see fewer imports than files: the scanner is broken");
});

Deno.test("only the real platform, the command line, tests and scripts touch the world", () => {
  assertNone(checkSeam(sources));
});

Deno.test("imports point down and enter a room by its mod.ts", () => {
  assertNone(checkLayers(sources));
});

Deno.test("no file imports itself by way of others", () => {
  assertNone(checkCycles(sources));
});

Deno.test("nothing is exported as default", () => {
  assertNone(checkDefaultExports(sources));
});

Deno.test("any stands nowhere but in wrappers of untyped packages", () => {
  assertNone(checkAny(sources));
});

Deno.test("files are short and begin by saying what they are for", () => {
  assertNone(checkFiles(tree));
});

Deno.test("every folder of lib has a mod.ts", () => {
  assertNone(checkFaces(tree));
});

Deno.test("nothing tells where it was made", () => {
  const own = [root, Deno.hostname(), Deno.env.get("HOME") ?? ""];
  // Short names like "/" and plain words like "machine" stand in any text.
  assertNone(checkPlaces(tree, own.filter((name) => name.length >= 6 && /[\d./-]/.test(name))));
});

Deno.test("everything that lib and its rooms export is documented", async () => {
  const faces = [...tree.keys()].filter((path) => path === "lib/mod.ts" || /^lib\/.*\/mod\.ts$/.test(path));
  assert(faces.includes("lib/mod.ts"), "lib/mod.ts, the public face, does not exist");
  assertNone((await Promise.all(faces.map(undocumentedExports))).flat());
});
