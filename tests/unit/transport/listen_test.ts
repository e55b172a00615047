import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import {
  dial,
  Link,
  type LinkListener,
  listen,
  type ListenCounters,
  parseAddress,
  type TransportContext,
} from "../../../lib/transport/mod.ts";
import { testContext, testRing } from "../security/support.ts";

const SOCKET = "unix:///run/x.sock";

function newCounters(): ListenCounters {
  return { accepted: 0, acceptErrors: 0, staleSocketsCleared: 0 };
}

function context(platform: Platform): TransportContext {
  return { platform, security: testContext(testRing(1)) };
}

function listenOn(
  platform: Platform,
  address: string,
  counters = newCounters(),
  links: Link[] = [],
): Promise<LinkListener> {
  return listen(context(platform), parseAddress(address), counters, {
    onLink: (link) => void links.push(link),
    onError: () => {},
  });
}

/** A host with a directory for sockets. */
function host(): { world: SimulatedWorld; platform: Platform; second: Platform; kill: () => Platform } {
  const world = new SimulatedWorld({ seed: 5 });
  const machine = world.createHost({ name: "a" });
  machine.platform.files.makeDirectory("/run", 0o700);
  return {
    world,
    platform: machine.platform,
    second: machine.createProcess().platform,
    kill: () => machine.restartProcess(),
  };
}

async function settled<T>(world: SimulatedWorld, promise: Promise<T>): Promise<T> {
  let done = false;
  promise.then(() => done = true, () => done = true);
  assert(await world.runUntilTrue(() => done, world.nowUs + 10_000_000));
  return await promise;
}

Deno.test("the socket that a killed process left is cleared after nobody answered, and counted", async () => {
  const { world, platform, kill } = host();
  await settled(world, listenOn(platform, SOCKET));
  const next = kill();
  assertEquals(next.files.stat("/run/x.sock")?.kind, "socket");
  const counters = newCounters();
  const links: Link[] = [];
  await settled(world, listenOn(next, SOCKET, counters, links));
  assertEquals(counters.staleSocketsCleared, 1);
  await settled(world, dial(context(next), parseAddress(SOCKET), { timeoutUs: 1_000_000 }));
  assert(await world.runUntilTrue(() => links.length === 1, world.nowUs + 1_000_000));
  assertEquals(counters.accepted, 1);
});

Deno.test("the socket of a node that lives is never taken from it", async () => {
  const { world, platform, second } = host();
  const links: Link[] = [];
  await settled(world, listenOn(platform, SOCKET, newCounters(), links));
  const counters = newCounters();
  const error = await assertRejects(() => settled(world, listenOn(second, SOCKET, counters)), HanaError);
  assertEquals([error.code, counters.staleSocketsCleared], ["address-in-use", 0]);
  assertEquals(second.files.stat("/run/x.sock")?.kind, "socket");
});

Deno.test("a file that is no socket is never removed", async () => {
  const { world, platform } = host();
  const precious = new TextEncoder().encode("somebody's notes");
  platform.files.write("/run/x.sock", precious, 0o600);
  const counters = newCounters();
  const error = await assertRejects(() => settled(world, listenOn(platform, SOCKET, counters)), HanaError);
  assertEquals([error.code, counters.staleSocketsCleared], ["address-in-use", 0]);
  assertEquals(platform.files.read("/run/x.sock"), precious);
});

Deno.test("a probe that brings no clear answer leaves the socket alone", async () => {
  const { world, platform, kill } = host();
  await settled(world, listenOn(platform, SOCKET));
  const next = kill();
  for (const code of ["refused", "cancelled", "network-unusable", "not-found"] as const) {
    const doubtful = {
      ...next,
      streams: {
        listen: next.streams.listen.bind(next.streams),
        connect: () => Promise.reject(new HanaError(code, { what: "no clear answer" })),
      },
    };
    const error = await assertRejects(() => settled(world, listenOn(doubtful, SOCKET)), HanaError);
    assertEquals(error.code, "address-in-use");
    assertEquals(next.files.stat("/run/x.sock")?.kind, "socket");
  }
});

Deno.test("a probe that hangs is given up, and counts as an answer", async () => {
  const { world, platform, kill } = host();
  await settled(world, listenOn(platform, SOCKET));
  const next = kill();
  const hanging = {
    ...next,
    streams: {
      listen: next.streams.listen.bind(next.streams),
      connect: (_address: unknown, options?: { signal?: AbortSignal }) =>
        new Promise<never>((_resolve, reject) => {
          options?.signal?.addEventListener(
            "abort",
            () => reject(new HanaError("cancelled", { what: "given up" })),
          );
        }),
    },
  };
  const startedUs = world.nowUs;
  await assertRejects(() => settled(world, listenOn(hanging, SOCKET)), HanaError);
  assertEquals(world.nowUs - startedUs, 500_000);
});

Deno.test("a port that is taken says so, and port 0 finds a free one", async () => {
  const { world, platform } = host();
  const first = await settled(world, listenOn(platform, "tcp://0.0.0.0:0"));
  assert(first.address.kind === "tcp" && first.address.port > 0);
  const taken = `tcp://0.0.0.0:${first.address.port}`;
  const error = await assertRejects(() => settled(world, listenOn(platform, taken)), HanaError);
  assertEquals(error.code, "address-in-use");
  first.close();
  await settled(world, listenOn(platform, taken));
});

Deno.test("on this machine: a stale socket is cleared, a living one and a file are not", async () => {
  const platform = denoPlatform();
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const path = `${directory}/x.sock`;
  try {
    // A process that ends without closing leaves its socket behind, as SIGKILL does.
    const crashed = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} }); Deno.kill(Deno.pid, "SIGKILL");`,
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    assertEquals(crashed.signal, "SIGKILL");
    const counters = newCounters();
    const links: Link[] = [];
    const listener = await listenOn(platform, `unix://${path}`, counters, links);
    assertEquals(counters.staleSocketsCleared, 1);
    const living = await assertRejects(() => listenOn(platform, `unix://${path}`, counters), HanaError);
    assertEquals([living.code, counters.staleSocketsCleared], ["address-in-use", 1]);
    listener.close();
    for (const link of links) link.open(ignore), link.abort();
    await Deno.writeTextFile(`${directory}/notes`, "mine");
    const file = await assertRejects(() => listenOn(platform, `unix://${directory}/notes`), HanaError);
    assertEquals([file.code, await Deno.readTextFile(`${directory}/notes`)], ["address-in-use", "mine"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const ignore = {
  onOpen: () => {},
  onFrame: () => {},
  onWritable: () => {},
  onEnd: () => {},
  onClose: () => {},
};
