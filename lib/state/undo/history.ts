// The steps of one client, to be taken back and done again.
// Decides what is one step: a movement of one fader is, a transaction is. Never writes and never looks at the state.

import type { TransactionStep } from "../client/mod.ts";
import type { StateValue } from "../model/mod.ts";

/** Steps that can be taken back. */
export const MAX_STEPS = 100;
/** Paths of one group: those of the largest snapshot. */
export const MAX_GROUPED = 16_384;
/** Writes to one path that follow each other within this are one step, in microseconds. */
export const GROUP_US = 300_000;

/** A value that was written, or a movement from `before` to `after`. */
export interface SetStep {
  readonly kind: "set";
  readonly path: string;
  /** Null gives the path up: there was no value of this client. */
  readonly before: StateValue;
  after: StateValue;
  readonly priority: number | undefined;
  lastUs: number;
}

/** A transaction. */
export interface StructureStep {
  readonly kind: "transaction";
  readonly steps: readonly TransactionStep[];
}

/** Writes that belong together. */
export interface GroupStep {
  readonly kind: "group";
  readonly steps: readonly SetStep[];
}

/** Something that was done. */
export type Step = SetStep | StructureStep | GroupStep;

/** What was done and what was taken back, newest last. */
export class UndoHistory {
  readonly #maxSteps: number;
  readonly #groupUs: number;
  readonly #done: Step[] = [];
  readonly #undone: Step[] = [];
  /** What belongs together, by path, while more of it comes. */
  #group: Map<string, SetStep> | null = null;
  #forgotten = 0;

  /** `groupUs` in microseconds. */
  constructor(maxSteps = MAX_STEPS, groupUs = GROUP_US) {
    this.#maxSteps = maxSteps;
    this.#groupUs = groupUs;
  }

  /** Steps that can be taken back. */
  get undoable(): number {
    return this.#done.length;
  }

  /** Steps that can be done again. */
  get redoable(): number {
    return this.#undone.length;
  }

  /** Steps for which there was no room. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** A value was written. Allocates nothing while a movement goes on. */
  noteSet(
    nowUs: number,
    path: string,
    before: StateValue,
    after: StateValue,
    priority: number | undefined,
  ): void {
    this.#undone.length = 0;
    if (this.#group !== null) return this.#noteGrouped(this.#group, { nowUs, path, before, after, priority });
    // Several faders may move at once: the movement need not be the newest step.
    for (let at = this.#done.length - 1; at >= 0; at--) {
      const step = this.#done[at];
      if (step === undefined || step.kind !== "set" || nowUs - step.lastUs > this.#groupUs) break;
      if (step.path !== path || step.priority !== priority) continue;
      step.after = after;
      step.lastUs = nowUs;
      return;
    }
    this.#push({ kind: "set", path, before, after, priority, lastUs: nowUs });
  }

  /** A transaction has happened. */
  noteTransaction(steps: readonly TransactionStep[]): void {
    this.#undone.length = 0;
    this.#push({ kind: "transaction", steps });
  }

  /** All writes from now on are one step, until {@linkcode endGroup}. Whether there was none such yet. */
  beginGroup(): boolean {
    if (this.#group !== null) return false;
    this.#group = new Map();
    return true;
  }

  /** The step is over. */
  endGroup(): void {
    const steps = [...this.#group?.values() ?? []];
    this.#group = null;
    if (steps.length > 0) this.#push({ kind: "group", steps });
  }

  /** Takes the newest step out, to take it back. */
  takeDone(): Step | null {
    return this.#done.pop() ?? null;
  }

  /** Takes the step out that was taken back last, to do it again. */
  takeUndone(): Step | null {
    return this.#undone.pop() ?? null;
  }

  /** A step was done again, or could not be taken back for now. */
  putDone(step: Step): void {
    // What follows is another movement.
    if (step.kind === "set") step.lastUs = -Infinity;
    this.#push(step);
  }

  /** A step was taken back, or could not be done again for now. */
  putUndone(step: Step): void {
    this.#undone.push(step);
  }

  /** Forgets everything. */
  clear(): void {
    this.#group?.clear();
    this.#done.length = this.#undone.length = 0;
  }

  #noteGrouped(
    group: Map<string, SetStep>,
    { nowUs, path, before, after, priority }: {
      readonly nowUs: number;
      readonly path: string;
      readonly before: StateValue;
      readonly after: StateValue;
      readonly priority: number | undefined;
    },
  ): void {
    const step = group.get(path);
    if (step !== undefined) {
      step.after = after;
      step.lastUs = nowUs;
    } else if (group.size < MAX_GROUPED) {
      group.set(path, { kind: "set", path, before, after, priority, lastUs: nowUs });
    } else this.#forgotten++;
  }

  #push(step: Step): void {
    this.#done.push(step);
    if (this.#done.length <= this.#maxSteps) return;
    this.#done.shift();
    this.#forgotten++;
  }
}
