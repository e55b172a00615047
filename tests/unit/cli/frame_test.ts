import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoRun, environmentOf, makeHome, runHana } from "../../support/cli.ts";
import { skippable } from "../../support/requirement.ts";

const FIXTURE = denoRun(new URL("./frame_fixture.ts", import.meta.url).pathname);

function misbehave(...args: string[]) {
  return runHana(args, { program: FIXTURE });
}

Deno.test("an unexpected exception is exit 70 with two lines, and its stack only with --debug", async () => {
  const plain = await misbehave("throw");
  assertEquals(plain.code, 70);
  assertEquals(plain.stderr.trimEnd().split("\n").length, 2);
  assertMatch(plain.stderr, /^error: a bug in hana: TypeError: x is not a thing\n {2}try: .*--debug/);
  const debug = await misbehave("throw", "--debug");
  assertEquals(debug.code, 70);
  assertMatch(debug.stderr, /caused by:\nTypeError: x is not a thing\n.*frame_fixture\.ts/);
});

Deno.test("a rejection that nobody waits for is a bug too, not a hang", async () => {
  const { code, stderr } = await misbehave("reject");
  assertEquals(code, 70);
  assertMatch(stderr, /nobody waits for this/);
});

Deno.test("an error of hana is three lines and the exit code of its kind", async () => {
  const { code, stderr, stdout } = await misbehave("refuse");
  assertEquals({ code, stderr, stdout }, {
    code: 7,
    stderr: "error: no\n  because\n  try: hana mesh create\n",
    stdout: "",
  });
});

Deno.test("a command sets its own exit code", async () => {
  assertEquals((await misbehave("partial")).code, 3);
});

for (const command of ["flood", "flood-later"]) {
  Deno.test(`${command}: a reader that leaves ends hana quietly with exit 0`, async () => {
    await using home = makeHome();
    const [program = "", ...args] = [...FIXTURE, command];
    const child = new Deno.Command(program, {
      args,
      env: environmentOf(home),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const first = await reader.read();
    assert(first.value !== undefined && first.value.length > 0);
    await reader.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals({ code: (await child.status).code, stderr }, { code: 0, stderr: "" });
  });
}

async function signalled(
  command: string,
  ...signals: Deno.Signal[]
): Promise<{ code: number; said: string[] }> {
  await using home = makeHome();
  const [program = "", ...args] = [...FIXTURE, command];
  const child = new Deno.Command(program, {
    args,
    env: environmentOf(home),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const said: string[] = [];
  for (const signal of signals) {
    // Each signal is answered by a line, so that the next one comes after it.
    const { value } = await lines.read();
    said.push((value ?? "").trim());
    child.kill(signal);
  }
  const { code } = await child.status;
  await lines.cancel();
  return { code, said };
}

Deno.test("SIGINT ends with 130, SIGTERM with 143", async () => {
  assertEquals((await signalled("wait", "SIGINT")).code, 130);
  assertEquals((await signalled("wait", "SIGTERM")).code, 143);
});

Deno.test("a command that says goodbye hears the first signal, and the second one ends it", async () => {
  assertEquals(await signalled("goodbye", "SIGTERM", "SIGINT"), {
    code: 130,
    said: ["ready", "goodbye SIGTERM"],
  });
});

Deno.test("--watch into a pipe is NDJSON deltas with one sync after the snapshot", async () => {
  const { code, stdout } = await misbehave("watch");
  assertEquals(code, 0);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ op, name, count }) => [op, name ?? count]), [
    ["add", "left"],
    ["sync", 1],
    ["update", "left"],
    ["remove", "left"],
  ]);
  for (const event of events) assertEquals(event.schema, "hana.things.thing/1");
});

Deno.test("--watch --json is refused with the flag that works", async () => {
  const { code, stderr } = await misbehave("watch", "--json");
  assertEquals(code, 2);
  assertMatch(stderr, /try: hana watch --ndjson\n/);
});

skippable({
  name: "--watch on a terminal draws a table and draws over it",
  needs: ["command:script"],
  fn: async () => {
    const { code, stdout } = await runHana(["watch", "--color", "never"], { program: FIXTURE, tty: 80 });
    assertEquals(code, 0);
    // deno-lint-ignore no-control-regex
    assertMatch(stdout, /NAME\nleft\n.*\x1b\[2A\r\x1b\[J/s);
    assertMatch(stdout, /nothing yet/);
  },
});
