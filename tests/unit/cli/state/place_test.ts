// The place of a client that comes again: what is kept under a name, for whom, and for one command at a time.

import { assertEquals, assertRejects } from "@std/assert";
import type { Cli } from "../../../../cli/frame/mod.ts";
import { type Action, PlaceFile } from "../../../../cli/state/place.ts";
import { HanaError, type NodeId } from "../../../../lib/base/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";

const ID = "000102030405060708090a0b0c0d0e0f" as NodeId;
const TOKEN = new Uint8Array(16).fill(7);
const FILE = "/state/clients/foh.json";

function machine() {
  const { platform } = new SimulatedWorld({ seed: 1 }).createHost({ name: "desk" });
  const cli = {
    platform: () => Promise.resolve(platform),
    settings: { stateDir: "/state" },
  } as unknown as Cli;
  return { cli, files: platform.files };
}

function action(what: string): Action {
  const before = { path: "left/hue", text: "30°", priority: 100, held: false };
  return { what, changes: [{ before, after: { ...before, text: "120°", held: true } }] };
}

Deno.test("a name keeps its token, its id and what it did, for its user alone", async () => {
  const { cli, files } = machine();
  const first = await PlaceFile.open(cli, "foh");
  assertEquals(first.place, { name: "foh", id: null, token: null, done: [], undone: [] });
  first.keep(ID, TOKEN);
  first.note(action("set left/hue=120°"));
  first.release();
  assertEquals([files.stat(FILE)?.mode, files.stat("/state/clients")?.mode], [0o600, 0o700]);
  const second = await PlaceFile.open(cli, "foh");
  assertEquals([second.place.id, second.place.token], [ID, TOKEN]);
  assertEquals(second.place.done, [action("set left/hue=120°")]);
  second.forget();
  second.release();
  assertEquals(files.stat(FILE), null);
});

Deno.test("one command at a time works under a name, and others under other names", async () => {
  const { cli } = machine();
  const held = await PlaceFile.open(cli, "foh");
  const error = await assertRejects(() => PlaceFile.open(cli, "foh"), HanaError);
  assertEquals([error.code, error.what], ["conflict", "another command works as foh"]);
  const other = await PlaceFile.open(cli, "lx");
  other.release();
  held.release();
  (await PlaceFile.open(cli, "foh")).release();
});

Deno.test("what is no name is refused before anything is touched", async () => {
  const { cli, files } = machine();
  for (const name of ["", "../foh", "a b", "x".repeat(64), ".foh"]) {
    assertEquals((await assertRejects(() => PlaceFile.open(cli, name), HanaError)).code, "usage", name);
  }
  assertEquals(files.stat("/state/clients"), null);
});

Deno.test("undone actions can be done again until something new is done, and the oldest are forgotten", async () => {
  const { cli } = machine();
  const file = await PlaceFile.open(cli, "foh");
  for (const what of ["a", "b", "c"]) file.note(action(what));
  const names = (list: readonly Action[]): string => list.map(({ what }) => what).join("");
  file.move("done");
  file.move("done");
  assertEquals([names(file.place.done), names(file.place.undone)], ["a", "cb"]);
  file.move("undone");
  assertEquals([names(file.place.done), names(file.place.undone)], ["ab", "c"]);
  file.note(action("d"));
  assertEquals([names(file.place.done), names(file.place.undone)], ["abd", ""]);
  // What changed nothing is no step.
  file.note({ what: "e", changes: [] });
  assertEquals(names(file.place.done), "abd");
  for (let i = 0; i < 100; i++) file.note(action(`${i}`));
  assertEquals([file.place.done.length, file.place.done[0]?.what], [64, "36"]);
  file.release();
});

Deno.test("a file that cannot be read makes a new client, and never an error", async () => {
  const { cli, files } = machine();
  for (
    const text of [
      "",
      "{",
      "null",
      "[]",
      '{"token":"zz","id":5,"done":[{}],"undone":7}',
      '{"id":"abc","token":1}',
    ]
  ) {
    files.makeDirectory("/state/clients", 0o700);
    files.write(FILE, new TextEncoder().encode(text), 0o600);
    const file = await PlaceFile.open(cli, "foh");
    assertEquals(file.place, { name: "foh", id: null, token: null, done: [], undone: [] }, text);
    file.release();
  }
});
