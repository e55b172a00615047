// From settings to the options of a node: keys, directories, discovery. One place for all commands that need a node.

import type { Role } from "../../lib/base/mod.ts";
import type { NodeOptions } from "../../lib/node/mod.ts";
import { type KeyRing, openMeshKeyRing } from "../../lib/security/mod.ts";
import { buildInfo } from "../build_info.ts";
import type { SettingName } from "../config/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { KeyStore } from "../mesh/key_store.ts";

/** Settings of every command that looks for nodes. */
export const LOOK_SETTINGS: readonly SettingName[] = [
  "interface",
  "discoveryPort",
  "discoveryGroup",
  "peers",
  "keyFile",
  "lanes",
  "wire",
];

/** The keys of this machine; the open ring where it has none. */
export async function machineKeys(cli: Cli): Promise<KeyRing> {
  return (await KeyStore.open(cli)).load() ?? openMeshKeyRing();
}

/** What every node of this machine has in common; `keys` are those of the machine unless given. */
export async function commonOptions(cli: Cli, role: Role, keys?: KeyRing): Promise<NodeOptions> {
  const { settings } = cli;
  return {
    role,
    software: buildInfo().version,
    stateDirectory: settings.stateDir,
    runDirectory: null,
    keys: keys ?? await machineKeys(cli),
    codec: settings.wire,
    maxFrameBytes: settings.maxFrame,
    udpLanes: settings.lanes === "udp",
    discovery: {
      port: settings.discoveryPort,
      group: settings.discoveryGroup,
      interfaces: settings.interface,
      seeds: settings.peers.map(seedOf),
      ...(settings.dnsSd ? {} : { dnsSd: false }),
    },
  };
}

/** A peer as discovery asks it: `host` or `host:port` of its UDP port. */
function seedOf(peer: string): string {
  if (peer.startsWith("udp://")) return peer.slice("udp://".length);
  // The TCP port of an address says nothing about the port on which its machine is found.
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:]+)(?::\d+)?$/.exec(peer);
  return tcp?.[1] ?? peer;
}
