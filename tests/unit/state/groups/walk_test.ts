// Random days of a wall: versions race, members are slow, refuse, go and come, answers are lost, hosts change.
// Checks that nothing is shown that was not committed, that changes come at their moment, that strict groups change whole,
// and that in the end everything is shown, or said not to be.

import { assert, assertEquals } from "@std/assert";
import { editionOf, type Layout, LAYOUTS } from "../../../../lib/state/groups/mod.ts";
import { CALM, SkewedClock, Stage, type Wall } from "./stage.ts";

const SEEDS = 150;
const GROUPS = ["wall", "floor", "side"];

/** Makes a stage, and does things to it at random. */
function walk(seed: number): Stage {
  const stage = new Stage(seed);
  const { random } = stage;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const count = 2 + Math.floor(random() * 4);
  for (let i = 0; i < count; i++) {
    const clock = new SkewedClock(Math.floor(random() * 2e9), (random() - 0.5) * 90);
    stage.addWall(11 + i, [`d${i}-a`, `d${i}-b`].slice(0, 1 + Math.floor(random() * 2)), clock);
  }
  stage.weather = {
    delayUs: random() * 20_000,
    jitterUs: random() * 10_000,
    asymmetryUs: random() * 20_000,
    loss: random() < 0.5 ? 0 : random() * 0.3,
  };
  stage.run(random() * 1_000_000);
  let hosts = 1;
  const lost = new Map<string, ReturnType<Stage["write"]> | undefined>();
  const change = (id: string): void => {
    lost.set(id, stage.groups.get(id));
    const walls = stage.walls.filter(() => random() < 0.8);
    const isStrict = random() < 0.3;
    stage.write(id, {
      position: [Math.floor(random() * 100), 0, 0],
      layout: pick<Layout>(LAYOUTS),
      members: stage.members(walls),
      strict: isStrict,
      sync: !isStrict && random() < 0.2 ? "free" : "frame",
    });
  };
  const steps = 30 + Math.floor(random() * 40);
  for (let i = 0; i < steps; i++) {
    const wall: Wall = pick(stage.walls);
    const roll = random();
    if (roll < 0.35) change(pick(GROUPS));
    else if (roll < 0.4) stage.remove(pick(GROUPS));
    else if (roll < 0.5) stage.cut(wall);
    else if (roll < 0.62) stage.heal(wall);
    else if (roll < 0.67) stage.restart(wall);
    else if (roll < 0.75) wall.prepareUs = random() < 0.5 ? 0 : random() * 900_000;
    else if (roll < 0.82) wall.refuses = random() < 0.6 ? null : "it cannot";
    else if (roll < 0.92) {
      const why = random() < 0.6 ? null : "it is off";
      const display = pick(wall.displays);
      stage.tell(wall, (member, nowUs) => member.handleDisplay(nowUs, display, why));
      if (why !== null) { for (const id of GROUPS) wall.drawn.delete(`${id} ${display}`); }
    } else {
      // The next host may not have the last change; whoever made it was told so.
      for (const [id, group] of lost) {
        if (random() >= 0.3) continue;
        if (group === undefined) stage.groups.delete(id);
        else stage.groups.set(id, group);
      }
      lost.clear();
      stage.changeHost(100 + ++hosts);
    }
    stage.run(random() < 0.5 ? random() * 60_000 : random() * 900_000);
  }
  return stage;
}

/** Whatever is not as it should be is said. */
function assertFlagged(stage: Stage): void {
  for (const [id, group] of stage.groups) {
    const status = stage.status(id);
    assertEquals(status.wanted, group.version);
    const { digest } = editionOf(group);
    for (const { display } of group.members) {
      const standing = status.displays[display];
      const isShown = stage.drawn(id, display) === digest;
      const text = `${display} of ${id}: ${JSON.stringify(status)}`;
      if (isShown) continue;
      // Of a version that was turned down, the group says that it failed and why; its displays show the one before.
      const isTurnedDown = status.phase === "failed" && status.why !== null;
      assert(standing?.late === true || isTurnedDown, `is not flagged: ${text}`);
      assert(standing?.state !== "shown" || isTurnedDown, `is said to be shown: ${text}`);
    }
    if (group.members.length > 0 && status.phase === "shown") assert(status.version === status.wanted);
  }
}

Deno.test("whatever happens to a wall, it shows what was committed, when it was said to, and in the end the newest", () => {
  let timed = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const stage = walk(seed);
      stage.assertNoViolations();
      // Nothing happens any more, though some are still away, slow or refuse.
      stage.weather = CALM;
      stage.run(40_000_000);
      stage.assertNoViolations();
      assertFlagged(stage);
      for (const wall of stage.walls) {
        stage.heal(wall);
        wall.prepareUs = 1_000;
        wall.refuses = null;
        for (const display of wall.displays) {
          stage.tell(wall, (member, nowUs) => member.handleDisplay(nowUs, display, null));
        }
      }
      // Longer than the longest pause between two attempts.
      stage.run(70_000_000);
      stage.assertNoViolations();
      for (const [id, { members }] of stage.groups) {
        if (members.length > 0) stage.assertShown(id);
        for (const { drawn } of stage.walls) {
          for (const key of drawn.keys()) {
            const [group = "", display = ""] = key.split(" ");
            const isMember = stage.groups.get(group)?.members.some((member) => member.display === display);
            assert(isMember, `${display} shows ${group}, of which it is no member`);
          }
        }
      }
      assertEquals(stage.chair.desk.counters.dropped, 0);
      timed += stage.timed;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert(timed > SEEDS * 5, `only ${timed} changes had a moment`);
});
