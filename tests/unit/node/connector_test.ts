import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import { type ConnectorContext, connectTo, connectToAny } from "../../../lib/node/connector.ts";
import type { Node } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import type { SimulatedHost } from "../../../lib/platform/simulated/mod.ts";
import { HandlerTable, type Session } from "../../../lib/session/mod.ts";
import { parseAddress } from "../../../lib/transport/mod.ts";
import { testContext, testRing } from "../security/support.ts";
import { identity } from "../session/support.ts";
import { Park } from "./support.ts";

const second = 1_000_000;

function context(platform: Platform, key = 1): ConnectorContext {
  return {
    platform,
    security: testContext(testRing(key)),
    local: identity(99),
    handlers: new HandlerTable(),
    access: "operator",
  };
}

/** Some hosts that run a node each, and one that dials. */
async function scene(
  count: number,
): Promise<{ park: Park; hosts: SimulatedHost[]; nodes: Node[]; from: Platform }> {
  const park = new Park();
  const hosts = Array.from({ length: count }, (_, i) => park.host(`h${i + 1}`));
  const nodes: Node[] = [];
  for (const host of hosts) nodes.push(await park.start(host.platform, { keys: testRing(1) }));
  return { park, hosts, nodes, from: park.host("dialler").platform };
}

function at(number: number, port = 700): ReturnType<typeof parseAddress> {
  return parseAddress(`tcp://10.0.0.${number}:${port}`);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, HanaError)).code;
}

function open(nodes: readonly Node[]): number[] {
  return nodes.map((node) => node.sessions.all().filter((session) => session.isOpen).length);
}

Deno.test("a session is ready when it is returned, and sealed between machines", async () => {
  const { park, nodes, from } = await scene(1);
  const session = await park.settle(connectTo(context(from), at(1), { timeoutUs: second }));
  assertEquals([session.isOpen, session.secure, session.peer.id], [true, true, nodes[0]?.id as NodeId]);
});

Deno.test("a path that is dead keeps the next one waiting for 250 ms and no longer", async () => {
  const { park, hosts, from } = await scene(2);
  hosts[0]?.crash();
  const startedUs = park.world.nowUs;
  const session = await park.settle(connectToAny(context(from), [at(1), at(2)], { timeoutUs: 3 * second }));
  const tookUs = park.world.nowUs - startedUs;
  assert(session.remote.includes("10.0.0.2") && tookUs >= 250_000 && tookUs < 300_000, `${tookUs}`);
});

Deno.test("a path that is refused makes way for the next one at once", async () => {
  const { park, from } = await scene(2);
  const startedUs = park.world.nowUs;
  await park.settle(connectToAny(context(from), [at(1, 9), at(2)], { timeoutUs: 3 * second }));
  assert(park.world.nowUs - startedUs < 50_000);
});

Deno.test("the first answer wins, and whoever answers later is let go", async () => {
  const { park, nodes, from } = await scene(2);
  // The first path answers, but slowly: slower than the stagger and than the second one.
  park.world.segment("lan").model = {
    planUs: (link) => link.to === "h1" || link.from === "h1" ? 150_000 : 200,
  };
  const session = await park.settle(connectToAny(context(from), [at(1), at(2)], { timeoutUs: 3 * second }));
  assertEquals(session.peer.id, nodes[1]?.id as NodeId);
  await park.world.runFor(10 * second);
  assertEquals(open(nodes), [0, 1]);
  assertEquals(park.crashes, []);
});

Deno.test("an answer under another id is no answer, and its session is closed", async () => {
  const { park, nodes, from } = await scene(2);
  const wrong = connectTo(context(from), at(1), { timeoutUs: second, expectedId: "f".repeat(32) as NodeId });
  assertEquals(await codeOf(park.settle(wrong)), "not-found");
  const expectedId = nodes[1]?.id;
  const session = await park.settle(
    connectToAny(context(from), [at(1), at(2)], { timeoutUs: second, ...(expectedId && { expectedId }) }),
  );
  assertEquals(session.peer.id, expectedId as NodeId);
  await park.world.runFor(2 * second);
  assertEquals(open(nodes), [0, 1]);
});

Deno.test("all paths together have one deadline", async () => {
  const { park, hosts, from } = await scene(6);
  for (const host of hosts) host.crash();
  const startedUs = park.world.nowUs;
  const paths = [1, 2, 3, 4, 5, 6].map((number) => at(number));
  assertEquals(
    await codeOf(park.settle(connectToAny(context(from), paths, { timeoutUs: second }))),
    "timeout",
  );
  assertEquals(park.world.nowUs - startedUs, second);
});

Deno.test("what failed is told by the failure that says most", async () => {
  const { park, from } = await scene(1);
  const stranger = context(from, 2);
  const paths = [at(1, 9), at(1), at(1, 8)];
  assertEquals(
    await codeOf(park.settle(connectToAny(stranger, paths, { timeoutUs: second }))),
    "authentication",
  );
  assertEquals(
    await codeOf(park.settle(connectToAny(context(from), [at(1, 9), at(1, 8)], { timeoutUs: second }))),
    "unreachable",
  );
  assertEquals(
    await codeOf(park.settle(connectToAny(context(from), [], { timeoutUs: second }))),
    "unreachable",
  );
});

Deno.test("giving up works before and at any moment of connecting, and leaves no session anywhere", async () => {
  const { park, hosts, nodes, from } = await scene(3);
  const paths = [at(1), at(2), at(3)];
  const before = AbortSignal.abort();
  for (const addresses of [paths, [at(1)]]) {
    assertEquals(
      await codeOf(
        park.settle(connectToAny(context(from), addresses, { timeoutUs: second, signal: before })),
      ),
      "cancelled",
    );
  }
  park.world.segment("lan").model = { planUs: () => 10_000 };
  for (let afterUs = 0; afterUs < 80_000; afterUs += 5_000) {
    const giveUp = new AbortController();
    park.world.at(park.world.nowUs + afterUs, () => giveUp.abort());
    let session: Session | null = null;
    let code = "";
    const connecting = connectToAny(context(from), paths, { timeoutUs: second, signal: giveUp.signal });
    await park.settle(connecting.then((made) => session = made, (error) => code = error.code));
    assert(session !== null || code === "cancelled", code);
    if (session !== null) (session as Session).abort();
  }
  await park.world.runFor(10 * second);
  assertEquals([open(nodes), hosts.length, park.crashes], [[0, 0, 0], 3, []]);
});

Deno.test("giving up in the very turn in which dialling was through is not missed", async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { park, nodes, from } = await scene(1);
    const giveUp = new AbortController();
    const streams = {
      listen: from.streams.listen.bind(from.streams),
      connect: async (...args: Parameters<typeof from.streams.connect>) => {
        const stream = await from.streams.connect(...args);
        let left = turns;
        const later = (): void => {
          if (left-- > 0) void Promise.resolve().then(later);
          else giveUp.abort();
        };
        later();
        return stream;
      },
    };
    const connecting = connectTo(context({ ...from, streams }), at(1), {
      timeoutUs: second,
      signal: giveUp.signal,
    });
    assertEquals(await codeOf(park.settle(connecting)), "cancelled", `${turns} turns`);
    await park.world.runFor(2 * second);
    assertEquals(open(nodes), [0]);
  }
});
