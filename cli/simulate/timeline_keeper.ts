// Keeps of a run what its timeline can show: all that is no frame, and the frames around what happened.
// Decides which of a million frames are worth 5,000 arrows: those just before and just after something changed, with
// room kept for faults and for what was violated, however much changed before.
// Bounded; what is left out is counted, never silently gone.

import type { Fact } from "../../lib/simulate/mod.ts";
import type { Timeline } from "./job.ts";

type Frame = Extract<Fact, { kind: "frame" }>;

/** Facts that are no frames. */
const MAX_FACTS = 40_000;
/** Frames around one event: before it, and behind it. */
const FRAMES_BEFORE = 60;
const FRAMES_BEHIND = 120;

/** What makes frames worth keeping, with how many are kept for all of its kind: 5,000 together. */
const FRAMES_FOR = { violation: 900, fault: 2_600, change: 1_500 };

/** Why frames are kept. */
type Reason = keyof typeof FRAMES_FOR;

/** Gathers the facts of one run. */
export class TimelineKeeper {
  readonly #facts: Fact[] = [];
  readonly #frames: Frame[] = [];
  readonly #left: Record<Reason, number> = { ...FRAMES_FOR };
  #recent: Frame[] = [];
  /** Frames that are still kept behind the last event, and why. */
  #wanted = FRAMES_BEHIND;
  #reason: Reason = "change";
  #leftOutFacts = 0;
  #leftOutFrames = 0;

  /** Takes a fact of the run; they come in order. */
  onFact(fact: Fact): void {
    if (fact.kind === "frame") return this.#onFrame(fact);
    if (this.#facts.length < MAX_FACTS || fact.kind === "violation" || fact.kind === "phase") {
      this.#facts.push(fact);
    } else this.#leftOutFacts++;
    const reason = reasonOf(fact);
    if (reason !== null && this.#left[reason] > 0) this.#keepAround(reason);
  }

  /** What was kept, in order of time. */
  finish(): Timeline {
    this.#leftOutFrames += this.#recent.length;
    const facts = [...this.#facts, ...this.#frames].sort((a, b) => a.atUs - b.atUs);
    return { facts, leftOut: { facts: this.#leftOutFacts, frames: this.#leftOutFrames } };
  }

  #onFrame(frame: Frame): void {
    if (this.#wanted > 0 && this.#left[this.#reason] > 0) {
      this.#wanted--;
      this.#left[this.#reason]--;
      this.#frames.push(frame);
      return;
    }
    this.#recent.push(frame);
    if (this.#recent.length > 2 * FRAMES_BEFORE) {
      this.#leftOutFrames += this.#recent.length - FRAMES_BEFORE;
      this.#recent = this.#recent.slice(-FRAMES_BEFORE);
    }
  }

  #keepAround(reason: Reason): void {
    const before = this.#recent.slice(-Math.min(FRAMES_BEFORE, this.#left[reason]));
    this.#leftOutFrames += this.#recent.length - before.length;
    this.#left[reason] -= before.length;
    this.#frames.push(...before);
    this.#recent = [];
    this.#wanted = FRAMES_BEHIND;
    this.#reason = reason;
  }
}

/** Why somebody who looks at the timeline will ask what went over the network just then; null when nobody will. */
function reasonOf(fact: Fact): Reason | null {
  switch (fact.kind) {
    case "violation":
    case "crash":
      return "violation";
    case "fault":
    case "node-stopped":
      return "fault";
    case "node-started":
      return "change";
    case "view":
      return fact.before === fact.state ? null : "change";
    case "session":
      return fact.what === "lost" ? "change" : null;
    default:
      return null;
  }
}
