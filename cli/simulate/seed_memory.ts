// Seeds that failed before, kept between calls, so that they are tried first.
// Decides which ones are worth keeping: at most 20 a scenario, failing ones, of these the fast. A seed that passes again
// is forgotten. Nothing depends on this file: one that cannot be read or written costs a warning at most.

/** A seed that failed. */
export interface RememberedSeed {
  readonly seed: number;
  /** The scenario that it failed on; on another one it may still be worth a try. */
  readonly hash: string;
  /** The first violated rule. */
  readonly violation: string;
  readonly wallMs: number;
}

const SCHEMA = "hana.simulate-seeds/1";
const MAX_SEEDS = 20;
const MAX_SCENARIOS = 500;
const MAX_BYTES = 1 << 20;

/** The remembered seeds of all scenarios. */
export class SeedMemory {
  readonly #path: string;
  readonly #byScenario: Map<string, RememberedSeed[]>;
  #changed = false;

  /** Reads `directory`/simulate-seeds.json; empty where there is none, or where it is none of ours. */
  constructor(directory: string) {
    this.#path = `${directory}/simulate-seeds.json`;
    this.#byScenario = new Map(readAll(this.#path));
  }

  /** Seeds to try first, the fastest first. */
  seedsOf(scenario: string): number[] {
    return (this.#byScenario.get(scenario) ?? []).map(({ seed }) => seed);
  }

  /** Remembers a seed that failed, or forgets one that passed. */
  note(scenario: string, seed: number, failed: Omit<RememberedSeed, "seed"> | null): void {
    const known = this.#byScenario.get(scenario) ?? [];
    const others = known.filter((one) => one.seed !== seed);
    if (failed === null && others.length === known.length) return;
    const now = failed === null
      ? others
      : [...others, { seed, ...failed }].sort((a, b) => a.wallMs - b.wallMs);
    this.#byScenario.delete(scenario);
    if (now.length > 0) this.#byScenario.set(scenario, now.slice(0, MAX_SEEDS));
    this.#changed = true;
  }

  /** Writes what changed; gives what went wrong, null when nothing did. */
  save(): string | null {
    if (!this.#changed) return null;
    // The scenarios noted last stand last.
    const scenarios = Object.fromEntries([...this.#byScenario].slice(-MAX_SCENARIOS));
    const beside = `${this.#path}.${Deno.pid}`;
    try {
      Deno.mkdirSync(this.#path.replace(/[^/\\]*$/, ""), { recursive: true, mode: 0o700 });
      Deno.writeTextFileSync(beside, JSON.stringify({ schema: SCHEMA, scenarios }, null, 1) + "\n");
      Deno.renameSync(beside, this.#path);
      this.#changed = false;
      return null;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}

function readAll(path: string): [string, RememberedSeed[]][] {
  try {
    if (Deno.statSync(path).size > MAX_BYTES) return [];
    const { schema, scenarios } = JSON.parse(Deno.readTextFileSync(path)) as Record<string, unknown>;
    if (schema !== SCHEMA || typeof scenarios !== "object" || scenarios === null) return [];
    return Object.entries(scenarios).map(([name, seeds]) => [
      name,
      (Array.isArray(seeds) ? seeds : []).filter(isRemembered).slice(0, MAX_SEEDS),
    ]);
  } catch {
    // Not there, or half written by a machine that lost power: nothing is remembered then.
    return [];
  }
}

function isRemembered(one: unknown): one is RememberedSeed {
  const { seed, hash, violation, wallMs } = (one ?? {}) as Partial<Record<keyof RememberedSeed, unknown>>;
  return Number.isSafeInteger(seed) && Number(seed) >= 0 && typeof hash === "string" &&
    typeof violation === "string" && typeof wallMs === "number";
}
