// What a group and a display may be, who stands in whom, and what two versions differ in.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import {
  checkNesting,
  differenceOf,
  type DisplayGroup,
  editionOf,
  emptyGroup,
  groupDefinition,
  idInPath,
  LAYOUTS,
  MAX_MEMBERS,
  MAX_WINDOWS,
  missingDisplays,
  MODES,
  poseInRoom,
  readDisplay,
  readGroup,
  readStatus,
  tellDifference,
} from "../../../../lib/state/groups/mod.ts";
import { readDefinition } from "../../../../lib/state/schema/mod.ts";
import { nodeOf } from "./stage.ts";

/** The error with which a group is refused. */
function refusal(value: unknown, id = "wall"): HanaError {
  return assertThrows(() => readGroup(id, value), HanaError);
}

function assertNear(value: number | undefined, wanted: number): void {
  assert(Math.abs((value ?? Infinity) - wanted) < 1e-9, `${value} is not ${wanted}`);
}

Deno.test("a group with nothing said has every field, and reads the same again", () => {
  const group = readGroup("wall", {});
  assertEquals(group, emptyGroup("wall"));
  assertEquals(readGroup("wall", group), group);
});

Deno.test("what is wrong in a group is named with its field and what is right there", () => {
  const node = nodeOf(1);
  const member = { display: "a", node, windows: [] };
  const cases: readonly (readonly [unknown, string])[] = [
    [[], "it must be an object with name, parent"],
    [{ roration: [0, 0, 0, 1] }, 'unknown field "roration"'],
    [{ position: [0, Number.NaN, 0] }, "position cannot be NaN"],
    [{ position: [0, 1] }, "a list of 3 numbers"],
    [{ position: [0, Infinity, 0] }, "finite numbers"],
    [{ rotation: [0, 0, 0, 0.9] }, "of length 1, not 0.9000"],
    [{ name: "" }, "printable text"],
    [{ name: "a\nb" }, "printable text"],
    [{ parent: "wall" }, "none stands within itself"],
    [{ parent: "a/b" }, "an id such as stage-left"],
    [{ layout: "gird" }, "one of free, row"],
    [{ strict: 1 }, "true or false"],
    [{ strict: true, sync: "free" }, "false with sync free"],
    [{ version: 0 }, "a whole number from 1 on"],
    [{ version: 1.5 }, "a whole number from 1 on"],
    [{ members: {} }, "a list"],
    [{ members: [{ display: "a" }] }, "has no members[0].node"],
    [{ members: [member, member] }, "is not in the group already"],
    [{ members: [{ ...member, nodes: node }] }, 'unknown field "members[0].nodes"'],
    [{ members: [{ ...member, windows: [{ id: "w", bounds: [0, 0, 0, 9] }] }] }, "above 0"],
    [{ members: [{ ...member, windows: [{ id: "w" }] }] }, "a list of 4 numbers"],
  ];
  for (const [value, text] of cases) {
    const { code, message } = refusal(value);
    assertEquals(code, "schema");
    assert(message.includes(text), `${message} does not say: ${text}`);
  }
  assertEquals(refusal({ roration: 1 }).hint, "did you mean rotation?");
  assertEquals(refusal({ layout: "gird" }).hint, "did you mean grid?");
  assert(refusal({}, "Wall").message.includes("cannot be the id"));
});

Deno.test("a group of the largest size fits the state", () => {
  const windows = Array.from({ length: MAX_WINDOWS }, (_, at) => ({
    id: `w${at}`,
    bounds: [0, 0, 1920, 1080],
    visualization: "aurora",
  }));
  const members = Array.from({ length: MAX_MEMBERS }, (_, at) => ({
    display: `display-${at}`,
    node: nodeOf(at),
    windows: at === 0 ? windows : [],
  }));
  const group = readGroup("wall", { members });
  const definition = groupDefinition("wall", group);
  assertEquals(readDefinition({ ...definition }), definition);
  const most = { members: [...members, { display: "more", node: nodeOf(1) }] };
  assert(refusal(most).message.includes(`at most ${MAX_MEMBERS}`));
  const more = [{ id: "more", bounds: [0, 0, 1, 1] }];
  const crowded = members.map((member, at) => at === 1 ? { ...member, windows: more } : member);
  assert(refusal({ members: crowded }).message.includes(`at most ${MAX_WINDOWS} windows`));
});

Deno.test("a display says whose it is and how large", () => {
  const node = nodeOf(3);
  const display = readDisplay("left-1", { node, resolution: [1920, 1080] });
  assertEquals(display.name, "left-1");
  assertEquals([display.size, display.pose, display.status], [null, null, "on"]);
  assertEquals(readDisplay("left-1", display), display);
  assertThrows(
    () => readDisplay("left-1", { node, resolution: [1920.5, 1080] }),
    HanaError,
    "each from 1 to",
  );
  assertThrows(() => readDisplay("left-1", { resolution: [1, 1] }), HanaError, "has no node");
  assertThrows(
    () => readDisplay("left-1", { node, resolution: [1, 1], pose: { rotation: [1, 1, 0, 0] } }),
    HanaError,
    "pose.rotation cannot be",
  );
});

