// Which programs come before which, and whether what one waits for has come (research, section 1.6).
// Decides by specifications and snapshots alone; nothing here waits. What is not reached leaves a program waiting with a
// named reason, for ever if need be: it is never skipped.

import type { Milestone, ProgramSnapshot, ProgramSpec } from "../model/mod.ts";

/** What programs need, by name. */
export type NeedsOf = ReadonlyMap<string, ProgramSpec["needs"]>;

/** Programs that wait for one another in a circle, the first one again at its end; null where there is none. */
export function findCycle(programs: NeedsOf): string[] | null {
  const done = new Set<string>();
  for (const start of programs.keys()) {
    const found = visit(start, programs, done, []);
    if (found !== null) return found;
  }
  return null;
}

function visit(name: string, programs: NeedsOf, done: Set<string>, path: string[]): string[] | null {
  const at = path.indexOf(name);
  if (at >= 0) return [...path.slice(at), name];
  if (done.has(name)) return null;
  path.push(name);
  for (const need of Object.keys(programs.get(name) ?? {})) {
    const found = visit(need, programs, done, path);
    if (found !== null) return found;
  }
  path.pop();
  done.add(name);
  return null;
}

/** All names so that what is needed comes first; by name where nothing else decides. */
export function inOrder(programs: NeedsOf): string[] {
  const ordered: string[] = [];
  const seen = new Set<string>();
  const put = (name: string): void => {
    if (seen.has(name) || !programs.has(name)) return;
    seen.add(name);
    for (const need of Object.keys(programs.get(name) ?? {}).sort()) put(need);
    ordered.push(name);
  };
  for (const name of [...programs.keys()].sort()) put(name);
  return ordered;
}

/** Whether a program has come so far in its present run (or, for `done`, has ended well). */
export function isReached(milestone: Milestone, program: ProgramSnapshot | null): boolean {
  if (program === null) return false;
  const { state, readyUs, startedWallMs } = program;
  const isUp = state === "running" || state === "hung";
  switch (milestone) {
    case "started":
      return isUp || state === "done" || (state === "starting" && startedWallMs !== null);
    case "ready":
      return isUp && readyUs !== null;
    case "done":
      return state === "done";
  }
}

/** What is needed and has not been reached, in words: `waits for tracker to be ready`; null when nothing is missing. */
export function missingOf(
  { needs }: Pick<ProgramSpec, "needs">,
  standing: (name: string) => ProgramSnapshot | null,
): string | null {
  const missing = Object.entries(needs).filter(([name, milestone]) => !isReached(milestone, standing(name)));
  const [first] = missing;
  if (first === undefined) return null;
  const others = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  const [name, milestone] = first;
  if (standing(name) === null) return `waits for ${name}, which is not known here${others}`;
  const goal = milestone === "ready" ? "be ready" : milestone === "done" ? "be done" : "start";
  return `waits for ${name} to ${goal}${others}`;
}
