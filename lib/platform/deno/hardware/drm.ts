// Linux: graphics cards and displays, as the kernel's mode setting tells them under `/sys/class/drm`
// (Documentation/gpu/drm-uapi, Documentation/gpu/amdgpu). Decides which cards and connectors count: a card without a
// bus vendor draws in software, a connector that is not connected has no display. Never writes there.

import type { DisplayFacts, GpuFacts, GpuLoad } from "../../mod.ts";
import { parseEdid } from "./edid.ts";
import type { Tree } from "./tree.ts";

/** PCI vendors that make graphics cards, by the name that everybody uses. */
const VENDORS: Readonly<Record<string, string>> = {
  "0x10de": "nvidia",
  "0x1002": "amd",
  "0x8086": "intel",
  "0x106b": "apple",
  "0x1a03": "aspeed",
  "0x15ad": "vmware",
  "0x1af4": "virtio",
  "0x1234": "bochs",
};

/** Entries of one machine that are looked at, at most. */
const MAX_CARDS = 16;
const MAX_CONNECTORS = 64;

/** A card under `/sys/class/drm`. */
export interface DrmCard {
  /** `card0`. */
  readonly name: string;
  readonly facts: GpuFacts;
}

/** The cards of a machine, in the order of their numbers. */
export function readDrmCards(tree: Tree): DrmCard[] {
  const cards: DrmCard[] = [];
  for (const name of entries(tree, /^card\d+$/).slice(0, MAX_CARDS)) {
    const at = `sys/class/drm/${name}/device`;
    const vendor = tree.text(`${at}/vendor`)?.trim().toLowerCase();
    if (vendor === undefined || !/^0x[0-9a-f]{4}$/.test(vendor)) continue;
    const bytes = numberIn(tree, `${at}/mem_info_vram_total`);
    const productName = tree.text(`${at}/product_name`)?.trim();
    cards.push({
      name,
      facts: {
        vendor: VENDORS[vendor] ?? vendor,
        ...(productName === undefined || productName === "" ? {} : { name: productName }),
        ...(bytes === null ? {} : { vramMb: Math.round(bytes / 2 ** 20) }),
      },
    });
  }
  return cards;
}

/** How busy a card is, as far as its driver tells (amdgpu does). */
export function readDrmLoad(tree: Tree, card: DrmCard): GpuLoad {
  const at = `sys/class/drm/${card.name}/device`;
  // Asking a card that sleeps would wake it.
  if (tree.text(`${at}/power/runtime_status`)?.trim() === "suspended") return { busyPercent: 0 };
  const busyPercent = numberIn(tree, `${at}/gpu_busy_percent`);
  const total = numberIn(tree, `${at}/mem_info_vram_total`);
  const used = numberIn(tree, `${at}/mem_info_vram_used`);
  return {
    ...(busyPercent === null ? {} : { busyPercent: Math.min(100, busyPercent) }),
    ...(total === null || used === null
      ? {}
      : { vramFreeMb: Math.max(0, Math.round((total - used) / 2 ** 20)) }),
  };
}

/** The displays that are connected, by connector. */
export function readDrmDisplays(tree: Tree): DisplayFacts[] {
  const displays: DisplayFacts[] = [];
  for (const connector of entries(tree, /^card\d+-.+$/).slice(0, MAX_CONNECTORS)) {
    const display = readDisplay(tree, connector);
    if (display !== null) displays.push(display);
  }
  return displays;
}

function readDisplay(tree: Tree, connector: string): DisplayFacts | null {
  const at = `sys/class/drm/${connector}`;
  if (tree.text(`${at}/status`)?.trim() !== "connected") return null;
  const bytes = tree.bytes(`${at}/edid`);
  const edid = bytes === null ? null : parseEdid(bytes);
  // The first mode is the preferred one, and is there for displays without EDID too: "3840x2160".
  const listed = /^(\d+)x(\d+)/.exec(tree.text(`${at}/modes`) ?? "");
  const mode = edid?.mode ?? null;
  const width = listed === null ? mode?.width : Number(listed[1]);
  const height = listed === null ? mode?.height : Number(listed[2]);
  if (width === undefined || height === undefined) return null;
  const isSame = mode !== null && mode.width === width && mode.height === height;
  return {
    // A display without a name is known by where it is plugged in.
    name: edid?.name ?? (edid === null ? connector.replace(/^card\d+-/, "") : edid.vendor),
    width,
    height,
    ...(isSame ? { refreshHz: mode.refreshHz } : {}),
  };
}

/** Entries of `/sys/class/drm` in the order in which people count: card2 before card10. */
function entries(tree: Tree, pattern: RegExp): string[] {
  return tree.list("sys/class/drm").filter((name) => pattern.test(name))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

function numberIn(tree: Tree, path: string): number | null {
  const text = tree.text(path)?.trim() ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
