// Manifests as people write them: what is read, and what is said of every mistake, where it stands.

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { manifestSchema, MAX_TOLD_PROBLEMS } from "../../../../lib/supervision/manifest/mod.ts";
import { PROGRAM_FIELDS } from "../../../../lib/supervision/manifest/fields.ts";
import { readSpec, SPEC_DEFAULTS } from "../../../../lib/supervision/mod.ts";
import { HEAD, manifestOf, problemsOf, read } from "./support.ts";

const EXAMPLE = Deno.readTextFileSync(new URL("../../../../docs/examples/show.yaml", import.meta.url));

Deno.test("the example of the documentation is read as it is meant", () => {
  const { show, hosts, programs, groups } = manifestOf(EXAMPLE);
  assertEquals(show, "spring-tour");
  assertEquals([...hosts?.values() ?? []].map(({ name, tags }) => `${name} ${tags}`), [
    "stage-left wall",
    "stage-right wall",
    "foh desk",
  ]);
  const aurora = programs.get("aurora");
  assertEquals(aurora?.spec.argv, ["./aurora", "--scene", "intro"]);
  assertEquals(aurora?.spec.graceUs, 5_000_000);
  assertEquals(aurora?.spec.memoryMaxBytes, 6 * 2 ** 30);
  assertEquals(aurora?.spec.display, "1");
  assertEquals(aurora?.spec.fallback, { after: 3, argv: ["hana-slate", "--black"] });
  assertEquals([...aurora?.needs ?? []].map(([name, { milestone }]) => `${name} ${milestone}`), [
    "tracker ready",
  ]);
  assertEquals(aurora?.on.map(({ kind, text }) => `${kind} ${text}`), ["tag wall"]);
  assertEquals(programs.get("tracker")?.spec.ready, { kind: "tcp", port: 7000 });
  assertEquals(programs.get("slate")?.on, []);
  assertEquals(programs.get("cues")?.spec.boot, "ask");
  assertEquals(groups.get("wall")?.start, "together");
});

Deno.test("every field of a program is read into its specification, from JSON too", () => {
  const text = JSON.stringify(
    {
      hana: 1,
      show: "tour",
      hosts: ["a", "b"],
      programs: {
        base: { run: ["base"], on: "*" },
        viz: {
          run: ["./viz", ""],
          on: ["a", "b"],
          once: true,
          restart: "on-failure",
          cwd: "/shows",
          env: { A: "1" },
          display: ":0",
          gpu: 1,
          memory_max: "512MiB",
          nice: 5,
          grace: "1m30s",
          start_timeout: "20s",
          heartbeat: "500ms",
          backoff_cap: "30s",
          hang: { warn: "1s", kill: "4s", frozen: "3s", stall: "restart" },
          ready: { line: "ready" },
          success_codes: [3],
          fatal_codes: [9],
          give_up: { after: 10, within: "5m" },
          fallback: { run: ["slate", "--black"] },
          needs: ["base"],
          bind: true,
          sha256: { "linux-x64": "AB".repeat(32) },
          logs: { rotate: "1MiB", keep: 2 },
          boot: "ask",
          keep_children: ["helper.*"],
        },
      },
    },
    null,
    "\t",
  );
  const { programs } = manifestOf(text);
  const viz = programs.get("viz");
  assertEquals(viz?.want, "once");
  const { needs: _needs, ...spec } = viz?.spec ?? { ...SPEC_DEFAULTS, argv: [""] as const };
  assertEquals(spec, {
    argv: ["./viz", ""],
    restart: "on-failure",
    cwd: "/shows",
    env: { A: "1" },
    display: ":0",
    gpu: "1",
    memoryMaxBytes: 512 * 2 ** 20,
    niceness: 5,
    graceUs: 90_000_000,
    startUs: 20_000_000,
    heartbeatUs: 500_000,
    backoffCapUs: 30_000_000,
    hang: { warnUs: 1_000_000, killUs: 4_000_000, stallUs: 3_000_000, stall: "restart" },
    ready: { kind: "line", text: "ready" },
    successCodes: [0, 3],
    fatalCodes: [9],
    giveUp: { after: 10, withinUs: 300_000_000 },
    fallback: { after: 3, argv: ["slate", "--black"] },
    bind: true,
    sha256: { "linux-x64": "ab".repeat(32) },
    logs: { rotateBytes: 2 ** 20, keep: 2 },
    boot: "ask",
    keepChildren: ["helper.*"],
  });
  // Nothing that a specification can say is missing from manifests.
  const specs = Object.values(PROGRAM_FIELDS).map(({ spec: each }) => each);
  const missing = Object.keys(SPEC_DEFAULTS).filter((key) =>
    key !== "needs" && !specs.some((each) => each === key)
  );
  assertEquals(missing, []);
});

