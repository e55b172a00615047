// The JSON codec: the same values as MessagePack, readable in a packet sniffer.
// Decides the escapes for what JSON lacks: an object whose only key starts with one `$` stands for a value,
// {"$bytes": base64} for bytes and {"$number": "NaN" | "Infinity" | "-Infinity"} for those numbers; a real key that
// starts with `$` is written with one `$` more. Nothing else may start with `$`, so no text has two meanings.

import { HanaError } from "../base/mod.ts";
import type { Codec } from "./codec.ts";
import { refusedBytes } from "./decode_error.ts";
import { EncodableCheck } from "./encodable.ts";
import { JsonScanner } from "./json_scan.ts";
import type { DecodeLimits } from "./limits.ts";

const DOLLAR = 0x24;
const TEXT_ENCODER = new TextEncoder();
const TEXT_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** JSON behind the {@linkcode Codec} interface. */
export class JsonCodec implements Codec {
  readonly name = "json";
  readonly #limits: DecodeLimits;
  readonly #check: EncodableCheck;
  readonly #scanner: JsonScanner;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
    this.#check = new EncodableCheck(limits);
    this.#scanner = new JsonScanner(limits);
  }

  encode(value: unknown): Uint8Array {
    this.#check.check(value);
    return TEXT_ENCODER.encode(JSON.stringify(this.#check.needsJsonEscape ? escapeValue(value) : value));
  }

  decode(bytes: Uint8Array): unknown {
    const refusal = this.#scanner.scan(bytes);
    if (refusal !== null) throw refusedBytes("JSON", refusal, this.#scanner.refusedAt, this.#limits);
    let value: unknown;
    try {
      value = JSON.parse(TEXT_DECODER.decode(bytes));
    } catch (error) {
      throw new HanaError("decode", { what: "JSON", why: "is not valid", cause: error });
    }
    return unescapeValue(value, this.#limits);
  }
}

/** A copy of a checked value in which everything has a form in JSON. */
function escapeValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : { $number: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
  if (Array.isArray(value)) return value.map(escapeValue);
  const escaped: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) escaped[key.charCodeAt(0) === DOLLAR ? `$${key}` : key] = escapeValue(item);
  }
  return escaped;
}

/** Turns escapes back, in place. The scanner has bounded the depth. */
function unescapeValue(value: unknown, limits: DecodeLimits): unknown {
  if (typeof value === "number") {
    // A literal such as 1e999: no double, and not how an infinity is written.
    return Number.isFinite(value) ? value : refuse("a number beyond the range of a double");
  }
  if (typeof value === "string") return wellFormed(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = unescapeValue(value[i], limits);
    return value;
  }
  const map = value as Record<string, unknown>;
  const keys = Object.keys(map);
  const first = keys[0];
  if (keys.length === 1 && (first === "$bytes" || first === "$number")) {
    return first === "$bytes" ? bytesOf(map[first], limits) : numberOf(map[first]);
  }
  if (!keys.some((key) => key.charCodeAt(0) === DOLLAR)) {
    for (const key of keys) map[checkedKey(key)] = unescapeValue(map[key], limits);
    return map;
  }
  const unescaped: Record<string, unknown> = {};
  for (const key of keys) unescaped[unescapeKey(checkedKey(key))] = unescapeValue(map[key], limits);
  return unescaped;
}

function checkedKey(key: string): string {
  return key === "__proto__" ? refuse("the map key __proto__ is not allowed") : wellFormed(key);
}

function unescapeKey(key: string): string {
  if (key.charCodeAt(0) !== DOLLAR) return key;
  return key.charCodeAt(1) === DOLLAR
    ? key.slice(1)
    : refuse("a key that starts with one $ and is no escape");
}

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : refuse("a string with half a surrogate pair");
}

function bytesOf(text: unknown, limits: DecodeLimits): Uint8Array {
  if (typeof text !== "string") return refuse("$bytes is no text");
  if (text.length > Math.ceil(limits.maxBinaryBytes / 3) * 4) return refuseBinary(limits);
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return refuse("$bytes is no base64");
  }
  return bytes.length > limits.maxBinaryBytes ? refuseBinary(limits) : bytes;
}

function refuseBinary(limits: DecodeLimits): never {
  return refuse(`a binary value over ${limits.maxBinaryBytes} bytes (limit maxBinaryBytes)`);
}

function numberOf(text: unknown): number {
  if (text === "NaN") return NaN;
  if (text === "Infinity") return Infinity;
  if (text === "-Infinity") return -Infinity;
  return refuse("$number is none of NaN, Infinity, -Infinity");
}

function refuse(why: string): never {
  throw new HanaError("decode", { what: "JSON", why });
}
