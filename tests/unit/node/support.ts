// Nodes on simulated machines: one world, some hosts with a network card each, an open or a keyed mesh.

import { assert } from "@std/assert";
import type { HanaError } from "../../../lib/base/mod.ts";
import { Node, type NodeOptions } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { type SimulatedHost, SimulatedWorld } from "../../../lib/platform/simulated/mod.ts";
import { loadSessionSuite, openMeshKeyRing } from "../../../lib/security/mod.ts";

// Loading the cipher once here keeps it out of the simulated time.
await loadSessionSuite();

export class Park {
  readonly crashes: HanaError[] = [];
  readonly world: SimulatedWorld;
  #hosts = 0;

  constructor(seed = 21) {
    this.world = new SimulatedWorld({ seed, onCrash: (error) => this.crashes.push(error) });
    this.world.createSegment("lan", { delayUs: 200 });
  }

  host(name: string, wallOffsetMs = 0): SimulatedHost {
    const address = `10.0.0.${++this.#hosts}`;
    return this.world.createHost({
      name,
      wallOffsetMs,
      interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }],
      defaultInterface: "eth0",
    });
  }

  start(platform: Platform, overrides: Partial<NodeOptions> = {}): Promise<Node> {
    return this.settle(Node.start(platform, nodeOptions(overrides)));
  }

  /** Lets time pass until the promise settles, a simulated minute at most. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    await this.until(() => settled, "the promise settles");
    return await promise;
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    assert(
      await this.world.runUntilTrue(condition, this.world.nowUs + 60_000_000),
      `not in a minute: ${what}`,
    );
  }
}

/** A daemon without discovery in an open mesh. */
export function nodeOptions(overrides: Partial<NodeOptions> = {}): NodeOptions {
  return {
    role: "daemon",
    software: "0.1.0",
    stateDirectory: "/var/hana",
    runDirectory: "/run/hana",
    keys: openMeshKeyRing(),
    tcpPort: 700,
    discovery: null,
    ...overrides,
  };
}

/** Every path on a disk below `path`. */
export function everything(platform: Platform, path: string): string[] {
  return platform.files.list(path).flatMap((name) => {
    const below = `${path}/${name}`;
    return platform.files.stat(below)?.kind === "directory" ? everything(platform, below) : [below];
  });
}