Deno.test("defaults hold for programs that say nothing else, and for parts that are used again", () => {
  const { programs } = manifestOf(`${HEAD}
defaults: { on: "*", grace: 2s, fallback: { run: slate } }
programs:
  slate: { run: [slate], on: [] }
  a: { run: &args [viz, --full], grace: 3s }
  b: { run: *args }
`);
  assertEquals(programs.get("a")?.spec.graceUs, 3_000_000);
  assertEquals(programs.get("b")?.spec.graceUs, 2_000_000);
  assertEquals(programs.get("b")?.spec.argv, ["viz", "--full"]);
  assertEquals(programs.get("b")?.spec.fallback?.argv, ["slate"]);
  // What stands in for the others does not stand in for itself.
  assertEquals(programs.get("slate")?.spec.fallback, null);
});

/** What is written, and what is said of it. */
const MISTAKES: readonly (readonly [string, string, readonly string[]])[] = [
  ["an unknown field", `${HEAD}programs:\n  a: { run: [a], on: "*", restrat: always }\n`, [
    '4:27 programs.a has no field "restrat" | did you mean restart? | restart:',
  ]],
  ["an unknown field at the top", `${HEAD}progams: {}\nprograms: {}\n`, [
    '3:1 a manifest has no field "progams" | did you mean programs? | programs:',
  ]],
  ["a name twice", `${HEAD}programs:\n  a: { run: [a], on: "*" }\n  a: { run: [b], on: "*" }\n`, [
    "5:3 programs.a stands there twice | the first one is in line 4 | keep one of them",
  ]],
  ["a field twice", `${HEAD}programs:\n  a:\n    run: [a]\n    on: "*"\n    run: [b]\n`, [
    "7:5 programs.a.run stands there twice | the first one is in line 5 | keep one of them",
  ]],
  ["a command line as one text", `${HEAD}programs:\n  a: { run: ./a --full, on: "*" }\n`, [
    '4:13 programs.a.run cannot be "./a --full" | it must be a list of words: no shell is used | ["./a", "--full"]',
  ]],
  ["a duration without its unit", `${HEAD}programs:\n  a: { run: [a], on: "*", grace: 5 }\n`, [
    "4:34 programs.a.grace cannot be 5 | it must be a duration with its unit: us, ms, s, m, h or d | 5s",
  ]],
  ["a duration that is too long", `${HEAD}programs:\n  a: { run: [a], on: "*", grace: 2d }\n`, [
    '4:34 programs.a.grace cannot be "2d" | it must be a duration from 0s to 10m | ',
  ]],
  ["a size in no unit that there is", `${HEAD}programs:\n  a: { run: [a], on: "*", memory_max: 6gib }\n`, [
    '4:39 programs.a.memory_max cannot be "6gib" | it must be a size, such as 512MiB or 6GiB | 6GiB',
  ]],
  ["a size that is too small", `${HEAD}programs:\n  a: { run: [a], on: "*", memory_max: 6B }\n`, [
    '4:39 programs.a.memory_max cannot be "6B" | it must be a size from 1MiB to 1024TiB | ',
  ]],
  ["a number where a text belongs", `${HEAD}programs:\n  a: { run: [a], on: "*", env: { SEED: 42 } }\n`, [
    '4:40 programs.a.env.SEED cannot be 42 | it must be a text | in quotes: "42"',
  ]],
  ["a wrong word", `${HEAD}programs:\n  a: { run: [a], on: "*", restart: alwys }\n`, [
    '4:36 programs.a.restart cannot be "alwys" | it must be one of always, on-failure, never | did you mean always?',
  ]],
  ["a name that no program can have", `${HEAD}programs:\n  My Viz: { run: [a], on: "*" }\n`, [
    '4:3 a program cannot be called "My Viz" | a name has 1 to 63 of a-z, 0-9, . _ and -, begins with a letter or a ' +
    "digit, ends with no dot | my-viz:",
  ]],
  ["a program without a command line", `${HEAD}programs:\n  a: { on: "*" }\n`, [
    '4:3 programs.a lacks run | it is the program and its arguments | run: ["./viz"]',
  ]],
  ["a program that says nowhere", `${HEAD}programs:\n  a: { run: [a] }\n`, [
    "4:3 programs.a lacks on | it says where the program runs: a host, tag:TAG, a group, or * for every host; [] for " +
    'nowhere by itself | on: ["*"]',
  ]],
  [
    "needs in a circle",
    `${HEAD}programs:\n  a: { run: [a], on: "*", needs: [b] }\n  b: { run: [b], on: "*", needs: { a: ready } }\n`,
    [
      "4:35 a would wait for itself | a needs b needs a | leave one of them out",
    ],
  ],
  ["a need of itself", `${HEAD}programs:\n  a: { run: [a], on: "*", needs: [a] }\n`, [
    "4:35 a cannot need itself |  | leave it out",
  ]],
  [
    "a need that is unknown",
    `${HEAD}programs:\n  tracker: { run: [a], on: "*" }\n  a: { run: [a], on: "*", needs: { traker: ready } }\n`,
    [
      '5:36 programs.a.needs: there is no program "traker" | did you mean tracker? | tracker',
    ],
  ],
  [
    "a need of what runs nowhere",
    `${HEAD}programs:\n  s: { run: [s], on: [] }\n  a: { run: [a], on: "*", needs: [s] }\n`,
    [
      "5:35 a would wait for s for ever | s runs nowhere by itself (on: []) | ",
    ],
  ],
  ["a host that is unknown", `${HEAD}hosts: [stage-left]\nprograms:\n  a: { run: [a], on: stage-lef }\n`, [
    '5:22 a: there is no host "stage-lef" | did you mean stage-left? | stage-left',
  ]],
  [
    "a tag that no host has",
    `${HEAD}hosts: { x: { tags: [wall] } }\nprograms:\n  a: { run: [a], on: "tag:wal" }\n`,
    [
      '5:22 a: no host has the tag "wal" | did you mean wall? | tag:wall',
    ],
  ],
  ["a choice that there is not", `${HEAD}programs:\n  a: { run: [a], on: "@least" }\n`, [
    '4:22 programs.a.on cannot be "@least" | it must be @least-loaded | the only choice of its kind',
  ]],
  [
    "a safe look that is unknown",
    `${HEAD}programs:\n  slate: { run: [s], on: [] }\n  a: { run: [a], on: "*", fallback: { run: sleet } }\n`,
    [
      '5:37 programs.a.fallback: there is no program "sleet" | did you mean slate? | run: slate',
    ],
  ],
  [
    "a kill before the warning",
    `${HEAD}programs:\n  a: { run: [a], on: "*", hang: { warn: 8s, kill: 6s } }\n`,
    [
      "4:33 programs.a.hang.kill cannot be used | it is 6s, not more than hang.warn, which is 8s | ",
    ],
  ],
  [
    "a member that is unknown",
    `${HEAD}hosts: [l]\nprograms:\n  a: { run: [a], on: "*" }\ngroups:\n  g: { members: [b@l, a@r] }\n`,
    [
      '7:18 groups.g.members[0]: there is no program "b" | did you mean a? | a@l',
      '7:23 groups.g.members[1]: there is no host "r" | did you mean l? | a@l',
    ],
  ],
  [
    "a member of two groups",
    `${HEAD}programs:\n  a: { run: [a], on: "*" }\ngroups:\n  g: { members: [a] }\n  h: { members: [a] }\n`,
    [
      "7:18 a@* is in g already | a program starts with one group alone | ",
    ],
  ],
  ["another form", "hana: 2\nshow: tour\nprograms: {}\n", [
    "1:7 hana cannot be 2 | this hana reads form 1 alone | hana: 1",
  ]],
  ["a checksum that is none", `${HEAD}programs:\n  a: { run: [a], on: "*", sha256: { linux-x64: abc } }\n`, [
    '4:35 programs.a.sha256.linux-x64 cannot be "abc" | it must be 64 hexadecimal digits | ',
  ]],
  ["a variable of hana's own", `${HEAD}programs:\n  a: { run: [a], on: "*", env: { HANA_NAME: x } }\n`, [
    "4:32 programs.a.env.HANA_NAME cannot be used | hana sets this variable itself | take another name, or leave it out",
  ]],
  ["nothing", "", ["1:1 the manifest is empty | a show has a name and programs | hana: 1"]],
  ["a list", "- a\n", ["1:1 a manifest cannot be a list of 1 | it is a table | hana: 1"]],
  ["an open bracket", "hana: [1\n", [
    "2:1 this is no YAML: Flow sequence in block collection must be sufficiently indented and end with a ] |  | ",
  ]],
  ["a tag of YAML", "hana: !int 1\n", ["1:7 this is no YAML: Unresolved tag: !int |  | "]],
  ["an alias of nothing", "hana: *one\n", ["1:7 *one repeats nothing | &one stands nowhere before it | "]],
];

