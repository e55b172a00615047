// Lanes between machines: by UDP where it passes, by TCP where it does not, back again, and by UDP alone.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CapturedProcess } from "../support/captured_process.ts";
import { denoRun } from "../support/cli.ts";
import type { HanaUser, PingTarget } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";
import type { Machine, TestNetwork } from "../support/namespaces.ts";
import { shareKey, stageOf } from "./stage.ts";

/** A path that came to nothing is asked again after at most this long, once it is open again. */
const WAY_BACK_MS = 15_000;

/** A line of `ping --ndjson`. */
interface Reply {
  readonly path: string;
  readonly carrier: string | null;
  readonly why: string | null;
  readonly rttUs: number | null;
}

function replies(ping: CapturedProcess): Reply[] {
  const complete = ping.stdout.slice(0, ping.stdout.lastIndexOf("\n") + 1);
  return complete.split("\n").filter((line) => line.includes("ping.reply")).map((line) => JSON.parse(line));
}

/** A firewall that drops what comes of one protocol, but for the datagrams of discovery. Returns how to open it. */
async function block(machine: Machine, protocol: "udp" | "tcp"): Promise<() => Promise<void>> {
  const ranges = protocol === "udp" ? ["1-47675", "47677-65534"] : ["1-65534"];
  const rules = ["-4", "-6"].flatMap((family) =>
    ranges.map((range, index) => [family, `${index + 1}`, range] as const)
  );
  // Rules are asked in the order of their numbers, and the system's own for local addresses is number 0.
  for (const family of ["-4", "-6"]) {
    const moved = await machine.run("ip", [family, "rule", "add", "pref", "20", "lookup", "local"]);
    assertEquals(moved.code, 0, moved.stderr);
    assertEquals((await machine.run("ip", [family, "rule", "del", "pref", "0"])).code, 0);
  }
  const change = async (how: "add" | "del"): Promise<void> => {
    for (const [family, pref, range] of rules) {
      const match = ["pref", pref, "ipproto", protocol, "dport", range, "iif", "eth0", "blackhole"];
      const ran = await machine.run("ip", [family, "rule", how, ...match]);
      assertEquals(ran.code, 0, ran.stderr);
    }
  };
  await change("add");
  return () => change("del");
}

liveTest("lanes between two machines go by UDP, and ping, call and doctor say so", async (network) => {
  const [a, b] = stageOf(network, "a", "b");
  await shareKey(a, b);
  const [, node] = await Promise.all([a.serve(), b.serve()]);
  const listed = await a.discover("--expect", "b");
  assertEquals(listed.code, 0, listed.stderr);
  const pinged = await a.ping("b", "--lane", "all", "-c", "2");
  assertEquals(pinged.code, 0, pinged.stderr);
  assertEquals(pinged.document.targets.length, 5);
  for (const { path, carrier, why, seal, received } of pinged.document.targets) {
    assertEquals([path, carrier, seal, received], [`udp://10.77.1.2:${node.port}`, "udp", "encrypted", 2]);
    assertEquals(why, "datagrams pass both ways");
  }
  const told = await a.run(["ping", "b", "-c", "1", "--plain"]);
  assertMatch(told.stdout, new RegExp(`udp://10\\.77\\.1\\.2:${node.port}`));
  // Asked for, either way is taken, and nothing else.
  const byTcp = await a.ping("b", "--path", "tcp", "-c", "1");
  assertEquals([byTcp.code, byTcp.document.targets[0]?.carrier], [0, "stream"]);
  assertEquals(byTcp.document.targets[0]?.path, `tcp://10.77.1.2:${node.port}`);
  assertEquals(byTcp.document.targets[0]?.why, "the stream alone was asked for");
  const byUdp = await a.ping("b", "--path", "udp", "-c", "1");
  assertEquals([byUdp.code, byUdp.document.targets[0]?.carrier], [0, "udp"]);
  const all = await a.ping("b", "--path", "all", "-c", "1");
  assertEquals(all.code, 0, all.stderr);
  const kinds = all.document.targets.map(({ path, lane }) => `${path?.split(":")[0]} ${lane}`);
  assert(["tcp control", "udp control", "udp discovery"].every((kind) => kinds.includes(kind)), kinds.join());
  const doctor = await a.run(["doctor", "b"]);
  assertStringIncludes(doctor.stdout, "messages go by UDP");
  // Within a machine there is nothing that a datagram could do better.
  const here = await a.ping("a", "-c", "1");
  assertEquals(here.document.targets[0]?.why, "the peer is on this machine");
});

