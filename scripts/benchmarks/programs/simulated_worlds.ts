// Worlds to be timed: one of empty events, one of timers, one of whole nodes that have nothing to do but be there, and a
// show with a stream. Commands: {"what":"events"}, {"what":"timers"} with "count"; {"what":"nodes"} and
// {"what":"stream"} with "nodes" and "seconds".

import { cpuUsage } from "node:process";
import { SharedOpening } from "../../../lib/discovery/mod.ts";
import { Node } from "../../../lib/node/mod.ts";
import { SimulatedWorld, SpecLink } from "../../../lib/platform/simulated/mod.ts";
import { loadSessionSuite, MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { normaliseScenario, runScenario } from "../../../lib/simulate/mod.ts";
import { serveCommands } from "./commands.ts";

const SECOND = 1_000_000;
/** By then everybody has met everybody; of very many some need longer. */
const JOIN_US = 5 * SECOND;
const LONG_JOIN_US = 30 * SECOND;
/** As many others as a list holds. */
const MAX_LISTED = 512;
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

/** Milliseconds of processor time that this process has used, its own and the system's for it. */
function cpuMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/**
 * A show for `seconds` as `hana simulate run` plays it, with all that it observes: an app sends each of the others a
 * message of 96 bytes sixty times a second.
 */
async function timeStream(nodes: number, seconds: number) {
  const [scenario] = normaliseScenario({
    name: "stream",
    summary: "An app and its stream to all others.",
    nodes: { viz: { count: nodes - 1 }, app: { count: 1 } },
    traffic: [{ from: "app-0", to: "viz-*", lane: "modulation", rate: "60Hz", size: "96B" }],
    duration: `${seconds}s`,
  });
  if (scenario === undefined) throw new Error("no scenario");
  const started = performance.now();
  const cpuBefore = cpuMs();
  const { verdict, reason, events } = await runScenario(scenario, { seed: 1, software: "bench" });
  if (verdict !== "pass") {
    throw new Error(`the show with a stream ends as ${verdict}: ${reason ?? "a rule was broken"}`);
  }
  return {
    wallMs: performance.now() - started,
    cpuMs: cpuMs() - cpuBefore,
    events,
    residentMb: Deno.memoryUsage().rss / 1e6,
  };
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
  const cpuStarted = cpuMs();
  // A node lists itself too.
  const wanted = Math.min(nodes, MAX_LISTED + 1);
  const isComplete = (): boolean =>
    running.length === nodes && running.every((node) => node.nodes().length >= wanted);
  let joinUs = JOIN_US;
  await world.runUntil(joinUs);
  for (; !isComplete() && joinUs < LONG_JOIN_US; joinUs += SECOND) await world.runUntil(joinUs + SECOND);
  if (!isComplete()) throw new Error(`${nodes} nodes have not met`);
  const joined = performance.now();
  const cpuJoined = cpuMs();
  const before = world.eventCount;
  await world.runFor(seconds * SECOND);
  return {
    joinMs: joined - started,
    joinCpuMs: cpuJoined - cpuStarted,
    joinVirtualS: joinUs / SECOND,
    joinEvents: before,
    quietMs: performance.now() - joined,
    quietCpuMs: cpuMs() - cpuJoined,
    events: world.eventCount - before,
    residentMb: Deno.memoryUsage().rss / 1e6,
  };
}

// Loading code takes real time, of which a world knows nothing.
await loadSessionSuite();
await serveCommands(async ({ what, count, nodes, seconds }) => {
  if (what === "events") return { ms: await timeEvents(Number(count)) };
  if (what === "timers") return { ms: await timeTimers(Number(count)) };
  if (what === "stream") return await timeStream(Number(nodes), Number(seconds));
  return await timeNodes(Number(nodes), Number(seconds));
});
Deno.exit(0);