for (const [what, text, told] of MISTAKES) {
  Deno.test(`a manifest with ${what} is refused with the place and what to write`, () => {
    assertEquals(problemsOf(text), told);
  });
}

Deno.test("all mistakes are told at once, in the order of the file, twenty at most", () => {
  const lines = Array.from({ length: 30 }, (_, i) => `  p${i}: { run: [a], on: "*", grace: ${i + 1} }`);
  const { problems } = read(`${HEAD}programs:\n${lines.join("\n")}\n`);
  assertEquals(problems?.count, 30);
  assertEquals(problems?.told.length, MAX_TOLD_PROBLEMS);
  assertEquals(problems?.told.map(({ line }) => line), Array.from({ length: 20 }, (_, i) => i + 4));
});

Deno.test("a manifest that repeats itself without end, or is too deep or too long, is refused and costs little", () => {
  const laughs = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let i = 0; i < 12; i++) {
    const [before, now] = [String.fromCharCode(97 + i), String.fromCharCode(98 + i)];
    laughs.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join(", ")}]`);
  }
  for (
    const text of [
      laughs.join("\n"),
      "&a [*a]",
      "[".repeat(100_000),
      "a: ".repeat(5_000),
      " ".repeat(300_000),
    ]
  ) {
    const { problems } = read(text);
    assert(problems !== null && problems.count > 0, text.slice(0, 40));
  }
});

Deno.test("the example with anything cut out, put in twice or replaced is read or refused with places, and never throws", () => {
  const lines = EXAMPLE.split("\n").length;
  const edit = fc.record({
    at: fc.nat(EXAMPLE.length),
    length: fc.nat(12),
    insert: fc.oneof(
      fc.constantFrom(
        "",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\n",
        "  ",
        "null",
        "-1",
        "5s",
        "*x",
        "&x",
        "'",
        '"',
        "\t",
        "#",
      ),
      fc.string({ maxLength: 6, unit: "binary" }),
    ),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = EXAMPLE;
      for (const { at, length, insert } of edits) text = text.slice(0, at) + insert + text.slice(at + length);
      const { manifest, problems } = read(text);
      assertEquals(manifest === null, problems !== null);
      for (const { line, column, what } of problems?.told ?? []) {
        assert(line >= 1 && column >= 1 && what !== "", `${line}:${column} ${what}`);
        assert(line <= lines + text.split("\n").length, "the line is in the file");
      }
      // What was read can be run: specifications are whole.
      for (const { spec } of manifest?.programs.values() ?? []) readSpec(spec);
    }),
    { numRuns: 250 },
  );
});

Deno.test("any JSON at any place of a manifest is read or refused, and never throws", () => {
  const keys = [...Object.keys(PROGRAM_FIELDS), "__proto__", "constructor", "toString"];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 }), (key, value) => {
      const program = `{"run":["a"],"on":"*",${JSON.stringify(key)}:${JSON.stringify(value)}}`;
      const { manifest, problems } = read(`{"hana":1,"show":"x","programs":{"a":${program}}}`);
      assertEquals(manifest === null, problems !== null);
      for (const { line } of problems?.told ?? []) assertEquals(line, 1);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("the JSON Schema names every field that is read, with what it means", () => {
  const schema = JSON.parse(JSON.stringify(manifestSchema()));
  const program = schema.properties.programs.additionalProperties;
  assertEquals(Object.keys(program.properties), Object.keys(PROGRAM_FIELDS));
  assertEquals(program.additionalProperties, false);
  for (const [key, value] of Object.entries<{ description?: string }>(program.properties)) {
    assertMatch(value.description ?? "", /\w.*\.$/, key);
  }
  assert(!("run" in schema.properties.defaults.properties));
  assertEquals(schema.required, ["hana", "show", "programs"]);
});

Deno.test("the documentation of manifests names every field", () => {
  const text = Deno.readTextFileSync(new URL("../../../../docs/manifest.md", import.meta.url));
  const rows = text.split("\n").filter((line) => line.startsWith("| `")).join("\n");
  for (const field of Object.keys(PROGRAM_FIELDS)) {
    assert(rows.includes(`\`${field}\``), `${field} is not in docs/manifest.md`);
  }
});