liveTest(
  "where UDP is blocked lanes stay on TCP, which is said, and go by UDP once it passes",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    const [, node] = await Promise.all([a.serve(), b.serve()]);
    assertEquals((await a.discover("--expect", "b")).code, 0);
    const open = await block(b.machine, "udp");
    const pinged = await a.ping("b", "-c", "2");
    assertEquals(pinged.code, 0, pinged.stderr);
    const [target] = pinged.document.targets;
    assertEquals([target?.path, target?.carrier], [`tcp://10.77.1.2:${node.port}`, "stream"]);
    assertEquals(target?.why, "no datagram came back yet");
    const required = await a.run(["ping", "b", "--path", "udp", "-c", "1", "--timeout", "500ms"]);
    assertEquals(required.code, 1, required.stdout);
    assertStringIncludes(required.stderr, "lanes to b do not go by UDP, but by tcp 10.77.1.2");
    assertStringIncludes(required.stderr, "no datagram came back yet");
    const alone = await a.run(["ping", `udp://10.77.1.2:${node.port}`, "-c", "1", "--timeout", "500ms"]);
    assertEquals(alone.code, 1, alone.stdout);
    assertStringIncludes(alone.stderr, "did not answer within 500 ms");
    const doctor = await a.run(["doctor", "b"]);
    assertStringIncludes(doctor.stdout, "messages go by TCP");
    assertStringIncludes(doctor.stdout, "no datagram came back yet");

    const ping = a.start(["ping", "b", "-c", "300", "--ndjson"]);
    await ping.until("pings by TCP", () => replies(ping).filter(({ path }) => path.startsWith("tcp:"))[2]);
    await open();
    await ping.until(
      "pings by UDP",
      () => replies(ping).find(({ carrier }) => carrier === "udp"),
      WAY_BACK_MS,
    );
    assertEquals(
      replies(ping).filter(({ rttUs }) => rttUs === null),
      [],
    );
  },
);

liveTest(
  "UDP that is blocked under way puts lanes on TCP within a second, and none is lost",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    await Promise.all([a.serve(), b.serve()]);
    assertEquals((await a.discover("--expect", "b")).code, 0);
    const ping = a.start(["ping", "b", "-c", "300", "-i", "50ms", "--timeout", "5s", "--ndjson"]);
    await ping.until("pings by UDP", () => replies(ping).filter(({ carrier }) => carrier === "udp")[4]);
    await block(b.machine, "udp");
    await ping.until("pings by TCP", () => replies(ping).filter(({ carrier }) => carrier === "stream")[4]);
    const all = replies(ping);
    // The one that was on its way came late, by the other path.
    assertEquals(all.filter(({ rttUs }) => rttUs === null), []);
    assert(all.every(({ rttUs }) => rttUs === null || rttUs < 1_500_000), JSON.stringify(all));
    assertEquals(all.at(-1)?.why, "datagrams no longer pass");
  },
);

liveTest(
  "a node is reached by UDP alone where TCP is blocked, with the key and not without",
  async (network) => {
    const [a, b, stranger] = stageOf(network, "a", "b", "stranger");
    await shareKey(a, b);
    const [, node] = await Promise.all([a.serve(), b.serve()]);
    assert(node.ready.addresses.includes(`udp://10.77.1.2:${node.port}`), node.ready.addresses.join());
    assertEquals((await a.discover("--expect", "b")).code, 0);
    await block(b.machine, "tcp");
    const address = `udp://10.77.1.2:${node.port}`;
    const pinged = await a.ping(address, "--lane", "all", "-c", "2");
    assertEquals(pinged.code, 0, pinged.stderr);
    for (const { node: name, path, carrier, why, seal, received } of pinged.document.targets) {
      assertEquals([name, path, carrier, seal, received], ["b", address, "udp", "encrypted", 2]);
      assertEquals(why, "the address is one of datagrams");
    }
    // A command, which only a member may give, and an answer that takes many packets.
    const called = await a.call(address, "hana.identify", "text=hello");
    assertEquals(called.code, 0, called.stderr);
    const long = await a.ping(address, "--size", "16384", "-c", "3");
    assertEquals([long.code, long.document.targets[0]?.received], [0, 3]);
    // By name as well: nodes take datagrams on the number of their TCP port.
    const named = await a.ping("b", "--path", "udp", "-c", "1", "--timeout", "2s");
    assertEquals([named.code, named.document.targets[0]?.path], [0, address], named.stderr);
    const refused = await stranger.run(["ping", address, "--timeout", "500ms"]);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "or the mesh keys differ");
  },
);

liveTest(
  "a machine that gets another address keeps its session, by UDP alone and beside TCP",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    const [, node] = await Promise.all([a.serve(), b.serve()]);
    assertEquals((await a.discover("--expect", "b")).code, 0);
    const pings = ["b", `udp://10.77.1.2:${node.port}`].map((target) =>
      a.start(["ping", target, "-c", "300", "--timeout", "5s", "--ndjson"])
    );
    for (const ping of pings) {
      await ping.until("pings by UDP", () => replies(ping).filter(({ carrier }) => carrier === "udp")[2]);
    }
    b.machine.setAddress("stage", "10.77.1.77/24");
    for (const ping of pings) {
      const moved = await ping.until(
        "pings to the new address",
        () => replies(ping).filter(({ path }) => path === `udp://10.77.1.77:${node.port}`)[2],
        10_000,
      );
      assertEquals([moved.carrier, moved.why], ["udp", "the peer has another address"]);
      assertEquals(replies(ping).filter(({ rttUs }) => rttUs === null), []);
    }
  },
);

