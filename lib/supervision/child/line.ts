// One line of the child protocol to a message, and a message to a line.
// Decides what a well-formed message is; whatever else comes is a broken rule with a name, never an exception.
// The structure is walked before JSON.parse sees it, so that no line can be deep or large.

import {
  CHILD_VERSION,
  MAX_CHILD_DEPTH,
  MAX_CHILD_LINE_BYTES,
  MAX_CHILD_VALUES,
  MAX_EXTEND_US,
} from "./limits.ts";
import type { BrokenRule, ChildRule, FromChild, ToChild, UnknownToChild } from "./messages.ts";
import { cleanText, TEXT_LIMITS } from "./text.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** What came of a line. */
export type ReadLine =
  | { readonly kind: "message"; readonly message: FromChild }
  /** A type that this version does not know: ignored. */
  | { readonly kind: "unknown"; readonly t: string }
  | { readonly kind: "broken"; readonly broken: BrokenRule };

/** Reads a line, given without its end. Never throws. */
export function readChildLine(bytes: Uint8Array): ReadLine {
  if (bytes.length > MAX_CHILD_LINE_BYTES) return broken("line-size", `${bytes.length} bytes in a line`);
  const parsed = parseObject(bytes);
  if ("rule" in parsed) return { kind: "broken", broken: parsed };
  const { fields } = parsed;
  const t = fields["t"];
  if (typeof t !== "string") return broken("message", "no text t");
  try {
    const message = readMessage(t, fields);
    return message === null
      ? { kind: "unknown", t: cleanText(t, TEXT_LIMITS.capability) }
      : { kind: "message", message };
  } catch (thrown) {
    if (thrown instanceof FieldProblem) return broken("field", `${t}.${thrown.field} ${thrown.problem}`);
    throw thrown;
  }
}

/** A message of the shim as a line with its end. */
export function writeChildLine(message: ToChild | UnknownToChild): string {
  return JSON.stringify(message) + "\n";
}

/** The fields of one JSON object within the limits, or the rule that the bytes break. Never throws. */
export function parseObject(bytes: Uint8Array): { readonly fields: Record<string, unknown> } | BrokenRule {
  const structure = structureProblem(bytes);
  if (structure !== null) return structure;
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return { rule: "json", detail: "not JSON in UTF-8" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { rule: "message", detail: "not an object" };
  }
  return { fields: value as Record<string, unknown> };
}

/** Counts what nests and what there is, outside of texts. The grammar is JSON.parse's. */
function structureProblem(bytes: Uint8Array): BrokenRule | null {
  let depth = 0;
  let values = 1;
  let isText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (isText) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) isText = false;
    } else if (byte === 0x22) isText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_CHILD_DEPTH) return { rule: "depth", detail: `more than ${MAX_CHILD_DEPTH} levels` };
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x2c && ++values > MAX_CHILD_VALUES) {
      return { rule: "line-size", detail: `more than ${MAX_CHILD_VALUES} values` };
    }
  }
  return null;
}

/** Thrown and caught in this file alone. */
class FieldProblem extends Error {
  readonly field: string;
  readonly problem: string;

  constructor(field: string, problem: string) {
    super();
    this.field = field;
    this.problem = problem;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readMessage(t: string, fields: Fields): FromChild | null {
  switch (t) {
    case "hello":
      return {
        t,
        v: numberOf(fields, "v", 0, 1_000_000) ?? CHILD_VERSION,
        token: required("token", textOf(fields, "token", 256)),
        name: textOf(fields, "name", TEXT_LIMITS.name),
        sdk: textOf(fields, "sdk", TEXT_LIMITS.sdk),
        caps: capabilitiesOf(fields["caps"]),
        run: integerOf(fields, "run"),
      };
    case "ready":
      return { t };
    case "hb":
      return {
        t,
        n: integerOf(fields, "n"),
        frame: integerOf(fields, "frame"),
        fps: numberOf(fields, "fps", 0, 1e6),
        lateMs: numberOf(fields, "late_ms", -1e9, 1e9),
      };
    case "status":
      return {
        t,
        text: required("text", textOf(fields, "text", TEXT_LIMITS.status)),
        pct: numberOf(fields, "pct", 0, 100),
      };
    case "extend":
      return {
        t,
        us: Math.min(
          MAX_EXTEND_US,
          Math.round(required("ms", numberOf(fields, "ms", 0, Number.MAX_SAFE_INTEGER)) * 1_000),
        ),
        why: textOf(fields, "why", TEXT_LIMITS.why),
      };
    case "fault":
      return {
        t,
        code: textOf(fields, "code", TEXT_LIMITS.code) ?? "fault",
        fatal: booleanOf(fields, "fatal") ?? false,
        text: textOf(fields, "text", TEXT_LIMITS.fault),
      };
    case "bye":
      return { t, reason: textOf(fields, "reason", TEXT_LIMITS.reason) };
    case "pong":
      return { t, n: required("n", integerOf(fields, "n")) };
    default:
      return null;
  }
}

function required<T>(name: string, value: T | null): T {
  if (value === null) throw new FieldProblem(name, "is missing");
  return value;
}

function textOf(fields: Fields, name: string, maxChars: number): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw new FieldProblem(name, "is no text");
  return cleanText(value, maxChars);
}

function booleanOf(fields: Fields, name: string): boolean | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "boolean") throw new FieldProblem(name, "is neither true nor false");
  return value;
}

function numberOf(fields: Fields, name: string, min: number, max: number): number | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number") throw new FieldProblem(name, "is no number");
  if (!(value >= min && value <= max)) throw new FieldProblem(name, `is not within ${min} to ${max}`);
  return value;
}

/** Frame counters of programs in languages without integers come with a fraction: it is dropped. */
function integerOf(fields: Fields, name: string): number | null {
  const value = numberOf(fields, name, 0, Number.MAX_SAFE_INTEGER);
  return value === null ? null : Math.floor(value);
}

function capabilitiesOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > 16) throw new FieldProblem("caps", "is no list of 16 at most");
  return value.map((each: unknown) => {
    if (typeof each !== "string") throw new FieldProblem("caps", "holds something that is no text");
    return cleanText(each, TEXT_LIMITS.capability);
  });
}

function broken(rule: ChildRule, detail: string): ReadLine {
  return { kind: "broken", broken: { rule, detail: cleanText(detail, TEXT_LIMITS.detail) } };
}
