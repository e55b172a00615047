// Faults of hosts and links as programs feel them: freezes, slowness, clogs, broken frames, wrong interfaces, clocks.

import { assert, assertEquals } from "@std/assert";
import type { DatagramSocket } from "../../../lib/platform/mod.ts";
import {
  type FrameFate,
  type LinkSpec,
  type SimulatedHost,
  SimulatedWorld,
  SOCKET_BUFFER_DATAGRAMS,
  SpecLink,
  WORLD_EPOCH_MS,
} from "../../../lib/platform/simulated/mod.ts";
import { StreamRecorder } from "./harness.ts";

const MS = 1_000;
const SECOND = 1_000_000;
const GROUP = "239.1.1.1";
const PORT = 4000;

interface Heard {
  readonly atUs: number;
  readonly text: string;
  readonly from: string;
}

/** A host with a socket that hears the group. */
class Station {
  readonly host: SimulatedHost;
  readonly address: string;
  readonly heard: Heard[] = [];
  readonly socket: DatagramSocket;
  readonly mouth: DatagramSocket;

  constructor(readonly world: SimulatedWorld, number: number) {
    this.address = `10.0.0.${number}`;
    this.host = world.createHost({
      name: `h${number}`,
      interfaces: [{ name: "eth0", segment: "lan", address: this.address, prefix: 24 }],
    });
    const { datagrams } = this.host.platform;
    const decoder = new TextDecoder();
    this.socket = datagrams.bind({ host: "0.0.0.0", port: PORT, shared: true }, {
      onDatagram: (bytes, { host }) =>
        this.heard.push({ atUs: world.nowUs, text: decoder.decode(bytes), from: host }),
      onError: () => {},
    });
    this.socket.join(GROUP, this.address);
    this.mouth = datagrams.bind({ host: this.address, port: 0, egress: this.address }, {
      onDatagram() {},
      onError() {},
    });
  }

  say(text: string, to: string): void {
    this.mouth.send(new TextEncoder().encode(text), { host: to, port: PORT });
  }

  get texts(): string[] {
    return this.heard.map(({ text }) => text);
  }
}

function two(spec: LinkSpec = { delay: { kind: "constant", us: 200 } }, seed = 1) {
  const world = new SimulatedWorld({ seed });
  world.createSegment("lan", { model: new SpecLink(spec) });
  return { world, segment: world.segment("lan"), a: new Station(world, 1), b: new Station(world, 2) };
}

Deno.test("a frozen host runs nothing; thawed, it runs everything that was due, late and in order", async () => {
  const { world, a, b } = two();
  const { timers, clock } = b.host.platform;
  const ran: string[] = [];
  const note = (text: string): void => void ran.push(`${text} at ${world.nowUs / MS}`);
  timers.schedule(clock.nowUs() + 10 * MS, () => {
    note("first");
    never.cancel();
  });
  const never = timers.schedule(clock.nowUs() + 20 * MS, () => note("cancelled by the first"));
  timers.schedule(clock.nowUs() + 30 * MS, () => note("second"));
  timers.schedule(clock.nowUs() + 500 * MS, () => note("third"));
  world.at(5 * MS, () => b.host.freeze());
  world.at(15 * MS, () => a.say("u", b.address));
  world.at(16 * MS, () => a.say("m", GROUP));
  world.at(100 * MS, () => b.host.thaw());
  await world.runUntil(99 * MS);
  assertEquals([ran, b.texts], [[], []]);
  assertEquals(clock.nowUs(), 99 * MS);
  assert(b.host.cpu.isFrozen && world.canTalk("h1", "h2"));
  await world.runUntil(SECOND);
  assertEquals(ran, ["first at 100", "second at 100", "third at 500"]);
  assertEquals(b.heard.map(({ atUs, text }) => `${text} at ${atUs / MS}`), ["u at 100", "m at 100"]);
  // Its own later work runs in time again.
  assert(b.host.cpu.isFree);
});

