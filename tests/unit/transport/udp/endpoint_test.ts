// Endpoints in a simulated world: dialling, paths beside streams, strangers, recordings, roaming.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { PACKET_OVERHEAD_BYTES } from "../../../../lib/lanes/mod.ts";
import type { DatagramSocket, IpEndpoint, RandomStream } from "../../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import { openMeshKeyRing } from "../../../../lib/security/mod.ts";
import {
  ALLOWANCE_PERIOD_US,
  AMPLIFICATION,
  GIVE_UP_US,
  HALF_OPEN_US,
  isSameAddress,
  MAX_CANDIDATES,
  MAX_FORGED_PER_SECOND,
  TOLD_ALLOWANCE_BYTES,
  UdpEndpoint,
  UdpPath,
} from "../../../../lib/transport/udp/mod.ts";
import { flipBit, testRing } from "../../security/support.ts";
import { A, B, Owner, SimulatedNode, suite, swapped, testKeys, world } from "./support.ts";

const C: IpEndpoint = { host: "10.1.0.3", port: 5000 };

/** A program that hears and says whatever it likes. */
class Stranger {
  readonly heard: Uint8Array[] = [];
  readonly socket: DatagramSocket;

  constructor(host: SimulatedHost, port = 5000) {
    this.socket = host.platform.datagrams.bind({ host: "0.0.0.0", port }, {
      onDatagram: (bytes) => this.heard.push(bytes.slice()),
      onError: () => {},
    });
  }
}

function host(hosts: readonly SimulatedHost[], index: number): SimulatedHost {
  const found = hosts[index];
  if (found === undefined) throw new Error(`there is no host ${index}`);
  return found;
}

/** Two nodes with a path beside a stream, both ends told of each other. */
function beside(a: SimulatedNode, b: SimulatedNode): { left: Owner; right: Owner } {
  const [left, right] = [new Owner(), new Owner()];
  const keys = testKeys(1);
  left.path = a.endpoint.createPath({ keys, initiator: true, handlers: left });
  right.path = b.endpoint.createPath({ keys: swapped(keys), initiator: false, handlers: right });
  left.path.setPeer(right.path.localIndex, [b.address]);
  right.path.setPeer(left.path.localIndex, [a.address]);
  return { left, right };
}

Deno.test("a dial and its first packet make a path that carries both ways", async () => {
  const { world: simulated, hosts } = world(2);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const { owner } = a.dial(B);
  assertEquals(owner.path, null, "nothing is told inside the call");
  await simulated.runFor(20_000);
  const [accepted] = b.accepted;
  assert(owner.path !== null && accepted !== undefined);
  assertEquals(accepted.texts, ["first"]);
  assertEquals([owner.path.initiated, accepted.path?.initiated], [true, false]);
  assertEquals([owner.path.remote, accepted.path?.remote], [B, A]);
  assertEquals(owner.path.hello?.maxAckDelayUs, 24_992);
  assert(accepted.say(b.nowUs, "welcome"));
  await simulated.runFor(20_000);
  assertEquals(owner.texts, ["welcome"]);
  for (const { endpoint } of [a, b]) {
    assertEquals([endpoint.pathCount, endpoint.counters.handshakesFinished], [1, 1]);
    assertEquals(Object.values(endpoint.counters.dropped).every((count) => count === 0), true);
  }
  owner.path.close();
  assertEquals([a.endpoint.pathCount, owner.say(a.nowUs, "late")], [0, false]);
});

/** A dial that was answered, and whose first packet is still to be sent. */
async function answered(hosts: readonly SimulatedHost[], run: (us: number) => Promise<void>) {
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const owner = new Owner();
  a.endpoint.dial(B, {
    onOpen: (path) => {
      owner.path = path;
      path.setHandlers(owner);
    },
    onFailed: () => {},
  });
  await run(20_000);
  return { a, b, owner };
}

