// Specifications of programs: what is filled in, what is refused, and by which name.

import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { SPEC_DEFAULTS } from "../../../../lib/supervision/model/mod.ts";
import {
  checkProgramName,
  defaultSpec,
  diffSpecs,
  expandEnvironment,
  isProgramName,
  MAX_ARGV_ITEMS,
  MAX_ENV_ENTRIES,
  programNameOf,
  readSpec,
} from "../../../../lib/supervision/spec/mod.ts";

/** Everything said, and nothing as it is by default. */
const FULL = {
  argv: ["./aurora", "--display", "", "größer"],
  cwd: "/srv/show",
  env: { GAIN: "0.5", EMPTY: "" },
  restart: "on-failure",
  backoffCapUs: 60_000_000,
  giveUp: { after: 10, withinUs: 300_000_000 },
  graceUs: 0,
  startUs: 30_000_000,
  heartbeatUs: 500_000,
  hang: { warnUs: 3_000_000, killUs: 9_000_000, stallUs: 1_000_000, stall: "restart" },
  ready: { kind: "tcp", port: 8080 },
  successCodes: [0, 7],
  fatalCodes: [2, 64],
  fallback: { after: 3, argv: ["slate"] },
  memoryMaxBytes: 6 * 2 ** 30,
  niceness: 5,
  display: "left wall",
  gpu: "0",
  needs: { projector: "started", media: "done", "media.2": "ready" },
  bind: true,
  sha256: { "linux-x64": "a".repeat(64) },
  logs: { rotateBytes: 1 << 20, keep: 3 },
  boot: "ask",
  keepChildren: ["^steam", "crash(pad|report)"],
} as const;

function refusal(value: unknown): HanaError {
  const error = assertThrows(() => readSpec(value));
  assertInstanceOf(error, HanaError);
  return error as HanaError;
}

Deno.test("a command line alone gets every default", () => {
  assertEquals(readSpec({ argv: ["aurora"] }), { argv: ["aurora"], ...SPEC_DEFAULTS });
  assertEquals(defaultSpec(["aurora"]), readSpec({ argv: ["aurora"], cwd: undefined, giveUp: null }));
});

Deno.test("a specification that says everything is read as it is, and what was read can be read again", () => {
  const spec = readSpec(FULL);
  assertEquals(spec, FULL as unknown as typeof spec);
  for (const value of [FULL, { argv: ["a"], heartbeatUs: 60_000_000 }, { argv: ["a"], successCodes: [64] }]) {
    const once = readSpec(value);
    assertEquals(readSpec(JSON.parse(JSON.stringify(once))), once);
  }
});

Deno.test("limits of silence grow with a slow heartbeat, and a code that is success is not fatal by default", () => {
  const spec = readSpec({ argv: ["a"], heartbeatUs: 2_000_000, successCodes: [78] });
  assertEquals(spec.hang, { warnUs: 4_000_000, killUs: 12_000_000, stallUs: 2_000_000, stall: "alert" });
  assertEquals([spec.successCodes, spec.fatalCodes], [[0, 78], [64, 126, 127]]);
});

Deno.test("an unknown field is refused with the name that was meant", () => {
  const error = refusal({ argv: ["a"], grace: 5 });
  assertEquals(error.code, "schema");
  assertStringIncludes(error.what, '"grace"');
  assertEquals(refusal({ argv: ["a"], restrat: "always" }).hint, "did you mean restart?");
  assertEquals(refusal({ argv: ["a"], hang: { warnus: 1 } }).hint, "did you mean warnUs?");
  assertEquals(refusal({ argv: ["a"], restart: "allways" }).hint, "did you mean always?");
});

