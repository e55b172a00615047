// What a platform does with link-local IPv6, in sentences that hold on a machine with two interfaces, real or simulated.
// The real one needs a network of its own: tests/e2e/ipv6_test.ts runs them there, zones_test.ts in the simulated world.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { DatagramSocket, IpEndpoint, Platform } from "../../../lib/platform/mod.ts";

const GROUP = "ff12::4c56:77";
const OTHER_GROUP = "ff12::4c56:78";
const PORT = 47_999;

/** A machine with interfaces `eth0` and `eth1` on two segments. */
export interface ZonedMachine {
  readonly platform: Platform;
  /** Lets time pass until `condition` holds; fails when it never does. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Lets so much time pass that anything under way has arrived. */
  quiet(): Promise<void>;
}

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

/** The link-local address of an interface, with its zone by name. */
function zoned(platform: Platform, name: string): string {
  const found = platform.interfaces.list().find((each) => each.name === name && each.scopeId !== null);
  assert(found !== undefined, `${name} has a link-local address`);
  assertEquals([found.family, found.loopback, found.broadcast], ["ipv6", false, null]);
  return `${found.address}%${name}`;
}

interface Side {
  readonly address: string;
  readonly heard: Inbox;
  readonly answers: Inbox;
  readonly group: DatagramSocket;
  readonly sender: DatagramSocket;
}

async function sides(machine: ZonedMachine): Promise<[Side, Side]> {
  const make = (name: string): Side => {
    const { datagrams } = machine.platform;
    const address = zoned(machine.platform, name);
    const [heard, answers] = [new Inbox(), new Inbox()];
    const group = datagrams.bind({ host: `${GROUP}%${name}`, port: PORT, shared: true }, heard);
    group.join(GROUP, address);
    const sender = datagrams.bind({ host: address, port: 0, egress: address }, answers);
    return { address, heard, answers, group, sender };
  };
  const both: [Side, Side] = [make("eth0"), make("eth1")];
  await machine.quiet();
  return both;
}

function closeAll(both: readonly Side[]): void {
  for (const { group, sender } of both) {
    group.close();
    sender.close();
  }
}