Deno.test("the asked end is silent until a first authentic packet came, and nothing is in the clear", async () => {
  const { world: simulated, hosts } = world(2);
  const frames: string[] = [];
  simulated.tapFrames((_from, _to, _bytes, payload) =>
    frames.push(new TextDecoder().decode(payload ?? undefined))
  );
  const { a, b, owner } = await answered(hosts, (us) => simulated.runFor(us));
  await simulated.runFor(2_000_000);
  assertEquals([b.accepted.length, b.endpoint.pathCount, b.endpoint.counters.sentDatagrams], [0, 1, 1]);
  owner.say(a.nowUs, "first");
  await simulated.runFor(20_000);
  assertEquals(b.accepted.map(({ texts }) => texts), [["first"]]);
  assert(b.accepted[0]?.say(b.nowUs, "answer"));
  assert(frames.every((frame) => !frame.includes("first")));
});

Deno.test("a first packet from where no answer went opens the path, but proves no address", async () => {
  const { world: simulated, hosts } = world(3);
  const { a, b, owner } = await answered(hosts, (us) => simulated.runFor(us));
  const elsewhere = new Stranger(host(hosts, 2));
  owner.path?.useAddress(C); // the packet is taken on its way …
  owner.say(a.nowUs, "first");
  await simulated.runFor(20_000);
  elsewhere.socket.send(elsewhere.heard[0] ?? new Uint8Array(0), B); // … and sent on under another address
  await simulated.runFor(20_000);
  const [accepted] = b.accepted;
  assert(accepted !== undefined);
  assertEquals([accepted.texts, accepted.path?.remote, accepted.newAddresses], [["first"], null, [C]]);
  assertEquals(accepted.say(b.nowUs, "answer"), false);
  assert(accepted.say(b.nowUs, "challenge", C));
  while (accepted.say(b.nowUs, "challenge", C));
  await simulated.runFor(20_000);
  const got = elsewhere.heard.slice(1).reduce((sum, { length }) => sum + length, 0);
  assert(got <= AMPLIFICATION * 30, `${got} B`);
});

Deno.test("an answer that somebody passes on does not move the dial to his address", async () => {
  const { world: simulated, hosts } = world(3);
  const a = new SimulatedNode(host(hosts, 0), A);
  const b = new SimulatedNode(host(hosts, 1), B);
  const relay = new Stranger(host(hosts, 2));
  const owner = new Owner();
  simulated.segment("lan").cut("host-2", "host-1"); // B's own answers do not arrive
  a.dial(B, owner);
  simulated.tapFrames((from, _to, _bytes, payload) => {
    if (from === "host-2" && payload !== null) relay.socket.send(payload.slice(), A);
  });
  await simulated.runFor(50_000);
  simulated.tapFrames(null);
  assertEquals(owner.path?.remote, B);
  assertEquals([b.accepted.map(({ texts }) => texts), b.accepted[0]?.path?.remote], [[["first"]], A]);
});

Deno.test("a handshake that nobody confirms is forgotten after ten seconds", async () => {
  const { world: simulated, hosts } = world(2);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  a.endpoint.dial(B, { onOpen: (path) => path.close(), onFailed: () => {} });
  await simulated.runFor(HALF_OPEN_US - 100_000);
  assertEquals(b.endpoint.pathCount, 1);
  await simulated.runFor(200_000);
  assertEquals([b.endpoint.pathCount, b.endpoint.counters.halfOpenExpired, b.accepted.length], [0, 1, 0]);
});

Deno.test("a dial that nobody answers fails after ten seconds, and a cancelled one says nothing", async () => {
  const { world: simulated, hosts } = world(2);
  const a = new SimulatedNode(host(hosts, 0), A);
  const stranger = new Stranger(host(hosts, 1));
  const { failures } = a.dial(B);
  let told = 0;
  const cancelled = a.endpoint.dial(B, { onOpen: () => told++, onFailed: () => told++ });
  cancelled.cancel();
  await simulated.runFor(GIVE_UP_US + 1_000);
  assertEquals([failures.length, failures[0]?.code, told], [1, "unreachable", 0]);
  assert(failures[0]?.message.includes("udp://10.1.0.2:5000"));
  assertEquals(a.endpoint.counters.initsSent, stranger.heard.length);
  assert(stranger.heard.every(({ length }) => length === 1200));
  await simulated.runFor(60_000_000);
  assertEquals(a.endpoint.counters.initsSent, stranger.heard.length);
});

