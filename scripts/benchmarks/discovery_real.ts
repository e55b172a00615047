// scripts/bench discovery-real: the numbers of discovery on real `hana serve` processes in network namespaces, beside the
// simulated values of the very same scenario: joining, crash, goodbye, cut and heal, false deaths, traffic, CPU.
// Decides the scenario, the targets and when one is missed (exit code 5). docs/discovery-numbers.md says how to read it.

import { EXIT } from "../../cli/output/exit_codes.ts";
import { runReal, whyNoNamespaces } from "../../cli/simulate/real/mod.ts";
import { normaliseScenario, type RunResult, runScenario, type Scenario } from "../../lib/simulate/mod.ts";
import { chooseHana } from "./discovery_tools.ts";
import { countedPlatforms, type NodeCost, RealCosts } from "./discovery_costs.ts";
import { Collector, NEWCOMER, noSamples, type Samples } from "./discovery_samples.ts";
import { describeMachine } from "./machine.ts";
import { percentile } from "./statistics.ts";

const USAGE =
  `usage: scripts/bench discovery-real [--nodes 3,10,30] [--loss 0,5,30] [--cycles 5] [--false-death-minutes 10]
         [--seeds 10] [--from binary|source] [--json]`;
const SOFTWARE = "bench";
/** The mesh forms, is quiet for traffic and CPU, then the newcomer comes and goes, then the mesh is cut. */
const WARMUP_S = 10;
const STEADY_S = 20;
const CYCLE_S = 20;
const CUT_S = 12;
const HEAL_S = 12;
const MAX_NODES = 60;

/** A target holds for the 99th percentile of what was measured for real; `at` picks it by loss in per cent. */
interface Measure {
  readonly key: Exclude<keyof Samples, "falseDeaths">;
  readonly text: string;
  readonly targetMs: (loss: number) => number | null;
}

const steps =
  (none: number | null, some: number | null, much: number | null) => (loss: number): number | null =>
    loss === 0 ? none : loss <= 5 ? some : much;

/** By the targets of discovery. */
const MEASURES: readonly Measure[] = [
  { key: "knowsAll", text: "J1/J2 newcomer knows all", targetMs: steps(200, 800, 2_500) },
  { key: "knownByAll", text: "J3 all know newcomer", targetMs: steps(100, 1_500, 2_500) },
  { key: "deathEach", text: "D1/D2 crash known to each", targetMs: steps(6_000, 6_000, 8_000) },
  { key: "death", text: "D1/D2 crash known to the last", targetMs: steps(6_000, 6_000, 8_000) },
  { key: "goodbye", text: "G1 goodbye known to all", targetMs: steps(50, null, null) },
  { key: "cutSeen", text: "P1 cut known to all", targetMs: steps(6_000, 6_000, null) },
  { key: "healed", text: "P1 healed for all", targetMs: steps(3_000, 3_000, null) },
];

interface Row {
  readonly nodes: number;
  readonly lossPercent: number;
  readonly measure: string;
  readonly unit: string;
  readonly simulated: Figures;
  readonly real: Figures;
  /** Real by simulated, of the medians; null without both. */
  readonly ratio: number | null;
  readonly target: number | null;
  /** Null where there is no target, or nothing was measured. */
  readonly isMet: boolean | null;
}

interface Figures {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly n: number;
}

/** What one run gave. */
interface Played {
  readonly samples: Samples;
  readonly costs: readonly NodeCost[];
  readonly result: RunResult;
}

const interrupted = new AbortController();
let signalCode: number | null = null;
for (const [signal, code] of [["SIGINT", EXIT.interrupted], ["SIGTERM", EXIT.terminated]] as const) {
  Deno.addSignalListener(signal, () => {
    signalCode ??= code;
    interrupted.abort();
  });
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`hana: ${text}\n`));
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

interface Options {
  readonly sizes: readonly number[];
  readonly losses: readonly number[];
  readonly cycles: number;
  readonly falseDeathMinutes: number;
  readonly seeds: number;
  readonly from: string | null;
  readonly json: boolean;
}

