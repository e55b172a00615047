// Carriers of lanes on simulated machines: packets after the greeting, datagrams beside the stream, and what happens when
// one of both ways dies.

import type { LinkSpec } from "../../../lib/platform/simulated/mod.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { LANES } from "../../../lib/lanes/mod.ts";
import { LaneStage, MS, NO_DATAGRAMS, SECOND } from "./lane_stage.ts";

const { control, state, modulation, events, telemetry } = LANES;
const numbered = (count: number, lane: number): string[] =>
  Array.from({ length: count }, (_, i) => `${lane}:${i}`);

Deno.test("lanes begin on the stream, go over to datagrams once these are proved, and say why", async () => {
  const stage = await LaneStage.greeted();
  assertEquals(stage.near.carrier.path.why, "no datagram came back yet");
  assertEquals([stage.near.carrier.path.kind, stage.near.carrier.path.isAsking], ["stream", true]);
  await stage.run(50 * MS);
  for (const end of [stage.near, stage.far]) {
    assertEquals(end.paths, ["udp: datagrams pass both ways"]);
    assert(end.carrier.path.remote.startsWith("udp://10.0.0."), end.carrier.path.remote);
  }
  for (let i = 0; i < 20; i++) {
    for (const lane of [control, state, events, telemetry]) stage.near.send(lane, `${i}`);
  }
  await stage.run(50 * MS);
  for (const { id } of [control, state, events, telemetry]) {
    assertEquals(stage.far.heard.filter((text) => text.startsWith(`${id}:`)), numbered(20, id));
  }
  assertEquals(stage.crashes, []);
});

Deno.test("with a peer from before lanes payloads travel plain, and programs are told that they have no lanes", async () => {
  for (const old of ["near", "far"] as const) {
    const stage = await LaneStage.greeted({ [old]: { packets: false } });
    const [asking, other] = old === "near" ? [stage.far, stage.near] : [stage.near, stage.far];
    for (let i = 0; i < 10; i++) asking.send(state, `${i}`);
    await stage.run(50 * MS);
    assertEquals(other.heard, numbered(10, state.id));
    const { path } = asking.carrier;
    assertEquals([path.kind, path.why, path.isAsking], ["stream", "the peer takes plain payloads", false]);
    assertEquals(asking.carrier.connectionStats(), null);
    const open = () => asking.carrier.openLane({ name: "pixels", kind: "reliable-ordered" });
    assertEquals(assertThrows(open, HanaError).code, "unsupported");
  }
});

Deno.test("an end without datagram sockets keeps both on the stream, in packets", async () => {
  const stage = await LaneStage.greeted({ far: { udp: false } });
  await stage.run(SECOND);
  assertEquals(stage.near.carrier.path.why, "one of both takes no datagrams");
  assertEquals(stage.far.carrier.path.why, "no datagrams are configured");
  assertEquals([stage.near.carrier.path.isAsking, stage.near.paths], [false, []]);
  stage.near.send(modulation, "hue", { key: 1 });
  await stage.run(10 * MS);
  assertEquals(stage.far.heard, [`${modulation.id}:hue`]);
  assert((stage.near.carrier.connectionStats()?.packetsSent ?? 0) > 0);
});

Deno.test("within one machine lanes stay on the local socket", async () => {
  const stage = await LaneStage.greeted({ address: "unix:///run/lanes.sock" });
  assertEquals(stage.near.carrier.offer?.udp, null);
  for (let i = 0; i < 100; i++) stage.near.send(state, `${i}`);
  await stage.run(50 * MS);
  assertEquals(stage.far.heard, numbered(100, state.id));
  assertEquals([stage.near.carrier.path.kind, stage.near.carrier.path.why], [
    "stream",
    "the peer is on this machine",
  ]);
});

