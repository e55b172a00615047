// What the tests of the merge share: definitions, claims, shorthands.

import type { ClientNumber, ParameterDefinition, PathId } from "../../../../lib/state/model/mod.ts";
import type { Claim, Standing } from "../../../../lib/state/merge/mod.ts";

export type Merge = typeof import("../../../../lib/state/merge/mod.ts");

/** A definition of a fader of 0 to 1, with whatever the test says. */
export function defined(parts: Partial<ParameterDefinition> = {}): ParameterDefinition {
  return {
    path: "viz/hue",
    subsystem: "params",
    type: "f32",
    default: 0,
    min: 0,
    max: 1,
    unit: null,
    words: [],
    merge: "latest",
    onLoss: "hold",
    fadeUs: 0,
    rate: "fast",
    description: null,
    ...parts,
  };
}

/** A live claim of priority 100, with whatever the test says. */
export function claimed(client: number, parts: Partial<Claim> = {}): Claim {
  const seq = parts.seq ?? client;
  return {
    client: client as ClientNumber,
    value: client / 8,
    priority: 100,
    term: 1,
    seq,
    since: seq,
    stamp: seq,
    standing: "live",
    momentary: false,
    leaseUntilUs: 0,
    takenBy: 0 as ClientNumber,
    ...parts,
  };
}

export const STANDINGS: readonly Standing[] = [
  "live",
  "doubted",
  "unheard",
  "kept",
  "dormant",
  "overtaken",
  "reaching",
  "released",
];

export const client = (number: number): ClientNumber => number as ClientNumber;
export const path = (number: number): PathId => number as PathId;
export const HUE = path(1);

/** Seconds in microseconds. */
export const seconds = (value: number): number => value * 1_000_000;
