import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { DESCRIBE, LIST_NODES, Node, PING } from "../../../lib/node/mod.ts";
import type { ByteStream } from "../../../lib/platform/mod.ts";
import { createMeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { defineRequest } from "../../../lib/session/mod.ts";
import { MemoryNetwork } from "../../../lib/transport/mod.ts";
import { s } from "../../../lib/wire/mod.ts";
import { seededRandom, testRing } from "../security/support.ts";
import { everything, Park } from "./support.ts";

const second = 1_000_000;

const LIGHTS = defineRequest({
  name: "stage.lights",
  lane: "control",
  effect: "command",
  from: ["app", "daemon", "observer"],
  to: ["daemon"],
  body: s.object({ level: s.number({ minimum: 0, maximum: 1 }) }),
  reply: s.object({ level: s.number() }),
});

async function failure(promise: Promise<unknown>): Promise<HanaError> {
  return await assertRejects(() => promise, HanaError);
}

Deno.test("two nodes reach each other over the network and answer what every node answers", async () => {
  const park = new Park();
  const [here, there] = [park.host("here"), park.host("there")];
  const keys = testRing(1);
  const a = await park.start(here.platform, { keys });
  const b = await park.start(there.platform, { keys });
  b.onRequest(LIGHTS, ({ level }) => ({ level }));
  const session = await park.settle(a.connect("tcp://10.0.0.2:700"));
  assertEquals([session.peer.id, session.secure], [b.id, true]);
  for (const lane of ["control", "state", "modulation", "events", "telemetry"] as const) {
    const rttUs = await park.settle(a.ping(session, lane, new Uint8Array(1000), second));
    assert(rttUs >= 400 && rttUs < 1000, `${lane} ${rttUs}`);
  }
  const described = await park.settle(a.describe(session));
  assertEquals(described.messages.filter((message) => !message.name.startsWith("hana.")), [LIGHTS]);
  const learned = described.messages.find((message) => message.name === LIGHTS.name);
  assert(learned !== undefined);
  assertEquals(await park.settle(session.call(learned, { level: 0.5 })), { level: 0.5 });
  const wrong = await failure(park.settle(session.call(learned, { level: 2 })));
  assertEquals(wrong.code, "schema");
  const list = await park.settle(session.request(LIST_NODES, {}));
  assertEquals(list.nodes.map((node) => (node as { name: string }).name), ["there"]);
});

Deno.test("on one machine nodes use the local socket, which is not sealed and commands without a key", async () => {
  const park = new Park();
  const host = park.host("stage");
  const daemon = await park.start(host.platform);
  daemon.onRequest(LIGHTS, ({ level }) => ({ level }));
  const tool = await park.start(host.createProcess().platform, {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
  });
  const path = daemon.addresses.find((address) => address.startsWith("unix:")) ?? "";
  const session = await park.settle(tool.connect(path));
  assertEquals([session.secure, session.peer.name], [false, "stage"]);
  assertEquals(await park.settle(session.call(LIGHTS, { level: 1 })), { level: 1 });
});

Deno.test("an open node may be seen from another machine but not commanded, unless it was told to", async () => {
  for (const insecure of [false, true]) {
    const park = new Park();
    const target = await park.start(park.host("target").platform, { insecure });
    target.onRequest(LIGHTS, ({ level }) => ({ level }));
    const other = await park.start(park.host("other").platform);
    const session = await park.settle(other.connect("tcp://10.0.0.1:700"));
    assertEquals(await park.settle(session.request(PING.control, { payload: new Uint8Array(3) })), {
      payload: new Uint8Array(3),
    });
    const asked = park.settle(session.call(LIGHTS, { level: 1 }));
    if (insecure) assertEquals(await asked, { level: 1 });
    else assertEquals((await failure(asked)).code, "refused");
  }
});

Deno.test("another key is a stranger: no answer, a counter, a clear error, and nobody is disturbed", async () => {
  const park = new Park();
  const node = await park.start(park.host("node").platform, { keys: testRing(1) });
  const member = await park.start(park.host("member").platform, { keys: testRing(1) });
  const stranger = await park.start(park.host("stranger").platform, { keys: testRing(2) });
  const session = await park.settle(member.connect("tcp://10.0.0.1:700"));
  const error = await failure(park.settle(stranger.connect("tcp://10.0.0.1:700")));
  assertEquals(error.code, "authentication");
  const { channel, sessions } = node.statistics() as {
    channel: { established: number };
    sessions: { failedGreetings: number; lost: number };
  };
  assertEquals([channel.established, sessions.failedGreetings, sessions.lost], [1, 1, 0]);
  assert(await park.settle(member.ping(session, "control", new Uint8Array(1), second)) > 0);
});

Deno.test("a handshake that was recorded and is sent again gets no byte, and is counted", async () => {
  const park = new Park();
  const node = await park.start(park.host("node").platform, { keys: testRing(1) });
  const spy = park.host("spy").platform;
  // A relay in between writes down what the member says first.
  const recorded: Uint8Array[] = [];
  await spy.streams.listen({ kind: "tcp", host: "0.0.0.0", port: 700 }, {
    onStream: (stream) =>
      stream.open({
        onData: (bytes) => void recorded.push(bytes.slice()),
        onWritten: () => {},
        onEnd: () => {},
        onClose: () => {},
      }),
    onError: () => {},
  });
  const member = await park.start(park.host("member").platform, { keys: testRing(1) });
  const waiting = failure(member.connect("tcp://10.0.0.2:700", { timeoutUs: second }));
  await park.until(() => recorded.length > 0, "the opening is recorded");
  const replay = async (): Promise<number> => {
    const stream: ByteStream = await park.settle(
      spy.streams.connect({ kind: "tcp", host: "10.0.0.1", port: 700 }),
    );
    let answered = 0;
    let closed = false;
    stream.open({
      onData: (bytes) => answered += bytes.length,
      onWritten: () => {},
      onEnd: () => {},
      onClose: () => closed = true,
    });
    for (const bytes of recorded) stream.write(bytes);
    await park.until(() => closed, "the node ends it");
    return answered;
  };
  // The first time the node cannot know that the bytes are not the member's own; it answers and is left waiting.
  assert(await replay() > 0);
  assertEquals([await replay(), await replay()], [0, 0]);
  const { channel } = node.statistics() as { channel: { established: number } };
  assertEquals(channel.established, 0);
  assertEquals(node.sessions.counters.greeted, 0);
  assertEquals((await waiting).code, "timeout");
});

Deno.test("garbage on the local socket ends its own connection and nothing else", async () => {
  const park = new Park();
  const host = park.host("stage");
  const node = await park.start(host.platform);
  const path = (node.addresses.find((address) => address.startsWith("unix:")) ?? "").slice("unix://".length);
  const random = seededRandom(5);
  for (let round = 0; round < 50; round++) {
    const stream = await park.settle(host.platform.streams.connect({ kind: "unix", path }));
    let closed = false;
    stream.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => closed = true });
    stream.write(random.fill(new Uint8Array(1 + round * 7)));
    stream.closeWrite();
    await park.until(() => closed, "the node ends it");
  }
  assertEquals([node.sessions.size, node.sessions.counters.failedGreetings, park.crashes], [0, 50, []]);
  const tool = await park.start(host.createProcess().platform, {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
  });
  assert((await park.settle(tool.connect(`unix://${path}`))).isOpen);
});

