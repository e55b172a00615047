// Every command in every output mode with every exit code that applies, as real processes.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Home, makeHome, runHana } from "../../support/cli.ts";
import { skippable } from "../../support/requirement.ts";

interface Call {
  readonly args: string;
  readonly code: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly config?: string;
  readonly key?: boolean;
  /** Makes the key file readable by others. */
  readonly looseKey?: boolean;
}

const SILENT = /^$/;

const CALLS: Readonly<Record<string, readonly Call[]>> = {
  "help": [
    { args: "", code: 2, out: SILENT, err: /^hana: .*\n\nusage {2}hana <command>/ },
    { args: "--help", code: 0, out: /^hana: /, err: SILENT },
    { args: "help", code: 0, out: /^hana: /, err: SILENT },
    { args: "help mesh", code: 0, out: /^hana mesh: /, err: SILENT },
    { args: "help mesh create", code: 0, out: /^hana mesh create: /, err: SILENT },
    { args: "mesh create --help", code: 0, out: /^hana mesh create: /, err: SILENT },
    { args: "mesh", code: 2, out: SILENT, err: /^hana mesh: / },
    { args: "config", code: 2, out: SILENT, err: /^hana config: / },
    { args: "help exit-codes", code: 0, out: /^0\tdone\tdone\n(.*\n)+143\t/ },
    { args: "help exit-codes --header", code: 0, out: /^CODE\tNAME\tMEANING\n0\t/ },
    { args: "help exit-codes -q", code: 0, out: /^0\n1\n2\n3\n4\n5\n6\n7\n69\n70\n130\n143\n$/ },
    {
      args: "help settings",
      code: 0,
      out: /^discovery-port\t--discovery-port <PORT>\tHANA_DISCOVERY_PORT\t/m,
    },
    { args: "help flags", code: 0, out: /^--timeout <DURATION>\t/m },
    { args: "help mesh crate", code: 2, err: /did you mean mesh create\?\n {2}try: hana help mesh create\n/ },
    { args: "help quantum", code: 2, err: /^error: no help on "quantum"\n {2}try: hana help\n$/ },
  ],
  "version": [
    {
      args: "version",
      code: 0,
      out: /^version\t\d+\.\d+\.\d+\ncommit\t.+\ndeno\t.+\ntarget\t.+\ncompiled\tfalse\n$/,
    },
    { args: "--version", code: 0, out: /^version\t/ },
    { args: "-V --header", code: 0, out: /^FIELD\tVALUE\nversion\t/ },
    { args: "version -q", code: 0, out: /^\d+\.\d+\.\d+\n$/ },
    { args: "version --color never -q", code: 0, out: /^\d+\.\d+\.\d+\n$/ },
    {
      args: "version --json --plain",
      code: 2,
      out: SILENT,
      err: /^error: --json and --plain together\n.*\n {2}try: hana version --json\n$/,
    },
    { args: "config show -q --ndjson", code: 2, err: /try: hana config show --ndjson\n$/ },
    {
      args: "discover --watch --expect 2",
      code: 2,
      out: SILENT,
      err: /^error: --watch and --expect together\n/,
    },
    {
      args: "--color never version --json --plain",
      code: 2,
      out: SILENT,
      err: /^error: --json and --plain together\n/,
    },
    {
      args: "discover --trace --watch",
      code: 2,
      out: SILENT,
      err: /^error: --trace and --watch together\n/,
    },
    {
      args: "discover --trace --kind beat",
      code: 2,
      out: SILENT,
      err: /^error: there is no kind beat\n.*heartbeat/,
    },
    {
      args: "discover --kind announce",
      code: 2,
      out: SILENT,
      err: /^error: --kind without --trace\n.*\n {2}try: hana discover --trace /,
    },
    {
      args: "doctor --local stage-left",
      code: 2,
      out: SILENT,
      err: /^error: --local and a node together\n.*\n {2}try: hana doctor stage-left\n$/,
    },
    { args: "version extra", code: 2, err: /^error: hana version does not take extra\n/ },
  ],
  "usage": [
    {
      args: "verson",
      code: 2,
      err: /no command "verson"\n {2}did you mean version\?\n {2}try: hana version\n$/,
    },
    { args: "cnofig show -q", code: 2, err: /try: hana config show -q\n$/ },
    { args: "zzzzzzzz", code: 2, err: /^error: hana has no command "zzzzzzzz"\n {2}try: hana --help\n$/ },
    { args: "config shwo --json", code: 2, err: /try: hana config show --json\n$/ },
    {
      args: "config show --jsno",
      code: 2,
      err: /no flag --jsno\n {2}did you mean --json\?\n {2}try: hana config show --json\n$/,
    },
    { args: "config show --prot=9", code: 2, err: /try: hana config show --port=9\n$/ },
    { args: "config show --quantum", code: 2, err: /no flag --quantum\n {2}try: hana config show --help\n$/ },
    {
      args: "config show --port",
      code: 2,
      err: /^error: --port <PORT> needs a value\n {2}try: hana config show --help\n$/,
    },
    { args: "config show a", code: 2, err: /^error: hana config show does not take a\n/ },
    { args: "completions", code: 2, err: /^error: hana completions needs <SHELL>\n/ },
    { args: "completions fsh", code: 2, err: /did you mean fish\?\n {2}try: hana completions fish\n$/ },
    {
      args: "config show --color sometimes",
      code: 2,
      err: /^error: --color is "sometimes", expected one of auto, always, never\n/,
    },
    {
      args: "config show --timeout 5",
      code: 2,
      err: /needs a unit.*\n {2}try: hana config show --timeout 5s\n$/,
    },
    {
      args: "config show --timeout soon",
      code: 2,
      err: /^error: --timeout is "soon": a duration is a number and a unit/,
    },
    { args: "config show --timeout -5s", code: 2, err: /^error: / },
    { args: "config show --port 65536", code: 2, err: /^error: --port is 65536, expected a port/ },
    { args: "config show --tag left", code: 2, err: /^error: --tag has "left", expected KEY=VALUE\n/ },
    { args: "config show --max-frame 3GiB", code: 2, err: /^error: --max-frame / },
  ],
  "config": [
    { args: "config show", code: 0, out: /^port\t0$/m, err: SILENT },
    { args: "config show --origin", code: 0, out: /^port\t0\tbuilt in$/m },
    { args: "config show --origin --port 7", code: 0, out: /^port\t7\tflag --port$/m },
    { args: "config show --origin --header", code: 0, out: /^SETTING\tVALUE\tORIGIN\n/ },
    { args: "config show -q", code: 0, out: /^name\nrole\n/ },
    {
      args: "config show --origin",
      config: "port: 5",
      code: 0,
      out: /^port\t5\tfile .*\/config\/hana\/config\.yaml:1$/m,
    },
    {
      args: "config show",
      env: { HANA_PROT: "5" },
      code: 0,
      err: /^warning: HANA_PROT is no setting; did you mean HANA_PORT\?\n$/,
    },
    {
      args: "config show",
      env: { HANA_PORT: "x" },
      code: 2,
      out: SILENT,
      err: /^error: HANA_PORT is "x".*\n {2}try: unset HANA_PORT\n$/,
    },
    {
      args: "config show --config /nowhere.yaml",
      code: 2,
      err: /^error: \/nowhere\.yaml cannot be read\n {2}no such file\n/,
    },
    {
      args: "config show",
      config: "# show\nprot: 5",
      code: 2,
      err: /config\.yaml:2: "prot" is no setting\n {2}did you mean "port"\?\n/,
    },
    {
      args: "config show",
      config: "port: left",
      code: 2,
      err: /config\.yaml:1: port is the string "left", expected a port/,
    },
    {
      args: "config show",
      config: "name: a\nrole: [",
      code: 2,
      err: /config\.yaml:\d is not well-formed YAML or JSON\n/,
    },
    { args: "config show", config: "- a", code: 2, err: /holds no settings\n/ },
    { args: "config path", code: 0, out: /\/config\/hana\/config\.yaml\tuser\tmissing\n$/ },
    { args: "config path", config: "port: left", code: 0, out: /\tuser\tthere\n$/ },
    { args: "config path -q --config /a.yaml", code: 0, out: /^\/a\.yaml\n.*config\.yaml\n$/ },
    { args: "version -q", config: "port: left", code: 0, out: /^\d/, err: SILENT },
    { args: "mesh show", config: "port: left", code: 2, err: /config\.yaml:1: port is/ },
  ],
  "mesh": [
    { args: "mesh show", code: 1, out: /^trust\topen\n/, err: /no mesh key/ },
    { args: "mesh show -q", code: 1, out: /^open\n$/, err: SILENT },
    {
      args: "mesh create",
      code: 0,
      out: /^mesh\t-\nfingerprint\t[0-9A-Z-]{19}\ntrust\tkeyed\n/,
      err: /^next: hana mesh show --reveal/,
    },
    { args: "mesh create --name tour2026", code: 0, out: /^mesh\ttour2026\n/ },
    { args: "mesh create -q", code: 0, out: /^[0-9A-Z-]{19}\n$/, err: SILENT },
    {
      args: "mesh create",
      key: true,
      code: 7,
      out: SILENT,
      err: /already\n.*\n {2}try: hana mesh rotate\n$/,
    },
    { args: "mesh show", key: true, code: 0, out: /^mesh\tshow1\n/, err: SILENT },
    { args: "mesh show --reveal -q", key: true, code: 0, out: /^hana1-([0-9A-Z]{5}-){11}[0-9A-Z]{5}\n$/ },
    { args: "mesh show", key: true, looseKey: true, code: 7, err: /chmod 600 / },
    { args: "mesh rotate", code: 7, err: /try: hana mesh create\n$/ },
    { args: "mesh rotate", key: true, code: 0, out: /^previous\t[0-9a-f]{16}\n(.*\n)*join code\thana1-/m },
    { args: "mesh leave", key: true, code: 2, err: /try: hana mesh leave --yes\n$/ },
    { args: "mesh leave --yes", key: true, code: 0, out: /^trust\topen\n/ },
    { args: "mesh leave --yes", code: 1, err: /^error: no mesh to leave\n/ },
    { args: "mesh join", code: 2, err: /^error: no join code given\n.*\n {2}try: hana mesh join -\n$/ },
    { args: "mesh join x --from y", code: 2, err: /together/ },
    { args: "mesh join hana1-AAAAA", code: 2, err: /^error: join code\n/ },
    { args: "mesh join -", stdin: "", code: 2, err: /^error: no join code on stdin\n/ },
    { args: "mesh join --from /dev/zero", code: 2, err: /^error: join code\n/ },
    { args: "mesh join --from /proc", code: 2, out: SILENT, err: /^error: \/proc cannot be read\n/ },
    { args: "mesh join --from /nowhere", code: 1, err: /^error: no file \/nowhere\n/ },
    { args: "mesh create --key-file /proc/nowhere/mesh.key", code: 2, err: /^error: .*\/proc\/nowhere/ },
  ],
  "complete": [
    { args: "complete nodes", code: 0, err: SILENT },
    { args: "complete quantum", code: 0, out: SILENT, err: SILENT },
  ],
};

