// The part of the conformance suite on datagrams.

import { MAX_DATAGRAM_BYTES } from "../../../lib/platform/limits.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { DatagramSocket, IpEndpoint, Platform } from "../../../lib/platform/mod.ts";
import { encode, type Sentence } from "./conformance.ts";
import type { Harness } from "./harness.ts";

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

/** Registers the sentences. */
export function datagramConformance(test: Sentence): void {
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
    a.send(new Uint8Array(MAX_DATAGRAM_BYTES + 1), receiver.local);
    a.send(new Uint8Array(0), receiver.local);
    a.send(new Uint8Array(MAX_DATAGRAM_BYTES).fill(120), receiver.local);
    await h.until(() => inbox.texts.length === 2, "both small ones came");
    assertEquals(inbox.texts.map((text) => text.length).sort(), [0, MAX_DATAGRAM_BYTES]);
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
}
