// How a running program feels, and for how long it has felt well without a break.
// Decides health and when ten and thirty seconds of it are over; never what follows from them (table.ts).

import type { Health } from "../model/mod.ts";
import { PROVEN_US, STABLE_US } from "./policy.ts";

/** Follows one program's health. */
export class Wellness {
  #health: Health = "unknown";
  /** Since when it has been ready without a break; null while it is not. */
  #sinceUs: number | null = null;
  #stableTold = false;
  #provenTold = false;

  get health(): Health {
    return this.#health;
  }

  /** It is ready. `told`: it said so, or something looked; else nothing is known but that it lives. */
  noteReady(nowUs: number, told: boolean): void {
    this.#health = told ? "ready" : "unknown";
    if (this.#sinceUs === null) this.#begin(nowUs);
  }

  /** It fell silent: what counts continuously begins anew afterwards. */
  noteSilent(): void {
    this.#sinceUs = null;
  }

  /** It speaks again. A picture that stood still before still does; `moving` will say otherwise. */
  noteHeard(nowUs: number): void {
    if (this.#health !== "stalled") this.noteReady(nowUs, true);
  }

  /** Its picture stands still. Whether that is news. */
  noteStalled(): boolean {
    const isNews = this.#health !== "stalled";
    this.#health = "stalled";
    this.#sinceUs = null;
    return isNews;
  }

  /** Its picture moves. Whether that is news. */
  noteMoving(nowUs: number): boolean {
    if (this.#health !== "stalled") return false;
    this.noteReady(nowUs, true);
    return true;
  }

  /** It told of a fault and goes on. */
  noteFault(): void {
    if (this.#health !== "stalled") this.#health = "degraded";
    this.#sinceUs = null;
  }

  /** Time passed that nobody observed. */
  forgive(nowUs: number): void {
    if (this.#sinceUs !== null) this.#sinceUs = nowUs;
  }

  /** It no longer runs. */
  noteEnd(): void {
    this.#health = "unknown";
    this.#sinceUs = null;
  }

  /** What is due next: `proven` after ten seconds where `awaitsProof`, `stable` after thirty; null where nothing is. */
  next(awaitsProof: boolean): { readonly atUs: number; readonly event: "proven" | "stable" } | null {
    if (this.#sinceUs === null) return null;
    if (awaitsProof && !this.#provenTold) return { atUs: this.#sinceUs + PROVEN_US, event: "proven" };
    return this.#stableTold ? null : { atUs: this.#sinceUs + STABLE_US, event: "stable" };
  }

  noteProven(): void {
    this.#provenTold = true;
  }

  noteStable(): void {
    this.#stableTold = true;
  }

  #begin(nowUs: number): void {
    this.#sinceUs = nowUs;
    this.#stableTold = false;
    this.#provenTold = false;
  }
}