Deno.test("idle connections give way to newer ones and never keep a member out", async () => {
  const park = new Park();
  const node = await park.start(park.host("node").platform, { keys: testRing(1), maxSessions: 100 });
  const attacker = park.host("attacker").platform;
  let cut = 0;
  for (let i = 0; i < 300; i++) {
    const stream = await park.settle(attacker.streams.connect({ kind: "tcp", host: "10.0.0.1", port: 700 }));
    stream.open({ onData: () => {}, onWritten: () => {}, onEnd: () => {}, onClose: () => cut++ });
  }
  assert(node.sessions.size <= 100 && node.sessions.counters.evicted >= 200);
  const member = await park.start(park.host("member").platform, { keys: testRing(1) });
  assert((await park.settle(member.connect("tcp://10.0.0.1:700"))).isOpen);
  await park.world.runFor(10 * second);
  assertEquals([cut, node.sessions.size], [300, 1]);
});

Deno.test("one session more than allowed is refused without a word, and room comes back", async () => {
  const park = new Park();
  const node = await park.start(park.host("node").platform, { maxSessions: 2 });
  const others: Node[] = [];
  for (let i = 0; i < 3; i++) others.push(await park.start(park.host(`other-${i}`).platform));
  const sessions = [];
  for (const other of others.slice(0, 2)) {
    sessions.push(await park.settle(other.connect("tcp://10.0.0.1:700")));
  }
  await failure(park.settle((others[2] as Node).connect("tcp://10.0.0.1:700")));
  assertEquals(node.sessions.counters.refusedFull, 1);
  await park.settle(sessions[0]?.close() ?? Promise.reject(new Error("no session")));
  await park.until(() => node.sessions.size === 1, "there is room");
  assert((await park.settle((others[2] as Node).connect("tcp://10.0.0.1:700"))).isOpen);
});

