import { assertEquals } from "@std/assert";
import { withStableNames } from "../../../scripts/build/bundle.ts";

Deno.test("files of a bundle are named by what they hold, not by the hashes of their makers", () => {
  const made = (one: string, two: string, late: string) =>
    new Map([
      [
        "main.js",
        `import "./chunk-${one}.js";\nimport "./chunk-${two}.js";\nawait import("./late-${late}.js");`,
      ],
      [`chunk-${two}.js`, "export const b = 2;"],
      [`chunk-${one}.js`, `export const a = "chunk-ABCDEFGH.js";`],
      [`late-${late}.js`, `import "./chunk-${one}.js";`],
    ]);
  const sorted = (files: Map<string, string>) => [...withStableNames(files)].sort();
  const first = sorted(made("AAAAAAA1", "BBBBBBB2", "CCCCCCC3"));
  assertEquals(first, sorted(made("ZZZZZZZ9", "YYYYYYY8", "XXXXXXX7")));
  assertEquals(first, [
    ["chunk-1.js", 'export const a = "chunk-ABCDEFGH.js";'],
    ["chunk-2.js", "export const b = 2;"],
    ["late-1.js", 'import "./chunk-1.js";'],
    ["main.js", 'import "./chunk-1.js";\nimport "./chunk-2.js";\nawait import("./late-1.js");'],
  ]);
});
