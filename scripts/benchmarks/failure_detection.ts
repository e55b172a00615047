// Failure detection in numbers: how soon a crash is known anywhere and everywhere, how often somebody is taken for dead who
// lives, and what it costs. Runs the discovery cores alone (scripts/benchmarks/detection), so that hours take minutes.
//
//   deno run scripts/benchmarks/failure_detection.ts [--seconds 10800] [--seed 1] [--nodes 100] [--model loss-30] [--json]

import { type Outcome, percentile, runPlan } from "./detection/crashes.ts";
import { cutPairs, deafReceivers, deafToMulticast, independent } from "./detection/loss_models.ts";
import { type LossModel, SECOND } from "./detection/network.ts";

const MODELS: Readonly<Record<string, { text: string; make: (nodes: number, seed: number) => LossModel }>> = {
  "loss-0": { text: "0 %", make: (_n, seed) => independent(0, seed) },
  "loss-5": { text: "5 % independent", make: (_n, seed) => independent(0.05, seed) },
  "loss-30": { text: "30 % independent", make: (_n, seed) => independent(0.3, seed) },
  "multicast-30": {
    text: "30 % multicast bursts of 2 s, 3 % unicast",
    make: (n, seed) => deafToMulticast(n, 0.3, 2 * SECOND, 0.03, seed),
  },
  "deaf-10": { text: "10 % deaf receivers, 2 s", make: (n, seed) => deafReceivers(n, 0.1, 2 * SECOND, seed) },
  "deaf-30": { text: "30 % deaf receivers, 2 s", make: (n, seed) => deafReceivers(n, 0.3, 2 * SECOND, seed) },
  "pairs-30": { text: "30 % cut pairs, 2 s", make: (n, seed) => cutPairs(n, 0.3, 2 * SECOND, seed) },
};

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const note = (line: string) => Deno.stderr.writeSync(encoder.encode(`${line}\n`));

function valueOf(name: string): string | null {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? null : Deno.args[at + 1] ?? null;
}

function row(nodes: number, model: string, outcome: Outcome, wallS: number): string {
  const two = (values: readonly number[]): string =>
    [0.5, 0.99].map((share) => percentile(values, share).toFixed(2)).join(" / ");
  const { rates } = outcome;
  const probes = (rates.ping ?? 0) + (rates["ping-request"] ?? 0);
  const gossip = (rates.suspect ?? 0) + (rates.vouch ?? 0);
  return `| ${nodes} | ${MODELS[model]?.text} | ${outcome.crashes} | ${two(outcome.first)} | ${
    two(outcome.each)
  } | ` +
    `${two(outcome.last)} | ${outcome.missed} | ${outcome.falseDeaths} | ` +
    `${(outcome.falseDeaths / outcome.pairHours).toExponential(1)} | ${probes.toFixed(0)} | ${
      gossip.toFixed(0)
    } | ` +
    `${outcome.isolations} | ${outcome.unreachable} | ${wallS.toFixed(0)} |`;
}

const seconds = Number(valueOf("seconds") ?? 1_800);
const seed = Number(valueOf("seed") ?? 1);
const sizes = (valueOf("nodes") ?? "2,3,5,20,100").split(",").map(Number);
const models = (valueOf("model") ?? "loss-0,loss-5,loss-30").split(",");
const isJson = Deno.args.includes("--json");
if (!isJson) {
  print(
    "| N | loss | crashes | first p50/p99 s | each p50/p99 s | last p50/p99 s | missed | false deaths | a pair-hour | " +
      "probes/s | gossip/s | isolated | unreachable | wall s |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
  );
}
for (const nodes of sizes) {
  for (const model of models) {
    const make = MODELS[model]?.make;
    if (make === undefined) throw new Error(`no model ${model}: ${Object.keys(MODELS).join(", ")}`);
    const startMs = Date.now();
    const outcome = runPlan({
      nodes,
      seconds,
      seed,
      loss: make,
      crashes: !Deno.args.includes("--no-crashes"),
    });
    const wallS = (Date.now() - startMs) / 1000;
    if (isJson) {
      const { first, last, each, ...rest } = outcome;
      const both = (values: readonly number[]) => ({
        p50: percentile(values, 0.5),
        p99: percentile(values, 0.99),
      });
      print(
        JSON.stringify({
          nodes,
          model,
          ...rest,
          first: both(first),
          last: both(last),
          each: both(each),
          wallS,
        }),
      );
    } else {
      print(row(nodes, model, outcome, wallS));
      for (const line of outcome.falseList) note(line);
      if (Deno.args.includes("--rates")) note(JSON.stringify(outcome.rates));
    }
  }
}
