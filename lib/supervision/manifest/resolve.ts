// Where the programs of a show run: every selector against the hosts of the manifest, or the living nodes where it has none.
// Decides one specification a host and program; the same mesh gives the same answer, and a program that was placed by load
// stays where it is. Starts nothing and asks nobody.

import { HanaError, nearest } from "../../base/mod.ts";
import type { Milestone, ProgramSpec } from "../model/mod.ts";
import type { HostSelector, Manifest, ManifestProgram } from "./manifest.ts";
import { Problems } from "./problems.ts";
import { hasTag, hostsOfGroup } from "./selectors.ts";
import { quoted } from "./values.ts";

/** What is known of a node. */
export interface KnownHost {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Whether it can be reached. */
  readonly isPresent: boolean;
  /** 0 to 100, the busier one of processors and graphics card; null where it does not tell. */
  readonly busyPercent: number | null;
  /** Programs of this show that it has already. */
  readonly programs: ReadonlySet<string>;
  /** Whether a condition on what it announces holds. Throws HanaError for a condition that cannot be read. */
  fits(condition: string): boolean;
}

/** A program on one host. */
export interface Placed {
  readonly name: string;
  readonly spec: ProgramSpec;
  readonly want: "up" | "once";
  /** What it needs on other hosts: an order for rolling out, since a host knows its own programs alone. */
  readonly elsewhere: readonly {
    readonly name: string;
    readonly host: string;
    readonly milestone: Milestone;
  }[];
}

/** A host and what it is to have. */
export interface HostPlacement {
  readonly host: string;
  readonly programs: readonly Placed[];
}

/** Where everything goes. */
export interface Resolution {
  /** By name; hosts of the manifest without programs are there too. */
  readonly hosts: readonly HostPlacement[];
  readonly problems: Problems;
}

/** Load that counts where a node tells none: one that tells is taken first. */
const UNKNOWN_LOAD = 101;

/** Places the programs of a manifest. */
export function resolveManifest(manifest: Manifest, nodes: readonly KnownHost[]): Resolution {
  const problems = new Problems();
  const hosts = candidatesOf(manifest, nodes);
  const places = new Map<string, readonly string[]>();
  for (const program of manifest.programs.values()) {
    const found = new Set<string>();
    for (const selector of program.on) {
      for (const name of hostsFor(selector, program, manifest, hosts, problems)) found.add(name);
    }
    places.set(program.name, [...found].sort());
  }
  checkMembers(manifest, places, problems);
  const names = hosts.map(({ name }) => name).sort();
  return {
    hosts: names.map((host) => ({ host, programs: programsOf(host, manifest, places) })),
    problems,
  };
}

interface Candidate extends KnownHost {
  hasTag(tag: string): boolean;
}

function candidatesOf({ hosts }: Manifest, nodes: readonly KnownHost[]): Candidate[] {
  if (hosts === null) {
    return nodes.filter(({ isPresent }) => isPresent).map((node) => ({
      ...node,
      fits: (condition) => node.fits(condition),
      hasTag: (tag) => hasTag(Object.entries(node.tags).map(([key, value]) => `${key}=${value}`), tag),
    }));
  }
  return [...hosts.values()].map(({ name, tags }) => {
    const node = nodes.find((each) => each.name === name && each.isPresent);
    return {
      name,
      tags: node?.tags ?? {},
      isPresent: node !== undefined,
      busyPercent: node?.busyPercent ?? null,
      programs: node?.programs ?? new Set(),
      fits: (condition) => node?.fits(condition) ?? false,
      // What the manifest says of a host holds whether it answers or not.
      hasTag: (tag) => hasTag(tags, tag),
    };
  });
}

function hostsFor(
  { kind, text, at }: HostSelector,
  program: ManifestProgram,
  manifest: Manifest,
  hosts: readonly Candidate[],
  problems: Problems,
): readonly string[] {
  const namesOf = (found: readonly Candidate[], nothing: string): string[] => {
    if (found.length === 0) problems.add(at, `${program.name}: ${nothing}`, listOf(hosts));
    return found.map(({ name }) => name);
  };
  switch (kind) {
    case "all":
      return namesOf(hosts, "no node supervises programs");
    case "tag":
      return namesOf(hosts.filter((host) => host.hasTag(text)), `no node has the tag ${quoted(text)}`);
    case "least-loaded": {
      const there = hosts.filter(({ isPresent }) => isPresent);
      const kept = there.find(({ programs }) => programs.has(program.name));
      const first = kept ?? [...there].sort(byLoad)[0];
      return namesOf(first === undefined ? [] : [first], "no host answers that could take it");
    }
    case "condition":
      try {
        return namesOf(
          hosts.filter((host) => host.isPresent && host.fits(text)),
          `no host fits ${quoted(text)}`,
        );
      } catch (thrown) {
        if (!(thrown instanceof HanaError)) throw thrown;
        problems.add(at, `${program.name}: ${thrown.what}`, thrown.why, thrown.hint);
        return [];
      }
    default: {
      if (hosts.some(({ name }) => name === text)) return [text];
      const group = manifest.groups.get(text);
      if (group !== undefined) {
        return hostsOfGroup(group).filter((name) => hosts.some((host) => host.name === name));
      }
      const near = nearest(text, hosts.map(({ name }) => name));
      const why = near === null ? listOf(hosts) : `did you mean ${near}? ${listOf(hosts)}`;
      problems.add(
        at,
        `${program.name}: no node ${quoted(text)} supervises programs`,
        why,
        near ?? "hana discover",
      );
      return [];
    }
  }
}

function listOf(hosts: readonly Candidate[]): string {
  const names = hosts.map(({ name }) => name).sort();
  if (names.length === 0) return "there is none";
  return `there are ${names.slice(0, 8).join(", ")}${
    names.length > 8 ? ` and ${names.length - 8} more` : ""
  }`;
}

function byLoad(a: Candidate, b: Candidate): number {
  const busy = (host: Candidate): number => host.busyPercent ?? UNKNOWN_LOAD;
  return busy(a) - busy(b) || (a.name < b.name ? -1 : 1);
}

function checkMembers(
  { groups }: Manifest,
  places: ReadonlyMap<string, readonly string[]>,
  problems: Problems,
): void {
  for (const { name, members } of groups.values()) {
    for (const { program, host, at } of members) {
      const on = places.get(program) ?? [];
      if (host === null || on.includes(host)) continue;
      const why = on.length === 0
        ? `${program} runs nowhere by itself`
        : `${program} runs on ${on.join(", ")}`;
      problems.add(at, `${name}: ${program} does not run on ${host}`, why);
    }
  }
}

function programsOf(
  host: string,
  { programs }: Manifest,
  places: ReadonlyMap<string, readonly string[]>,
): readonly Placed[] {
  return [...programs.values()].filter(({ name }) => places.get(name)?.includes(host) === true)
    .map(({ name, spec, want, needs }) => {
      const here: Record<string, Milestone> = {};
      const elsewhere: { name: string; host: string; milestone: Milestone }[] = [];
      for (const [need, { milestone }] of needs) {
        const on = places.get(need) ?? [];
        if (on.includes(host)) here[need] = milestone;
        else elsewhere.push(...on.map((other) => ({ name: need, host: other, milestone })));
      }
      return { name, spec: { ...spec, needs: here }, want, elsewhere };
    })
    .sort((a, b) => a.name < b.name ? -1 : 1);
}
