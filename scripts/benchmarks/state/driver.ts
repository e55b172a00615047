// One system under one runtime, measured: started once for each row of the table, says one line of JSON.
// Decides how often and for how long; runs under Deno and, bundled, under Node, beside the packages that are compared.

import process from "node:process";
import { loadOf, LOADS, moveOn } from "./edits.ts";
import { openAutomerge } from "./systems/automerge.ts";
import { openColyseus } from "./systems/colyseus.ts";
import { openHana } from "./systems/hana.ts";
import { bytesOf, type OpenSystem, type SharedSystem } from "./systems/system.ts";
import { openYjs } from "./systems/yjs.ts";
import type { GrowthFigures, PatchFigures, Task } from "./task.ts";

const SYSTEMS: Readonly<Record<string, OpenSystem>> = {
  hana: openHana,
  colyseus: openColyseus,
  yjs: openYjs,
  automerge: openAutomerge,
};
/** So many patches are measured at least. */
const MIN_PATCHES = 50;

/** Times of one part of a patch, in milliseconds. */
class Clocked {
  readonly #took: number[] = [];

  note(ms: number): void {
    this.#took.push(ms);
  }

  get count(): number {
    return this.#took.length;
  }

  /** In microseconds. What else runs on the machine is in few of them, and so are pauses of the collector. */
  medianUs(): number {
    const sorted = this.#took.toSorted((a, b) => a - b);
    return (sorted[Math.floor(sorted.length / 2)] ?? NaN) * 1000;
  }
}

function measurePatches(system: SharedSystem, name: string, task: Task): PatchFigures {
  const load = loadOf(name);
  const [write, relay, read, settle] = [new Clocked(), new Clocked(), new Clocked(), new Clocked()];
  const endMs = performance.now() + task.measureMs;
  let [frame, up, down] = [1, 0, 0];
  const before = process.cpuUsage();
  for (; write.count < MIN_PATCHES || (performance.now() < endMs && frame < task.maxPatches); frame++) {
    moveOn(load, frame);
    const t0 = performance.now();
    const sent = system.write(load.edits);
    const t1 = performance.now();
    const told = system.relay(sent);
    const t2 = performance.now();
    system.read(told);
    const t3 = performance.now();
    system.settle();
    const t4 = performance.now();
    write.note(t1 - t0);
    relay.note(t2 - t1);
    read.note(t3 - t2);
    settle.note(t4 - t3);
    up += bytesOf(sent);
    down += bytesOf(told);
  }
  const { user, system: kernel } = process.cpuUsage(before);
  check(system, name);
  const patches = frame - 1;
  return {
    patches,
    upBytes: up / patches,
    downBytes: down / patches,
    writeUs: write.medianUs(),
    relayUs: relay.medianUs(),
    readUs: read.medianUs(),
    settleUs: settle.medianUs(),
    cpuUs: (user + kernel) / patches,
  };
}

/** The reader has to have what was written, or the figures are of something else. */
function check(system: SharedSystem, name: string): void {
  for (const edit of loadOf(name).edits) {
    const value = system.valueOf(edit);
    if (value !== edit.value) throw new Error(`the reader has ${value} instead of ${edit.value}`);
  }
}

function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  for (let round = 0; round < 4; round++) gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function measureGrowth(system: SharedSystem, { frames }: Task): GrowthFigures {
  const load = loadOf("16 faders");
  const wholeOf = (): { bytes: number; schemaBytes: number; us: number } => {
    const startMs = performance.now();
    const joined = system.join();
    const us = (performance.now() - startMs) * 1000;
    for (const edit of load.edits) {
      if (joined.valueOf(edit) !== system.valueOf(edit)) throw new Error("a newcomer has something else");
    }
    return { bytes: bytesOf(joined.messages), schemaBytes: joined.schemaBytes, us };
  };
  const before = wholeOf();
  const heapBefore = heapBytes();
  const startMs = performance.now();
  for (let frame = 1; frame <= frames; frame++) {
    moveOn(load, frame);
    system.read(system.relay(system.write(load.edits)));
    system.settle();
  }
  const us = (performance.now() - startMs) * 1000;
  check(system, "16 faders");
  const heapAfter = heapBytes();
  const after = wholeOf();
  return {
    frames,
    schemaBytes: before.schemaBytes,
    beforeBytes: before.bytes,
    afterBytes: after.bytes,
    joinUs: after.us,
    heapBytes: heapAfter - heapBefore,
    frameUs: us / frames,
  };
}

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const open = SYSTEMS[task.system];
if (open === undefined) throw new Error(`there is no system ${task.system}`);
const patches: Record<string, PatchFigures> = {};
let growth: GrowthFigures | null = null;
if (task.part === "patches") {
  const system = await open();
  // Long enough that hot code is compiled and counts have the size that they have in a show.
  for (const { name } of LOADS) measurePatches(system, name, { ...task, measureMs: task.warmUpMs });
  for (const { name } of LOADS) patches[name] = measurePatches(system, name, task);
} else growth = measureGrowth(await open(), task);
process.stdout.write(`${JSON.stringify({ patches, growth })}\n`);
