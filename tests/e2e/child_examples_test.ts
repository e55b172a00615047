// The examples of docs/child-protocol.md: each is quoted there as it stands in its file, and each keeps every rule that
// `hana test-child` knows. Also the reference visualization, and what the command says of programs that do not.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runHana } from "../support/cli.ts";
import { hanaProgram } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { type Need, skippable } from "../support/requirement.ts";
import { shareKey, stageOf } from "./stage.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const EXAMPLES = `${ROOT}docs/examples/child`;
const PAGE = `${ROOT}docs/child-protocol.md`;

interface Outcome {
  readonly schema: string;
  readonly depth: number;
  readonly firstBroken: string | null;
  readonly timedOut: boolean;
  readonly rules: readonly {
    readonly rule: string;
    readonly verdict: string;
    readonly detail: string;
    readonly hint: string | null;
  }[];
}

/** Plays the protocol against a program; the outcome and the exit code. */
async function testChild(
  args: readonly string[],
  program: readonly string[],
): Promise<{ readonly code: number; readonly outcome: Outcome }> {
  const ran = await runHana(["test-child", "--json", ...args, "--", ...program], { limitMs: 55_000 });
  try {
    return { code: ran.code, outcome: JSON.parse(ran.stdout) as Outcome };
  } catch {
    throw new Error(`hana test-child ended with ${ran.code} and no document:\n${ran.stdout}${ran.stderr}`);
  }
}

/** The rules that did not pass, with what was seen. */
function notPassed({ rules }: Outcome): string[] {
  return rules.filter(({ verdict }) => verdict !== "pass").map(({ rule, verdict, detail }) =>
    `${rule}: ${verdict} (${detail})`
  );
}

const PROGRAMS: readonly {
  readonly file: string;
  readonly depth: 1 | 2;
  readonly needs: readonly Need[];
  readonly program: (file: string, directory: string) => Promise<readonly string[]>;
}[] = [
  {
    file: "viz.py",
    depth: 2,
    needs: ["command:python3"],
    program: (file) => Promise.resolve(["python3", file]),
  },
  {
    file: "viz.ts",
    depth: 2,
    needs: [],
    program: (file) => Promise.resolve([Deno.execPath(), "run", "-A", "--no-check", "--no-config", file]),
  },
  {
    file: "viz.sh",
    depth: 2,
    needs: ["command:bash", "command:socat"],
    program: (file) => Promise.resolve(["bash", file]),
  },
  { file: "viz.c", depth: 2, needs: ["command:cc"], program: compiled },
  {
    file: "notify.sh",
    depth: 1,
    needs: ["command:bash", "command:systemd-notify"],
    program: (file) => Promise.resolve(["bash", file]),
  },
];

async function compiled(file: string, directory: string): Promise<readonly string[]> {
  const binary = `${directory}/viz`;
  const cc = new Deno.Command("cc", { args: ["-Wall", "-Werror", "-o", binary, file], stderr: "piped" });
  const { success, stderr } = await cc.output();
  assert(success, new TextDecoder().decode(stderr));
  return [binary];
}

