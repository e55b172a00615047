import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { SimulatedWorld, WORLD_EPOCH_MS } from "../../../lib/platform/simulated/mod.ts";

const SECOND = 1_000_000;
const YEAR_MS = 365 * 24 * 3600 * 1000;

Deno.test("time jumps to the next event and stands where it was told to", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const host = world.createHost({ name: "h" });
  const times: number[] = [];
  for (const atUs of [10, 3600 * SECOND, 20]) {
    host.platform.timers.schedule(atUs, () => times.push(world.nowUs));
  }
  await world.runUntil(15);
  assertEquals([times, world.nowUs], [[10], 15]);
  assertEquals(await world.step(), true);
  assertEquals([times, world.nowUs], [[10, 20], 20]);
  assertEquals(await world.runUntilIdle(100 * SECOND), false);
  assertEquals(world.nowUs, 100 * SECOND);
  assertEquals(await world.runUntilIdle(9999 * SECOND), true);
  assertEquals([times.at(-1), world.nowUs], [3600 * SECOND, 3600 * SECOND]);
  assertEquals(await world.step(), false);
});

Deno.test("promises settle between two events, however long their chains are", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { timers } = world.createHost({ name: "h" }).platform;
  const order: string[] = [];
  timers.schedule(10, () => {
    void (async () => {
      for (let i = 0; i < 500; i++) await null;
      order.push(`chain at ${world.nowUs}`);
    })();
  });
  timers.schedule(10, () => order.push("second timer"));
  await world.runFor(100);
  assertEquals(order, ["chain at 10", "second timer"]);
});

Deno.test("each host has its own wall clock and its own zero of the monotonic one", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const right = world.createHost({ name: "right" });
  const wrong = world.createHost({ name: "wrong", wallOffsetMs: -YEAR_MS, monotonicOffsetUs: 123_456 });
  let firedAtUs = 0;
  wrong.platform.timers.schedule(wrong.platform.clock.nowUs() + 5000, () => {
    firedAtUs = wrong.platform.clock.nowUs();
  });
  await world.runFor(2 * SECOND);
  assertEquals(right.platform.clock.wallMs(), WORLD_EPOCH_MS + 2000);
  assertEquals(wrong.platform.clock.wallMs(), WORLD_EPOCH_MS + 2000 - YEAR_MS);
  assertEquals(firedAtUs, 123_456 + 5000);
  right.clocks.wallOffsetMs -= YEAR_MS;
  assertEquals(right.platform.clock.wallMs(), WORLD_EPOCH_MS + 2000 - YEAR_MS);
  assertEquals(right.platform.clock.nowUs(), 2 * SECOND);
});

Deno.test("a bug in a callback ends the run, unless somebody listens for it", async () => {
  const strict = new SimulatedWorld({ seed: 1 });
  strict.createHost({ name: "h" }).platform.timers.schedule(10, () => {
    throw new Error("a planted bug");
  });
  assertEquals((await assertRejects(() => strict.runFor(100), HanaError)).why, "a planted bug");
  const crashes: string[] = [];
  const lenient = new SimulatedWorld({ seed: 1, onCrash: (error) => crashes.push(error.why ?? "") });
  const { timers } = lenient.createHost({ name: "h" }).platform;
  timers.defer(() => {
    throw new Error("another one");
  });
  await lenient.runFor(100);
  assertEquals(crashes, ["another one"]);
});

Deno.test("a world is not run twice at once", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const running = world.runFor(100);
  await assertRejects(() => world.runFor(100), HanaError);
  await running;
});

Deno.test("the disk survives a crash, the process and its locks do not", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const host = world.createHost({ name: "h" });
  const before = host.platform;
  before.files.write("/tmp/state", Uint8Array.of(1, 2, 3), 0o600);
  assert(before.files.lock("/tmp/lock") !== null);
  const ran: string[] = [];
  before.timers.schedule(1000, () => ran.push("timer of the dead"));
  before.timers.defer(() => ran.push("deferred call of the dead"));
  host.crash();
  assertThrows(() => host.createProcess(), HanaError);
  const after = host.restart();
  assert(after !== before && after.host.processId !== before.host.processId);
  assertEquals(after.files.read("/tmp/state"), Uint8Array.of(1, 2, 3));
  assertEquals(after.files.stat("/tmp/state")?.mode, 0o600);
  assert(after.files.lock("/tmp/lock") !== null);
  before.files.write("/tmp/state", Uint8Array.of(9), 0o600);
  assertEquals(after.files.read("/tmp/state"), Uint8Array.of(1, 2, 3));
  after.timers.schedule(1000, () => ran.push("timer of the living"));
  await world.runFor(SECOND);
  assertEquals(ran, ["timer of the living"]);
});

