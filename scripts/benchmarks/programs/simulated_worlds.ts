// Worlds to be timed: one of empty events, one of timers, one of whole nodes that have nothing to do but be there.
// Commands: {"what":"events"}, {"what":"timers"} with "count"; {"what":"nodes"} with "nodes" and "seconds".

import { SharedOpening } from "../../../lib/discovery/mod.ts";
import { Node } from "../../../lib/node/mod.ts";
import { SimulatedWorld, SpecLink } from "../../../lib/platform/simulated/mod.ts";
import { loadSessionSuite, MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { serveCommands } from "./commands.ts";

const SECOND = 1_000_000;
/** By then everybody has met everybody. */
const JOIN_US = 5 * SECOND;
/** Events that wait at any time. */
const WAITING = 100;

/** Milliseconds for `count` events that do nothing but plan the next. */
async function timeEvents(count: number): Promise<number> {
  const world = new SimulatedWorld({ seed: 1 });
  let left = count;
  const next = (): void => {
    if (--left > 0) world.at(world.nowUs + 1000, next);
  };
  for (let i = 0; i < WAITING; i++) world.at(i, next);
  const started = performance.now();
  await world.runUntilIdle(Infinity);
  return performance.now() - started;
}

/** The same by timers of hosts, which are logged and digested. */
async function timeTimers(count: number): Promise<number> {
  const world = new SimulatedWorld({ seed: 1 });
  let left = count;
  for (let i = 0; i < WAITING; i++) {
    const { timers, clock } = world.createHost({ name: `host-${i}` }).platform;
    const next = (): void => {
      if (--left > 0) timers.schedule(clock.nowUs() + 1000 + (left & 1023), next);
    };
    timers.schedule(i, next);
  }
  const started = performance.now();
  await world.runUntilIdle(Infinity);
  return performance.now() - started;
}

/** Nodes on a switched network: their joining, then so many quiet seconds. */
async function timeNodes(nodes: number, seconds: number) {
  const keys = new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(7)), null);
  const opening = new SharedOpening();
  const world = new SimulatedWorld({ seed: 1 });
  world.createSegment("lan", {
    model: new SpecLink({
      delay: { kind: "exponential", minUs: 150, meanUs: 50 },
      bitsPerSecond: 1e9,
      queueBytes: 512_000,
    }),
  });
  const running: Node[] = [];
  for (let i = 1; i <= nodes; i++) {
    const host = world.createHost({
      name: `host-${i}`,
      interfaces: [{ name: "eth0", segment: "lan", address: `10.0.${i >> 8}.${i & 255}`, prefix: 16 }],
    });
    world.at(i * 100, () =>
      void Node.start(host.platform, {
        role: "daemon",
        name: `node-${i}`,
        software: "bench",
        stateDirectory: "/state",
        runDirectory: null,
        keys,
        opening,
        // As in scenarios: what DNS-SD costs is measured on its own.
        discovery: { dnsSd: false },
      }).then((node) => running.push(node)));
  }
  const started = performance.now();
  await world.runUntil(JOIN_US);
  const joined = performance.now();
  const before = world.eventCount;
  const isComplete = running.length === nodes && running.every((node) => node.nodes().length === nodes);
  if (!isComplete) throw new Error(`${nodes} nodes have not met`);
  await world.runFor(seconds * SECOND);
  const ended = performance.now();
  return {
    joinMs: joined - started,
    quietMs: ended - joined,
    events: world.eventCount - before,
    residentMb: Deno.memoryUsage().rss / 1e6,
  };
}

// Loading code takes real time, of which a world knows nothing.
await loadSessionSuite();
await serveCommands(async ({ what, count, nodes, seconds }) => {
  if (what === "events") return { ms: await timeEvents(Number(count)) };
  if (what === "timers") return { ms: await timeTimers(Number(count)) };
  return await timeNodes(Number(nodes), Number(seconds));
});
Deno.exit(0);
