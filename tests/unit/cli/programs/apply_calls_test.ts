// `hana apply` before it asks anybody: calls that make no sense, files that are no manifests, the schema.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeHome, runHana } from "../../../support/cli.ts";

const ROOT = new URL("../../../../", import.meta.url).pathname;

Deno.test("a call of hana apply that makes no sense is refused with one that does", async () => {
  const calls: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /nothing to apply\n {2}.*\n {2}try: hana apply show\.yaml\n/],
    [["show.yaml", "--rollback"], /show\.yaml and --rollback are two things/],
    [["--status", "--resume"], /--resume and --status are two things/],
    [["--status", "--plan"], /--plan with --status/],
    [["no-such.yaml"], /there is no file no-such\.yaml/],
    [["--schmea"], /--schema/],
  ];
  for (const [args, err] of calls) {
    const { code, stdout, stderr } = await runHana(["apply", ...args]);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertMatch(stderr, err);
  }
});

Deno.test("a file that is no manifest is told with the place of every mistake, from standard input too", async () => {
  await using home = makeHome();
  const text = 'hana: 1\nshow: tour\nprograms:\n  viz: { run: ./viz, on: "*", graze: 5s }\n';
  const path = `${home.path}/show.yaml`;
  Deno.writeTextFileSync(path, text);
  const said = (source: string) =>
    `error: ${source}:4:15: programs.viz.run cannot be "./viz"\n` +
    "  it must be a list of words: no shell is used\n" +
    '  try: ["./viz"]\n' +
    `error: ${source}:4:31: programs.viz has no field "graze"\n` +
    "  did you mean grace?\n" +
    "  try: grace:\n" +
    `error: ${source} was not applied\n` +
    "  2 problems in it\n";
  const fromFile = await runHana(["apply", path], { home });
  assertEquals([fromFile.code, fromFile.stdout], [2, ""]);
  assertStringIncludes(fromFile.stderr, said(path));
  const fromInput = await runHana(["apply", "-", "--json"], { home, stdin: text });
  assertEquals([fromInput.code, fromInput.stdout], [2, ""]);
  assertStringIncludes(fromInput.stderr, said("standard input"));
});

Deno.test("bytes that are no text, a folder and a file without end are no manifests", async () => {
  await using home = makeHome();
  const path = `${home.path}/show.yaml`;
  Deno.writeFileSync(path, new Uint8Array([0x68, 0xff, 0xfe]));
  for (
    const [file, why] of [
      [path, /it is no text in UTF-8/],
      [home.path, /it is no file/],
      ["/dev/zero", /it is no file|no manifest|bytes/],
    ] as const
  ) {
    const { code, stderr } = await runHana(["apply", file], { home });
    assertEquals(code, 2, stderr);
    assertMatch(stderr, why);
  }
});

Deno.test("hana apply --schema prints a JSON Schema that names the fields of the example", async () => {
  const { code, stdout } = await runHana(["apply", "--schema"]);
  const schema = JSON.parse(stdout);
  assertEquals([code, schema.$id, schema.properties.hana.const], [0, "hana.manifest/1", 1]);
  const fields = Object.keys(schema.properties.programs.additionalProperties.properties);
  const example = Deno.readTextFileSync(`${ROOT}docs/examples/show.yaml`);
  for (const [, field = ""] of example.matchAll(/^ {4}([a-z_0-9]+):/gm)) {
    if (field !== "members" && field !== "start") assertStringIncludes(fields.join(" "), field);
  }
});
