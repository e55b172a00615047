// The stream of facts of one run: who wants which, and who is told first.
// Decides that facts nobody wants are not made, and that observers hear of a fact before anybody outside does.
// Never keeps a fact and never judges one.

import type { Fact, FrameSample, RunObserver } from "../observe.ts";

/** All kinds of facts. */
export const FACT_KINDS = [
  "node-started",
  "node-ready",
  "node-stopped",
  "view",
  "discovery",
  "session",
  "path",
  "sent",
  "received",
  "answered",
  "commanded",
  "frame",
  "fault",
  "process",
  "signalled",
  "behaves",
  "program",
  "asked",
  "state",
  "phase",
  "claim",
  "crash",
  "violation",
] as const satisfies readonly Fact["kind"][];

/** Tells facts to observers and, after them, to one listener outside. */
export class FactBus {
  readonly #byKind = new Map<Fact["kind"], ((fact: Fact) => void)[]>();
  readonly #frameWatchers: ((frame: FrameSample) => void)[] = [];
  readonly #outside: ((fact: Fact) => void) | null;

  /** @param outside is told of every fact, frames only with `frames` */
  constructor(outside: ((fact: Fact) => void) | null, readonly frames: boolean) {
    this.#outside = outside;
  }

  /** Lets an observer hear what it wants from now on. */
  add(observer: RunObserver): void {
    const { onFact, onFrame } = observer;
    if (onFact !== undefined) {
      for (const kind of observer.wants ?? FACT_KINDS) {
        const hearers = this.#byKind.get(kind);
        const hear = (fact: Fact): void => onFact.call(observer, fact);
        if (hearers === undefined) this.#byKind.set(kind, [hear]);
        else hearers.push(hear);
      }
    }
    if (onFrame !== undefined) this.#frameWatchers.push((frame) => onFrame.call(observer, frame));
  }

  /** Whether anybody wants facts of this kind. */
  isWanted(kind: Fact["kind"]): boolean {
    return this.#outside !== null || this.#byKind.has(kind);
  }

  /** Whether anybody watches frames. */
  get watchesFrames(): boolean {
    return this.#frameWatchers.length > 0 || (this.frames && this.#outside !== null);
  }

  /** Tells a fact. */
  tell(fact: Fact): void {
    for (const hear of this.#byKind.get(fact.kind) ?? []) hear(fact);
    this.#outside?.(fact);
  }

  /** Tells of a frame. */
  tellFrame(frame: FrameSample): void {
    for (const hear of this.#frameWatchers) hear(frame);
    if (this.frames && this.#outside !== null) this.#outside({ kind: "frame", ...frame });
  }
}
