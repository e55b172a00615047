// The desk and its members: what a crew sees.

import { assert, assertEquals } from "@std/assert";
import { editionOf } from "../../../../lib/state/groups/mod.ts";
import { nodeOf, SkewedClock, Stage } from "./stage.ts";

/** Three machines with two displays each, clocks apart. */
function wallOfThree(seed = 1): Stage {
  const stage = new Stage(seed);
  stage.addWall(11, ["left-1", "left-2"], new SkewedClock(1_000_000_000, 20));
  stage.addWall(12, ["mid-1", "mid-2"], new SkewedClock(77, -30));
  stage.addWall(13, ["right-1", "right-2"], new SkewedClock(40_000_000, 45));
  stage.run(1_000_000);
  return stage;
}

Deno.test("a wall of three machines changes together, within what their clocks say of themselves", () => {
  const stage = wallOfThree();
  stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.assertShown("wall");
  assertEquals(stage.timed, 3);
  const committed = stage.chair.events.find((event) => event.kind === "committed");
  assert(committed?.kind === "committed");
  assertEquals([committed.displays, committed.of, committed.version], [6, 6, 1]);
  assert(committed.spreadUs !== null && committed.uncertaintyUs !== null);
  assert(committed.spreadUs <= committed.uncertaintyUs, `${committed.spreadUs} µs`);
  assert(stage.worstUs < 1_000, `${stage.worstUs} µs`);
  stage.assertNoViolations();
});

Deno.test("a member that is missing blocks nobody, and is brought to the version when it is back", () => {
  const stage = wallOfThree();
  const [left] = stage.walls;
  assert(left !== undefined);
  stage.cut(left);
  stage.write("wall", { members: stage.members() });
  stage.run(300_000);
  assertEquals(stage.status("wall").phase, "shown");
  assertEquals(stage.status("wall").displays["left-1"]?.state, "missing");
  stage.run(2_000_000);
  assertEquals(stage.status("wall").displays["left-1"]?.late, true);
  assert(stage.chair.events.some((event) => event.kind === "mismatch" && event.display === "left-1"));
  stage.heal(left);
  stage.run(1_000_000);
  stage.assertShown("wall");
  assert(stage.chair.events.some((event) => event.kind === "caught-up" && event.display === "left-1"));
  stage.assertNoViolations();
});

