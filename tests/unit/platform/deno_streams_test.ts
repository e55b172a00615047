// What only the real machine has: node sockets, partial writes, descriptors, permissions.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { ByteStream } from "../../../lib/platform/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { CrashReporter } from "../../../lib/platform/deno/crash.ts";
import { connectNodeNet, listenNodeNet, pipePath } from "../../../lib/platform/deno/pipes.ts";
import { DenoStream, type SystemConnection } from "../../../lib/platform/deno/stream.ts";
import { realHarness, StreamRecorder } from "./harness.ts";

/** A connection whose system calls the test answers. */
class FakeConnection implements SystemConnection {
  readonly writes: number[] = [];
  closes = 0;
  #read: ((count: number | null) => void) | null = null;
  #readFailed: ((thrown: Error) => void) | null = null;
  #write: ((count: number) => void) | null = null;
  #writeFailed: ((thrown: Error) => void) | null = null;

  read(_into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#read = resolve;
      this.#readFailed = reject;
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    this.writes.push(bytes.length);
    return new Promise((resolve, reject) => {
      this.#write = resolve;
      this.#writeFailed = reject;
    });
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closes++;
    this.#readFailed?.(new Error("closed"));
  }

  /** The system took `count` bytes. */
  async took(count: number): Promise<void> {
    this.#write?.(count);
    await turn();
  }

  /** The system refused. */
  async refused(why: string): Promise<void> {
    this.#writeFailed?.(new Error(why));
    await turn();
  }

