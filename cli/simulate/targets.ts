// What a command is to play: names of the catalogue, suites and files become scenarios in their normal form.
// Decides what a word means and which command plays one of the results again; never plays.

import { HanaError } from "../../lib/base/mod.ts";
import {
  catalogue,
  type CatalogueEntry,
  hashScenario,
  normaliseScenario,
  type Scenario,
} from "../../lib/simulate/mod.ts";
import { nearest } from "../config/mod.ts";
import { shellWord } from "../output/mod.ts";
import {
  looksLikeFile,
  readPlainScenario,
  readScenarioFile,
  type ScenarioFile,
  withLine,
} from "./scenario_file.ts";

/** The suites of the catalogue; `all` is every entry. */
export const SUITES = ["smoke", "discovery", "pr", "nightly"] as const;

/** A suite. */
export type Suite = typeof SUITES[number];

const PLANT = "planted-bug:";

/** Whether a scenario plants a bug: such a one is there to fail. */
export function plantsBug(scenario: Scenario): boolean {
  return scenario.tags.some((tag) => tag.startsWith(PLANT));
}

/** A scenario that is to be played, and where it came from. */
export interface Target {
  readonly scenario: Scenario;
  readonly hash: string;
  /** The suite that it was asked for by; null when by its own name. */
  readonly suite: Suite | null;
  /** In a suite, a scenario with a planted bug must fail. */
  readonly mustFail: boolean;
  /** The file, null for the catalogue. */
  readonly file: string | null;
  /** `--param` as given. */
  readonly params: readonly string[];
}

/** Values for `$param` in scenarios: numbers, yes or no, and texts. Throws `usage`. */
export function parseParams(texts: readonly string[]): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const text of texts) {
    const [, key, value] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      throw new HanaError("usage", {
        what: `--param ${text}`,
        why: "NAME=VALUE is wanted",
        hint: "--param count=12",
      });
    }
    params[key] = /^-?\d+(\.\d+)?$/.test(value)
      ? Number(value)
      : value === "true" || (value === "false" ? false : value);
  }
  return params;
}

/** The scenarios that `words` mean, each once. Throws `usage` for a word that means none. */
export async function findTargets(words: readonly string[], params: readonly string[]): Promise<Target[]> {
  const values = parseParams(params);
  const found: Target[] = [];
  for (const word of words) {
    if (looksLikeFile(word)) {
      const file = await readScenarioFile(word);
      found.push(
        ...scenariosOf(file, values).map((scenario) => target(scenario, { file: file.path, params })),
      );
      continue;
    }
    const suite = SUITES.find((one) => one === word) ?? null;
    const entries = suite !== null || word === "all"
      ? catalogue().filter((entry) => suite === null || entry.suites.includes(suite))
      : [entryOf(word)];
    for (const entry of entries) {
      // A parameter is for one scenario; the others of a suite do not know it.
      const given = entries.length === 1 ? values : {};
      for (const scenario of normaliseEntry(entry, given)) found.push(target(scenario, { suite, params }));
    }
  }
  const known = new Set<string>();
  return found.filter(({ hash }) => !known.has(hash) && known.add(hash));
}

/** The one scenario that a word means. Throws `usage` when it means several. */
export async function findOneTarget(word: string, params: readonly string[]): Promise<Target> {
  const [first, second] = await findTargets([word], params);
  if (first !== undefined && second === undefined) return first;
  throw new HanaError("usage", {
    what: `${word} is several scenarios`,
    why: "one is wanted here",
    hint: `hana simulate list`,
  });
}

/** The entry of the catalogue with this name. Throws `usage` with the nearest one. */
export function entryOf(name: string, command: "run" | "show" = "run"): CatalogueEntry {
  const entries = catalogue();
  const entry = entries.find((one) => one.name === name);
  if (entry !== undefined) return entry;
  const meant = nearest(name, [...entries.map((one) => one.name), ...SUITES]);
  throw new HanaError("usage", {
    what: `there is no scenario ${JSON.stringify(name)}`,
    ...(meant === null
      ? { why: "it is neither in the catalogue nor a file" }
      : { why: `did you mean ${meant}?` }),
    hint: meant === null ? "hana simulate list" : `hana simulate ${command} ${meant}`,
  });
}

/** What a scenario may extend besides files; undefined for none. */
function rawOf(name: string): unknown {
  return catalogue().find((entry) => entry.name === name)?.raw;
}

/** All variants of an entry. */
export function normaliseEntry(entry: CatalogueEntry, params: Record<string, unknown> = {}): Scenario[] {
  return normaliseScenario(entry.raw, {
    params,
    source: entry.name,
    resolveBase: rawOf,
  });
}

/** All variants of a file. Throws `config` with file, line and path. */
export function scenariosOf(file: ScenarioFile, params: Record<string, unknown>): Scenario[] {
  const folder = file.path.replace(/[^/\\]*$/, "");
  try {
    return normaliseScenario(file.raw, {
      params,
      source: file.path,
      resolveBase: (name) => looksLikeFile(name) ? readPlainScenario(folder + name) : rawOf(name),
    });
  } catch (thrown) {
    throw withLine(thrown, file);
  }
}

function target(
  scenario: Scenario,
  from: { suite?: Suite | null; file?: string; params: readonly string[] },
): Target {
  const suite = from.suite ?? null;
  return {
    scenario,
    hash: hashScenario(scenario),
    suite,
    mustFail: suite !== null && plantsBug(scenario),
    file: from.file ?? null,
    params: from.params,
  };
}

/** The one command that plays a run again. */
export function reproOf(target: Target, seed: number, software: string, isReal = false): string {
  const words = ["hana", "simulate", "replay", `${target.scenario.name}@${target.hash}:${seed}:${software}`];
  if (target.file !== null) words.push("--scenario", target.file);
  for (const param of target.params) words.push("--param", param);
  if (isReal) words.push("--real");
  return words.map(shellWord).join(" ");
}