Deno.test("every refusal names the field and has a code for its kind", () => {
  const long = "x".repeat(128 * 1024);
  const cases: readonly [string, "schema" | "config", Record<string, unknown>][] = [
    ["argv", "schema", { argv: [] }],
    ["argv", "schema", { argv: "aurora" }],
    ["argv[0]", "schema", { argv: [""] }],
    ["argv[1]", "schema", { argv: ["a", 1] }],
    ["argv[1]", "schema", { argv: ["a", "nul\0"] }],
    ["argv[1]", "schema", { argv: ["a", "half \ud800"] }],
    ["argv", "schema", { argv: Array(MAX_ARGV_ITEMS + 1).fill("a") }],
    ["argv[0]", "schema", { argv: [long + "x"] }],
    ["argv", "schema", { argv: ["a", long.slice(0, -1)] }],
    ["cwd", "schema", { cwd: "" }],
    ["env", "schema", { env: [] }],
    ["env", "schema", { env: { "A B": "" } }],
    ["env", "schema", { env: { "1A": "" } }],
    ["env", "schema", JSON.parse('{"env":{"__proto__":"x"}}')],
    ["env.A", "schema", { env: { A: 1 } }],
    ["env.A", "schema", { env: { A: "\0" } }],
    ["env.HANA_TOKEN", "config", { env: { HANA_TOKEN: "x" } }],
    ["env.hana_token", "config", { env: { hana_token: "x" } }],
    ["env.NOTIFY_SOCKET", "config", { env: { NOTIFY_SOCKET: "x" } }],
    ["env", "schema", { env: { A: "x".repeat(32 * 1024), B: "x".repeat(32 * 1024) } }],
    ["restart", "schema", { restart: true }],
    ["backoffCapUs", "schema", { backoffCapUs: 0 }],
    ["giveUp.after", "schema", { giveUp: { after: 0, withinUs: 1_000_000 } }],
    ["giveUp.withinUs", "schema", { giveUp: { after: 1 } }],
    ["graceUs", "schema", { graceUs: -1 }],
    ["graceUs", "schema", { graceUs: 1.5 }],
    ["graceUs", "schema", { graceUs: "5s" }],
    ["graceUs", "schema", { graceUs: null }],
    ["startUs", "schema", { startUs: 1e300 }],
    ["heartbeatUs", "schema", { heartbeatUs: NaN }],
    ["hang.warnUs", "config", { hang: { warnUs: 1_000_000 } }],
    ["hang.killUs", "config", { hang: { warnUs: 3_000_000, killUs: 3_000_000 } }],
    ["hang.stall", "schema", { hang: { stall: "reboot" } }],
    ["ready.kind", "schema", { ready: {} }],
    ["ready.port", "schema", { ready: { kind: "tcp", port: 0 } }],
    ["ready", "schema", { ready: { kind: "auto", port: 1 } }],
    ["ready.text", "schema", { ready: { kind: "line", text: "a\nb" } }],
    ["successCodes[0]", "schema", { successCodes: [-1] }],
    ["fatalCodes", "config", { fatalCodes: [0] }],
    ["fatalCodes", "config", { fatalCodes: [3], successCodes: [3] }],
    ["fallback.argv", "schema", { fallback: { after: 1 } }],
    ["memoryMaxBytes", "schema", { memoryMaxBytes: 5 }],
    ["niceness", "schema", { niceness: -5 }],
    ["display", "schema", { display: "a\nb" }],
    ["needs", "schema", { needs: { "No Name": "ready" } }],
    ["needs.media", "schema", { needs: { media: "up" } }],
    ["bind", "schema", { bind: 1 }],
    ["sha256.linux-x64", "schema", { sha256: { "linux-x64": "abc" } }],
    ["sha256", "schema", { sha256: { linux: "a".repeat(64) } }],
    ["logs.keep", "schema", { logs: { keep: 0 } }],
    ["boot", "schema", { boot: null }],
    ["keepChildren[0]", "config", { keepChildren: ["("] }],
    ["keepChildren[0]", "config", { keepChildren: ["(a+)+$"] }],
    ["keepChildren[0]", "schema", { keepChildren: ["a".repeat(129)] }],
  ];
  for (const [path, code, value] of cases) {
    const error = refusal({ argv: ["a"], ...value });
    assertEquals(error.code, code, `${path}: ${error.message}`);
    assertStringIncludes(error.what, path, error.message);
    assert((error.why ?? "").length > 0, `${path} without a reason`);
    assert(error.message.length < 600, `${path}: a message of ${error.message.length} characters`);
  }
  const many = Object.fromEntries(Array.from({ length: MAX_ENV_ENTRIES + 1 }, (_, i) => [`A${i}`, ""]));
  assertStringIncludes(refusal({ argv: ["a"], env: many }).what, "env");
});

Deno.test("what is no table at all is refused", () => {
  for (const value of [null, undefined, 1, "argv", [], true, () => {}, Symbol("x"), 1n]) {
    assertEquals(refusal(value).code, "schema");
  }
  assertStringIncludes(refusal({}).what, "argv cannot be missing");
});

Deno.test("the bounds themselves are allowed", () => {
  const argv = Array<string>(MAX_ARGV_ITEMS).fill("a");
  assertEquals(readSpec({ argv }).argv.length, MAX_ARGV_ITEMS);
  assertEquals(readSpec({ argv: ["x".repeat(128 * 1024 - 1)] }).argv[0]?.length, 128 * 1024 - 1);
  const env = Object.fromEntries(Array.from({ length: MAX_ENV_ENTRIES }, (_, i) => [`A${i}`, ""]));
  assertEquals(Object.keys(readSpec({ argv: ["a"], env }).env).length, MAX_ENV_ENTRIES);
});