Deno.test("a restarted process draws other random numbers than the first, the same in every run", () => {
  const draws = (): number[][] => {
    const host = new SimulatedWorld({ seed: 8 }).createHost({ name: "h" });
    const first = host.platform.random.stream("ids");
    const second = host.restartProcess().random.stream("ids");
    return [[first.u32(), first.u32()], [second.u32(), second.u32()]];
  };
  const [first, second] = draws();
  assert(first !== undefined && second !== undefined && first[0] !== second[0]);
  assertEquals(draws(), [first, second]);
});

Deno.test("a disk that refuses says why", () => {
  const host = new SimulatedWorld({ seed: 1 }).createHost({ name: "h" });
  host.disk.refuse = (operation) => operation === "write" ? "No space left on device" : null;
  const error = assertThrows(() => host.platform.files.write("/tmp/x", new Uint8Array(1), 0o600), HanaError);
  assertEquals([error.code, error.why], ["storage", "No space left on device"]);
  assertEquals(host.platform.files.read("/tmp/x"), null);
});

/** Hosts that chat by multicast and over streams, on a lossy segment, with faults. */
async function chatter(seed: number, hosts: number, seconds: number): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ seed, streamPieces: "random" });
  world.createSegment("lan", { delayUs: 300, jitterUs: 400, lossRate: 0.05 });
  for (let i = 1; i <= hosts; i++) {
    const address = `10.0.0.${i}`;
    const host = world.createHost({
      name: `host${i}`,
      interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }],
    });
    const { timers, clock, datagrams, streams, random } = host.platform;
    const ears = datagrams.bind({ host: "0.0.0.0", port: 4000, shared: true }, {
      onDatagram() {},
      onError() {},
    });
    ears.join("239.0.0.1", address);
    const mouth = datagrams.bind({ host: address, port: 0, egress: address }, {
      onDatagram() {},
      onError() {},
    });
    await streams.listen({ kind: "tcp", host: address, port: 5000 }, {
      onStream: (stream) => {
        stream.open({
          onData: (bytes) => stream.write(bytes.slice()),
          onWritten: () => {},
          onEnd: () => stream.closeWrite(),
          onClose: () => {},
        });
      },
      onError: () => {},
    });
    const beat = (): void => {
      mouth.send(random.stream("words").fill(new Uint8Array(32)), { host: "239.0.0.1", port: 4000 });
      void streams.connect({ kind: "tcp", host: `10.0.0.${i % hosts + 1}`, port: 5000 }).then((stream) => {
        stream.open({
          onData: () => stream.closeWrite(),
          onWritten: () => {},
          onEnd: () => {},
          onClose: () => {},
        });
        stream.write(new Uint8Array(1).fill(i));
      }, () => {});
      timers.schedule(clock.nowUs() + 80_000 + random.stream("beat").u32() % 40_000, beat);
    };
    timers.schedule(clock.nowUs() + 1000 * i, beat);
  }
  world.at(seconds * SECOND / 3, () => world.segment("lan").partition(["host1"], ["host2"]));
  world.at(seconds * SECOND / 2, () => world.hosts[0]?.crash());
  await world.runFor(seconds * SECOND);
  return world;
}

Deno.test("the same seed gives the same run, another seed another one", async () => {
  const [first, second, other] = [await chatter(42, 4, 3), await chatter(42, 4, 3), await chatter(43, 4, 3)];
  assert(first.eventCount > 500, `${first.eventCount} events`);
  assertEquals([first.eventDigest(), first.eventCount], [second.eventDigest(), second.eventCount]);
  assert(first.eventDigest() !== other.eventDigest());
});

Deno.test("a tap sees every event that is digested", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const host = world.createHost({ name: "h" });
  const seen: string[] = [];
  world.tapEvents((event) => seen.push(`${event.atUs} ${event.kind} ${event.to}`));
  host.platform.timers.schedule(7, () => {});
  await world.runFor(10);
  host.crash();
  assertEquals(seen, ["7 timer h", "10 fault power off"]);
  assertEquals(world.eventCount, 2);
});
