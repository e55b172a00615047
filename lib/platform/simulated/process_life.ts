// Whether a simulated process lives, and what must happen when it ends.
// Decides the difference between a killed process (the system closes its sockets, peers notice) and a machine that
// lost power (silence).

import type { HostCpu } from "./cpu.ts";
import { ProcessCpu } from "./process_cpu.ts";

/** How a process ended: `killed`, and its system cleans up, or `power-lost`, and nobody does. */
export type ProcessEnd = "killed" | "power-lost";

/** Something that a process holds. */
export interface Held {
  /** The process ended. */
  onProcessEnded(end: ProcessEnd): void;
}

/** The life of one process. */
export class ProcessLife {
  readonly hostName: string;
  readonly processId: number;
  /** Whether and how soon it runs. */
  readonly cpu: ProcessCpu;
  readonly #held = new Set<Held>();
  #alive = true;

  constructor(hostName: string, processId: number, cpu: HostCpu) {
    this.hostName = hostName;
    this.processId = processId;
    this.cpu = new ProcessCpu(cpu);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Notes something that must hear of the end. */
  hold(held: Held): void {
    this.#held.add(held);
  }

  /** Forgets it. */
  drop(held: Held): void {
    this.#held.delete(held);
  }

  /** Ends the process; nothing of it runs afterwards. */
  end(end: ProcessEnd): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.cpu.clear();
    for (const held of this.#held) held.onProcessEnded(end);
    this.#held.clear();
  }
}