/** The sentences. */
export const ZONE_SENTENCES: Readonly<Record<string, (machine: ZonedMachine) => Promise<void>>> = {
  "multicast leaves by the interface of its sender and is heard there alone": async (machine) => {
    const both = await sides(machine);
    const [left, right] = both;
    left.sender.send(encode("left"), { host: `${GROUP}%eth0`, port: PORT });
    right.sender.send(encode("right"), { host: `${GROUP}%eth1`, port: PORT });
    await machine.until(() => left.heard.texts.length > 0 && right.heard.texts.length > 0, "both were heard");
    await machine.quiet();
    assertEquals([left.heard.texts, right.heard.texts], [["left"], ["right"]]);
    closeAll(both);
  },

  "a link-local sender is told with the zone in which it was heard, and can be answered": async (machine) => {
    const both = await sides(machine);
    const [left] = both;
    assertEquals(left.sender.local.host, left.address);
    left.sender.send(encode("question"), { host: `${GROUP}%eth0`, port: PORT });
    await machine.until(() => left.heard.texts.length > 0, "the question was heard");
    assertEquals(left.heard.senders, [{ host: left.address, port: left.sender.local.port }]);
    const reply = machine.platform.datagrams.bind({ host: left.address, port: 0 }, new Inbox());
    const [to] = left.heard.senders;
    assert(to !== undefined);
    reply.send(encode("answer"), to);
    await machine.until(() => left.answers.texts.length > 0, "the answer came");
    assertEquals(left.answers.senders, [{ host: left.address, port: reply.local.port }]);
    reply.close();
    closeAll(both);
  },

  "two sockets share the group's port, and both hear": async (machine) => {
    const both = await sides(machine);
    const [left] = both;
    const heard = new Inbox();
    const second = machine.platform.datagrams.bind(
      { host: `${GROUP}%eth0`, port: PORT, shared: true },
      heard,
    );
    second.join(GROUP, left.address);
    await machine.quiet();
    left.sender.send(encode("to all"), { host: `${GROUP}%eth0`, port: PORT });
    await machine.until(() => heard.texts.length > 0 && left.heard.texts.length > 0, "both heard it");
    second.close();
    closeAll(both);
  },

  "a socket that is bound to a group hears no other group and no unicast": async (machine) => {
    const both = await sides(machine);
    const [left] = both;
    left.group.join(OTHER_GROUP, left.address);
    await machine.quiet();
    left.sender.send(encode("other"), { host: `${OTHER_GROUP}%eth0`, port: PORT });
    left.sender.send(encode("unicast"), { host: left.address, port: PORT });
    left.sender.send(encode("group"), { host: `${GROUP}%eth0`, port: PORT });
    await machine.until(() => left.heard.texts.includes("group"), "the group was heard");
    await machine.quiet();
    assertEquals(left.heard.texts, ["group"]);
    closeAll(both);
  },

  "after leaving a group nothing comes any more, after joining again it does": async (machine) => {
    const both = await sides(machine);
    const [left] = both;
    const shout = async (text: string): Promise<void> => {
      await machine.quiet();
      left.sender.send(encode(text), { host: `${GROUP}%eth0`, port: PORT });
      await machine.quiet();
    };
    await shout("one");
    left.group.leave(GROUP, left.address);
    await shout("two");
    left.group.join(GROUP, left.address);
    left.group.join(GROUP, left.address); // joining twice is harmless
    await shout("three");
    assertEquals(left.heard.texts, ["one", "three"]);
    assertEquals(left.heard.errors, []);
    closeAll(both);
  },

  "a port in one zone is not the same port in another": (machine) => {
    const { datagrams } = machine.platform;
    const bind = (name: string) =>
      datagrams.bind({ host: zoned(machine.platform, name), port: PORT }, new Inbox());
    const [left, right] = [bind("eth0"), bind("eth1")];
    assertEquals(assertThrows(() => bind("eth0"), HanaError).code, "address-in-use");
    left.close();
    right.close();
    return Promise.resolve();
  },

  "an address or a zone that is not there cannot be bound or joined": async (machine) => {
    const { datagrams } = machine.platform;
    for (const host of ["fe80::dead:beef%eth0", `${GROUP}%eth7`, "fe80::1%eth7", "fd00:dead::1"]) {
      const bind = () => datagrams.bind({ host, port: 0 }, new Inbox());
      assertEquals(assertThrows(bind, HanaError).code, "network-unusable", host);
    }
    const socket = datagrams.bind({ host: `${GROUP}%eth0`, port: PORT, shared: true }, new Inbox());
    const join = () => socket.join(GROUP, "fe80::dead:beef%eth0");
    assertEquals(assertThrows(join, HanaError).code, "network-unusable");
    socket.close();
    await machine.quiet();
  },

  "a stream is dialled by link-local address, and a listener on :: takes both families": async (machine) => {
    const { streams } = machine.platform;
    let accepted = 0;
    const listener = await machine.settle(streams.listen({ kind: "tcp", host: "::", port: 0 }, {
      onStream: (stream) => {
        accepted++;
        stream.open({ onData() {}, onWritten() {}, onEnd() {}, onClose() {} });
        stream.abort();
      },
      onError(error) {
        throw error;
      },
    }));
    assert(listener.address.kind === "tcp");
    const hosts = [zoned(machine.platform, "eth0"), zoned(machine.platform, "eth1"), "127.0.0.1"];
    for (const [index, host] of hosts.entries()) {
      const stream = await machine.settle(streams.connect({ ...listener.address, host }));
      stream.open({ onData() {}, onWritten() {}, onEnd() {}, onClose() {} });
      await machine.until(() => accepted === index + 1, `the connection to ${host} was accepted`);
      stream.abort();
    }
    listener.close();
    await machine.quiet();
  },
};
