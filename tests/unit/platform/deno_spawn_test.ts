// What a start on the real machine can fail of, how fast an end is told, and what niceness does.

import { assert, assertEquals, assertThrows } from "@std/assert";
import "../../support/system_calls.ts";
import { HanaError } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { spawnError } from "../../../lib/platform/deno/spawn_errors.ts";
import type { ExitStatus, ProcessOptions } from "../../../lib/platform/mod.ts";

const { processes, processTable } = denoPlatform();

async function run(options: ProcessOptions): Promise<{ status: ExitStatus; lines: string[] }> {
  const lines: string[] = [];
  return await new Promise((resolve) => {
    let status: ExitStatus | null = null;
    processes.spawn({ ...options, output: "lines" }, {
      onLine: (_output, line) => void lines.push(line),
      onExit: (ended) => status = ended,
      onClosed: () => resolve({ status: status ?? { code: -1, signal: null }, lines }),
    });
  });
}

function refusal(options: ProcessOptions): HanaError {
  return assertThrows(() => processes.spawn(options, { onExit: () => {} }), HanaError);
}

Deno.test("each way in which a command line is wrong is told apart, with what to change", async () => {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const write = (name: string, text: string, mode: number): string => {
    Deno.writeTextFileSync(`${directory}/${name}`, text);
    Deno.chmodSync(`${directory}/${name}`, mode);
    return `${directory}/${name}`;
  };
  const plain = write("plain", "text", 0o644);
  const orphaned = write("orphaned", "#!/no/such/interpreter\n", 0o755);
  const cases: [ProcessOptions, string, RegExp][] = [
    [{ argv: ["hana-no-such-program"] }, "not-found", /no such program/],
    [{ argv: ["/no/such/program"] }, "not-found", /no such program/],
    [{ argv: [`${plain}/below`] }, "not-found", /no such program/],
    [{ argv: [orphaned] }, "not-found", /what should run it/],
    [
      { argv: ["/bin/true"], cwd: "/no/such/directory" },
      "not-found",
      /directory \/no\/such\/directory is missing/,
    ],
    [{ argv: ["/bin/true"], cwd: plain }, "config", /plain, its directory, is a file/],
    [{ argv: [directory] }, "refused", /it is a directory/],
    [{ argv: [plain] }, "refused", /may not be executed/],
    [{ argv: ["./plain"], cwd: directory }, "refused", /may not be executed/],
    [{ argv: [""] }, "config", /no program is named/],
    [{ argv: ["a\0b"] }, "config", /zero byte/],
    [{ argv: ["/bin/true", "a\0b"] }, "config", /zero byte/],
    [{ argv: ["/bin/true"], cwd: "a\0b" }, "config", /zero byte/],
    [{ argv: ["/bin/true"], env: { A: "a\0b" } }, "config", /value of A/],
    [{ argv: ["/bin/true"], env: { "A=B": "c" } }, "config", /no variable can be called "A=B"/],
    [{ argv: ["/bin/true"], env: { "": "c" } }, "config", /no variable can be called ""/],
    [{ argv: ["/bin/true", "x".repeat(2 ** 20)] }, "config", /longer than the system takes/],
    [{ argv: ["/bin/true"], env: { A: "x".repeat(2 ** 20) } }, "config", /longer than the system takes/],
  ];
  for (const [options, code, why] of cases) {
    const error = refusal(options);
    assertEquals(
      [options.argv[0], error.code, why.test(error.why ?? "")],
      [options.argv[0], code, true],
      error.why,
    );
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a machine that is out of something is no mistake of the command line", () => {
  const failure = (message: string, code?: string): Error =>
    Object.assign(new Error(message), code === undefined ? {} : { code });
  const options: ProcessOptions = { argv: ["/bin/true"] };
  const passing: [unknown, RegExp][] = [
    [failure("Resource temporarily unavailable (os error 11)", "EAGAIN"), /limit of processes/],
    [new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)"), /limit of processes/],
    [failure("Cannot allocate memory (os error 12)", "ENOMEM"), /no memory/],
    [failure("Cannot allocate memory (os error 12)"), /no memory/],
    [failure("Too many open files (os error 24)"), /too many files/],
    [failure("Text file busy (os error 26)", "ETXTBSY"), /being written/],
  ];
  for (const [thrown, why] of passing) {
    const error = spawnError(thrown, options);
    assertEquals([error.code, why.test(error.why ?? "")], ["overloaded", true], error.why);
  }
  assertEquals(spawnError(failure("Exec format error (os error 8)"), options).code, "config");
  assertEquals(spawnError(failure("something new"), options).code, "config");
});

Deno.test("a program that is being written is started later, not given up", async () => {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const path = `${directory}/program`;
  Deno.copyFileSync("/bin/true", path);
  Deno.chmodSync(path, 0o755);
  const file = Deno.openSync(path, { write: true });
  assertEquals(refusal({ argv: [path] }).code, "overloaded");
  file.close();
  assertEquals((await run({ argv: [path] })).status, { code: 0, signal: null });
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a child is as nice as it was asked to be, and so is what it starts", async () => {
  const { lines } = await run({ argv: ["/bin/sh", "-c", "sleep 0.02; nice; nice; sh -c nice"], niceness: 7 });
  const own = Number((await run({ argv: ["nice"] })).lines[0]);
  assertEquals(lines.map(Number), [7, 7, 7].map((level) => Math.max(level, own)));
  assertEquals(
    Number((await run({ argv: ["/bin/sh", "-c", "sleep 0.02; nice"], niceness: 99 })).lines[0]),
    19,
  );
});

Deno.test("the end of a child is told at once while a grandchild holds its pipes", async () => {
  const [held, free]: number[][] = [[], []];
  const measure = (script: string, into: number[]): Promise<number> =>
    new Promise((resolve) => {
      const from = performance.now();
      const child = processes.spawn({ argv: ["/bin/sh", "-c", script], output: "lines" }, {
        onExit: () => {
          into?.push(performance.now() - from);
          child.killGroup("SIGKILL");
        },
        onClosed: () => resolve(child.processId),
      });
    });
  for (let round = 0; round < 20; round++) {
    await measure("exit 0", free ?? []);
    await measure("/bin/sleep 60 & exit 0", held ?? []);
  }
  const median = (values: number[] = []): number =>
    values.sort((a, b) => a - b)[values.length >> 1] ?? Infinity;
  // The held one forks once more: a ratio, for the machine may be busy.
  assert(median(held) < 5 * median(free) + 2, `${median(held)} ms held, ${median(free)} ms free`);
  assertEquals(
    processTable.descendants([processTable.self.processId]).filter(({ name }) => name === "sleep"),
    [],
  );
});
