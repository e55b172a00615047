// What is in the executable and what is not, and that it runs alone.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ensureBinary, runBinary, TESTED_TARGET } from "../support/binary.ts";
import { modulesIn, openExecutable } from "../support/executable.ts";
import { skippable } from "../support/requirement.ts";

const root = new URL("../..", import.meta.url);
const ARM: Parameters<typeof ensureBinary>[0] = "aarch64-unknown-linux-gnu";

/** How much the program may add to the runtime that it was made from; today's adds 4.1 % (lists of files and code alone). */
const MAX_PROGRAM_SHARE = 0.06;
/** What may stand beside the program's code: the list of its files. */
const MAX_LIST_BYTES = 128 * 1024;
/** How much of the program's code packages may be; they are a sixth of today's. */
const MAX_PACKAGE_SHARE = 0.2;

/** Which files and packages belong to tests and tools. */
const TOOLING =
  /^(tests|scripts|docs)\/|_test\.ts$|\/(fast-check|pure-rand|esbuild|typescript)\/|deno-std\/[^/]+\/(assert|testing|expect|msgpack)\//;

/** Characters of the code that come from packages; the bundler notes before each module where it is from. */
function packageCharacters(bundles: Iterable<string>): number {
  let characters = 0;
  for (const bundle of bundles) {
    let isPackage = false;
    for (const line of bundle.split("\n")) {
      const from = /^\/\/ (cli|lib|npm)\/\S+$/.exec(line) ?? /^ {2}"(cli|lib|npm)\/[^"]+"\(/.exec(line);
      if (from !== null) isPackage = from[1] === "npm";
      if (isPackage) characters += line.length + 1;
    }
  }
  return characters;
}

async function text(name: string): Promise<string> {
  return (await Deno.readTextFile(new URL(name, root))).trim();
}

skippable({
  name: "the executable says what it was made from",
  needs: ["binary"],
  fn: async () => {
    const { code, stdout } = await runBinary(["version", "--json"]);
    const said = JSON.parse(stdout) as Record<string, unknown>;
    const { version } = JSON.parse(await text("deno.json")) as { version: string };
    assertEquals({ ...said, code, ts: "", commit: "" }, {
      schema: "hana.version/1",
      ts: "",
      code: 0,
      version,
      commit: "",
      deno: await text("scripts/deno-version"),
      target: TESTED_TARGET,
      compiled: true,
    });
    assertMatch(String(said.commit), /^[0-9a-f]{12}(-dirty)?$/);
  },
});

skippable({
  name: "the executable runs without an environment, from anywhere, and leaves nothing behind",
  needs: ["binary"],
  fn: async () => {
    const path = await ensureBinary();
    const folder = await Deno.makeTempDir({ prefix: "hana-alone-" });
    try {
      const env = { TMPDIR: folder, HOME: folder };
      const command = new Deno.Command(path, {
        args: ["version"],
        cwd: folder,
        clearEnv: true,
        env,
        stdin: "null",
      });
      const { code, stderr } = await command.output();
      assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

skippable({
  name: "the executable holds the program and its packages, each module once, and nothing of tests or tools",
  needs: ["binary"],
  fn: async () => {
    const { files } = await openExecutable(await ensureBinary());
    assert(
      [...files.keys()].every((name) => /^[\w$-]+\.js$|^build_info\.json$/.test(name)),
      [...files.keys()].join(),
    );

    // A module is noted again in the same file where it is cut in pieces; in two files it would be there twice.
    const modules = [...files.values()].flatMap((code) => [...new Set(modulesIn(code))]);
    for (const known of ["cli/main.ts", "cli/build_info.ts"]) {
      assert(modules.includes(known), `${known} is missing`);
    }
    assertEquals(modules.filter((module) => !/^(cli|lib|npm)\//.test(module) || TOOLING.test(module)), []);
    assertEquals(modules.filter((module, at) => modules.indexOf(module) !== at), []);

    const versions = new Map<string, Set<string>>();
    for (const module of modules) {
      const [, name = "", version = ""] = /^npm\/((?:@[^/]+\/)?[^/]+)\/([^/]+)\//.exec(module) ?? [];
      if (name !== "") versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
    assert(versions.has("commander"), "no package was recognised: the bundler's notes have changed");
    assertEquals([...versions].filter(([, all]) => all.size > 1), []);
  },
});

skippable({
  name: "the executable is one runtime and little more",
  needs: ["binary"],
  fn: async () => {
    const { target, runtimeBytes, appendedBytes, files } = await openExecutable(await ensureBinary());
    assertEquals(target, TESTED_TARGET);
    const code = [...files.values()].join("");
    const codeBytes = new TextEncoder().encode(code).length;
    assert(appendedBytes - codeBytes < MAX_LIST_BYTES, `${appendedBytes - codeBytes} bytes are no code`);
    const packages = packageCharacters(files.values()) / code.length;
    assert(packages < MAX_PACKAGE_SHARE, `${(packages * 100).toFixed(1)} % of the code are packages`);
    // A second Deno, or the packages as files, would be many times as much.
    const share = appendedBytes / runtimeBytes;
    assert(share < MAX_PROGRAM_SHARE, `the program adds ${(share * 100).toFixed(1)} % to the runtime`);
  },
});

skippable({
  name: "the executable names no place of the machine that made it",
  needs: ["binary"],
  fn: async () => {
    const { files } = await openExecutable(await ensureBinary());
    const places = [decodeURI(root.pathname), Deno.env.get("HOME") ?? "", Deno.hostname()]
      .filter((place) => place.length >= 6 && /[\d./-]/.test(place));
    for (const [name, code] of files) {
      for (const place of [...places, "/.cache/", "registry.npmjs.org"]) {
        assert(!code.includes(place), `${name} names ${place}`);
      }
    }
  },
});

skippable({
  name: "the executable for arm64 holds the same program on an arm64 runtime",
  needs: ["binary"],
  fn: async () => {
    const [own, arm] = [
      await openExecutable(await ensureBinary()),
      await openExecutable(await ensureBinary(ARM)),
    ];
    assertEquals(arm.target, ARM);
    assert(arm.runtimeBytes > 50e6, `its runtime has only ${arm.runtimeBytes} bytes`);
    const program = ({ files }: typeof own) => [...files].filter(([name]) => name !== "build_info.json");
    assertEquals(program(arm), program(own));
    assert(arm.files.has("build_info.json"));
  },
});

skippable({
  name: "compiling twice makes the same bytes",
  needs: ["binary"],
  fn: async () => {
    const compile = async () => {
      const compiler = new Deno.Command(new URL("scripts/compile", root), { stdin: "null", stderr: "null" });
      const { code, stdout } = await compiler.output();
      return { code, result: new TextDecoder().decode(stdout) };
    };
    const first = await compile();
    assertEquals(first.code, 0);
    assertMatch(first.result, new RegExp(`^dist/hana-${TESTED_TARGET}\t\\d+\t[0-9a-f]{64}\n$`));
    assertEquals(await compile(), first);
  },
});
