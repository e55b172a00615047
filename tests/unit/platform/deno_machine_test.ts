// The smaller adapters of the real machine: sockets with an egress, timers, interfaces, files.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import type { DatagramHandlers, NetworkInterface } from "../../../lib/platform/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { CrashReporter } from "../../../lib/platform/deno/crash.ts";
import { NodeDgramSocket } from "../../../lib/platform/deno/datagrams_node.ts";
import { compareInterfaces, toNetworkInterface } from "../../../lib/platform/deno/interfaces.ts";
import { interfaceIndex } from "../../../lib/platform/deno/memberships.ts";
import { MAX_SENDS_IN_FLIGHT, SendSlots } from "../../../lib/platform/deno/send_slots.ts";
import { RepeatFilter } from "../../../lib/platform/repeat_filter.ts";
import { DenoTimers } from "../../../lib/platform/deno/timers.ts";
import { realHarness } from "./harness.ts";

function listener(texts: string[], errors: HanaError[] = []): DatagramHandlers {
  return {
    onDatagram: (bytes) => void texts.push(new TextDecoder().decode(bytes)),
    onError: (error) => void errors.push(error),
  };
}

/** What a link of /proc points to; null when it is gone, as the one of the listing itself. */
function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

// The code for macOS and Windows; Linux has the same calls.
Deno.test("a socket over node:dgram drops until it is bound, then sends by the interface it was told", async () => {
  const h = await realHarness();
  const crashes = new CrashReporter(() => {});
  const [heard, errors]: [string[], HanaError[]] = [[], []];
  const ear = h.a.datagrams.bind({ host: "0.0.0.0", port: 0, shared: true }, listener(heard));
  ear.join("239.77.66.54", "127.0.0.1");
  const port = ear.local.port;
  const replies: string[] = [];
  const socket = new NodeDgramSocket(
    { host: "127.0.0.1", port: 0, egress: "127.0.0.1", multicastTtl: 2 },
    listener(replies, errors),
    h.a.interfaces,
    h.a.clock,
    crashes,
  );
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  socket.send(text("too early"), { host: "127.0.0.1", port });
  assertEquals([socket.local.port, socket.stats.sendDrops, socket.stats.sendErrors], [0, 1, 1]);
  await h.until(() => socket.local.port > 0, "the socket is bound");
  socket.join("239.77.66.53", "127.0.0.1");
  socket.join("239.77.66.53", "127.0.0.1");
  socket.leave("239.77.66.53", "127.0.0.1");
  socket.leave("239.77.66.53", "127.0.0.1");
  socket.send(text("unicast"), { host: "127.0.0.1", port });
  socket.send(text("multicast"), { host: "239.77.66.54", port });
  socket.send(text("broadcast"), { host: "127.255.255.255", port });
  await h.until(() => heard.length === 3, "all three came");
  assertEquals(heard.sort(), ["broadcast", "multicast", "unicast"]);
  ear.send(text("reply"), socket.local);
  await h.until(() => replies.length === 1, "the reply came");
  assertEquals([replies, errors, crashes.count], [["reply"], [], 0]);
  await h.until(() => socket.stats.sent === 3, "the sends were counted");
  assertThrows(() => socket.join("239.77.66.53", "203.0.113.77"), HanaError);
  socket.close();
  ear.close();
  await h.quiet();
  await h.close();
});

Deno.test("a late bind that fails is told, not thrown", async () => {
  const h = await realHarness();
  const errors: HanaError[] = [];
  const socket = new NodeDgramSocket(
    { host: "203.0.113.77", port: 0, egress: "203.0.113.77" },
    listener([], errors),
    h.a.interfaces,
    h.a.clock,
    new CrashReporter(() => {}),
  );
  await h.until(() => errors.length > 0, "the error was told");
  assertEquals(errors[0]?.code, "network-unusable");
  socket.close();
  await h.quiet();
  await h.close();
});

Deno.test("a socket with another multicast TTL is heard, and closing it at once is harmless", async () => {
  const h = await realHarness();
  const heard: string[] = [];
  const errors: HanaError[] = [];
  const ear = h.a.datagrams.bind({ host: "0.0.0.0", port: 0, shared: true }, listener(heard, errors));
  ear.join("239.77.66.52", "127.0.0.1");
  const options = { host: "127.0.0.1", port: 0, egress: "127.0.0.1", multicastTtl: 4 };
  const mouth = h.a.datagrams.bind(options, listener([], errors));
  h.a.datagrams.bind(options, listener([], errors)).close();
  await h.quiet();
  mouth.send(new TextEncoder().encode("far"), { host: "239.77.66.52", port: ear.local.port });
  await h.until(() => heard.length === 1, "it came");
  mouth.close();
  ear.close();
  await h.quiet();
  assertEquals(errors, []);
  await h.close();
});

