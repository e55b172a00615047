// How long a program has been silent and its picture still, in time that somebody watched (research, section 1.7).
// Decides what a look at the clock adds: never more than 500 ms, so that a suspended machine, a stopped shim or a starved
// one costs a program one look at most. Knows no messages and no connections.

import type { HangRules } from "../model/mod.ts";
import { SPEC_DEFAULTS } from "../model/mod.ts";
import { MAX_TICK_STEP_US, SUSPENDED_US, TICK_US } from "./limits.ts";

/** Silence limits as they are kept. */
export interface SilenceLimits {
  readonly warnUs: number;
  readonly killUs: number;
  readonly stallUs: number;
}

/**
 * The limits for this interval of heartbeats. Up to the default interval the rules stand, but never below two heartbeats;
 * a slower heart gets three of them before the warning and eight before the end.
 */
export function silenceLimits(hang: HangRules, heartbeatUs: number): SilenceLimits {
  const isSlow = heartbeatUs > SPEC_DEFAULTS.heartbeatUs;
  const warnUs = Math.max(hang.warnUs, (isSlow ? 3 : 2) * heartbeatUs);
  const killUs = Math.max(hang.killUs, (isSlow ? 8 : 3) * heartbeatUs, warnUs + heartbeatUs);
  return { warnUs, killUs, stallUs: Math.max(hang.stallUs, heartbeatUs) };
}

/** What a look at the clock found. */
export type SilenceFinding = "silent" | "dead" | "suspended";

/** Watches one run. Counts from {@linkcode begin} on. */
export class SilenceWatch {
  readonly limits: SilenceLimits;
  #isJudging = false;
  /** The last look at the clock. */
  #lookedUs = 0;
  /** The last heartbeat, or a later moment from which on silence counts. */
  #silentFromUs = 0;
  #silenceUs = 0;
  /** Silence that the program asked to be forgiven. */
  #allowanceUs = 0;
  #stillUs = 0;
  #stillFromUs = 0;
  #frame: number | null = null;
  #isSilent = false;
  #isDead = false;
  #isFrozen = false;

  constructor(limits: SilenceLimits) {
    this.limits = limits;
  }

  get isJudging(): boolean {
    return this.#isJudging;
  }
  get isSilent(): boolean {
    return this.#isSilent;
  }
  get isFrozen(): boolean {
    return this.#isFrozen;
  }
  /** Observed silence so far. */
  get silenceUs(): number {
    return this.#silenceUs;
  }
  get lookedUs(): number {
    return this.#lookedUs;
  }

  /** The clock is looked at from now on; harmless when it is already. */
  look(nowUs: number): void {
    this.#lookedUs = nowUs;
  }

  /** Silence counts from now on. */
  begin(nowUs: number): void {
    if (this.#isJudging) return;
    this.#isJudging = true;
    this.#forgive(nowUs);
  }

  /** Silence counts no more: the program was asked to end, or said that it does. */
  end(): void {
    this.#isJudging = false;
    this.#isSilent = false;
  }

  /** Forgives so much silence from now on; requests do not add up. */
  extend(nowUs: number, us: number): void {
    this.#allowanceUs = Math.max(this.#allowanceUs, us);
    this.#silenceUs = 0;
    this.#silentFromUs = nowUs;
  }

  /** A sign of life. Returns true where it ends a silence that was told. */
  handleBeat(nowUs: number): boolean {
    this.begin(nowUs);
    this.#silenceUs = 0;
    this.#silentFromUs = nowUs;
    this.#allowanceUs = 0;
    if (!this.#isSilent) return false;
    this.#isSilent = false;
    this.#isDead = false;
    return true;
  }

  /** The frame counter of a heartbeat. Returns what it ends or begins. */
  handleFrame(nowUs: number, frame: number): "frozen" | "moving" | null {
    this.#addStillness(nowUs, Math.max(this.#lookedUs, this.#stillFromUs));
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#stillUs = 0;
      if (!this.#isFrozen) return null;
      this.#isFrozen = false;
      return "moving";
    }
    // One look is the grain of what is measured here: a heartbeat that comes a millisecond early decides nothing.
    if (this.#isFrozen || this.#stillUs + TICK_US < this.limits.stallUs) return null;
    this.#isFrozen = true;
    return "frozen";
  }

  /** Looks at the clock; findings are told once each until a heartbeat comes. */
  handleTick(nowUs: number, onFinding: (finding: SilenceFinding) => void): void {
    const beforeUs = this.#lookedUs;
    const elapsedUs = nowUs - beforeUs;
    if (elapsedUs > SUSPENDED_US) {
      this.#forgive(nowUs);
      onFinding("suspended");
      return;
    }
    this.#addStillness(nowUs, Math.max(beforeUs, this.#stillFromUs));
    this.#lookedUs = nowUs;
    if (!this.#isJudging) return;
    this.#addSilence(nowUs - Math.max(beforeUs, this.#silentFromUs));
    if (!this.#isSilent && this.#silenceUs >= this.limits.warnUs) {
      this.#isSilent = true;
      onFinding("silent");
    }
    if (!this.#isDead && this.#silenceUs >= this.limits.killUs) {
      this.#isDead = true;
      onFinding("dead");
    }
  }

  #addSilence(us: number): void {
    let stepUs = Math.max(0, Math.min(us, MAX_TICK_STEP_US));
    const forgivenUs = Math.min(stepUs, this.#allowanceUs);
    this.#allowanceUs -= forgivenUs;
    stepUs -= forgivenUs;
    this.#silenceUs += stepUs;
  }

  #addStillness(nowUs: number, fromUs: number): void {
    if (this.#frame !== null) this.#stillUs += Math.max(0, Math.min(nowUs - fromUs, MAX_TICK_STEP_US));
    this.#stillFromUs = nowUs;
  }

  #forgive(nowUs: number): void {
    this.#lookedUs = nowUs;
    this.#silentFromUs = nowUs;
    this.#silenceUs = 0;
    this.#stillUs = 0;
    this.#stillFromUs = nowUs;
  }
}
