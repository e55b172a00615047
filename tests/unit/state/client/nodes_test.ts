// The library on nodes that ship, in a simulated network: two apps and a visualization, and a host that dies.

import { assert, assertEquals } from "@std/assert";
import { parametersPrefix } from "../../../../lib/node/mod.ts";
import {
  defineParameters,
  PresetLibrary,
  StateClient,
  StateUndo,
  VisualizationState,
} from "../../../../lib/state/mod.ts";
import { type Machine, Show } from "../../node/state/show.ts";

const AURORA = defineParameters({
  hue: { type: "f32", min: 0, max: 360, unit: "°" },
  mode: { type: "enum", words: ["calm", "wild"] },
});

function library({ node, process }: Machine): StateClient {
  return new StateClient({ port: node.state.client(), timers: process.platform.timers });
}

Deno.test("two apps and a visualization share parameters by name, and go on when the machine that hosts loses its power", async () => {
  const show = new Show(71);
  const [foh, desk, spare] = await show.apps("foh", "desk", "spare");
  const wall = await show.machine("wall", { role: "visualization" });
  wall.node.state.declare(AURORA.definitions);
  const prefix = parametersPrefix(wall.node.name);
  const picture = new VisualizationState(wall.node.state.client(), AURORA, { prefix });
  const frame = () => picture.begin(wall.process.platform.clock.nowUs());
  const [a, b, c] = [library(foh), library(desk), library(spare)];
  await show.settle(Promise.all([a.ready(), b.ready(), c.ready()]));
  await show.until(() => b.has(`${prefix}/hue`) && c.has(`${prefix}/hue`), "the parameters are known");
  const hue = b.parameters(AURORA, prefix).hue;
  const heard: unknown[] = [];
  c.subscribe(prefix, (changes) => heard.push(...changes.map(({ path, value }) => `${path} ${value}`)));

  assertEquals((await show.settle(a.set(`${prefix}/hue`, 100))).outcome, "stands");
  await show.until(() => hue.value === 100, "desk sees it");
  assertEquals((await show.settle(a.set(`${prefix}/hue`, 120, { priority: 150 }))).outcome, "stands");
  const shadowed = await show.settle(hue.set(90));
  assertEquals([shadowed.outcome, shadowed.holderName], ["shadowed", "foh"]);
  const { claims, holder } = await show.settle(b.why(`${prefix}/hue`));
  assertEquals([holder?.name, claims.length], ["foh", 2]);
  await show.until(() => b.presence().length === 4, "everybody is there");
  assertEquals(b.presence().map(({ name }) => name).sort(), ["desk", "foh", "spare", "wall"]);
  assertEquals((await show.settle(b.sessions())).clients.length, 4);
  await show.until(() => (frame(), picture.values.hue === 120), "it is drawn");
  assert(heard.includes(`${prefix}/hue 100`), heard.join());

  await show.until(() => foh.node.state.standbys.some(({ confirmed }) => confirmed), "somebody keeps a copy");
  const undo = new StateUndo(b);
  assertEquals((await show.settle(b.set(`${prefix}/mode`, "wild"))).single, false);
  foh.process.kill();
  await show.until(() => b.port.replica.epoch?.hostId === desk.node.id && b.isSynced, "desk hosts");
  assertEquals([b.get(`${prefix}/hue`), b.get(`${prefix}/mode`)], [120, "wild"]);
  await show.until(() => c.port.replica.epoch?.hostId === desk.node.id && c.isSynced, "spare follows");
  assertEquals((await show.settle(c.set(`${prefix}/hue`, 30, { priority: 160 }))).outcome, "stands");
  await show.until(() => (frame(), picture.values.hue === 30), "it is drawn again");

  assertEquals((await show.settle(undo.undo())).outcome, "done");
  await show.until(() => c.get(`${prefix}/mode`) === "calm", "it is taken back");
  assertEquals((await show.settle(b.privilege.request())).granted, true);
  const presets = new PresetLibrary(b);
  await show.settle(presets.save("look", prefix));
  await show.until(() => new PresetLibrary(c).list().length === 1, "spare has the preset");
  const { skipped } = await show.settle(new PresetLibrary(c).load("look", { priority: 160 }));
  assertEquals(skipped, []);
  assertEquals([a, b, c].map(({ counters }) => counters.listenerFailures), [0, 0, 0]);
  assertEquals(show.crashes, []);
});