  /** Bytes came, or the end. */
  async came(count: number | null): Promise<void> {
    this.#read?.(count);
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function fakeStream(): { connection: FakeConnection; recorder: StreamRecorder; crashes: CrashReporter } {
  const connection = new FakeConnection();
  const crashes = new CrashReporter(() => {});
  const recorder = new StreamRecorder(new DenoStream(connection, "near", "far", crashes));
  recorder.keep = false;
  return { connection, recorder, crashes };
}

Deno.test("a write that the system takes in parts goes on where it stopped", async () => {
  const { connection, recorder } = fakeStream();
  recorder.open().stream.write(new Uint8Array(100));
  assertEquals(connection.writes, [100]);
  await connection.took(30);
  await connection.took(69);
  assertEquals([connection.writes, recorder.written], [[100, 70, 1], 0]);
  await connection.took(1);
  assertEquals(recorder.written, 1);
  recorder.stream.abort();
});

Deno.test("after a failed write what the peer sent before is still read, then the failure is told", async () => {
  const { connection, recorder } = fakeStream();
  recorder.open().stream.write(new Uint8Array(100));
  await connection.refused("Broken pipe");
  assertEquals(recorder.closed, false);
  await connection.came(7);
  await connection.came(null);
  assertEquals([recorder.total, recorder.ended, recorder.error?.code], [7, true, "closed"]);
  assertEquals(recorder.error?.why, "Broken pipe");
  assertEquals(connection.closes, 1);
});

Deno.test("a peer that ends nothing after a failed write is given up", async () => {
  const { connection, recorder } = fakeStream();
  const closed = new Promise<void>((resolve) => {
    recorder.stream.open({ onData() {}, onWritten() {}, onEnd() {}, onClose: () => resolve() });
  });
  recorder.stream.write(new Uint8Array(100));
  await connection.refused("Broken pipe");
  await closed;
  assertEquals(connection.closes, 1);
});

Deno.test("bytes that came in during a pause wait for its end", async () => {
  const { connection, recorder } = fakeStream();
  recorder.open().stream.pauseReading();
  await connection.came(5);
  assertEquals(recorder.total, 0);
  recorder.stream.resumeReading();
  await turn();
  assertEquals(recorder.total, 5);
  recorder.stream.abort();
});

Deno.test("an abort in a pause ends the stream, later answers of the system change nothing", async () => {
  const { connection, recorder } = fakeStream();
  recorder.open().stream.pauseReading();
  recorder.stream.write(new Uint8Array(10));
  recorder.stream.abort();
  await connection.came(5);
  await connection.took(10);
  assertEquals(recorder.events, ["close"]);
});

Deno.test("a stream aborted before it is opened tells its close once it is", async () => {
  const { recorder } = fakeStream();
  recorder.stream.abort();
  recorder.open();
  await turn();
  assertEquals([recorder.events, recorder.error], [["close"], null]);
});

Deno.test("writing twice at once, and after the end, are bugs that are named", async () => {
  const { connection, recorder } = fakeStream();
  assertThrows(() => recorder.stream.write(new Uint8Array(1)), HanaError);
  recorder.open().stream.write(new Uint8Array(1));
  assertEquals(assertThrows(() => recorder.stream.write(new Uint8Array(1)), HanaError).code, "internal");
  await connection.took(1);
  recorder.stream.closeWrite();
  assertThrows(() => recorder.stream.write(new Uint8Array(1)), HanaError);
  recorder.stream.abort();
  await turn();
});

Deno.test("an onClose that throws is reported and counted", async () => {
  const told: HanaError[] = [];
  const crashes = new CrashReporter((error) => void told.push(error));
  const stream = new DenoStream(new FakeConnection(), "near", "far", crashes);
  stream.open({
    onData() {},
    onWritten() {},
    onEnd() {},
    onClose() {
      throw new Error("a planted bug");
    },
  });
  stream.abort();
  await turn();
  assertEquals([told.map((error) => error.why), crashes.count], [["a planted bug"], 1]);
});

Deno.test("a connect can be given up while it waits", async () => {
  const platform = denoPlatform();
  // A listener whose backlog is full makes a connect wait without any other machine.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const port = listener.addr.port;
  const waiting = new AbortController();
  const attempts = Array.from(
    { length: 8 },
    () =>
      platform.streams.connect({ kind: "tcp", host: "127.0.0.1", port }, { signal: waiting.signal }).then(
        (stream) => {
          stream.abort();
          return "connected";
        },
        (thrown) => thrown instanceof HanaError ? thrown.code : String(thrown),
      ),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  waiting.abort();
  const outcomes = await Promise.all(attempts);
  listener.close();
  assert(outcomes.every((outcome) => outcome === "connected" || outcome === "cancelled"), outcomes.join());
  assert(outcomes.includes("cancelled"), outcomes.join());
});

Deno.test("a leftover socket file is unreachable, and listening on it is an address in use", async () => {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const path = `${directory}/s.sock`;
  // Killed outright, a process leaves its socket behind.
  const script = `Deno.listen({transport:"unix",path:Deno.args[0]});Deno.kill(Deno.pid,"SIGKILL")`;
  await new Deno.Command(Deno.execPath(), {
    args: ["eval", script, path],
    stdout: "null",
    stderr: "null",
  }).output();
  const { streams, files } = denoPlatform();
  assertEquals(files.stat(path)?.kind, "socket");
  const connect = () => streams.connect({ kind: "unix", path });
  assertEquals((await assertRejects(connect, HanaError)).code, "unreachable");
  const listen = () => streams.listen({ kind: "unix", path }, { onStream() {}, onError() {} });
  assertEquals((await assertRejects(listen, HanaError)).code, "address-in-use");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a pipe name becomes a path, one that cannot is refused", () => {
  assertEquals(pipePath("hana-x"), "\\\\.\\pipe\\hana-x");
  for (const bad of ["", "a\\b", "x".repeat(241)]) {
    assertEquals(assertThrows(() => pipePath(bad), HanaError).code, "config");
  }
});

/** The adapter for pipes, over a Unix socket: `node:net` treats both kinds of path alike. */
async function nodePair(): Promise<{
  client: StreamRecorder;
  server: StreamRecorder;
  faults: () => number;
  close: () => Promise<void>;
  until: (condition: () => boolean, what: string) => Promise<void>;
}> {
  const harness = await realHarness();
  const crashes = new CrashReporter(() => {});
  const address = { kind: "pipe", name: "test" } as const;
  const accepted: ByteStream[] = [];
  const path = `${harness.directory}/p.sock`;
  const listener = await listenNodeNet(path, address, {
    onStream: (stream) => void accepted.push(stream),
    onError: () => {},
  }, crashes);
  const near = await connectNodeNet(path, address, undefined, crashes);
  await harness.until(() => accepted.length === 1, "accepted");
  const [far] = accepted;
  if (far === undefined) throw new Error("nothing was accepted");
  const client = new StreamRecorder(near).open();
  const server = new StreamRecorder(far).open();
  return {
    client,
    server,
    faults: () => crashes.count,
    until: harness.until,
    close: async () => {
      client.stream.abort();
      server.stream.abort();
      listener.close();
      await harness.quiet();
      await harness.close();
    },
  };
}

Deno.test("node sockets: bytes both ways, and an end after which all that was written arrives", async () => {
  const { client, server, until, close } = await nodePair();
  assertEquals([client.stream.local, client.stream.remote], ["pipe://", "pipe://test"]);
  server.stream.write(new TextEncoder().encode("welcome"));
  await until(() => client.total === 7, "the welcome came");
  client.keep = false;
  client.stream.write(new Uint8Array(100_000).fill(3));
  client.stream.closeWrite();
  await until(() => server.ended && client.closed, "both saw the end");
  assertEquals([server.total, server.bytes.every((byte) => byte === 3), client.error], [100_000, true, null]);
  await close();
});

Deno.test("node sockets: back pressure holds the writer, nothing is lost", async () => {
  const { client, server, until, close } = await nodePair();
  server.keep = false;
  server.stream.pauseReading();
  client.stream.write(new Uint8Array(8_000_000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals([client.written, server.total], [0, 0]);
  server.stream.resumeReading();
  await until(() => server.total === 8_000_000 && client.written === 1, "everything came");
  await close();
});

Deno.test("node sockets: an abort is seen by the peer, a handler that throws costs its own stream", async () => {
  const first = await nodePair();
  first.client.stream.abort();
  await first.until(() => first.client.closed, "the own close was told");
  await first.until(() => first.server.ended || first.server.closed, "the peer noticed");
  assertEquals(first.client.error, null);
  await first.close();

  const second = await nodePair();
  second.server.onData = () => {
    throw new Error("a planted bug");
  };
  second.client.stream.write(new Uint8Array(1));
  await second.until(() => second.server.closed, "the stream ended");
  assertEquals([second.server.error?.code, second.faults()], ["internal", 1]);
  await second.close();
});

Deno.test("node sockets: errors carry the same codes", async () => {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const crashes = new CrashReporter(() => {});
  const address = { kind: "pipe", name: "test" } as const;
  const connect = () => connectNodeNet(`${directory}/none`, address, undefined, crashes);
  assertEquals((await assertRejects(connect, HanaError)).code, "not-found");
  await Deno.writeTextFile(`${directory}/file`, "");
  const listen = () => listenNodeNet(`${directory}/file`, address, { onStream() {}, onError() {} }, crashes);
  assertEquals((await assertRejects(listen, HanaError)).code, "address-in-use");
  const aborted = () => connectNodeNet(`${directory}/none`, address, AbortSignal.abort(), crashes);
  assertEquals((await assertRejects(aborted, HanaError)).code, "cancelled");
  await Deno.remove(directory, { recursive: true });
});
