// Nodes with shared state on simulated machines: a switch, machines that lose power, cables that are pulled.

import { assert, assertEquals } from "@std/assert";
import type { Node, NodeOptions } from "../../../../lib/node/mod.ts";
import type { SimulatedHost, SimulatedProcess } from "../../../../lib/platform/simulated/mod.ts";
import {
  isRefusal,
  type ParameterDefinition,
  type PathId,
  readDefinition,
  type ReplicaService,
  type StateValue,
} from "../../../../lib/state/mod.ts";
import { Park } from "../support.ts";

/** What visualizations here declare. */
export const HUE: ParameterDefinition = readDefinition({
  path: "hue",
  type: "f32",
  min: 0,
  max: 360,
  unit: "°",
});

/** A machine with its node. */
export interface Machine {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly process: SimulatedProcess;
  readonly node: Node;
}

/** Machines on one segment. */
export class Show extends Park {
  /** A machine with a node, an app unless told otherwise. */
  async machine(name: string, overrides: Partial<NodeOptions> = {}): Promise<Machine> {
    return await this.boot(name, this.host(name), overrides);
  }

  /** A node on a machine that is there: in a new process, over the disk that it has. */
  async boot(name: string, host: SimulatedHost, overrides: Partial<NodeOptions> = {}): Promise<Machine> {
    const process = host.createProcess();
    const node = await this.start(process.platform, {
      name,
      role: "app",
      discovery: {},
      insecure: true,
      ...overrides,
    });
    return { name, host, process, node };
  }

  /** Apps of which the first leads, then the second, and so on. */
  async apps<const Names extends readonly string[]>(
    ...names: Names
  ): Promise<{ [Index in keyof Names]: Machine }> {
    const machines: Machine[] = [];
    for (const [index, name] of names.entries()) {
      machines.push(await this.machine(name, { priority: 200 - 10 * index }));
    }
    await this.until(
      () => machines.every(({ node }) => node.discovery?.leaderId === machines[0]?.node.id),
      `${names[0]} leads`,
    );
    // One machine a name: what the mapped type says.
    return machines as { [Index in keyof Names]: Machine };
  }

  /** Takes a machine off the switch; what is on its way is lost. */
  unplug({ name }: { readonly name: string }): void {
    const segment = this.world.segment("lan");
    for (const { name: other } of this.world.hosts) {
      if (other === name) continue;
      segment.cut(name, other);
      segment.cut(other, name);
    }
  }

  plug({ name }: { readonly name: string }): void {
    const segment = this.world.segment("lan");
    for (const { name: other } of this.world.hosts) {
      if (other === name) continue;
      segment.heal(name, other);
      segment.heal(other, name);
    }
  }

  /** A client that has everything. */
  async client({ node }: Machine): Promise<ReplicaService> {
    const client = node.state.client();
    await this.synced(client);
    return client;
  }

  async synced(client: ReplicaService): Promise<void> {
    await this.until(() => client.replica.isSynced, () => `everything is here: ${missing(client)}`);
  }

  /** Until a client follows the host that a machine is. */
  async follows(client: ReplicaService, { node, name }: Machine): Promise<void> {
    await this.until(
      () => client.replica.isSynced && client.replica.epoch?.hostId === node.id,
      () => `${name} is followed, not ${client.replica.epoch?.hostId}: ${missing(client)}`,
    );
  }

  idOf(client: ReplicaService, path: string): PathId {
    const id = client.replica.book?.idOf(path);
    assert(id !== undefined && id > 0, `${path} is not known`);
    return id;
  }

  async knows(client: ReplicaService, path: string): Promise<void> {
    await this.until(() => (client.replica.book?.idOf(path) ?? 0) > 0, `${path} is known`);
  }

  /** Writes a value and waits until it is acknowledged. @returns whether the host alone had it then. */
  async write(client: ReplicaService, path: string, value: StateValue, priority = 100): Promise<boolean> {
    const answer = client.replica.set(client.nowUs(), this.idOf(client, path), value, { priority });
    assertEquals(answer, "taken");
    client.pump();
    await this.until(() => client.replica.pendingWrites === 0, `${path} is acknowledged`);
    return client.replica.isSingle;
  }

  async shows(client: ReplicaService, path: string, value: StateValue): Promise<void> {
    const shown = () => client.replica.values?.valueOf((client.replica.book?.idOf(path) ?? 0) as PathId);
    await this.until(() => shown() === value, () => `${path} is ${value}, not ${shown()}`);
  }

  /** Until a machine hosts. */
  async hosts({ node, name }: Machine): Promise<void> {
    await this.until(() => node.state.hosted !== null, `${name} hosts`);
  }

  /** A path that a host makes itself. */
  define({ node }: Machine, definition: Partial<ParameterDefinition>): void {
    const service = node.state.hosted;
    assert(service !== null);
    assert(!isRefusal(service.host.define(service.nowUs(), readDefinition(definition))));
    service.pumpSoon();
  }

  override async until(condition: () => boolean, what: string | (() => string)): Promise<void> {
    const isThere = await this.world.runUntilTrue(condition, this.world.nowUs + 60_000_000);
    assert(isThere, `not in a minute: ${typeof what === "string" ? what : what()}`);
  }

  /** All copies are the same. */
  assertEqual(...clients: readonly ReplicaService[]): void {
    const [first, ...others] = clients.map(contentOf);
    for (const other of others) assertEquals(other, first);
  }
}

/** Everything that a client has, by path. */
export function contentOf({ replica }: ReplicaService): Record<string, unknown> {
  const content: Record<string, unknown> = {};
  for (let id = 1; id <= (replica.book?.lastId ?? 0); id++) {
    const path = replica.book?.definitionOf(id as PathId)?.path;
    if (path === undefined) continue;
    const at = id as PathId;
    content[path] = [replica.hostValueOf(at), replica.holderOf(at), replica.priorityOf(at)];
  }
  return content;
}

function missing(client: ReplicaService): string {
  return JSON.stringify(client.replica.missing()) + String(client.lastFailure);
}
