import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { ByteStream } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld, WINDOW_BYTES } from "../../../lib/platform/simulated/mod.ts";
import type { SegmentOptions } from "../../../lib/platform/simulated/mod.ts";
import { StreamRecorder } from "./harness.ts";

const SECOND = 1_000_000;

function twoHosts(
  options: SegmentOptions = {},
  seed = 3,
): { world: SimulatedWorld; a: SimulatedHost; b: SimulatedHost } {
  const world = new SimulatedWorld({ seed });
  world.createSegment("lan", { delayUs: 500, ...options });
  const host = (name: string, address: string) =>
    world.createHost({ name, interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }] });
  return { world, a: host("a", "10.0.0.1"), b: host("b", "10.0.0.2") };
}

async function outcome<T>(
  world: SimulatedWorld,
  promise: Promise<T>,
  forUs: number,
): Promise<T | HanaError | null> {
  let result: T | HanaError | null = null;
  promise.then((value) => result = value, (thrown) => result = thrown);
  await world.runUntilTrue(() => result !== null, world.nowUs + forUs);
  return result;
}

async function connected(
  world: SimulatedWorld,
  a: SimulatedHost,
  b: SimulatedHost,
): Promise<{ client: StreamRecorder; server: StreamRecorder }> {
  const accepted: ByteStream[] = [];
  await b.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
    onStream: (stream) => void accepted.push(stream),
    onError: () => {},
  });
  const client = await outcome(
    world,
    a.platform.streams.connect({ kind: "tcp", host: "10.0.0.2", port: 7000 }),
    10 * SECOND,
  );
  await world.runFor(10_000);
  const server = accepted[0];
  if (client === null || client instanceof HanaError || server === undefined) throw new Error(`${client}`);
  return { client: new StreamRecorder(client).open(), server: new StreamRecorder(server).open() };
}

const connectB = (a: SimulatedHost, signal?: AbortSignal) =>
  a.platform.streams.connect({ kind: "tcp", host: "10.0.0.2", port: 7000 }, { signal });

Deno.test("connecting takes a round trip, and so does a refusal", async () => {
  const { world, a, b } = twoHosts();
  const refused = await outcome(world, connectB(a), 10 * SECOND);
  assert(refused instanceof HanaError && refused.code === "unreachable");
  assertEquals([refused.why, world.nowUs], ["Connection refused", 1000]);
  await connected(world, a, b);
});

Deno.test("connecting to silence ends as unreachable after three seconds, by a cut, a crash or a missing host", async () => {
  for (const silence of ["cut", "crash", "missing"]) {
    const { world, a, b } = twoHosts();
    if (silence === "cut") world.segment("lan").partition(["a"], ["b"]);
    if (silence === "crash") b.crash();
    if (silence === "missing") b.setAddresses("eth0", []);
    const result = await outcome(world, connectB(a), 60 * SECOND);
    assert(result instanceof HanaError && result.code === "unreachable", silence);
    assertEquals(world.nowUs, 3 * SECOND);
  }
});

Deno.test("a host on no common network is unreachable at once, a name is never looked up", async () => {
  const { a } = twoHosts();
  const connect = (host: string) => a.platform.streams.connect({ kind: "tcp", host, port: 1 });
  assertEquals((await assertRejects(() => connect("10.9.0.1"), HanaError)).code, "unreachable");
  assertEquals((await assertRejects(() => connect("example.org"), HanaError)).code, "unreachable");
});

Deno.test("a connect survives a short outage", async () => {
  const { world, a, b } = twoHosts();
  await b.platform.streams.listen({ kind: "tcp", host: "10.0.0.2", port: 7000 }, {
    onStream: () => {},
    onError: () => {},
  });
  world.segment("lan").partition(["a"], ["b"]);
  world.at(500_000, () => world.segment("lan").healAll());
  const result = await outcome(world, connectB(a), 60 * SECOND);
  assert(result !== null && !(result instanceof HanaError));
  assertEquals(world.nowUs, SECOND + 1000);
});

Deno.test("a connect that is given up rejects as cancelled, and the listener sees it go", async () => {
  const { world, a, b } = twoHosts();
  const accepted: StreamRecorder[] = [];
  await b.platform.streams.listen({ kind: "tcp", host: "10.0.0.2", port: 7000 }, {
    onStream: (stream) => void accepted.push(new StreamRecorder(stream).open()),
    onError: () => {},
  });
  const giveUp = new AbortController();
  world.at(700, () => giveUp.abort()); // the listener has answered, the answer is under way
  const result = await outcome(world, connectB(a, giveUp.signal), SECOND);
  assert(result instanceof HanaError && result.code === "cancelled");
  await world.runFor(SECOND);
  assertEquals(accepted.map((each) => [each.closed, each.error?.code]), [[true, "closed"]]);
});

Deno.test("bytes arrive after the delay of the segment", async () => {
  const { world, a, b } = twoHosts();
  const { client, server } = await connected(world, a, b);
  const startUs = world.nowUs;
  let atUs = 0;
  server.onData = () => atUs = world.nowUs;
  client.stream.write(new Uint8Array(100));
  await world.runUntilTrue(() => server.total === 100, startUs + SECOND);
  assertEquals(atUs - startUs, 500);
});

Deno.test("a writer whose peer pauses gets a window's worth through and no more", async () => {
  const { world, a, b } = twoHosts();
  const { client, server } = await connected(world, a, b);
  server.stream.pauseReading();
  client.stream.write(new Uint8Array(WINDOW_BYTES));
  await world.runFor(SECOND);
  assertEquals(client.written, 1);
  client.stream.write(new Uint8Array(1));
  await world.runFor(SECOND);
  assertEquals(client.written, 1);
  server.stream.resumeReading();
  await world.runFor(SECOND);
  assertEquals([client.written, server.total], [2, WINDOW_BYTES + 1]);
});

