// Command lines that cannot work and limits that are passed: each is told in words, costs nothing else, and a program
// that could not start does so by itself when what it lacked is there.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { MAX_ARGV_BYTES } from "../../../lib/supervision/spec/bounds.ts";
import { type Host, hostTest } from "../../support/programs/host.ts";

hostTest(
  "what cannot be started is parked with its reason, and starts by itself once it can be",
  async (host, desk) => {
    const [missing, plain, folder] = [host.path("missing"), host.path("plain"), host.path("folder")];
    await Deno.copyFile(host.child, plain);
    await Deno.chmod(plain, 0o600);
    await Deno.mkdir(folder);
    await desk.spawn("missing", [missing, "stamp " + host.path("missing.stamps")]);
    await desk.spawn("plain", [plain, "stamp " + host.path("plain.stamps")]);
    await desk.spawn("folder", [folder]);
    await desk.spawn("nowhere", host.chaos("nowhere"), { cwd: host.path("no/such/place") });
    for (const name of ["missing", "plain", "folder", "nowhere"]) {
      const parked = await desk.untilState(name, "parked");
      assertEquals(parked.lastExit?.class, "config", name);
      assert((parked.note ?? "") !== "", name);
    }
    assertMatch(desk.program("missing").note ?? "", /missing/);
    // The file appears, and the permission.
    await Deno.copyFile(host.child, missing);
    await Deno.chmod(missing, 0o755);
    await Deno.chmod(plain, 0o755);
    await desk.untilState("missing", "running");
    await desk.untilState("plain", "running");
    assertEquals(host.stamps("missing").length, 1);
    assertEquals(desk.program("folder").state, "parked");
  },
);

hostTest(
  "a file that is no program is parked too, and one that is replaced by a program starts",
  async (host, desk) => {
    const path = host.path("text");
    await Deno.writeTextFile(path, "just some text\n", { mode: 0o755 });
    await desk.spawn("text", [path, `stamp ${host.path("text.stamps")}`]);
    const ended = await desk.until("its end", () => desk.program("text").lastExit);
    assert(ended.class === "config" || ended.code !== 0, JSON.stringify(ended));
    await Deno.copyFile(host.child, `${path}.new`);
    await Deno.rename(`${path}.new`, path);
    await desk.untilState("text", "running");
  },
);

hostTest(
  "command lines and environments beyond their bounds are refused before anything is started",
  async (host, desk) => {
    const large = "x".repeat(1 << 20);
    const cases: readonly [string, readonly string[], Readonly<Record<string, unknown>>][] = [
      ["a mebibyte of arguments", [host.child, `say ${large}`], {}],
      ["many arguments", [host.child, ...Array.from({ length: 20_000 }, () => "args")], {}],
      ["an argument with a NUL", [host.child, "say a\0b"], {}],
      ["no argument at all", [], {}],
      ["a name with =", [host.child], { env: { "A=B": "1" } }],
      ["an empty name", [host.child], { env: { "": "1" } }],
      ["a value with a NUL", [host.child], { env: { A: "a\0b" } }],
      ["a large environment", [host.child], { env: { A: large } }],
      ["a field that nobody knows", [host.child], { retsart: "always" }],
    ];
    for (const [what, argv, spec] of cases) {
      const error = await assertRejects(() => desk.spawn("bad", argv, spec), HanaError);
      assert(
        ["schema", "config", "frame-too-large", "usage"].includes(error.code),
        `${what}: ${error.code} ${error.message}`,
      );
    }
    await assertRejects(() => desk.spawn("../bad", [host.child]), HanaError);
    assertEquals(await desk.list(), []);
    assertEquals(host.marked(), []);
    // And the node is none the worse for it.
    const most = "y".repeat(MAX_ARGV_BYTES - 2_000);
    await desk.spawn("most", [host.child, `dump ${host.path("most")}`, "args", most]);
    await desk.untilState("most", "running");
    assertEquals(dumped(host, "most").argv.at(-1), most);
  },
);

hostTest(
  "arguments and environment arrive as they were given, whatever a shell would make of them",
  async (host, desk) => {
    const words = [
      "; rm -rf /",
      "$(touch /tmp/never)",
      "`id`",
      "a\nb",
      "ünï \u{1F3AD}",
      "",
      " ",
      "--",
      "-x",
      "'\"\\",
      "*",
      "~",
    ];
    const env = { GREETING: '; $(false) \n"ünï"', EMPTY: "", LD_BIND_NOW: "1" };
    await desk.spawn("words", [host.child, `dump ${host.path("words")}`, "args", ...words], { env });
    await desk.untilState("words", "running");
    const { argv, environment } = dumped(host, "words");
    assertEquals(argv.slice(3), words);
    for (const [name, value] of Object.entries(env)) assertEquals(environment.get(name), value, name);
    assertEquals(environment.get("HANA_NAME"), "words");
    // A program cannot be given another mark than its own.
    await desk.spawn("forged", [host.child, `dump ${host.path("forged")}`], {
      env: { HANA_INSTANCE: environment.get("HANA_INSTANCE") ?? "", HANA_TOKEN: "x" },
    }).then(async () => {
      await desk.untilState("forged", "running");
      const forged = dumped(host, "forged").environment;
      assertEquals(forged.get("HANA_INSTANCE"), host.assignment("forged").token);
      assertEquals(forged.get("HANA_TOKEN"), host.assignment("forged").token);
    }, (thrown) => assert(thrown instanceof HanaError));
  },
);

/** What `dump` wrote. */
function dumped(host: Host, name: string): { argv: string[]; environment: Map<string, string> } {
  const [argv = "", environment = ""] = split(Deno.readTextFileSync(host.path(name)));
  return {
    argv: argv.split("\0"),
    environment: new Map(
      environment.split("\0").filter((line) => line !== "").map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    ),
  };
}

/** Arguments and environment: between them an empty word that no `KEY=VALUE` can be. */
function split(text: string): [string, string] {
  const first = /\0\0(?=(?:[A-Za-z_][^=\0]*=[^\0]*\0)+$)/.exec(text);
  if (first === null) return [text.replace(/\0+$/, ""), ""];
  return [text.slice(0, first.index), text.slice(first.index + 2)];
}
