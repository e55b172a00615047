// Shared state on nodes: who hosts, what is there when the host is gone, what a client of any node sees.

import { assert, assertEquals } from "@std/assert";
import type { Node, NodeOptions } from "../../../lib/node/mod.ts";
import type { SimulatedHost, SimulatedProcess } from "../../../lib/platform/simulated/mod.ts";
import {
  groupDefinition,
  type ParameterDefinition,
  type PathId,
  readDefinition,
  readGroup,
  readHead,
  readRecord,
  readStatus,
  type ReplicaService,
  STATE_HOST,
  STATE_MODULATION,
  STATE_SESSIONS,
  STATE_WHY,
} from "../../../lib/state/mod.ts";
import { Park } from "./support.ts";

const HUE: ParameterDefinition = readDefinition({ path: "hue", type: "f32", min: 0, max: 360, unit: "°" });

interface Machine {
  readonly host: SimulatedHost;
  readonly process: SimulatedProcess;
  readonly node: Node;
}

class Show extends Park {
  async machine(name: string, overrides: Partial<NodeOptions> = {}): Promise<Machine> {
    const host = this.host(name);
    const process = host.createProcess();
    const node = await this.start(process.platform, {
      name,
      role: "app",
      discovery: {},
      insecure: true,
      ...overrides,
    });
    return { host, process, node };
  }

  /** A client that is joined and has everything. */
  async synced(client: ReplicaService): Promise<void> {
    await this.until(() => client.replica.isSynced, `everything is here: ${missing(client)}`);
  }

  idOf(client: ReplicaService, path: string): PathId {
    const id = client.replica.book?.idOf(path);
    assert(id !== undefined && id > 0, `${path} is not known`);
    return id;
  }

  async write(client: ReplicaService, path: string, value: number, priority = 100): Promise<void> {
    const answer = client.replica.set(client.nowUs(), this.idOf(client, path), value, { priority });
    assertEquals(answer, "taken");
    client.pump();
    await this.until(() => client.replica.pendingWrites === 0, `${path} is acknowledged`);
  }

  async shows(client: ReplicaService, path: string, value: number): Promise<void> {
    const id = (): PathId => (client.replica.book?.idOf(path) ?? 0) as PathId;
    await this.until(
      () => client.replica.values?.valueOf(id()) === value,
      `${path} is ${value}, not ${client.replica.values?.valueOf(id())}`,
    );
  }
}

function missing(client: ReplicaService): string {
  return JSON.stringify(client.replica.missing()) + String(client.lastFailure);
}

async function threeApps(show: Show): Promise<Machine[]> {
  const machines = [
    await show.machine("foh", { priority: 9 }),
    await show.machine("backup", { priority: 5 }),
    await show.machine("side", { priority: 1 }),
  ];
  await show.until(
    () => machines.every(({ node }) => node.discovery?.leaderId === machines[0]?.node.id),
    "foh leads",
  );
  return machines;
}

Deno.test("a parameter that a visualization declares is written by one app and read by another", async () => {
  const show = new Show();
  const [foh, backup, side] = await threeApps(show);
  assert(foh !== undefined && backup !== undefined && side !== undefined);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  await show.until(() => foh.node.state.hosted?.host.document.book.lastId !== undefined, "foh hosts");
  const a = backup.node.state.client();
  const b = foh.node.state.client();
  const w = wall.node.state.client();
  for (const client of [a, b, w]) await show.synced(client);
  await show.write(a, "wall/hue", 120);
  for (const client of [a, b, w]) await show.shows(client, "wall/hue", 120);
  await show.write(b, "wall/hue", 240, 150);
  for (const client of [a, b, w]) await show.shows(client, "wall/hue", 240);
  const why = await show.settle(w.ask(STATE_WHY, { path: "wall/hue" }));
  assertEquals([why.value, why.holder?.name, why.priority], [240, "foh", 150]);
  assertEquals(why.claims.map(({ name, fate }) => [name, fate]), [["foh", "stands"], [
    "backup",
    "lower-priority",
  ]]);
  const sessions = await show.settle(a.ask(STATE_SESSIONS, {}));
  assertEquals(sessions.clients.map(({ name, state }) => [name, state]).sort(), [
    ["backup", "joined"],
    ["foh", "joined"],
    ["wall", "joined"],
  ]);
  assertEquals(show.crashes, []);
});

