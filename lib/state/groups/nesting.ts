// Groups within groups, and displays that are not there.
// Decides whether parents make a tree, where a group stands in the room, and who is missing. Never changes a group.

import { HanaError, nearest } from "../../base/mod.ts";
import { MAX_NESTING } from "./bounds.ts";
import {
  type Display,
  type DisplayGroup,
  type MemberDisplay,
  ORIGIN,
  type Quaternion,
  UPRIGHT,
  type Vector3,
} from "./group.ts";

/** Groups by id, of the state or of a change to it. */
export type GroupLookup = (id: string) => DisplayGroup | null;

/**
 * Whether `group` may stand at `id` among the others: its parents are there, are no ring, and are few enough.
 * `ids` are those that there are, for the hint. Throws `schema`.
 */
export function checkNesting(
  id: string,
  group: DisplayGroup,
  groupOf: GroupLookup,
  ids: Iterable<string> = [],
): void {
  const seen = [id];
  let { parent } = group;
  while (parent !== null) {
    const isRing = parent === id;
    const next = isRing ? null : groupOf(parent);
    seen.push(parent);
    if (isRing) {
      throw new HanaError("schema", {
        what: `the group ${id} cannot stand within ${group.parent}`,
        why: `it would stand within itself: ${seen.join(" in ")}`,
      });
    }
    if (next === null) {
      const near = nearest(parent, ids);
      throw new HanaError("schema", {
        what: `the group ${id} cannot stand within ${group.parent}`,
        why: `there is no group ${parent}`,
        ...(near === null ? {} : { hint: `did you mean ${near}?` }),
      });
    }
    if (seen.length > MAX_NESTING) {
      throw new HanaError("schema", {
        what: `the group ${id} cannot stand within ${group.parent}`,
        why: `groups stand at most ${MAX_NESTING} deep in one another`,
      });
    }
    parent = next.parent;
  }
}

/** Where a group stands in the room: its own pose within that of its parents. Parents that are missing count as the room. */
export function poseInRoom(
  group: DisplayGroup,
  groupOf: GroupLookup,
): { readonly position: Vector3; readonly rotation: Quaternion } {
  let [position, rotation]: [Vector3, Quaternion] = [group.position, group.rotation];
  let { parent } = group;
  for (let depth = 0; parent !== null && depth < MAX_NESTING; depth++) {
    const outer = groupOf(parent);
    if (outer === null) break;
    position = added(outer.position, rotated(outer.rotation, position));
    rotation = multiplied(outer.rotation, rotation);
    parent = outer.parent;
  }
  return { position, rotation };
}

/** Members whose display nobody has reported, or of another node than the group says. */
export function missingDisplays(
  group: DisplayGroup,
  displayOf: (id: string) => Display | null,
): { readonly member: MemberDisplay; readonly why: string }[] {
  const missing: { member: MemberDisplay; why: string }[] = [];
  for (const member of group.members) {
    const display = displayOf(member.display);
    if (display === null) missing.push({ member, why: `no node has a display ${member.display}` });
    else if (display.node !== member.node) {
      missing.push({ member, why: `${member.display} is a display of the node ${display.node} now` });
    }
  }
  return missing;
}

/** The place of a display in a group as its node reports it, with no windows. */
export function memberOf(id: string, display: Display): MemberDisplay {
  return { display: id, node: display.node, windows: [] };
}

/** A group with nothing in it. */
export function emptyGroup(name: string): DisplayGroup {
  return {
    name,
    parent: null,
    position: ORIGIN,
    rotation: UPRIGHT,
    members: [],
    layout: "free",
    mode: "span",
    sync: "frame",
    strict: false,
    version: 1,
  };
}

function added(a: Vector3, b: Vector3): Vector3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/** `a` after `b` (Hamilton's product). */
function multiplied(a: Quaternion, b: Quaternion): Quaternion {
  const [ax, ay, az, aw] = a;
  const [bx, by, bz, bw] = b;
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ];
}

function rotated(by: Quaternion, [x, y, z]: Vector3): Vector3 {
  const [qx, qy, qz, qw] = by;
  const turned = multiplied(multiplied(by, [x, y, z, 0]), [-qx, -qy, -qz, qw]);
  return [turned[0], turned[1], turned[2]];
}
