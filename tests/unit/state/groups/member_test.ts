// One node's displays, message by message.

import { assert, assertEquals } from "@std/assert";
import {
  type DisplayGroup,
  editionOf,
  emptyGroup,
  GroupMember,
  MAX_LEAD_US,
  type MemberOutput,
  type PrepareBody,
  SharedClock,
} from "../../../../lib/state/groups/mod.ts";
import { nodeOf } from "./stage.ts";

const [HOST, NODE] = [nodeOf(1), nodeOf(11)];

function groupOf(version: number, displays: readonly string[] = ["a", "b"]): DisplayGroup {
  const members = displays.map((display) => ({ display, node: NODE, windows: [] }));
  return { ...emptyGroup("wall"), version, members };
}

function prepareOf(group: DisplayGroup, order: number): PrepareBody {
  const displays = group.members.map(({ display }) => display);
  return { term: 1, order, group: "wall", ...editionOf(group), value: { ...group }, displays };
}

function drain(member: GroupMember): MemberOutput[] {
  const outputs: MemberOutput[] = [];
  for (let output = member.poll(); output !== null; output = member.poll()) outputs.push(output);
  return outputs;
}

/** A member with two displays that follows the host. */
function member(clock = new SharedClock()): GroupMember {
  const made = new GroupMember(clock);
  made.handleHost(0, { term: 1, hostId: HOST });
  for (const display of ["a", "b"]) made.handleDisplay(0, display, null);
  drain(made);
  return made;
}

/** Prepares and commits a group at once. */
function show(made: GroupMember, nowUs: number, group: DisplayGroup, order: number): MemberOutput[] {
  made.handlePrepare(nowUs, HOST, prepareOf(group, order));
  made.handlePrepared(nowUs, "wall", editionOf(group), null);
  made.handleCommit(nowUs, HOST, { term: 1, order, group: "wall", ...editionOf(group), atUs: 0 });
  return drain(made);
}

Deno.test("a commit of another version than was prepared shows nothing, and the host hears what is shown", () => {
  const made = member();
  const [first, second] = [groupOf(1), groupOf(2)];
  made.handlePrepare(0, HOST, prepareOf(second, 2));
  made.handlePrepared(0, "wall", editionOf(second), null);
  drain(made);
  made.handleCommit(1, HOST, { term: 1, order: 1, group: "wall", ...editionOf(first), atUs: 0 });
  const outputs = drain(made);
  assertEquals(outputs.map(({ kind }) => kind), ["shown"]);
  assertEquals(made.counters.unprepared, 1);
  assertEquals(made.shownOn("wall", "a"), null);
});

Deno.test("a commit before the program is ready shows nothing", () => {
  const made = member();
  const first = groupOf(1);
  made.handlePrepare(0, HOST, prepareOf(first, 1));
  made.handleCommit(1, HOST, { term: 1, order: 1, group: "wall", ...editionOf(first), atUs: 0 });
  assertEquals(drain(made).map(({ kind }) => kind), ["prepare", "shown"]);
  assertEquals(made.shownOn("wall", "a"), null);
});

Deno.test("a display that goes off leaves what it showed, and comes back with nothing", () => {
  const made = member();
  show(made, 0, groupOf(1), 1);
  assertEquals(made.shownOn("wall", "b"), editionOf(groupOf(1)));
  made.handleDisplay(5, "b", "its cable is out");
  const [apply, shown] = drain(made);
  assert(apply?.kind === "apply" && shown?.kind === "shown");
  assertEquals(apply.picture.displays, ["a"]);
  assertEquals(shown.body.shown.map(({ display }) => display), ["a"]);
  made.handleDisplay(6, "b", null);
  drain(made);
  assertEquals(made.shownOn("wall", "b"), null);
});

Deno.test("a program that could not change is told of with its reason, and the display shows what it did before", () => {
  const made = member();
  show(made, 0, groupOf(1), 1);
  show(made, 10, groupOf(2), 2);
  made.handleFailed(11, "wall", "b", "out of memory");
  const report = drain(made).at(-1);
  assert(report?.kind === "shown");
  const rows = report.body.shown.map(({ display, version, failed }) => [display, version, failed]);
  assertEquals(rows, [["a", 2, null], ["b", 1, "out of memory"]]);
});

Deno.test("a moment that cannot be meant is not waited for", () => {
  const clock = new SharedClock();
  clock.lead();
  const made = member(clock);
  const first = groupOf(1);
  made.handlePrepare(0, HOST, prepareOf(first, 1));
  made.handlePrepared(0, "wall", editionOf(first), null);
  const atUs = 10 * MAX_LEAD_US;
  made.handleCommit(1, HOST, { term: 1, order: 1, group: "wall", ...editionOf(first), atUs });
  assert(drain(made).some(({ kind }) => kind === "apply"));
  assertEquals(made.counters.untimed, 1);
});

Deno.test("contents that are not those of their digest, and displays of somebody else, are refused", () => {
  const made = member();
  const first = groupOf(1);
  made.handlePrepare(0, HOST, { ...prepareOf(first, 1), value: { ...first, layout: "row" } });
  made.handlePrepare(0, HOST, prepareOf(groupOf(1, ["x"]), 2));
  made.handlePrepare(0, HOST, { ...prepareOf(first, 3), value: { ...first, colour: 1 } });
  const reasons = drain(made).flatMap((output) => output.kind === "answer" ? [output.reply.why] : []);
  assertEquals(reasons[0], "its contents are not those of its digest");
  assertEquals(reasons[1], "this node has no display x");
  assert(reasons[2]?.includes('unknown field "colour"'));
  assertEquals(made.counters.refusals, 3);
});
