// When a program that ended is tried again, and what its end means.
// Decides delays, exit classes and which ends count; never acts and never remembers (research, section 1.6).

import type { RandomStream } from "../../platform/mod.ts";
import type { Desired, ExitClass, ProgramSpec } from "../model/mod.ts";

/** The second try's delay; each further one doubles it. */
export const FIRST_DELAY_US = 250_000;
/** Failures are forgotten after so long continuously ready. */
export const STABLE_US = 30_000_000;
/** The safe look ends after so long continuously ready. */
export const PROVEN_US = 10_000_000;
/** So many failures within the window make a program unstable. */
export const UNSTABLE_COUNT = 3;
/** The window of {@linkcode UNSTABLE_COUNT}. */
export const UNSTABLE_WINDOW_US = 60_000_000;
/** The most that one extension of the start grants (research, section 1.7). */
export const MAX_EXTENSION_US = 120_000_000;

/** The delay before the try after the `n`th end in a row, before jitter, in microseconds. */
export function nominalDelayUs(n: number, capUs: number): number {
  if (n <= 1) return 0;
  // Beyond 2^40 every cap is reached, and the power stays exact.
  return Math.min(capUs, FIRST_DELAY_US * 2 ** Math.min(n - 2, 40));
}

/** {@linkcode nominalDelayUs} times a factor drawn evenly from 0.8 to 1.2: a row of machines does not try in step. */
export function delayUs(n: number, capUs: number, random: RandomStream): number {
  const nominal = nominalDelayUs(n, capUs);
  return nominal === 0 ? 0 : Math.round(nominal * (0.8 + 0.4 * random.float()));
}

/** How a process ended, and what was done to it before. */
export interface EndOfProcess {
  /** 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly signal: string | null;
  /** Why it was ended from here; null where it ended by itself. */
  readonly done: ExitClass | null;
}

/** Signals by which people and systems ask programs to end; a program that nobody here asked has not crashed by them. */
const ASKING = new Map([[1, "SIGHUP"], [2, "SIGINT"], [15, "SIGTERM"]]);
/** Numbers of signals that end a process and that shells report as 128 + n. */
const HIGHEST_SIGNAL = 64;

/** The number of the signal that an exit code stands for; null where it stands for none. */
export function signalOfCode(code: number): number | null {
  return code > 128 && code <= 128 + HIGHEST_SIGNAL ? code - 128 : null;
}

/** What an end means. A shell that reports a signal as 128 + n counts as ended by that signal. */
export function exitClassOf(
  end: EndOfProcess,
  spec: Pick<ProgramSpec, "successCodes" | "fatalCodes">,
): ExitClass {
  if (end.done !== null) return end.done;
  if (end.signal === null) {
    if (end.code === 0 || spec.successCodes.includes(end.code)) return "success";
    if (spec.fatalCodes.includes(end.code)) return "fatal";
    if (end.code === 75) return "temporary";
    if (end.code === 125) return "stay-down";
  }
  const signal = signalOfCode(end.code);
  if (end.signal === null && signal === null) return "failure";
  if (end.signal !== null) return isAsking(end.signal) ? "failure" : "crash";
  return signal !== null && ASKING.has(signal) ? "failure" : "crash";
}

function isAsking(signal: string): boolean {
  for (const name of ASKING.values()) if (name === signal) return true;
  return false;
}

/** Whether an end of this class raises the count of failures. */
export function countsAsFailure(exit: ExitClass): boolean {
  switch (exit) {
    case "success":
    case "stopped":
    case "temporary":
    case "stay-down":
    case "shim-lost":
      return false;
    default:
      return true;
  }
}

/** Whether another try would end the same way, whatever the restart policy. */
export function isHopeless(exit: ExitClass): boolean {
  return exit === "fatal" || exit === "config";
}

/** Whether the policy leaves a program alone after an end of this class. */
export function isOver(exit: ExitClass, want: Desired, spec: Pick<ProgramSpec, "restart">): boolean {
  if (exit === "stay-down") return true;
  // What could not even begin waits for its file, whatever the policy: nothing was run that could run twice.
  if (exit === "config") return false;
  if (spec.restart === "never") return true;
  return exit === "success" && (want === "once" || spec.restart === "on-failure");
}
