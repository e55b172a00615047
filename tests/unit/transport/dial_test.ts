import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import {
  dial,
  type DialOptions,
  Link,
  listen,
  MemoryNetwork,
  parseAddress,
  type TransportContext,
} from "../../../lib/transport/mod.ts";
import { testContext, testRing } from "../security/support.ts";

interface Stage {
  readonly world: SimulatedWorld;
  readonly a: SimulatedHost;
  readonly b: SimulatedHost;
}

function stage(): Stage {
  const world = new SimulatedWorld({ seed: 3 });
  const host = (name: string, address: string) =>
    world.createHost({ name, interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }] });
  return { world, a: host("a", "10.0.0.1"), b: host("b", "10.0.0.2") };
}

function context(platform: Platform, overrides: Partial<TransportContext> = {}): TransportContext {
  return { platform, security: testContext(testRing(1)), ...overrides };
}

/** Runs the world until the promise settles, and says how long that took in its time. */
async function outcome<T>(
  world: SimulatedWorld,
  promise: Promise<T>,
): Promise<{ value: T | null; error: HanaError | null; tookUs: number }> {
  const startedUs = world.nowUs;
  let result: { value: T | null; error: HanaError | null } | null = null;
  promise.then(
    (value) => result = { value, error: null },
    (error) => result = { value: null, error },
  );
  assert(await world.runUntilTrue(() => result !== null, world.nowUs + 60_000_000), "it settles");
  const { value, error } = result as unknown as { value: T | null; error: HanaError | null };
  return { value, error, tookUs: world.nowUs - startedUs };
}

async function serve(platform: Platform, address: string): Promise<Link[]> {
  const links: Link[] = [];
  const counters = { accepted: 0, acceptErrors: 0, staleSocketsCleared: 0 };
  await listen(context(platform), parseAddress(address), counters, {
    onLink: (link) => void links.push(link),
    onError: () => {},
  });
  return links;
}

const patient: DialOptions = {
  timeoutUs: 10_000_000,
  retry: { initialUs: 100_000, maxUs: 400_000, jitter: 0.2 },
};

Deno.test("streams that leave the machine are sealed, local ones are not", async () => {
  const { world, a, b } = stage();
  await serve(b.platform, "tcp://0.0.0.0:700");
  a.platform.files.makeDirectory("/run", 0o700);
  await serve(a.platform, "unix:///run/x.sock");
  const far = await outcome(
    world,
    dial(context(a.platform), parseAddress("tcp://10.0.0.2:700"), { timeoutUs: 1e6 }),
  );
  const near = await outcome(
    world,
    dial(context(a.platform), parseAddress("unix:///run/x.sock"), { timeoutUs: 1e6 }),
  );
  assertEquals([far.value?.secure, near.value?.secure], [true, false]);
});

Deno.test("one try must do unless retries were asked for", async () => {
  const { world, a } = stage();
  const once = await outcome(
    world,
    dial(context(a.platform), parseAddress("tcp://10.0.0.2:700"), { timeoutUs: 5e6 }),
  );
  assertEquals(once.error?.code, "unreachable");
  assert(once.tookUs < 10_000);
});

Deno.test("a node that starts late is met, over TCP and by a socket that was not there", async () => {
  for (const address of ["tcp://10.0.0.1:700", "unix:///run/x.sock"]) {
    const { world, a } = stage();
    a.platform.files.makeDirectory("/run", 0o700);
    world.at(1_500_000, () => void serve(a.platform, address.replace("10.0.0.1", "0.0.0.0")));
    const met = await outcome(world, dial(context(a.platform), parseAddress(address), patient));
    assert(met.value instanceof Link && met.tookUs >= 1_500_000 && met.tookUs < 2_100_000, `${met.tookUs}`);
  }
});

Deno.test("the deadline holds over retries and over a host that is silent", async () => {
  const refused = stage();
  const nobody = await outcome(
    refused.world,
    dial(context(refused.a.platform), parseAddress("tcp://10.0.0.2:700"), {
      ...patient,
      timeoutUs: 2_000_000,
    }),
  );
  assertEquals([nobody.error?.code, nobody.tookUs], ["timeout", 2_000_000]);
  const silent = stage();
  silent.b.crash();
  const dead = await outcome(
    silent.world,
    dial(context(silent.a.platform), parseAddress("tcp://10.0.0.2:700"), { timeoutUs: 1_000_000 }),
  );
  assertEquals([dead.error?.code, dead.tookUs], ["timeout", 1_000_000]);
});

Deno.test("cancelling works before, while connecting, and between two tries", async () => {
  const { world, a, b } = stage();
  const address = parseAddress("tcp://10.0.0.2:700");
  const before = AbortSignal.abort();
  assertEquals(
    (await outcome(world, dial(context(a.platform), address, { ...patient, signal: before }))).error?.code,
    "cancelled",
  );
  const between = new AbortController();
  world.at(world.nowUs + 250_000, () => between.abort());
  const paused = await outcome(
    world,
    dial(context(a.platform), address, { ...patient, signal: between.signal }),
  );
  assertEquals([paused.error?.code, paused.tookUs], ["cancelled", 250_000]);
  b.crash();
  const during = new AbortController();
  world.at(world.nowUs + 300_000, () => during.abort());
  const connecting = await outcome(
    world,
    dial(context(a.platform), address, { ...patient, signal: during.signal }),
  );
  assertEquals([connecting.error?.code, connecting.tookUs], ["cancelled", 300_000]);
});

Deno.test("nothing is left behind: no timer, and no listener on the caller's signal", async () => {
  const { world, a, b } = stage();
  await serve(b.platform, "tcp://0.0.0.0:700");
  let waiting = 0;
  const timers = {
    defer: (callback: () => void) => a.platform.timers.defer(callback),
    schedule: (atUs: number, callback: () => void) => {
      waiting++;
      let over = false;
      const end = (): void => {
        if (!over) waiting--;
        over = true;
      };
      const handle = a.platform.timers.schedule(atUs, () => (end(), callback()));
      return { cancel: () => (end(), handle.cancel()) };
    },
  };
  const signal = new AbortController().signal;
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof add>) => (listening++, add(...args)),
    removeEventListener: (...args: Parameters<typeof remove>) => (listening--, remove(...args)),
  });
  const here = context({ ...a.platform, timers });
  await outcome(world, dial(here, parseAddress("tcp://10.0.0.2:700"), { ...patient, signal }));
  await outcome(
    world,
    dial(here, parseAddress("tcp://10.0.0.2:9"), { ...patient, timeoutUs: 900_000, signal }),
  );
  assertEquals([waiting, listening], [0, 0]);
});

Deno.test("memory addresses need a network, and UDP is no stream", async () => {
  const { world, a } = stage();
  const address = parseAddress("mem://x");
  const none = await outcome(world, dial(context(a.platform), address, { timeoutUs: 1e6 }));
  assertEquals(none.error?.code, "unreachable");
  const memory = new MemoryNetwork(a.platform.timers);
  memory.listen("x", { onStream: () => {}, onError: () => {} });
  const met = await outcome(world, dial(context(a.platform, { memory }), address, { timeoutUs: 1e6 }));
  assertEquals(met.value?.secure, false);
  await assertRejects(
    () => dial(context(a.platform), parseAddress("udp://10.0.0.2:1"), { timeoutUs: 1e6 }),
    HanaError,
  );
});
