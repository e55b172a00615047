// Descendants out of one list of all processes: for systems that tell parents and nothing else.
// Decides that a child cannot have started before its parent: where a parent has ended, its number may belong to somebody
// else by now, who must not inherit its children (winsw #123).

import type { ProcessFacts } from "../../mod.ts";

/** All that descend from `of`, children after their parents, without those themselves. */
export function familyOf(all: readonly ProcessFacts[], of: readonly number[]): ProcessFacts[] {
  const byNumber = new Map(all.map((facts) => [facts.processId, facts]));
  const children = new Map<number, ProcessFacts[]>();
  for (const facts of all) {
    const parent = byNumber.get(facts.parentId);
    if (parent !== undefined && parent.startedAt > facts.startedAt) continue;
    const siblings = children.get(facts.parentId);
    if (siblings === undefined) children.set(facts.parentId, [facts]);
    else siblings.push(facts);
  }
  const seen = new Set(of);
  const found: ProcessFacts[] = [];
  const visit = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      if (seen.has(child.processId)) continue;
      seen.add(child.processId);
      found.push(child);
    }
  };
  of.forEach(visit);
  for (let at = 0; at < found.length; at++) visit(found[at]?.processId ?? 0);
  return found;
}
