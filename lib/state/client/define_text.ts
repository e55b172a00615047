// A definition in one line: `stage/aurora/hue f32 0..360 ° = 180 merge=highest`.
// Decides the words of the line; schema/ decides what they may say. A text that begins with { is JSON.

import { HanaError } from "../../base/mod.ts";
import type { ParameterDefinition } from "../model/mod.ts";
import { parseValueText, readDefinition } from "../schema/mod.ts";

const RANGE = /^(-?[\d.]+(?:[eE][+-]?\d+)?)?\.\.(-?[\d.]+(?:[eE][+-]?\d+)?)?$/;
const FADE = /^(\d+(?:\.\d+)?)(us|ms|s)$/;
const FACTORS: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000 };
const NAMED = ["merge", "onLoss", "rate", "subsystem", "fade", "unit", "description"];

/**
 * Reads a definition: path, type, then in any order a range (`0..360`, `0..`, `..10`), the words of an enum (`day|night`), a
 * unit, `name=value` (merge, onLoss, rate, subsystem, fade=500ms, unit) and at last `= default`.
 * Throws `schema`, naming what cannot be read.
 */
export function parseDefinitionText(text: string): ParameterDefinition {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return readDefinition(readJson(trimmed));
  const at = / =(?= |$)/.exec(trimmed)?.index ?? -1;
  const head = at < 0 ? trimmed : trimmed.slice(0, at);
  const [path, type, ...rest] = head.split(/\s+/);
  const fields: Record<string, unknown> = { path, type };
  for (const word of rest) readWord(fields, word);
  const definition = readDefinition(fields);
  if (at < 0) return definition;
  const value = parseValueText(definition, trimmed.slice(at + 2).trim());
  return readDefinition({ ...definition, default: value });
}

function readWord(fields: Record<string, unknown>, word: string): void {
  const range = RANGE.exec(word);
  if (range !== null) {
    if (range[1] !== undefined) fields.min = Number(range[1]);
    if (range[2] !== undefined) fields.max = Number(range[2]);
    return;
  }
  const equals = word.indexOf("=");
  if (equals > 0) {
    const name = word.slice(0, equals);
    const value = word.slice(equals + 1);
    if (!NAMED.includes(name)) {
      throw new HanaError("schema", {
        what: `a definition knows no ${name}`,
        why: `there are ${NAMED.join(", ")}`,
      });
    }
    if (name === "fade") fields.fadeUs = readFade(value);
    else fields[name] = value;
    return;
  }
  if (word.includes("|") || fields.type === "enum") fields.words = word.split("|");
  else fields.unit = word;
}

function readFade(text: string): number {
  const [, digits = "", unit = ""] = FADE.exec(text) ?? [];
  if (digits === "") {
    throw new HanaError("schema", { what: `fade cannot be ${text}`, why: "it must be like 500ms or 2s" });
  }
  return Math.round(Number(digits) * (FACTORS[unit] ?? 1));
}

function readJson(text: string): unknown {
  try {
    const read: unknown = JSON.parse(text);
    return read;
  } catch (error) {
    throw new HanaError("schema", {
      what: "the definition cannot be read",
      why: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}
