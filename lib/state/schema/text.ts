// Values from the words of a command line: `0.5`, `50%`, `180°`, `500ms`, `on`, `1,2,3`, `hex:00ff`.
// Decides how each type is written by hand. What it reads is held against the definition like any other write.

import { fromHex, HanaError, nearest } from "../../base/mod.ts";
import { describeValue } from "../../wire/mod.ts";
import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import { MAX_VALUE_BYTES } from "./bounds.ts";
import { checkValue } from "./check.ts";
import { formatValue } from "./format.ts";
import { isRefusal } from "./refusal.ts";
import { unitFactor, unitsLike } from "./units.ts";

const TRUE_WORDS = ["true", "on", "yes"];
const FALSE_WORDS = ["false", "off", "no"];
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)$/;
/** Of a number and its unit: no double has more digits that matter. */
const MAX_NUMBER_LENGTH = 128;
/** Hex takes two characters a byte; nothing longer can be a value. */
const MAX_LINE_LENGTH = 16 + MAX_VALUE_BYTES * 6;

/**
 * The value that `text` stands for, in the form that is kept.
 * Numbers may have their unit or another of its kind behind them; booleans are true/on/yes and false/off/no; vec3 and quat
 * are numbers between commas or spaces; bytes are `hex:00ff` or `base64:AP8=`; a text in double quotes is read as JSON.
 * Throws `schema`, saying what would have been right.
 */
export function parseValueText(definition: ParameterDefinition, text: string): StateValue {
  if (text.length > MAX_LINE_LENGTH) {
    throw problem(definition, `the value is over ${MAX_LINE_LENGTH} characters`);
  }
  const value = checkValue(definition, readText(definition, text));
  if (!isRefusal(value)) return value;
  throw new HanaError("schema", {
    what: `${definition.path} cannot be ${describeValue(text)}`,
    why: value.why,
    hint: `its default is ${shorten(formatValue(definition, definition.default))}`,
  });
}

function readText(definition: ParameterDefinition, text: string): unknown {
  switch (definition.type) {
    case "f32":
    case "unit":
    case "i32":
      return readNumber(definition, text.trim());
    case "bool":
      return readSwitch(definition, text.trim().toLowerCase());
    case "enum":
      return text.trim();
    case "text":
      return text.startsWith('"') ? readQuoted(text) : text;
    case "bytes":
      return readBytes(definition, text.trim());
    case "vec3":
    case "quat":
      return readParts(definition, text.trim());
    case "json":
      return readJson(definition, text);
  }
}

function readNumber(definition: ParameterDefinition, text: string): number {
  const [, digits, unit = ""] = text.length > MAX_NUMBER_LENGTH ? [] : NUMBER.exec(text) ?? [];
  if (digits === undefined) throw problem(definition, `expected a number, found ${describeValue(text)}`);
  const number = Number(digits);
  if (unit === "") return number;
  if (definition.type === "unit" && unit === "%") return number / 100;
  const own = definition.unit;
  const factor = own === null ? null : unitFactor(unit, own);
  if (factor === null) throw unknownUnit(definition, digits, unit);
  // Fifteen digits are exact in a double: 0.1 × 1000 is 100, not 100.00000000000001.
  return factor === 1 ? number : Number((number * factor).toPrecision(15));
}

function unknownUnit(definition: ParameterDefinition, digits: string, unit: string): HanaError {
  const own = definition.unit;
  const known = [
    ...(own === null ? [] : unitsLike(own)),
    ...(definition.type === "unit" && own !== "%" ? ["%"] : []),
  ];
  const near = nearest(unit, known);
  return new HanaError("schema", {
    what: `${definition.path} knows no unit ${describeValue(unit)}`,
    why: known.length === 0 ? "its values have no unit" : `there are ${known.join(", ")}`,
    hint: near === null ? `without a unit: ${digits}` : `did you mean ${digits}${near}?`,
  });
}

function readSwitch(definition: ParameterDefinition, text: string): boolean {
  if (TRUE_WORDS.includes(text)) return true;
  if (FALSE_WORDS.includes(text)) return false;
  throw problem(definition, `expected true or false (on or off, yes or no), found ${describeValue(text)}`);
}

/** A text in quotes, or one that only begins with a quote. */
function readQuoted(text: string): string {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "string") return read;
  } catch {
    // No JSON: it stands for itself.
  }
  return text;
}

function readBytes(definition: ParameterDefinition, text: string): Uint8Array {
  try {
    if (text.startsWith("hex:")) return fromHex(text.slice(4));
    if (text.startsWith("base64:")) {
      return Uint8Array.fromBase64(text.slice(7), { lastChunkHandling: "strict" });
    }
  } catch {
    // Said below, with what would have been right.
  }
  throw problem(
    definition,
    `expected bytes written as hex:00ff or base64:AP8=, found ${describeValue(text)}`,
  );
}

function readParts(definition: ParameterDefinition, text: string): number[] {
  let list = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1).trim() : text;
  const unit = definition.unit;
  if (unit !== null && list.endsWith(unit)) list = list.slice(0, -unit.length).trimEnd();
  return list.split(list.includes(",") ? /\s*,\s*/ : /\s+/).map((part) =>
    readNumber(definition, part.trim())
  );
}

function readJson(definition: ParameterDefinition, text: string): unknown {
  try {
    const read: unknown = JSON.parse(text);
    return read;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw problem(definition, `expected JSON, found ${describeValue(text)} (${why})`, error);
  }
}

function problem(definition: ParameterDefinition, why: string, cause?: unknown): HanaError {
  return new HanaError("schema", {
    what: `${definition.path} cannot be read`,
    why,
    hint: `its default is ${shorten(formatValue(definition, definition.default))}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
