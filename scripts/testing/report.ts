// What a run of `deno test` came to, from its JUnit file, its output and its exit code.
// Decides what counts as failed. The JUnit file alone does not tell: errors outside of a test, files that could not be
// loaded and a crash of the runner are missing in it.
// Never trusts a green file from a runner that did not end well.

/** One test that is not plainly passed. */
export interface Finding {
  readonly name: string;
  readonly file: string;
  readonly why: string;
}

/** What a stage came to. */
export interface Report {
  readonly passed: number;
  readonly failed: readonly Finding[];
  readonly skipped: readonly Finding[];
}

/** A test that needs something of the machine. */
export interface NeedyTest {
  readonly name: string;
  /** The test file, as a path from the checkout. */
  readonly file: string;
  /** Why it was skipped; null when it ran. */
  readonly reason: string | null;
}

/** How the runner ended. */
export interface Ending {
  /** The JUnit file's text; null when there is none. */
  readonly junit: string | null;
  /** Everything the runner wrote, without colours. */
  readonly output: string;
  readonly code: number;
  /** Why it was ended from outside, if it was. */
  readonly killed: string | null;
  /** Whether a test's name was asked for. Deno writes the others into the JUnit file as skipped. */
  readonly isWanted: (name: string) => boolean;
  /** Tests with needs, by name, as `skippable` logged them. */
  readonly needy: ReadonlyMap<string, NeedyTest>;
}

/** A line that Deno prints for a file in which something threw outside of any test. */
const UNCAUGHT = /^(\S.*) \(uncaught error\)$/gm;

/** The reason of a test that was ignored without `skippable`. */
export const NO_REASON = "ignored without a reason";

/** Puts a run's verdict together. */
export function reportOf(ending: Ending): Report {
  const failed: Finding[] = [];
  const skipped: Finding[] = [];
  let passed = 0;
  const uncaught = new Set(Array.from(ending.output.matchAll(UNCAUGHT), (match) => pathOf(match[1] ?? "")));
  for (const file of uncaught) failed.push({ name: "(outside of a test)", file, why: "uncaught error" });

  for (const suite of suitesOf(ending.junit ?? "")) {
    for (const test of suite.tests) {
      const needy = ending.needy.get(test.name);
      const finding = { name: test.name, file: needy?.file ?? suite.file };
      if (test.failure !== null) {
        failed.push({ ...finding, why: test.failure });
      } else if (!test.skipped) {
        // After an uncaught error Deno lists tests that never ran like ones that passed.
        if (!uncaught.has(finding.file)) passed++;
      } else if (ending.isWanted(test.name)) {
        skipped.push({ ...finding, why: needy?.reason ?? NO_REASON });
      }
    }
  }

  // A runner that was killed or could not load a file ends without a JUnit file: one failure, as what did not run
  // cannot be counted.
  if (ending.killed !== null) {
    failed.push({ name: "(the test runner)", file: "", why: ending.killed });
  } else if (ending.junit === null) {
    failed.push({
      name: "(the test runner)",
      file: "",
      why: `ended with code ${ending.code} and no results`,
    });
  }
  if (ending.code !== 0 && failed.length === 0) {
    failed.push({ name: "(the test runner)", file: "", why: `ended with code ${ending.code}` });
  }
  return { passed, failed, skipped };
}

interface Suite {
  readonly file: string;
  readonly tests: { readonly name: string; readonly failure: string | null; readonly skipped: boolean }[];
}

/** Reads the JUnit files that Deno writes, and no others. Steps belong to their test and are not counted. */
function suitesOf(junit: string): Suite[] {
  const suites: Suite[] = [];
  for (
    const [, name = "", body = ""] of junit.matchAll(
      /<testsuite name="([^"]*)"[^>]*>([\s\S]*?)<\/testsuite>/g,
    )
  ) {
    const names = new Set<string>();
    const tests: Suite["tests"] = [];
    for (const found of body.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
      const test = unescape(found[1] ?? "");
      const inside = found[2] ?? "";
      const isStep = ancestorsOf(test).some((ancestor) => names.has(ancestor));
      names.add(test);
      const failure = /<failure message="([^"]*)"/.exec(inside);
      const isSkipped = inside.includes("<skipped/>");
      // A step that failed fails its test too; one that was ignored would vanish, so it is told.
      if (!isStep || isSkipped) {
        tests.push({
          name: test,
          failure: failure === null ? null : unescape(failure[1] ?? ""),
          skipped: isSkipped,
        });
      }
    }
    suites.push({ file: pathOf(unescape(name)), tests });
  }
  return suites;
}

/** `a > b > c` is a step of `a > b` and of `a`. */
function ancestorsOf(name: string): string[] {
  const parts = name.split(" > ");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join(" > "));
}

function pathOf(name: string): string {
  return name.replace(/^\.\//, "");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });
}
