import { assertEquals } from "@std/assert";
import { type Ending, NO_REASON, reportOf } from "../../../scripts/testing/report.ts";

/** A JUnit file as Deno writes it. */
function junit(file: string, ...cases: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="deno test" tests="1">\n` +
    `    <testsuite name="./${file}" tests="1" disabled="0" errors="0" failures="0">\n${cases.join("\n")}\n` +
    "    </testsuite>\n</testsuites>\n";
}

function testcase(name: string, inside = ""): string {
  return `<testcase name="${name}" classname="./a_test.ts" time="0.000" line="1" col="6">\n${inside}\n</testcase>`;
}

const FAILURE =
  '<failure message="Uncaught Error: x &lt;y&gt;">Error: x &lt;y&gt;\n    at file:///a.ts:1:1</failure>';

function ended(change: Partial<Ending>): ReturnType<typeof reportOf> {
  return reportOf({
    junit: null,
    output: "",
    code: 0,
    killed: null,
    isWanted: () => true,
    needy: new Map(),
    ...change,
  });
}

Deno.test("tests are counted once each, steps with their test", () => {
  const report = ended({
    code: 1,
    junit: junit(
      "tests/unit/a_test.ts",
      testcase("plain &amp; &quot;odd&quot;"),
      testcase("steps", '<failure message="1 test step failed">1 test step failed.</failure>'),
      testcase("steps &gt; one"),
      testcase("steps &gt; two", FAILURE),
      testcase("a &gt; b"),
    ),
  });
  assertEquals(report, {
    passed: 2,
    failed: [{ name: "steps", file: "tests/unit/a_test.ts", why: "1 test step failed" }],
    skipped: [],
  });
});

Deno.test("a skipped test tells its reason and its own file", () => {
  const needy = { name: "needs root", file: "tests/e2e/a_test.ts", reason: "needs root" };
  const report = ended({
    junit: junit(
      "tests/support/requirement.ts",
      testcase("needs root", "<skipped/>"),
      testcase("silent", "<skipped/>"),
    ),
    needy: new Map([[needy.name, needy]]),
  });
  assertEquals(report.skipped, [
    { name: "needs root", file: "tests/e2e/a_test.ts", why: "needs root" },
    { name: "silent", file: "tests/support/requirement.ts", why: NO_REASON },
  ]);
});

Deno.test("tests that a filter left out are not told as skipped", () => {
  const file = junit("tests/unit/a_test.ts", testcase("wanted"), testcase("other", "<skipped/>"));
  const report = ended({ junit: file, isWanted: (name) => name === "wanted" });
  assertEquals(report, { passed: 1, failed: [], skipped: [] });
});

Deno.test("an error outside of a test fails its file, whose tests do not count as passed", () => {
  const report = ended({
    code: 1,
    junit: junit("tests/unit/a_test.ts", testcase("never ran")),
    output:
      "Uncaught error from ./tests/unit/a_test.ts FAILED\n\n./tests/unit/a_test.ts (uncaught error)\nerror: x\n\n" +
      "./tests/unit/a_test.ts (uncaught error)\n",
  });
  assertEquals(report.passed, 0);
  assertEquals(report.failed.map(({ file }) => file), ["tests/unit/a_test.ts"]);
});

Deno.test("a runner that ends without results, is ended, or fails for no told reason is a failure", () => {
  const green = junit("tests/unit/a_test.ts", testcase("fine"));
  assertEquals(ended({ code: 1 }).failed.length, 1);
  assertEquals(ended({ code: 0 }).failed.length, 1);
  assertEquals(ended({ code: 143, killed: "took longer than 5 s" }).failed.map(({ why }) => why), [
    "took longer than 5 s",
  ]);
  assertEquals(ended({ code: 1, junit: green }).failed.length, 1);
  assertEquals(ended({ code: 0, junit: green }), { passed: 1, failed: [], skipped: [] });
});
