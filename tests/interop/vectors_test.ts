// The protocol as another language has it: tests/interop/discovery_reader.py was written from docs/discovery.md.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fromHex, type Incarnation, type NodeId, toHex } from "../../lib/base/mod.ts";
import { HEADER_BYTES, MAC_BYTES } from "../../lib/discovery/datagram.ts";
import {
  createBodyCodec,
  decodeDatagram,
  DiscoveryCore,
  KIND_NUMBERS,
  type LinkInterface,
  meshTagOf,
} from "../../lib/discovery/mod.ts";
import {
  createMeshKey,
  DatagramAuthenticator,
  MeshKeyRing,
  openMeshKeyRing,
} from "../../lib/security/mod.ts";
import { createCodec } from "../../lib/wire/mod.ts";
import {
  type DatagramVector,
  MESH_NAME,
  messageOf,
  plainOf,
  SEALS,
  VECTORS_URL,
} from "../support/discovery_vectors.ts";
import { liveTest } from "../support/live.ts";
import { skippable, type SkippableTest } from "../support/requirement.ts";
import { stageOf } from "../e2e/stage.ts";
import { idOf, TestRandom } from "../unit/discovery/mesh.ts";

const READER = new URL("./discovery_reader.py", import.meta.url).pathname;
const PYTHON_ID = "feedc0de".repeat(4) as NodeId;
const FROM = { host: "10.0.0.2", port: 40_002 };
const LINK: LinkInterface = {
  key: "eth0",
  name: "eth0",
  family: "ipv4",
  address: "10.0.0.1",
  prefix: 24,
  broadcast: "10.0.0.255",
  loopback: false,
  port: 40_001,
};

const vectors = JSON.parse(Deno.readTextFileSync(VECTORS_URL)) as {
  readonly datagrams: readonly DatagramVector[];
};
const bodyCodec = createCodec("msgpack");

/** Values at bounds and beside them, and of the wrong kind. */
const oddValue = fc.oneof(
  fc.constantFrom(
    0,
    1,
    -1,
    1.5,
    NaN,
    -0,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 48 - 1,
    2 ** 48,
    2 ** 53 - 1,
    60_000,
    60_001,
  ),
  fc.constantFrom(
    null,
    true,
    false,
    "",
    "a",
    "10.0.0.1:80",
    "[fe80::1%eth0]:1",
    "[::ffff:1.2.3.4]:1",
    "-",
    " a",
    "ü",
  ),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom(4, 7, 8, 9, 14, 16, 18, 20, 64).chain((length) =>
    fc.uint8Array({ minLength: length, maxLength: length })
  ),
  fc.array(fc.oneof(fc.nat(5), fc.ipV4(), fc.constant({})), { maxLength: 17 }),
  fc.dictionary(fc.stringMatching(/^[a-z]{0,3}$/), fc.oneof(fc.nat(), fc.string()), { maxKeys: 3 }),
);
const step = fc.record({
  how: fc.constantFrom("set", "set", "set", "delete", "byte", "insert", "cut", "kind"),
  at: fc.nat(10_000),
  deep: fc.nat(3),
  value: oddValue,
  byte: fc.nat(255),
});

/** A vector of which some fields or bytes are others, signed as if it were right. */
const damagedDatagram = fc.tuple(
  fc.constantFrom(...vectors.datagrams.filter(({ key }) => key === "show")),
  fc.array(step, { minLength: 1, maxLength: 2 }),
).map(([vector, steps]) => {
  const bytes = fromHex(vector.datagram);
  const head = bytes.slice(0, HEADER_BYTES);
  const value = bodyCodec.decode(bytes.slice(HEADER_BYTES, -MAC_BYTES)) as Record<string, unknown>;
  for (const { how, at, deep, value: odd } of steps) {
    if (how === "set" || how === "delete") change(value, at, deep, how === "set" ? odd : undefined);
  }
  let body = [...bodyCodec.encode(value)];
  for (const { how, at, byte } of steps) {
    const place = at % body.length;
    if (how === "byte") body[place] = byte;
    if (how === "insert") body.splice(place, 0, byte);
    if (how === "cut") body = body.slice(0, Math.max(1, place));
    if (how === "kind") head[3] = byte;
  }
  const whole = Uint8Array.from([...head, ...body, ...new Uint8Array(MAC_BYTES)]);
  SEALS.show.sign(whole, whole.length - MAC_BYTES);
  return whole;
});

/** Sets or deletes one entry of a map or an array, `deep` containers further in where there are so many. */
function change(container: Record<string, unknown> | unknown[], at: number, deep: number, to: unknown): void {
  const keys = Object.keys(container);
  const inner = keys.map((key) => (container as Record<string, unknown>)[key]).filter((each) =>
    typeof each === "object" && each !== null && !(each instanceof Uint8Array)
  );
  const next = inner[at % Math.max(1, inner.length)];
  if (deep > 0 && next !== undefined) return change(next as Record<string, unknown>, at, deep - 1, to);
  const key = keys[at % Math.max(1, keys.length)];
  if (key === undefined) return;
  if (to === undefined && Array.isArray(container)) container.splice(Number(key), 1);
  else if (to === undefined) delete (container as Record<string, unknown>)[key];
  else (container as Record<string, unknown>)[key] = to;
}

