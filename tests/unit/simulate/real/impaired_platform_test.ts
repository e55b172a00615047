// What goes wrong inside a rehearsed node, on a simulated machine instead of a real one: loss, delay, holding,
// altered bytes, wrong clocks, by the host that sent.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Fates, Impairments } from "../../../../cli/simulate/real/channel.ts";
import { impairPlatform } from "../../../../cli/simulate/real/impaired_platform.ts";
import { wrongWallMs } from "../../../../cli/simulate/real/impaired_state.ts";
import type { DatagramSocket, Platform, StreamAddress } from "../../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";

const MS = 1_000;
const SECOND = 1_000_000;
const NOTHING: Impairments = {
  seed: 1,
  self: "receiver",
  hosts: { "10.0.0.1": "sender", "10.0.0.2": "receiver" },
  from: {},
  clogged: [],
  groupLoss: {},
  slowUs: 0,
  clock: null,
};
const PORT = 5000;
const GROUP = "239.1.2.3";

interface Pair {
  readonly world: SimulatedWorld;
  readonly sender: Platform;
  readonly receiver: Platform;
  impair(impairments: Partial<Impairments>): void;
  readonly fates: Readonly<Fates>;
}

/** Two machines, the second one with a platform that can be impaired. */
function makePair(): Pair {
  const world = new SimulatedWorld({ seed: 3 });
  const [sender, receiver] = ["sender", "receiver"].map((name, index) =>
    world.createHost({
      name,
      interfaces: [{ name: "eth0", segment: "lan", address: `10.0.0.${index + 1}`, prefix: 24 }],
    })
  );
  assert(sender !== undefined && receiver !== undefined);
  const { platform, impair, fates } = impairPlatform(receiver.platform);
  return {
    world,
    sender: sender.platform,
    receiver: platform,
    impair: (impairments) => impair({ ...NOTHING, ...impairments }),
    fates,
  };
}

interface Heard {
  readonly number: number;
  readonly atUs: number;
  readonly bytes: Uint8Array;
}

/** Binds both ends; numbers stand in the first two bytes. */
function wire(
  pair: Pair,
  shared = false,
): { heard: Heard[]; send(number: number): void; socket: DatagramSocket } {
  const heard: Heard[] = [];
  const socket = pair.receiver.datagrams.bind(
    { host: "0.0.0.0", port: PORT, ...(shared ? { shared } : {}) },
    {
      onError: (error) => {
        throw error;
      },
      onDatagram: (bytes) =>
        heard.push({
          number: (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0),
          atUs: pair.world.nowUs,
          bytes: bytes.slice(),
        }),
    },
  );
  if (shared) socket.join(GROUP, "10.0.0.2");
  const from = pair.sender.datagrams.bind({ host: "10.0.0.1", port: 0, egress: "10.0.0.1" }, {
    onError: () => {},
    onDatagram: () => {},
  });
  const send = (number: number): void =>
    from.send(new Uint8Array([number >> 8, number & 255, 1, 2, 3, 4]), {
      host: shared ? GROUP : "10.0.0.2",
      port: PORT,
    });
  return { heard, send, socket };
}

async function sendMany(
  pair: Pair,
  send: (number: number) => void,
  count: number,
  everyUs: number,
): Promise<void> {
  for (let number = 0; number < count; number++) {
    send(number);
    await pair.world.runFor(everyUs);
  }
}

Deno.test("until something is said to go wrong, datagrams pass as they are, when they come", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  await sendMany(pair, send, 5, 10 * MS);
  assertEquals(heard.map(({ number }) => number), [0, 1, 2, 3, 4]);
  pair.impair({});
  await sendMany(pair, send, 5, 10 * MS);
  assertEquals(heard.length, 10);
  assertEquals(heard.map(({ atUs }) => atUs % (10 * MS) < MS), Array(10).fill(true));
});