Deno.test("nodes of different meshes never answer each other", async () => {
  const { world: simulated, hosts } = world(2);
  for (const [mine, theirs] of [[testRing(1), testRing(2)], [testRing(1), openMeshKeyRing()]] as const) {
    const a = new SimulatedNode(host(hosts, 0), A, mine);
    const b = new SimulatedNode(host(hosts, 1), B, theirs);
    const { failures } = a.dial(B);
    await simulated.runFor(GIVE_UP_US + 1_000);
    assertEquals([failures.length, b.endpoint.counters.sentDatagrams, b.endpoint.pathCount], [1, 0, 0]);
    assertEquals(b.endpoint.counters.dropped.stranger, a.endpoint.counters.initsSent);
    a.endpoint.close();
    b.endpoint.close();
  }
});

Deno.test("an endpoint without handshakes answers none and dials none", async () => {
  const { world: simulated, hosts } = world(2);
  const a = new SimulatedNode(host(hosts, 0), A);
  const b = new SimulatedNode(host(hosts, 1), B, null);
  a.dial(B);
  await simulated.runFor(1_000_000);
  assertEquals(b.endpoint.counters.sentDatagrams, 0);
  assert(b.endpoint.counters.dropped["unknown-form"] >= 3);
  assertThrows(() => b.endpoint.dial(A, { onOpen: () => {}, onFailed: () => {} }), HanaError);
});

Deno.test("a question sent back to the node that asked it gets no answer", async () => {
  const { world: simulated, hosts } = world(2);
  const a = new SimulatedNode(host(hosts, 0), A);
  const mirror: DatagramSocket = host(hosts, 1).platform.datagrams.bind({ host: "0.0.0.0", port: 5000 }, {
    onDatagram: (bytes, from) => mirror.send(bytes, from),
    onError: () => {},
  });
  const { failures } = a.dial(B);
  await simulated.runFor(GIVE_UP_US + 1_000);
  const { counters } = a.endpoint;
  assertEquals([failures.length, counters.responsesSent, a.endpoint.pathCount], [1, 0, 0]);
  assertEquals(counters.dropped.replayed, counters.initsSent);
});

Deno.test("everything that was recorded does nothing when it is sent again", async () => {
  const { world: simulated, hosts } = world(3);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const recorded: Uint8Array[] = [];
  simulated.tapFrames((_from, _to, _bytes, payload) => {
    if (payload !== null) recorded.push(payload.slice());
  });
  const { owner } = a.dial(B);
  await simulated.runFor(50_000);
  const [accepted] = b.accepted;
  assert(accepted !== undefined);
  for (let i = 0; i < 20; i++) {
    owner.say(a.nowUs, `there ${i}`);
    accepted.say(b.nowUs, `back ${i}`);
  }
  await simulated.runFor(50_000);
  simulated.tapFrames(null);
  const told = [owner.packets.length, accepted.packets.length];
  const sent = [a.endpoint.counters.sentDatagrams, b.endpoint.counters.sentDatagrams];
  assertEquals(told, [20, 21]);
  const stranger = new Stranger(host(hosts, 2));
  for (const datagram of recorded) {
    stranger.socket.send(datagram, A);
    stranger.socket.send(datagram, B);
  }
  await simulated.runFor(12_000_000);
  assertEquals([owner.packets.length, accepted.packets.length], told);
  assertEquals([a.endpoint.counters.sentDatagrams, b.endpoint.counters.sentDatagrams], sent);
  assertEquals([owner.newAddresses, accepted.newAddresses, stranger.heard], [[], [], []]);
  assertEquals([a.endpoint.pathCount, b.endpoint.pathCount], [1, 1]);
});

