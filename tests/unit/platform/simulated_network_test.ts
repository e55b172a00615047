// The network of the simulated world against what was measured on Linux (discovery research, E1 to E13).

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { DatagramSocket, Platform } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";

const GROUP = "239.1.2.3";
const PORT = 4000;

class Ear {
  readonly heard: string[] = [];
  readonly problems: string[] = [];
  readonly socket: DatagramSocket;

  constructor(platform: Platform, host = "0.0.0.0", port = PORT, egress?: string) {
    this.socket = platform.datagrams.bind({ host, port, shared: true, egress }, {
      onDatagram: (bytes, from) => this.heard.push(`${new TextDecoder().decode(bytes)} from ${from.host}`),
      onError: (error) => this.problems.push(error.why ?? ""),
    });
  }

  say(text: string, host: string, port = PORT): void {
    this.socket.send(new TextEncoder().encode(text), { host, port });
  }
}

/** Two segments; `dual` is on both. */
function twoSegments(): {
  world: SimulatedWorld;
  dual: SimulatedHost;
  left: SimulatedHost;
  right: SimulatedHost;
} {
  const world = new SimulatedWorld({ seed: 1 });
  const dual = world.createHost({
    name: "dual",
    interfaces: [
      { name: "eth0", segment: "left", address: "10.1.0.1", prefix: 24 },
      { name: "eth1", segment: "right", address: "10.2.0.1", prefix: 24 },
    ],
  });
  const left = world.createHost({
    name: "left",
    interfaces: [{ name: "eth0", segment: "left", address: "10.1.0.2", prefix: 24 }],
  });
  const right = world.createHost({
    name: "right",
    interfaces: [{ name: "eth0", segment: "right", address: "10.2.0.2", prefix: 24 }],
  });
  return { world, dual, left, right };
}

Deno.test("multicast and limited broadcast leave by the interface of the bound address", async () => {
  const { world, dual, left, right } = twoSegments();
  const [l, r] = [new Ear(left.platform), new Ear(right.platform)];
  l.socket.join(GROUP, "10.1.0.2");
  r.socket.join(GROUP, "10.2.0.2");
  const toRight = new Ear(dual.platform, "0.0.0.0", 0, "10.2.0.1");
  toRight.say("m", GROUP);
  toRight.say("b", "255.255.255.255");
  await world.runFor(10_000);
  assertEquals([l.heard, r.heard], [[], ["m from 10.2.0.1", "b from 10.2.0.1"]]);
});

Deno.test("an unbound socket multicasts by the default interface, and not at all without one", async () => {
  const { world, left, right } = twoSegments();
  const lone = new Ear(left.platform);
  lone.say("m", GROUP);
  lone.say("b", "255.255.255.255");
  await world.runFor(10_000);
  assertEquals(lone.problems, ["Network is unreachable", "Network is unreachable"]);
  assertEquals(lone.socket.stats.sendErrors, 2);
  const other = world.createHost({
    name: "other",
    defaultInterface: "eth0",
    interfaces: [{ name: "eth0", segment: "right", address: "10.2.0.3", prefix: 24 }],
  });
  const r = new Ear(right.platform);
  r.socket.join(GROUP, "10.2.0.2");
  new Ear(other.platform).say("m", GROUP);
  await world.runFor(10_000);
  assertEquals(r.heard, ["m from 10.2.0.3"]);
});

Deno.test("directed broadcast follows its network, whatever the sender is bound to", async () => {
  const { world, dual, left, right } = twoSegments();
  const [l, r] = [new Ear(left.platform), new Ear(right.platform)];
  new Ear(dual.platform, "10.1.0.1", 0).say("b", "10.2.0.255");
  await world.runFor(10_000);
  assertEquals([l.heard, r.heard], [[], ["b from 10.1.0.1"]]);
});

Deno.test("a joined group reaches every unbound socket of the port, a bound one gets unicast only", async () => {
  const { world, dual, left } = twoSegments();
  const joined = new Ear(left.platform);
  const other = new Ear(left.createProcess().platform);
  const bound = new Ear(left.platform, "10.1.0.2");
  joined.socket.join(GROUP, "10.1.0.2");
  const sender = new Ear(dual.platform, "0.0.0.0", 0, "10.1.0.1");
  sender.say("m", GROUP);
  sender.say("b", "10.1.0.255");
  sender.say("u", "10.1.0.2");
  await world.runFor(10_000);
  const group = ["m from 10.1.0.1", "b from 10.1.0.1"];
  assertEquals([joined.heard, other.heard, bound.heard], [group, group, ["u from 10.1.0.1"]]);
});

