// Rotating the key of a mesh while the show goes on, with whole nodes on simulated machines.

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../lib/node/mod.ts";
import { SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { MeshKey, MeshKeyRing, rotate } from "../../../lib/security/mod.ts";

const SECOND = 1_000_000;
const keyOf = (fill: number): MeshKey => new MeshKey(new Uint8Array(32).fill(fill));
const oldRing = new MeshKeyRing(keyOf(1), null);
const bothRing = rotate(oldRing, keyOf(2));
const newRing = rotate(bothRing, keyOf(3));

function start(world: SimulatedWorld, number: number, keys: MeshKeyRing): Promise<Node> {
  const host = world.createHost({
    name: `host-${number}`,
    interfaces: [{ name: "eth0", segment: "lan", address: `10.0.0.${number}`, prefix: 24 }],
  });
  return Node.start(host.platform, {
    role: "app",
    name: `n${number}`,
    software: "0.1.0",
    stateDirectory: "/state",
    runDirectory: null,
    keys,
  });
}

const sees = (node: Node): string[] =>
  node.nodes().filter(({ self }) => !self).map(({ name }) => name).sort();

/** The answer of a promise that needs virtual time to pass. */
async function within<T>(world: SimulatedWorld, promise: Promise<T>): Promise<T | "refused"> {
  let result: { value: T | "refused" } | null = null;
  promise.then((value) => result = { value }, () => result = { value: "refused" });
  await world.runUntilTrue(() => result !== null, world.nowUs + 10 * SECOND);
  assert(result !== null, "nothing settled within 10 s");
  return (result as { value: T | "refused" }).value;
}

Deno.test("machines that have rotated and machines that have not go on seeing and reaching each other", async () => {
  const world = new SimulatedWorld({ seed: 11 });
  const [before, rotated] = [await start(world, 1, oldRing), await start(world, 2, bothRing)];
  await world.runFor(3 * SECOND);
  assertEquals([sees(before), sees(rotated)], [["n2"], ["n1"]]);
  for (const [from, to] of [[before, "n2"], [rotated, "n1"]] as const) {
    const session = await within(world, from.connect(to));
    assert(session !== "refused", `${from.name} cannot reach ${to}`);
    assert(session.secure);
    const rttUs = await within(world, from.ping(session, "control", new Uint8Array(8), SECOND));
    assert(rttUs !== "refused" && rttUs > 0);
  }
});

Deno.test("after a second rotation the first key opens nothing any more", async () => {
  const world = new SimulatedWorld({ seed: 12 });
  const [before, rotatedTwice] = [await start(world, 1, oldRing), await start(world, 2, newRing)];
  await world.runFor(5 * SECOND);
  assertEquals([sees(before), sees(rotatedTwice)], [[], []]);
  const address = rotatedTwice.addresses.find((each) => each.startsWith("tcp://")) ?? "";
  assertEquals(await within(world, before.open(address)), "refused");
  assertEquals(rotatedTwice.sessions.counters.greeted, 0);
});