Deno.test("a recorded question to a node that was started anew gets one answer of its size and no path", async () => {
  const { world: simulated, hosts } = world(3);
  const a = new SimulatedNode(host(hosts, 0), A);
  const recorder = new Stranger(host(hosts, 1));
  a.dial(B);
  await simulated.runFor(10_000);
  const [init] = recorder.heard;
  assert(init !== undefined);
  a.endpoint.close();
  const c = new SimulatedNode(host(hosts, 2), C);
  recorder.heard.length = 0;
  for (let i = 0; i < 5; i++) recorder.socket.send(init, C);
  await simulated.runFor(HALF_OPEN_US + 100_000);
  assert(recorder.heard.length <= 5, "the same answer, never more than was asked");
  assert(recorder.heard.every(({ length }) => length <= init.length));
  assertEquals([c.accepted.length, c.endpoint.pathCount], [0, 0]);
  recorder.socket.send(init, C);
  await simulated.runFor(1_000_000);
  assertEquals(c.endpoint.counters.dropped.replayed, 1);
});

Deno.test("two nodes that dial each other at once end up with one path between them", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { world: simulated, hosts } = world(2, seed);
    const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
    const asked: number[] = [];
    simulated.tapFrames((_from, _to, _bytes, payload) => {
      if (payload?.[0] === 1) asked.push(new DataView(payload.buffer, payload.byteOffset).getUint32(4));
    });
    const left = a.dial(B);
    // From exactly at once to when the first answer is on its way.
    await simulated.runFor(seed * 11);
    const right = b.dial(A);
    await simulated.runFor(15_000_000);
    assertEquals([left.failures, right.failures], [[], []], `seed ${seed}`);
    const ends = [
      ...[left.owner, right.owner].filter(({ path }) => path !== null),
      ...a.accepted,
      ...b.accepted,
    ];
    assertEquals([a.endpoint.pathCount, b.endpoint.pathCount, ends.length], [1, 1, 2], `seed ${seed}`);
    const winners = ends.filter(({ path }) => path?.initiated === true);
    assertEquals(winners.length, 1, `seed ${seed}`);
    // Both had asked before either was heard: the lower index goes first.
    if (seed * 11 < 200) assertEquals(winners[0]?.path?.localIndex, Math.min(...asked), `seed ${seed}`);
    const [one, other] = ends;
    assert(one !== undefined && other !== undefined);
    one.say(a.nowUs, "ping");
    other.say(a.nowUs, "pong");
    await simulated.runFor(20_000);
    assertEquals([one.texts.includes("pong"), other.texts.includes("ping")], [true, true], `seed ${seed}`);
  }
});

Deno.test("a dial gets through a link that loses half of everything", async () => {
  let opened = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { world: simulated, hosts } = world(2, seed, { loss: 0.5, delay: { kind: "constant", us: 5_000 } });
    const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
    const { owner } = a.dial(B);
    await simulated.runFor(GIVE_UP_US);
    if (owner.path !== null) opened++;
    assert(b.endpoint.counters.responsesSent <= a.endpoint.counters.initsSent);
  }
  assert(opened >= 18, `${opened} of 20`);
});

Deno.test("a path beside a stream is probed at told addresses, used once proved, and held back before", async () => {
  const { world: simulated, hosts } = world(2);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const { left, right } = beside(a, b);
  assertEquals(left.path?.remote, null);
  assertEquals(left.say(a.nowUs, "x"), false, "no address is proved");
  assertEquals(left.say(a.nowUs, "x", C), false, "nobody told that address");
  assertEquals(a.endpoint.counters.heldBack, 2);
  assert(left.say(a.nowUs, "challenge", B));
  await simulated.runFor(10_000);
  assertEquals([right.texts, right.newAddresses], [["challenge"], [A]]);
  assert(right.say(b.nowUs, "response", A));
  await simulated.runFor(10_000);
  left.path?.useAddress(left.packets[0]?.from ?? A);
  assertEquals(left.path?.remote, B);
  assert(left.say(a.nowUs, "data"));
  await simulated.runFor(10_000);
  assertEquals(right.texts, ["challenge", "data"]);
});