Deno.test("two freezes want two thaws, and a crash ends them all", async () => {
  const { world, a, b } = two();
  b.host.freeze();
  b.host.freeze();
  b.host.thaw();
  a.say("one", b.address);
  await world.runFor(SECOND);
  assertEquals(b.texts, []);
  b.host.crash();
  const platform = b.host.restart();
  let fired = false;
  platform.timers.schedule(platform.clock.nowUs() + MS, () => fired = true);
  await world.runFor(SECOND);
  assertEquals([b.texts, fired, b.host.cpu.isFree], [[], true, true]);
});

Deno.test("the sockets of a frozen host hold so many datagrams and lose the rest", async () => {
  const { world, a, b } = two();
  b.host.freeze();
  for (let i = 0; i < SOCKET_BUFFER_DATAGRAMS + 50; i++) a.say(String(i), b.address);
  await world.runFor(SECOND);
  b.host.thaw();
  await world.runFor(SECOND);
  assertEquals(b.texts, Array.from({ length: SOCKET_BUFFER_DATAGRAMS }, (_, i) => String(i)));
});

Deno.test("the system of a frozen host accepts and takes in, its program hears of it later", async () => {
  const { world, a, b } = two();
  const accepted: StreamRecorder[] = [];
  await b.host.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
    onStream: (stream) => void accepted.push(new StreamRecorder(stream).open()),
    onError: () => {},
  });
  b.host.freeze();
  const connecting = a.host.platform.streams.connect({ kind: "tcp", host: b.address, port: 7000 });
  await world.runFor(50 * MS);
  const client = new StreamRecorder(await connecting).open();
  client.stream.write(new Uint8Array(100));
  await world.runFor(SECOND);
  assertEquals([client.written, client.closed, accepted.length], [1, false, 0]);
  b.host.thaw();
  await world.runFor(SECOND);
  assertEquals([accepted.length, accepted[0]?.total], [1, 100]);
  // A frozen reader holds the writer up at last, and nothing is lost.
  b.host.freeze();
  client.stream.write(new Uint8Array(2_000_000));
  await world.runFor(10 * SECOND);
  assertEquals([client.written, client.closed], [1, false]);
  b.host.thaw();
  await world.runFor(SECOND);
  assertEquals([client.written, accepted[0]?.total], [2, 2_000_100]);
});

Deno.test("on a slow host each callback delays the next", async () => {
  const { world, a, b } = two();
  b.host.slow(10 * MS);
  for (let i = 0; i < 5; i++) a.say(String(i), b.address);
  await world.runFor(SECOND);
  assertEquals(b.heard.map(({ atUs }) => atUs), [0, 1, 2, 3, 4].map((i) => 200 + i * 10 * MS));
  b.host.slow(0);
  const startUs = world.nowUs;
  for (let i = 0; i < 3; i++) a.say(String(i), b.address);
  await world.runFor(SECOND);
  assertEquals(b.heard.slice(5).map(({ atUs }) => atUs - startUs), [200, 200, 200]);
});

Deno.test("a clogged direction holds frames and lets them out in order, the other one flows", async () => {
  const { world, segment, a, b } = two({ delay: { kind: "lognormal", minUs: 0, medianUs: 900, sigma: 1 } });
  segment.clog("h1", "h2");
  for (let i = 0; i < 20; i++) {
    a.say(String(i), i % 2 === 0 ? b.address : GROUP);
    b.say(String(i), a.address);
    await world.runFor(10 * MS);
  }
  assertEquals([b.texts.length, a.texts.length], [0, 30]);
  segment.unclog("h1", "h2");
  await world.runFor(SECOND);
  assertEquals(b.texts, Array.from({ length: 20 }, (_, i) => String(i)));
});