Deno.test("a sender hears itself only when its machine joined the group", async () => {
  const { world, left } = twoSegments();
  const ear = new Ear(left.platform);
  const sender = new Ear(left.platform, "0.0.0.0", 0, "10.1.0.2");
  sender.say("one", GROUP);
  await world.runFor(10_000);
  ear.socket.join(GROUP, "10.1.0.2");
  sender.say("two", GROUP);
  await world.runFor(10_000);
  assertEquals(ear.heard, ["two from 10.1.0.2"]);
});

Deno.test("nobody hears a group that was joined on another interface", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(dual.platform);
  ear.socket.join(GROUP, "10.2.0.1");
  const sender = new Ear(left.platform, "0.0.0.0", 0, "10.1.0.2");
  sender.say("m", GROUP);
  await world.runFor(10_000);
  assertEquals(ear.heard, []);
  ear.socket.join(GROUP, "10.1.0.1");
  sender.say("m", GROUP);
  await world.runFor(10_000);
  assertEquals(ear.heard, ["m from 10.1.0.2"]);
});

Deno.test("hosts on different segments do not reach each other", async () => {
  const { world, left, right } = twoSegments();
  const ear = new Ear(right.platform);
  const sender = new Ear(left.platform, "0.0.0.0", 0);
  sender.say("u", "10.2.0.2");
  await world.runFor(10_000);
  assertEquals([ear.heard, sender.problems], [[], ["Network is unreachable"]]);
});

Deno.test("a machine with no network hears itself on loopback", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const lone = world.createHost({ name: "lone" });
  const ear = new Ear(lone.platform);
  ear.socket.join(GROUP, "127.0.0.1");
  const sender = new Ear(lone.platform, "0.0.0.0", 0, "127.0.0.1");
  sender.say("m", GROUP);
  sender.say("u", "127.0.0.1");
  await world.runFor(10_000);
  assertEquals(ear.heard, ["m from 127.0.0.1", "u from 127.0.0.1"]);
});

Deno.test("a pulled cable silences, memberships survive it", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(left.platform);
  ear.socket.join(GROUP, "10.1.0.2");
  const sender = new Ear(dual.platform, "0.0.0.0", 0, "10.1.0.1");
  left.setInterfaceUp("eth0", false);
  sender.say("one", GROUP);
  await world.runFor(10_000);
  ear.say("out", "10.1.0.1");
  left.setInterfaceUp("eth0", true);
  sender.say("two", GROUP);
  await world.runFor(10_000);
  assertEquals(ear.heard, ["two from 10.1.0.1"]);
  assertEquals(ear.problems, ["Network is unreachable"]);
});

Deno.test("a frame that is under way when the cable is pulled is lost", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(left.platform);
  new Ear(dual.platform, "10.1.0.1", 0).say("late", "10.1.0.2");
  left.setInterfaceUp("eth0", false);
  await world.runFor(10_000);
  assertEquals(ear.heard, []);
});

Deno.test("an address that is taken away stops sending, and coming back lets it recover", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(dual.platform);
  const sender = new Ear(left.platform, "10.1.0.2", 0);
  left.setAddresses("eth0", []);
  sender.say("one", "10.1.0.255");
  await world.runFor(10_000);
  left.setAddresses("eth0", [{ address: "10.1.0.2", prefix: 24 }]);
  sender.say("two", "10.1.0.1");
  await world.runFor(10_000);
  assertEquals(ear.heard, ["two from 10.1.0.2"]);
  assertEquals(sender.socket.stats.sendErrors, 1);
});

Deno.test("an interface that is removed and made again hears a group only after a second join", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(left.platform);
  ear.socket.join(GROUP, "10.1.0.2");
  left.removeInterface("eth0");
  assertEquals(left.platform.interfaces.list().map((entry) => entry.name), ["lo", "lo"]);
  left.addInterface({ name: "eth0", segment: "left", address: "10.1.0.2", prefix: 24 });
  const sender = new Ear(dual.platform, "0.0.0.0", 0, "10.1.0.1");
  sender.say("one", GROUP);
  await world.runFor(10_000);
  ear.socket.join(GROUP, "10.1.0.2");
  sender.say("two", GROUP);
  await world.runFor(10_000);
  assertEquals(ear.heard, ["two from 10.1.0.1"]);
});

Deno.test("a cut is one-way until the other way is cut too, and heals", async () => {
  const { world, dual, left } = twoSegments();
  const [d, l] = [new Ear(dual.platform), new Ear(left.platform)];
  const segment = world.segment("left");
  segment.cut("dual", "left");
  d.say("1", "10.1.0.2");
  l.say("2", "10.1.0.1");
  await world.runFor(10_000);
  assertEquals([d.heard, l.heard], [["2 from 10.1.0.2"], []]);
  segment.partition(["dual"], ["left"]);
  l.say("3", "10.1.0.1");
  await world.runFor(10_000);
  segment.healAll();
  d.say("4", "10.1.0.2");
  await world.runFor(10_000);
  assertEquals([d.heard.length, l.heard], [1, ["4 from 10.1.0.1"]]);
});

