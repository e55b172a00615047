// Link-local IPv6 in the simulated world: the sentences of conformance_zones.ts, and how machines hear each other.

import { assert, assertEquals } from "@std/assert";
import type { IpEndpoint, Platform } from "../../../lib/platform/mod.ts";
import { needsZone, splitZone } from "../../../lib/platform/mod.ts";
import { SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { ZONE_SENTENCES, type ZonedMachine } from "./conformance_zones.ts";

function machineIn(world: SimulatedWorld, platform: Platform): ZonedMachine {
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    assert(await world.runUntilTrue(condition, world.nowUs + 10_000_000), what);
  };
  return {
    platform,
    until,
    async settle(promise) {
      let isSettled = false;
      promise.then(() => isSettled = true, () => isSettled = true);
      await until(() => isSettled, "the promise settles");
      return await promise;
    },
    quiet: () => world.runFor(1_000_000),
  };
}

function twoLegged(world: SimulatedWorld, name: string): Platform {
  const leg = (index: number) =>
    ({
      name: `eth${index}`,
      segment: `lan${index}`,
      address: "0.0.0.0",
      prefix: 24,
      family: "ipv6",
    }) as const;
  return world.createHost({ name, interfaces: [leg(0), leg(1)] }).platform;
}

for (const [sentence, run] of Object.entries(ZONE_SENTENCES)) {
  Deno.test(`simulated, IPv6: ${sentence}`, async () => {
    const world = new SimulatedWorld({ seed: 7 });
    await run(machineIn(world, twoLegged(world, "a")));
  });
}

Deno.test("a link-local address stays whatever other addresses come and go, and goes with its adapter", () => {
  const world = new SimulatedWorld({ seed: 7 });
  const host = world.createHost({
    name: "a",
    interfaces: [{ name: "eth0", segment: "lan", address: "10.0.0.1", prefix: 24, family: "both" }],
  });
  const linkLocal = () => {
    const found = host.platform.interfaces.list().filter(({ scopeId }) => scopeId !== null);
    assertEquals(found.length, 1);
    return found[0];
  };
  const before = linkLocal();
  host.setAddresses("eth0", [{ address: "fd00::1234", prefix: 64 }]);
  assertEquals(linkLocal(), before);
  host.recreateInterface("eth0");
  assert(linkLocal()?.address !== before?.address && linkLocal()?.scopeId !== before?.scopeId);
});

Deno.test("machines on one segment hear each other by link-local multicast and answer by unicast", async () => {
  const world = new SimulatedWorld({ seed: 7 });
  const [a, b] = [twoLegged(world, "a"), twoLegged(world, "b")];
  const zoned = (platform: Platform, name: string): string => {
    const found = platform.interfaces.list().find((each) => each.name === name && each.scopeId !== null);
    return `${found?.address}%${name}`;
  };
  const heard: IpEndpoint[] = [];
  const answered: IpEndpoint[] = [];
  const group = b.datagrams.bind({ host: "ff12::1%eth1", port: 5000, shared: true }, {
    onDatagram: (_bytes, from) => void heard.push(from),
    onError() {},
  });
  group.join("ff12::1", zoned(b, "eth1"));
  const sender = a.datagrams.bind({ host: zoned(a, "eth1"), port: 0 }, {
    onDatagram: (_bytes, from) => void answered.push(from),
    onError() {},
  });
  sender.send(new Uint8Array(3), { host: "ff12::1", port: 5000 });
  await world.runFor(1_000_000);
  assertEquals(heard, [{ host: zoned(a, "eth1"), port: sender.local.port }]);
  const reply = b.datagrams.bind({ host: zoned(b, "eth1"), port: 0 }, { onDatagram() {}, onError() {} });
  for (const to of heard) reply.send(new Uint8Array(1), to);
  // Without a zone nothing says by which of two interfaces: a socket that is bound to none cannot send.
  const anywhere = b.datagrams.bind({ host: "::", port: 0 }, { onDatagram() {}, onError() {} });
  for (const to of heard) anywhere.send(new Uint8Array(1), { ...to, host: splitZone(to.host).address });
  await world.runFor(1_000_000);
  assertEquals(answered, [{ host: zoned(b, "eth1"), port: reply.local.port }]);
  assertEquals(anywhere.stats.sendErrors, 1);
});

Deno.test("zones are for addresses of one link", () => {
  for (const host of ["fe80::1", "FE80::1%eth0", "febf::1", "ff12::4c56", "ff02::1", "ff01::1"]) {
    assert(needsZone(host), host);
  }
  for (const host of ["fd00::1", "2001:db8::1", "::1", "::", "ff05::1", "ff0e::1", "10.0.0.1", "fec0::1"]) {
    assert(!needsZone(host), host);
  }
  assertEquals(splitZone("fe80::1%eth0"), { address: "fe80::1", zone: "eth0" });
  assertEquals(splitZone("10.0.0.1"), { address: "10.0.0.1", zone: null });
});

Deno.test("a machine hears the broadcast of its own networks, not that of others on the same cable", async () => {
  const world = new SimulatedWorld({ seed: 7 });
  const machine = (name: string, address: string) =>
    world.createHost({ name, interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }] }).platform;
  const [sender, near, far] = [
    machine("a", "10.0.0.1"),
    machine("b", "10.0.0.2"),
    machine("c", "192.168.1.2"),
  ];
  const heard = [0, 0];
  for (const [index, platform] of [near, far].entries()) {
    platform.datagrams.bind({ host: "0.0.0.0", port: 5000, shared: true }, {
      onDatagram: () => heard[index] = (heard[index] ?? 0) + 1,
      onError() {},
    });
  }
  const socket = sender.datagrams.bind({ host: "10.0.0.1", port: 0, egress: "10.0.0.1" }, {
    onDatagram() {},
    onError() {},
  });
  socket.send(new Uint8Array(1), { host: "10.0.0.255", port: 5000 });
  await world.runFor(1_000_000);
  assertEquals(heard, [1, 0]);
  socket.send(new Uint8Array(1), { host: "255.255.255.255", port: 5000 });
  await world.runFor(1_000_000);
  assertEquals(heard, [2, 1]);
});
