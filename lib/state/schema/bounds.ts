// How large definitions, values and the book of them may be.
// Decides the numbers; definition.ts, check.ts and book.ts hold everything to them.

/** The words of an enum. */
export const MAX_WORDS = 256;
/** Bytes of a word in UTF-8. */
export const MAX_WORD_BYTES = 63;
/** Bytes of a text value in UTF-8, unless its definition says less. */
export const MAX_TEXT_VALUE_BYTES = 4_096;
/** Bytes of a binary value, unless its definition says less; and of a JSON value in its canonical form. */
export const MAX_VALUE_BYTES = 16_384;
/** Lists and objects of a JSON value inside one another. */
export const MAX_JSON_DEPTH = 8;
/** Values within a JSON value altogether, lists and objects among them. */
export const MAX_JSON_VALUES = 1_024;
/** Bytes of the description of a parameter. */
export const MAX_DESCRIPTION_BYTES = 512;
/** Characters of a unit. */
export const MAX_UNIT_LENGTH = 16;
/** The longest fade: a minute, in microseconds. */
export const MAX_FADE_US = 60_000_000;
/** Parameters of one declaration. */
export const MAX_DECLARED = 4_096;

/** How much one book may hold. */
export interface BookLimits {
  /** Paths that are there. */
  readonly maxPaths: number;
  /** Numbers given within an epoch, those of paths that are gone among them. */
  readonly maxIds: number;
  /** Subsystems, those that hana brings among them. */
  readonly maxSubsystems: number;
  /** Canonical bytes of the definitions of the paths that are there. */
  readonly maxBytes: number;
}

/** Room for a wall of 10,000 objects with some parameters each, and for a day of programs that change theirs. */
export const DEFAULT_BOOK_LIMITS: BookLimits = {
  maxPaths: 65_536,
  maxIds: 262_144,
  maxSubsystems: 64,
  maxBytes: 64 * 1024 * 1024,
};
