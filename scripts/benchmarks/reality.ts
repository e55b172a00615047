// The same scenarios simulated and on real processes, number by number: `scripts/bench reality [--json]`.
// Decides what is compared (joining, a crash noticed, a goodbye heard; numbers of the discovery targets) and when both
// agree; what was found and why is written down in docs/simulation-and-reality.md. Takes about four minutes.

import { EXIT } from "../../cli/output/exit_codes.ts";
import { runReal, whyNoNamespaces } from "../../cli/simulate/real/mod.ts";
import { normaliseScenario, runScenario, type Scenario } from "../../lib/simulate/mod.ts";
import { Collector, NEWCOMER, noSamples, type Samples } from "./discovery_samples.ts";
import { describeMachine } from "./machine.ts";
import { percentile } from "./statistics.ts";

/** Nodes in all; the last one comes and goes. */
const SIZES = [4, 12, 24];
const CYCLES = 5;
/** Simulated runs cost nothing: many of them say what a single one may show. */
const SEEDS = 25;
const SOFTWARE = "bench";
/** About what an event costs a process that has just started; fitted to J3 (docs/simulation-and-reality.md). */
const EVENT_COST = "1200us";
/** Both agree when the ratio of their medians lies between 1 / 1.25 and 1.25. */
const TOLERANCE = 1.25;

const MEASURES = [
  { key: "knowsAll", name: "J1 it knows all", isPromised: true },
  { key: "knownByAll", name: "J3 all know it", isPromised: false },
  { key: "death", name: "D1 crash noticed by all", isPromised: true },
  { key: "goodbye", name: "G1 goodbye heard by all", isPromised: false },
] as const satisfies readonly { key: keyof Samples; name: string; isPromised: boolean }[];

/** One line of the table. */
interface Row {
  readonly measure: string;
  readonly nodes: number;
  readonly simulated: Figures;
  /** The same, with machines that take {@linkcode EVENT_COST} an event. */
  readonly simulatedBusy: Figures;
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

/** All but one of `size` nodes run; the newcomer comes, crashes, comes again and leaves, again and again. */
function scenarioOf(size: number, isBusy: boolean): Scenario {
  const timeline: Record<string, unknown>[] = [];
  const lengthS = 17;
  const lastS = 6 + CYCLES * lengthS;
  if (isBusy) {
    timeline.push({ at: "5500ms", slow: { nodes: "@all", extra: EVENT_COST }, for: `${lastS - 5.5}s` });
  }
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    // The time between start and crash differs, since beats go by the start: about one a second.
    const crash = 3 + cycle / CYCLES;
    const at = (seconds: number): string => `${Math.round((6 + cycle * lengthS + seconds) * 1000)}ms`;
    timeline.push(
      { at: at(0), start: NEWCOMER },
      { at: at(crash), crash: NEWCOMER },
      { at: at(11), start: NEWCOMER },
      { at: at(14), leave: NEWCOMER },
    );
  }
  const [scenario] = normaliseScenario({
    version: "hana-sim/1",
    name: `reality-${size}`,
    summary: "One of the nodes comes, crashes, comes again and leaves.",
    duration: `${lastS + 3}s`,
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

function figuresOf(values: readonly number[]): Figures {
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    n: values.length,
    p50Ms: round(percentile(values, 0.5)),
    p95Ms: round(percentile(values, 0.95)),
  };
}

async function simulate(scenario: Scenario): Promise<Samples> {
  const samples = noSamples();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const collector = new Collector(scenario.nodes.length);
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
  const collector = new Collector(scenario.nodes.length);
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
    const scenario = scenarioOf(size, false);
    say(`${size} nodes: ${SEEDS} simulated runs, then ${Math.round(scenario.durationUs / 1e6)} s for real`);
    const simulated = await simulate(scenario);
    const busy = await simulate(scenarioOf(size, true));
    const real = await rehearse(scenario);
    for (const { key, name, isPromised } of MEASURES) {
      const [theirs, ours] = [figuresOf(simulated[key]), figuresOf(real[key])];
      const simulatedBusy = figuresOf(busy[key]);
      const ratio = Math.round(ours.p50Ms / theirs.p50Ms * 100) / 100;
      const row: Row = {
        measure: name,
        nodes: size,
        simulated: theirs,
        simulatedBusy,
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
            name.padEnd(24),
            `${size}`.padStart(3),
            `simulated p50 ${theirs.p50Ms} p95 ${theirs.p95Ms} ms`.padEnd(38),
            `busy p50 ${simulatedBusy.p50Ms} p95 ${simulatedBusy.p95Ms} ms`.padEnd(33),
            `real p50 ${ours.p50Ms} p95 ${ours.p95Ms} ms (n ${ours.n})`.padEnd(40),
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
