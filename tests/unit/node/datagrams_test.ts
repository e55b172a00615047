// Sessions of nodes over datagrams: beside a stream, alone, refused; on simulated machines.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { defineRequest } from "../../../lib/session/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { Park } from "./support.ts";

const FLASH = defineRequest({
  name: "wall.flash",
  lane: "control",
  effect: "command",
  from: ["daemon"],
  to: ["daemon"],
  body: s.object({ text: s.string() }),
  reply: s.object({ length: s.integer() }),
});

function keyed(seed: number): MeshKeyRing {
  return new MeshKeyRing(new MeshKey(new Uint8Array(32).fill(seed), "tour", 1), null);
}

Deno.test("a node answers at the UDP port of its TCP number, and tells it among its addresses", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform, { tcpPort: 700 });
  assertEquals(left.addresses.filter((address) => address.startsWith("udp:")), ["udp://10.0.0.1:700"]);
  // What others are told of a node are its streams: the number is the same.
  assertEquals(left.view().endpoints.filter(({ kind }) => kind === "udp"), []);
  const right = await park.start(park.host("right").platform);
  const session = await park.settle(right.open("udp://10.0.0.1:700"));
  assertEquals([session.peer.name, session.remote, session.secure], ["left", "udp://10.0.0.1:700", true]);
  assertEquals([session.path.kind, session.path.why], ["udp", "the address is one of datagrams"]);
  const rttUs = await park.settle(right.ping(session, "control", new Uint8Array(64), 1_000_000));
  assert(rttUs >= 400 && rttUs < 10_000, `${rttUs} µs`);
  assertEquals(left.sessions.counters.greeted, 1);
  await park.settle(session.close());
  await park.until(() => left.sessions.size === 0, "the other side knows that it is over");
  assertEquals(left.sessions.counters.lost, 0, "a goodbye was said");
  await park.settle(Promise.all([left.stop(), right.stop()]));
});

Deno.test("over datagrams alone rights are those of TCP: members command, strangers are not answered", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform, { keys: keyed(1) });
  left.onRequest(FLASH, ({ text }) => ({ length: text.length }));
  const member = await park.start(park.host("member").platform, { keys: keyed(1) });
  const session = await park.settle(member.open("udp://10.0.0.1:700"));
  // Far more than a packet takes, both ways of the guarantee.
  const reply = await park.settle(session.call(FLASH, { text: "x".repeat(300_000) }));
  assertEquals(reply, { length: 300_000 });
  const stranger = await park.start(park.host("stranger").platform, { keys: keyed(2) });
  const refused = await assertRejects(
    () => park.settle(stranger.open("udp://10.0.0.1:700", { timeoutUs: 500_000 })),
    HanaError,
    "did not answer within 500 ms",
  );
  assertEquals(refused.code, "timeout");
  const open = await park.start(park.host("open").platform);
  await assertRejects(
    () => park.settle(open.open("udp://10.0.0.1:700", { timeoutUs: 500_000 })),
    HanaError,
  );
  assertEquals(left.sessions.counters.greeted, 1);
  await park.settle(Promise.all([left, member, stranger, open].map((node) => node.stop())));
});

Deno.test("in the open mesh nobody commands over datagrams, and a node without a listener answers nobody", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform);
  left.onRequest(FLASH, ({ text }) => ({ length: text.length }));
  const right = await park.start(park.host("right").platform, { tcpPort: null, runDirectory: null });
  const session = await park.settle(right.open("udp://10.0.0.1:700"));
  const refused = await assertRejects(() => park.settle(session.call(FLASH, { text: "x" })), HanaError);
  assertEquals(refused.code, "refused");
  assertEquals(right.addresses.filter((address) => address.startsWith("udp:")), []);
  const told = right.statistics().lanes as { readonly ports: readonly number[] };
  const dialler = `udp://10.0.0.2:${told.ports[0]}`;
  await assertRejects(
    () => park.settle(left.open(dialler, { timeoutUs: 500_000 })),
    HanaError,
    "did not answer",
  );
  await park.settle(Promise.all([left.stop(), right.stop()]));
});

Deno.test("lanes are kept on the stream by either side, and each says why", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform);
  const right = await park.start(park.host("right").platform, { udpLanes: false });
  const free = await park.settle(left.open("tcp://10.0.0.2:700"));
  assertEquals(await park.settle(free.onDatagrams(1_000_000)), false);
  assertEquals([free.path.kind, free.path.why], ["stream", "one of both takes no datagrams"]);
  const off = await park.settle(right.open("tcp://10.0.0.1:700"));
  assertEquals([off.path.kind, off.path.why], ["stream", "datagrams are switched off"]);
  assertEquals(right.statistics().lanes, { whyNone: "datagrams are switched off" });
  await assertRejects(
    () => park.settle(right.open("udp://10.0.0.1:700")),
    HanaError,
    "datagrams are switched off",
  );
  const third = await park.start(park.host("third").platform);
  const asked = await park.settle(third.open("tcp://10.0.0.1:700", { lanes: "stream" }));
  assertEquals([asked.path.kind, asked.path.why], ["stream", "the stream alone was asked for"]);
  const both = await park.settle(third.open("tcp://10.0.0.1:700"));
  assertEquals(await park.settle(both.onDatagrams(1_000_000)), true);
  assertEquals(both.path.remote, "udp://10.0.0.1:700");
  await park.settle(Promise.all([left, right, third].map((node) => node.stop())));
});

Deno.test("a message takes another lane that loses as little, and no other", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform, { keys: keyed(1) });
  left.onRequest(FLASH, ({ text }) => ({ length: text.length }));
  const right = await park.start(park.host("right").platform, { keys: keyed(1) });
  const session = await park.settle(right.open("tcp://10.0.0.1:700"));
  const before = session.statistics().lanes.events.sentMessages;
  assertEquals(await park.settle(session.call(FLASH, { text: "abc" }, { lane: "events" })), { length: 3 });
  assertEquals(session.statistics().lanes.events.sentMessages, before + 1);
  const refused = await assertRejects(
    () => session.call(FLASH, { text: "abc" }, { lane: "modulation" }),
    HanaError,
  );
  assertEquals(refused.code, "usage");
  await park.settle(Promise.all([left.stop(), right.stop()]));
});

Deno.test("a udp address takes no name, and a dial that is cancelled leaves nothing", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform);
  const named = await assertRejects(() => left.open("udp://stage-right:700"), HanaError);
  assertEquals(named.code, "usage");
  const cancel = new AbortController();
  const dialling = left.open("udp://10.0.0.99:700", { signal: cancel.signal });
  cancel.abort();
  const cancelled = await assertRejects(() => park.settle(dialling), HanaError);
  assertEquals(cancelled.code, "cancelled");
  assertEquals((left.statistics().lanes as { readonly paths: number }).paths, 0);
  await park.settle(left.stop());
});

Deno.test("the port on which nodes find each other is left to discovery, whoever listens on its number by TCP", async () => {
  const park = new Park();
  const left = await park.start(park.host("left").platform, { tcpPort: 47_676 });
  const [address = ""] = left.addresses.filter((each) => each.startsWith("udp:"));
  assert(!address.endsWith(":47676"), address);
  const right = await park.start(park.host("right").platform);
  const session = await park.settle(right.open(address));
  assertEquals(session.peer.name, "left");
  await park.settle(Promise.all([left.stop(), right.stop()]));
});
