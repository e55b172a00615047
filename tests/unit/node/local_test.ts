import { assertEquals, assertThrows } from "@std/assert";
import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import { chooseLocalNode, listLocalNodes, type LocalNode } from "../../../lib/node/mod.ts";
import { removeNote, writeNote } from "../../../lib/node/local.ts";
import { Park } from "./support.ts";

const RUN = "/run/hana";

function note(digit: string, name: string, role = "daemon"): LocalNode {
  const id = digit.repeat(32) as NodeId;
  return { id, name, role, processId: 7, address: `unix://${RUN}/${id.slice(0, 12)}.sock` };
}

Deno.test("notes come back by name, and go when they are taken away", () => {
  const { files } = new Park().host("a").platform;
  files.makeDirectory(RUN, 0o700);
  const [b, a] = [note("b", "wall"), note("a", "stage")];
  writeNote(files, RUN, b);
  writeNote(files, RUN, a);
  assertEquals(listLocalNodes(files, RUN), [a, b]);
  assertEquals(files.stat(`${RUN}/${a.id.slice(0, 12)}.json`)?.mode, 0o600);
  removeNote(files, RUN, a.id);
  removeNote(files, RUN, a.id);
  assertEquals(listLocalNodes(files, RUN), [b]);
});

Deno.test("without a directory nobody is there", () => {
  const { files } = new Park().host("a").platform;
  assertEquals(listLocalNodes(files, "/nowhere"), []);
});

Deno.test("whatever else lies in the directory is passed over", () => {
  const { files } = new Park().host("a").platform;
  files.makeDirectory(`${RUN}/0123456789ab.json`, 0o700);
  const wrong = [
    "",
    "null",
    "[]",
    "{",
    "7",
    '{"id":"x"}',
    JSON.stringify({ ...note("c", "x"), processId: "7" }),
  ];
  wrong.forEach((text, i) =>
    files.write(`${RUN}/00000000000${i}.json`, new TextEncoder().encode(text), 0o600)
  );
  files.write(`${RUN}/readme.json`, new TextEncoder().encode(JSON.stringify(note("d", "x"))), 0o600);
  writeNote(files, RUN, note("e", "real"));
  assertEquals(listLocalNodes(files, RUN).map((node) => node.name), ["real"]);
});

Deno.test("a tool talks to the daemon, or to whom it is told to, by name or beginning of the id", () => {
  const [app, daemon] = [note("a", "controls", "app"), note("b", "stage")];
  assertEquals(chooseLocalNode([app, daemon], undefined), daemon);
  assertEquals(chooseLocalNode([app], undefined), app);
  assertEquals(chooseLocalNode([], undefined), null);
  assertEquals(chooseLocalNode([app, daemon], "controls"), app);
  assertEquals(chooseLocalNode([app, daemon], "bbbb"), daemon);
  for (const nodes of [[], [app, daemon]]) {
    assertEquals(assertThrows(() => chooseLocalNode(nodes, "other"), HanaError).code, "not-found");
  }
});