/** The node in Python: one line asks, one line answers. */
class PythonNode implements AsyncDisposable {
  readonly #child = new Deno.Command("python3", {
    args: [READER, "listen"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  readonly #writer = this.#child.stdin.getWriter();
  readonly #reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  #rest = "";

  async ask(question: Record<string, unknown>): Promise<Uint8Array[]> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(question) + "\n"));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the reader in Python has ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const answer = JSON.parse(this.#rest.slice(0, end)) as string[];
    this.#rest = this.#rest.slice(end + 1);
    return answer.map(fromHex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#child.status;
  }
}

function inPython(test: Omit<SkippableTest, "needs">): void {
  skippable({ ...test, needs: ["command:python3"] });
}

function first(datagrams: readonly Uint8Array[]): Uint8Array {
  const [datagram] = datagrams;
  assert(datagram !== undefined && datagrams.length === 1, `${datagrams.length} datagrams`);
  return datagram;
}

function startOf(meshKey: string, meshName: string): Record<string, unknown> {
  return {
    do: "start",
    meshKey,
    meshName,
    id: PYTHON_ID,
    incarnation: 1_790_000_000_000,
    bootNonce: "50595448304e3031",
    name: "written in Python",
    endpoint: "10.0.0.2:40002",
  };
}

inPython({
  name: "a reader in Python verifies, decodes and refuses every vector of discovery as hana does",
  fn: async () => {
    const args = [READER, "verify", VECTORS_URL.pathname];
    const { code, stdout, stderr } = await new Deno.Command("python3", { args, stdin: "null" }).output();
    const text = new TextDecoder();
    assertEquals({ code, stderr: text.decode(stderr) }, { code: 0, stderr: "" });
    const counts = JSON.parse(text.decode(stdout)) as Record<string, number>;
    const told = JSON.parse(Deno.readTextFileSync(VECTORS_URL)) as Record<string, unknown[]>;
    for (const name of ["hashes", "ranks", "datagrams", "tolerated", "refused"]) {
      assertEquals(counts[name], told[name]?.length, name);
    }
    assertEquals(counts.wrong, 0);
  },
});

