// What two versions of a group differ in, in words for a person whose change came too late.
// Decides the wording: one line a field, "yours" before "theirs".

import type { DisplayGroup, MemberDisplay } from "./group.ts";

/** A field in which two groups differ. */
export interface GroupDifference {
  readonly field: string;
  readonly yours: string;
  readonly theirs: string;
}

const PLAIN = ["name", "parent", "layout", "mode", "sync", "strict"] as const;
/** Lines before the rest is counted. */
const MAX_LINES = 12;

/** In what `yours` and `theirs` differ, apart from their version; nothing where they say the same. */
export function differenceOf(yours: DisplayGroup, theirs: DisplayGroup): GroupDifference[] {
  const differences: GroupDifference[] = [];
  const note = (field: string, a: string, b: string): void => {
    if (a !== b) differences.push({ field, yours: a, theirs: b });
  };
  for (const field of PLAIN) note(field, word(yours[field]), word(theirs[field]));
  note("position", numbers(yours.position), numbers(theirs.position));
  note("rotation", numbers(yours.rotation), numbers(theirs.rotation));
  const theirMembers = new Map(theirs.members.map((member) => [member.display, member]));
  for (const member of yours.members) {
    const other = theirMembers.get(member.display);
    theirMembers.delete(member.display);
    if (other === undefined) note(`member ${member.display}`, "in the group", "not in the group");
    else noteMember(note, member, other);
  }
  for (const display of theirMembers.keys()) note(`member ${display}`, "not in the group", "in the group");
  const order = (group: DisplayGroup) => group.members.map(({ display }) => display).join(", ");
  const isReordered = differences.every(({ field }) => !field.startsWith("member ")) ||
    differences.length === 0;
  if (isReordered) note("order of members", order(yours), order(theirs));
  return differences;
}

/** The differences as lines: `position: yours 0,0,0 · theirs 1,0,0`. */
export function tellDifference(differences: readonly GroupDifference[]): string[] {
  const lines = differences.slice(0, MAX_LINES)
    .map(({ field, yours, theirs }) => `${field}: yours ${yours} · theirs ${theirs}`);
  if (differences.length > MAX_LINES) lines.push(`and ${differences.length - MAX_LINES} more`);
  return lines;
}

function noteMember(
  note: (field: string, a: string, b: string) => void,
  yours: MemberDisplay,
  theirs: MemberDisplay,
): void {
  const at = `member ${yours.display}`;
  note(`${at} node`, yours.node, theirs.node);
  const others = new Map(theirs.windows.map((window) => [window.id, window]));
  for (const window of yours.windows) {
    const other = others.get(window.id);
    others.delete(window.id);
    const name = `${at} window ${window.id}`;
    if (other === undefined) note(name, "there", "not there");
    else {
      note(`${name} bounds`, numbers(window.bounds), numbers(other.bounds));
      note(`${name} visualization`, word(window.visualization), word(other.visualization));
    }
  }
  for (const id of others.keys()) note(`${at} window ${id}`, "not there", "there");
}

function word(value: string | boolean | null): string {
  return value === null ? "none" : String(value);
}

/** Short enough to compare by eye; what differs below a millionth is the same to people. */
function numbers(values: readonly number[]): string {
  return values.map((value) => String(Number(value.toFixed(6)))).join(",");
}