Deno.test("a lossy way loses its share, the same datagrams for the same seed", async () => {
  const lost = async (seed: number): Promise<number[]> => {
    const pair = makePair();
    const { heard, send } = wire(pair);
    pair.impair({ seed, from: { sender: { loss: 0.3 } } });
    await sendMany(pair, send, 1000, MS);
    assertEquals(pair.fates, { lost: 1000 - heard.length, corrupted: 0, duplicated: 0 });
    return heard.map(({ number }) => number);
  };
  const [first, again, other] = [await lost(1), await lost(1), await lost(2)];
  assert(first.length > 630 && first.length < 770, `${first.length} of 1000 came`);
  assertEquals(again, first);
  assertNotEquals(other, first);
});

Deno.test("what comes from another host passes", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  pair.impair({ from: { stranger: { loss: 1 } }, clogged: ["stranger"], groupLoss: { stranger: 1 } });
  await sendMany(pair, send, 20, MS);
  assertEquals(heard.length, 20);
});

Deno.test("where only datagrams are lost, datagrams to all still come", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  pair.impair({ from: { sender: { datagrams: { loss: 1 } } } });
  await sendMany(pair, send, 20, MS);
  assertEquals([heard.length, pair.fates.lost], [0, 20]);
  pair.impair({ from: { sender: { datagrams: { loss: 0 } } } });
  await sendMany(pair, send, 20, MS);
  assertEquals(heard.length, 20);
});

Deno.test("a delay that a timer can play is played, shorter ones are the network's own", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  pair.impair({ from: { sender: { delay: { kind: "constant", us: 40 * MS } } } });
  send(1);
  await pair.world.runFor(39 * MS);
  assertEquals(heard.length, 0);
  await pair.world.runFor(3 * MS);
  assertEquals(heard.map(({ number }) => number), [1]);
  pair.impair({ from: { sender: { delay: { kind: "constant", us: 300 } } } });
  const beforeUs = pair.world.nowUs;
  send(2);
  await pair.world.runFor(5 * MS);
  assert((heard[1]?.atUs ?? Infinity) - beforeUs < MS);
});