Deno.test("two nodes with the same id refuse each other and live on", async () => {
  const park = new Park();
  const [one, two] = [park.host("one"), park.host("two")];
  const a = await park.start(one.platform, { name: "x" });
  const copied = one.platform.files.read("/var/hana/nodes/x/identity.json");
  assert(copied !== null);
  two.platform.files.makeDirectory("/var/hana/nodes/x", 0o700);
  two.platform.files.write("/var/hana/nodes/x/identity.json", copied, 0o600);
  const b = await park.start(two.platform, { name: "x" });
  assertEquals(b.id, a.id);
  assertEquals((await failure(park.settle(b.connect("tcp://10.0.0.1:700")))).code, "conflict");
  const third = await park.start(park.host("three").platform);
  for (const address of ["tcp://10.0.0.1:700", "tcp://10.0.0.2:700"]) {
    assert((await park.settle(third.connect(address))).isOpen);
  }
});

Deno.test("starting that fails anywhere leaves nothing behind: no file, no listener, no lock", async () => {
  const long = `/${"d".repeat(100)}`;
  const cases: { what: string; code: string; spoil?: string; options?: Record<string, unknown> }[] = [
    { what: "port taken", code: "address-in-use", options: { tcpPort: 9 } },
    { what: "run directory in the way", code: "storage", options: { runDirectory: "/tmp/file" } },
    { what: "run directory open", code: "refused", options: { runDirectory: "/tmp/open" } },
    { what: "socket path too long", code: "config", options: { runDirectory: long } },
    { what: "note not writable", code: "storage", spoil: ".json" },
    { what: "bad seed", code: "config", options: { discovery: { seeds: ["no seed:x"] } } },
  ];
  for (const { what, code, spoil, options } of cases) {
    const park = new Park();
    const host = park.host("stage");
    const { files, streams } = host.platform;
    files.makeDirectory("/tmp/open", 0o755);
    files.write("/tmp/file", new Uint8Array(1), 0o600);
    await streams.listen({ kind: "tcp", host: "0.0.0.0", port: 9 }, {
      onStream: () => {},
      onError: () => {},
    });
    if (spoil !== undefined) {
      host.disk.refuse = (doing, path) =>
        doing === "write" && path.startsWith("/run") && path.endsWith(spoil) ? "disk full" : null;
    }
    const memory = { network: new MemoryNetwork(host.platform.timers), name: "x" };
    const error = await failure(park.start(host.platform, { memory, ...options }));
    assertEquals(error.code, code, `${what}: ${error.message}`);
    host.disk.refuse = null;
    assertEquals(everything(host.platform, "/run"), [], what);
    // Name, port, memory name and socket are free again: the same process can start.
    const next = await park.start(host.platform, { memory });
    assertEquals(next.name, "stage", what);
    await park.settle(next.stop());
  }
});