Deno.test("a strict group does not change while a member is missing, says so, and changes when it is back", () => {
  const stage = wallOfThree();
  const [left] = stage.walls;
  assert(left !== undefined);
  const first = stage.write("wall", { members: stage.members(), strict: true });
  stage.run(1_000_000);
  stage.assertShown("wall");
  stage.cut(left);
  stage.write("wall", { position: [1, 0, 0] });
  stage.run(2_000_000);
  const status = stage.status("wall");
  assertEquals([status.phase, status.version, status.wanted], ["failed", 1, 2]);
  assertEquals(status.why, "left-1, left-2: its node cannot be reached");
  assertEquals(stage.drawn("wall", "mid-1"), editionOf(first).digest);
  assert(stage.chair.events.some((event) => event.kind === "aborted" && event.version === 2));
  stage.heal(left);
  stage.run(1_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a member that cannot is told, the others change; in a strict group nobody does", () => {
  const stage = wallOfThree();
  const [, mid] = stage.walls;
  assert(mid !== undefined);
  stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  mid.refuses = "the file bars.mp4 is not there";
  stage.write("wall", { layout: "row" });
  stage.run(2_500_000);
  const status = stage.status("wall");
  assertEquals(status.displays["mid-1"]?.state, "refused");
  assertEquals(status.displays["mid-1"]?.why, "the file bars.mp4 is not there");
  assertEquals([status.displays["mid-1"]?.version, status.displays["mid-1"]?.late], [1, true]);
  assertEquals(status.displays["left-1"]?.state, "shown");
  assertEquals(status.displays["left-1"]?.version, 2);
  assert(stage.chair.events.some((event) => event.kind === "refused" && event.why.includes("bars.mp4")));
  const third = stage.write("wall", { strict: true });
  stage.run(1_500_000);
  assertEquals(stage.status("wall").phase, "failed");
  assert(stage.status("wall").why?.includes("bars.mp4"));
  assert(stage.drawn("wall", "left-1") !== editionOf(third).digest);
  mid.refuses = null;
  stage.run(10_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a slow member delays the others by half a second at most, and follows", () => {
  const stage = wallOfThree();
  const [, , right] = stage.walls;
  assert(right !== undefined);
  right.prepareUs = 900_000;
  stage.write("wall", { members: stage.members() });
  const beganUs = stage.trueUs;
  stage.run(3_500_000);
  stage.assertShown("wall");
  const [left] = stage.walls;
  const first = left?.applied[0];
  assert(first !== undefined && first.at - beganUs < 600_000, `after ${first?.at ?? 0 - beganUs} µs`);
  stage.assertNoViolations();
});

Deno.test("a newer version takes the place of one that is being prepared, which is never seen", () => {
  const stage = wallOfThree();
  for (const wall of stage.walls) wall.prepareUs = 200_000;
  const first = stage.write("wall", { members: stage.members() });
  stage.run(50_000);
  stage.write("wall", { position: [2, 0, 0] });
  stage.run(2_000_000);
  stage.assertShown("wall");
  for (const { applied } of stage.walls) {
    assert(applied.every(({ digest }) => digest !== editionOf(first).digest));
  }
  stage.assertNoViolations();
});

Deno.test("displays of a free group change as each hears of it", () => {
  const stage = wallOfThree();
  const [, mid] = stage.walls;
  assert(mid !== undefined);
  mid.prepareUs = 400_000;
  stage.write("wall", { members: stage.members(), sync: "free" });
  stage.run(100_000);
  assert(stage.drawn("wall", "left-1") !== undefined);
  assertEquals(stage.drawn("wall", "mid-1"), undefined);
  stage.run(1_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a display that leaves its group goes dark when the others change, and all of them when it is taken apart", () => {
  const stage = wallOfThree();
  const [left, mid, right] = stage.walls;
  assert(left !== undefined && mid !== undefined && right !== undefined);
  stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.write("wall", { members: stage.members([left, mid]).filter(({ display }) => display !== "mid-2") });
  stage.run(1_500_000);
  stage.assertShown("wall");
  assertEquals([stage.drawn("wall", "mid-2"), stage.drawn("wall", "right-1")], [undefined, undefined]);
  stage.remove("wall");
  stage.run(1_500_000);
  assertEquals(stage.drawn("wall", "left-1"), undefined);
  assertEquals(stage.chair.statuses.has("wall"), false);
  assertEquals(stage.chair.desk.statusOf("wall"), null);
  // Made again, it begins at version 1.
  stage.write("wall", { members: stage.members() });
  stage.run(1_500_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a machine that restarts, and a display that was off, come back to what the others show", () => {
  const stage = wallOfThree();
  const [left, mid] = stage.walls;
  assert(left !== undefined && mid !== undefined);
  stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.restart(left);
  stage.tell(mid, (member, nowUs) => member.handleDisplay(nowUs, "mid-2", "its cable is out"));
  stage.run(1_500_000);
  assertEquals(stage.status("wall").displays["left-1"]?.state, "shown");
  assertEquals(stage.status("wall").displays["mid-2"]?.state, "unavailable");
  assertEquals(stage.status("wall").displays["mid-2"]?.why, "its cable is out");
  assert(stage.chair.events.some((event) => event.kind === "unavailable" && event.display === "mid-2"));
  stage.tell(mid, (member, nowUs) => member.handleDisplay(nowUs, "mid-2", null));
  stage.run(3_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a host that takes over prepares again, and nobody sees a change where there is none", () => {
  const stage = wallOfThree();
  stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  const before = stage.walls.map(({ applied }) => applied.length);
  stage.changeHost(2);
  stage.run(2_000_000);
  stage.assertShown("wall");
  assertEquals(stage.walls.map(({ applied }) => applied.length), before);
  stage.write("wall", { mode: "mirror" });
  stage.run(2_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("what a lost host told one display to show, the next host has all of them show, also where the group is strict", () => {
  const stage = wallOfThree();
  const [left, mid, right] = stage.walls;
  assert(left !== undefined && mid !== undefined && right !== undefined);
  stage.write("wall", { members: stage.members(), strict: true });
  stage.run(1_000_000);
  const second = stage.write("wall", { position: [3, 0, 0] });
  // Until the decision; the commit reaches the left one alone.
  for (let i = 0; i < 1_000 && stage.chair.desk.counters.commits < 6; i++) stage.run(100);
  for (const wall of [mid, right]) wall.era++;
  stage.run(2_000);
  stage.changeHost(2);
  stage.cut(right);
  stage.run(2_000_000);
  const { digest } = editionOf(second);
  assertEquals([stage.drawn("wall", "left-1"), stage.drawn("wall", "mid-1")], [digest, digest]);
  stage.heal(right);
  stage.run(2_000_000);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("a host that lost the newest version has displays go back, also where it gives that number to another one", () => {
  const stage = wallOfThree();
  const first = stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.write("wall", { position: [9, 0, 0] });
  stage.run(1_000_000);
  stage.groups.set("wall", first);
  stage.changeHost(2);
  stage.run(2_000_000);
  stage.assertShown("wall");
  stage.write("wall", { position: [0, 9, 0] });
  stage.run(2_000_000);
  assertEquals(stage.groups.get("wall")?.version, 2);
  stage.assertShown("wall");
  stage.assertNoViolations();
});

Deno.test("words of a host that another one has followed are refused", () => {
  const stage = wallOfThree();
  const [left] = stage.walls;
  assert(left !== undefined);
  const group = stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  const old = stage.chair;
  stage.changeHost(2);
  stage.run(2_000_000);
  const edition = editionOf({ ...group, version: 9 });
  const body = { term: old.term, order: 99, group: "wall", ...edition, atUs: 0 };
  const { olderHosts } = left.member.counters;
  stage.tell(left, (member, nowUs) => member.handleCommit(nowUs, old.id, body));
  assertEquals(left.member.counters.olderHosts, olderHosts + 1);
  stage.assertShown("wall");
});

Deno.test("a commit of an older decision is refused", () => {
  const stage = wallOfThree();
  const [left] = stage.walls;
  assert(left !== undefined);
  const first = stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.write("wall", { position: [1, 0, 0] });
  stage.run(1_000_000);
  const body = { term: 1, order: 1, group: "wall", ...editionOf(first), atUs: 0 };
  stage.tell(left, (member, nowUs) => member.handleCommit(nowUs, nodeOf(1), body));
  assertEquals(left.member.counters.olderDecisions, 1);
  stage.assertShown("wall");
});

Deno.test("what is no group is said, and displays keep what they show", () => {
  const stage = wallOfThree();
  const group = stage.write("wall", { members: stage.members() });
  stage.run(1_000_000);
  stage.chair.desk.handleGroup(stage.hostUs, "wall", { ...group, roration: [0, 0, 0, 1] });
  stage.run(10_000);
  stage.chair.desk.handleNode(stage.hostUs, nodeOf(99), true);
  assertEquals(stage.chair.desk.statusOf("wall")?.phase, "failed");
  assert(stage.chair.desk.statusOf("wall")?.why?.includes("roration"));
  assertEquals(stage.drawn("wall", "left-1"), editionOf(group).digest);
});
