// A node's own datagrams, told over its local socket and to nobody else.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { CLOCK, TRACE, TRACE_ENTRY, type TracedDatagram } from "../../../lib/node/mod.ts";
import { Park } from "./support.ts";

Deno.test("a tool on the machine is told every datagram of a node, until its session ends", async () => {
  const park = new Park(41);
  const host = park.host("one");
  const node = await park.start(host.platform, { name: "one", discovery: {} });
  await park.start(park.host("two").platform, { name: "two", discovery: {} });
  const tool = await park.start(host.platform, { role: "observer", tcpPort: null, runDirectory: null });
  const told: TracedDatagram[] = [];
  tool.onEvent(TRACE_ENTRY, (body) => {
    told.push(body as TracedDatagram);
  });
  const address = node.addresses.find((each) => each.startsWith("unix:"));
  assert(address !== undefined);
  const session = await park.settle(tool.open(address));
  const { nowUs } = await park.settle(session.request(TRACE, {}));
  // Asked twice, told once.
  await park.settle(session.request(TRACE, {}));
  await park.world.runFor(5_000_000);
  const beats = told.map(({ entry }) => entry).filter((entry) => entry.message?.kind === "heartbeat");
  const out = beats.filter((entry) =>
    entry.direction === "out" && entry.link?.name === "eth0" && entry.path === "multicast"
  );
  assert(out.length >= 4 && out.length <= 12, `${out.length} beats in 5 s`);
  assertEquals(new Set(out.map((entry) => entry.header?.seq)).size, out.length);
  assert(beats.some((entry) => entry.direction === "in" && entry.peer?.host === "10.0.0.2"));
  assert(told.every(({ entry, missed }) => entry.atUs >= nowUs && missed === 0));
  await park.settle(session.close());
  const before = told.length;
  await park.world.runFor(3_000_000);
  assertEquals(told.length, before);
  assertEquals(park.crashes, []);
});

Deno.test("who comes over the network is told the time and no datagram", async () => {
  const park = new Park(42);
  const node = await park.start(park.host("one", 5_000).platform, { name: "one", discovery: {} });
  const tool = await park.start(park.host("far").platform, {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
  });
  const address = node.addresses.find((each) => each.startsWith("tcp:"));
  assert(address !== undefined);
  const session = await park.settle(tool.open(address));
  const error = await assertRejects(() => park.settle(session.request(TRACE, {})), HanaError);
  assertEquals(error.code, "refused");
  const { wallMs } = await park.settle(session.request(CLOCK, {}));
  assert(wallMs > 0);
});
