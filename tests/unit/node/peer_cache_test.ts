// Nodes that find their mesh again by where it was.

import { assert, assertEquals } from "@std/assert";
import type { Node } from "../../../lib/node/mod.ts";
import { Park } from "./support.ts";

const PEERS = "/var/hana/nodes/a/peers.json";
const SECOND = 1_000_000;

function sees(node: Node): string[] {
  return node.nodes().filter(({ self, state }) => !self && state === "alive").map(({ name }) => name).sort();
}

async function restartedWithoutMulticast(prepare: (park: Park) => void): Promise<string[]> {
  const park = new Park();
  const hosts = ["a", "b", "c"].map((name) => park.host(name));
  const nodes: Node[] = [];
  for (const host of hosts) nodes.push(await park.start(host.platform, { discovery: { dnsSd: false } }));
  await park.until(() => nodes.every((node) => sees(node).length === 2), "they know each other");
  // Long enough that what they know is written.
  await park.world.runFor(10 * SECOND);
  const [first] = nodes;
  const [host] = hosts;
  assert(first !== undefined && host !== undefined);
  await park.settle(first.stop());
  prepare(park);
  const again = await park.start(host.platform, { discovery: { dnsSd: false } });
  await park.world.runFor(20 * SECOND);
  assertEquals(park.crashes, []);
  return sees(again);
}

/** From now on a datagram to many reaches nobody, as on a wireless network that isolates its clients. */
function blockMulticast(park: Park): void {
  for (const name of ["a", "b", "c"]) park.world.host(name)?.setGroupLoss(1);
}

Deno.test("a node that is restarted where multicast is filtered finds its mesh by where it was", async () => {
  assertEquals(await restartedWithoutMulticast(blockMulticast), ["b", "c"]);
});

Deno.test("a list of former nodes that is broken or too old is passed over", async () => {
  const broken = await restartedWithoutMulticast((park) => {
    blockMulticast(park);
    park.world.host("a")?.platform.files.write(PEERS, new TextEncoder().encode("{"), 0o600);
  });
  assertEquals(broken, []);
});
