// Everything at once, from one seed: partitions, crashes, pauses, restarts with and without memory, drifting clocks,
// loss, doubled and late messages, hand-overs, roles taken and dropped. Then the network heals and one leader is left.

import { forgetful, type LeaseWorld, LeaseWorld as World, MS, SECOND, type WorldOptions } from "./world.ts";
import { rolesOf } from "./world.ts";
import { TestRandom } from "../mesh.ts";

/** What a run is about; what is not given is drawn from the seed. */
export interface ChaosOptions {
  readonly simulatedUs: number;
  readonly isForgetful?: boolean;
  readonly meddle?: WorldOptions["meddle"];
  readonly store?: WorldOptions["store"];
  readonly loss?: number;
  readonly hasCrashes?: boolean;
}

/** Plays one seed until shortly before healing. */
export function playChaos(seed: number, options: ChaosOptions): LeaseWorld {
  const random = new TestRandom(seed ^ 0x5eed);
  const draw = (low: number, high: number) => low + Math.floor((high - low) * random.float());
  const pick = <T>(list: readonly T[]): T => {
    const item = list[draw(0, list.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  };
  const apps = draw(2, 5);
  const isForgetful = options.isForgetful ?? random.float() < 0.3;
  const store = options.store ?? (isForgetful ? forgetful : undefined);
  const world = new World({
    seed,
    roles: rolesOf(apps, draw(Math.max(0, 3 - apps), 6)),
    loss: options.loss ?? pick([0, 0.05, 0.3]),
    delayUs: pick([[500, 3 * MS], [5 * MS, 60 * MS], [MS, 300 * MS]] as const),
    drift: 0.05,
    doubled: 0.05,
    ...(options.meddle === undefined ? {} : { meddle: options.meddle }),
    ...(store === undefined ? {} : { store }),
  });
  const repeat = (lowUs: number, highUs: number, what: () => void) => {
    const again = () => {
      if (world.nowUs > options.simulatedUs) return;
      what();
      world.at(world.nowUs + draw(lowUs, highUs), again);
    };
    world.at(draw(lowUs, highUs), again);
  };
  repeat(15 * SECOND, 30 * SECOND, () => {
    const kind = random.float();
    const islands = kind < 0.4 ? 1 : kind < 0.9 ? 2 : 3;
    for (const node of world.nodes) node.island = draw(0, islands);
  });
  if (options.hasCrashes ?? true) {
    repeat(30 * SECOND, 90 * SECOND, () => {
      const node = random.float() < 0.5 ? world.leaders()[0] ?? pick(world.nodes) : pick(world.nodes);
      world.crash(node);
      world.at(world.nowUs + draw(200 * MS, 40 * SECOND), () => world.start(node));
    });
  }
  repeat(20 * SECOND, 60 * SECOND, () => {
    const node = random.float() < 0.5 ? world.leaders()[0] ?? pick(world.nodes) : pick(world.nodes);
    world.pause(node, draw(3 * SECOND, 20 * SECOND));
  });
  repeat(40 * SECOND, 120 * SECOND, () => {
    const leader = world.leaders()[0];
    if (leader !== undefined && !world.isPaused(leader)) {
      world.act(leader, (core, nowUs) => core.handOver(nowUs));
    }
  });
  repeat(50 * SECOND, 150 * SECOND, () => {
    const node = pick(world.nodes);
    if (world.isPaused(node)) return;
    const isApp = node.role === "app";
    // Somebody must be left to lead.
    if (isApp && world.nodes.filter(({ role }) => role === "app").length < 2) return;
    node.role = isApp ? "visualization" : "app";
    node.priority = draw(0, 2);
    world.act(node, (core, nowUs) => core.setCandidate(nowUs, !isApp, node.priority));
  });
  world.run(options.simulatedUs);
  return world;
}

/** Heals the network and waits for quiet; returns how long it took until one leader was known to all, or null. */
export function healChaos(world: LeaseWorld, limitUs: number): number | null {
  // What is paused or on its way to a restart ends first.
  world.run(world.nowUs + 41 * SECOND);
  world.heal();
  world.loss = 0;
  const healedUs = world.nowUs;
  const isAgreed = () => {
    const [leader, other] = world.leaders();
    const token = leader?.core?.token;
    if (token === undefined || token === null || other !== undefined) return false;
    return world.nodes.every(({ core }) => core?.leader()?.token.leaderId === token.leaderId);
  };
  world.run(healedUs + limitUs, isAgreed);
  return isAgreed() ? world.nowUs - healedUs : null;
}
