// NVIDIA's cards, as `nvidia-smi` tells them: it comes with the driver on Linux and on Windows alike.
// Decides what its lines mean and that it is waited for once: a driver in trouble makes it hang.

import type { ChildProcess, GpuFacts, GpuLoad } from "../../mod.ts";
import { capture, type Runner } from "./capture.ts";

/** A healthy one answers in 20 to 1,000 ms; longer without the persistence daemon. */
export const NVIDIA_TIMEOUT_US = 2_000_000;
/** How often the watching one tells. */
const WATCH_SECONDS = 5;
/** What is older says nothing about now: three readings have not come. */
const STALE_US = 3 * WATCH_SECONDS * 1_000_000;
/** More cards than this are not looked at. */
const MAX_CARDS = 16;
const FORMAT = "--format=csv,noheader,nounits";

/** The cards in `nvidia-smi --query-gpu=name,memory.total`. A value that is not known stands as `[N/A]`. */
export function parseNvidiaCards(text: string): GpuFacts[] {
  const cards: GpuFacts[] = [];
  for (const line of text.split("\n").slice(0, MAX_CARDS)) {
    const comma = line.lastIndexOf(",");
    const name = line.slice(0, comma).replace(/^NVIDIA /, "").trim();
    if (comma < 0 || name === "") continue;
    const vramMb = numberOf(line.slice(comma + 1));
    cards.push({
      vendor: "nvidia",
      ...(name.startsWith("[") ? {} : { name }),
      ...(vramMb === null ? {} : { vramMb }),
    });
  }
  return cards;
}

/** One line of `nvidia-smi --query-gpu=index,utilization.gpu,memory.free`; null when it is none. */
export function parseNvidiaLoad(line: string): { index: number; load: GpuLoad } | null {
  const [index, busyPercent, vramFreeMb] = line.split(",").map(numberOf);
  if (index === undefined || index === null || index >= MAX_CARDS) return null;
  return {
    index,
    load: {
      ...(busyPercent === undefined || busyPercent === null
        ? {}
        : { busyPercent: Math.min(100, busyPercent) }),
      ...(vramFreeMb === undefined || vramFreeMb === null ? {} : { vramFreeMb }),
    },
  };
}

function numberOf(text: string): number | null {
  const trimmed = text.trim();
  return /^\d{1,8}$/.test(trimmed) ? Number(trimmed) : null;
}

/** Asks `nvidia-smi`. */
export class NvidiaCards {
  readonly #runner: Runner;
  #cards: Promise<readonly GpuFacts[]> | null = null;
  #count = 0;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** The cards; none without driver. Asked once: cards do not come and go while a driver runs. */
  read(): Promise<readonly GpuFacts[]> {
    return this.#cards ??= this.#read();
  }

  async #read(): Promise<readonly GpuFacts[]> {
    const argv = ["nvidia-smi", "--query-gpu=name,memory.total", FORMAT] as const;
    const answer = await capture(this.#runner, argv, NVIDIA_TIMEOUT_US);
    const cards = answer.kind === "text" ? parseNvidiaCards(answer.text) : [];
    this.#count = cards.length;
    return cards;
  }

  /** Watches how busy the cards are that {@linkcode read} has found; null without any. */
  watch(): NvidiaWatch | null {
    return this.#count === 0 ? null : new NvidiaWatch(this.#runner, this.#count);
  }
}

/** One `nvidia-smi` that goes on telling: starting one every two seconds would load the machine that it measures. */
export class NvidiaWatch {
  readonly #runner: Runner;
  readonly #loads: GpuLoad[];
  #heardUs = -Infinity;
  #child: ChildProcess | null = null;

  constructor(runner: Runner, cards: number) {
    this.#runner = runner;
    this.#loads = Array.from({ length: cards }, () => ({}));
    try {
      this.#child = runner.processes.spawn({
        argv: [
          "nvidia-smi",
          "--query-gpu=index,utilization.gpu,memory.free",
          FORMAT,
          `--loop=${WATCH_SECONDS}`,
        ],
        output: "lines",
      }, {
        onLine: (output, line) => {
          const told = output === "stdout" ? parseNvidiaLoad(line) : null;
          if (told === null || told.index >= this.#loads.length) return;
          this.#loads[told.index] = told.load;
          this.#heardUs = runner.clock.nowUs();
        },
        onExit: () => this.#child = null,
      });
    } catch {
      // Without it the load of the cards is not known, which is no error.
    }
  }

  /** A load a card; empty ones when it has not told for a while. */
  read(): readonly GpuLoad[] {
    const isFresh = this.#runner.clock.nowUs() - this.#heardUs <= STALE_US;
    return isFresh ? [...this.#loads] : this.#loads.map(() => ({}));
  }

  close(): void {
    this.#child?.killGroup("SIGKILL");
    this.#child = null;
  }
}
