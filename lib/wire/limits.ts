// How much a peer may make us read: the limits of one decoded value, and the reasons for which bytes are refused.
// Decides the numbers and their names; the scanners (messagepack_scan.ts, json_scan.ts) hold bytes against them before
// anything is allocated, and the encoders hold our own values against the same numbers.
// Never decides the size of a frame: framing.ts does.

import { assert } from "../base/mod.ts";

/** Limits of one value, for decoding and encoding alike: a codec never writes what it would not read. */
export interface DecodeLimits {
  /** Containers inside one another. A lone number has depth 0, `[]` has depth 1. */
  readonly maxDepth: number;
  /** Bytes of one string or map key in UTF-8. */
  readonly maxStringBytes: number;
  /** Bytes of one binary value. */
  readonly maxBinaryBytes: number;
  /** Items of one array. */
  readonly maxArrayLength: number;
  /** Entries of one map. */
  readonly maxMapEntries: number;
  /** Values altogether, containers included, keys not. Bounds what many tiny values cost once decoded. */
  readonly maxNodes: number;
}

/** Room for the largest message that hana itself sends, with depth and node counts far below what hurts. */
export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxDepth: 32,
  maxStringBytes: 1024 * 1024,
  maxBinaryBytes: 16 * 1024 * 1024,
  maxArrayLength: 65_536,
  maxMapEntries: 4_096,
  maxNodes: 262_144,
};

/** The deepest nesting that can be configured: decoding is recursive, and a call stack is no place for a peer. */
export const MAX_CONFIGURABLE_DEPTH = 512;

/** Completes `limits` from {@linkcode DEFAULT_DECODE_LIMITS}. A limit that is no count is a bug of the caller. */
export function completeLimits(limits: Partial<DecodeLimits> = {}): DecodeLimits {
  const complete = { ...DEFAULT_DECODE_LIMITS, ...limits };
  for (const [name, limit] of Object.entries(complete)) {
    assert(Number.isSafeInteger(limit) && limit >= 0, `${name} is a whole number, not ${limit}`);
  }
  assert(complete.maxDepth <= MAX_CONFIGURABLE_DEPTH, `maxDepth is at most ${MAX_CONFIGURABLE_DEPTH}`);
  return complete;
}

/** Why a scanner refuses bytes. The first six are limits. */
export type ScanRefusal =
  | "depth"
  | "string-bytes"
  | "binary-bytes"
  | "array-length"
  | "map-entries"
  | "nodes"
  | "truncated" // the value goes on behind the last byte
  | "trailing" // bytes follow the value
  | "utf8" // a string that is no UTF-8
  | "key" // a map key that is no string
  | "proto" // the key `__proto__`
  | "integer" // an integer beyond 2^53 − 1 either way
  | "extension" // a MessagePack extension type
  | "reserved" // a type byte that MessagePack never uses
  | "syntax"; // no JSON

/** The text that a person reads for `refusal`; a limit is named with its value. */
export function refusalText(refusal: ScanRefusal, limits: DecodeLimits): string {
  switch (refusal) {
    case "depth":
      return `nested deeper than ${limits.maxDepth} (limit maxDepth)`;
    case "string-bytes":
      return `a string over ${limits.maxStringBytes} bytes (limit maxStringBytes)`;
    case "binary-bytes":
      return `a binary value over ${limits.maxBinaryBytes} bytes (limit maxBinaryBytes)`;
    case "array-length":
      return `an array of over ${limits.maxArrayLength} items (limit maxArrayLength)`;
    case "map-entries":
      return `a map of over ${limits.maxMapEntries} entries (limit maxMapEntries)`;
    case "nodes":
      return `over ${limits.maxNodes} values (limit maxNodes)`;
    case "truncated":
      return "the value is cut off";
    case "trailing":
      return "bytes follow the value";
    case "utf8":
      return "a string that is no UTF-8";
    case "key":
      return "a map key that is no string";
    case "proto":
      return "the map key __proto__ is not allowed";
    case "integer":
      return "an integer beyond 2^53 − 1";
    case "extension":
      return "a MessagePack extension type";
    case "reserved":
      return "a type byte that MessagePack does not use";
    case "syntax":
      return "no valid JSON";
  }
}
