// Clients of the shared state on nodes: people who may only look, observers, machines whose cable comes back, large states.

import { assert, assertEquals } from "@std/assert";
import { AccessKeyRing } from "../../../../lib/security/mod.ts";
import { LaneLink, STATE_LANE, STATE_SESSIONS } from "../../../../lib/state/mod.ts";
import { testKey, testRing } from "../../security/support.ts";
import { type Machine, Show } from "./show.ts";

const keys = testRing(1);

async function hosting(show: Show): Promise<Machine> {
  const server = await show.machine("server", { role: "daemon", state: { host: true }, keys });
  await show.client(server);
  show.define(server, { path: "tempo", type: "f32", default: 120 });
  show.define(server, { path: "cue/name", type: "text" });
  return server;
}

/** Where an observer that listens to nobody reaches a node. */
function addressOf({ node }: Machine): string {
  const address = node.addresses.find((one) => one.startsWith("tcp://"));
  assert(address !== undefined);
  return address;
}

Deno.test("a viewer sees everything, also who is there, and can write nothing", async () => {
  const show = new Show(41);
  const server = await hosting(show);
  const grant = { name: "anna", level: "viewer", expiresS: null } as const;
  const viewer = await show.machine("laptop", {
    role: "observer",
    tcpPort: null,
    runDirectory: null,
    keys: new AccessKeyRing(testKey(1, "tour").accessKey(grant)),
  });
  const findHost = () => Promise.resolve(addressOf(server));
  const client = viewer.node.state.client({ findHost });
  await show.synced(client);
  await show.knows(client, "tempo");
  const writer = await show.client(server);
  await show.write(writer, "tempo", 99);
  await show.shows(client, "tempo", 99);
  assertEquals(
    client.replica.set(client.nowUs(), show.idOf(client, "tempo"), 1, { priority: 1 }),
    "priority",
  );
  const { clients } = await show.settle(client.ask(STATE_SESSIONS, {}));
  assertEquals(clients.map(({ level }) => level).sort(), ["operator", "viewer"]);
  assertEquals(show.crashes, []);
});

Deno.test("an observer takes part as a client, and is asked for no copy", async () => {
  const show = new Show(42);
  const server = await hosting(show);
  const observer = await show.machine("tool", { role: "observer", tcpPort: null, runDirectory: null, keys });
  const findHost = () => Promise.resolve(addressOf(server));
  const client = observer.node.state.client({ findHost });
  await show.synced(client);
  await show.knows(client, "tempo");
  assertEquals(
    await show.write(client, "tempo", 88),
    true,
    "the host has it alone: there is nobody to keep a copy",
  );
  assertEquals(server.node.state.standbys, []);
  await show.settle(observer.node.stop());
  assertEquals([...(server.node.state.hosted?.host.holding.clients.all() ?? [])].length, 1, "gone at once");
});

Deno.test("a machine whose cable is out for 20 s comes back within a second, as who it was, with what it wrote meanwhile", async () => {
  const show = new Show(43);
  const server = await hosting(show);
  const app = await show.machine("app", { keys });
  const client = await show.client(app);
  await show.knows(client, "tempo");
  await show.write(client, "tempo", 70);
  const number = client.replica.client;
  show.unplug(app);
  await show.world.runFor(19_800_000);
  assertEquals(client.replica.set(client.nowUs(), show.idOf(client, "tempo"), 71), "taken");
  client.pump();
  await show.world.runFor(200_000);
  show.plug(app);
  const pluggedUs = show.world.nowUs;
  await show.until(() => client.replica.state === "joined", "it is back");
  const backMs = (show.world.nowUs - pluggedUs) / 1_000;
  assert(backMs < 3_000, `back after ${backMs} ms`);
  assertEquals(client.replica.client, number);
  await show.synced(client);
  const reader = await show.client(server);
  await show.shows(reader, "tempo", 71);
  assertEquals(show.crashes, []);
});

Deno.test("a client learns from a host that stops who follows, and is there before anybody times out", async () => {
  const show = new Show(44);
  const [foh, backup, side] = await show.apps("foh", "backup", "side");
  const client = await show.client(side);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.write(client, "tempo", 66);
  const stoppedUs = show.world.nowUs;
  await show.settle(foh.node.stop());
  await show.follows(client, backup);
  await show.write(client, "tempo", 67);
  assert(show.world.nowUs - stoppedUs < 2_000_000, `after ${show.world.nowUs - stoppedUs} us`);
  assertEquals(show.crashes, []);
});

Deno.test("who says more than a hello before the host has begun is sent away, and kept in nobody's mind", async () => {
  const show = new Show(46);
  const server = await show.machine("server", { role: "daemon", state: { host: true }, keys });
  const other = await show.machine("other", { keys });
  const session = await show.settle(other.node.connect(addressOf(server)));
  const link = new LaneLink(session, STATE_LANE);
  let isOver = false;
  void session.ended.then(() => isOver = true);
  for (let count = 0; count < 100; count++) link.send(new Uint8Array([250, count]));
  await show.until(() => isOver, "the link is closed");
  assertEquals((server.node.state.statistics().hosting as { tooEarly: number }).tooEarly, 1);
  const client = await show.client(other);
  assert(client.replica.isSynced, "who says hello comes in");
  assertEquals(show.crashes, []);
});

Deno.test("ten thousand objects reach a late joiner whole, over a real session", async () => {
  const show = new Show(45);
  const server = await hosting(show);
  for (let index = 0; index < 10_000; index++) {
    show.define(server, { path: `object-${index}`, type: "f32", default: index });
  }
  const late = await show.machine("late", { keys });
  const startUs = show.world.nowUs;
  const client = await show.client(late);
  await show.knows(client, "object-9999");
  await show.shows(client, "object-9999", 9_999);
  assert(show.world.nowUs - startUs < 5_000_000);
  assertEquals(client.replica.counters.resyncs, 0);
  const own = await show.client(server);
  await show.shows(own, "object-9999", 9_999);
  await show.world.runFor(1_000_000);
  assertEquals([own.replica.isSynced, client.replica.isSynced], [true, true]);
  show.assertEqual(client, own);
});
