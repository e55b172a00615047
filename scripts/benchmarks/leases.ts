// scripts/bench leases: how long a mesh is without a leader, in simulated time, by voters and loss.
// Decides nothing and promises nothing; docs/leadership.md holds its output. The world is that of the unit tests, which
// also counts two leaders of one lineage and tokens that went back: the last column, which must be 0.

import { LeaseWorld, MS, rolesOf, SECOND } from "../../tests/unit/discovery/lease/world.ts";

const HOUR = 3_600 * SECOND;
const LIMIT_US = 120 * SECOND;

interface Row {
  readonly what: string;
  readonly times: readonly number[];
  readonly note: string;
  readonly violations: number;
}

/** A world of so many voters that has settled; a third of them, two at least, are apps. */
function settled(voters: number, loss: number, seed: number): LeaseWorld {
  const apps = Math.max(2, Math.ceil(voters / 2));
  const world = new LeaseWorld({
    seed,
    roles: rolesOf(apps, voters - apps),
    loss,
    delayUs: [500, 5 * MS],
    drift: 0.01,
  });
  world.run(70 * SECOND);
  return world;
}

/** The leader is killed every minute and comes back after 15 s. */
function failover(voters: number, loss: number, hours: number, seed: number): Row {
  const world = settled(voters, loss, seed);
  const times: number[] = [];
  let missing = 0;
  while (world.nowUs < hours * HOUR) {
    world.run(world.nowUs + 60 * SECOND + Math.floor(world.random.float() * SECOND));
    const [leader] = world.leaders();
    if (leader === undefined) {
      missing++;
      continue;
    }
    const atUs = world.nowUs;
    world.crash(leader);
    world.at(atUs + 15 * SECOND, () => world.start(leader));
    world.run(atUs + LIMIT_US, () => world.leaders().length > 0);
    times.push(world.nowUs - atUs);
  }
  const note = `${times.length} crashes${missing === 0 ? "" : `, ${missing} times none to kill`}`;
  return {
    what: `crash, ${voters} voters, ${100 * loss} % loss`,
    times,
    note,
    violations: world.violations.length,
  };
}

/** Hand-overs, one every ten seconds. */
function handOver(loss: number, count: number, seed: number): Row {
  const world = settled(5, loss, seed);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    world.run(world.nowUs + 10 * SECOND);
    const [leader] = world.leaders();
    if (leader === undefined) continue;
    const atUs = world.nowUs;
    world.act(leader, (core, nowUs) => core.handOver(nowUs));
    world.run(atUs + LIMIT_US, () => world.leaders().length > 0);
    times.push(world.nowUs - atUs);
  }
  const what = `hand-over, 5 voters, ${100 * loss} % loss`;
  return { what, times, note: `${times.length} times`, violations: world.violations.length };
}

/** A random cut in two for 15 to 30 s, every minute. */
function partitions(loss: number, hours: number, seed: number): Row {
  const world = settled(5, loss, seed);
  const times: number[] = [];
  let leaderlessUs = 0;
  let sinceUs = -1;
  const startUs = world.nowUs;
  const watch = () => {
    const isLed = world.leaders().length > 0;
    if (!isLed && sinceUs < 0) sinceUs = world.nowUs;
    if (isLed && sinceUs >= 0) {
      leaderlessUs += world.nowUs - sinceUs;
      times.push(world.nowUs - sinceUs);
      sinceUs = -1;
    }
    return false;
  };
  while (world.nowUs < hours * HOUR) {
    for (const node of world.nodes) node.island = world.random.u32() % 2;
    world.run(world.nowUs + 15 * SECOND + Math.floor(15 * SECOND * world.random.float()), watch);
    world.heal();
    world.run(world.nowUs + 40 * SECOND, watch);
  }
  const share = (100 * leaderlessUs / (world.nowUs - startUs)).toFixed(1);
  const what = `random cut in two each minute, ${100 * loss} % loss`;
  return { what, times, note: `leaderless ${share} % of the time`, violations: world.violations.length };
}

function render({ what, times, note, violations }: Row): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => {
    const us = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
    return us < 1_000 * MS ? `${Math.round(us / MS)} ms` : `${(us / SECOND).toFixed(2)} s`;
  };
  return `| ${what} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${note} | ${violations} |\n`;
}

const hours = Number(Deno.args[0] ?? 20);
const encoder = new TextEncoder();
const write = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
write("| without a leader after | p50 | p99 | max | | two leaders |\n|---|---|---|---|---|---|\n");
for (const voters of [3, 5, 7]) {
  for (const loss of [0, 0.05, 0.3]) write(render(failover(voters, loss, hours, 10 * voters + 100 * loss)));
}
for (const loss of [0, 0.05, 0.3]) write(render(handOver(loss, 50 * hours, 7)));
for (const loss of [0.05, 0.3]) write(render(partitions(loss, hours, 9)));