Deno.test("an address that the peer only names gets ten probes a minute and no more", async () => {
  const { world: simulated, hosts } = world(3);
  const a = new SimulatedNode(host(hosts, 0), A);
  const victim = new Stranger(host(hosts, 2));
  const owner = new Owner();
  owner.path = a.endpoint.createPath({ keys: testKeys(1), initiator: true, handlers: owner });
  owner.path.setPeer(1, [C]);
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    if (owner.path.sendTo(a.nowUs, C, i, UdpPath.textBytes(1200), false)) sent += 1200;
  }
  await simulated.runFor(50_000);
  assertEquals([sent, victim.heard.length], [TOLD_ALLOWANCE_BYTES, TOLD_ALLOWANCE_BYTES / 1200]);
  assertEquals(owner.path.canSendTo(a.nowUs, C, 1), false);
  // A path that is blocked now is tried again for as long as the stream lasts.
  await simulated.runFor(ALLOWANCE_PERIOD_US);
  assertEquals(owner.path.canSendTo(a.nowUs, C, TOLD_ALLOWANCE_BYTES), true);
  assertEquals(owner.path.canSendTo(a.nowUs, C, TOLD_ALLOWANCE_BYTES + 1), false);
});

Deno.test("a node that changes its address is told, proved, and followed; until then it gets three times what it sent", async () => {
  const { world: simulated, hosts } = world(3);
  const roaming = host(hosts, 0);
  const [a, b] = [new SimulatedNode(roaming, A), new SimulatedNode(host(hosts, 1), B)];
  const { owner } = a.dial(B);
  await simulated.runFor(20_000);
  const [accepted] = b.accepted;
  assert(accepted !== undefined && accepted.path !== null);
  const late = a.endpoint.sending.bytes.slice();
  roaming.setAddresses("eth0", [{ address: "10.1.0.77", prefix: 24 }]);
  const NEW: IpEndpoint = { host: "10.1.0.77", port: A.port };
  assert(owner.say(a.nowUs, "from elsewhere"));
  await simulated.runFor(20_000);
  assertEquals(accepted.newAddresses, [NEW]);
  assertEquals(accepted.path.remote, A, "nothing is proved yet");
  assertEquals(accepted.packets.at(-1)?.from, NEW);
  const received = 14 + PACKET_OVERHEAD_BYTES;
  let sent = 0;
  while (accepted.say(b.nowUs, "challenge", NEW)) sent += 9 + PACKET_OVERHEAD_BYTES;
  assert(sent <= AMPLIFICATION * received && sent + 34 > AMPLIFICATION * received, `${sent} B`);
  await simulated.runFor(20_000);
  assertEquals(owner.texts.length, 3, "they came");
  // More from there tells the owner again only after a while, and lets it send more.
  owner.say(a.nowUs, "again");
  await simulated.runFor(20_000);
  assertEquals([accepted.newAddresses.length, accepted.say(b.nowUs, "challenge", NEW)], [1, true]);
  accepted.path.useAddress(NEW);
  assertEquals(accepted.path.remote, NEW);
  assertEquals(accepted.path.addresses.candidates.map(({ address, isProven }) => [address, isProven]), [[
    A,
    true,
  ]]);
  for (let i = 0; i < 50; i++) assert(accepted.say(b.nowUs, "to the new address"));
  await simulated.runFor(20_000);
  assertEquals(owner.texts.length, 54);
  assert(late.length > 0);
});

Deno.test("a late packet from the old address does not look like a move", async () => {
  const { world: simulated, hosts } = world(3);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const { left, right } = beside(a, b);
  right.path?.useAddress(A);
  left.path?.useAddress(C); // what is sent there is seen by the stranger alone
  const stranger = new Stranger(host(hosts, 2));
  left.say(a.nowUs, "late");
  left.path?.useAddress(B);
  left.say(a.nowUs, "newer");
  await simulated.runFor(10_000);
  assertEquals([right.texts, stranger.heard.length], [["newer"], 1]);
  stranger.socket.send(stranger.heard[0] ?? new Uint8Array(0), B);
  await simulated.runFor(10_000);
  assertEquals([right.texts, right.newAddresses, right.path?.remote], [["newer", "late"], [], A]);
});

