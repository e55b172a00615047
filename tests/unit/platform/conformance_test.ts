// One suite for both platforms: what hana relies on must hold on a machine and in the simulated world alike.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type {
  DatagramSocket,
  IpEndpoint,
  ListenHandlers,
  Platform,
  StreamAddress,
} from "../../../lib/platform/mod.ts";
import { connectPair, type Harness, realHarness, simulatedHarness, StreamRecorder } from "./harness.ts";

const GROUP = "239.77.66.55";

/** Collects what a socket gets. */
class Inbox {
  readonly texts: string[] = [];
  readonly senders: IpEndpoint[] = [];
  readonly errors: HanaError[] = [];

  onDatagram(bytes: Uint8Array, from: IpEndpoint): void {
    this.texts.push(new TextDecoder().decode(bytes));
    this.senders.push(from);
  }

  onError(error: HanaError): void {
    this.errors.push(error);
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof HanaError ? thrown.code : `no HanaError: ${thrown}`;
}

async function rejectionCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    return codeOf(thrown);
  }
  return "no rejection";
}

const NO_HANDLERS: ListenHandlers = { onStream: (stream) => stream.abort(), onError: () => {} };

function conformance(name: string, make: () => Promise<Harness>): void {
  const test = (sentence: string, body: (harness: Harness) => Promise<void>): void => {
    Deno.test(`${name}: ${sentence}`, async () => {
      const harness = await make();
      try {
        await body(harness);
      } finally {
        await harness.close();
      }
    });
  };

  // Time -----------------------------------------------------------------------------------------------------------

  test("timers run in the order of their due times, equal ones in the order of their setting", async (h) => {
    const order: string[] = [];
    const nowUs = h.a.clock.nowUs();
    const set = (label: string, inUs: number) => h.a.timers.schedule(nowUs + inUs, () => order.push(label));
    set("late", 30_000);
    set("early", 5_300);
    set("same 1", 15_000);
    set("same 2", 15_000);
    set("past", -1_000);
    assertEquals(order, []);
    await h.until(() => order.length === 5, "all timers ran");
    assertEquals(order, ["past", "early", "same 1", "same 2", "late"]);
  });

  test("no timer runs before its time", async (h) => {
    const earlyByUs: number[] = [];
    const delays = [0, 1, 400, 999, 1000, 1001, 2500, 7999];
    for (const delay of delays) {
      const atUs = h.a.clock.nowUs() + delay;
      h.a.timers.schedule(atUs, () => earlyByUs.push(Math.max(0, atUs - h.a.clock.nowUs())));
    }
    await h.until(() => earlyByUs.length === delays.length, "all timers ran");
    assertEquals(earlyByUs, delays.map(() => 0));
  });

  test("a cancelled timer does not run, also when another timer cancels it", async (h) => {
    const ran: string[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 2000, () => ran.push("cancelled at once")).cancel();
    const victim = h.a.timers.schedule(nowUs + 3000, () => ran.push("cancelled later"));
    h.a.timers.schedule(nowUs + 3000 - 1, () => victim.cancel());
    const last = h.a.timers.schedule(nowUs + 9000, () => ran.push("last"));
    await h.until(() => ran.length > 0, "the last timer ran");
    last.cancel();
    assertEquals(ran, ["last"]);
  });

  test("a timer that is set while one runs keeps its place", async (h) => {
    const order: number[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      order.push(1);
      h.a.timers.schedule(nowUs + 500, () => order.push(2));
      h.a.timers.schedule(nowUs + 60_000, () => order.push(4));
    });
    h.a.timers.schedule(nowUs + 30_000, () => order.push(3));
    await h.until(() => order.length === 4, "all timers ran");
    assertEquals(order, [1, 2, 3, 4]);
  });

  test("a deferred call runs after the current one and before the next timer", async (h) => {
    const order: string[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      h.a.timers.defer(() => {
        order.push("deferred");
        h.a.timers.defer(() => order.push("deferred again"));
      });
      order.push("first");
    });
    h.a.timers.schedule(nowUs + 1000, () => order.push("second"));
    await h.until(() => order.length === 4, "everything ran");
    assertEquals(order, ["first", "deferred", "deferred again", "second"]);
  });

  test("a callback that throws is reported and the next timer runs", async (h) => {
    let ran = false;
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      throw new Error("a planted bug");
    });
    h.a.timers.schedule(nowUs + 1000, () => ran = true);
    await h.until(() => ran, "the second timer ran");
    assertEquals(h.crashes.map((error) => error.code), ["internal"]);
    assertEquals(h.crashes[0]?.why, "a planted bug");
  });

  test("the clock is an integer that never goes back", async (h) => {
    let lastUs = h.a.clock.nowUs();
    for (let i = 0; i < 1000; i++) {
      const nowUs = h.a.clock.nowUs();
      assert(Number.isInteger(nowUs) && nowUs >= lastUs);
      lastUs = nowUs;
    }
    const startUs = lastUs;
    let fired = false;
    h.a.timers.schedule(startUs + 5000, () => fired = true);
    await h.until(() => fired, "time passes");
    assert(h.a.clock.nowUs() >= startUs + 5000);
    assert(Number.isInteger(h.a.clock.wallMs()));
  });

  // Random, host, interfaces ---------------------------------------------------------------------------------------

  test("random streams fill, stay in range and do not repeat", async (h) => {
    const stream = h.a.random.stream("test");
    const filled = stream.fill(new Uint8Array(70_001));
    assert(new Set(filled).size === 256);
    assert(filled.subarray(65_536).some((byte) => byte !== 0));
    const words = Array.from({ length: 2000 }, () => stream.u32());
    assert(words.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffffffff));
    assert(new Set(words).size > 1990);
    assert(words.some((word) => word > 0x7fffffff));
    const floats = Array.from({ length: 2000 }, () => stream.float());
    assert(floats.every((value) => value >= 0 && value < 1));
    assert(Math.abs(floats.reduce((sum, value) => sum + value, 0) / 2000 - 0.5) < 0.05);
    await h.quiet();
  });

  test("the interface list has loopback with its prefix, twice in the same order", async (h) => {
    const listed = h.a.interfaces.list();
    const loopback = listed.find((entry) => entry.address === "127.0.0.1");
    assertEquals(loopback?.loopback, true);
    assertEquals(loopback?.prefix, 8);
    assertEquals(loopback?.broadcast, null);
    assertEquals(h.a.interfaces.list(), listed);
    for (const entry of listed) {
      assertEquals(entry.family, entry.address.includes(":") ? "ipv6" : "ipv4");
      if (entry.family === "ipv6") assertEquals(entry.broadcast, null);
    }
    await h.quiet();
  });

  test("the host says who it is", async (h) => {
    const host = h.a.host;
    assert(host.hostname.length > 0 && host.processId > 0 && host.logicalCpus > 0);
    assert(host.os === "windows" ? host.userId === null : host.userId !== null);
    await h.quiet();
  });

  // Datagrams ------------------------------------------------------------------------------------------------------

  test("a datagram arrives whole, with the sender's address, and can be answered", async (h) => {
    const atA = new Inbox();
    const atB = new Inbox();
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, atA);
    const b = h.b.datagrams.bind({ host: h.addressB, port: 0 }, atB);
    assert(a.local.port > 0 && b.local.port > 0);
    a.send(encode("question"), b.local);
    await h.until(() => atB.texts.length === 1, "the question came");
    assertEquals(atB.senders, [{ host: h.addressA, port: a.local.port }]);
    const [sender] = atB.senders;
    if (sender !== undefined) b.send(encode("answer"), sender);
    await h.until(() => atA.texts.length === 1, "the answer came");
    assertEquals([atB.texts, atA.texts], [["question"], ["answer"]]);
    await h.until(() => a.stats.sent === 1, "the send was counted");
    assertEquals([a.stats.received, a.stats.sendErrors, a.stats.receiveErrors], [1, 0, 0]);
    a.close();
    b.close();
  });

  test("the sender may reuse its bytes at once", async (h) => {
    const inbox = new Inbox();
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, new Inbox());
    const b = h.b.datagrams.bind({ host: h.addressB, port: 0 }, inbox);
    const bytes = new Uint8Array(4);
    // More than the runtime sends in one turn, so that some are sent after the bytes have changed.
    const count = 200;
    for (let i = 0; i < count; i++) {
      bytes.fill(97 + i % 26);
      a.send(bytes, b.local);
    }
    bytes.fill(35);
    await h.until(() => inbox.texts.length + 120 > count, "most datagrams came");
    await h.quiet();
    assert(inbox.texts.every((text) => /^([a-z])\1{3}$/.test(text)), inbox.texts.join(" "));
    a.close();
    b.close();
  });

  test("an empty datagram arrives, one over the limit is dropped and counted", async (h) => {
    const inbox = new Inbox();
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, new Inbox());
    // To the own machine: no network carries so much at once.
    const receiver = h.a2.datagrams.bind({ host: h.addressA, port: 0 }, inbox);
    a.send(new Uint8Array(2049), receiver.local);
    a.send(new Uint8Array(0), receiver.local);
    a.send(new Uint8Array(2048).fill(120), receiver.local);
    await h.until(() => inbox.texts.length === 2, "both small ones came");
    assertEquals(inbox.texts.map((text) => text.length).sort(), [0, 2048]);
    assertEquals(receiver.stats.receiveErrors, 1);
    a.close();
    receiver.close();
  });

  test("a datagram to a closed port vanishes without an error", async (h) => {
    const inbox = new Inbox();
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, inbox);
    const b = h.b.datagrams.bind({ host: h.addressB, port: 0 }, new Inbox());
    const gone = b.local;
    b.close();
    a.send(encode("anybody?"), gone);
    await h.quiet();
    assertEquals([a.stats.sent, a.stats.sendErrors, inbox.errors.length], [1, 0, 0]);
    a.close();
  });

  test("a port is taken once, unless all share it", async (h) => {
    const a = h.a.datagrams.bind({ host: "0.0.0.0", port: 0 }, new Inbox());
    const port = a.local.port;
    const again = (shared: boolean): DatagramSocket =>
      h.a2.datagrams.bind({ host: "0.0.0.0", port, shared }, new Inbox());
    assertEquals(assertThrows(() => again(false), HanaError).code, "address-in-use");
    assertEquals(assertThrows(() => again(true), HanaError).code, "address-in-use");
    a.close();
    await h.quiet();
    const first = again(true);
    const second = again(true);
    assertEquals(second.local.port, port);
    first.close();
    second.close();
  });

  test("an address that no interface has cannot be bound or joined on", async (h) => {
    const bind = () => h.a.datagrams.bind({ host: "203.0.113.77", port: 0 }, new Inbox());
    assertEquals(assertThrows(bind, HanaError).code, "network-unusable");
    const socket = h.a.datagrams.bind({ host: "0.0.0.0", port: 0, shared: true }, new Inbox());
    assertEquals(
      assertThrows(() => socket.join(GROUP, "203.0.113.77"), HanaError).code,
      "network-unusable",
    );
    socket.close();
    await h.quiet();
  });

  async function sharers(
    h: Harness,
    platforms: Platform[],
  ): Promise<{ inboxes: Inbox[]; sockets: DatagramSocket[] }> {
    const inboxes = platforms.map(() => new Inbox());
    const sockets: DatagramSocket[] = [];
    for (const [index, platform] of platforms.entries()) {
      const port = sockets[0]?.local.port ?? 0;
      const inbox = inboxes[index] ?? new Inbox();
      sockets.push(platform.datagrams.bind({ host: "0.0.0.0", port, shared: true }, inbox));
    }
    await h.quiet();
    return { inboxes, sockets };
  }

  test("multicast reaches every sharer of the port on the joined interface, also on the own machine", async (h) => {
    const { inboxes, sockets } = await sharers(h, [h.a, h.a2, h.b]);
    const addresses = [h.addressA, h.addressA, h.addressB];
    for (const [index, socket] of sockets.entries()) {
      socket.join(GROUP, addresses[index] ?? "");
      socket.join(GROUP, addresses[index] ?? ""); // joining twice is harmless
    }
    const sender = h.a.datagrams.bind({ host: h.addressA, port: 0, egress: h.addressA }, new Inbox());
    await h.quiet();
    sender.send(encode("hello, all"), { host: GROUP, port: sockets[0]?.local.port ?? 0 });
    await h.until(() => inboxes.every((inbox) => inbox.texts.length > 0), "everybody heard it");
    await h.quiet();
    for (const inbox of inboxes) {
      assertEquals(inbox.texts, ["hello, all"]);
      assertEquals(inbox.senders, [sender.local]);
      assertEquals(inbox.errors, []);
    }
    for (const socket of [...sockets, sender]) socket.close();
  });

  test("after leaving the group nothing comes any more, after joining again it does", async (h) => {
    const { inboxes, sockets } = await sharers(h, [h.b]);
    const [socket, inbox] = [sockets[0], inboxes[0]];
    assert(socket !== undefined && inbox !== undefined);
    const sender = h.a.datagrams.bind({ host: h.addressA, port: 0, egress: h.addressA }, new Inbox());
    const shout = async (text: string): Promise<void> => {
      await h.quiet();
      sender.send(encode(text), { host: GROUP, port: socket.local.port });
      await h.quiet();
    };
    socket.leave(GROUP, h.addressB); // harmless when not joined
    socket.join(GROUP, h.addressB);
    await shout("one");
    socket.leave(GROUP, h.addressB);
    await shout("two");
    socket.join(GROUP, h.addressB);
    await shout("three");
    assertEquals(inbox.texts, ["one", "three"]);
    assertEquals(inbox.errors, []);
    socket.close();
    sender.close();
  });

  test("broadcast reaches every sharer of the port", async (h) => {
    const { inboxes, sockets } = await sharers(h, [h.a, h.a2, h.b]);
    const sender = h.a.datagrams.bind({ host: h.addressA, port: 0, egress: h.addressA }, new Inbox());
    sender.send(encode("to all"), { host: h.broadcast, port: sockets[0]?.local.port ?? 0 });
    await h.until(() => inboxes.every((inbox) => inbox.texts.length === 1), "everybody heard it");
    for (const socket of [...sockets, sender]) socket.close();
  });

  test("unicast to a shared port reaches the last binder only", async (h) => {
    const { inboxes, sockets } = await sharers(h, [h.a, h.a2]);
    const sender = h.b.datagrams.bind({ host: h.addressB, port: 0 }, new Inbox());
    sender.send(encode("to one"), { host: h.addressA, port: sockets[0]?.local.port ?? 0 });
    await h.quiet();
    assertEquals(inboxes.map((inbox) => inbox.texts), [[], ["to one"]]);
    for (const socket of [...sockets, sender]) socket.close();
  });

  test("a closed socket is silent and sends nothing", async (h) => {
    const inbox = new Inbox();
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, new Inbox());
    const b = h.b.datagrams.bind({ host: h.addressB, port: 0 }, inbox);
    a.send(encode("too late"), b.local);
    b.close();
    b.close();
    a.close();
    a.send(encode("never"), b.local);
    await h.quiet();
    assertEquals(inbox.texts, []);
    assertEquals(inbox.errors, []);
  });

  test("a datagram handler that throws is reported and the next datagram comes", async (h) => {
    const texts: string[] = [];
    const b = h.b.datagrams.bind({ host: h.addressB, port: 0 }, {
      onDatagram(bytes) {
        texts.push(new TextDecoder().decode(bytes));
        if (texts.length === 1) throw new Error("a planted bug");
      },
      onError() {},
    });
    const a = h.a.datagrams.bind({ host: h.addressA, port: 0 }, new Inbox());
    a.send(encode("first"), b.local);
    await h.until(() => texts.length === 1, "the first came");
    a.send(encode("second"), b.local);
    await h.until(() => texts.length === 2, "the second came");
    assertEquals(h.crashes.map((error) => error.why), ["a planted bug"]);
    a.close();
    b.close();
  });

  // Streams --------------------------------------------------------------------------------------------------------

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
      const second = await h.settle(to.streams.listen(first.address, NO_HANDLERS));
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

  // Files ----------------------------------------------------------------------------------------------------------

  test("a file reads back as it was written, replaced as a whole, with its mode", async (h) => {
    const path = `${h.directory}/file`;
    assertEquals(h.a.files.read(path), null);
    h.a.files.write(path, pattern(100_000), 0o600);
    assertEquals(h.a.files.read(path), pattern(100_000));
    assertEquals(h.a.files.stat(path)?.mode, 0o600);
    h.a.files.write(path, encode("short"), 0o644);
    assertEquals(h.a.files.read(path), encode("short"));
    assertEquals(h.a.files.stat(path)?.size, 5);
    assertEquals(h.a.files.stat(path)?.kind, "file");
    assertEquals(h.a.files.list(h.directory), ["file"]);
    await h.quiet();
  });

  test("directories are made with their parents and listed in order", async (h) => {
    const deep = `${h.directory}/one/two`;
    h.a.files.makeDirectory(deep, 0o700);
    h.a.files.makeDirectory(deep, 0o755);
    assertEquals(h.a.files.stat(deep)?.kind, "directory");
    assertEquals(h.a.files.stat(deep)?.mode, 0o700);
    assertEquals(h.a.files.stat(`${h.directory}/one`)?.mode, 0o700);
    for (const name of ["b", "a", "C"]) h.a.files.write(`${deep}/${name}`, encode(name), 0o600);
    assertEquals(h.a.files.list(deep), ["C", "a", "b"]);
    assertEquals(h.a.files.list(`${h.directory}/nowhere`), []);
    assertEquals(h.a.files.stat(`${h.directory}/nowhere`), null);
    assertEquals([h.a.files.remove(`${deep}/a`), h.a.files.remove(`${deep}/a`)], [true, false]);
    await h.quiet();
  });

  test("a write that cannot be done says which file and leaves nothing behind", async (h) => {
    const write = () => h.a.files.write(`${h.directory}/missing/file`, encode("x"), 0o600);
    const error = assertThrows(write, HanaError);
    assertEquals(error.code, "storage");
    assert(error.what.includes(`${h.directory}/missing/file`));
    h.a.files.makeDirectory(`${h.directory}/folder`, 0o700);
    assertEquals(
      assertThrows(() => h.a.files.write(`${h.directory}/folder`, encode("x"), 0o600), HanaError).code,
      "storage",
    );
    assertEquals(h.a.files.list(h.directory), ["folder"]);
    await h.quiet();
  });

  test("a lock is held by one until it is released", async (h) => {
    const path = `${h.directory}/lock`;
    const first = h.a.files.lock(path);
    assert(first !== null);
    assertEquals(h.a2.files.lock(path), null);
    first.release();
    first.release();
    const second = h.a2.files.lock(path);
    assert(second !== null);
    second.release();
    await h.quiet();
  });
}

conformance("this machine", realHarness);
conformance("simulated", () => simulatedHarness("whole"));
conformance("simulated, random pieces", () => simulatedHarness("random"));