Deno.test("stopping is done within two seconds, once, and leaves nothing but the identity", async () => {
  const park = new Park();
  const host = park.host("stage");
  const node = await park.start(host.platform, { discovery: {} });
  const other = await park.start(park.host("other").platform);
  const session = await park.settle(other.connect("tcp://10.0.0.1:700"));
  const startedUs = park.world.nowUs;
  const [first, again] = [node.stop("show is over"), node.stop("again")];
  assert(first === again);
  await park.settle(Promise.all([first, again]));
  assert(park.world.nowUs - startedUs < 2 * second);
  assertEquals([node.stopFailure, node.sessions.size], [null, 0]);
  const end = await park.settle(session.ended);
  assertEquals([end.kind, end.reason], ["goodbye", "show is over"]);
  assertEquals(everything(host.platform, "/run"), []);
  const next = await park.start(host.platform);
  assertEquals([next.id, next.incarnation > node.incarnation], [node.id, true]);
});

Deno.test("a peer that does not let go is cut when the node stops", async () => {
  const park = new Park();
  const host = park.host("stage");
  const node = await park.start(host.platform);
  const other = await park.start(park.host("other").platform);
  await park.settle(other.connect("tcp://10.0.0.1:700"));
  host.setInterfaceUp("eth0", false);
  const startedUs = park.world.nowUs;
  await park.settle(node.stop());
  const tookUs = park.world.nowUs - startedUs;
  assert(tookUs >= 0.9 * second && tookUs < 2 * second, `${tookUs}`);
});

Deno.test("a node restarts over the socket that its killed process left", async () => {
  const park = new Park();
  const host = park.host("stage");
  const first = await park.start(host.platform);
  assertEquals(everything(host.platform, "/run").length, 2);
  const second_ = await park.start(host.restartProcess());
  assertEquals([second_.id, second_.name], [first.id, "stage"]);
  assertEquals(
    (second_.statistics() as { listen: { staleSocketsCleared: number } }).listen.staleSocketsCleared,
    1,
  );
});

Deno.test("several nodes of one machine and one directory do not get in each other's way", async () => {
  const park = new Park();
  const host = park.host("stage");
  const nodes: Node[] = [];
  for (let i = 0; i < 5; i++) nodes.push(await park.start(host.createProcess().platform, { tcpPort: 0 }));
  assertEquals(nodes.map((node) => node.name), ["stage", "stage-2", "stage-3", "stage-4", "stage-5"]);
  assertEquals(everything(host.platform, "/run").length, 10);
  await park.settle((nodes[0] as Node).stop());
  assertEquals(everything(host.platform, "/run").length, 8);
  const [, one, two, ...others] = nodes;
  assert(one !== undefined && two !== undefined);
  for (const [from, to] of [[two, one], ...[two, ...others].map((node) => [one, node])] as [Node, Node][]) {
    const session = await park.settle(from.connect(to.addresses[0] ?? ""));
    assertEquals([session.peer.id, session.secure], [to.id, false]);
  }
});

Deno.test("a node without any network interface starts, and is reached on its own machine", async () => {
  const park = new Park();
  const host = park.world.createHost({ name: "alone" });
  const node = await park.start(host.platform, { discovery: {} });
  assertEquals(node.addresses.map((address) => address.split(":")[0]), ["unix", "tcp"]);
  const tool = await park.start(host.createProcess().platform, {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
  });
  for (const address of node.addresses) {
    const session = await park.settle(tool.connect(address));
    await park.settle(session.request(DESCRIBE, {}));
  }
});

Deno.test("a name that nobody has, and one that fits several, say so", async () => {
  const park = new Park();
  const key = createMeshKey(seededRandom(3), "show", 1);
  const keys = new MeshKeyRing(key, null);
  const nodes: Node[] = [];
  for (const name of ["wall-left", "wall-right"]) {
    nodes.push(await park.start(park.host(name).platform, { discovery: {}, keys }));
  }
  const [left] = nodes;
  assert(left !== undefined);
  await park.until(() => left.nodes().length === 2, "they see each other");
  assertEquals((await failure(left.connect("nobody"))).code, "not-found");
  assertEquals((await park.settle(left.connect("wall-right"))).peer.name, "wall-right");
  const shared = await park.settle(left.connect("wall-right"));
  assertEquals(shared, left.sessions.with(shared.peer.id));
});
