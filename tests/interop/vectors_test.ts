// The protocol as another language has it: tests/interop/discovery_reader.py was written from docs/discovery.md.

import { assert, assertEquals } from "@std/assert";
import { fromHex, type Incarnation, type NodeId, toHex } from "../../lib/base/mod.ts";
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
import { VECTORS_URL } from "../support/discovery_vectors.ts";
import { skippable, type SkippableTest } from "../support/requirement.ts";
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
