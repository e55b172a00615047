// Who hosts, and what is left when hosts change: leaders, fixed hosts, frozen ones, all of them at once.

import { assert, assertEquals } from "@std/assert";
import { STATE_HOST } from "../../../../lib/state/mod.ts";
import { Show } from "./show.ts";

/** A machine of a list that holds as many as are asked for. */
function first<T>(list: readonly T[], index = 0): T {
  const found = list[index];
  assert(found !== undefined);
  return found;
}

Deno.test("an idle mesh has no host, no standby and no file", async () => {
  const show = new Show(1);
  const apps = await show.apps("foh", "backup");
  await show.world.runFor(10_000_000);
  for (const { node, process } of apps) {
    assertEquals(node.state.hosted, null);
    assertEquals(process.platform.files.read("/var/hana/foh/shared-state.copy"), null);
  }
  assertEquals(show.crashes, []);
});

Deno.test("a client on the host itself takes part like all others, and its writes reach standbys", async () => {
  const show = new Show(2);
  const [foh, backup] = await show.apps("foh", "backup");
  const own = await show.client(foh);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(own, "tempo");
  await show.until(() => foh.node.state.hosted?.host.isSingle === false, "a standby has everything");
  assertEquals(await show.write(own, "tempo", 99), false, "acknowledged with a copy");
  const other = await show.client(backup);
  await show.shows(other, "tempo", 99);
  const told = await show.settle(own.ask(STATE_HOST, {}));
  assertEquals([own.hostId, told.hosting, told.single], [foh.node.id, true, false]);
  assertEquals(show.crashes, []);
});

Deno.test("a fixed host goes before the leader, and hands over with everything when it stops", async () => {
  const show = new Show(3);
  const [foh, backup] = await show.apps("foh", "backup");
  const client = await show.client(backup);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.write(client, "tempo", 100);
  const server = await show.machine("server", { role: "daemon", state: { host: true } });
  await show.follows(client, server);
  assertEquals(foh.node.state.hosted, null, "the leader hosts no more");
  await show.shows(client, "tempo", 100);
  await show.write(client, "tempo", 101);
  const told = await show.settle(client.ask(STATE_HOST, {}));
  assertEquals([told.hosting, told.host?.mode, told.host?.name], [true, "fixed", "server"]);
  await show.until(() => server.node.state.hosted?.host.isSingle === false, "a standby has everything");
  const startUs = show.world.nowUs;
  await show.settle(server.node.stop());
  await show.follows(client, foh);
  assert(show.world.nowUs - startUs < 1_500_000, "who stops says so");
  await show.shows(client, "tempo", 101);
  await show.write(client, "tempo", 102);
  assertEquals(show.crashes, []);
});

Deno.test("of two fixed hosts the one with the smaller id hosts, though both began, and nothing circles between them", async () => {
  const show = new Show(4);
  const names = ["one", "two", "three"] as const;
  const hosts = names.map((name) => show.host(name));
  for (const a of names) for (const b of names) if (a !== b) show.world.segment("lan").cut(a, b);
  const options = { role: "daemon", state: { host: true } } as const;
  const one = await show.boot("one", first(hosts), options);
  const two = await show.boot("two", first(hosts, 1), options);
  const keeper = await show.boot("three", first(hosts, 2), { role: "app" });
  // Each hosts alone for a while, with a client and a path of its own.
  const clientOne = await show.client(one);
  const clientTwo = await show.client(two);
  show.define(one, { path: "of-one", type: "f32", default: 1 });
  show.define(two, { path: "of-two", type: "f32", default: 2 });
  await show.knows(clientOne, "of-one");
  await show.knows(clientTwo, "of-two");
  await show.write(clientTwo, "of-two", 22);
  // The one that gives way meets the keeper first.
  const [wins, yields] = one.node.id < two.node.id ? [one, two] : [two, one];
  const segment = show.world.segment("lan");
  segment.heal(yields.name, "three");
  segment.heal("three", yields.name);
  await show.until(() => yields.node.state.hosted?.host.isSingle === false, "the keeper has it");
  segment.healAll();
  const clients = [clientOne, clientTwo];
  for (const client of clients) await show.follows(client, wins);
  assertEquals(yields.node.state.hosted, null);
  await show.until(() => wins.node.state.hosted?.host.isSingle === false, "it has standbys");
  const before = JSON.stringify(keeper.node.state.statistics());
  await show.world.runFor(5_000_000);
  const refused = (keeper.node.state.statistics().keeper as { refused: number }).refused;
  assert(refused < 10, `updates were refused ${refused} times; ${before}`);
  show.assertEqual(...clients);
  assertEquals(show.crashes, []);
});

