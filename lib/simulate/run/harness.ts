// What may be put between a scenario's nodes and their world: a look, or a deliberately planted bug.
// Decides the seams; the node that ships is never changed for it.

import type { NodeOptions } from "../../node/mod.ts";
import type { Platform } from "../../platform/mod.ts";
import type { SimulatedWorld } from "../../platform/simulated/mod.ts";
import type { Scenario } from "../scenario.ts";

/** Seams of a run. All of them are optional; a run without any is the plain one. */
export interface RunHarness {
  /** What a node runs on in place of its platform, for each of its lives. */
  platform?(node: string, platform: Platform): Platform;
  /** What a node is started with in place of what the scenario says. */
  options?(node: string, options: NodeOptions): NodeOptions;
  /** What the shims of a node run on in place of their platform. */
  shimPlatform?(node: string, platform: Platform): Platform;
  /** Called when the world stands and nothing has started yet: for attackers and probes. */
  world?(world: SimulatedWorld, scenario: Scenario): void;
}

/** The tag of a scenario that plants a bug: `planted-bug:forgets-incarnation`. */
const PLANT = "planted-bug:";

/** Bugs that a scenario may plant to prove that it would be seen. */
const BUGS: Readonly<Record<string, RunHarness>> = {
  // The identity file is never there again, except for its id: every life says that it is the first one.
  "forgets-incarnation": {
    platform: (_node, platform) => ({
      ...platform,
      clock: { nowUs: () => platform.clock.nowUs(), wallMs: () => 1 },
      files: {
        read: (path) => forgetIncarnation(path, platform.files.read(path)),
        write: (path, bytes, mode) => platform.files.write(path, bytes, mode),
        remove: (path) => platform.files.remove(path),
        makeDirectory: (path, mode) => platform.files.makeDirectory(path, mode),
        stat: (path) => platform.files.stat(path),
        list: (path) => platform.files.list(path),
        lock: (path) => platform.files.lock(path),
        openAppend: (path, mode) => platform.files.openAppend(path, mode),
        readAt: (path, offset, length) => platform.files.readAt(path, offset, length),
        rename: (from, to) => platform.files.rename(from, to),
        isExecutable: (path) => platform.files.isExecutable(path),
        freeBytes: (path) => platform.files.freeBytes(path),
      },
    }),
  },
};

function forgetIncarnation(path: string, bytes: Uint8Array | null): Uint8Array | null {
  if (bytes === null || !path.endsWith("/identity.json")) return bytes;
  const kept = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  return new TextEncoder().encode(JSON.stringify({ ...kept, incarnation: 0 }));
}

/** The names of the bugs that can be planted. */
export const PLANTED_BUGS: readonly string[] = Object.keys(BUGS);

/** The harness of the bug that a scenario's tags plant; an empty one for a scenario without. */
export function plantedHarness(scenario: Scenario): RunHarness {
  const tag = scenario.tags.find((each) => each.startsWith(PLANT));
  return tag === undefined ? {} : BUGS[tag.slice(PLANT.length)] ?? {};
}
