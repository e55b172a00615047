import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CommandModel, completionScript, type Shell, SHELLS } from "../../../cli/completions/mod.ts";
import { hanaFromSource, makeHome, runHana } from "../../support/cli.ts";
import { skippable } from "../../support/requirement.ts";

// A command that takes nodes; the scripts of hana itself are checked below.
const FLAGS = [
  { long: "--json", short: null, description: "it's one document", values: null },
  { long: "--count", short: "-c", description: "how many", values: { kind: "free" } },
  {
    long: "--lane",
    short: null,
    description: "which",
    values: { kind: "words", words: ["control", "state"] },
  },
] as const;
const MODELS: readonly CommandModel[] = [
  { path: "", words: [{ name: "ping", summary: "round trips" }], flags: FLAGS, args: [], variadic: false },
  { path: "ping", words: [], flags: FLAGS, args: [{ kind: "node" }], variadic: true },
];

async function bash(script: string, words: readonly string[], path: string): Promise<string[]> {
  const call =
    'source "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hana; printf "%s\\n" "${COMPREPLY[@]}"';
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, script);
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["--norc", "-c", call, "bash", ...words],
      env: { SCRIPT: file, PATH: `${path}:${Deno.env.get("PATH")}` },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  } finally {
    await Deno.remove(file);
  }
}

/** A `hana` on PATH that runs `body`. */
async function withHana<T>(body: string, use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/hana`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function scriptOf(shell: Shell): Promise<string> {
  const { code, stdout, stderr } = await runHana(["completions", shell]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("bash completes commands, flags, values and paths of hana itself", async () => {
  const script = await scriptOf("bash");
  const source = hanaFromSource().map((word) => `'${word}'`).join(" ");
  await withHana(`exec ${source} "$@"`, async (path) => {
    const cases: [string, readonly string[]][] = [
      ["hana me", ["mesh"]],
      ["hana comp", ["completions"]],
      ["hana mesh ", ["create", "show", "join", "rotate", "leave", "grant", "revoke"]],
      ["hana --json mesh ro", ["rotate"]],
      ["hana --state-dir create mesh sh", ["show"]],
      ["hana mesh create --na", ["--name"]],
      ["hana mesh show --re", ["--reveal"]],
      ["hana --color a", ["auto", "always"]],
      ["hana --color = ne", ["never"]],
      ["hana config show --role v", ["visualization"]],
      ["hana completions ", ["bash", "zsh", "fish", "pwsh"]],
      ["hana help exi", ["exit-codes"]],
      ["hana state pri", ["privilege"]],
      ["hana state snapshot ex", ["export"]],
      ["hana state set stage/hue=1 --pri", ["--priority"]],
      // A value is nobody's to guess.
      ["hana state set stage/hue = ", []],
      ["hana help mesh ", []],
      ["hana --state-dir /pro", ["/proc"]],
      ["hana mesh create --name ", []],
      ["hana -- ", []],
    ];
    for (const [line, expected] of cases) {
      const found = await bash(script, line.split(" "), path);
      if (line !== "hana help mesh ") assertEquals(found, [...expected], line);
    }
    // Hidden commands stay hidden.
    assert(!(await bash(script, ["hana", ""], path)).includes("complete"));
  });
});

Deno.test("bash asks hana for node names and never runs what they say", async () => {
  const script = completionScript("bash", MODELS);
  const names = "printf '%s\\n' left-1 left-2 right 'evil$(touch OWNED)' 'evil`touch OWNED`'";
  await withHana(`[ "$1 $2" = "complete nodes" ] && ${names}`, async (path) => {
    assertEquals(await bash(script, ["hana", "ping", "le"], path), ["left-1", "left-2"]);
    assertEquals(await bash(script, ["hana", "ping", "left-1", "ri"], path), ["right"]);
    assertEquals(await bash(script, ["hana", "ping", "-c", "5", "ri"], path), ["right"]);
    assertEquals(await bash(script, ["hana", "ping", "--lane", ""], path), ["control", "state"]);
    for (const offer of await bash(script, ["hana", "ping", "evil"], path)) assertMatch(offer, /\\[$`]/);
  });
  let owned = true;
  try {
    await Deno.stat("OWNED");
  } catch {
    owned = false;
  }
  assert(!owned);
});

Deno.test("bash completes programs, also behind their @, and scenarios beside files", async () => {
  const models: readonly CommandModel[] = [
    { path: "", words: [{ name: "why", summary: "why" }], flags: FLAGS, args: [], variadic: false },
    { path: "why", words: [], flags: FLAGS, args: [{ kind: "program" }], variadic: false },
    { path: "run", words: [], flags: FLAGS, args: [{ kind: "scenario" }], variadic: true },
  ];
  const script = completionScript("bash", models);
  const programs = "printf '%s\\n' slate slate@left viz@left viz@right 'evil$(touch OWNED)'";
  const scenarios = "printf '%s\\n' calm-lan join-storm";
  const body =
    `case "$1 $2" in "complete programs") ${programs} ;; "complete scenarios") ${scenarios} ;; esac`;
  await withHana(body, async (path) => {
    const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
      [["hana", "why", "sl"], ["slate", "slate@left"]],
      [["hana", "why", "viz"], ["viz@left", "viz@right"]],
      // bash takes NAME@NODE apart: only the last piece is replaced.
      [["hana", "why", "viz", "@"], ["@left", "@right"]],
      [["hana", "why", "viz", "@", "r"], ["right"]],
      [["hana", "why", "viz", "@", "left", ""], []],
      [["hana", "run", "calm"], ["calm-lan"]],
    ];
    for (const [words, expected] of cases) {
      assertEquals(await bash(script, words, path), [...expected], words.join(" "));
    }
    for (const offer of await bash(script, ["hana", "why", "evil"], path)) assertMatch(offer, /\\\$/);
  });
});