Deno.test("programs open lanes, each side its own, and hear of each other's", async () => {
  const stage = await LaneStage.onUdp();
  const pixels = stage.near.carrier.openLane({ name: "pixels", kind: "reliable-unordered" });
  const depth = stage.far.carrier.openLane({ name: "depth", kind: "unreliable-sequenced", keyed: true });
  assertEquals([pixels.id, depth.id], [16, 16]);
  assertEquals(stage.near.send(pixels, "row 1", { report: true }), "sent");
  assertEquals(stage.far.send(depth, "near", { key: 4, report: true }), "sent");
  await stage.run(100 * MS);
  assertEquals(stage.far.heard, ["16:row 1"]);
  assertEquals(stage.near.heard, ["16:near"]);
  assertEquals([
    stage.far.opened.map(({ name, kind }) => `${name} ${kind}`),
    stage.near.opened.map(({ name }) => name),
  ], [
    ["pixels reliable-unordered"],
    ["depth"],
  ]);
  assertEquals([stage.near.fates, stage.far.fates], [["16#0 delivered"], ["16#0 delivered"]]);
});

Deno.test("senders learn what became of their messages: delivered, lost, expired", async () => {
  const stage = await LaneStage.onUdp();
  stage.near.send(telemetry, "one", { report: true });
  await stage.run(100 * MS);
  assertEquals(stage.near.fates.splice(0), [`${telemetry.id}#0 delivered`]);
  // One packet is lost, the next one tells of it.
  stage.fareFrom("near", NO_DATAGRAMS);
  stage.near.send(telemetry, "two", { report: true });
  await stage.run(1);
  stage.world.segment("lan").setModel("near", "far", null);
  await stage.run(5 * MS);
  stage.near.send(telemetry, "three", { report: true });
  await stage.run(100 * MS);
  assertEquals(stage.near.fates.splice(0).toSorted(), [
    `${telemetry.id}#1 lost`,
    `${telemetry.id}#2 delivered`,
  ]);
  // The newer value of a key takes the place of one that did not leave yet.
  stage.near.send(modulation, "old", { key: 7, report: true });
  stage.near.send(modulation, "new", { key: 7, report: true });
  await stage.run(100 * MS);
  assertEquals(stage.near.fates, [`${modulation.id}#0 expired`, `${modulation.id}#1 delivered`]);
  assertEquals(stage.far.heard.at(-1), `${modulation.id}:new`);
});

Deno.test("a peer that stops is sent no more than lanes hold, told as a refusal, and costs no connection", async () => {
  const stage = await LaneStage.onUdp();
  const lane = stage.near.carrier.openLane({
    name: "small",
    kind: "reliable-ordered",
    maxQueuedMessages: 50,
    maxQueuedBytes: 64 * 1024,
  });
  stage.far.host.freeze();
  let taken = 0;
  let refused = "";
  for (let i = 0; i < 2_000 && refused === ""; i++) {
    const status = stage.near.send(lane, `${i}`.padEnd(1000, "."));
    if (status === "sent" || status === "queued") taken++;
    else refused = status;
    await stage.run(MS);
  }
  assert(refused === "full" || refused === "no-credit", refused);
  assertEquals(stage.near.carrier.isWritable(lane), false);
  assert(stage.near.carrier.queuedUs(lane) > 0);
  const stats = stage.near.carrier.laneStats(lane.id);
  assertEquals(stats.refusedFull + stats.refusedNoCredit, 1);
  assertEquals(stage.near.send(lane, "x".repeat(2 ** 21)), "too-large");
  const before = stage.near.writable;
  stage.far.host.thaw();
  await stage.until(() => stage.far.heard.length === taken, "all that was taken comes");
  assert(stage.near.writable > before, "the sender is told that there is room");
  assertEquals([stage.near.carrier.isWritable(lane), stage.near.closed, stage.far.closed], [true, 0, 0]);
});

Deno.test("when datagrams fall silent lanes go to the stream within half a second, lose nothing, and come back", async () => {
  const stage = await LaneStage.onUdp();
  let sent = 0;
  const tick = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      stage.near.send(state, `${sent++}`);
      await stage.run(20 * MS);
    }
  };
  await tick(10);
  stage.fare(NO_DATAGRAMS);
  const beganUs = stage.world.nowUs;
  await tick(20);
  await stage.until(() => stage.near.carrier.path.kind === "stream", "the stream carries lanes");
  assert(stage.world.nowUs - beganUs <= 500 * MS, `${stage.world.nowUs - beganUs}`);
  assertEquals(stage.near.carrier.path.why, "datagrams no longer pass");
  await tick(50);
  assertEquals(stage.far.heard, numbered(sent, state.id));
  stage.fare({ delay: { kind: "constant", us: 200 } });
  const healedUs = stage.world.nowUs;
  await stage.until(() => stage.near.carrier.path.kind === "udp", "datagrams carry lanes again");
  assert(stage.world.nowUs - healedUs <= 6 * SECOND, `${stage.world.nowUs - healedUs}`);
  await tick(10);
  assertEquals(stage.far.heard, numbered(sent, state.id));
  assertEquals(stage.near.paths, [
    "udp: datagrams pass both ways",
    "stream: datagrams no longer pass",
    "udp: datagrams pass both ways",
  ]);
});

