// Lanes that peers open at a node: handlers of programs, and the echo and the sink of every node.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { LANE_KINDS, type LaneKind } from "../../../lib/lanes/mod.ts";
import {
  ECHO_LANE,
  MAX_SERVICE_LANES,
  type Node,
  SINK_FIGURES,
  SINK_LANE,
  type SinkFigures,
} from "../../../lib/node/mod.ts";
import type { OutgoingLane, Session } from "../../../lib/session/mod.ts";
import { testRing } from "../security/support.ts";
import { Park } from "./support.ts";

interface Pair {
  readonly park: Park;
  /** The one that dials. */
  readonly near: Node;
  readonly far: Node;
  readonly session: Session;
}

async function pair(options: { readonly keyed: boolean }): Promise<Pair> {
  const park = new Park();
  const keys = options.keyed ? { keys: testRing(1) } : {};
  const [a, b] = [park.host("a").platform, park.host("b").platform];
  const near = await park.start(a, { role: "app", ...keys });
  const far = await park.start(b, { role: "visualization", ...keys });
  const session = await park.settle(near.open("tcp://10.0.0.2:700"));
  await park.until(() => session.path.kind === "udp", "datagrams pass");
  return { park, near, far, session };
}

function counters(node: Node): Record<string, number> {
  return node.statistics()["laneServices"] as Record<string, number>;
}

async function sinksOf({ park, session }: Pair): Promise<SinkFigures[]> {
  return (await park.settle(session.request(SINK_FIGURES, {}))).sinks as SinkFigures[];
}

for (const kind of LANE_KINDS) {
  Deno.test(`the echo of a node sends ${kind} messages back on a lane of the same kind`, async () => {
    const { park, near, far, session } = await pair({ keyed: true });
    const came: { kind: LaneKind; bytes: number[] }[] = [];
    near.onLane(ECHO_LANE, (lane) => ({
      onMessage: (bytes) => came.push({ kind: lane.kind, bytes: [...bytes] }),
    }));
    const lane = session.openLane({ name: ECHO_LANE, kind, keyed: false });
    for (let i = 0; i < 3; i++) assert(lane.send(Uint8Array.of(i, 7)) >= 0);
    await park.until(() => came.length === 3, "all come back");
    assertEquals(came.map((each) => each.kind), [kind, kind, kind]);
    assertEquals(came.map(({ bytes }) => bytes).sort(), [[0, 7], [1, 7], [2, 7]]);
    assertEquals([counters(far)["echoed"], counters(far)["echoDropped"]], [3, 0]);
  });
}

Deno.test("two nodes never echo each other's echoes: who opened the session takes what comes back or drops it", async () => {
  const { park, near, far, session } = await pair({ keyed: true });
  const lane = session.openLane({ name: ECHO_LANE, kind: "reliable-ordered" });
  lane.send(new Uint8Array(8));
  await park.until(() => counters(far)["echoed"] === 1, "it is echoed");
  await park.world.runFor(2_000_000);
  assertEquals([counters(far)["echoed"], counters(near)["echoed"], counters(near)["unknown"]], [1, 0, 1]);
});

Deno.test("an untrusted peer gets neither echo nor sink: a node is no amplifier and no meter for strangers", async () => {
  const one = await pair({ keyed: false });
  const { park, near, far, session } = one;
  let came = 0;
  near.onLane(ECHO_LANE, () => ({ onMessage: () => came++ }), { untrusted: true });
  for (const name of [ECHO_LANE, SINK_LANE]) {
    session.openLane({ name, kind: "unreliable-unordered" }).send(new Uint8Array(64));
  }
  await park.until(() => counters(far)["untrusted"] === 2, "both are refused");
  await park.world.runFor(1_000_000);
  assertEquals([came, await sinksOf(one)], [0, []]);
  assert(session.isOpen);
});

Deno.test("an echo never sends more messages or bytes than it got", async () => {
  const { park, near, far, session } = await pair({ keyed: true });
  let messages = 0;
  let bytes = 0;
  near.onLane(ECHO_LANE, () => ({
    onMessage: (message) => {
      messages++;
      bytes += message.length;
    },
  }));
  const lane = session.openLane({ name: ECHO_LANE, kind: "unreliable-unordered" });
  for (let i = 0; i < 400; i++) lane.send(new Uint8Array(1 + (i * 37) % 900));
  await park.until(() => (counters(far)["echoed"] ?? 0) > 0 && lane.isWritable, "it echoes");
  await park.world.runFor(2_000_000);
  assert(messages > 0 && messages <= lane.stats.sentMessages, `${messages} of ${lane.stats.sentMessages}`);
  assert(bytes <= lane.stats.sentBytes, `${bytes} of ${lane.stats.sentBytes}`);
});