Deno.test("a clogged stream comes whole once the way is free", async () => {
  const { world, segment, a, b } = two();
  const accepted: StreamRecorder[] = [];
  await b.host.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
    onStream: (stream) => void accepted.push(new StreamRecorder(stream).open()),
    onError: () => {},
  });
  const connecting = a.host.platform.streams.connect({ kind: "tcp", host: b.address, port: 7000 });
  await world.runFor(50 * MS);
  const client = new StreamRecorder(await connecting).open();
  segment.clog("h1", "h2");
  client.stream.write(new Uint8Array(200_000).fill(7));
  await world.runFor(5 * SECOND);
  assertEquals(accepted[0]?.total, 0);
  segment.unclog("h1", "h2");
  await world.runFor(10 * MS);
  assertEquals([accepted[0]?.total, new Set(accepted[0]?.bytes)], [200_000, new Set([7])]);
});

Deno.test("frames arrive twice or with one bit flipped where the link says so", async () => {
  const { world, a, b } = two({ delay: { kind: "constant", us: 100 }, duplicate: 1, corrupt: 1 });
  a.say("aaaaaaaa", b.address);
  a.say("aaaaaaaa", GROUP);
  await world.runFor(SECOND);
  assertEquals(b.heard.length, 4);
  const whole = b.texts.filter((text) => text === "aaaaaaaa").length;
  assertEquals(whole, 2, "the copies are sound, the first ones are not");
});

Deno.test("loss costs a stream time and no byte, and a rate slows it down", async () => {
  for (
    const [spec, leastUs, mostUs] of [
      [{ delay: { kind: "constant", us: 500 } }, 0, 20 * MS],
      [{ delay: { kind: "constant", us: 500 }, loss: 0.5 }, 200 * MS, 30 * SECOND],
      [{ delay: { kind: "constant", us: 500 }, corrupt: 0.5 }, 200 * MS, 30 * SECOND],
      // 500 kB and their headers at 8 Mbit/s.
      [{ delay: { kind: "constant", us: 500 }, bitsPerSecond: 8_000_000 }, 500 * MS, 700 * MS],
    ] as const
  ) {
    const { world, segment, a, b } = two({}, 4);
    const accepted: StreamRecorder[] = [];
    await b.host.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
      onStream: (stream) => void accepted.push(new StreamRecorder(stream).open()),
      onError: () => {},
    });
    const connect = a.host.platform.streams.connect({ kind: "tcp", host: b.address, port: 7000 });
    let client: StreamRecorder | null = null;
    connect.then((stream) => client = new StreamRecorder(stream).open(), () => {});
    assert(await world.runUntilTrue(() => client !== null, 3 * SECOND), JSON.stringify(spec));
    segment.model = new SpecLink(spec);
    const startUs = world.nowUs;
    (client as StreamRecorder | null)?.stream.write(Uint8Array.from({ length: 500_000 }, (_, i) => i % 251));
    assert(await world.runUntilTrue(() => accepted[0]?.total === 500_000, startUs + 60 * SECOND));
    const tookUs = world.nowUs - startUs;
    assert(tookUs >= leastUs && tookUs <= mostUs, `${JSON.stringify(spec)} took ${tookUs}`);
    assert(accepted[0]?.bytes.every((byte, i) => byte === i % 251));
  }
});

Deno.test("a wrong interface takes the default over, and gives it back", async () => {
  const { world, a, b } = two();
  const lost = a.host.platform.datagrams.bind({ host: "0.0.0.0", port: 0 }, {
    onDatagram() {},
    onError() {},
  });
  const say = (text: string): void => lost.send(new TextEncoder().encode(text), { host: GROUP, port: PORT });
  a.host.network.defaultInterface = "eth0";
  say("right");
  await world.runFor(MS);
  const name = a.host.addWrongInterface();
  assert(a.host.platform.interfaces.list().some((each) => each.name === name));
  say("into nowhere");
  await world.runFor(MS);
  a.host.removeWrongInterface();
  say("right again");
  await world.runFor(MS);
  assertEquals(b.texts, ["right", "right again"]);
});

