// The program's side against the judge of the shim's side, over a simulated machine's socket.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { HanaError } from "../../../../lib/base/mod.ts";
import type { ByteStream, Platform } from "../../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";
import {
  ChildClient,
  type ChildClientOptions,
  type ChildEffect,
  environmentOf,
  readEnvironment,
} from "../../../../lib/supervision/child/mod.ts";
import { Bench, closed, machineEvents, rules, SECOND, TOKEN } from "./support.ts";

const SOCKET = "/run/p/abc.a";

function variables(token = TOKEN): Record<string, string> {
  return environmentOf({
    socket: SOCKET,
    notifySocket: "/run/p/abc.n",
    token,
    name: "aurora",
    node: "stage-left",
    run: 3,
    heartbeatUs: SECOND,
    display: "2",
    gpu: null,
  });
}

/** A shim of nothing but a judge and a socket. */
class Shim extends Bench {
  readonly streams = new Map<number, ByteStream>();
  readonly #platform: Platform;

  constructor(platform: Platform) {
    super();
    this.#platform = platform;
  }

  async listen(): Promise<void> {
    let ids = 0;
    this.#platform.files.makeDirectory("/run/p", 0o700);
    await this.#platform.streams.listen({ kind: "unix", path: SOCKET }, {
      onStream: (stream) => {
        const id = ++ids;
        this.streams.set(id, stream);
        stream.open({
          onData: (bytes) => this.apply(this.judge.handleBytes(this.#now(), id, bytes)),
          onWritten: () => {},
          onEnd: () => stream.abort(),
          onClose: () => this.apply(this.judge.handleClosed(this.#now(), id)),
        });
        this.apply(this.judge.handleConnect(this.#now(), id));
      },
      onError: () => {},
    });
  }

  apply(effects: readonly ChildEffect[]): void {
    this.note(effects);
    for (const effect of effects) {
      if (effect.do === "send") {
        this.streams.get(effect.connection)?.write(new TextEncoder().encode(effect.line));
      }
      if (effect.do === "close") this.streams.get(effect.connection)?.abort();
    }
  }

  #now(): number {
    return this.nowUs = this.#platform.clock.nowUs();
  }
}

interface Stage {
  readonly world: SimulatedWorld;
  readonly platform: Platform;
  readonly shim: Shim;
}

async function stage(): Promise<Stage> {
  const world = new SimulatedWorld({ seed: 7, streamPieces: "random" });
  const { platform } = world.createHost({ name: "stage-left" });
  const shim = new Shim(platform);
  await shim.listen();
  return { world, platform, shim };
}

/** Connects, and lets the welcome come. */
async function connected({ world, platform }: Stage, options: ChildClientOptions = {}): Promise<ChildClient> {
  const connecting = ChildClient.connect(platform, variables(), options);
  await world.runFor(0.1 * SECOND);
  const client = await connecting;
  assert(client !== null);
  return client;
}

Deno.test("a client says hello, hears its run and the last exit, and says ready once", async () => {
  const here = await stage();
  const client = await connected(here);
  assertEquals([client.run, client.lastExit, client.heartbeatUs], [3, "SIGSEGV", SECOND]);
  assertEquals(here.shim.judge.hello?.name, "aurora");
  client.ready();
  client.ready();
  await here.world.runFor(0.1 * SECOND);
  assertEquals(here.shim.told, ["ready"]);
});

Deno.test("a render loop that tells every frame beats once an interval, with its frame and rate", async () => {
  const here = await stage();
  const client = await connected(here);
  client.ready();
  for (let frame = 1; frame <= 600; frame++) {
    client.frame(frame);
    await here.world.runFor(Math.round(SECOND / 60));
  }
  const { beats, lines } = here.shim.judge.counters;
  assert(beats >= 9 && beats <= 11, `${beats} beats`);
  assertEquals(lines, beats + 2);
  assert(Math.abs((here.shim.judge.figures.fps ?? 0) - 60) < 1, `${here.shim.judge.figures.fps} fps`);
});

Deno.test("a timer may beat only with a frame counter, and then a frozen picture shows", async () => {
  const here = await stage();
  const client = await connected(here);
  const thrown = assertThrows(() => client.beatByTimer(undefined as unknown as () => number)) as HanaError;
  assertEquals(thrown.code, "usage");
  client.ready();
  let frame = 0;
  const stop = client.beatByTimer(() => frame);
  for (let i = 0; i < 4; i++) {
    frame += 60;
    await here.world.runFor(SECOND);
  }
  assertEquals(here.shim.told, ["ready"]);
  await here.world.runFor(5 * SECOND);
  assertEquals(here.shim.told, ["ready", "frozen"]);
  stop();
  await here.world.runFor(0.1 * SECOND);
  const { beats } = here.shim.judge.counters;
  await here.world.runFor(5 * SECOND);
  assertEquals(here.shim.judge.counters.beats, beats);
});

Deno.test("a client is told to stop and to reload, answers pings, and says goodbye", async () => {
  const here = await stage();
  const asked: unknown[] = [];
  const client = await connected(here, {
    onStop: (graceUs, reason) => asked.push(["stop", graceUs, reason]),
    onReload: (path) => asked.push(["reload", path]),
    onDump: () => asked.push(["dump"]),
    onClosed: () => asked.push(["closed"]),
  });
  const { judge } = here.shim;
  assertEquals(judge.hello?.caps, ["hb", "stop", "frame", "reload", "dump"]);
  here.shim.apply(judge.ping(here.platform.clock.nowUs()));
  await here.world.runFor(0.1 * SECOND);
  assert(judge.pingUs !== null && judge.pingUs < SECOND);
  for (
    const effects of [
      judge.unknown(),
      judge.reload("/shows/spring"),
      judge.dump(),
      judge.stop(0, 5 * SECOND, "restart"),
    ]
  ) {
    here.shim.apply(effects);
    await here.world.runFor(0.1 * SECOND);
  }
  const bye = client.bye("asked");
  await here.world.runFor(SECOND);
  await bye;
  assertEquals(asked, [["reload", "/shows/spring"], ["dump"], ["stop", 5 * SECOND, "restart"], ["closed"]]);
  assertEquals(here.shim.effects.filter((effect) => effect.do === "bye"), [{ do: "bye", reason: "asked" }]);
  assertEquals(client.isOpen, false);
  client.status("nobody hears this");
});

Deno.test("a client with another token is shown the door, and drawing may go on", async () => {
  const { world, platform, shim } = await stage();
  const connecting = ChildClient.connect(platform, variables("f".repeat(32)));
  await world.runFor(0.1 * SECOND);
  const client = await connecting;
  await client?.closed;
  assertEquals([rules(shim.effects), closed(shim.effects)], [["token"], [1]]);
  client?.frame(1);
  assertEquals(client?.isOpen, false);
});

Deno.test("a program that was started by hand has no client, one whose shim is gone is told", async () => {
  const { world, platform } = await stage();
  assertEquals(await ChildClient.connect(platform, {}), null);
  const gone = assertRejects(() =>
    ChildClient.connect(platform, { ...variables(), HANA_SOCK: "/run/p/gone" })
  );
  await world.runFor(SECOND);
  assertEquals((await gone as HanaError).code, "not-found");
  await assertRejects(() => ChildClient.connect(platform, { HANA_SOCK: "http://example.org" }));
});

Deno.test("faults, extensions and status reach the judge as they were meant", async () => {
  const here = await stage();
  const client = await connected(here);
  client.status("loading", 66);
  client.extend(20 * SECOND, "shader compile");
  client.fault("gpu-lost", { fatal: true, text: "the device is gone" });
  await here.world.runFor(0.1 * SECOND);
  assertEquals(here.shim.effects.slice(-3), [
    { do: "status", text: "loading", pct: 66 },
    { do: "extend", us: 20 * SECOND, why: "shader compile" },
    { do: "fault", code: "gpu-lost", fatal: true, text: "the device is gone" },
  ]);
  assertEquals(machineEvents(here.shim.effects), []);
});

Deno.test("the environment says where, who and how often, and never a process", () => {
  const told = variables();
  assertEquals(told, {
    HANA_SOCK: SOCKET,
    HANA_TOKEN: TOKEN,
    HANA_INSTANCE: TOKEN,
    HANA_NAME: "aurora",
    HANA_NODE: "stage-left",
    HANA_RUN: "3",
    HANA_HEARTBEAT_MS: "1000",
    HANA_DISPLAY: "2",
    NOTIFY_SOCKET: "/run/p/abc.n",
    WATCHDOG_USEC: "2000000",
  });
  assertEquals(readEnvironment(told), {
    socket: SOCKET,
    token: TOKEN,
    name: "aurora",
    run: 3,
    heartbeatUs: SECOND,
  });
  assertEquals(readEnvironment({ HANA_SOCK: "/a", HANA_RUN: "x", HANA_HEARTBEAT_MS: "-1" }), {
    socket: "/a",
    token: "",
    name: "program",
    run: null,
    heartbeatUs: SECOND,
  });
});