function optionsOf(args: readonly string[]): Options | null {
  const values = new Map<string, string>();
  const known = ["--nodes", "--loss", "--cycles", "--false-death-minutes", "--seeds", "--from"];
  for (let at = 0; at < args.length; at++) {
    const name = args[at] ?? "";
    if (name === "--json") values.set(name, "");
    else if (known.includes(name)) values.set(name, args[++at] ?? "");
    else return null;
  }
  const options: Options = {
    sizes: (values.get("--nodes") ?? "3,10,30").split(",").map(Number),
    losses: (values.get("--loss") ?? "0,5,30").split(",").map(Number),
    cycles: Number(values.get("--cycles") ?? 5),
    falseDeathMinutes: Number(values.get("--false-death-minutes") ?? 10),
    seeds: Number(values.get("--seeds") ?? 10),
    from: values.get("--from") ?? null,
    json: values.has("--json"),
  };
  const isFine = options.sizes.every((size) => Number.isInteger(size) && size >= 3 && size <= MAX_NODES) &&
    options.losses.every((loss) => loss >= 0 && loss < 100) && options.cycles >= 1 && options.cycles <= 100 &&
    options.falseDeathMinutes >= 0 && options.falseDeathMinutes <= 600 && options.seeds >= 1 &&
    (options.from === null || options.from === "binary" || options.from === "source");
  return isFine ? options : null;
}

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `viz-${from + index}`);

/** The halves of the cut. The newcomer is away by then. */
const sidesOf = (size: number): [string[], string[]] => {
  const half = Math.ceil((size - 1) / 2);
  return [names(0, half), names(half, size - 1)];
};

function networkOf(loss: number): unknown {
  return { default: loss === 0 ? "lan" : { like: "lan", loss: `${loss}%` } };
}

function scenarioOf(size: number, loss: number, cycles: number): Scenario {
  const timeline: Record<string, unknown>[] = [];
  const at = (seconds: number): string => `${Math.round(seconds * 1000)}ms`;
  let s = WARMUP_S + STEADY_S;
  for (let cycle = 0; cycle < cycles; cycle++, s += CYCLE_S) {
    timeline.push(
      { at: at(s), start: NEWCOMER },
      // The time between start and crash differs, since beats go by the start: about one a second.
      { at: at(s + 3 + cycle / cycles), crash: NEWCOMER },
      { at: at(s + 14), start: NEWCOMER },
      { at: at(s + 17), leave: NEWCOMER },
    );
  }
  const [left, right] = sidesOf(size);
  timeline.push({ at: at(s), partition: [left, [...right, NEWCOMER]], for: `${CUT_S}s` });
  return normalised({
    name: `discovery-real-${size}-${loss}`,
    summary: "One of the nodes comes, crashes, comes again and leaves; then the mesh is cut and heals.",
    duration: at(s + CUT_S + HEAL_S),
    nodes: { viz: { count: size - 1 }, newcomer: { count: 1, role: "visualization", start: "later" } },
    network: networkOf(loss),
    timeline,
  });
}

/** Nothing happens, for so long. */
function idleScenarioOf(size: number, loss: number, minutes: number): Scenario {
  return normalised({
    name: `discovery-idle-${size}-${loss}`,
    summary: "Nothing happens.",
    duration: `${Math.round(WARMUP_S * 1000 + minutes * 60_000)}ms`,
    nodes: { viz: { count: size } },
    network: networkOf(loss),
    timeline: [],
  });
}

function normalised(document: Record<string, unknown>): Scenario {
  const [scenario] = normaliseScenario({
    version: "hana-sim/1",
    warmup: `${WARMUP_S}s`,
    quiet: "1s",
    // What is measured here is judged here.
    expect: { invariants: [] },
    ...document,
  });
  if (scenario === undefined) throw new Error("no scenario");
  return scenario;
}