Deno.test("a clogged way holds datagrams and lets them out in order", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  pair.impair({ clogged: ["sender"] });
  await sendMany(pair, send, 10, 10 * MS);
  assertEquals(heard, []);
  pair.impair({});
  await pair.world.runFor(MS);
  assertEquals(heard.map(({ number }) => number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("nothing that was held or late reaches a socket that was closed meanwhile", async () => {
  const pair = makePair();
  const { heard, send, socket } = wire(pair);
  pair.impair({ clogged: ["sender"], from: { sender: { delay: { kind: "constant", us: 20 * MS } } } });
  send(1);
  await pair.world.runFor(MS);
  socket.close();
  pair.impair({});
  await pair.world.runFor(SECOND);
  assertEquals(heard, []);
});

Deno.test("lost groups are lost on shared sockets alone", async () => {
  for (const [shared, expected] of [[true, 0], [false, 20]] as const) {
    const pair = makePair();
    const { heard, send } = wire(pair, shared);
    pair.impair({ groupLoss: { sender: 1 } });
    await sendMany(pair, send, 20, MS);
    assertEquals(heard.length, expected, shared ? "groups" : "unicast");
  }
});

Deno.test("a broken bit is one bit, and copies come twice", async () => {
  const pair = makePair();
  const { heard, send } = wire(pair);
  pair.impair({ from: { sender: { corrupt: 1 } } });
  send(0);
  await pair.world.runFor(MS);
  const bits = [...heard[0]?.bytes ?? []].map((byte, index) => byte ^ ([0, 0, 1, 2, 3, 4][index] ?? 0))
    .reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  assertEquals(bits, 1);
  pair.impair({ from: { sender: { duplicate: 1, delay: { kind: "constant", us: 2 * MS } } } });
  send(7);
  await pair.world.runFor(20 * MS);
  assertEquals(heard.slice(1).map(({ number }) => number), [7, 7]);
  assertEquals(pair.fates, { lost: 0, corrupted: 1, duplicated: 1 });
});

Deno.test("a stream keeps its bytes and their order, however late and however much is lost on the way", async () => {
  const pair = makePair();
  const received: number[] = [];
  let isEnded = false;
  const address: StreamAddress = { kind: "tcp", host: "10.0.0.2", port: 0 };
  const listening = pair.receiver.streams.listen(address, {
    onError: () => {},
    onStream: (stream) =>
      stream.open({
        onData: (bytes) => received.push(...bytes),
        onWritten: () => {},
        onEnd: () => isEnded = true,
        onClose: () => {},
      }),
  });
  await pair.world.runFor(MS);
  const { port } = (await listening).address as { port: number };
  pair.impair({ from: { sender: { loss: 0.2, delay: { kind: "uniform", minUs: MS, maxUs: 30 * MS } } } });
  const connecting = pair.sender.streams.connect({ kind: "tcp", host: "10.0.0.2", port });
  await pair.world.runFor(5 * MS);
  const stream = await connecting;
  let next = 0;
  const writeNext = (): void => {
    if (next < 200) stream.write(new Uint8Array([next++]));
    else stream.closeWrite();
  };
  stream.open({ onData: () => {}, onWritten: writeNext, onEnd: () => {}, onClose: () => {} });
  const startedUs = pair.world.nowUs;
  writeNext();
  await pair.world.runUntilTrue(() => isEnded, pair.world.nowUs + 120 * SECOND);
  assertEquals(received, Array.from({ length: 200 }, (_, index) => index));
  assert(pair.world.nowUs - startedUs > 200 * MS, "not one segment was sent again");
});

Deno.test("a clogged way holds streams too, the end among them", async () => {
  const pair = makePair();
  const told: string[] = [];
  const listening = pair.receiver.streams.listen({ kind: "tcp", host: "10.0.0.2", port: 0 }, {
    onError: () => {},
    onStream: (stream) =>
      stream.open({
        onData: (bytes) => told.push(`data ${bytes.length}`),
        onWritten: () => {},
        onEnd: () => told.push("end"),
        onClose: () => {},
      }),
  });
  await pair.world.runFor(MS);
  const { port } = (await listening).address as { port: number };
  const connecting = pair.sender.streams.connect({ kind: "tcp", host: "10.0.0.2", port });
  await pair.world.runFor(5 * MS);
  const stream = await connecting;
  pair.impair({ clogged: ["sender"] });
  stream.open({ onData: () => {}, onWritten: () => stream.closeWrite(), onEnd: () => {}, onClose: () => {} });
  stream.write(new Uint8Array(3));
  await pair.world.runFor(SECOND);
  assertEquals(told, []);
  pair.impair({});
  await pair.world.runFor(10 * MS);
  assertEquals(told, ["data 3", "end"]);
});

Deno.test("a wall clock goes wrong as it is told; the monotonic one does not", async () => {
  const pair = makePair();
  const rightMs = pair.sender.clock.wallMs();
  const before = pair.receiver.clock.nowUs();
  pair.impair({ clock: { offsetMs: -3_600_000, drift: null, sine: null } });
  assertEquals(pair.receiver.clock.wallMs(), rightMs - 3_600_000);
  await pair.world.runFor(SECOND);
  assertEquals(pair.receiver.clock.nowUs() - before, SECOND);
  const drifting = { offsetMs: 0, drift: { ppm: 100, sinceMs: 0 }, sine: null };
  assertEquals(wrongWallMs(1_000_000, drifting), 1_000_100);
  const swinging = { offsetMs: 0, drift: null, sine: { amplitudeMs: 40, periodUs: 4 * SECOND, sinceMs: 0 } };
  assertEquals([0, 1000, 3000].map((ms) => wrongWallMs(ms, swinging)), [0, 1040, 2960]);
  assertEquals(wrongWallMs(5, null), 5);
});
