// The same scenarios simulated and on real processes, number by number: `scripts/bench reality [--json]`.
// Decides what is compared (joining, a crash noticed, a goodbye heard) and when both agree; what was found and why
// is written down in docs/simulation-and-reality.md. Takes about four minutes, in real time.

import { EXIT } from "../../cli/output/exit_codes.ts";
import { runReal, whyNoNamespaces } from "../../cli/simulate/real/mod.ts";
import { type Fact, normaliseScenario, type Scenario } from "../../lib/simulate/mod.ts";
import { runScenario } from "../../lib/simulate/run/mod.ts";
import { describeMachine } from "./machine.ts";
import { percentile } from "./statistics.ts";

/** Nodes in all; the last one comes and goes. */
const SIZES = [4, 12, 24];
const CYCLES = 4;
/** Simulated runs cost nothing: many of them say what a single one may show. */
const SEEDS = 25;
const SOFTWARE = "bench";
/** Both agree when the ratio of their medians lies between 1 / 1.25 and 1.25. */
const TOLERANCE = 1.25;

/** What is compared, in milliseconds, one value a pair of nodes and time. */
interface Samples {
  /** J1: from the newcomer's being ready until each other node lists it, and until it lists each other node. */
  readonly join: number[];
  /** D1: from SIGKILL until each other node has declared it dead. */
  readonly death: number[];
  /** G1: from the goodbye's beginning until each other node knows of it. */
  readonly goodbye: number[];
}

const MEASURES = [
  { key: "join", name: "J1 join", isPromised: true },
  { key: "death", name: "D1 crash noticed", isPromised: true },
  { key: "goodbye", name: "G1 goodbye heard", isPromised: false },
] as const satisfies readonly { key: keyof Samples; name: string; isPromised: boolean }[];

/** One line of the table. */
interface Row {
  readonly measure: string;
  readonly nodes: number;
  readonly simulated: Figures;
  readonly real: Figures;
  /** Real by simulated, of the medians. */
  readonly ratio: number;
  readonly limit: number | null;
  readonly met: boolean;
}

interface Figures {
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

const NEWCOMER = "newcomer-0";

/** All but one of `size` nodes run; the newcomer comes, crashes, comes again and leaves, again and again. */
function scenarioOf(size: number): Scenario {
  const timeline: Record<string, unknown>[] = [];
  const lengthS = 15.3;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    // Not in step with anybody's beats, which are about a second apart.
    const at = (seconds: number): string => `${Math.round((6 + cycle * lengthS + seconds) * 1000)}ms`;
    timeline.push(
      { at: at(0), start: NEWCOMER },
      { at: at(3), crash: NEWCOMER },
      { at: at(10), start: NEWCOMER },
      { at: at(13), leave: NEWCOMER },
    );
  }
  const [scenario] = normaliseScenario({
    version: "hana-sim/1",
    name: `reality-${size}`,
    summary: "One of the nodes comes, crashes, comes again and leaves.",
    duration: `${Math.round((6 + CYCLES * lengthS + 3) * 1000)}ms`,
    warmup: "5s",
    quiet: "1s",
    network: { default: "lan" },
    nodes: {
      viz: { count: size - 1 },
      newcomer: { count: 1, role: "visualization", start: "later" },
    },
    timeline,
    expect: { invariants: ["default"] },
  });
  if (scenario === undefined) throw new Error("no scenario");
  return scenario;
}

/** Reads the samples out of a run's facts. */
class Collector {
  readonly samples: Samples = { join: [], death: [], goodbye: [] };
  #readyUs = 0;
  #stoppedUs = 0;
  #life = 0;
  #listedBy = new Set<string>();
  #listed = new Set<string>();
  #missedBy = new Set<string>();

  onFact(fact: Fact): void {
    switch (fact.kind) {
      case "node-started":
        if (fact.node === NEWCOMER) this.#life = fact.incarnation;
        break;
      case "node-ready":
        if (fact.node !== NEWCOMER) break;
        this.#readyUs = fact.atUs;
        this.#listedBy = new Set();
        this.#listed = new Set();
        break;
      case "node-stopped":
        if (fact.node !== NEWCOMER) break;
        this.#stoppedUs = fact.atUs;
        this.#missedBy = new Set();
        break;
      case "view":
        if (fact.op !== "remove") this.#onView(fact);
        break;
    }
  }

