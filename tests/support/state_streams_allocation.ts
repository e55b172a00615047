// A program of its own (with --v8-flags=--expose-gc): frames of meters or modulation in a steady state, and what they leave
// and take of memory. Says one line of JSON. The bounds stand in tests/unit/state/meters and tests/unit/state/modulation.

import v8 from "node:v8";
import {
  MeterBoard,
  type MeterIndex,
  type MeterSlot,
  MeterSource,
  MeterView,
} from "../../lib/state/meters/mod.ts";
import type { ParameterDefinition } from "../../lib/state/model/mod.ts";
import {
  ModulatedValues,
  ModulationLayout,
  type ModulationSlot,
  ModulationSource,
} from "../../lib/state/modulation/mod.ts";

/** What a run came to, by frames. */
export interface StreamAllocation {
  readonly frames: number;
  /** Bytes that live longer than the frames. */
  readonly kept: number;
  /** Bytes that V8 allocated, collected or not. */
  readonly allocated: number;
  readonly nsPerFrame: number;
  /** A value of the end, so that nothing is optimized away. */
  readonly last: number;
}

/** A definition of a parameter of type f32. */
export function faderOf(path: string, more: Partial<ParameterDefinition> = {}): ParameterDefinition {
  return {
    ...{ path, subsystem: "params", type: "f32", default: 0.5, min: 0, max: 1, unit: null, words: [] },
    ...{ merge: "latest", onLoss: "hold", fadeUs: 0, rate: "fast", description: null },
    ...more,
  };
}

type Step = (frame: number) => number;

const METERS = 256;
const PATHS = 64;

/** Values are set and read: nothing is sent. */
function meters(): Step {
  const outlet = { isWritable: true, send: () => true };
  const source = new MeterSource(outlet);
  const at: MeterIndex[] = [];
  for (let i = 0; i < METERS; i++) at.push(source.register({ name: `m/${i}`, unit: null, min: 0, max: 1 }));
  return (frame) => {
    for (let i = 0; i < METERS; i++) source.set(at[i] as MeterIndex, (frame + i) % 97 / 97);
    return source.valueOf(at[0] as MeterIndex);
  };
}

/** Packets come at a board and go out to a client, whose view is read. */
function view(): Step {
  const board = new MeterBoard();
  const seen = new MeterView();
  const number = board.addSource(0, "wall");
  let nowUs = 0;
  const source = new MeterSource({
    isWritable: true,
    send: (bytes) => board.handlePacket(nowUs, number, bytes) === null,
  });
  const at: MeterIndex[] = [];
  for (let i = 0; i < METERS; i++) at.push(source.register({ name: `m/${i}`, unit: null, min: 0, max: 1 }));
  source.handleTimeout(0);
  board.handleTable(number, source.table.meters);
  board.addClient(1, { isWritable: true, send: (bytes) => seen.handlePacket(nowUs, bytes) === null });
  board.subscribe(1, [""]);
  seen.handleTables(0, board.tell(0, []).sources);
  const slots = at.map((_, i) => seen.slotOf(`wall/m/${i}`) as MeterSlot);
  const values = new Float32Array(METERS);
  return (frame) => {
    nowUs += 33_334;
    for (let i = 0; i < METERS; i++) source.set(at[i] as MeterIndex, (frame + i) % 97 / 97);
    source.handleTimeout(nowUs);
    board.handleTimeout(nowUs);
    seen.read(slots, values);
    return values[0] as number;
  };
}

/** Frames of 64 places come, and each of them is drawn. */
function modulation(): Step {
  const layout = new ModulationLayout(Array.from({ length: PATHS }, (_, i) => faderOf(`p/${i}`)));
  const values = new ModulatedValues(layout, { baseOf: () => 0.25, floorOf: () => 100 });
  const sources = (["replace", "multiply", "add"] as const).map((mode, number) => {
    const kept: Uint8Array[] = [];
    const outlet = { isWritable: true, send: (bytes: Uint8Array) => kept.push(bytes.slice()) > 0 };
    const source = new ModulationSource({ name: `lfo-${number}`, number, layout, outlet });
    for (let slot = 0; slot < PATHS; slot++) source.bind({ slot: slot as ModulationSlot, mode });
    for (let i = 0; i < 2; i++) {
      source.set(0 as ModulationSlot, i / 2);
      source.handleTimeout(i * 2_000_000);
    }
    // One with the name and one without; their numbers are written anew for each frame.
    return kept;
  });
  const drawn = new Float32Array(PATHS);
  let nowUs = 10_000_000;
  return (frame) => {
    nowUs += 1_000;
    for (let i = 0; i < sources.length; i++) {
      const bytes = sources[i]?.[1] as Uint8Array;
      const number = frame + 10;
      bytes[6] = number >>> 24;
      bytes[7] = (number >>> 16) & 0xff;
      bytes[8] = (number >>> 8) & 0xff;
      bytes[9] = number & 0xff;
      if (values.handleFrame(nowUs, "node", bytes) !== null) throw new Error("refused");
    }
    values.beginFrame(nowUs);
    values.read(drawn);
    return drawn[0] as number;
  };
}

const LOADS: Readonly<Record<string, () => Step>> = { meters, view, modulation };

function collect(): { live: number; allocated: number } {
  const { gc } = globalThis as unknown as { gc?: () => void };
  if (gc === undefined) throw new Error("start it with --v8-flags=--expose-gc");
  gc();
  gc();
  const { heapUsed, external } = Deno.memoryUsage();
  const heap = v8.getHeapStatistics() as unknown as { readonly total_allocated_bytes?: number };
  return { live: heapUsed + external, allocated: heap.total_allocated_bytes ?? NaN };
}

function measured(step: Step, frames: number): StreamAllocation {
  let last = 0;
  let frame = 0;
  const run = (count: number) => {
    for (let i = 0; i < count; i++) last = step(frame++);
  };
  run(20_000);
  const before = collect();
  const startMs = performance.now();
  run(frames / 2);
  const between = collect();
  run(frames / 2);
  const nsPerFrame = (performance.now() - startMs) * 1e6 / frames;
  const after = collect();
  const half = frames / 2;
  return {
    frames,
    // A leak shows in both halves.
    kept: Math.min((between.live - before.live) / half, (after.live - between.live) / half),
    allocated: (after.allocated - before.allocated) / frames,
    nsPerFrame,
    last,
  };
}

/** Runs a load in a process of its own, whose heap nothing else fills. */
export async function streamAllocation(load: string, frames: number): Promise<StreamAllocation> {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--no-check", "--no-prompt", "--frozen", "--v8-flags=--expose-gc"],
      ...["--config", config, new URL(import.meta.url).pathname, load, String(frames)],
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as StreamAllocation;
}

if (import.meta.main) {
  const [load = "modulation", frames = "100000"] = Deno.args;
  const make = LOADS[load];
  if (make === undefined) throw new Error(`there is no load ${load}`);
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(measured(make(), Number(frames)))}\n`));
}
