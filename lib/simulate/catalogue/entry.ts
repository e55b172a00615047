// What an entry of the catalogue is made of.

/** A suite of the catalogue: every push, every change, every night; and the short ones about discovery by themselves. */
export type CatalogueSuite = "smoke" | "discovery" | "pr" | "nightly";

/** A scenario that comes with hana. */
export interface CatalogueEntry {
  readonly name: string;
  /** What it stands for. */
  readonly summary: string;
  readonly suites: readonly CatalogueSuite[];
  /** The scenario as it would be written by hand. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Played on every push, and in the larger suites too. */
export const SMOKE: readonly CatalogueSuite[] = ["smoke", "pr", "nightly"];
/** Played on every change that is to be merged, and every night. */
export const PR: readonly CatalogueSuite[] = ["pr", "nightly"];
/** About finding, losing and leading: played on every change, and by itself while discovery is worked on. */
export const DISCOVERY: readonly CatalogueSuite[] = ["discovery", "pr", "nightly"];
/** Played every night. */
export const NIGHTLY: readonly CatalogueSuite[] = ["nightly"];

/** An entry from its suites and its scenario, whose name and summary it takes. */
export function entry(
  suites: readonly CatalogueSuite[],
  raw: Readonly<Record<string, unknown>> & { readonly name: string; readonly summary: string },
): CatalogueEntry {
  return { name: raw.name, summary: raw.summary, suites, raw: { version: "hana-sim/1", ...raw } };
}
