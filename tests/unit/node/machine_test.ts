// Nodes on the real machine: local sockets in a directory of the test's own, no network.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { listLocalNodes, Node, PING } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { nodeOptions } from "./support.ts";

async function withNodes(
  count: number,
  run: (nodes: Node[], directory: string, platform: Platform) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const platform = denoPlatform();
  const nodes: Node[] = [];
  try {
    for (let i = 0; i < count; i++) nodes.push(await startIn(directory, platform));
    await run(nodes, directory, platform);
    assertEquals(platform.faults, 0);
  } finally {
    for (const node of nodes) await node.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

function startIn(directory: string, platform: Platform): Promise<Node> {
  return Node.start(
    platform,
    nodeOptions({ stateDirectory: `${directory}/state`, runDirectory: `${directory}/run`, tcpPort: null }),
  );
}

Deno.test("nodes of one machine find each other's sockets by their notes, and talk", async () => {
  await withNodes(3, async (nodes, directory, platform) => {
    const notes = listLocalNodes(platform.files, `${directory}/run`);
    assertEquals(notes.map((note) => note.id).sort(), nodes.map((node) => node.id).sort());
    const [first] = nodes;
    assert(first !== undefined);
    for (const note of notes.filter((each) => each.id !== first.id)) {
      const session = await first.connect(note.address);
      assertEquals([session.peer.id, session.secure], [note.id, false]);
      const payload = new Uint8Array(16 * 1024).fill(7);
      assertEquals((await session.request(PING.events, { payload })).payload, payload);
    }
  });
});

Deno.test("a node that stops takes its socket and its note along", async () => {
  await withNodes(1, async ([node], directory, platform) => {
    assert(node !== undefined);
    assertEquals(platform.files.list(`${directory}/run`).length, 2);
    await node.stop();
    assertEquals([platform.files.list(`${directory}/run`), node.stopFailure], [[], null]);
    const next = await startIn(directory, platform);
    assertEquals([next.id, next.incarnation > node.incarnation], [node.id, true]);
    await next.stop();
  });
});

Deno.test(
  "a run directory that others can enter keeps a node from starting, and stays as it was",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "hana-" });
    try {
      await Deno.mkdir(`${directory}/run`);
      await Deno.chmod(`${directory}/run`, 0o755);
      const platform = denoPlatform();
      const error = await assertRejects(() => startIn(directory, platform), HanaError);
      assertEquals([error.code, platform.files.list(`${directory}/run`)], ["refused", []]);
      assertEquals(platform.files.stat(`${directory}/run`)?.mode, 0o755);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test("connecting by hand with garbage costs that connection alone", async () => {
  await withNodes(2, async ([node, other], directory) => {
    assert(node !== undefined && other !== undefined);
    const path = `${directory}/run/${node.id.slice(0, 12)}.sock`;
    const inputs = [
      new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0, 0, 0, 2, 0, 17),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1),
      Uint8Array.of(0, 0),
    ];
    for (const bytes of inputs) {
      const connection = await Deno.connect({ transport: "unix", path });
      await connection.write(bytes);
      await connection.closeWrite();
      const into = new Uint8Array(1024);
      // The node answers nothing and ends; a reset is an end as well.
      const answered = await connection.read(into).catch(() => null);
      assertEquals(answered, null);
      connection.close();
    }
    const session = await other.connect(`unix://${path}`);
    assertEquals(session.peer.id, node.id);
    assertEquals(node.sessions.counters.greeted, 1);
  });
});