Deno.test("the host's machine dies: nothing that was acknowledged is lost, and the next leader hosts", async () => {
  const show = new Show(22);
  const [foh, backup, side] = await threeApps(show);
  assert(foh !== undefined && backup !== undefined && side !== undefined);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  const w = wall.node.state.client();
  const s = side.node.state.client();
  await show.synced(w);
  await show.synced(s);
  await show.until(() => foh.node.state.hosted?.host.isSingle === false, "a standby has everything");
  await show.write(s, "wall/hue", 77);
  const diedUs = show.world.nowUs;
  foh.process.kill();
  await show.until(() => backup.node.state.hosted !== null, "backup hosts");
  await show.until(() => s.replica.isSynced && s.replica.epoch?.hostId === backup.node.id, missing(s));
  await show.write(s, "wall/hue", 78);
  const writableMs = (show.world.nowUs - diedUs) / 1000;
  await show.shows(w, "wall/hue", 78);
  // The lease of the host that died, and a second.
  assert(writableMs < 6_000, `writable after ${writableMs} ms`);
  const told = await show.settle(s.ask(STATE_HOST, {}));
  assertEquals([told.hosting, told.host?.name], [true, "backup"]);
  assertEquals(show.crashes, []);
});

Deno.test("the displays of two nodes change to a group's next version at one moment, and the host says so", async () => {
  const show = new Show(23);
  const [foh, backup] = await threeApps(show);
  assert(foh !== undefined && backup !== undefined);
  const shown: { display: string; version: number; atUs: number }[] = [];
  for (const name of ["left", "right"]) {
    const wall = await show.machine(name, { role: "visualization" });
    const display = { name, size: null, resolution: [1920, 1080], pose: null, status: "on" } as const;
    wall.node.state.attachDisplays(new Map([[name, display]]), {
      show: (_group, { edition }) =>
        shown.push({ display: name, version: edition.version, atUs: show.world.nowUs }),
    });
  }
  const desk = backup.node.state.client();
  await show.synced(desk);
  await show.until(() => (desk.replica.book?.idOf("displays/right") ?? 0) > 0, "the displays are declared");
  const nodeOf = (name: string): string => foh.node.nodes().find((node) => node.name === name)?.id ?? "";
  const group = readGroup("wall", {
    name: "The wall",
    version: 1,
    members: ["left", "right"].map((name) => ({ display: name, node: nodeOf(name), windows: [] })),
    sync: "frame",
    strict: true,
  });
  desk.replica.request(desk.nowUs(), {
    kind: "priv",
    term: 0,
    action: "request",
    request: 1,
    state: "none",
    holder: 0 as never,
    generation: 0,
    other: 0 as never,
    leftUs: 0,
    text: "",
  });
  desk.pump();
  await show.until(
    () => foh.node.state.hosted?.host.holding.privilege.standing(0).holder !== 0,
    "privileged",
  );
  const { generation } = foh.node.state.hosted?.host.holding.privilege.standing(0) ?? { generation: 0 };
  desk.replica.transaction(desk.nowUs(), { generation, definitions: [groupDefinition("wall", group)] });
  desk.pump();
  await show.until(() => shown.length === 2, "both show it");
  assertEquals(shown.map(({ version }) => version), [1, 1]);
  const [first, second] = shown.map(({ atUs }) => atUs);
  assert(Math.abs((first ?? 0) - (second ?? 0)) < 1_000, `${first} and ${second}`);
  const status = () => {
    const id = desk.replica.book?.idOf("groups-status/wall") ?? 0;
    return readStatus(desk.replica.values?.valueOf(id as PathId));
  };
  await show.until(() => status()?.phase === "shown", "the state says so");
  assertEquals(Object.keys(status()?.displays ?? {}).sort(), ["left", "right"]);
  assertEquals(show.crashes, []);
});

Deno.test("what a visualization measures is seen by apps 30 times a second, and its names come by themselves", async () => {
  const show = new Show(24);
  const [foh, backup] = await threeApps(show);
  assert(foh !== undefined && backup !== undefined);
  const wall = await show.machine("wall", { role: "visualization" });
  const { meters } = wall.node.state;
  const level = meters.source.register({ name: "audio/left", unit: "dB", min: -60, max: 0 });
  for (const app of [foh, backup]) app.node.state.meters.subscribe([""]);
  let peak = -60;
  const step = (): void => {
    peak = -60 + (peak + 61) % 60;
    meters.source.set(level, peak);
    meters.flush();
    wall.process.platform.timers.schedule(wall.process.platform.clock.nowUs() + 5_000, step);
  };
  step();
  for (const app of [foh, backup]) {
    const { view } = app.node.state.meters;
    const slot = view.slotOf("wall/audio/left");
    assert(slot !== -1);
    await show.until(() => view.valueOf(slot) > -60, `${app.node.name} sees it`);
    assertEquals(view.definitionOf(slot)?.unit, "dB");
    const [before, beganUs] = [view.counters.frames, show.world.nowUs];
    await show.until(() => show.world.nowUs - beganUs > 2_000_000, "two seconds");
    const frames = view.counters.frames - before;
    assert(frames >= 50 && frames <= 62, `${frames} frames in 2 s`);
  }
  assertEquals(show.crashes, []);
});

