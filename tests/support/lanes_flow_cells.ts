// The cells in which the laws are measured: links of the test matrix, and who shares them. One place for tests and table.

import { type CongestionControl, DelayBrake } from "../../lib/lanes/congestion/mod.ts";
import { FlowModel } from "./lanes_flow.ts";
import type { FlowSpec, Link } from "./lanes_flow_spec.ts";
import { deliveredRate, fairness, ownLoss, queueMs, timeToRate } from "./lanes_flow_figures.ts";

/** Links: C1 to C19 of the matrix, R1 and R5 lose by chance alone, P polices, D has a buffer of 1.6 s. */
export const LINKS = {
  C1: { rate: 1e9, bufferBytes: 1e7, delayUs: 10 },
  C2: { rate: 125e6, bufferBytes: 512e3, delayUs: 200, jitterUs: 50, loss: 1e-5 },
  C3: { rate: 12.5e6, bufferBytes: 64e3, delayUs: 200, jitterUs: 1e3 },
  C4: { rate: 12.5e6, bufferBytes: 200e3, delayUs: 5e3, jitterUs: 2e3, loss: 0.01, lossBurst: 3 },
  C5: { rate: 6.25e6, bufferBytes: 100e3, delayUs: 15e3, jitterUs: 10e3, loss: 0.05, lossBurst: 3 },
  C6: { rate: 625e3, bufferBytes: 30e3, delayUs: 10e3, jitterUs: 20e3, loss: 0.1, lossBurst: 3 },
  C7: {
    rate: 12.5e6,
    bufferBytes: 200e3,
    delayUs: 5e3,
    jitterUs: 2e3,
    outage: { everyUs: 10e6, forUs: 200e3 },
  },
  C19: { rate: 1_875e3, bufferBytes: 500e3, delayUs: 300e3, jitterUs: 30e3, loss: 0.03, lossBurst: 3 },
  R1: { rate: 12.5e6, bufferBytes: 200e3, delayUs: 10e3, loss: 0.01 },
  R5: { rate: 12.5e6, bufferBytes: 200e3, delayUs: 10e3, loss: 0.05 },
  P: { rate: 625e3, bufferBytes: 6e3, delayUs: 5e3, isPolicer: true },
  D: { rate: 1.25e6, bufferBytes: 2e6, delayUs: 5e3 },
} satisfies Record<string, Link>;

/** What a cell is called. */
export type LinkName = keyof typeof LINKS;

/** What is measured of a cell. Shares of the link's rate; delays above propagation in milliseconds. */
export interface CellFigures {
  utilisation: number;
  /** What greedy Reno flows had. */
  others: number;
  queueP50Ms: number;
  queueP99Ms: number;
  fairness: number;
  ownLoss: number;
  /** Until 80 % of the rate, in milliseconds. */
  risesInMs: number;
}

/** Who shares the link. */
export interface CellOptions {
  flows?: number;
  tcpFlows?: number;
  seed?: number;
  spec?: FlowSpec;
  control?: () => CongestionControl;
}

/** Runs a cell and measures it after its first third. */
export function runCell(name: LinkName, options: CellOptions = {}): CellFigures {
  const { flows = 1, tcpFlows = 0, seed = 1, spec = {}, control = () => new DelayBrake() } = options;
  const link: Link = LINKS[name];
  const slowdown = name === "C19" ? 4 : 1;
  const untilUs = name === "C1" ? 1.5e6 : name === "C2" ? 3e6 : name === "C7" ? 24e6 : slowdown * 10e6;
  const fromUs = name === "C1" ? 0.5e6 : name === "C2" ? 1e6 : slowdown * 3e6;
  const model = new FlowModel(link, seed);
  for (let at = 0; at < flows; at++) {
    model.add({ ...spec, control: control(), startUs: at * 100_000 * slowdown });
  }
  for (let at = 0; at < tcpFlows; at++) model.add({ startUs: 1e6 });
  const run = model.run(untilUs);
  const rates = run.flows.map((flow) => deliveredRate(flow, fromUs, untilUs));
  const ours = rates.slice(0, flows);
  const sum = (of: readonly number[]): number => of.reduce((total, rate) => total + rate, 0);
  return {
    utilisation: sum(ours) / link.rate,
    others: sum(rates.slice(flows)) / link.rate,
    queueP50Ms: queueMs(run, 0.5, fromUs),
    queueP99Ms: queueMs(run, 0.99, fromUs),
    fairness: fairness(ours),
    ownLoss: ownLoss(run.flows.slice(0, flows), fromUs),
    risesInMs: timeToRate(run.flows, 0.8 * link.rate) / 1_000,
  };
}