Deno.test("sending to an address that cannot be reached is counted and told once", async () => {
  const h = await realHarness();
  const errors: HanaError[] = [];
  const socket = h.a.datagrams.bind({ host: "127.0.0.1", port: 0 }, listener([], errors));
  for (let i = 0; i < 5; i++) socket.send(new Uint8Array(1), { host: "fd77::1", port: 9 });
  await h.until(() => socket.stats.sendErrors === 5, "all were counted");
  assertEquals(errors.map((error) => error.code), ["network-unusable"]);
  socket.close();
  await h.quiet();
  await h.close();
});

Deno.test("sends in flight are bounded and slots are used again", () => {
  const slots = new SendSlots();
  const held = Array.from({ length: MAX_SENDS_IN_FLIGHT }, () => slots.acquire(100));
  assert(held.every((slot) => slot !== null));
  assertEquals(slots.acquire(1), null);
  const [first] = held;
  assert(first !== null && first !== undefined);
  slots.release(first);
  assert(slots.acquire(1200) === first);
  assertEquals(slots.inFlight, MAX_SENDS_IN_FLIGHT);
  slots.release(first);
  const large = slots.acquire(60_000);
  assertEquals(large?.length, 60_000);
});

Deno.test("an error that repeats is told again only after a second", () => {
  let nowUs = 0;
  const filter = new RepeatFilter({ nowUs: () => nowUs, wallMs: () => 0 });
  assertEquals([filter.isNews("a"), filter.isNews("a"), filter.isNews("b"), filter.isNews("a")], [
    true,
    false,
    true,
    true,
  ]);
  nowUs = 1_000_000;
  assertEquals(filter.isNews("a"), true);
});

Deno.test("a timer in a hundred days neither runs nor overflows", async () => {
  const h = await realHarness();
  const ran: string[] = [];
  const far = h.a.timers.schedule(h.a.clock.nowUs() + 100 * 86_400 * 1_000_000, () => ran.push("far"));
  h.a.timers.schedule(h.a.clock.nowUs() + 2000, () => ran.push("near"));
  await h.until(() => ran.length > 0, "the near timer ran");
  assertEquals(ran, ["near"]);
  far.cancel();
  // The system timer of the far one is replaced by that of the next, which is the last.
  h.a.timers.schedule(h.a.clock.nowUs(), () => ran.push("last"));
  await h.until(() => ran.length > 1, "the last timer ran");
  await h.close();
});

Deno.test("a timer whose system timer fires early is armed again", async () => {
  const h = await realHarness();
  // A clock at half speed: every system timer fires when half of the time has passed.
  const clock = { nowUs: () => Math.floor(h.a.clock.nowUs() / 2), wallMs: () => 0 };
  const timers = new DenoTimers(clock, new CrashReporter(undefined));
  let ranAtUs = 0;
  const atUs = clock.nowUs() + 10_000;
  timers.schedule(atUs, () => ranAtUs = clock.nowUs());
  await h.until(() => ranAtUs > 0, "the timer ran");
  assert(ranAtUs >= atUs);
  await h.close();
});

Deno.test("a callback that throws with nobody listening becomes an uncaught exception", async () => {
  const module = new URL("../../../lib/platform/deno/mod.ts", import.meta.url).href;
  const script = `import { denoPlatform } from "${module}";
const p = denoPlatform();
p.timers.schedule(0, () => { throw new Error("a planted bug"); });
p.timers.schedule(p.clock.nowUs() + 500_000, () => console.log("went on"));`;
  const result = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", new URL("../../../deno.json", import.meta.url).pathname, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = result.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout, stderr } = await result.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [1, ""]);
  assert(new TextDecoder().decode(stderr).includes("a planted bug"));
});

const LISTED = {
  name: "eth0",
  family: "IPv4",
  address: "192.168.7.9",
  netmask: "255.255.254.0",
  scopeid: null,
  cidr: "192.168.7.9/23",
  mac: "aa:bb:cc:dd:ee:ff",
} as const;

