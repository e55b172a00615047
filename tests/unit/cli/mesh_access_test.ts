// `hana mesh grant`, `revoke`, and `join` with an access code: what is printed, stored and refused.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Home, makeHome, runHana } from "../../support/cli.ts";

async function lineOf(home: Home, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHana(args, { home });
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

async function meshHome(): Promise<ReturnType<typeof makeHome>> {
  const home = makeHome();
  await lineOf(home, "mesh", "create", "--name", "tour");
  return home;
}

const grant = (home: Home, ...args: string[]): Promise<string> =>
  lineOf(home, "mesh", "grant", ...args, "-q");

Deno.test("a grant is printed for people, scripts and machines, and stores nothing", async () => {
  await using home = await meshHome();
  const before = await Deno.readTextFile(`${home.state}/hana/mesh.key`);
  const { stdout, stderr, code } = await runHana(["mesh", "grant", "anna", "--role", "crew"], { home });
  assertEquals(code, 0, stderr);
  assertMatch(
    stdout,
    /^mesh\ttour\nholder\tanna\nrole\tcrew\nkey\t[0-9a-f]{16}\nexpires\t.*\naccess code\thana-access1-/,
  );
  assertStringIncludes(stderr, "hana mesh join -");
  const quiet = await grant(home, "anna", "--role", "crew");
  assertMatch(quiet, /^hana-access1(-[0-9A-Z]{1,5})+$/);
  assertEquals(await grant(home, "anna", "--role", "crew"), quiet, "the same grant is the same code");
  const json = JSON.parse(
    await lineOf(home, "mesh", "grant", "anna", "--role", "crew", "--expires", "7d", "--json"),
  );
  assertEquals([json.mesh, json.holder, json.role], ["tour", "anna", "crew"]);
  const leftDays = (Date.parse(json.expires) - Date.now()) / 86_400_000;
  assert(leftDays > 6.9 && leftDays < 7.1, json.expires);
  assertEquals(await Deno.readTextFile(`${home.state}/hana/mesh.key`), before);
});

Deno.test("a laptop joins by an access code, twice as well as once, and says what it holds", async () => {
  await using home = await meshHome();
  await using laptop = makeHome();
  const code = await grant(home, "anna", "--role", "crew");
  for (let i = 0; i < 2; i++) {
    const joined = await runHana(["mesh", "join", "-", "--name", "tour"], {
      home: laptop,
      stdin: `${code.toLowerCase()}\n`,
    });
    assertEquals(joined.code, 0, joined.stderr);
  }
  assertEquals(((await Deno.stat(`${laptop.state}/hana/mesh.key`)).mode ?? 0) & 0o777, 0o600);
  assertEquals(await lineOf(laptop, "mesh", "show", "-q"), "anna crew");
  const shown = JSON.parse(await lineOf(laptop, "mesh", "show", "--json"));
  const { keys: [key] } = JSON.parse(await lineOf(home, "mesh", "show", "--json"));
  assertEquals(
    [shown.trust, shown.name, shown.holder, shown.role, shown.key, shown.expires],
    ["access", "tour", "anna", "crew", key.id, null],
  );
  for (const text of [await lineOf(laptop, "mesh", "show"), JSON.stringify(shown)]) {
    assert(!text.includes("hana-access1-"), "the code does not appear again");
  }
});

Deno.test("a file may hold an access code or the key file of a laptop", async () => {
  await using home = await meshHome();
  await using first = makeHome();
  await Deno.writeTextFile(`${home.path}/code.txt`, (await grant(home, "anna", "--role", "viewer")) + "\n");
  await lineOf(first, "mesh", "join", "--from", `${home.path}/code.txt`);
  await using second = makeHome();
  await lineOf(second, "mesh", "join", "--from", `${first.state}/hana/mesh.key`, "--name", "other");
  assertEquals(JSON.parse(await lineOf(second, "mesh", "show", "--json")).name, "other");
  assertEquals(await lineOf(second, "mesh", "show", "-q"), "anna viewer");
});

Deno.test("only the mesh key grants, revokes, rotates and is shown; a machine changes over by leaving first", async () => {
  await using home = await meshHome();
  await using laptop = makeHome();
  await using bare = makeHome();
  const code = await grant(home, "anna", "--role", "operator");
  await runHana(["mesh", "join", "-"], { home: laptop, stdin: code });
  const refused: [Home, string[], RegExp][] = [
    [laptop, ["grant", "bert", "--role", "viewer"], /holds an access key \(anna, operator\)/],
    [laptop, ["revoke", "bert"], /holds an access key/],
    [laptop, ["rotate"], /holds an access key/],
    [laptop, ["show", "--reveal"], /holds an access key/],
    [laptop, ["create"], /in mesh [0-9a-f]{16} already/],
    [bare, ["grant", "bert", "--role", "viewer"], /no mesh key/],
    [bare, ["revoke", "bert"], /no mesh key/],
  ];
  for (const [where, args, says] of refused) {
    const { code, stderr, stdout } = await runHana(["mesh", ...args], { home: where });
    assertEquals([code, stdout], [7, ""], `${args}: ${stderr}`);
    assertMatch(stderr, says);
  }
  const other = await grant(home, "anna", "--role", "viewer");
  const join = await lineOf(home, "mesh", "show", "--reveal", "-q");
  for (const given of [other, join]) {
    const again = await runHana(["mesh", "join", "-"], { home: laptop, stdin: given });
    assertEquals(again.code, 7, again.stderr);
    assertStringIncludes(again.stderr, "hana mesh leave --yes");
  }
  await lineOf(laptop, "mesh", "leave", "--yes");
  assertEquals((await runHana(["mesh", "join", "-"], { home: laptop, stdin: other })).code, 0);
  assertEquals(await lineOf(laptop, "mesh", "show", "-q"), "anna viewer");
  // A machine of the mesh is no laptop.
  const node = await runHana(["mesh", "join", "-"], { home, stdin: other });
  assertEquals(node.code, 7, node.stderr);
});

Deno.test("a code in the wrong command is named for what it is", async () => {
  await using home = await meshHome();
  const code = await grant(home, "anna", "--role", "crew");
  const rotated = await runHana(["mesh", "rotate", "--join", "-"], { home, stdin: code });
  assertEquals(rotated.code, 2, rotated.stderr);
  assertMatch(rotated.stderr, /is an access code/);
  assert(!rotated.stderr.includes(code.slice(20, 40)));
  await using laptop = makeHome();
  const mistyped = await runHana(["mesh", "join", "-"], {
    home: laptop,
    stdin: code.slice(0, -1) + (code.endsWith("0") ? "1" : "0"),
  });
  assertEquals(mistyped.code, 2, mistyped.stderr);
  assertMatch(mistyped.stderr, /access code/);
});

Deno.test("wrong names, roles and times are refused as usage, with the right ones", async () => {
  await using home = await meshHome();
  const wrong: [string[], RegExp][] = [
    [["an na", "--role", "crew"], /one word/],
    [["x".repeat(33), "--role", "crew"], /32 bytes/],
    [["anna", "--role", "chief"], /viewer, crew, operator/],
    [["anna"], /--role/],
    [["anna", "--role", "crew", "--expires", "7"], /unit/],
    [["anna", "--role", "crew", "--expires", "0"], /over already/],
  ];
  for (const [args, says] of wrong) {
    const { code, stderr } = await runHana(["mesh", "grant", ...args], { home });
    assertEquals(code, 2, `${args}: ${stderr}`);
    assertMatch(stderr, says);
  }
});

Deno.test("a revoked name is listed, is not granted again, and is forgotten with the keys of its time", async () => {
  await using home = await meshHome();
  for (let i = 0; i < 2; i++) {
    assertEquals(await lineOf(home, "mesh", "revoke", "anna", "-q"), "anna");
  }
  assertEquals(await lineOf(home, "mesh", "revoke", "bert", "-q"), "anna\nbert");
  assertMatch(await lineOf(home, "mesh", "show"), /^revoked\tanna,bert$/m);
  const again = await runHana(["mesh", "grant", "anna", "--role", "viewer"], { home });
  assertEquals(again.code, 7, again.stderr);
  assertMatch(again.stderr, /anna was revoked here/);
  await lineOf(home, "mesh", "rotate");
  assertEquals(JSON.parse(await lineOf(home, "mesh", "show", "--json")).revoked, ["anna", "bert"]);
  await lineOf(home, "mesh", "rotate");
  assertEquals(JSON.parse(await lineOf(home, "mesh", "show", "--json")).revoked, undefined);
  assertMatch(await grant(home, "anna", "--role", "viewer"), /^hana-access1-/);
});

Deno.test("a machine with an access key alone does not serve, and says why", async () => {
  await using home = await meshHome();
  await using laptop = makeHome();
  await runHana(["mesh", "join", "-"], {
    home: laptop,
    stdin: await grant(home, "anna", "--role", "operator"),
  });
  const { code, stderr } = await runHana(["serve", "--port", "0"], { home: laptop });
  assertEquals(code, 7, stderr);
  assertStringIncludes(stderr, "this machine cannot be a node of the mesh");
  assertStringIncludes(stderr, "access key (anna, operator)");
});