Deno.test("a path remembers a few addresses, and the way back longest", () => {
  const { hosts } = world(1);
  const a = new SimulatedNode(host(hosts, 0), A);
  const path = a.endpoint.createPath({ keys: testKeys(1), initiator: true, handlers: new Owner() });
  path.useAddress(B);
  path.useAddress(C);
  for (let i = 0; i < 20; i++) path.addresses.add({ host: `10.1.1.${i}`, port: 1 }, 0);
  assertEquals([path.addresses.candidates.length, path.addresses.forgotten], [MAX_CANDIDATES, 17]);
  assert(path.addresses.find(B)?.isProven === true);
  path.addresses.forget(B);
  assertEquals(path.addresses.find(B), null);
});

Deno.test("junk of every form is counted by its reason and answered by nothing", async () => {
  const { world: simulated, hosts } = world(3);
  const a = new SimulatedNode(host(hosts, 0), A);
  const stranger = new Stranger(host(hosts, 2));
  const say = (bytes: Uint8Array) => stranger.socket.send(bytes, A);
  say(new Uint8Array(0));
  say(new Uint8Array([0x40]));
  say(new Uint8Array(100).fill(0x80));
  say(new Uint8Array(100).fill(0xc0));
  say(new Uint8Array(100).fill(0x40));
  for (const first of [0, 1, 2, 3, 4, 0x3f]) {
    for (const length of [1, 7, 8, 52, 1199, 1200, 1201]) {
      const bytes = new Uint8Array(length).fill(0xff);
      bytes[0] = first;
      say(bytes);
    }
  }
  await simulated.runFor(100_000);
  const { dropped, receivedDatagrams, sentDatagrams } = a.endpoint.counters;
  assertEquals(stranger.heard, []);
  assertEquals([sentDatagrams, receivedDatagrams], [0, 47]);
  assertEquals(Object.values(dropped).reduce((sum, count) => sum + count, 0), 47);
  assertEquals([dropped["unknown-index"], dropped["no-dial"] > 0, dropped["bad-version"] > 0], [
    1,
    true,
    true,
  ]);
});

Deno.test("whoever forges packets of a path is not heard any more, while its peer is", async () => {
  const { world: simulated, hosts } = world(3);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const { owner } = a.dial(B);
  await simulated.runFor(20_000);
  owner.say(a.nowUs, "true");
  const honest = a.endpoint.sending.bytes.slice(0, 4 + PACKET_OVERHEAD_BYTES);
  await simulated.runFor(20_000);
  const forger = new Stranger(host(hosts, 2));
  for (let i = 0; i < 2 * MAX_FORGED_PER_SECOND; i++) {
    const forged = flipBit(honest, 100);
    forged[7] = 1 + (i >> 8);
    forged[8] = i;
    forger.socket.send(forged, B);
    if (i % 50 === 0) {
      owner.say(a.nowUs, "true");
      await simulated.runFor(100);
    }
  }
  await simulated.runFor(20_000);
  const { dropped } = b.endpoint.counters;
  assert(dropped.forged <= MAX_FORGED_PER_SECOND + 1, `${dropped.forged}`);
  assertEquals(dropped.forged + dropped["rate-limited"], 2 * MAX_FORGED_PER_SECOND);
  assertEquals(b.accepted[0]?.texts.length, 2 + 20);
});

Deno.test("an index that is taken is drawn again", () => {
  const { hosts } = world(1);
  const draws = [7, 1, 1, 1, 2, 2, 3, 1];
  const random: RandomStream = {
    u32: () => draws.shift() ?? 99,
    float: () => 0.5,
    fill: (target) => target.fill(draws.length),
  };
  const { platform } = host(hosts, 0);
  const endpoint = new UdpEndpoint({
    ...platform,
    datagrams: platform.datagrams,
    clock: platform.clock,
    timers: platform.timers,
    random,
    suite,
    sockets: [{ host: "0.0.0.0", port: 5000 }],
    onError: () => {},
  });
  const open = () => endpoint.createPath({ keys: testKeys(1), initiator: true, handlers: new Owner() });
  assertEquals([open(), open(), open()].map(({ localIndex }) => localIndex), [1, 2, 3]);
});