Deno.test("prefix, broadcast, loopback and scope come out of what the system lists", () => {
  const [v4, noCidr, point, single, lo, v6, mapped] = [
    toNetworkInterface(LISTED),
    toNetworkInterface({ ...LISTED, cidr: "" }),
    toNetworkInterface({ ...LISTED, cidr: "10.0.0.1/31" }),
    toNetworkInterface({ ...LISTED, cidr: "10.0.0.1/32" }),
    toNetworkInterface({ ...LISTED, name: "lo", address: "127.0.0.1", cidr: "127.0.0.1/8" }),
    toNetworkInterface({ ...LISTED, family: "IPv6", address: "fe80::1", cidr: "fe80::1/64", scopeid: 3 }),
    toNetworkInterface({ ...LISTED, family: "IPv6", address: "fd00::1", cidr: "fd00::1/64", scopeid: 0 }),
  ];
  assertEquals([v4?.prefix, v4?.broadcast, v4?.loopback, v4?.scopeId], [23, "192.168.7.255", false, null]);
  assertEquals(noCidr?.prefix, 23);
  assertEquals([point?.broadcast, single?.broadcast], [null, null]);
  assertEquals([lo?.loopback, lo?.broadcast], [true, null]);
  assertEquals([v6?.family, v6?.scopeId, v6?.broadcast], ["ipv6", 3, null]);
  assertEquals(mapped?.scopeId, null);
});

Deno.test("the order of interfaces does not depend on the order of the system", () => {
  const make = (name: string, family: "ipv4" | "ipv6", address: string): NetworkInterface => ({
    name,
    family,
    address,
    prefix: 24,
    mac: "",
    loopback: false,
    broadcast: null,
    scopeId: null,
  });
  const sorted = [
    make("a", "ipv4", "1"),
    make("a", "ipv4", "2"),
    make("a", "ipv6", "1"),
    make("b", "ipv4", "0"),
  ];
  assertEquals([...sorted].reverse().sort(compareInterfaces), sorted);
});

Deno.test("the index of an IPv6 interface is found by scope, by name, or by another of its addresses", () => {
  const entry = (address: string, scopeId: number | null): NetworkInterface => ({
    name: "eth7",
    family: "ipv6",
    address,
    prefix: 64,
    mac: "",
    loopback: false,
    broadcast: null,
    scopeId,
  });
  const interfaces = { list: () => [entry("fd00::7", null), entry("fe80::7", 7)] };
  assertEquals(interfaceIndex(interfaces, "ff12::1", "fe80::99%5"), 5);
  assertEquals(interfaceIndex(interfaces, "ff12::1", "fe80::7%eth7"), 7);
  assertEquals(interfaceIndex(interfaces, "ff12::1", "fd00::7"), 7);
  assertThrows(() => interfaceIndex(interfaces, "ff12::1", "fe80::7%eth8"), HanaError);
});

Deno.test("a lock is held against other processes and ends with its holder, however it ends", async () => {
  const h = await realHarness();
  const path = `${h.directory}/lock`;
  const script = `const f = Deno.openSync(Deno.args[0], { create: true, write: true });
f.tryLockSync(true);
console.log("held");
setTimeout(() => {}, 60_000);`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["eval", script, path],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  assertEquals(h.a.files.lock(path), null);
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  const lock = h.a.files.lock(path);
  assert(lock !== null);
  lock.release();
  await h.close();
});

Deno.test({
  name:
    "a lock that was released is free while a process that is being forked still has a copy of its descriptor",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const h = await realHarness();
    const libc = Deno.dlopen("libc.so.6", {
      dup: { parameters: ["i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
    const path = `${await Deno.realPath(h.directory)}/lock`;
    const lock = h.a.files.lock(path);
    assert(lock !== null);
    const held = [...Deno.readDirSync("/proc/self/fd")].find(({ name }) =>
      linkOf(`/proc/self/fd/${name}`) === path
    );
    assert(held !== undefined, "the lock has no descriptor");
    const copy = libc.symbols.dup(Number(held.name));
    assert(copy >= 0);
    assertEquals(h.a2.files.lock(path), null);
    lock.release();
    lock.release();
    const next = h.a2.files.lock(path);
    assert(next !== null);
    // The copy goes as a child's goes with its exec; the new owner keeps what it has.
    libc.symbols.close(copy);
    libc.close();
    assertEquals(h.a.files.lock(path), null);
    next.release();
    await h.close();
  },
});

Deno.test("a file is readable by its owner alone from the first moment, and links are not followed", async () => {
  const h = await realHarness();
  const path = `${h.directory}/key`;
  const before = Deno.umask(0);
  try {
    h.a.files.write(path, new Uint8Array(32), 0o600);
  } finally {
    Deno.umask(before);
  }
  assertEquals(h.a.files.stat(path)?.mode, 0o600);
  Deno.symlinkSync(path, `${h.directory}/link`);
  assertEquals(h.a.files.stat(`${h.directory}/link`)?.kind, "other");
  assertEquals(h.a.files.list(h.directory), ["key", "link"]);
  await h.close();
});

Deno.test("the platform counts faults and offers every part", () => {
  const platform = denoPlatform({ onCrash: () => {} });
  assertEquals(platform.faults, 0);
  assertEquals(platform.host.processId, Deno.pid);
});
