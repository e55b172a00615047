// One value of a snapshot from outside: a file, an entry of the shared state that anybody may have written.
// Decides what may stand there without knowing the definition of its path, which may be gone.

import { describeValue } from "../../wire/mod.ts";
import {
  isPath,
  MAX_PRIORITY,
  type ParameterDefinition,
  type StateValue,
  type ValueType,
} from "../model/mod.ts";
import { checkValue, isRefusal, MAX_WORD_BYTES } from "../schema/mod.ts";
import type { SnapshotEntry } from "./snapshot.ts";

/** The types of values, as files name them. */
export const VALUE_TYPES: readonly ValueType[] = [
  "f32",
  "unit",
  "i32",
  "bool",
  "enum",
  "text",
  "bytes",
  "vec3",
  "quat",
  "json",
];

/** A checked entry, or a sentence about what is wrong with it. `bytes` are base64. */
export function readEntry(
  path: unknown,
  type: unknown,
  raw: unknown,
  priority: unknown,
): SnapshotEntry | string {
  if (typeof path !== "string" || !isPath(path)) return `${describeValue(path)} is no path`;
  const known = VALUE_TYPES.find((word) => word === type);
  if (known === undefined) {
    return `${path} has no type ${describeValue(type)}: there are ${VALUE_TYPES.join(", ")}`;
  }
  const isPriority = priority === null ||
    (typeof priority === "number" && Number.isInteger(priority) && priority >= 1 && priority <= 255);
  if (!isPriority) return `${path}: priority goes from 1 to ${MAX_PRIORITY}, not ${describeValue(priority)}`;
  const value = known === "bytes" ? readBytes(raw) : raw;
  if (value === null && known === "bytes") return `${path}: bytes are written as base64`;
  if (known === "enum" && !isWord(value)) return `${path} takes a word of 1 to ${MAX_WORD_BYTES} bytes`;
  const checked = checkValue(plainDefinition(path, known, value), value);
  if (isRefusal(checked)) return checked.why;
  return { path, type: known, value: checked, priority: priority as number | null };
}

/** The form of a value outside: bytes as base64, everything else as it is. */
export function outside({ type, value }: Pick<SnapshotEntry, "type" | "value">): unknown {
  return type === "bytes" && value instanceof Uint8Array ? value.toBase64() : value;
}

function readBytes(raw: unknown): Uint8Array | null {
  if (typeof raw !== "string") return null;
  try {
    return Uint8Array.fromBase64(raw, { lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}

function isWord(value: unknown): boolean {
  return typeof value === "string" && value !== "" &&
    new TextEncoder().encode(value).length <= MAX_WORD_BYTES;
}

/** A definition without bounds: what a value of the type may be at all. */
function plainDefinition(path: string, type: ValueType, value: unknown): ParameterDefinition {
  return {
    path,
    subsystem: "params",
    type,
    default: null as StateValue,
    min: null,
    max: null,
    unit: null,
    words: type === "enum" && typeof value === "string" ? [value] : [],
    merge: "latest",
    onLoss: "hold",
    fadeUs: 0,
    rate: "fast",
    description: null,
  };
}
