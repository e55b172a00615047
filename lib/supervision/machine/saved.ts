// Reads what a journal kept of a machine.
// Decides whether it can be trusted: a torn, older or foreign record gives null, and the program begins anew.

import type { Desired, ExitClass } from "../model/mod.ts";
import type { MachineCounters, SavedMachine } from "./events.ts";
import { MAX_REMEMBERED_FAILURES } from "./failure_log.ts";
import { TABLE_STATES } from "./table.ts";

const WANTS: readonly Desired[] = ["up", "down", "once"];
const COUNTERS: readonly (keyof MachineCounters)[] = [
  "spurious",
  "coalesced",
  "failures",
  "forgiven",
  "extensions",
];
const CLASSES: Readonly<Record<ExitClass, true>> = {
  success: true,
  failure: true,
  crash: true,
  fatal: true,
  temporary: true,
  "stay-down": true,
  config: true,
  resources: true,
  "start-timeout": true,
  hang: true,
  stall: true,
  oom: true,
  stopped: true,
  "shim-lost": true,
};

/** What was saved; null where the value is none that `ProgramMachine.save` can have made. */
export function readSavedMachine(value: unknown): SavedMachine | null {
  if (typeof value !== "object" || value === null) return null;
  const saved = value as Record<string, unknown>;
  if (saved["v"] !== 1) return null;
  const { state, want, reason, counters, failureAgesUs } = saved;
  if (!isOneOf(TABLE_STATES, state) || !isOneOf(WANTS, want)) return null;
  if (reason !== null && !isClass(reason)) return null;
  if (
    !["clear", "concluded", "gaveUp", "hurry", "fallback"].every((key) => typeof saved[key] === "boolean")
  ) {
    return null;
  }
  if (!["run", "fails", "tries", "fresh"].every((key) => isCount(saved[key]))) return null;
  if (!Array.isArray(failureAgesUs) || failureAgesUs.length > MAX_REMEMBERED_FAILURES) return null;
  if (!failureAgesUs.every(isCount)) return null;
  const counts = readCounters(counters);
  if (counts === null) return null;
  return {
    v: 1,
    state,
    want,
    clear: saved["clear"] === true,
    reason,
    run: Number(saved["run"]),
    fails: Number(saved["fails"]),
    tries: Number(saved["tries"]),
    fresh: Number(saved["fresh"]),
    concluded: saved["concluded"] === true,
    gaveUp: saved["gaveUp"] === true,
    hurry: saved["hurry"] === true,
    fallback: saved["fallback"] === true,
    failureAgesUs: failureAgesUs.map(Number),
    counters: counts,
  };
}

function readCounters(value: unknown): MachineCounters | null {
  if (typeof value !== "object" || value === null) return null;
  const table = value as Record<string, unknown>;
  const counters = { spurious: 0, coalesced: 0, failures: 0, forgiven: 0, extensions: 0 };
  for (const key of COUNTERS) {
    const count = table[key];
    if (!isCount(count)) return null;
    counters[key] = count;
  }
  return counters;
}

function isOneOf<T>(list: readonly T[], value: unknown): value is T {
  return (list as readonly unknown[]).includes(value);
}

function isClass(value: unknown): value is ExitClass {
  return typeof value === "string" && Object.hasOwn(CLASSES, value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