async function simulate(scenario: Scenario, size: number, seeds: number): Promise<Played> {
  const samples = noSamples();
  const costs: NodeCost[] = [];
  let last: RunResult | null = null;
  for (let seed = 1; seed <= seeds && !interrupted.signal.aborted; seed++) {
    const collector = new Collector(size, sidesOf(size));
    const counted = countedPlatforms(WARMUP_S * 1e6, (WARMUP_S + STEADY_S) * 1e6);
    last = await runScenario(scenario, {
      seed,
      software: SOFTWARE,
      harness: { platform: counted.platform },
      onFact: (fact) => collector.onFact(fact),
      signal: interrupted.signal,
    });
    for (const key of Object.keys(samples) as (keyof Samples)[]) samples[key].push(...collector.samples[key]);
    costs.push(...counted.costs());
  }
  if (last === null) throw new Error("interrupted");
  return { samples, costs, result: last };
}

async function rehearse(scenario: Scenario, size: number): Promise<Played> {
  const collector = new Collector(size, sidesOf(size));
  const costs = await RealCosts.start();
  try {
    const result = await runReal(scenario, {
      seed: 1,
      software: SOFTWARE,
      signal: interrupted.signal,
      onUp: (node, processId, local) => costs.onUp(node, processId, local),
      onFact: (fact) => {
        collector.onFact(fact);
        if (fact.kind === "phase" && fact.phase === "warm") costs.measure(STEADY_S * 1000);
      },
    });
    return { samples: collector.samples, costs: await costs.taken(), result };
  } finally {
    await costs.stop();
  }
}

function figuresOf(values: readonly number[]): Figures {
  const shown = (value: number): number | null =>
    Number.isFinite(value) ? Math.round(value * 100) / 100 : null;
  return { p50: shown(percentile(values, 0.5)), p99: shown(percentile(values, 0.99)), n: values.length };
}

function rowOf(
  nodes: number,
  lossPercent: number,
  measure: string,
  unit: string,
  simulated: readonly number[],
  real: readonly number[],
  target: number | null,
): Row {
  const [theirs, ours] = [figuresOf(simulated), figuresOf(real)];
  const ratio = theirs.p50 === null || ours.p50 === null || theirs.p50 === 0
    ? null
    : Math.round(ours.p50 / theirs.p50 * 100) / 100;
  const isMet = target === null || ours.p99 === null ? null : ours.p99 <= target;
  return { nodes, lossPercent, measure, unit, simulated: theirs, real: ours, ratio, target, isMet };
}

function rowsOf(nodes: number, loss: number, simulated: Played, real: Played): Row[] {
  const rows = MEASURES.map(({ key, text, targetMs }) =>
    rowOf(nodes, loss, text, "ms", simulated.samples[key], real.samples[key], targetMs(loss))
  );
  const cost = (
    text: string,
    unit: string,
    of: (cost: NodeCost) => number | null,
    target: number | null,
  ): Row => {
    const values = (costs: readonly NodeCost[]): number[] => costs.map(of).filter((value) => value !== null);
    return rowOf(nodes, loss, text, unit, values(simulated.costs), values(real.costs), target);
  };
  rows.push(
    cost("B1 datagrams received a node", "1/s", ({ datagramsPerS }) => datagramsPerS, 110),
    cost("B1 received a node", "kb/s", ({ bytesPerS }) => bytesPerS * 8 / 1000, 160),
    cost("C1 CPU of a node", "% of a core", ({ cpuPercent }) => cpuPercent, 1),
  );
  return rows;
}

function render({ nodes, lossPercent, measure, unit, simulated, real, ratio, target, isMet }: Row): string {
  const figures = ({ p50, p99, n }: Figures): string => n === 0 ? "-" : `${p50 ?? "-"} ${p99 ?? "-"} (${n})`;
  return [
    isMet === null ? "      " : isMet ? "met   " : "MISSED",
    `${nodes}`.padStart(3),
    `${lossPercent} %`.padStart(5),
    measure.padEnd(32),
    unit.padEnd(11),
    figures(simulated).padEnd(26),
    figures(real).padEnd(26),
    `${ratio ?? "-"}`.padEnd(6),
    target === null ? "" : `≤ ${target}`,
  ].join("  ").trimEnd();
}

