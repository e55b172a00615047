// Peers that mean harm or are broken: each costs its own connection and a counter, and nobody else notices.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import { listening, raw } from "./raw.ts";
import { shareKey, stageOf } from "./stage.ts";

const DISCOVERY_PORT = "47676";
/** Suspicion comes after 3.4 beats of silence, the verdict after 5; a beat is 1.1 s at most in a mesh this small. */
const VERDICT_MS = 12_000;

/** As much of `hana call NODE hana.statistics` as is read here. */
interface Statistics {
  readonly channel: { readonly failures: Readonly<Record<string, number>> };
  readonly sessions: { readonly open: number; readonly failedGreetings: number };
  readonly discovery: { readonly refused: Readonly<Record<string, number>> };
}

async function statisticsOf(user: HanaUser): Promise<Statistics> {
  const { document } = await user.call(user.machine.name, "hana.statistics");
  return (document.reply as { statistics: Statistics }).statistics;
}

liveTest("garbage on every port is counted and troubles nobody", async (network) => {
  const [a, b, stranger] = stageOf(network, "a", "b", "stranger");
  await shareKey(a, b);
  const [node] = await Promise.all([a.serve(), b.serve()]);
  const watch = await b.watch();
  await watch.untilState("a", "alive");
  const garbler = raw(stranger.machine, "garble", "10.77.1.1", String(node.port), DISCOVERY_PORT);
  assertEquals((await garbler.ended()).code, 0);

  const { channel, discovery, sessions } = await statisticsOf(a);
  assert((channel.failures["not-hana"] ?? 0) > 0, JSON.stringify(channel.failures));
  assert((discovery.refused["not-hana"] ?? 0) > 0, JSON.stringify(discovery.refused));
  assert(sessions.failedGreetings > 0);
  assertEquals((await b.ping("a")).code, 0);
  const states = watch.lines.flatMap((line) => line.op !== "sync" && line.name === "a" ? [line.state] : []);
  assertEquals(new Set(states), new Set(["alive"]));
  assertEquals(node.process.stderr.includes("error"), false, node.process.stderr);
});

liveTest("whoever connects and says nothing is cut off without a word", async (network) => {
  const [a, b, stranger] = stageOf(network, "a", "b", "stranger");
  await shareKey(a, b);
  const [node] = await Promise.all([a.serve(), b.serve()]);
  const crowd = await listening(stranger.machine, "crowd", "10.77.1.1", String(node.port), "100");
  // Members go on as before.
  assertEquals((await b.discover("--expect", "2")).code, 0);
  assertEquals((await b.ping("a")).code, 0);
  const { stdout } = await crowd.ended();
  assertStringIncludes(stdout, "gone, 0 bytes heard");
  assertEquals((await statisticsOf(a)).sessions.failedGreetings, 100);
});

liveTest("a ping to something that never answers ends in time and says so", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  await listening(b.machine, "mute", "9000");
  await listening(b.machine, "answer", "9001");
  const mute = await a.run(["ping", "tcp://10.77.1.2:9000", "--timeout", "500ms"]);
  assertEquals([mute.code, mute.stdout], [1, ""], mute.stderr);
  assertStringIncludes(mute.stderr, "10.77.1.2:9000");
  const foreign = await a.run(["ping", "tcp://10.77.1.2:9001"]);
  assertEquals([foreign.code, foreign.stdout], [1, ""], foreign.stderr);
  assertStringIncludes(foreign.stderr, "10.77.1.2:9001");
  const nobody = await a.run(["ping", "tcp://10.77.1.2:9002"]);
  assertEquals([nobody.code, nobody.stdout], [1, ""], nobody.stderr);
  for (const { stderr } of [mute, foreign, nobody]) {
    assert(stderr.trimEnd().split("\n").length <= 3, stderr);
  }
});

liveTest(
  "a node that stood still is missed, and comes back as it was without missing the others",
  async (network) => {
    const [a, b, c] = stageOf(network, "a", "b", "c");
    await shareKey(a, b, c);
    const [, node] = await Promise.all([a.serve(), b.serve(), c.serve()]);
    const watch = await a.watch();
    const before = await watch.untilState("b", "alive");
    // As a machine that swaps, or a laptop that sleeps.
    node.process.kill("SIGSTOP");
    await watch.untilState("b", "dead", VERDICT_MS);
    node.process.kill("SIGCONT");
    const after = await watch.untilState("b", "alive", VERDICT_MS);
    assertEquals([after.id, after.incarnation], [before.id, before.incarnation]);
    // Its own silence is not taken for that of the others.
    const { code, stderr } = await b.discover("--expect", "a,b,c", "--timeout", "5s");
    assertEquals(code, 0, stderr);
    assertEquals(/lost|silent/.test(node.process.stderr), false, node.process.stderr);
  },
);

liveTest("a watch through a node that is killed says that the node is gone", async (network) => {
  const [a] = stageOf(network, "a");
  const node = await a.serve();
  const watch = await a.watch();
  await node.crash();
  const { code, stderr } = await watch.process.ended();
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /^error: /);
  assert(stderr.trimEnd().split("\n").length <= 3, stderr);
  // And one whose node ends as it should is told so.
  const second = await a.serve();
  const polite = await a.watch();
  await second.stop();
  const ended = await polite.process.ended();
  assertEquals(ended.code, 1, ended.stderr);
  assertStringIncludes(ended.stderr, "hana discover --watch --direct");
});
