// The one text of each definition, of many that have all but their paths in common.
// Decides nothing: canonicalDefinition (compatibility.ts) says what the text is. On the way of every newcomer, who takes in
// thousands of definitions at once.

import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import { canonicalDefinition } from "./compatibility.ts";

/** Where the path stands in the text. */
const PATH_KEY = `"path":"`;

/** Kinds of definitions that are remembered: as many as the parameters of an object, most likely. */
const MAX_KINDS = 16;

/** What definitions have in common that differ in their paths alone. */
interface Kind {
  readonly example: ParameterDefinition;
  /** Before and behind the path. */
  readonly head: string;
  readonly tail: string;
}

/** Makes texts of definitions one after the other. */
export class DefinitionTexts {
  readonly #kinds: Kind[] = [];
  #at = 0;

  /** What {@linkcode canonicalDefinition} says of a definition that was read. */
  of(definition: ParameterDefinition): string {
    const { head, tail } = this.#kindOf(definition);
    return head + definition.path + tail;
  }

  #kindOf(definition: ParameterDefinition): Kind {
    const kinds = this.#kinds;
    // Objects are alike: after one parameter comes the one that came after it the last time.
    for (let step = 1; step <= kinds.length; step++) {
      const at = (this.#at + step) % kinds.length;
      const kind = kinds[at];
      if (kind === undefined || !isAlike(kind.example, definition)) continue;
      this.#at = at;
      return kind;
    }
    const text = canonicalDefinition(definition);
    // Before it there are hex digits, words and a text for people, in which quotes are escaped.
    const start = text.indexOf(PATH_KEY) + PATH_KEY.length;
    const kind = {
      example: definition,
      head: text.slice(0, start),
      tail: text.slice(start + definition.path.length),
    };
    this.#at = kinds.length < MAX_KINDS ? kinds.length : (this.#at + 1) % MAX_KINDS;
    kinds[this.#at] = kind;
    return kind;
  }
}

/** Whether two definitions have all but their paths in common, as far as that is seen at once. */
function isAlike(a: ParameterDefinition, b: ParameterDefinition): boolean {
  return a.type === b.type && a.subsystem === b.subsystem && a.min === b.min && a.max === b.max &&
    a.unit === b.unit && a.merge === b.merge && a.onLoss === b.onLoss && a.fadeUs === b.fadeUs &&
    a.rate === b.rate && a.description === b.description && isAlikeList(a.words, b.words) &&
    (a.default === b.default || isAlikeParts(a.default, b.default));
}

function isAlikeList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Vectors and rotations; whatever else is no single value is not looked at. */
function isAlikeParts(a: StateValue, b: StateValue): boolean {
  return Array.isArray(a) && Array.isArray(b) && a.every((part) => typeof part === "number") &&
    isAlikeList(a, b);
}
