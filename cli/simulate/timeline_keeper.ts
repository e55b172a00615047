// Keeps of a run what its timeline can show: all that is no frame, and the frames around what happened.
// Decides which of a million frames are worth 5,000 arrows: those just before and just after something changed.
// Bounded; what is left out is counted, never silently gone.

import type { Fact } from "../../lib/simulate/mod.ts";
import type { Timeline } from "./job.ts";

type Frame = Extract<Fact, { kind: "frame" }>;

/** Facts that are no frames. */
const MAX_FACTS = 40_000;
/** Frames in all, and around one event: before it, and behind it. */
const MAX_FRAMES = 5_000;
const FRAMES_BEFORE = 60;
const FRAMES_BEHIND = 120;

/** Gathers the facts of one run. */
export class TimelineKeeper {
  readonly #facts: Fact[] = [];
  readonly #frames: Frame[] = [];
  #recent: Frame[] = [];
  #wanted = FRAMES_BEHIND;
  #leftOutFacts = 0;
  #leftOutFrames = 0;

  /** Takes a fact of the run; they come in order. */
  onFact(fact: Fact): void {
    if (fact.kind === "frame") return this.#onFrame(fact);
    if (this.#facts.length < MAX_FACTS || fact.kind === "violation" || fact.kind === "phase") {
      this.#facts.push(fact);
    } else this.#leftOutFacts++;
    if (isTurningPoint(fact)) this.#keepAround();
  }

  /** What was kept, in order of time. */
  finish(): Timeline {
    this.#leftOutFrames += this.#recent.length;
    const facts = [...this.#facts, ...this.#frames].sort((a, b) => a.atUs - b.atUs);
    return { facts, leftOut: { facts: this.#leftOutFacts, frames: this.#leftOutFrames } };
  }

  #onFrame(frame: Frame): void {
    if (this.#frames.length >= MAX_FRAMES) {
      this.#leftOutFrames++;
    } else if (this.#wanted > 0) {
      this.#wanted--;
      this.#frames.push(frame);
    } else {
      this.#recent.push(frame);
      if (this.#recent.length > 2 * FRAMES_BEFORE) {
        this.#leftOutFrames += this.#recent.length - FRAMES_BEFORE;
        this.#recent = this.#recent.slice(-FRAMES_BEFORE);
      }
    }
  }

  #keepAround(): void {
    const before = this.#recent.slice(-FRAMES_BEFORE).slice(0, MAX_FRAMES - this.#frames.length);
    this.#leftOutFrames += this.#recent.length - before.length;
    this.#frames.push(...before);
    this.#recent = [];
    this.#wanted = FRAMES_BEHIND;
  }
}

/** Whether somebody who looks at the timeline will ask what went over the network just then. */
function isTurningPoint(fact: Fact): boolean {
  switch (fact.kind) {
    case "fault":
    case "violation":
    case "crash":
    case "node-started":
    case "node-stopped":
      return true;
    case "view":
      return fact.before !== fact.state;
    case "session":
      return fact.what === "lost";
    default:
      return false;
  }
}