for (const order of ["smaller", "larger"] as const) {
  Deno.test(`two reigns of one term end in one above both, also where the id of the host that stays is the ${order} one`, async () => {
    const { show, foh, server } = await reigns(order);
    const [ofLeader, ofServer] = [await show.client(foh), await show.client(server)];
    show.define(foh, { path: "of-leader", type: "f32", default: 1 });
    await show.knows(ofLeader, "of-leader");
    assertEquals(
      ofLeader.replica.epoch?.term,
      ofServer.replica.epoch?.term,
      "they know nothing of each other",
    );
    show.plug(server);
    for (const client of [ofLeader, ofServer]) await show.follows(client, server);
    assertEquals(foh.node.state.hosted, null);
    assert((ofLeader.replica.epoch?.term ?? 0) > 1);
    await show.world.runFor(5_000_000);
    show.assertEqual(ofLeader, ofServer);
    assertEquals(show.crashes, []);
  });
}

Deno.test("in an open mesh nobody has a copy, and all follow the host whose turn it is all the same", async () => {
  const show = new Show(61);
  const open = { insecure: false };
  const foh = await show.machine("foh", { ...open, priority: 200 });
  const backup = await show.machine("backup", open);
  const client = await show.client(backup);
  await show.follows(client, foh);
  const server = await show.machine("server", { ...open, role: "daemon", state: { host: true } });
  await show.follows(client, server);
  await show.follows(await show.client(foh), server);
  assertEquals(foh.node.state.hosted, null);
  assertEquals(server.node.state.standbys.filter(({ confirmed }) => confirmed), []);
  await show.settle(server.node.stop());
  await show.follows(client, foh);
  assertEquals(show.crashes, []);
});

/** A leader, and a fixed host that has never met it: its id comes before or behind that of the leader. */
async function reigns(order: "smaller" | "larger") {
  for (let seed = 60; seed < 100; seed++) {
    const show = new Show(seed);
    const [foh] = await show.apps("foh", "backup");
    const host = show.host("server");
    show.unplug({ name: "server" });
    const server = await show.boot("server", host, { role: "daemon", state: { host: true } });
    if ((server.node.id < foh.node.id) === (order === "smaller")) return { show, foh, server };
  }
  throw new Error("no seed has such ids");
}

