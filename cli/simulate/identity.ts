// `name@hash:seed:software`: which run is meant.
// Decides how it is read, and what a scenario that is no longer the same means: its runs cannot be played again.

import { HanaError } from "../../lib/base/mod.ts";
import { catalogue } from "../../lib/simulate/mod.ts";
import { findTargets, type Target } from "./targets.ts";

/** A run, by name. */
export interface RunIdentity {
  readonly name: string;
  readonly hash: string;
  readonly seed: number;
  readonly software: string;
}

/** Reads an identity; null when the text is none. */
export function parseIdentity(text: string): RunIdentity | null {
  const [, name, hash, seed, software] = /^(.+)@([0-9a-f]{16}):(\d{1,16}):(\S+)$/.exec(text) ?? [];
  if (name === undefined || hash === undefined || seed === undefined || software === undefined) return null;
  if (!Number.isSafeInteger(Number(seed))) return null;
  return { name, hash, seed: Number(seed), software };
}

/**
 * The scenario of a run. `file` is where it stands, null for the catalogue. Throws `usage` when no scenario there has
 * that hash.
 */
export async function targetOf(
  run: RunIdentity,
  file: string | null,
  params: readonly string[],
): Promise<Target> {
  const found = file === null ? await inCatalogue(run, params) : await findTargets([file], params);
  const same = found.find(({ hash }) => hash === run.hash);
  if (same !== undefined) return same;
  const [other] = found;
  throw new HanaError("usage", {
    what: `${run.name}@${run.hash} cannot be played again`,
    why: other === undefined
      ? `the catalogue has no scenario ${run.name}`
      : `${file ?? other.scenario.name} has changed since: its hash is ${other.hash} now`,
    hint: other === undefined
      ? `hana simulate replay ${run.name}@${run.hash}:${run.seed}:${run.software} --scenario FILE`
      : `hana simulate run ${
        file ?? other.scenario.name
      } --seed ${run.seed} (the same seed on the new scenario)`,
  });
}

async function inCatalogue(run: RunIdentity, params: readonly string[]): Promise<Target[]> {
  // A variant of a sweep has a name that begins with its scenario's.
  const entry = catalogue().filter(({ name }) => run.name.startsWith(name))
    .sort((a, b) => b.name.length - a.name.length)[0];
  return entry === undefined ? [] : await findTargets([entry.name], params);
}
