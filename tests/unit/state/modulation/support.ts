// Sources of modulation and what they modulate, without a network.

import {
  ModulatedValues,
  ModulationLayout,
  type ModulationMode,
  type ModulationSlot,
  ModulationSource,
} from "../../../../lib/state/modulation/mod.ts";
import type { ParameterDefinition } from "../../../../lib/state/model/mod.ts";
import type { Outlet } from "../../../../lib/state/stream/mod.ts";
import { faderOf } from "../../../support/state_streams_allocation.ts";

/** A lane that keeps copies of what was sent. */
export class KeptLane implements Outlet {
  isWritable = true;
  #sent: Uint8Array[] = [];

  send(bytes: Uint8Array): boolean {
    this.#sent.push(bytes.slice());
    return true;
  }

  /** What was sent since the last call. */
  take(): Uint8Array[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }
}

/** The shared state as far as modulation sees it. */
export class Base {
  readonly values: number[] = [];
  readonly floors: number[] = [];

  baseOf(slot: ModulationSlot): number {
    return this.values[slot] ?? NaN;
  }

  floorOf(slot: ModulationSlot): number {
    return this.floors[slot] ?? 0;
  }
}

/** What a stage is made of: `mix` from 0 to 1 at 0.3, `hue` from 0 to 360, `copies` from 1 to 64, `strobe`, `position`. */
export const DEFINITIONS: readonly ParameterDefinition[] = [
  faderOf("mix", { default: 0.3 }),
  faderOf("hue", { default: 180, max: 360, unit: "°" }),
  faderOf("copies", { type: "i32", default: 4, min: 1, max: 64 }),
  faderOf("strobe", { type: "bool", default: false, min: null, max: null }),
  faderOf("title", { type: "text", default: "", min: null, max: 64 }),
  faderOf("position", { type: "vec3", default: [1, 2, 3], min: -10, max: 10 }),
];

/** A source on a stage. */
export interface StageSource {
  readonly source: ModulationSource;
  readonly lane: KeptLane;
  readonly peer: string;
}

/** A visualization with sources that reach it at once. */
export class Stage {
  nowUs = 10_000_000;
  readonly layout = new ModulationLayout(DEFINITIONS);
  readonly base = new Base();
  readonly values = new ModulatedValues(this.layout, this.base);
  readonly sources: StageSource[] = [];

  /** A source of a node. */
  source(name: string, peer = "node-a"): ModulationSource {
    const number = this.sources.filter((one) => one.peer === peer).length;
    const lane = new KeptLane();
    const source = new ModulationSource({ name, number, layout: this.layout, outlet: lane });
    this.sources.push({ source, lane, peer });
    return source;
  }

  /** A source that does one thing. */
  doing(name: string, path: string, mode: ModulationMode, value: number, priority = 100): ModulationSource {
    const source = this.source(name);
    source.bind({ slot: this.slot(path), mode, priority });
    if (!source.set(this.slot(path), value)) throw new Error(`${value} is refused`);
    return source;
  }

  slot(path: string, part = 0): ModulationSlot {
    const slot = this.layout.slotOf(path, part);
    if (slot === -1) throw new Error(path);
    return slot;
  }

  /** Goes on for some time; sources in `silent` say nothing. Draws at the end. */
  run(us: number, silent: readonly ModulationSource[] = []): void {
    const untilUs = this.nowUs + us;
    this.settle(silent);
    for (;;) {
      const dues = this.sources.filter(({ source }) => !silent.includes(source))
        .map(({ source }) => source.pollTimeout()?.atUs ?? Infinity);
      const next = Math.min(...dues);
      if (next > untilUs) break;
      this.nowUs = Math.max(this.nowUs + 1, next);
      this.settle(silent);
    }
    this.nowUs = untilUs;
    this.values.beginFrame(this.nowUs);
  }

  settle(silent: readonly ModulationSource[] = []): void {
    for (const { source, lane, peer } of this.sources) {
      if (silent.includes(source)) continue;
      source.handleTimeout(this.nowUs);
      for (const bytes of lane.take()) {
        const problem = this.values.handleFrame(this.nowUs, peer, bytes);
        if (problem !== null) throw new Error(problem);
      }
    }
  }

  /** The effective value of the last frame. */
  value(path: string, part = 0): number {
    return this.values.valueOf(this.slot(path, part));
  }

  why(path: string, part = 0): string {
    return this.values.explain(path, this.nowUs, part)?.text ?? "";
  }

  fates(path: string): Record<string, string> {
    const sources = this.values.explain(path, this.nowUs)?.sources ?? [];
    return Object.fromEntries(sources.map(({ name, fate }) => [name, fate]));
  }
}

/** That two numbers differ by no more than rounding, or by `most`. */
export function assertNear(actual: number, expected: number, most = 1e-9, why = ""): void {
  if (!(Math.abs(actual - expected) <= most)) throw new Error(`${actual} instead of ${expected} ${why}`);
}