Deno.test("a lossy segment delays a stream and keeps it whole and in order", async () => {
  const { world, a, b } = twoHosts({ lossRate: 0.2, jitterUs: 3000 });
  const { client, server } = await connected(world, a, b);
  const sent: number[] = [];
  client.onWritten = () => {
    if (sent.length < 300) writeNext();
    else client.stream.closeWrite();
  };
  const writeNext = (): void => {
    const bytes = [sent.length & 255, (sent.length * 7) & 255];
    sent.push(...bytes);
    client.stream.write(Uint8Array.from(bytes));
  };
  writeNext();
  await world.runUntilTrue(() => server.ended, 120 * SECOND);
  assertEquals(server.bytes, sent);
  assert(world.nowUs > 200_000, "some pieces were lost and sent again");
});

Deno.test("a partition stalls a stream, healing lets it go on", async () => {
  const { world, a, b } = twoHosts();
  const { client, server } = await connected(world, a, b);
  world.segment("lan").partition(["a"], ["b"]);
  client.stream.write(new Uint8Array(10));
  await world.runFor(20 * SECOND);
  assertEquals([server.total, client.closed], [0, false]);
  world.segment("lan").healAll();
  await world.runFor(30 * SECOND);
  assertEquals(server.total, 10);
});

Deno.test("a peer that never answers ends the stream after a quarter of an hour", async () => {
  const { world, a, b } = twoHosts();
  const { client } = await connected(world, a, b);
  b.crash();
  client.stream.write(new Uint8Array(10));
  await world.runFor(600 * SECOND);
  assertEquals(client.closed, false);
  await world.runFor(900 * SECOND);
  assertEquals([client.closed, client.error?.why], [true, "timed out"]);
});

Deno.test("a killed process resets its streams, a crashed host is silent until it is back", async () => {
  const killed = twoHosts();
  const first = await connected(killed.world, killed.a, killed.b);
  killed.b.main.kill();
  await killed.world.runFor(SECOND);
  assertEquals([first.client.closed, first.client.error?.code], [true, "closed"]);
  assertEquals(first.server.events, []);

  const crashed = twoHosts();
  const second = await connected(crashed.world, crashed.a, crashed.b);
  crashed.b.crash();
  await crashed.world.runFor(60 * SECOND);
  assertEquals(second.client.closed, false);
  crashed.b.restart();
  second.client.stream.write(new Uint8Array(1));
  await crashed.world.runFor(SECOND);
  assertEquals([second.client.closed, second.client.error?.why], [true, "Connection reset by peer"]);
  assertEquals(second.server.events, []);
});

Deno.test("what was written before an abort still arrives ahead of the reset", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { world, a, b } = twoHosts({ jitterUs: 2000 }, seed);
    const { client, server } = await connected(world, a, b);
    client.onWritten = () => client.stream.abort();
    client.stream.write(new TextEncoder().encode("goodbye"));
    await world.runFor(SECOND);
    assertEquals(new TextDecoder().decode(Uint8Array.from(server.bytes)), "goodbye");
    assertEquals(server.events, ["data", "close"]);
  }
});

Deno.test("a stream opened after the peer is gone hears why", async () => {
  const { world, a, b } = twoHosts();
  const accepted: ByteStream[] = [];
  await b.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
    onStream: (stream) => void accepted.push(stream),
    onError: () => {},
  });
  const near = await outcome(world, connectB(a), SECOND);
  assert(near !== null && !(near instanceof HanaError));
  near.abort();
  await world.runFor(SECOND);
  const [far] = accepted;
  assert(far !== undefined);
  const late = new StreamRecorder(far).open();
  await world.runFor(SECOND);
  assertEquals([late.closed, late.error?.code], [true, "closed"]);
});

Deno.test("the socket file of a killed process stays and leads nowhere", async () => {
  const { world, a } = twoHosts();
  const address = { kind: "unix", path: "/tmp/node.sock" } as const;
  await a.platform.streams.listen(address, { onStream: () => {}, onError: () => {} });
  const other = a.createProcess();
  a.main.kill();
  assertEquals(a.disk.stat(address.path)?.kind, "socket");
  const connect = () => other.platform.streams.connect(address);
  assertEquals((await assertRejects(connect, HanaError)).code, "unreachable");
  const listen = () => other.platform.streams.listen(address, { onStream: () => {}, onError: () => {} });
  assertEquals((await assertRejects(listen, HanaError)).code, "address-in-use");
  assert(other.platform.files.remove(address.path));
  (await listen()).close();
  await world.runFor(SECOND);
});

Deno.test("streams work over loopback and to the own address, also with the cable out", async () => {
  const { world, a } = twoHosts();
  const other = a.createProcess();
  a.setInterfaceUp("eth0", false);
  const accepted: StreamRecorder[] = [];
  await a.platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 7000 }, {
    onStream: (stream) => void accepted.push(new StreamRecorder(stream).open()),
    onError: () => {},
  });
  for (const host of ["127.0.0.1", "10.0.0.1"]) {
    const stream = await outcome(
      world,
      other.platform.streams.connect({ kind: "tcp", host, port: 7000 }),
      SECOND,
    );
    assert(stream !== null && !(stream instanceof HanaError), host);
    new StreamRecorder(stream).open().stream.write(new Uint8Array(3));
    await world.runFor(SECOND);
  }
  assertEquals(accepted.map((each) => each.total), [3, 3]);
});
