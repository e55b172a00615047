// What a node's machine has and how busy it is, as cells of a table: CPU MEM GPU VRAM DISPLAYS.
// Decides the wording; whatever other machines announce, a cell is a short text or nothing.

import type { NodeView } from "../../lib/node/mod.ts";
import type { Column } from "../output/mod.ts";

/** Kinds of displays that are named one by one. */
const MAX_NAMED_DISPLAYS = 3;

/** The columns of `hana discover --resources`. */
export const RESOURCE_COLUMNS: readonly Column<NodeView>[] = [
  {
    header: "CPU",
    cell: (node) => joined(percent(loadOf(node)?.cpuPercent), cores(node), " of "),
    plain: (node) => joined(text(loadOf(node)?.cpuPercent), text(numberAt(node, "cpu", "cores")), "/"),
    align: "right",
  },
  {
    header: "MEM",
    cell: (node) => freeOf(loadOf(node)?.memoryFreeMb, numberAt(node, "memory", "totalMb")),
    plain: (node) => plainFree(loadOf(node)?.memoryFreeMb, numberAt(node, "memory", "totalMb")),
    align: "right",
  },
  {
    header: "GPU",
    cell: (node) => joined(percent(loadOf(node)?.gpuPercent), gpus(node), " of "),
    plain: (node) => entries(node, "gpu").map(gpuName).join(",") || null,
    shrinks: true,
  },
  {
    header: "VRAM",
    cell: (node) => freeOf(loadOf(node)?.vramFreeMb, numberAt(node, "gpu", "vramMb")),
    plain: (node) => plainFree(loadOf(node)?.vramFreeMb, numberAt(node, "gpu", "vramMb")),
    align: "right",
  },
  {
    header: "DISPLAYS",
    cell: displays,
    plain: (node) => entries(node, "display").map(displaySize).join(",") || null,
    shrinks: true,
  },
];

/** How busy it is. A node of another version may not say. */
function loadOf(node: NodeView): NodeView["load"] {
  return node.load ?? null;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function numberAt(node: NodeView, kind: string, key: string): number | null {
  const value = memberOf(memberOf(node.resources, kind), key);
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

function entries(node: NodeView, kind: string): readonly unknown[] {
  const list = memberOf(memberOf(node.resources, kind), "list");
  return Array.isArray(list) ? list : [];
}

function cores(node: NodeView): string | null {
  const count = numberAt(node, "cpu", "cores");
  return count === null ? null : `${count}`;
}

function gpuName(gpu: unknown): string {
  const name = memberOf(gpu, "name") ?? memberOf(gpu, "vendor");
  return typeof name === "string" ? name : "?";
}

/** The card that has most, and how many more there are. */
function gpus(node: NodeView): string | null {
  const list = entries(node, "gpu");
  const count = numberAt(node, "gpu", "count") ?? list.length;
  if (list.length === 0) return count > 0 ? `${count}` : null;
  const best = list.reduce((a, b) => vramOf(b) > vramOf(a) ? b : a);
  return `${gpuName(best)}${count > 1 ? ` +${count - 1}` : ""}`;
}

function vramOf(gpu: unknown): number {
  const value = memberOf(gpu, "vramMb");
  return typeof value === "number" ? value : -1;
}

function displaySize(display: unknown): string {
  const [width, height, hz] = ["width", "height", "refreshHz"].map((key) => memberOf(display, key));
  if (typeof width !== "number" || typeof height !== "number") return "?";
  return `${width}x${height}${typeof hz === "number" ? `@${Math.round(hz)}` : ""}`;
}

function displays(node: NodeView): string | null {
  const sizes = new Map<string, number>();
  for (const each of entries(node, "display")) {
    const size = displaySize(each);
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
  if (sizes.size === 0) {
    const count = numberAt(node, "display", "count");
    return count === null || count === 0 ? null : `${count}`;
  }
  const named = [...sizes].map(([size, count]) => count === 1 ? size : `${count}× ${size}`);
  const more = named.length - MAX_NAMED_DISPLAYS;
  return named.slice(0, MAX_NAMED_DISPLAYS).join(", ") + (more > 0 ? ` +${more}` : "");
}

function text(value: number | null | undefined): string | null {
  return value === null || value === undefined ? null : `${value}`;
}

function percent(value: number | null | undefined): string | null {
  return value === null || value === undefined ? null : `${value}%`;
}

function joined(a: string | null, b: string | null, between: string): string | null {
  return a === null ? b : b === null ? a : `${a}${between}${b}`;
}

/** `19/31 GB`: free and there is; the latter alone where it does not tell. */
function freeOf(free: number | null | undefined, total: number | null): string | null {
  if (free === null || free === undefined) return total === null ? null : `${gigabytes(total)} GB`;
  return total === null ? `${gigabytes(free)} GB free` : `${gigabytes(free)}/${gigabytes(total)} GB`;
}

function plainFree(free: number | null | undefined, total: number | null): string | null {
  return (free ?? null) === null && total === null ? null : `${text(free) ?? "-"}/${text(total) ?? "-"}`;
}

function gigabytes(mb: number): string {
  const gb = mb / 1024;
  return gb >= 10 ? `${Math.round(gb)}` : gb.toFixed(1).replace(/\.0$/, "");
}
