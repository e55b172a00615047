// What becomes of a path whose definition changes while clients write to it.
// Decides whether everything that was right under the old definition is right under the new one. If so the path keeps its
// number, and nobody who writes notices; if not it gets a new one, and what is on the way to the old one is refused as gone.

import { canonicalBytes, canonicalJson, equalValues } from "../digest/mod.ts";
import { toHex } from "../../base/mod.ts";
import type { ParameterDefinition } from "../model/mod.ts";

/** `same`: nothing differs. `wider`: what was allowed still is. `other`: it stands for something else now. */
export type DefinitionChange = "same" | "wider" | "other";

/**
 * How `next` compares with `former`, both of one path. Wider are: a wider range or length, more words behind the former
 * ones, another default, text for people, rate, fade or rule for the loss of writers. Another type, unit, subsystem or
 * rule of merging is another parameter: what the writers meant was said in the terms of the old one.
 */
export function compareDefinitions(former: ParameterDefinition, next: ParameterDefinition): DefinitionChange {
  const isOther = former.type !== next.type || former.subsystem !== next.subsystem ||
    former.unit !== next.unit || former.merge !== next.merge ||
    !isWithin(former.min, next.min, -1) || !isWithin(former.max, next.max, 1) ||
    // Words stay at their places: programs may show them by number.
    !former.words.every((word, at) => next.words[at] === word);
  if (isOther) return "other";
  const isSame = former.min === next.min && former.max === next.max &&
    former.words.length === next.words.length && former.onLoss === next.onLoss &&
    former.fadeUs === next.fadeUs && former.rate === next.rate && former.description === next.description &&
    equalValues(former.type, former.default, next.default);
  return isSame ? "same" : "wider";
}

/** Whether everything on the inner side of bound `former` is on that of `next`; `side` is −1 for lower bounds. */
function isWithin(former: number | null, next: number | null, side: -1 | 1): boolean {
  if (next === null) return true;
  return former !== null && (former - next) * side <= 0;
}

/** The one text of a definition: JSON of RFC 8785, its default as the hex digits of its canonical bytes. */
export function canonicalDefinition(definition: ParameterDefinition): string {
  return canonicalJson({
    ...definition,
    default: toHex(canonicalBytes(definition.type, definition.default)),
  });
}