Deno.test("an interface made anew has lost its memberships and has another hardware address", async () => {
  const { world, a, b } = two();
  const macOf = () => b.host.platform.interfaces.list().find((each) => each.name === "eth0")?.mac;
  const before = macOf();
  b.host.recreateInterface("eth0");
  a.say("m", GROUP);
  a.say("u", b.address);
  await world.runFor(MS);
  assertEquals(b.texts, ["u"]);
  assert(before !== undefined && macOf() !== before);
});

Deno.test("wall clocks are set off, step, drift and swing; the monotonic one never knows", async () => {
  const { world, b } = two();
  const { clock } = b.host.platform;
  const offMs = () => clock.wallMs() - WORLD_EPOCH_MS - world.nowUs / MS;
  const endOffset = b.host.changeClock({ kind: "offset", ms: 1200 });
  assertEquals(offMs(), 1200);
  b.host.changeClock({ kind: "step", ms: -5000 });
  assertEquals(offMs(), -3800);
  endOffset();
  assertEquals(offMs(), 0);
  const endDrift = b.host.changeClock({ kind: "drift", ppm: 80 });
  await world.runFor(1000 * SECOND);
  assertEquals(offMs(), 80);
  endDrift();
  await world.runFor(1000 * SECOND);
  assertEquals(offMs(), 80);
  const endSwing = b.host.changeClock({ kind: "sine", amplitudeMs: 40, periodUs: 60 * SECOND });
  const seen: number[] = [];
  for (let i = 0; i < 60; i++) {
    await world.runFor(SECOND);
    seen.push(offMs() - 80);
  }
  assertEquals([Math.max(...seen), Math.min(...seen)], [40, -40]);
  endSwing();
  assertEquals([offMs(), clock.nowUs()], [80, world.nowUs]);
});

Deno.test("a loss of power takes what was only appended, a crash of the process does not", () => {
  const { b } = two();
  const { disk } = b.host;
  disk.append("/tmp/log", Uint8Array.of(1, 2), 0o600);
  disk.sync("/tmp/log");
  disk.append("/tmp/log", Uint8Array.of(3), 0o600);
  b.host.platform.files.write("/tmp/state", Uint8Array.of(9), 0o600);
  b.host.restartProcess();
  assertEquals(disk.read("/tmp/log"), Uint8Array.of(1, 2, 3));
  b.host.crash();
  assertEquals(disk.read("/tmp/log"), Uint8Array.of(1, 2));
  assertEquals(disk.read("/tmp/state"), Uint8Array.of(9));
});

Deno.test("a tap sees each frame with its fate", async () => {
  const { world, segment, a, b } = two({ delay: { kind: "constant", us: 100 } });
  const seen: [string, string, number, FrameFate, number][] = [];
  world.tapFrames((from, to, bytes, _payload, fate, arrivesUs) =>
    seen.push([from, to, bytes, fate, arrivesUs])
  );
  a.say("four", b.address);
  segment.cut("h1", "h2");
  a.say("four", GROUP);
  segment.healAll();
  segment.setModel("h1", "h2", new SpecLink({ loss: 1 }));
  a.say("four", b.address);
  segment.setModel("h1", "h2", new SpecLink({ duplicate: 1 }));
  a.say("four", b.address);
  await world.runFor(SECOND);
  assertEquals(seen, [
    ["h1", "h2", 32, "delivered", 100],
    ["h1", "h2", 32, "cut", -1],
    ["h1", "h2", 32, "lost", -1],
    ["h1", "h2", 32, "delivered", 0],
    ["h1", "h2", 32, "duplicated", 0],
  ]);
});