Deno.test("no change of a good specification makes the reader throw anything but a refusal", () => {
  const json = fc.jsonValue();
  const keys = Object.keys(FULL) as (keyof typeof FULL)[];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.oneof(fc.anything(), json), (key, value) => {
      accepts({ ...FULL, [key]: value });
    }),
    { numRuns: 2_000 },
  );
  // One level deeper: every part of every table and list.
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.nat(), fc.oneof(fc.anything(), json), (key, at, value) => {
      const part: unknown = FULL[key];
      if (Array.isArray(part)) {
        const changed: unknown[] = [...part];
        changed[at % (part.length + 1)] = value;
        accepts({ ...FULL, [key]: changed });
      } else if (typeof part === "object") {
        const names = [...Object.keys(part as object), "x", "__proto__", "A"];
        const name = names[at % names.length] ?? "x";
        const changed = { ...part as object };
        Object.defineProperty(changed, name, { value, enumerable: true });
        accepts({ ...FULL, [key]: changed });
      }
    }),
    { numRuns: 3_000 },
  );
  fc.assert(fc.property(fc.anything(), (value) => {
    accepts(value);
  }));
});

/** Reads; what is accepted must be whole and readable again, what is not a HanaError of the two codes. */
function accepts(value: unknown): void {
  try {
    const spec = readSpec(value);
    assertEquals(Object.keys(spec).sort(), ["argv", ...Object.keys(SPEC_DEFAULTS)].sort());
    assertEquals(readSpec(JSON.parse(JSON.stringify(spec))), spec);
  } catch (error) {
    assertInstanceOf(error, HanaError, String(error));
    assert(error.code === "schema" || error.code === "config", error.code);
  }
}

Deno.test("differences are told field by field, and equal specifications have none", () => {
  const before = readSpec(FULL);
  assertEquals(diffSpecs(before, readSpec(FULL)), []);
  const after = readSpec({
    ...FULL,
    argv: ["./aurora", "--new"],
    env: { GAIN: "0.7" },
    giveUp: null,
    hang: { ...FULL.hang, stall: "alert" },
  });
  assertEquals(diffSpecs(before, after), [
    'argv: ["./aurora","--display","","größer"] -> ["./aurora","--new"]',
    'env.EMPTY: "" -> none',
    'env.GAIN: "0.5" -> "0.7"',
    'giveUp: {"after":10,"withinUs":300000000} -> none',
    'hang.stall: "restart" -> "alert"',
  ]);
  const crowd = (value: string): Record<string, string> =>
    Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`V${i}`, value.repeat(300)]));
  const lines = diffSpecs(
    readSpec({ argv: ["a"], env: crowd("a") }),
    readSpec({ argv: ["a"], env: crowd("b") }),
  );
  assertEquals([lines.length, lines.at(-1)], [32, "and 169 more"]);
  assert(lines.every((line) => line.length < 200));
});

Deno.test("names of programs are one shell word and one folder on every system", () => {
  for (const name of ["a", "aurora", "aurora-2", "9.beta_x", "x".repeat(63)]) {
    assertEquals(checkProgramName(name), name);
  }
  const bad = [
    "",
    "A",
    "-a",
    ".a",
    "a b",
    "ä",
    "a/b",
    "..",
    "a.",
    "con",
    "nul.txt",
    "x".repeat(64),
    5,
    null,
    {},
  ];
  for (const name of bad) {
    const error = assertThrows(() => checkProgramName(name, "--name"));
    assertInstanceOf(error, HanaError);
    assertStringIncludes(error.message, "--name");
  }
});

Deno.test("a command line gives a usable name", () => {
  const cases: readonly [string, string][] = [
    ["./aurora", "aurora"],
    ["/opt/My Show/Aurora.AppImage", "aurora"],
    ["C:\\Shows\\Big Wall.exe", "big-wall"],
    ["viz.py", "viz"],
    ["...", "program"],
    ["/", "program"],
    ["日本", "program"],
    ["con.exe", "program"],
    ["a..", "a"],
  ];
  for (const [file, name] of cases) assertEquals(programNameOf([file]), name, file);
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), fc.string(), (units, text) => {
    const file = String.fromCharCode(...units) + text;
    assert(isProgramName(programNameOf([file])), file);
  }));
});

Deno.test("the environment has display and GPU, and hana's own variables win", () => {
  const spec = readSpec({ argv: ["a"], env: { A: "1" }, display: "left", gpu: "1" });
  assertEquals(expandEnvironment(spec, { HANA_RUN: "7", HANA_DISPLAY: "right" }), {
    A: "1",
    HANA_DISPLAY: "right",
    HANA_GPU: "1",
    HANA_RUN: "7",
  });
  assertEquals(expandEnvironment(defaultSpec(["a"]), {}), {});
});
