// What the mesh is told of a machine's hardware: one canonical form, small enough for a record.
// Decides the form, what is cut, and that what a person says wins over what was read. Never reads hardware (platform).

import { type Availability, cutUtf8 } from "../discovery/mod.ts";
import type { DisplayFacts, GpuFacts, MachineFacts, MachineLoad } from "../platform/mod.ts";

/** Entries and bytes that a record has room for (discovery research 6.3). */
const MAX_GPUS = 4;
const MAX_DISPLAYS = 8;
const VENDOR_BYTES = 12;
const GPU_NAME_BYTES = 24;
const CPU_NAME_BYTES = 24;
const DISPLAY_NAME_BYTES = 16;
/** What was read may take so much of the 1,143 bytes that a record has with everything else; as JSON, which is longer. */
const MAX_READ_BYTES = 700;
/** What a person says may be nested so deep. */
const MAX_DEPTH = 8;

/** Names of things, and lists by which things are counted. */
type Tree = { readonly [key: string]: unknown };

/**
 * `{cpu: {cores, model?}, memory: {totalMb}, gpu: {count, vramMb?, list}, display: {count, list}}`, each only where it is
 * known, with `given` laid over it. `gpu.vramMb` is that of the card that has most. In `given`, a number names an
 * element of a list: `{gpu: {0: {vramMb: 8000}}}` says how much the first card has, and the most follows from it.
 */
export function resourcesOf(facts: MachineFacts, given: Tree): Record<string, unknown> {
  const read = readResources(facts);
  const merged: Record<string, unknown> = { ...read };
  for (const [key, value] of Object.entries(given)) {
    merged[key] = key === "gpu" || key === "display"
      ? withList(read[key], value, key === "gpu" ? MAX_GPUS : MAX_DISPLAYS)
      : merge(read[key], value, MAX_DEPTH);
  }
  return merged;
}

/** The live load as the mesh is told it. */
export function availabilityOf(load: MachineLoad): Availability {
  const gpus = load.gpus ?? [];
  return {
    cpuPercent: rounded(load.cpuPercent),
    gpuPercent: most(gpus.map((gpu) => gpu.busyPercent)),
    memoryFreeMb: rounded(load.memoryFreeMb),
    vramFreeMb: most(gpus.map((gpu) => gpu.vramFreeMb)),
  };
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}

function most(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.round(Math.max(...known));
}

// --- what was read -----------------------------------------------------------------------------------------------

function readResources({ cpu, memory, gpus = [], displays = [] }: MachineFacts): Record<string, Tree> {
  const whole: Record<string, Tree> = {};
  if (cpu !== undefined) {
    whole.cpu = {
      cores: cpu.cores,
      ...(cpu.model === undefined ? {} : { model: cutName(cpu.model, CPU_NAME_BYTES) }),
    };
  }
  if (memory !== undefined) whole.memory = { totalMb: memory.totalMb };
  if (gpus.length > 0) whole.gpu = gpuTree(gpus.length, gpus.slice(0, MAX_GPUS).map(gpuEntry));
  if (displays.length > 0) {
    whole.display = { count: displays.length, list: displays.slice(0, MAX_DISPLAYS).map(displayEntry) };
  }
  return shrunk(whole);
}

function gpuEntry({ vendor, name, vramMb }: GpuFacts): Tree {
  return {
    ...(vendor === undefined ? {} : { vendor: cutName(vendor, VENDOR_BYTES) }),
    ...(name === undefined ? {} : { name: cutName(name, GPU_NAME_BYTES) }),
    ...(vramMb === undefined ? {} : { vramMb }),
  };
}

function gpuTree(count: number, list: readonly Tree[]): Tree {
  const largest = most(list.map(({ vramMb }) => typeof vramMb === "number" ? vramMb : undefined));
  return { count, ...(largest === null ? {} : { vramMb: largest }), list };
}

function displayEntry({ name, width, height, refreshHz }: DisplayFacts): Tree {
  return {
    width,
    height,
    ...(refreshHz === undefined ? {} : { refreshHz }),
    ...(name === undefined ? {} : { name: cutName(name, DISPLAY_NAME_BYTES) }),
  };
}

// A name ends up on terminals and in tables of other machines.
function cutName(name: string, maxBytes: number): string {
  return cutUtf8(name.replace(/\p{C}+/gu, " ").trim(), maxBytes).trim();
}

/** Leaves names out, the least needed first, until the rest fits. */
function shrunk(whole: Record<string, Tree>): Record<string, Tree> {
  const steps: readonly ((tree: Record<string, Tree>) => void)[] = [
    (tree) => tree.display = withoutNames(tree.display),
    (tree) => tree.gpu = withoutNames(tree.gpu),
    (tree) => tree.cpu = { cores: tree.cpu?.cores },
  ];
  for (const step of steps) {
    if (JSON.stringify(whole).length <= MAX_READ_BYTES) break;
    step(whole);
  }
  return whole;
}

function withoutNames(tree: Tree | undefined): Tree {
  const list = entriesOf(tree).map((entry) => {
    const { name: _name, ...rest } = entry;
    return rest;
  });
  return { ...tree, list };
}

function entriesOf(tree: unknown): Tree[] {
  const list = isTree(tree) ? tree.list : [];
  return Array.isArray(list) ? list.filter(isTree) : [];
}

// --- what a person says ------------------------------------------------------------------------------------------

/** Lays `given` over a thing with a list; numbers in it name elements. What follows from the list is counted anew. */
function withList(read: unknown, given: unknown, maxEntries: number): unknown {
  if (!isTree(given)) return given;
  const list: Tree[] = entriesOf(isTree(given) && "list" in given ? given : read);
  const others: Record<string, unknown> = {};
  let isListGiven = "list" in given;
  for (const [key, value] of Object.entries(given)) {
    const at = /^\d+$/.test(key) ? Number(key) : NaN;
    if (at < maxEntries && isTree(value)) {
      while (list.length <= at) list.push({});
      list[at] = { ...list[at], ...value };
      isListGiven = true;
    } else if (key !== "list") others[key] = value;
  }
  if (!isListGiven) return merge(read, others, MAX_DEPTH);
  const count = Math.max(list.length, isTree(read) && typeof read.count === "number" ? read.count : 0);
  const hasMemory = list.some((entry) => typeof entry.vramMb === "number");
  const counted = hasMemory ? gpuTree(count, list) : { count, list };
  return { ...counted, ...others };
}

function merge(under: unknown, over: unknown, room: number): unknown {
  if (!isTree(under) || !isTree(over) || room === 0) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(under[key], value, room - 1);
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}