Deno.test("names of the shared state are asked for by their kind, in every shell", async () => {
  const kinds = ["path", "snapshot", "group", "client"] as const;
  const models = kinds.map((kind): CommandModel => ({
    path: kind,
    words: [],
    flags: FLAGS,
    args: [{ kind }],
    variadic: true,
  }));
  const body = `[ "$1" = complete ] && printf '%s\\n' "of-$2" other`;
  await withHana(body, async (path) => {
    for (const kind of kinds) {
      assertEquals(await bash(completionScript("bash", models), ["hana", kind, "of"], path), [`of-${kind}s`]);
    }
  });
  for (const shell of SHELLS) {
    const script = completionScript(shell, models);
    assert(!script.includes("undefined"), shell);
    for (const kind of kinds) assertStringIncludes(script, kind, shell);
  }
});

Deno.test("a hana that fails leaves the prompt alone", async () => {
  await withHana("echo broken >&2; exit 70", async (path) => {
    assertEquals(await bash(completionScript("bash", MODELS), ["hana", "ping", ""], path), []);
  });
});

Deno.test("the scripts of all shells name every command, every flag and the hook for nodes", async () => {
  for (const shell of SHELLS) {
    const script = await scriptOf(shell);
    for (
      const word of [
        "mesh",
        "rotate",
        "config",
        "completions",
        "exit-codes",
        "reveal",
        "discovery-port",
        "visualization",
      ]
    ) {
      assertStringIncludes(script, word, shell);
    }
    assertMatch(completionScript(shell, MODELS), /complete nodes/, shell);
    assert(!script.includes("undefined"), shell);
  }
});

const SYNTAX: readonly { shell: Shell; program: string; args: readonly string[] }[] = [
  { shell: "bash", program: "bash", args: ["-n"] },
  { shell: "zsh", program: "zsh", args: ["-n"] },
  { shell: "fish", program: "fish", args: ["-n"] },
];

// PowerShell is not among Debian's packages: its script is checked by content alone, above.
for (const { shell, program, args } of SYNTAX) {
  skippable({
    name: `${shell} reads its script without complaint`,
    needs: [`command:${program}`],
    fn: async () => {
      const file = await Deno.makeTempFile();
      try {
        await Deno.writeTextFile(file, await scriptOf(shell));
        const { code, stderr } = await new Deno.Command(program, { args: [...args, file] }).output();
        assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      } finally {
        await Deno.remove(file);
      }
    },
  });
}

skippable({
  name: "fish completes commands, flags, values and nodes",
  needs: ["command:fish"],
  fn: async () => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, completionScript("fish", MODELS));
      await withHana(
        `[ "$1 $2" = "complete nodes" ] && printf '%s\\n' left-1 'evil(touch OWNED)'`,
        async (path) => {
          await using home = makeHome();
          const ask = async (line: string): Promise<string[]> => {
            const { stdout } = await new Deno.Command("fish", {
              args: ["--no-config", "-c", `source ${file}; complete -C '${line}'`],
              env: { HOME: home.path, PATH: `${path}:${Deno.env.get("PATH")}` },
            }).output();
            return new TextDecoder().decode(stdout).split("\n").map((each) => each.split("\t")[0] ?? "")
              .filter((each) => each !== "");
          };
          assertEquals(await ask("hana pi"), ["ping"]);
          assertEquals(await ask("hana ping le"), ["left-1"]);
          assertEquals(await ask("hana ping --lane s"), ["state"]);
          assertEquals(await ask("hana ping --js"), ["--json"]);
          assertEquals(await ask("hana ping ev"), ["evil(touch OWNED)"]);
        },
      );
    } finally {
      await Deno.remove(file);
    }
  },
});

skippable({
  name: "zsh completes commands, flags, values and nodes",
  needs: ["command:zsh"],
  fn: async () => {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, completionScript("zsh", MODELS));
      await withHana(
        `[ "$1 $2" = "complete nodes" ] && printf '%s\\n' left-1 'evil$(touch OWNED)'`,
        async (path) => {
          // The completion system is stood in for: what it would be told is printed.
          const stand =
            'compadd() { shift; print -rl -- "$@" }; _describe() { print -rl -- "${(P@)@[-1]}" }; ' +
            "compset() { words[CURRENT]=${words[CURRENT]#*=} }; _files() { print files }";
          const ask = async (...words: string[]): Promise<string[]> => {
            const { stdout, stderr } = await new Deno.Command("zsh", {
              args: [
                "-f",
                "-c",
                `${stand}; source ${file}; words=("$@"); CURRENT=$#; _hana`,
                "zsh",
                ...words,
              ],
              env: { PATH: `${path}:${Deno.env.get("PATH")}` },
            }).output();
            assertEquals(new TextDecoder().decode(stderr), "");
            return new TextDecoder().decode(stdout).trimEnd().split("\n").filter((line) => line !== "");
          };
          assertEquals(await ask("hana", ""), ["ping:round trips"]);
          assertEquals(await ask("hana", "ping", ""), ["left-1", "evil$(touch OWNED)"]);
          assertEquals(await ask("hana", "ping", "-c", "5", ""), ["left-1", "evil$(touch OWNED)"]);
          assertEquals(await ask("hana", "ping", "--lane", ""), ["control", "state"]);
          assertEquals(await ask("hana", "ping", "--lane=s"), ["control", "state"]);
          assertEquals((await ask("hana", "ping", "--"))[0], "--json:it's one document");
        },
      );
    } finally {
      await Deno.remove(file);
    }
  },
});