Deno.test("datagrams that pass one way alone are left by the side whose packets do not arrive", async () => {
  const stage = await LaneStage.onUdp();
  stage.fareFrom("far", NO_DATAGRAMS);
  for (let i = 0; i < 100; i++) {
    stage.near.send(state, `${i}`);
    stage.far.send(state, `${i}`);
    await stage.run(20 * MS);
  }
  assertEquals(stage.near.heard, numbered(100, state.id));
  assertEquals(stage.far.heard, numbered(100, state.id));
  assertEquals(stage.far.carrier.path.kind, "stream");
  assertEquals([stage.near.closed, stage.far.closed], [0, 0]);
});

Deno.test("a stream that is stuck gives way to datagrams at once, which repair what it holds", async () => {
  const stage = await LaneStage.onUdp();
  stage.fare(NO_DATAGRAMS);
  stage.near.send(state, "0");
  await stage.until(() => stage.near.carrier.path.kind === "stream", "the stream carries lanes");
  // Now the stream loses all that it is given, for longer than a segment waits the first times.
  stage.fareFrom("near", { delay: { kind: "constant", us: 200 }, loss: 1, datagrams: { loss: 1 } });
  for (let i = 1; i < 20; i++) {
    stage.near.send(state, `${i}`);
    await stage.run(100 * MS);
  }
  assertEquals(stage.far.heard.length, 1);
  // Datagrams pass again, and the stream still does not.
  stage.fareFrom("near", { delay: { kind: "constant", us: 200 }, loss: 1, datagrams: { loss: 0 } });
  stage.fareFrom("far", { delay: { kind: "constant", us: 200 } });
  const healedUs = stage.world.nowUs;
  await stage.until(() => stage.far.heard.length === 20, "all comes by datagrams");
  assert(stage.world.nowUs - healedUs <= 1_500 * MS, `${stage.world.nowUs - healedUs}`);
  assertEquals(stage.far.heard, numbered(20, state.id));
});

Deno.test("the stream dies and the peer lives: lanes go on by datagrams, and an end in order is one", async () => {
  const stage = await LaneStage.onUdp();
  stage.near.link.stream.abort();
  await stage.run(200 * MS);
  for (let i = 0; i < 50; i++) {
    stage.near.send(state, `${i}`);
    stage.far.send(control, `${i}`);
    await stage.run(20 * MS);
  }
  assertEquals([stage.near.closed, stage.far.closed], [0, 0]);
  assertEquals([stage.far.heard, stage.near.heard], [numbered(50, state.id), numbered(50, control.id)]);
  stage.near.send(state, "last");
  stage.near.carrier.end();
  await stage.run(SECOND);
  assertEquals(stage.far.heard.at(-1), `${state.id}:last`);
  assertEquals([stage.near.closed, stage.far.closed], [1, 1]);
  assertEquals([stage.near.error, stage.far.error], [null, null]);
});

Deno.test("without its stream a connection can be aborted, and the peer hears of it", async () => {
  const stage = await LaneStage.onUdp();
  stage.near.link.stream.abort();
  await stage.run(SECOND);
  assertEquals([stage.near.closed, stage.far.closed], [0, 0]);
  stage.near.carrier.abort(new HanaError("cancelled", { what: "enough" }));
  await stage.run(50 * MS);
  assertEquals([stage.near.closed, stage.far.closed], [1, 1]);
  assertEquals([stage.near.error?.code, stage.far.error], ["cancelled", null]);
});

Deno.test("a stream that ends without a word is let go while datagrams go on", async () => {
  const stage = await LaneStage.onUdp();
  stage.near.link.stream.closeWrite();
  await stage.run(2 * SECOND);
  assertEquals([stage.near.closed, stage.far.closed], [0, 0]);
  for (let i = 0; i < 10; i++) {
    stage.near.send(state, `${i}`);
    stage.far.send(control, `${i}`);
  }
  await stage.run(SECOND);
  assertEquals([stage.far.heard, stage.near.heard], [numbered(10, state.id), numbered(10, control.id)]);
});