Deno.test("a segment loses and delays as it was told", async () => {
  const world = new SimulatedWorld({ seed: 21 });
  world.createSegment("lossy", { delayUs: 1000, jitterUs: 500, lossRate: 0.2 });
  const host = (name: string, address: string) =>
    world.createHost({ name, interfaces: [{ name: "eth0", segment: "lossy", address, prefix: 24 }] });
  const [a, b] = [host("a", "10.0.0.1"), host("b", "10.0.0.2")];
  const delays: number[] = [];
  const receiver = b.platform.datagrams.bind({ host: "10.0.0.2", port: PORT }, {
    onDatagram: (bytes) => delays.push(world.nowUs - new DataView(bytes.slice().buffer).getUint32(0)),
    onError: () => {},
  });
  const sender = a.platform.datagrams.bind({ host: "10.0.0.1", port: 0 }, { onDatagram() {}, onError() {} });
  const count = 5000;
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, world.nowUs);
    sender.send(bytes, receiver.local);
    if (i % 50 === 0) await world.runFor(100);
  }
  await world.runFor(10_000);
  const lost = 1 - delays.length / count;
  assert(Math.abs(lost - 0.2) < 0.025, `lost ${lost}`);
  assert(delays.every((delay) => delay >= 1000 && delay < 1500));
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  assert(Math.abs(mean - 1250) < 15, `mean delay ${mean}`);
});

Deno.test("the draws of one link do not depend on the traffic of another", async () => {
  const lossesOf = async (withThird: boolean): Promise<string> => {
    const world = new SimulatedWorld({ seed: 4 });
    world.createSegment("s", { lossRate: 0.5 });
    const host = (name: string, address: string) =>
      world.createHost({ name, interfaces: [{ name: "eth0", segment: "s", address, prefix: 24 }] });
    const [a, b] = [host("a", "10.0.0.1"), host("b", "10.0.0.2")];
    const third = withThird ? new Ear(host("c", "10.0.0.3").platform) : null;
    const [earA, earB] = [new Ear(a.platform), new Ear(b.platform)];
    for (let i = 0; i < 64; i++) {
      third?.say("x", "10.0.0.1");
      earA.say(String(i), "10.0.0.2");
      await world.runFor(1000);
    }
    return earB.heard.join();
  };
  assertEquals(await lossesOf(true), await lossesOf(false));
});

Deno.test("a datagram over the segment's largest packet is an error", async () => {
  const { world, dual, left } = twoSegments();
  const ear = new Ear(dual.platform);
  const sender = new Ear(left.platform, "10.1.0.2", 0);
  sender.socket.send(new Uint8Array(1473), { host: "10.1.0.1", port: PORT });
  sender.socket.send(new Uint8Array(1472), { host: "10.1.0.1", port: PORT });
  await world.runFor(10_000);
  assertEquals([sender.problems, sender.socket.stats.sent], [["Message too long"], 1]);
  assertEquals(ear.socket.stats.received, 1);
});

Deno.test("a handler that keeps its bytes finds them spoilt", async () => {
  const { world, dual, left } = twoSegments();
  let kept: Uint8Array = new Uint8Array(0);
  const receiver = dual.platform.datagrams.bind({ host: "10.1.0.1", port: 0 }, {
    onDatagram: (bytes) => kept = bytes,
    onError: () => {},
  });
  left.platform.datagrams.bind({ host: "10.1.0.2", port: 0 }, { onDatagram() {}, onError() {} })
    .send(new Uint8Array(8).fill(1), receiver.local);
  await world.runFor(10_000);
  assertEquals([...kept], new Array(8).fill(0xdd));
});

Deno.test("IPv6 hosts reach each other by unicast and by a link-local group", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const host = (name: string, address: string) =>
    world.createHost({ name, interfaces: [{ name: "eth0", segment: "six", address, prefix: 64 }] });
  const [a, b] = [host("a", "fd00::1"), host("b", "fd00::2")];
  const ear = new Ear(b.platform, "::");
  ear.socket.join("ff12::1234", "fd00::2");
  const sender = new Ear(a.platform, "fd00::1", 0);
  sender.say("u", "fd00::2");
  sender.say("m", "ff12::1234");
  await world.runFor(10_000);
  assertEquals(ear.heard, ["u from fd00::1", "m from fd00::1"]);
});

Deno.test("the same name twice is refused", () => {
  const { world, left } = twoSegments();
  assertEquals(assertThrows(() => world.createHost({ name: "left" }), HanaError).code, "conflict");
  assertEquals(assertThrows(() => world.createSegment("left"), HanaError).code, "conflict");
  const spec = { name: "eth0", segment: "left", address: "10.1.0.9", prefix: 24 };
  assertEquals(assertThrows(() => left.addInterface(spec), HanaError).code, "conflict");
});
