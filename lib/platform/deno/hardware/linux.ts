// The hardware of a Linux machine: `/proc`, `/sys/class/drm`, and `nvidia-smi` where NVIDIA's driver runs.
// Decides which source is believed where two speak of one card: the driver's own tool.

import type { GpuFacts, GpuLoad, Hardware, LoadReader, MachineFacts, MachineLoad } from "../../mod.ts";
import type { Runner } from "./capture.ts";
import { type DrmCard, readDrmCards, readDrmDisplays, readDrmLoad } from "./drm.ts";
import { NvidiaCards, type NvidiaWatch } from "./nvidia.ts";
import { cpuPercentBetween, type CpuTicks, memoryMb, parseCpuInfo, parseCpuTicks } from "./proc.ts";
import { type Tree, treeAt } from "./tree.ts";

/** Reads a Linux machine. */
export class LinuxHardware implements Hardware {
  readonly #tree: Tree;
  readonly #nvidia: NvidiaCards;
  /** Cards that nvidia-smi does not speak of. */
  #cards: readonly DrmCard[] = [];

  /** @param root where `proc` and `sys` are; nothing for the machine itself */
  constructor(runner: Runner, root = "") {
    this.#tree = treeAt(root);
    this.#nvidia = new NvidiaCards(runner);
  }

  async read(): Promise<MachineFacts> {
    const cards = readDrmCards(this.#tree);
    const nvidia = await this.#nvidia.read();
    this.#cards = nvidia.length === 0 ? cards : cards.filter(({ facts }) => facts.vendor !== "nvidia");
    const gpus: GpuFacts[] = [...nvidia, ...this.#cards.map(({ facts }) => facts)];
    const displays = readDrmDisplays(this.#tree);
    const cpu = parseCpuInfo(this.#tree.text("proc/cpuinfo") ?? "");
    const totalMb = memoryMb(this.#tree.text("proc/meminfo") ?? "", "MemTotal");
    return {
      ...(cpu === null ? {} : { cpu }),
      ...(totalMb === null ? {} : { memory: { totalMb } }),
      ...(gpus.length === 0 ? {} : { gpus }),
      ...(displays.length === 0 ? {} : { displays }),
    };
  }

  openLoad(): LoadReader | null {
    if (this.#tree.text("proc/stat") === null) return null;
    return new LinuxLoad(this.#tree, this.#nvidia.watch(), () => this.#cards);
  }
}

class LinuxLoad implements LoadReader {
  readonly #tree: Tree;
  readonly #nvidia: NvidiaWatch | null;
  readonly #cards: () => readonly DrmCard[];
  #ticks: CpuTicks | null;

  constructor(tree: Tree, nvidia: NvidiaWatch | null, cards: () => readonly DrmCard[]) {
    this.#tree = tree;
    this.#nvidia = nvidia;
    this.#cards = cards;
    this.#ticks = parseCpuTicks(tree.text("proc/stat") ?? "");
  }

  read(): MachineLoad {
    const ticks = parseCpuTicks(this.#tree.text("proc/stat") ?? "");
    const cpuPercent = ticks === null || this.#ticks === null ? null : cpuPercentBetween(this.#ticks, ticks);
    if (ticks !== null && cpuPercent !== null) this.#ticks = ticks;
    const memoryFreeMb = memoryMb(this.#tree.text("proc/meminfo") ?? "", "MemAvailable");
    const gpus: GpuLoad[] = [
      ...this.#nvidia?.read() ?? [],
      ...this.#cards().map((card) => readDrmLoad(this.#tree, card)),
    ];
    return {
      ...(cpuPercent === null ? {} : { cpuPercent }),
      ...(memoryFreeMb === null ? {} : { memoryFreeMb }),
      ...(gpus.length === 0 ? {} : { gpus }),
    };
  }

  close(): void {
    this.#nvidia?.close();
  }
}