Deno.test("a fixed host that was frozen comes back under a newer term, with what others wrote meanwhile", async () => {
  const show = new Show(5);
  const [foh, backup] = await show.apps("foh", "backup");
  const server = await show.machine("server", { role: "daemon", state: { host: true } });
  const client = await show.client(backup);
  await show.follows(client, server);
  show.define(server, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.until(() => server.node.state.hosted?.host.isSingle === false, "a standby has everything");
  await show.write(client, "tempo", 100);
  const former = client.replica.epoch?.term ?? 0;
  server.host.freeze();
  await show.follows(client, foh);
  await show.write(client, "tempo", 150);
  await show.world.runFor(5_000_000);
  server.host.thaw();
  await show.follows(client, server);
  assert((client.replica.epoch?.term ?? 0) > former + 1, "its former term is over");
  await show.shows(client, "tempo", 150);
  await show.write(client, "tempo", 151);
  assertEquals(foh.node.state.hosted, null);
  assertEquals(show.crashes, []);
});

Deno.test("a leader that hosts and is frozen is followed by the next one within its lease and two seconds", async () => {
  const show = new Show(10);
  const [foh, backup, side] = await show.apps("foh", "backup", "side");
  const client = await show.client(side);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.until(() => foh.node.state.hosted?.host.isSingle === false, "a standby has everything");
  await show.write(client, "tempo", 55);
  const frozenUs = show.world.nowUs;
  foh.host.freeze();
  await show.follows(client, backup);
  await show.write(client, "tempo", 56);
  const writableMs = (show.world.nowUs - frozenUs) / 1_000;
  assert(writableMs < 7_000, `writable after ${writableMs} ms`);
  foh.host.thaw();
  await show.world.runFor(3_000_000);
  assertEquals(foh.node.state.hosted, null, "its lease is over: it says nothing");
  const woken = await show.client(foh);
  await show.shows(woken, "tempo", 56);
  assertEquals(show.crashes, []);
});

Deno.test("all machines lose power and come back: the state is what it was, seconds before", async () => {
  const show = new Show(6);
  const [foh, backup, side] = await show.apps("foh", "backup", "side");
  const client = await show.client(side);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.write(client, "tempo", 87);
  // Longer than the pause between two writes of the file.
  await show.world.runFor(7_000_000);
  for (const { host } of [foh, backup, side]) host.crash();
  await show.world.runFor(1_000_000);
  for (const { host } of [foh, backup, side]) host.restart();
  const back = await show.boot("foh", foh.host, { priority: 200 });
  await show.boot("backup", backup.host, { priority: 190 });
  await show.hosts(back);
  const again = await show.client(back);
  await show.shows(again, "tempo", 87);
  assertEquals(show.crashes, []);
});

Deno.test("a host that is alone writes its file, too", async () => {
  const show = new Show(7);
  const [foh] = await show.apps("foh");
  const client = await show.client(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  assertEquals(await show.write(client, "tempo", 61), true, "nobody else has it");
  await show.world.runFor(7_000_000);
  foh.host.crash();
  await show.world.runFor(1_000_000);
  foh.host.restart();
  const back = await show.boot("foh", foh.host);
  const again = await show.client(back);
  await show.shows(again, "tempo", 61);
  assertEquals(show.crashes, []);
});

Deno.test("a copy on disk that is damaged is moved aside, counted, and the mesh goes on from others", async () => {
  const show = new Show(8);
  const [foh, backup] = await show.apps("foh", "backup");
  const client = await show.client(backup);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.write(client, "tempo", 87);
  await show.until(() => foh.node.state.hosted?.host.isSingle === false, "a standby has everything");
  await show.settle(foh.node.stop());
  const { files } = foh.host.platform;
  const path = everyPath(files, "/var/hana").find((one) => one.endsWith("shared-state.copy"));
  assert(path !== undefined, "it wrote its file when it stopped");
  const bytes = files.read(path);
  assert(bytes !== null);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x40;
  files.write(path, bytes, 0o600);
  const back = await show.boot("foh", foh.host, { priority: 200 });
  assertEquals((back.node.state.statistics().store as { damaged: number }).damaged, 1);
  assertEquals(files.read(path), null);
  assertEquals(files.read(`${path}.damaged`), bytes);
  const again = await show.client(back);
  await show.shows(again, "tempo", 87);
  assertEquals(show.crashes, []);
});

Deno.test("a new host takes the newest of several copies", async () => {
  const show = new Show(9);
  const [foh, backup, side] = await show.apps("foh", "backup", "side");
  const client = await show.client(foh);
  await show.hosts(foh);
  show.define(foh, { path: "tempo", type: "f32", default: 120 });
  await show.knows(client, "tempo");
  await show.until(() => standbys(foh).length === 2, "two standbys");
  await show.write(client, "tempo", 1);
  // Backup would host next, and hears nothing more of the host; side does.
  const segment = show.world.segment("lan");
  segment.cut("foh", "backup");
  segment.cut("backup", "foh");
  await show.world.runFor(2_000_000);
  await show.write(client, "tempo", 2);
  await show.world.runFor(1_500_000);
  await show.write(client, "tempo", 3);
  await show.until(() => foh.node.state.hosted?.host.isSingle === false, "side has it");
  foh.host.crash();
  const heir = await show.client(backup);
  await show.until(() => backup.node.state.hosted !== null || side.node.state.hosted !== null, "one hosts");
  await show.synced(heir);
  await show.shows(heir, "tempo", 3);
  assertEquals(show.crashes, []);
});

function standbys({ node }: { node: { state: { hosted: unknown; statistics(): Record<string, unknown> } } }) {
  const { standbysJoined, standbysLost } = node.state.statistics().copies as Record<string, number>;
  return new Array((standbysJoined ?? 0) - (standbysLost ?? 0));
}

function everyPath(
  files: { list(path: string): string[]; stat(path: string): { kind: string } | null },
  path: string,
): string[] {
  return files.list(path).flatMap((name) => {
    const below = `${path}/${name}`;
    return files.stat(below)?.kind === "directory" ? everyPath(files, below) : [below];
  });
}