async function main(): Promise<number> {
  const options = optionsOf(Deno.args);
  if (options === null) {
    say(USAGE);
    return EXIT.usage;
  }
  const missing = whyNoNamespaces();
  if (missing !== null) {
    say(`this cannot be measured here: ${missing.message}`);
    return EXIT.partial;
  }
  const { binary, text: hana } = await chooseHana(options.from, true);
  // The rehearsal calls what this names (cli/simulate/real/node_process.ts).
  if (binary !== null) Deno.env.set("HANA_BINARY", binary);
  const machine = describeMachine();
  const { sizes, losses, cycles, falseDeathMinutes, seeds } = options;
  const eachS = WARMUP_S + STEADY_S + cycles * CYCLE_S + CUT_S + HEAL_S;
  const idleS = losses.includes(30) ? sizes.length * falseDeathMinutes * 60 : 0;
  const minutes = Math.ceil((sizes.length * losses.length * eachS + idleS) / 60);
  say(`hana: ${hana}; about ${minutes} minutes for real, and the simulated runs`);
  const rows: Row[] = [];
  const notes: string[] = [];
  if (!options.json) {
    print(
      "verdict  nodes, loss, measure, unit, simulated p50 p99 (n), real p50 p99 (n), real by simulated, target",
    );
  }
  const tell = (row: Row): void => {
    rows.push(row);
    if (!options.json) print(render(row));
  };
  const noteResult = (what: string, { verdict, reason, violations }: RunResult): void => {
    if (verdict === "pass") return;
    const why = reason ?? violations.map(({ id, text }) => `${id}: ${text}`).slice(0, 3).join("; ");
    notes.push(`${what} was no pass but ${verdict}: ${why}`);
    say(notes.at(-1) ?? "");
  };
  for (const size of sizes) {
    for (const loss of losses) {
      if (interrupted.signal.aborted) break;
      const scenario = scenarioOf(size, loss, cycles);
      say(`${size} nodes, ${loss} % loss: ${seeds} simulated runs, then ${eachS} s for real`);
      const simulated = await simulate(scenario, size, seeds);
      noteResult(`${scenario.name}, simulated`, simulated.result);
      const real = await rehearse(scenario, size);
      if (interrupted.signal.aborted) break;
      noteResult(`${scenario.name}, real`, real.result);
      for (const row of rowsOf(size, loss, simulated, real)) tell(row);
      const dead = [simulated, real].map(({ samples }) => samples.falseDeaths.length);
      say(`false deaths in these runs: simulated ${dead[0]} in ${seeds} runs, real ${dead[1]}`);
    }
    if (!losses.includes(30) || falseDeathMinutes === 0 || interrupted.signal.aborted) continue;
    const scenario = idleScenarioOf(size, 30, falseDeathMinutes);
    say(`${size} nodes, 30 % loss, nothing happens for ${falseDeathMinutes} minutes`);
    const simulated = await simulate(scenario, size, 1);
    const real = await rehearse(scenario, size);
    if (interrupted.signal.aborted) break;
    noteResult(`${scenario.name}, real`, real.result);
    const counts = [simulated, real].map(({ samples }) => [samples.falseDeaths.length]);
    tell(
      rowOf(
        size,
        30,
        `F1 false deaths in ${falseDeathMinutes} min`,
        "count",
        counts[0] ?? [],
        counts[1] ?? [],
        0,
      ),
    );
  }
  if (signalCode !== null) return signalCode;
  if (options.json) {
    print(
      JSON.stringify({ schema: "hana.bench-discovery-real/1", machine, hana, options, rows, notes }, null, 2),
    );
  } else {
    for (const note of notes) print(note);
    print(`hana: ${hana}`);
    print(Object.entries(machine).map(([name, value]) => `${name}=${value}`).join("  "));
  }
  if (rows.some(({ isMet }) => isMet === false)) return EXIT.threshold;
  return notes.length > 0 || rows.some(({ real }) => real.n === 0) ? EXIT.partial : EXIT.done;
}

Deno.exit(
  await main().catch((thrown: unknown) => {
    if (signalCode !== null) return signalCode;
    say(thrown instanceof Error ? thrown.message : String(thrown));
    return EXIT.bug;
  }),
);
