// Durations as people write them: `250ms`, `2s`, `5m`, `1h`, `1m30s`.
// Decides the form; hana counts in integer microseconds everywhere else.

import { HanaError } from "../../lib/base/mod.ts";

const UNITS_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

/** The longest duration that can be asked for: a year of shows. */
export const MAX_DURATION_US = 366 * 86_400_000_000;

/** Why a text is no duration. */
export interface DurationFault {
  readonly why: string;
  readonly hint: string;
}

/** Reads a duration in microseconds, or says why it cannot. */
export function tryDuration(text: string): number | DurationFault {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed) && Number(trimmed) !== 0) {
    return { why: "a duration needs a unit: us, ms, s, m, h or d", hint: `${trimmed}s` };
  }
  if (trimmed === "0") return 0;
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d)/g)];
  const whole = parts.map((part) => part[0]).join("");
  if (parts.length === 0 || whole !== trimmed) {
    return { why: "a duration is a number and a unit, such as 250ms, 2s, 5m or 1h", hint: "2s" };
  }
  let total = 0;
  for (const [, number = "", unit = ""] of parts) {
    total += Number(number) * (UNITS_US[unit === "µs" ? "us" : unit] ?? NaN);
  }
  const durationUs = Math.round(total);
  if (durationUs > MAX_DURATION_US) return { why: "a duration is at most 366 days", hint: "1h" };
  return durationUs;
}

/** Reads a duration in microseconds. Throws `usage` naming `subject` (such as `--timeout`). */
export function parseDuration(text: string, subject: string): number {
  const read = tryDuration(text);
  if (typeof read === "number") return read;
  throw new HanaError("usage", {
    what: `${subject} ${JSON.stringify(text)} is no duration`,
    why: read.why,
    hint: `${subject} ${read.hint}`,
  });
}

/** The shortest exact text for a duration; what it writes, {@linkcode parseDuration} reads back. */
export function formatDuration(durationUs: number): string {
  if (durationUs === 0) return "0s";
  let rest = Math.round(durationUs);
  if (rest < 1_000) return `${rest}us`;
  if (rest < 1_000_000) return `${rest / 1_000}ms`;
  if (rest < 60_000_000) return `${rest / 1_000_000}s`;
  let text = "";
  for (const unit of ["d", "h", "m"]) {
    const sizeUs = UNITS_US[unit] ?? 1;
    const n = Math.floor(rest / sizeUs);
    if (n > 0) text += `${n}${unit}`;
    rest -= n * sizeUs;
  }
  return rest > 0 ? `${text}${rest / 1_000_000}s` : text;
}

/** A duration for a narrow column, three digits at most: `840us`, `1.2ms`, `34s`, `5m`, `2h`. */
export function briefDuration(durationUs: number): string {
  if (durationUs < 1_000) return `${Math.round(durationUs)}us`;
  if (durationUs < 999_500) return `${threeDigits(durationUs / 1_000)}ms`;
  if (durationUs < 59_500_000) return `${threeDigits(durationUs / 1_000_000)}s`;
  if (durationUs < 3_570_000_000) return `${Math.round(durationUs / 60_000_000)}m`;
  if (durationUs < 84_600_000_000) return `${Math.round(durationUs / 3_600_000_000)}h`;
  return `${Math.round(durationUs / 86_400_000_000)}d`;
}

function threeDigits(n: number): string {
  return n < 9.95 ? String(Math.round(n * 10) / 10) : String(Math.round(n));
}