Deno.test("paths are bounded: at the bound none is made, dialled or answered", async () => {
  const { world: simulated, hosts } = world(2);
  const a = new SimulatedNode(host(hosts, 0), A, testRing(1), { maxPaths: 2 });
  const b = new SimulatedNode(host(hosts, 1), B);
  const open = () => a.endpoint.createPath({ keys: testKeys(1), initiator: true, handlers: new Owner() });
  const first = open();
  open();
  for (const make of [open, () => a.dial(B)]) {
    assertEquals(assertThrows(make, HanaError).code, "overloaded");
  }
  const { owner } = b.dial(A);
  await simulated.runFor(500_000);
  assert(a.endpoint.counters.dropped["table-full"] >= 2);
  assertEquals(owner.path, null);
  first.close();
  await simulated.runFor(2_000_000);
  assert(owner.path !== null, "there was room again");
});

Deno.test("a closed endpoint says nothing, hears nothing and keeps no timer", async () => {
  const { world: simulated, hosts } = world(2);
  const [a, b] = [new SimulatedNode(host(hosts, 0), A), new SimulatedNode(host(hosts, 1), B)];
  const { owner, failures } = a.dial(B);
  await simulated.runFor(20_000);
  const more = a.dial(C);
  a.endpoint.close();
  a.endpoint.close();
  const { sentDatagrams } = a.endpoint.counters;
  assertEquals([owner.path?.isClosed, owner.say(a.nowUs, "x")], [true, false]);
  b.accepted[0]?.say(b.nowUs, "x");
  await simulated.runFor(30_000_000);
  assertEquals([a.endpoint.counters.sentDatagrams, owner.packets.length], [sentDatagrams, 0]);
  assertEquals([failures, more.failures, a.endpoint.pathCount], [[], [], 0]);
  assertThrows(() => a.endpoint.dial(B, { onOpen: () => {}, onFailed: () => {} }), HanaError);
});

Deno.test("link-local peers dial each other where a socket is bound to their link", async () => {
  const simulated = new SimulatedWorld({ seed: 3 });
  const nodes = ["eth0", "eth7"].map((name, i) => {
    const each = simulated.createHost({
      name: `host-${i}`,
      interfaces: [{ name, segment: "lan", address: `10.1.0.${i + 1}`, prefix: 24, family: "both" }],
    });
    const found = each.platform.interfaces.list().find(({ scopeId }) => scopeId !== null);
    assert(found !== undefined);
    const zoned = `${found.address}%${name}`;
    const sockets = [{ host: "0.0.0.0", port: 5000 }, { host: zoned, port: 5000 }];
    const node = new SimulatedNode(each, { host: zoned, port: 5000 }, testRing(1), { sockets });
    return { node, address: found.address, name };
  });
  const [a, b] = nodes;
  assert(a !== undefined && b !== undefined);
  const { owner } = a.node.dial({ host: `${b.address}%${a.name}`, port: 5000 });
  await simulated.runFor(50_000);
  assertEquals(owner.path?.remote, { host: `${b.address}%${a.name}`, port: 5000 });
  assertEquals(b.node.accepted[0]?.path?.remote, { host: `${a.address}%${b.name}`, port: 5000 });
  assert(b.node.accepted[0]?.say(b.node.nowUs, "back"));
  await simulated.runFor(50_000);
  assertEquals([owner.texts, b.node.accepted[0]?.texts], [["back"], ["first"]]);
});

Deno.test("a sender whose socket tells no zone is the peer that is known with one", () => {
  const known: IpEndpoint = { host: "fe80::1%eth0", port: 5 };
  assertEquals(isSameAddress(known, { host: "fe80::1", port: 5 }), true);
  assertEquals(isSameAddress(known, { host: "fe80::1", port: 6 }), false);
  assertEquals(isSameAddress(known, { host: "fe80::2", port: 5 }), false);
  assertEquals(isSameAddress(known, { host: "fe80::1%eth1", port: 5 }), false);
  assertEquals(isSameAddress({ host: "fd00::1", port: 5 }, { host: "fd00::1", port: 5 }), true);
});
