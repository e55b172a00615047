// What visualizations declare: defined once, kept when they go, the same when they are back, other when they say so.

import { assert, assertEquals } from "@std/assert";
import { readDefinition } from "../../../../lib/state/mod.ts";
import { HUE, Show } from "./show.ts";

async function begin(show: Show) {
  const server = await show.machine("server", { role: "daemon", state: { host: true } });
  const client = await show.client(server);
  return { server, client };
}

Deno.test("a visualization's parameters outlive it, with the values that they had, and are its again when it is back", async () => {
  const show = new Show(51);
  const { client } = await begin(show);
  const state = { parameters: [HUE] };
  const wall = await show.machine("wall", { role: "visualization", state });
  await show.knows(client, "wall/hue");
  await show.write(client, "wall/hue", 123);
  wall.host.crash();
  await show.world.runFor(70_000_000);
  await show.shows(client, "wall/hue", 123);
  await show.write(client, "wall/hue", 124);
  const id = show.idOf(client, "wall/hue");
  wall.host.restart();
  const back = await show.boot("wall", wall.host, { role: "visualization", state });
  const own = await show.client(back);
  await show.shows(own, "wall/hue", 124);
  assertEquals(show.idOf(client, "wall/hue"), id, "the same path");
  assertEquals(show.crashes, []);
});

Deno.test("a visualization that comes back with other parameters has those, and the values that still fit", async () => {
  const show = new Show(52);
  const { client } = await begin(show);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  await show.knows(client, "wall/hue");
  await show.write(client, "wall/hue", 123);
  await show.settle(wall.node.stop());
  const wider = readDefinition({ path: "hue", type: "f32", min: -360, max: 720, unit: "°" });
  const more = readDefinition({ path: "speed", type: "f32", min: 0, max: 10, default: 2 });
  await show.boot("wall", wall.host, { role: "visualization", state: { parameters: [wider, more] } });
  await show.knows(client, "wall/speed");
  await show.shows(client, "wall/hue", 123);
  await show.write(client, "wall/hue", 700);
  await show.shows(client, "wall/speed", 2);
  assertEquals(show.crashes, []);
});

Deno.test("twenty visualizations are asked once each, and again by the next host", async () => {
  const show = new Show(53);
  const { server, client } = await begin(show);
  const names = Array.from({ length: 20 }, (_, index) => `wall-${index}`);
  for (const name of names) await show.machine(name, { role: "visualization", state: { parameters: [HUE] } });
  for (const name of names) await show.knows(client, `${name}/hue`);
  const asked = (node: { statistics(): Record<string, unknown> }) =>
    (node.statistics().parameters as { asked: number }).asked;
  await show.world.runFor(5_000_000);
  assertEquals(asked(server.node.state), names.length);
  const next = await show.machine("next");
  await show.until(() => server.node.state.hosted?.host.isSingle === false, "a standby has everything");
  await show.settle(server.node.stop());
  const heir = await show.client(next);
  for (const name of names) await show.knows(heir, `${name}/hue`);
  await show.until(
    () => asked(next.node.state) === names.length,
    () => `it has asked all of them: ${JSON.stringify(next.node.state.statistics())}`,
  );
  assertEquals(show.crashes, []);
});

Deno.test("a visualization whose answer is lost is asked again", async () => {
  const show = new Show(54);
  const { server, client } = await begin(show);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  const segment = show.world.segment("lan");
  // It has been seen, and then its cable is out before it could answer.
  await show.until(() => server.node.nodes().some(({ name }) => name === "wall"), "it is listed");
  segment.cut("wall", "server");
  segment.cut("server", "wall");
  await show.world.runFor(15_000_000);
  segment.healAll();
  await show.knows(client, "wall/hue");
  const id = client.replica.book?.idOf("wall/hue") ?? 0;
  assert(id > 0);
  assert(wall.process.alive);
  assertEquals(show.crashes, []);
});

Deno.test("a visualization that was too busy to answer is asked again, though nothing else happens in the mesh", async () => {
  const show = new Show(55);
  const { server, client } = await begin(show);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  const isListed = () => server.node.nodes().some(({ name }) => name === "wall");
  await show.until(isListed, "it has said that it is there");
  assertEquals(client.replica.book?.idOf("wall/hue"), 0, "and not yet what it has");
  wall.host.freeze();
  await show.world.runFor(4_500_000);
  wall.host.thaw();
  await show.knows(client, "wall/hue");
  assertEquals(show.crashes, []);
});
