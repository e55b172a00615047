// The part of the conformance suite on streams.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { ListenHandlers, Platform, StreamAddress, StreamListener } from "../../../lib/platform/mod.ts";
import { encode, pattern, rejectionCode, type Sentence } from "./conformance.ts";
import { connectPair, type Harness, type StreamRecorder } from "./harness.ts";

const NO_HANDLERS: ListenHandlers = { onStream: (stream) => stream.abort(), onError: () => {} };

/**
 * Listens where somebody has just stopped. While another test forks a program, a copy of the closed socket lives until that
 * program's exec, and so long the system says that the address is taken: a few milliseconds, ten looks here at most.
 */
async function listenAgain(h: Harness, listen: () => Promise<StreamListener>): Promise<StreamListener> {
  for (let looks = 1;; looks++) {
    try {
      return await h.settle(listen());
    } catch (thrown) {
      const isTaken = thrown instanceof HanaError && thrown.code === "address-in-use";
      if (!isTaken || looks === 10) throw thrown;
      await h.quiet();
    }
  }
}

/** Registers the sentences. */
export function streamConformance(test: Sentence): void {
  const kinds: Array<[string, (h: Harness) => { from: Platform; to: Platform; address: StreamAddress }]> = [
    ["tcp", (h) => ({ from: h.b, to: h.a, address: { kind: "tcp", host: h.addressA, port: 0 } })],
    ["unix", (h) => ({ from: h.a2, to: h.a, address: { kind: "unix", path: `${h.directory}/s.sock` } })],
  ];

  for (const [kind, ends] of kinds) {
    const pairTest = (
      sentence: string,
      body: (h: Harness, client: StreamRecorder, server: StreamRecorder) => Promise<void>,
    ): void =>
      test(`${kind}: ${sentence}`, async (h) => {
        const { from, to, address } = ends(h);
        const pair = await connectPair(h, from, to, address);
        await body(h, pair.client, pair.server);
        pair.client.stream.abort();
        pair.server.stream.abort();
        pair.listener.close();
        await h.quiet();
      });

    pairTest("what is written comes back from an echo, byte by byte", async (h, client, server) => {
      server.onData = (bytes) => {
        const copy = bytes.slice();
        // One write at a time: small questions come one by one.
        server.stream.write(copy);
      };
      for (const size of [1, 64, 1200]) {
        const before = client.total;
        const question = pattern(size);
        client.bytes.length = 0;
        let answered = 0;
        server.onWritten = () => answered++;
        client.stream.write(question);
        await h.until(() => client.total === before + size || answered > 1, "the echo came");
        await h.until(() => client.total === before + size && client.written > 0, "the echo is whole");
        assertEquals(client.bytes, [...question]);
      }
    });

    pairTest("no callback runs inside the call that caused it", async (h, client, server) => {
      client.stream.write(pattern(10));
      assertEquals(client.events, []);
      await h.until(() => server.total === 10 && client.written === 1, "the bytes came");
      client.stream.write(new Uint8Array(0));
      assertEquals(client.written, 1);
      await h.until(() => client.written === 2, "an empty write is through too");
      client.stream.abort();
      assertEquals(client.closed, false);
      await h.until(() => client.closed, "the close was told");
      assertEquals(client.events.filter((event) => event === "close").length, 1);
    });

    pairTest("a large write arrives whole and in order", async (h, client, server) => {
      const bytes = pattern(3_000_000);
      let at = 0;
      let wrong = 0;
      server.keep = false;
      server.onData = (chunk) => {
        for (const byte of chunk) if (byte !== bytes[at++]) wrong++;
      };
      client.stream.write(bytes);
      client.stream.closeWrite();
      await h.until(() => server.ended, "the end came");
      assertEquals([server.total, wrong, client.written], [bytes.length, 0, 1]);
      assertEquals(server.events.filter((event) => event === "end").length, 1);
    });

    pairTest("a reader that pauses holds the writer up, and nothing is lost", async (h, client, server) => {
      server.keep = false;
      server.stream.pauseReading();
      const total = h.moreThanBuffers;
      client.stream.write(new Uint8Array(total).fill(7));
      await h.quiet();
      await h.quiet();
      assertEquals(client.written, 0);
      assertEquals(server.total, 0);
      let sum = 0;
      server.onData = (bytes) => {
        for (const byte of bytes) sum += byte;
      };
      server.stream.resumeReading();
      await h.until(() => server.total === total && client.written === 1, "everything came");
      assertEquals(sum, total * 7);
    });

    pairTest(
      "pausing inside a handler stops the next chunk, resuming brings it",
      async (h, client, server) => {
        server.onData = () => server.stream.pauseReading();
        client.stream.write(pattern(100));
        await h.until(() => server.total > 0, "the first chunk came");
        const before = server.total;
        client.onWritten = null;
        await h.until(() => client.written === 1, "the write is through");
        client.stream.write(pattern(100));
        await h.quiet();
        assertEquals(server.total, before);
        server.onData = null;
        server.stream.resumeReading();
        await h.until(() => server.total === 200, "the rest came");
        assertEquals(server.bytes, [...pattern(100), ...pattern(100)]);
      },
    );

    pairTest("one side may end while the other goes on", async (h, client, server) => {
      client.stream.write(encode("question"));
      client.stream.closeWrite();
      await h.until(() => server.ended, "the server saw the end");
      assertEquals(new TextDecoder().decode(Uint8Array.from(server.bytes)), "question");
      assert(!server.closed && !client.closed);
      server.stream.write(encode("a late answer"));
      server.stream.closeWrite();
      await h.until(() => client.closed && server.closed, "both sides are through");
      assertEquals(new TextDecoder().decode(Uint8Array.from(client.bytes)), "a late answer");
      assertEquals([client.error, server.error], [null, null]);
      assertEquals(client.events.slice(-2), ["end", "close"]);
    });

    pairTest("an abort is seen by the peer", async (h, client, server) => {
      client.stream.write(pattern(50));
      await h.until(() => server.total === 50 && client.written === 1, "the bytes came");
      client.stream.abort();
      await h.until(() => client.closed, "the own close was told");
      assertEquals(client.error, null);
      // The system tells it as an end or as a reset.
      await h.until(() => server.ended || server.closed, "the peer noticed");
      if (server.closed) assertEquals(server.error?.code, "closed");
    });

    pairTest("writing to a peer that is gone ends the stream with an error", async (h, client, server) => {
      client.stream.abort();
      await h.until(() => server.ended || server.closed, "the peer noticed");
      server.onWritten = () => server.stream.write(pattern(1000));
      if (!server.closed) server.stream.write(pattern(1000));
      await h.until(() => server.closed, "the stream ended");
      assertEquals(server.error?.code, "closed");
      server.stream.write(pattern(10)); // harmless
    });

    pairTest("an abort inside a handler is the last thing that happens", async (h, client, server) => {
      server.onData = () => server.stream.abort();
      client.stream.write(pattern(300_000));
      await h.until(() => server.closed, "the close was told");
      const seen = server.total;
      await h.quiet();
      assertEquals(server.total, seen);
      assertEquals(server.error, null);
      assertEquals(server.events, ["data", "close"]);
      await h.until(() => client.ended || client.closed, "the peer noticed");
    });

    pairTest("an abort while a write waits ends the stream at once", async (h, client, server) => {
      server.stream.pauseReading();
      client.stream.write(new Uint8Array(h.moreThanBuffers));
      await h.quiet();
      assertEquals(client.written, 0);
      client.stream.abort();
      await h.until(() => client.closed, "the close was told");
      assertEquals([client.error, client.written], [null, 0]);
      server.stream.abort();
      await h.quiet();
    });

    pairTest("a handler that throws costs its own stream and is told why", async (h, client, server) => {
      server.onData = () => {
        throw new Error("a planted bug");
      };
      client.stream.write(pattern(10));
      await h.until(() => server.closed, "the stream ended");
      assertEquals(server.error?.code, "internal");
      assertEquals(server.error?.why, "a planted bug");
      await h.until(() => client.ended || client.closed, "the peer noticed");
      assertEquals(h.crashes, []);
    });

    test(`${kind}: a listener that is closed lets its streams live and is refused afterwards`, async (h) => {
      const { from, to, address } = ends(h);
      const { listener, client, server } = await connectPair(h, from, to, address);
      listener.close();
      await h.quiet();
      client.stream.write(pattern(5));
      await h.until(() => server.total === 5, "the stream lives");
      const code = await rejectionCode(h.settle(from.streams.connect(listener.address)));
      assertEquals(code, kind === "tcp" ? "unreachable" : "not-found");
      client.stream.abort();
      server.stream.abort();
      await h.quiet();
    });

    test(`${kind}: an address is listened on once`, async (h) => {
      const { to, address } = ends(h);
      const first = await h.settle(to.streams.listen(address, NO_HANDLERS));
      assertEquals(
        await rejectionCode(h.settle(to.streams.listen(first.address, NO_HANDLERS))),
        "address-in-use",
      );
      first.close();
      const second = await listenAgain(h, () => to.streams.listen(first.address, NO_HANDLERS));
      await h.quiet();
      const stream = await h.settle(ends(h).from.streams.connect(second.address));
      await h.quiet();
      stream.abort();
      second.close();
      await h.quiet();
    });

    test(`${kind}: connecting can be given up before it began`, async (h) => {
      const { from, address } = ends(h);
      const code = await rejectionCode(
        h.settle(from.streams.connect(address, { signal: AbortSignal.abort() })),
      );
      assertEquals(code, "cancelled");
    });
  }

  test("a TCP stream names both ends", async (h) => {
    const pair = await connectPair(h, h.b, h.a, { kind: "tcp", host: h.addressA, port: 0 });
    assert(pair.client.stream.local.startsWith(`tcp://${h.addressB}:`), pair.client.stream.local);
    assertEquals(pair.client.stream.remote, pair.server.stream.local);
    assertEquals(pair.client.stream.local, pair.server.stream.remote);
    for (const each of [pair.client, pair.server]) each.stream.abort();
    pair.listener.close();
    await h.quiet();
  });

  test("a TCP port where nobody listens is unreachable", async (h) => {
    const listener = await h.settle(
      h.a.streams.listen({ kind: "tcp", host: h.addressA, port: 0 }, NO_HANDLERS),
    );
    const { address } = listener;
    listener.close();
    await h.quiet();
    assertEquals(await rejectionCode(h.settle(h.b.streams.connect(address))), "unreachable");
  });

  test("a TCP listener on an address that no interface has is refused", async (h) => {
    const promise = h.a.streams.listen({ kind: "tcp", host: "203.0.113.77", port: 0 }, NO_HANDLERS);
    assertEquals(await rejectionCode(h.settle(promise)), "network-unusable");
  });

  test("a Unix socket path over the limit is a configuration error that says so", async (h) => {
    const path = `${h.directory}/${"x".repeat(120)}`;
    const error = await assertRejects(
      () => h.settle(h.a.streams.listen({ kind: "unix", path }, NO_HANDLERS)),
      HanaError,
    );
    assertEquals(error.code, "config");
    assert(error.message.includes("at most 103"));
    assertEquals(await rejectionCode(h.settle(h.a.streams.connect({ kind: "unix", path }))), "config");
  });

  test("a Unix socket in a missing directory, and one that is not there, are not found", async (h) => {
    const path = `${h.directory}/missing/s.sock`;
    assertEquals(
      await rejectionCode(h.settle(h.a.streams.listen({ kind: "unix", path }, NO_HANDLERS))),
      "not-found",
    );
    assertEquals(await rejectionCode(h.settle(h.a.streams.connect({ kind: "unix", path }))), "not-found");
  });

  test("the file of a Unix socket is a socket while it is listened on and gone afterwards", async (h) => {
    const path = `${h.directory}/s.sock`;
    const listener = await h.settle(h.a.streams.listen({ kind: "unix", path }, NO_HANDLERS));
    assertEquals(h.a.files.stat(path)?.kind, "socket");
    listener.close();
    assertEquals(h.a.files.stat(path), null);
    await h.quiet();
  });

  test("a file in the way of a Unix socket is an address in use, and nobody is reached through it", async (h) => {
    const path = `${h.directory}/s.sock`;
    h.a.files.write(path, encode("not a socket"), 0o600);
    assertEquals(
      await rejectionCode(h.settle(h.a.streams.listen({ kind: "unix", path }, NO_HANDLERS))),
      "address-in-use",
    );
    assertEquals(await rejectionCode(h.settle(h.a.streams.connect({ kind: "unix", path }))), "unreachable");
  });

  test("named pipes are unsupported here and the error names the way out", async (h) => {
    const error = await assertRejects(
      () => h.settle(h.a.streams.listen({ kind: "pipe", name: "hana" }, NO_HANDLERS)),
      HanaError,
    );
    assertEquals(error.code, "unsupported");
    assert(error.hint?.includes("unix://"));
  });
}