Deno.test("a sink counts each lane of its session, answers with the figures, and begins anew", async () => {
  const one = await pair({ keyed: true });
  const { park, session } = one;
  const first = session.openLane({ name: SINK_LANE, kind: "reliable-ordered" });
  const second = session.openLane({ name: SINK_LANE, kind: "reliable-unordered" });
  for (let i = 0; i < 100; i++) first.send(new Uint8Array(10));
  second.send(new Uint8Array(3));
  const isIn = (lane: OutgoingLane, count: number) => (): boolean => lane.stats.deliveredMessages === count;
  await park.until(isIn(first, 100), "all are acknowledged");
  await park.until(isIn(second, 1), "the other one is, too");
  const figures = await sinksOf(one);
  const short = figures.map(({ lane, kind, messages, bytes }) => ({ lane, kind, messages, bytes }));
  assertEquals(short, [
    { lane: first.lane.id, kind: "reliable-ordered", messages: 100, bytes: 1000 },
    { lane: second.lane.id, kind: "reliable-unordered", messages: 1, bytes: 3 },
  ]);
  const [of] = figures;
  assert(of !== undefined && of.firstUs > 0 && of.lastUs >= of.firstUs);
  assertEquals(of.lastMessages, 97);
  assertEquals((await sinksOf(one)).map(({ messages, firstUs }) => [messages, firstUs]), [[0, 0], [0, 0]]);
});

Deno.test("figures of a sink are told to its own session alone", async () => {
  const one = await pair({ keyed: true });
  const { park, near, session } = one;
  session.openLane({ name: SINK_LANE, kind: "reliable-ordered" }).send(new Uint8Array(10));
  const other = await park.settle(near.open("tcp://10.0.0.2:700"));
  assertEquals((await park.settle(other.request(SINK_FIGURES, {}))).sinks, []);
});

Deno.test("a session has a bounded number of service lanes, and the refused ones are counted", async () => {
  const one = await pair({ keyed: true });
  const { park, far, session } = one;
  for (let i = 0; i < MAX_SERVICE_LANES + 2; i++) {
    session.openLane({ name: SINK_LANE, kind: "reliable-ordered" }).send(new Uint8Array(1));
    session.openLane({ name: ECHO_LANE, kind: "reliable-ordered" }).send(new Uint8Array(1));
  }
  await park.until(() => counters(far)["overloaded"] === 4, "four are refused");
  assertEquals([counters(far)["sinkLanes"], counters(far)["echoLanes"]], [
    MAX_SERVICE_LANES,
    MAX_SERVICE_LANES,
  ]);
  assertEquals((await sinksOf(one)).length, MAX_SERVICE_LANES);
});

Deno.test("a program takes lanes by their name, on both ends of a session, until it stops", async () => {
  const { park, near, far, session } = await pair({ keyed: true });
  const came: string[] = [];
  const stop = far.onLane("wall.pixels", (lane, from) => {
    came.push(`${lane.kind} ${lane.name} of ${from.peer.role}`);
    return { onMessage: (bytes) => void came.push(new TextDecoder().decode(bytes)) };
  });
  assertThrows(() => far.onLane("wall.pixels", () => null), HanaError, "have a handler");
  const lane = session.openLane({ name: "wall.pixels", kind: "reliable-ordered" });
  lane.send(new TextEncoder().encode("red"));
  await park.until(() => came.length === 2, "it comes");
  assertEquals(came, ["reliable-ordered wall.pixels of app", "red"]);
  near.onLane("wall.answers", () => ({ onMessage: (bytes) => void came.push(`back ${bytes.length}`) }));
  const [back] = far.sessions.all();
  back?.openLane({ name: "wall.answers", kind: "reliable-unordered" }).send(new Uint8Array(5));
  await park.until(() => came.length === 3, "the other way, too");
  assertEquals(came[2], "back 5");
  stop();
  session.openLane({ name: "wall.pixels", kind: "reliable-ordered" }).send(new Uint8Array(1));
  await park.until(() => counters(far)["unknown"] === 1, "nobody takes it any more");
  assertEquals(came.length, 3);
});
