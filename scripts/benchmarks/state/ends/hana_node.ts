// Nodes as they ship, for the live parts: one that hosts, and others that come to it by its address over loopback.
// Decides that discovery is left out; keys, sessions, datagrams and the state's own service are all there.

import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, toHex } from "../../../../lib/base/mod.ts";
import { Node } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../../lib/security/mod.ts";
import { isRefusal, readDefinition, type ReplicaService, type StateHost } from "../../../../lib/state/mod.ts";

const JOIN_MS = 20_000;

const common = { software: "bench", discovery: null, readsHardware: false, udpLanes: true } as const;

/** A node that hosts the shared state; `fill` puts into it what is there from the beginning. */
export async function startHost(
  directory: string,
  fill: (host: StateHost, nowUs: number) => void,
): Promise<{ readonly node: Node; readonly address: string }> {
  writeFileSync(`${directory}/key`, toHex(crypto.getRandomValues(new Uint8Array(32))));
  const node = await Node.start(denoPlatform(), {
    ...common,
    role: "daemon",
    name: "host",
    state: { host: true },
    stateDirectory: `${directory}/s`,
    runDirectory: `${directory}/r`,
    keys: keysOf(directory),
  });
  node.state.onHosted((service) => fill(service.host, service.nowUs()));
  // All are on one machine.
  const address = node.addresses.find((each) => each.startsWith("tcp://")) ?? "";
  return { node, address: `tcp://127.0.0.1:${address.slice(address.lastIndexOf(":") + 1)}` };
}

/** A node that comes to it; with a state directory it is the same node again. */
export async function startGuest(directory: string, stateDirectory = ""): Promise<Node> {
  return await Node.start(denoPlatform(), {
    ...common,
    role: "observer",
    tcpPort: null,
    stateDirectory,
    runDirectory: null,
    keys: keysOf(directory),
  });
}

/** Its client, when it has everything that the host has. */
export async function joinHost(
  node: Node,
  address: string,
  options: { readonly name: string; readonly token?: Uint8Array },
): Promise<ReplicaService> {
  const client = node.state.client({ ...options, findHost: () => Promise.resolve(address) });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(client.lastFailure ?? new Error("no host answers")), JOIN_MS);
    const look = (): void => {
      if (!client.replica.isSynced) return;
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = client.onBatch(look);
    look();
  });
  return client;
}

/** Declares a path at a host. */
export function define(host: StateHost, nowUs: number, definition: Readonly<Record<string, unknown>>): void {
  const defined = host.define(nowUs, readDefinition(definition));
  if (isRefusal(defined)) throw new Error(defined.why);
}

function keysOf(directory: string): MeshKeyRing {
  return new MeshKeyRing(new MeshKey(fromHex(readFileSync(`${directory}/key`, "utf8"))), null);
}