const JSON_CALLS: readonly { args: string; schema: string; row?: string; key?: boolean }[] = [
  { args: "version", schema: "hana.version/1" },
  { args: "help exit-codes", schema: "hana.exit-codes/1", row: "hana.exit-codes.code/1" },
  { args: "help settings", schema: "hana.settings/1", row: "hana.settings.setting/1" },
  { args: "help flags", schema: "hana.flags/1", row: "hana.flags.flag/1" },
  { args: "config show --origin", schema: "hana.config/1", row: "hana.config.setting/1" },
  { args: "config path", schema: "hana.config-path/1", row: "hana.config-path.file/1" },
  { args: "mesh create", schema: "hana.mesh/1" },
  { args: "mesh show --reveal", schema: "hana.mesh/1", key: true },
  { args: "mesh rotate", schema: "hana.mesh/1", key: true },
  { args: "mesh leave --yes", schema: "hana.mesh/1", key: true },
];

function words(args: string): string[] {
  return args === "" ? [] : args.split(" ");
}

async function prepare(
  home: Home,
  call: { config?: string; key?: boolean; looseKey?: boolean },
): Promise<void> {
  if (call.config !== undefined) {
    await Deno.mkdir(`${home.config}/hana`);
    await Deno.writeTextFile(`${home.config}/hana/config.yaml`, call.config);
  }
  if (call.key === true) {
    const made = await runHana(["mesh", "create", "--name", "show1"], { home });
    assertEquals(made.code, 0, made.stderr);
  }
  if (call.looseKey === true) await Deno.chmod(`${home.state}/hana/mesh.key`, 0o644);
}