  #onView({ observer, subject, state, incarnation, atUs }: Extract<Fact, { kind: "view" }>): void {
    if (subject === NEWCOMER && incarnation === this.#life) {
      if (state === "alive") this.#note(this.#listedBy, observer, this.samples.join, atUs - this.#readyUs);
      if (state === "dead") this.#note(this.#missedBy, observer, this.samples.death, atUs - this.#stoppedUs);
      if (state === "left") {
        this.#note(this.#missedBy, observer, this.samples.goodbye, atUs - this.#stoppedUs);
      }
    }
    if (observer === NEWCOMER && subject !== null && state === "alive") {
      this.#note(this.#listed, subject, this.samples.join, atUs - this.#readyUs);
    }
  }

  /** The first time alone counts. What happened before the newcomer's own word came counts as at once. */
  #note(seen: Set<string>, name: string, into: number[], us: number): void {
    if (seen.has(name)) return;
    seen.add(name);
    into.push(Math.max(0, us) / 1000);
  }
}

function figuresOf(values: readonly number[]): Figures {
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    n: values.length,
    p50Ms: round(percentile(values, 0.5)),
    p95Ms: round(percentile(values, 0.95)),
  };
}

async function simulate(scenario: Scenario): Promise<Samples> {
  const samples: Samples = { join: [], death: [], goodbye: [] };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const collector = new Collector();
    const result = await runScenario(scenario, {
      seed,
      software: SOFTWARE,
      onFact: (fact) => collector.onFact(fact),
    });
    mustPass(result, `simulated with seed ${seed}`);
    for (const { key } of MEASURES) samples[key].push(...collector.samples[key]);
  }
  return samples;
}

async function rehearse(scenario: Scenario): Promise<Samples> {
  const collector = new Collector();
  const result = await runReal(scenario, {
    seed: 1,
    software: SOFTWARE,
    onFact: (fact) => collector.onFact(fact),
    signal: interrupted.signal,
  });
  mustPass(result, "on real processes");
  return collector.samples;
}

function mustPass({ scenario, verdict, reason, violations }: Verdict, how: string): void {
  if (verdict === "pass") return;
  const why = reason ?? violations.map(({ id, text }) => `${id}: ${text}`).slice(0, 3).join("; ");
  throw new Error(`${scenario} ${how} is no pass but ${verdict}: ${why}`);
}

type Verdict = Awaited<ReturnType<typeof runReal>>;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`hana: ${text}\n`));
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => interrupted.abort());
}

const asJson = Deno.args.includes("--json");
const missing = whyNoNamespaces();
if (missing !== null) {
  say(`reality cannot be measured here: ${missing.message}`);
  Deno.exit(EXIT.partial);
}
const sizes = Deno.args.filter((arg) => /^\d+$/.test(arg)).map(Number);
const rows: Row[] = [];
const machine = describeMachine();
try {
  for (const size of sizes.length > 0 ? sizes : SIZES) {
    const scenario = scenarioOf(size);
    say(`${size} nodes: ${SEEDS} simulated runs, then ${Math.round(scenario.durationUs / 1e6)} s for real`);
    const simulated = await simulate(scenario);
    const real = await rehearse(scenario);
    for (const { key, name, isPromised } of MEASURES) {
      const [theirs, ours] = [figuresOf(simulated[key]), figuresOf(real[key])];
      const ratio = Math.round(ours.p50Ms / theirs.p50Ms * 100) / 100;
      const row: Row = {
        measure: name,
        nodes: size,
        simulated: theirs,
        real: ours,
        ratio,
        limit: isPromised ? TOLERANCE : null,
        met: !isPromised || ratio <= TOLERANCE && ratio >= 1 / TOLERANCE,
      };
      rows.push(row);
      if (!asJson) {
        print(
          [
            row.met ? "met   " : "MISSED",
            name.padEnd(16),
            `${size}`.padStart(3),
            `simulated p50 ${theirs.p50Ms} p95 ${theirs.p95Ms} ms (n ${theirs.n})`.padEnd(48),
            `real p50 ${ours.p50Ms} p95 ${ours.p95Ms} ms (n ${ours.n})`.padEnd(44),
            `ratio ${ratio}`,
          ].join("  "),
        );
      }
    }
  }
} catch (thrown) {
  if (interrupted.signal.aborted) Deno.exit(EXIT.interrupted);
  throw thrown;
}
if (asJson) print(JSON.stringify({ schema: "hana.bench-reality/1", machine, rows }, null, 2));
else print(Object.entries(machine).map(([name, value]) => `${name}=${value}`).join("  "));
Deno.exit(rows.every(({ met }) => met) ? EXIT.done : EXIT.threshold);
