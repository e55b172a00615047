// What may stand where: definitions of parameters, checks of values, the spelling of values for people, and the book that
// gives paths their numbers.
// Decides which writes are right in themselves; never who may write, nor whose value wins.

export {
  type BookLimits,
  DEFAULT_BOOK_LIMITS,
  MAX_DECLARED,
  MAX_DESCRIPTION_BYTES,
  MAX_FADE_US,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  MAX_TEXT_VALUE_BYTES,
  MAX_UNIT_LENGTH,
  MAX_VALUE_BYTES,
  MAX_WORD_BYTES,
  MAX_WORDS,
} from "./bounds.ts";
export { type BookCounters, type BookRow, type Defined, NO_PATH, SchemaBook } from "./book.ts";
export { checkValue, clampValue } from "./check.ts";
export { canonicalDefinition, compareDefinitions, type DefinitionChange } from "./compatibility.ts";
export { readDefinition, readDefinitions } from "./definition.ts";
export { formatNumber, formatRange, formatValue } from "./format.ts";
export { isRefusal, Refusal, type RefusalCode } from "./refusal.ts";
export {
  BUILT_IN_SUBSYSTEMS,
  DEFAULT_SUBSYSTEM,
  GUARDED_SUBSYSTEMS,
  HOST_SUBSYSTEMS,
  isSubsystemName,
  SubsystemNames,
} from "./subsystems.ts";
export { parseValueText } from "./text.ts";
// Where the bytes of values are made, equality is decided too; it is one of the words of this room all the same.
export { canonicalBytes, equalValues } from "../digest/mod.ts";
