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
  readStatus,
  type ReplicaService,
  STATE_HOST,
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
