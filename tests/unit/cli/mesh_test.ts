import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Home, makeHome, runHana } from "../../support/cli.ts";

async function lineOf(home: Home, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHana(args, { home });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

const fingerprintOf = (home: Home): Promise<string> => lineOf(home, "mesh", "show", "-q");
const codeOf = (home: Home): Promise<string> => lineOf(home, "mesh", "show", "--reveal", "-q");

Deno.test("a join code carries the mesh to another machine, from stdin, and joining twice is harmless", async () => {
  await using first = makeHome();
  await using second = makeHome();
  await lineOf(first, "mesh", "create", "--name", "tour");
  const code = await codeOf(first);
  for (let i = 0; i < 2; i++) {
    const joined = await runHana(["mesh", "join", "-"], { home: second, stdin: `${code.toLowerCase()}\n` });
    assertEquals(joined.code, 0, joined.stderr);
  }
  assertEquals(await fingerprintOf(second), await fingerprintOf(first));
});

Deno.test("a key file and a file that holds a code can both be joined from", async () => {
  await using first = makeHome();
  await lineOf(first, "mesh", "create", "--name", "tour");
  await Deno.writeTextFile(`${first.path}/code.txt`, (await codeOf(first)) + "\n");
  for (
    const [file, name] of [[`${first.state}/hana/mesh.key`, "tour"], [`${first.path}/code.txt`, "-"]] as const
  ) {
    await using second = makeHome();
    assertMatch(await lineOf(second, "mesh", "join", "--from", file), new RegExp(`^mesh\t${name}\n`));
    assertEquals(await fingerprintOf(second), await fingerprintOf(first));
  }
});

Deno.test("a machine of one mesh does not slip into another", async () => {
  await using first = makeHome();
  await using second = makeHome();
  await lineOf(first, "mesh", "create");
  await lineOf(second, "mesh", "create");
  const before = await fingerprintOf(second);
  const { code, stderr } = await runHana(["mesh", "join", "-"], { home: second, stdin: await codeOf(first) });
  assertEquals(code, 7);
  assertMatch(stderr, /holds another key/);
  assertEquals(await fingerprintOf(second), before);
});

Deno.test("a rotation travels by its code and keeps the key before it", async () => {
  await using first = makeHome();
  await using second = makeHome();
  await lineOf(first, "mesh", "create", "--name", "tour");
  const old = await codeOf(first);
  await runHana(["mesh", "join", "-"], { home: second, stdin: old });
  const fresh = await lineOf(first, "mesh", "rotate", "-q");
  assertNotEquals(fresh, old);
  for (let i = 0; i < 2; i++) {
    const taken = await runHana(["mesh", "rotate", "--join", "-"], { home: second, stdin: fresh });
    assertEquals(taken.code, 0, taken.stderr);
  }
  const keys = async (home: Home): Promise<unknown> =>
    JSON.parse(await lineOf(home, "mesh", "show", "--json")).keys.map((key: { slot: string; id: string }) => [
      key.slot,
      key.id,
    ]);
  assertEquals(await keys(second), await keys(first));
  // The code of the key before is a step back, not a rotation.
  const back = await runHana(["mesh", "rotate", "--join", "-"], { home: second, stdin: old });
  assertEquals(back.code, 7, back.stderr);
});

Deno.test("the join code appears only when it is asked for", async () => {
  await using home = makeHome();
  for (const args of [["create"], ["show"], ["show", "--json"], ["show", "--plain"]]) {
    const { stdout, stderr } = await runHana(["mesh", ...args], { home });
    assertEquals((stdout + stderr).includes("hana1-"), false, args.join(" "));
  }
});

Deno.test("of several creates at once exactly one makes the key", async () => {
  await using home = makeHome();
  const results = await Promise.all(
    Array.from({ length: 4 }, () => runHana(["mesh", "create", "-q"], { home })),
  );
  const made = results.filter((result) => result.code === 0);
  assertEquals(made.length, 1, JSON.stringify(results));
  assertEquals(results.filter((result) => result.code === 7).length, 3, JSON.stringify(results));
  assertEquals(await fingerprintOf(home), made[0]?.stdout.trim());
});

Deno.test("the key file is for its owner alone", async () => {
  await using home = makeHome();
  await lineOf(home, "mesh", "create");
  const { mode } = await Deno.stat(`${home.state}/hana/mesh.key`);
  assertEquals((mode ?? 0) & 0o777, 0o600);
});

Deno.test("--state-dir keeps two nodes of one machine apart", async () => {
  await using home = makeHome();
  const at = (dir: string, ...args: string[]) => lineOf(home, ...args, "--state-dir", `${home.path}/${dir}`);
  const left = await at("left", "mesh", "create", "-q");
  const right = await at("right", "mesh", "create", "-q");
  assertNotEquals(left, right);
  assertEquals(await at("left", "mesh", "show", "-q"), left);
});
