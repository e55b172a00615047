// A program of its own (with --v8-flags=--expose-gc): frames of a visualization and movements of a fader in a steady state, and
// what they leave and take of memory. Says one line of JSON. Decides the load; the bounds stand in
// tests/unit/state/client/allocation_test.ts.

import v8 from "node:v8";
import {
  defineParameters,
  type ParameterSpec,
  StateClient,
  VisualizationState,
} from "../../../lib/state/client/mod.ts";
import { StateUndo } from "../../../lib/state/undo/mod.ts";
import type { StatePort } from "../../../lib/state/service/mod.ts";
import { Stage } from "../../unit/state/client/stage.ts";

/** What a run came to. */
export interface StateAllocationReport {
  readonly turns: number;
  /** Bytes that live longer than a turn, by turns. */
  readonly keptPerTurn: number;
  /** Bytes that V8 allocated, collected or not, by turns. */
  readonly allocatedPerTurn: number;
  readonly nsPerTurn: number;
  /** Of what was read: a load that reads nothing would prove nothing. */
  readonly sum: number;
}

/** Turns before anything is measured: the compiler works beside them, on a busy machine for longer. */
const WARM_UP = 100_000;
const PARAMETERS = 300;

function collect(): { readonly live: number; readonly allocated: number } {
  const { gc } = globalThis as unknown as { gc?: () => void };
  if (gc === undefined) throw new Error("start it with --v8-flags=--expose-gc");
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  const heap = v8.getHeapStatistics() as unknown as { readonly total_allocated_bytes?: number };
  return { live: heapUsed + external, allocated: heap.total_allocated_bytes ?? NaN };
}

function measured(turn: (at: number) => number, turns: number): StateAllocationReport {
  let sum = 0;
  for (let at = 0; at < WARM_UP; at++) sum += turn(at);
  const before = collect();
  const startMs = performance.now();
  for (let at = 0; at < turns / 2; at++) sum += turn(at);
  const between = collect();
  for (let at = 0; at < turns / 2; at++) sum += turn(at);
  const nsPerTurn = (performance.now() - startMs) * 1e6 / turns;
  const after = collect();
  return {
    turns,
    // A leak shows in both halves. Room that grew to what the load needs, and stays, shows in one.
    keptPerTurn: Math.min(between.live - before.live, after.live - between.live) / (turns / 2),
    // What is compiled anew meanwhile shows in one half as well.
    allocatedPerTurn: Math.min(between.allocated - before.allocated, after.allocated - between.allocated) /
      (turns / 2),
    nsPerTurn,
    sum,
  };
}

function specs(fadeUs: number): Record<string, ParameterSpec> {
  const found: Record<string, ParameterSpec> = {};
  for (let at = 0; at < PARAMETERS; at++) {
    found[`p${at}`] = { type: "f32", min: 0, max: 1_000, default: at + 0.5, fadeUs };
  }
  found.mode = { type: "enum", words: ["calm", "wild"] };
  found.wind = { type: "vec3", fadeUs };
  return found;
}

/** 300 numbers, a vector and a word, read each frame while nothing or everything changes. */
async function frames(turns: number, fadeUs: number): Promise<StateAllocationReport> {
  const set = defineParameters(specs(fadeUs));
  const stage = new Stage(set.below("aurora"));
  const desk = stage.desk("aurora");
  const state = new VisualizationState(desk, set, { prefix: "aurora" });
  stage.connect(desk);
  const foh = stage.join("foh");
  await stage.until(foh.ready());
  state.begin(stage.nowUs);
  if (fadeUs > 0) {
    // Everything fades from now on, for longer than the run.
    for (let at = 0; at < PARAMETERS; at++) foh.trySet(`aurora/p${at}`, 999);
    foh.trySet("aurora/wind", [5, 6, 7]);
    await stage.run(500_000);
  }
  const { numbers, values } = state;
  const startUs = stage.nowUs;
  let changed = 0;
  const report = measured((at) => {
    state.begin(startUs + at * 100);
    let sum = 0;
    for (let place = 0; place < numbers.length; place++) sum += numbers[place] ?? 0;
    const wind = values.wind as readonly number[];
    changed += state.changedCount;
    return sum + (wind[0] ?? 0) + (values.mode === "calm" ? 1 : 0) + (values.p7 as number);
  }, turns);
  if ((changed > turns) !== (fadeUs > 0)) throw new Error(`${changed} changes in ${turns} frames`);
  return report;
}

/** A fader that is moved faster than values go out. */
async function movements(turns: number, hasUndo: boolean): Promise<StateAllocationReport> {
  const stage = new Stage([{ path: "wall/level", type: "f32", min: 0, max: 1_000, default: 0 }]);
  const desk = stage.desk("foh");
  stage.connect(desk);
  const port: StatePort = {
    replica: desk.replica,
    nowUs: () => stage.nowUs,
    // Nothing goes out between two bursts.
    pump: () => {},
    onEvent: (listener) => desk.onEvent(listener),
    onBatch: (listener) => desk.onBatch(listener),
    ask: (definition, body) => desk.ask(definition, body),
  };
  const client = new StateClient({ port, timers: stage.timers });
  await stage.until(client.ready());
  const undo = hasUndo ? new StateUndo(client) : null;
  client.trySet("wall/level", 1);
  const report = measured((at) => {
    const answer = client.trySet("wall/level", at % 1_000);
    return answer === "taken"
      ? desk.replica.values?.numberOf(desk.replica.book?.idOf("wall/level") ?? 0 as never) ?? 0
      : NaN;
  }, turns);
  if (undo !== null && undo.undoable !== 1) throw new Error(`${undo.undoable} steps of one movement`);
  return report;
}

const [load = "", turns = ""] = Deno.args;
const LOADS: Readonly<Record<string, (turns: number) => Promise<StateAllocationReport>>> = {
  still: (count) => frames(count, 0),
  fading: (count) => frames(count, 60_000_000),
  fader: (count) => movements(count, false),
  undo: (count) => movements(count, true),
};
const run = LOADS[load];
if (run === undefined) throw new Error(`there are ${Object.keys(LOADS).join(", ")}`);
const report = await run(Number(turns));
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
