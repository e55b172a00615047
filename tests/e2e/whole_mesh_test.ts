// What befalls a whole mesh at once, and one that comes back elsewhere.

import { assert, assertEquals } from "@std/assert";
import { type HanaUser, tcpHosts } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { shareKey, stageOf } from "./stage.ts";

/** All know all within this after the last one can be reached. */
const MET_MS = 5_000;
/** A crash is known to every observer within 6 s; real processes get a little more. */
const KNOWN_MS = 8_000;

/** The incarnations of the nodes that a machine lists as alive, by name. */
async function livesSeenBy(user: HanaUser): Promise<Map<string, number>> {
  const { document } = await user.discover("--expect", "5");
  return new Map(
    document.nodes.filter(({ state }) => state === "alive").map((
      { name, incarnation },
    ) => [name, incarnation]),
  );
}

liveTest(
  "five machines that lose their power together are five later lives a moment after",
  async (network) => {
    const users = stageOf(network, "a", "b", "c", "d", "e");
    await shareKey(...users);
    const first = await Promise.all(users.map((user) => user.serve()));
    const before = await livesSeenBy(users[0]);
    assertEquals([...before.keys()].sort(), ["a", "b", "c", "d", "e"]);

    await Promise.all(first.map((node) => node.crash()));
    const second = await Promise.all(users.map((user) => user.serve()));
    assertEquals(second.map(({ ready }) => ready.id), first.map(({ ready }) => ready.id));
    for (const user of [users[0], users[4]]) {
      const after = await livesSeenBy(user);
      assertEquals([...after.keys()].sort(), [...before.keys()].sort());
      for (const [name, incarnation] of after) assert(incarnation > (before.get(name) ?? 0), name);
    }
  },
);

liveTest(
  "a machine that is killed and comes back with another address is the same node there",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    const [, first] = await Promise.all([a.serve(), b.serve(), c.serve()]);
    const watch = await a.watch();
    const before = await watch.untilState("b", "alive");
    assertEquals(tcpHosts(before), ["10.77.1.2"]);

    await first.crash();
    b.machine.setAddress("stage", "10.77.1.99/24");
    const second = await b.serve();
    assertEquals(second.ready.id, first.ready.id);
    const after = await watch.until("b at its new address", () => {
      const node = watch.nodes.get("b");
      return node !== undefined && node.incarnation > before.incarnation &&
          tcpHosts(node).includes("10.77.1.99")
        ? node
        : null;
    }, MET_MS);
    assertEquals([after.id, after.state], [before.id, "alive"]);
    assertEquals((await a.ping("b")).code, 0);
  },
);

liveTest("three of five machines crash at once, and the two that are left say so", async (network) => {
  const [a, b, c, d, e] = stageOf(network, "a", "b", "c", "d", "e");
  await shareKey(a, b, c, d, e);
  const [, , ...doomed] = await Promise.all([a, b, c, d, e].map((user) => user.serve()));
  const watches = await Promise.all([a.watch(), b.watch()]);
  for (const watch of watches) for (const name of ["c", "d", "e"]) await watch.untilState(name, "alive");
  await Promise.all(doomed.map((node) => node.crash()));
  for (const watch of watches) {
    for (const name of ["c", "d", "e"]) {
      // So many at once may as well be a cut cable of our own: then they are partitioned, and dead later.
      await watch.until(`${name} to be missed`, () => {
        const state = watch.nodes.get(name)?.state;
        return state === "dead" || state === "partitioned" ? state : null;
      }, KNOWN_MS);
    }
    assert(["alive", "suspect"].includes(watch.nodes.get(watch === watches[0] ? "b" : "a")?.state ?? ""));
  }
});
