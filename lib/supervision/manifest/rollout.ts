// In which order programs of a show are changed across all hosts: what is needed first, the members of a group one after
// the other unless they start together. Decides what each one waits for; whoever rolls out waits.

import { findCycle, inOrder } from "../daemon/mod.ts";
import type { Manifest } from "./manifest.ts";
import type { Problems } from "./problems.ts";
import type { HostPlacement } from "./resolve.ts";

/** A program on a host as a key: `aurora@stage-left`. */
export function placeKey(name: string, host: string): string {
  return `${name}@${host}`;
}

/** What must be in place before each program, by {@linkcode placeKey}. Has no circles. */
export type RolloutOrder = ReadonlyMap<string, ReadonlySet<string>>;

/** The order for a show that was placed; groups that cannot be kept are among the problems. */
export function rolloutOrder(
  manifest: Manifest,
  hosts: readonly HostPlacement[],
  problems: Problems,
): RolloutOrder {
  const before = new Map<string, Set<string>>();
  for (const { host, programs } of hosts) {
    for (const { name, spec, elsewhere } of programs) {
      before.set(
        placeKey(name, host),
        new Set([
          ...Object.keys(spec.needs).map((need) => placeKey(need, host)),
          ...elsewhere.map((need) => placeKey(need.name, need.host)),
        ]),
      );
    }
  }
  const ranks = new Map(inOrder(asNeeds(before)).map((key, rank) => [key, rank]));
  for (const group of manifest.groups.values()) {
    const members = group.members.flatMap(({ program, host }) =>
      host === null
        ? hosts.map((each) => placeKey(program, each.host)).filter((key) => before.has(key))
        : before.has(placeKey(program, host))
        ? [placeKey(program, host)]
        : []
    );
    const all = [...new Set(members)];
    const wanted = copyOf(before);
    if (group.start === "together") {
      const shared = new Set(
        all.flatMap((key) => [...before.get(key) ?? []]).filter((key) => !all.includes(key)),
      );
      for (const key of all) for (const other of shared) wanted.get(key)?.add(other);
      // Members that need each other wait on their host; here they are let go at once.
      for (const key of all) for (const other of all) wanted.get(key)?.delete(other);
    } else {
      // Those that are needed come first; otherwise in the order of the manifest.
      const inLine = [...all].sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
      const line = hasNeedsWithin(all, before) ? inLine : all;
      for (const [i, key] of line.entries()) {
        const last = line[i - 1];
        if (last !== undefined) wanted.get(key)?.add(last);
      }
    }
    const cycle = findCycle(asNeeds(wanted));
    if (cycle === null) {
      for (const [key, set] of wanted) before.set(key, set);
      continue;
    }
    problems.add(
      group.at,
      `the group ${group.name} cannot start ${group.start === "together" ? "together" : "one by one"}`,
      `${cycle.join(" waits for ")}`,
      "leave one of them out of the group",
    );
  }
  return before;
}

function hasNeedsWithin(keys: readonly string[], before: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  return keys.some((key) => keys.some((other) => reaches(key, other, before, new Set())));
}

function reaches(
  key: string,
  other: string,
  before: ReadonlyMap<string, ReadonlySet<string>>,
  seen: Set<string>,
): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  const next = before.get(key) ?? new Set<string>();
  return next.has(other) || [...next].some((each) => reaches(each, other, before, seen));
}

function copyOf(before: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  return new Map([...before].map(([key, set]) => [key, new Set(set)]));
}

function asNeeds(before: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Record<string, "ready">> {
  return new Map(
    [...before].map((
      [key, set],
    ) => [key, Object.fromEntries([...set].map((each) => [each, "ready" as const]))]),
  );
}