Deno.test("the peer dies: its stream breaks, datagrams prove nothing, and the end comes within a second", async () => {
  const stage = await LaneStage.onUdp();
  await stage.run(SECOND);
  const diedUs = stage.world.nowUs;
  stage.far.host.restartProcess();
  stage.near.send(state, "anybody?");
  await stage.until(() => stage.near.closed > 0, "the end is noticed");
  const tookUs = stage.world.nowUs - diedUs;
  assert(tookUs >= 200 * MS && tookUs <= SECOND, `${tookUs}`);
  assertEquals(stage.near.closed, 1);
});

Deno.test("an end in order delivers everything first, on either way, also what waits in queues", async () => {
  for (const udp of [true, false]) {
    const stage = await (udp
      ? LaneStage.onUdp({ link: { delay: { kind: "constant", us: 5_000 }, datagrams: { loss: 0.1 } } })
      : LaneStage.greeted({ near: { udp: false } }));
    for (let i = 0; i < 500; i++) {
      stage.near.send(i % 2 === 0 ? state : events, `${i}`.padEnd(300, "."));
    }
    stage.near.carrier.end();
    assertEquals(stage.near.send(state, "too late"), "closed");
    await stage.run(2 * SECOND);
    assertEquals(stage.far.heard.length, 500, `udp ${udp}`);
    assertEquals([stage.near.closed, stage.far.closed, stage.near.error, stage.far.error], [
      1,
      1,
      null,
      null,
    ]);
  }
});

Deno.test("an end that the peer's own end overtakes waits for its stream without turning round and round", async () => {
  const stage = await LaneStage.onUdp();
  const stuck: LinkSpec["delay"] = { kind: "constant", us: 60 * SECOND };
  stage.fareFrom("near", { delay: stuck, datagrams: { loss: 1 } });
  stage.fareFrom("far", { delay: stuck, datagrams: { delay: { kind: "constant", us: 200 } } });
  stage.near.send(state, "never arrives");
  stage.near.carrier.end();
  stage.far.carrier.end();
  await stage.run(20 * SECOND);
  assertEquals([stage.near.closed, stage.crashes], [0, []]);
  assert(stage.world.eventCount < 20_000, `${stage.world.eventCount} events`);
});

Deno.test("an abort drops everything at once, here and soon at the peer", async () => {
  const stage = await LaneStage.onUdp();
  const error = new HanaError("cancelled", { what: "enough" });
  stage.near.send(state, "never mind");
  stage.near.carrier.abort(error);
  await stage.run(1);
  assertEquals([stage.near.closed, stage.near.error], [1, error]);
  await stage.until(() => stage.far.closed === 1, "the peer notices");
  assertEquals(stage.near.send(state, "more"), "closed");
  assertEquals(stage.crashes, []);
});

Deno.test("figures are near the truth: round trips and the share that is lost", async () => {
  const stage = await LaneStage.onUdp({
    link: { delay: { kind: "constant", us: 10_000 }, datagrams: { loss: 0.05 } },
    seed: 9,
  });
  for (let i = 0; i < 4_000; i++) {
    stage.near.send(telemetry, `${i}`);
    await stage.run(5 * MS);
  }
  await stage.run(SECOND);
  const stats = stage.near.carrier.connectionStats();
  assert(stats !== null);
  assert(Math.abs(stats.rttUs.smoothed - 20_000) <= 2_000, `round trip ${stats.rttUs.smoothed}`);
  const lane = stage.near.carrier.laneStats(telemetry.id);
  const lost = 4_000 - stage.far.heard.length;
  assertEquals(lane.sentMessages, 4_000);
  assert(
    Math.abs(lane.lostMessages - lost) <= Math.max(2, lost * 0.1),
    `${lane.lostMessages} of ${lost} lost`,
  );
  assertEquals(lane.deliveredMessages + lane.lostMessages, 4_000);
  assert(
    Math.abs(stats.packetsLost - stats.packetsSpuriouslyLost - lost) <= lost * 0.25,
    `${stats.packetsLost}`,
  );
});