inPython({
  name: "of thousands of damaged datagrams the reader in Python makes the same as hana",
  fn: async () => {
    const damaged = fc.sample(damagedDatagram, { numRuns: 4_000, seed: 4 });
    const child = new Deno.Command("python3", {
      args: [READER, "read", VECTORS_URL.pathname],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    const written = writer.write(
      new TextEncoder().encode(damaged.map((bytes) => toHex(bytes) + "\n").join("")),
    )
      .then(() => writer.close());
    const { code, stdout } = await child.output();
    await written;
    assertEquals(code, 0);
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assertEquals(lines.length, damaged.length);
    const reasons = new Map<string, number>();
    damaged.forEach((bytes, i) => {
      const read = decodeDatagram(bytes, meshTagOf(MESH_NAME), createBodyCodec(), SEALS.show);
      const here = typeof read === "string"
        ? { why: read }
        : { header: plainOf(read.header), message: messageOf(read.message) };
      const reason = typeof read === "string" ? read : "read";
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      // As JSON has it: no NaN, no minus zero.
      assertEquals(JSON.parse(lines[i] ?? ""), JSON.parse(JSON.stringify(here)), toHex(bytes));
    });
    for (const reason of ["read", "malformed", "unknown-kind"]) {
      assert((reasons.get(reason) ?? 0) >= 100, `${reason}: ${reasons.get(reason)}`);
    }
  },
});

inPython({
  name: "beats and pings built in Python under a fresh key, and in the open mesh, are read by hana",
  fn: async () => {
    const key = createMeshKey(new TestRandom(47), null, 0);
    const rings = [
      { ring: new MeshKeyRing(key, null), meshKey: toHex(key.exportSecret()), meshName: "Bühne 🎛" },
      { ring: openMeshKeyRing(), meshKey: "", meshName: "" },
    ];
    for (const { ring, meshKey, meshName } of rings) {
      await using node = new PythonNode();
      await node.ask(startOf(meshKey, meshName));
      const seal = new DatagramAuthenticator(ring);
      const read = (datagram: Uint8Array) => {
        const opened = decodeDatagram(datagram, meshTagOf(meshName), createBodyCodec(), seal);
        assert(typeof opened === "object", `${opened}`);
        return opened;
      };
      const beat = read(first(await node.ask({ do: "beat", nowMs: 1_500 })));
      assertEquals([beat.header.id, beat.header.seq, beat.header.sentMs], [PYTHON_ID, 1, 1_500]);
      assert(beat.message.kind === "heartbeat" && beat.message.beat === 1);
      const [nonce, target] = ["0011223344556677", idOf(1).slice(0, 16)];
      const ping = read(first(await node.ask({ do: "ping", nowMs: 1_600, nonce, target })));
      assert(ping.message.kind === "ping");
      assertEquals([ping.message.nonce, ping.message.target, ping.header.seq], [nonce, target, 2]);
    }
  },
});

inPython({
  name: "a node in Python that only announces itself and answers is listed, kept, pinged and seen to leave",
  fn: async () => {
    const key = createMeshKey(new TestRandom(48), null, 0);
    const core = new DiscoveryCore(0, {
      id: idOf(1),
      incarnation: 1_790_000_000_000 as Incarnation,
      role: "app",
      record: { name: "hana", version: "1" },
      meshName: "show",
      trust: "keyed",
      seal: new DatagramAuthenticator(new MeshKeyRing(key, null)),
      codec: createBodyCodec(),
      random: new TestRandom(49),
      expectsEcho: false,
    });
    await using node = new PythonNode();
    await node.ask(startOf(toHex(key.exportSecret()), "show"));
    core.handleInterfaces(0, [LINK]);
    const events: string[] = [];
    const sent = new Set<number>();
    /** Carries what each says to the other until both are silent; the mesh is 2 ms wide. */
    const carry = async (nowUs: number, said: readonly Uint8Array[]): Promise<void> => {
      for (const datagram of said) assertEquals(core.handleDatagram(nowUs, datagram, FROM), null);
      core.handleTimeout(nowUs);
      const heard: Uint8Array[] = [];
      for (let out = core.pollTransmit(); out !== null; out = core.pollTransmit()) {
        sent.add((out.bytes[3] ?? 0) & 0x3f);
        const nowMs = nowUs / 1000;
        heard.push(...await node.ask({ do: "answer", nowMs, datagram: toHex(out.bytes) }));
      }
      for (let event = core.pollEvent(); event !== null; event = core.pollEvent()) events.push(event.kind);
      if (heard.length > 0) await carry(nowUs + 2_000, heard);
    };
    await carry(100_000, await node.ask({ do: "announce", nowMs: 100 }));
    assertEquals(events, ["added"]);
    const entry = core.registry.get(PYTHON_ID);
    assertEquals([entry?.record.name, entry?.state], ["written in Python", "alive"]);
    for (let beat = 1; beat <= 20; beat++) {
      const nowMs = 100 + 1_000 * beat;
      await carry(nowMs * 1_000, await node.ask({ do: "beat", nowMs }));
    }
    core.ping(20_200_000, PYTHON_ID);
    await carry(20_200_000, []);
    assertEquals(core.registry.get(PYTHON_ID)?.state, "alive");
    assert(events.includes("pong") && !events.includes("suspected"), events.join(" "));
    // It agrees with everybody, so nobody fetches a list from it.
    assert(sent.has(KIND_NUMBERS.heartbeat) && !sent.has(KIND_NUMBERS["sync-request"]));
    await carry(20_300_000, await node.ask({ do: "bye", nowMs: 20_300 }));
    assertEquals(core.registry.get(PYTHON_ID)?.state, "left");
  },
});

liveTest(
  "a node in Python on a machine of its own is seen by nodes of hana: it comes, stays, leaves, and is missed when it crashes",
  async (network) => {
    const [a, b, other] = stageOf(network, "a", "b", "python");
    const code = await a.createMesh();
    await b.joinMesh(code);
    await Promise.all([a.serve("--name", "a"), b.serve("--name", "b")]);
    const watches = await Promise.all([a.watch(), b.watch()]);
    const everybody = (state: "alive" | "left" | "dead") =>
      Promise.all(watches.map((watch) => watch.untilState("snake", state)));
    const python = () =>
      other.machine.start("python3", [READER, "serve", other.machine.addressOn("stage"), "snake", code]);

    const first = python();
    const [seen] = await everybody("alive");
    assertEquals([seen?.role, seen?.trust], ["visualization", "keyed"]);
    assert(
      seen?.endpoints.some(({ address }) => address.startsWith("udp://10.77.1.3:")),
      JSON.stringify(seen),
    );
    await first.until("it has beaten six times", ({ stdout }) => stdout.includes("beat 6") || null);
    first.kill("SIGTERM");
    await everybody("left");
    assertEquals((await first.ended()).code, 0);

    const second = python();
    await everybody("alive");
    second.kill("SIGKILL");
    await everybody("dead");
    const told = watches.map((watch) => {
      const states = watch.lines.flatMap((line) =>
        line.op !== "sync" && line.name === "snake" ? [line.state] : []
      );
      return states.filter((state, i) => state !== states[i - 1]);
    });
    for (const states of told) {
      // A machine with much to do may doubt it for a moment, but takes it for dead when it is.
      const settled = states.filter((state) => state !== "suspect" && state !== "unreachable");
      const steps = settled.filter((state, i) => state !== settled[i - 1]);
      assertEquals(steps, ["alive", "left", "alive", "dead"], states.join(" "));
    }
  },
  ["command:python3"],
);