Deno.test("groups stand in one another without rings, and not too deep", () => {
  const groups = new Map<string, DisplayGroup>();
  const put = (id: string, parent: string | null) => groups.set(id, { ...emptyGroup(id), parent });
  const of = (id: string) => groups.get(id) ?? null;
  put("stage", null);
  put("wall", "stage");
  checkNesting("screen", { ...emptyGroup("screen"), parent: "wall" }, of);
  assertThrows(
    () => checkNesting("stage", { ...emptyGroup("stage"), parent: "wall" }, of),
    HanaError,
    "stage in wall in stage",
  );
  const lost = assertThrows(
    () => checkNesting("screen", { ...emptyGroup("screen"), parent: "wal" }, of, groups.keys()),
    HanaError,
  );
  assertEquals(lost.hint, "did you mean wall?");
  for (let i = 0; i < 9; i++) put(`g${i}`, i === 0 ? null : `g${i - 1}`);
  assertThrows(
    () => checkNesting("deep", { ...emptyGroup("deep"), parent: "g8" }, of),
    HanaError,
    "at most 8 deep",
  );
});

Deno.test("a group stands in the room where its parents carry it", () => {
  const half = Math.SQRT1_2;
  // A quarter turn to the left about the vertical, one metre up.
  const stage = readGroup("stage", { position: [0, 1, 0], rotation: [0, half, 0, half] });
  const wall = readGroup("wall", { parent: "stage", position: [2, 0, 0], rotation: [0, half, 0, half] });
  const { position, rotation } = poseInRoom(wall, (id) => id === "stage" ? stage : null);
  [0, 1, -2].forEach((part, at) => assertNear(position[at], part));
  [0, 1, 0, 0].forEach((part, at) => assertNear(rotation[at], part));
});

Deno.test("displays that nobody has, or that moved to another node, are told", () => {
  const [here, there] = [nodeOf(1), nodeOf(2)];
  const group = readGroup("wall", {
    members: [{ display: "a", node: here }, { display: "b", node: here }, { display: "c", node: here }],
  });
  const displays = new Map([
    ["a", readDisplay("a", { node: here, resolution: [1, 1] })],
    ["b", readDisplay("b", { node: there, resolution: [1, 1] })],
  ]);
  const missing = missingDisplays(group, (id) => displays.get(id) ?? null);
  assertEquals(missing.map(({ member }) => member.display), ["b", "c"]);
  assertEquals(missing[0]?.why, `b is a display of the node ${there} now`);
});

Deno.test("a difference says what is whose", () => {
  const node = nodeOf(1);
  const base = readGroup("wall", {
    members: [{ display: "a", node, windows: [{ id: "w", bounds: [0, 0, 1, 1] }] }, { display: "b", node }],
  });
  const [a, b] = base.members;
  assert(a !== undefined && b !== undefined);
  assertEquals(tellDifference(differenceOf(base, { ...base, version: 7, position: [1, 0, 0] })), [
    "position: yours 0,0,0 · theirs 1,0,0",
  ]);
  assertEquals(tellDifference(differenceOf(base, { ...base, mode: "mirror", members: [a] })), [
    "mode: yours span · theirs mirror",
    "member b: yours in the group · theirs not in the group",
  ]);
  assertEquals(tellDifference(differenceOf(base, { ...base, members: [b, a] })), [
    "order of members: yours a, b · theirs b, a",
  ]);
  const moved = { ...a, windows: [{ id: "w", bounds: [5, 0, 1, 1] as const, visualization: "aurora" }] };
  assertEquals(tellDifference(differenceOf(base, { ...base, members: [moved, b] })), [
    "member a window w bounds: yours 0,0,1,1 · theirs 5,0,1,1",
    "member a window w visualization: yours none · theirs aurora",
  ]);
  assertEquals(differenceOf(base, { ...base, version: 2 }), []);
});

Deno.test("editions differ whenever anything in a group does", () => {
  const half = fc.integer({ min: -1_000, max: 1_000 });
  const arbitrary = fc.record({
    position: fc.tuple(half, half, half),
    layout: fc.constantFrom(...LAYOUTS),
    mode: fc.constantFrom(...MODES),
    version: fc.integer({ min: 1, max: 5 }),
    members: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 })
      .map((displays) => displays.map((display) => ({ display, node: nodeOf(1) }))),
  });
  fc.assert(fc.property(arbitrary, arbitrary, (one, other) => {
    const [a, b] = [readGroup("wall", one), readGroup("wall", other)];
    const isSame = a.version === b.version && differenceOf(a, b).length === 0;
    assertEquals(editionOf(a).digest === editionOf(b).digest, isSame);
  }));
});

Deno.test("ids are found in paths, and a status is read as it was written or not at all", () => {
  assertEquals(idInPath("groups", "groups/wall"), "wall");
  assertEquals([idInPath("groups", "groups/a/b"), idInPath("groups", "groups-status/wall")], [null, null]);
  const standing = { version: 1, state: "shown", sinceMs: 5, late: false, why: null };
  const status = { version: 1, wanted: 1, phase: "shown", why: null, displays: { a: standing } };
  assertEquals(readStatus(status), status as ReturnType<typeof readStatus>);
  assertEquals(readStatus({ ...status, phase: "done" }), null);
  assertEquals(readStatus({ ...status, displays: { a: { ...standing, state: "fine" } } }), null);
  assertEquals(readStatus(null), null);
});