liveTest("lanes are kept on streams by a setting of either side", async (network) => {
  const [a, b, c] = stageOf(network, "a", "b", "c");
  await shareKey(a, b, c);
  const [, streaming] = await Promise.all([a.serve(), b.serve("--lanes", "stream"), c.serve()]);
  assertEquals(streaming.ready.addresses.filter((address) => address.startsWith("udp:")), []);
  assertEquals((await a.discover("--expect", "b,c")).code, 0);
  const of = async (...args: string[]): Promise<PingTarget | undefined> =>
    (await a.ping(...args, "-c", "1")).document.targets[0];
  const theirs = await of("b");
  assertEquals([theirs?.carrier, theirs?.why], ["stream", "one of both takes no datagrams"]);
  const ours = await of("c", "--lanes", "stream");
  assertEquals([ours?.carrier, ours?.why], ["stream", "datagrams are switched off"]);
  assertEquals((await of("c"))?.carrier, "udp");
});

const PROGRAM = new URL("./programs/lanes.ts", import.meta.url).pathname;

/** Two programs that send cues and levels over a network that loses this share; what came of it. */
async function play(
  network: TestNetwork,
  seed: number,
  loss: number,
  scheme: "tcp" | "udp",
): Promise<Record<string, unknown>> {
  const [taker, sender] = stageOf(network, "taker", "sender");
  await shareKey(taker, sender);
  const start = (user: HanaUser, task: string, peer: string, ...more: string[]): CapturedProcess => {
    const directories = [user.stateDirectory, user.runDirectory];
    return user.startProgram(denoRun(PROGRAM), [task, ...directories, `${seed}`, `${loss}`, peer, ...more]);
  };
  const taking = start(taker, "take", "10.77.1.2");
  const told = await taking.until("its addresses", ({ stdout }) => /^\{"addresses":.*\}$/m.exec(stdout)?.[0]);
  const { addresses } = JSON.parse(told) as { readonly addresses: readonly string[] };
  const address = addresses.find((each) => each.startsWith(`${scheme}://10.`)) ?? "";
  const sending = await start(sender, "send", "10.77.1.1", address).ended();
  assertEquals(sending.code, 0, sending.stderr);
  taking.kill("SIGTERM");
  assertEquals((await taking.ended()).code, 0);
  return JSON.parse(sending.stdout);
}

for (const scheme of ["tcp", "udp"] as const) {
  for (const [seed, loss] of [[1, 0.01], [2, 0.05]] as const) {
    liveTest(
      `of what real sockets lose by seed ${seed}, ${
        100 * loss
      } in 100, every cue and the newest levels arrive (${scheme}://)`,
      async (network) => {
        const result = await play(network, seed, loss, scheme);
        assertEquals([result.byDatagrams, result.kind], [true, "udp"], JSON.stringify(result));
        // Nothing missing, nothing twice, nothing out of order.
        assertEquals([result.inOrder, result.outOfOrder, result.delivered], [2_000, 0, 2_000]);
        // What was lost of the levels was repaired only where nothing newer followed; nothing old came after new.
        assertEquals([result.isThere, result.stale], [true, 0], JSON.stringify(result));
        assert(Number(result.repairedPieces) > 0 && Number(result.lost) > 0, JSON.stringify(result));
      },
    );
  }
}

liveTest(
  "a shell sends bytes on a lane of a program, and messages on another lane than theirs",
  async (network) => {
    const [a, b] = stageOf(network, "a", "b");
    await shareKey(a, b);
    await Promise.all([a.serve(), b.serve()]);
    assertEquals((await a.discover("--expect", "b")).code, 0);
    for (const kind of ["ro", "ru", "us", "uu"]) {
      const { code, document } = await a.call("b", "--lane", "hana.echo", "--kind", kind, "left", "right");
      assertEquals([code, document.sent, document.arrived], [0, 2, 2], kind);
      assertEquals((document.answers as string[]).toSorted(), ["left", "right"], kind);
    }
    const lines = Array.from({ length: 500 }, (_, number) => `line ${number}`);
    const piped = await a.run(["call", "b", "--lane", "hana.echo", "-", "-q"], { stdin: lines.join("\n") });
    assertEquals(piped.stdout.trim().split("\n"), lines, piped.stderr);
    const refused = await a.run(["call", "b", "hana.identify", "--lane", "modulation"]);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "messages of its lane control must not be lost");
    const other = await a.call("b", "hana.identify", "text=hello", "--lane", "events");
    assertEquals(other.code, 0, other.stderr);
    const nothing = await a.run(["call", "b", "--lane", "hana.echo"]);
    assertEquals(nothing.code, 2);
    assertStringIncludes(nothing.stderr, "nothing to send on lane hana.echo");
  },
);