Deno.test("a source of modulation moves a parameter of a visualization, and the reason names both", async () => {
  const show = new Show(25);
  const [foh, backup] = await threeApps(show);
  assert(foh !== undefined && backup !== undefined);
  const wall = await show.machine("wall", { role: "visualization", state: { parameters: [HUE] } });
  const w = wall.node.state.client();
  const s = backup.node.state.client();
  await show.synced(w);
  await show.synced(s);
  await show.write(s, "wall/hue", 100);
  await show.shows(w, "wall/hue", 100);
  const id = show.idOf(w, "wall/hue");
  const values = wall.node.state.modulation.attach([HUE], () => ({
    baseOf: () => Number(w.replica.values?.valueOf(id) ?? NaN),
    floorOf: () => w.replica.priorityOf(id),
  }));
  const lfo = await show.settle(backup.node.state.modulation.open("wall", { name: "lfo", number: 1 }));
  const slot = lfo.layout.slotOf("hue");
  assert(slot !== -1);
  lfo.source.bind({ slot, mode: "add" });
  lfo.source.set(slot, 20);
  lfo.flush();
  const drawn = (): number => {
    values.beginFrame(wall.process.platform.clock.nowUs());
    return values.valueOf(slot);
  };
  await show.until(() => drawn() === 120, `${drawn()} is drawn`);
  const session = await show.settle(foh.node.connect("wall"));
  const why = await show.settle(
    session.between("app", "visualization").request(STATE_MODULATION, { path: "hue", part: 0 }),
  );
  assertEquals([why.base.value, why.effective, why.sources.map(({ name }) => name)], [100, 120, ["lfo"]]);
  lfo.close();
  await show.until(() => drawn() === 100, "it fades");
  assertEquals(show.crashes, []);
});

Deno.test("two sides that were cut meet: one host stays, and what the other had otherwise is a preset", async () => {
  const show = new Show(26);
  const left = await show.machine("left", { state: { parameters: [HUE] } });
  const right = await show.machine("right");
  const l = left.node.state.client();
  const r = right.node.state.client();
  await show.synced(l);
  await show.synced(r);
  await show.until(() => (l.replica.book?.idOf("left/hue") ?? 0) > 0, "the parameter is declared");
  await show.write(l, "left/hue", 10);
  await show.shows(r, "left/hue", 10);
  right.host.setInterfaceUp("eth0", false);
  const hostsBoth = (): boolean => left.node.state.hosted !== null && right.node.state.hosted !== null;
  await show.until(hostsBoth, "each side has its host");
  await show.until(() => l.replica.isSynced && r.replica.isSynced, "each has its client");
  await show.write(l, "left/hue", 20);
  await show.write(r, "left/hue", 30);
  right.host.setInterfaceUp("eth0", true);
  const one = (): Node | null => {
    const hosts = [left, right].filter(({ node }) => node.state.hosted !== null);
    return hosts.length === 1 ? hosts[0]?.node ?? null : null;
  };
  const isSame = (): boolean =>
    l.replica.isSynced && r.replica.isSynced && l.replica.epoch?.hostId === r.replica.epoch?.hostId &&
    l.replica.epoch?.hostId === one()?.id;
  await show.until(isSame, "both follow one host");
  const [loser, value] = one() === left.node ? [right, 30] : [left, 20];
  await show.until(() => loser.node.state.healing.counters.diverged === 1, "the difference is kept");
  const name = `heal-${loser.node.name}-`;
  const paths = (): string[] => {
    const found: string[] = [];
    for (let id = 1; id <= (l.replica.book?.lastId ?? 0); id++) {
      const path = l.replica.book?.pathOf(id as PathId);
      if (path?.startsWith(`presets/${name}`) === true) found.push(path);
    }
    return found;
  };
  await show.until(() => paths().length === 1, "everybody has the preset");
  const [path = ""] = paths();
  const head = readHead(l.replica.values?.valueOf(show.idOf(l, path)) ?? null);
  assert(head !== null);
  assertEquals(readRecord(head, () => null).entries.map((entry) => [entry.path, entry.value]), [[
    "left/hue",
    value,
  ]]);
  assertEquals(show.crashes, []);
});