async function check(call: Call): Promise<void> {
  await using home = makeHome();
  await prepare(home, call);
  const result = await runHana(words(call.args), { home, env: call.env ?? {}, stdin: call.stdin ?? "" });
  const told = `hana ${call.args}\n${JSON.stringify(result, null, 1)}`;
  assertEquals(result.code, call.code, told);
  if (call.out !== undefined) assertMatch(result.stdout, call.out, told);
  if (call.err !== undefined) assertMatch(result.stderr, call.err, told);
  // Without a terminal nothing is coloured, and an error is three lines at most.
  assert(!(result.stdout + result.stderr).includes("\x1b"), told);
  if (result.stderr.startsWith("error:")) assert(result.stderr.trimEnd().split("\n").length <= 3, told);
}

for (const [group, calls] of Object.entries(CALLS)) {
  Deno.test(`${group}: ${calls.length} calls answer as promised`, () => each(calls, check));
}

/** Checks all items, a few at a time, and tells of every failure. */
async function each<T>(items: readonly T[], check: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await check(item);
      } catch (thrown) {
        failures.push(`${JSON.stringify(item)}\n${thrown}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  assertEquals(failures.length, 0, failures.join("\n\n"));
}

Deno.test("every --json is one document and every --ndjson line an object, each with schema and time", () =>
  each(JSON_CALLS, async (call) => {
    const inMode = async (flag: string): Promise<string> => {
      await using home = makeHome();
      await prepare(home, call);
      const { code, stdout, stderr } = await runHana([...words(call.args), flag], { home });
      assertEquals(code, 0, stderr);
      return stdout.trimEnd();
    };
    checkEnvelope(JSON.parse(await inMode("--json")), call.schema);
    for (const line of (await inMode("--ndjson")).split("\n")) {
      checkEnvelope(JSON.parse(line), call.row ?? call.schema);
    }
  }));

function checkEnvelope(object: Record<string, unknown>, schema: string): void {
  assertEquals(object.schema, schema);
  assertMatch(String(object.ts), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
}

const PAGES = [
  "",
  "serve",
  "discover",
  "ping",
  "doctor",
  "call",
  "mesh",
  "mesh create",
  "mesh show",
  "mesh join",
  "mesh rotate",
  "mesh leave",
  "config",
  "state",
  "state get",
  "state set",
  "state watch",
  "state why",
  "state claim",
  "state release",
  "state own",
  "state transfer",
  "state privilege",
  "state sessions",
  "state host",
  "state snapshot",
  "state snapshot load",
  "state groups",
  "state groups set",
  "state undo",
  "state define",
  "state forget",
]
  .concat("config show", "config path", "completions", "help", "version");

Deno.test("every help page is one screen, with two examples before the flags", () =>
  each(PAGES, async (path) => {
    const { stdout } = await runHana([...words(path), "--help"]);
    const examples = /\nexamples\n((?: {2}\S.*\n)+)/.exec(stdout)?.[1] ?? "";
    assert(examples.trimEnd().split("\n").length >= 2, stdout);
    if (stdout.includes("\nflags")) assert(stdout.indexOf("\nexamples") < stdout.indexOf("\nflags"), stdout);
    assert(stdout.trimEnd().split("\n").length <= 40, "one screen");
  }));

Deno.test("--color always colours a pipe; NO_COLOR does not count then", async () => {
  const { stdout } = await runHana(["mesh", "show", "--color", "always"], { env: { NO_COLOR: "1" } });
  assertStringIncludes(stdout, "\x1b[33mopen\x1b[0m");
});

const TERMINAL: readonly { args: string; env?: Record<string, string>; coloured: boolean }[] = [
  { args: "mesh show", coloured: true },
  { args: "mesh show --color never", coloured: false },
  { args: "mesh show", env: { NO_COLOR: "1" }, coloured: false },
  { args: "mesh show", env: { TERM: "dumb" }, coloured: false },
  { args: "mesh show --color always", env: { NO_COLOR: "1" }, coloured: true },
  { args: "mesh show", env: { HANA_COLOR: "never" }, coloured: false },
];

for (const { args, env = {}, coloured } of TERMINAL) {
  skippable({
    name: `on a terminal, hana ${args} ${JSON.stringify(env)} is ${coloured ? "" : "not "}coloured`,
    needs: ["command:script"],
    fn: async () => {
      const { stdout } = await runHana(words(args), { tty: 100, env });
      assertMatch(stdout, /open/);
      assertEquals(stdout.includes("\x1b["), coloured, JSON.stringify(stdout));
    },
  });
}

skippable({
  name: "on a terminal a table has headings and fits its width",
  needs: ["command:script"],
  fn: async () => {
    for (const columns of [60, 100]) {
      const { stdout } = await runHana(["config", "show", "--origin", "--color", "never"], { tty: columns });
      const lines = stdout.trimEnd().split("\n");
      assertMatch(lines[0] ?? "", /^SETTING +VALUE +ORIGIN$/);
      for (const line of lines) assert([...line].length <= columns, `${columns}: ${line}`);
    }
  },
});

skippable({
  name: "on a terminal version is one sentence",
  needs: ["command:script"],
  fn: async () => {
    const { stdout } = await runHana(["version"], { tty: 100 });
    assertMatch(stdout, /^hana \d+\.\d+\.\d+ \(.+\), Deno \d.*\n$/);
  },
});