/** Hosts that multicast and answer by unicast over a bad network with faults. Returns world and what each heard. */
async function storm(
  seed: number,
  numbers: readonly number[],
  options: { faults?: boolean; drain?: "auto" | "turns" } = {},
): Promise<{ world: SimulatedWorld; heard: Map<string, string[]> }> {
  const world = new SimulatedWorld({
    seed,
    ...(options.drain === undefined ? {} : { drain: options.drain }),
  });
  world.createSegment("lan", {
    model: new SpecLink({
      delay: { kind: "lognormal", minUs: 200, medianUs: 800, sigma: 0.8 },
      loss: 0.05,
      bursts: { goodUs: SECOND, badUs: 100 * MS, lossGood: 0, lossBad: 0.9 },
      stall: { everyUs: 2 * SECOND, minUs: 50 * MS, meanExtraUs: 50 * MS, losesFirst: true },
      duplicate: 0.02,
      corrupt: 0.02,
      reorder: { share: 0.02, extraUs: 5 * MS },
      bitsPerSecond: 10_000_000,
      queueBytes: 20_000,
      group: { loss: 0.1 },
    }),
  });
  const heard = new Map<string, string[]>();
  const stations = numbers.map((number) => new Station(world, number));
  for (const station of stations) {
    const { timers, clock, random } = station.host.platform;
    let count = 0;
    const beat = (): void => {
      station.say(`${station.host.name} ${count++}`, GROUP);
      // Promises take part too.
      void Promise.resolve().then(() => null).then(() => station.say(`echo ${count}`, "10.0.0.1"));
      timers.schedule(clock.nowUs() + 40 * MS + random.stream("beat").u32() % (20 * MS), beat);
    };
    timers.schedule(clock.nowUs() + MS, beat);
  }
  if (options.faults) {
    const host = (number: number) => world.host(`h${number}`);
    world.at(SECOND, () => host(2)?.freeze());
    world.at(2 * SECOND, () => host(2)?.thaw());
    world.at(1.5 * SECOND, () => world.segment("lan").clog("h1", "h3"));
    world.at(2.5 * SECOND, () => world.segment("lan").unclog("h1", "h3"));
    world.at(2 * SECOND, () => host(3)?.slow(3 * MS));
    world.at(3 * SECOND, () => host(3)?.slow(0));
  }
  await world.runFor(4 * SECOND);
  for (const station of stations) {
    heard.set(station.host.name, station.heard.map(({ atUs, text, from }) => `${from} ${atUs} ${text}`));
  }
  return { world, heard };
}

Deno.test("a world full of faults runs the same way twice, however promises are settled, another seed differently", async () => {
  const numbers = [1, 2, 3, 4, 5];
  const first = await storm(7, numbers, { faults: true });
  const second = await storm(7, numbers, { faults: true });
  const turned = await storm(7, numbers, { faults: true, drain: "turns" });
  const other = await storm(8, numbers, { faults: true });
  assert(first.world.eventCount > 1000, `${first.world.eventCount}`);
  assertEquals(first.heard, second.heard);
  assertEquals(first.world.eventDigest(), second.world.eventDigest());
  assertEquals(first.world.eventDigest(), turned.world.eventDigest());
  assert(first.world.eventDigest() !== other.world.eventDigest());
});

Deno.test("without one host everybody else hears everybody else exactly as before", async () => {
  const whole = await storm(11, [1, 2, 3, 4, 5]);
  const without = await storm(11, [1, 2, 3, 5]);
  for (const [name, texts] of without.heard) {
    const before = whole.heard.get(name)?.filter((text) => !text.startsWith("10.0.0.4 "));
    assertEquals(texts, before, name);
    assert(texts.length > 200, `${name} heard ${texts.length}`);
  }
});

Deno.test("time that stands still ends the run with an error that says so", async () => {
  const world = new SimulatedWorld({ seed: 1, maxEventsAtOnce: 1000 });
  const loop = (): void => world.at(world.nowUs, loop);
  world.at(5 * MS, loop);
  const error = await world.runFor(SECOND).then(() => null, (thrown: Error) => thrown);
  assert(error !== null && error.message.includes("stands still"), String(error));
});