for (const { file, depth, needs, program } of PROGRAMS) {
  skippable({
    name: `the example ${file} keeps every rule of depth ${depth}`,
    needs: ["linux", ...needs],
    fn: async () => {
      const directory = await Deno.makeTempDir({ prefix: "hana-example-" });
      try {
        const argv = await program(`${EXAMPLES}/${file}`, directory);
        const { code, outcome } = await testChild(["--depth", String(depth)], argv);
        assertEquals(notPassed(outcome), []);
        assertEquals([code, outcome.schema, outcome.firstBroken], [0, "hana.test-child/1", null]);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

Deno.test("every example stands in the page as it stands in its file, and every file is quoted", async () => {
  const page = await Deno.readTextFile(PAGE);
  const quoted = new Map(
    Array.from(
      page.matchAll(/<!-- example: (\S+) -->\n+```\w+\n([\s\S]*?)```\n/g),
      ([, file = "", text = ""]) => [file, text],
    ),
  );
  const files = Array.from(Deno.readDirSync(EXAMPLES), ({ name }) => name).sort();
  assertEquals([...quoted.keys()].sort(), files);
  for (const file of files) {
    assertEquals(quoted.get(file), await Deno.readTextFile(`${EXAMPLES}/${file}`), file);
  }
  assertEquals(PROGRAMS.map((each) => each.file).sort(), files);
});

skippable({
  name: "test-child says which rule broke, what was seen and what to do, and ends with 1",
  needs: ["linux"],
  fn: async () => {
    const { code, outcome } = await testChild(["--depth", "1"], ["sh", "-c", "exit 3"]);
    assertEquals([code, outcome.firstBroken], [1, "start"]);
    const ran = await runHana([
      "test-child",
      "--depth",
      "0",
      "--",
      "sh",
      "-c",
      "trap '' TERM; sleep 30 & wait; wait",
    ]);
    assertEquals(ran.code, 1);
    assertStringIncludes(ran.stdout, "sigterm\tfail\tstill there 5 s later\n");
    assertStringIncludes(ran.stderr, "try: leave the loop on SIGTERM");
  },
});

skippable({
  name: "test-child finds what a program leaves behind, and ends it",
  needs: ["linux"],
  fn: async () => {
    const mark = `90${Deno.pid}`;
    const { code, outcome } = await testChild(["--depth", "0"], [
      "sh",
      "-c",
      `setsid sleep ${mark} & exec sleep ${mark}`,
    ]);
    assertEquals([code, outcome.firstBroken], [1, "leftovers"]);
    assertEquals(await running(`sleep\0${mark}\0`), 0);
  },
});

skippable({
  name:
    "test-child ends with 2 for a program that is not there and for a depth that is none, with 4 when time is over",
  needs: ["linux"],
  fn: async () => {
    assertEquals((await runHana(["test-child", "--", "./no-such-program"])).code, 2);
    assertEquals((await runHana(["test-child", "--depth", "3", "--", "true"])).code, 2);
    assertEquals((await runHana(["test-child", "--timeout", "1s", "--", "sleep", "60"])).code, 4);
  },
});

liveTest(
  "the reference visualization keeps every rule, with its picture moving and a goodbye",
  async (network) => {
    const [a] = stageOf(network, "a");
    const ran = await a.run([
      "test-child",
      "--json",
      "--",
      ...hanaProgram(),
      "serve",
      "--role",
      "visualization",
    ]);
    const outcome = JSON.parse(ran.stdout) as Outcome;
    assertEquals(notPassed(outcome), []);
    assertEquals(ran.code, 0);
    assertMatch(
      outcome.rules.find(({ rule }) => rule === "frames")?.detail ?? "",
      /^(5[0-9]|6[0-9])(\.\d)? a second$/,
    );
    assertMatch(outcome.rules.find(({ rule }) => rule === "stop")?.detail ?? "", /with a goodbye$/);
  },
);

liveTest("a visualization holds parameters that anybody of the mesh may set and read", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const wall = await a.serve("--name", "wall", "--role", "visualization", "--draw");
  await b.serve("--name", "desk", "--role", "app");
  await wall.process.until("the desk is found", () => wall.process.stderr.includes("found desk"));
  assertEquals((await b.run(["call", "wall", "hana.viz.set", "name=gain", "value=0.5"])).code, 0);
  assertEquals((await b.run(["call", "wall", "hana.viz.set", "name=tint", 'value="#FF8800"'])).code, 0);
  assertEquals((await b.run(["call", "wall", "hana.viz.set", "name=gain", "value=[1]"])).code, 1);
  const answer = await b.call("wall", "hana.viz.get");
  assertEquals(parametersIn(answer.document), [
    { name: "gain", kind: "number", value: 0.5 },
    { name: "tint", kind: "colour", value: "#ff8800" },
  ]);
  assertEquals((await b.run(["call", "wall", "hana.viz.get", "name=nobody"])).code, 1);
  // Nobody watches a pipe: a change is a line, and nothing moves.
  assertStringIncludes(wall.process.stderr, "gain is 0.5\ntint is #ff8800\n");
  assertEquals(wall.process.stdout, "");
  assertEquals((await b.run(["serve", "--draw"])).code, 2);
  assertEquals((await wall.stop()).code, 0);
});

/** The list in the reply of `hana.viz.get`, wherever the document has it. */
function parametersIn(document: Readonly<Record<string, unknown>>): unknown {
  const reply = (document["reply"] ?? document) as Readonly<Record<string, unknown>>;
  return reply["parameters"];
}

/** How many processes have this command line. */
async function running(commandLine: string): Promise<number> {
  let found = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (text === commandLine) found++;
  }
  return found;
}
