// Who keeps copies of the host, who takes their place, and that a copy is never given up before the next one is whole.

import { assert, assertEquals } from "@std/assert";
import { MessageEncoder } from "../../../../lib/state/messages/mod.ts";
import { STATE_HOST, type StateLink } from "../../../../lib/state/mod.ts";
import { epochOf, helloOf, peerOf } from "../../state/host/support.ts";
import { type Machine, Show } from "./show.ts";

const NUMBER = { type: "f32", default: 0 } as const;

/** The names of those that keep a copy, and whether each has confirmed everything once. */
function standbysOf(host: Machine, machines: readonly Machine[]): { name: string; confirmed: boolean }[] {
  const asked = host.node.state.standbys;
  return asked.map(({ id, confirmed }) => ({
    name: machines.find(({ node }) => node.id === id)?.name ?? id,
    confirmed,
  }));
}

async function hosting(
  show: Show,
  ...others: readonly (readonly [string, "app" | "visualization" | "daemon"])[]
) {
  const server = await show.machine("server", { role: "daemon", state: { host: true } });
  const machines: Machine[] = [server];
  for (const [name, role] of others) machines.push(await show.machine(name, { role }));
  const client = await show.client(server);
  show.define(server, { path: "tempo", ...NUMBER });
  await show.knows(client, "tempo");
  return { server, machines, client };
}

/** A client comes that has heard of a later host. */
function tellTerm({ node }: Machine, term: number): void {
  const { hosted } = node.state;
  assert(hosted !== null);
  const link: StateLink = { send: () => true, queuedBytes: 0, onRoom: null, close: () => {} };
  const handlers = hosted.join(link, peerOf(99));
  const hello = new MessageEncoder().encode(helloOf({ epoch: epochOf(term) }));
  assert(hello !== null);
  handlers.onMessage(hello);
}

Deno.test("apps come first: they take the place of visualizations, of which none goes before they are whole", async () => {
  const show = new Show(31);
  const { server, machines, client } = await hosting(show, ["wall", "visualization"], [
    "floor",
    "visualization",
  ]);
  const service = () => server.node.state.hosted;
  await show.until(() => service()?.host.isSingle === false, "a standby has everything");
  await show.until(
    () => standbysOf(server, machines).filter(({ confirmed }) => confirmed).length === 2,
    "both visualizations keep copies",
  );
  // Every moment from here on somebody has a whole copy.
  let gaps = 0;
  const watch = server.node.state.onHostEvent((event) => {
    if (event.kind === "durability" && event.single) gaps++;
  });
  let least = 2;
  for (const name of ["foh", "backup"]) machines.push(await show.machine(name));
  await show.until(() => {
    least = Math.min(least, standbysOf(server, machines).filter(({ confirmed }) => confirmed).length);
    const names = standbysOf(server, machines).filter(({ confirmed }) => confirmed).map(({ name }) => name);
    return names.length === 2 && names.includes("foh") && names.includes("backup");
  }, () => `apps keep copies: ${JSON.stringify(standbysOf(server, machines))}`);
  watch();
  assertEquals([gaps, least], [0, 2], "never fewer than two");
  assertEquals(await show.write(client, "tempo", 3), false);
  assertEquals(show.crashes, []);
});

Deno.test("a standby that loses its cable is replaced, and comes back as one among others", async () => {
  const show = new Show(32);
  const { server, machines, client } = await hosting(show, ["a", "app"], ["b", "app"], ["c", "app"]);
  const names = () =>
    standbysOf(server, machines).filter(({ confirmed }) => confirmed).map(({ name }) => name).sort();
  await show.until(() => names().length === 2, "two standbys");
  const [lost] = names();
  const machine = machines.find(({ name }) => name === lost);
  assert(machine !== undefined);
  show.unplug(machine);
  const value = show.write(client, "tempo", 5);
  assertEquals(await value, false, "the other one has it");
  await show.until(() => names().length === 2 && !names().includes(machine.name), "another one keeps a copy");
  show.plug(machine);
  await show.world.runFor(10_000_000);
  assertEquals(names().length, 2);
  assertEquals(standbysOf(server, machines).length, 2, "and no third");
  assertEquals(show.crashes, []);
});

Deno.test("a host whose reign begins anew keeps no link of the one before", async () => {
  const show = new Show(33);
  const { server, machines, client } = await hosting(show, ["a", "app"], ["b", "app"]);
  const confirmed = () => standbysOf(server, machines).filter((one) => one.confirmed).length;
  for (let reign = 0; reign < 5; reign++) {
    await show.until(() => confirmed() === 2, "two standbys");
    const term = server.node.state.hosted?.host.epoch.term ?? 0;
    // Somebody has heard of a later term: this reign is over at once, and another begins.
    tellTerm(server, term + 1);
    await show.until(() => (server.node.state.hosted?.host.epoch.term ?? 0) > term, "a later reign");
  }
  await show.until(() => confirmed() === 2, "two standbys");
  await show.world.runFor(3_000_000);
  const { copies } = server.node.state.statistics() as { copies: Record<string, number> };
  assertEquals((copies.standbysJoined ?? 0) - (copies.standbysLost ?? 0), 2, JSON.stringify(copies));
  assertEquals(server.node.state.hosted?.host.counters.standbyLate, 0);
  await show.write(client, "tempo", 9);
  assertEquals(show.crashes, []);
});

Deno.test("without another machine the host has it alone, and says so", async () => {
  const show = new Show(34);
  const { client } = await hosting(show);
  assertEquals(await show.write(client, "tempo", 3), true);
  const told = await show.settle(client.ask(STATE_HOST, {}));
  assertEquals([told.single, told.standbys], [true, []]);
});
