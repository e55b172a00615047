// The bounds of a program's specification.
// Decides how much of everything one program may ask for; reader.ts holds specifications to it.

/** Items of a command line, the program's name among them. */
export const MAX_ARGV_ITEMS = 1_024;
/** Bytes of a command line in UTF-8, one more for each item's end. */
export const MAX_ARGV_BYTES = 128 * 1024;
/** Variables that are added to the environment. */
export const MAX_ENV_ENTRIES = 256;
/** Bytes of names and values together, two more for each entry. */
export const MAX_ENV_BYTES = 64 * 1024;
/** Longest path, text, display or GPU name in bytes. */
export const MAX_TEXT_BYTES = 4_096;
/** Programs that one needs. */
export const MAX_NEEDS = 64;
/** Entries of a list of codes. */
export const MAX_CODES = 256;
/** Platforms with a checksum. */
export const MAX_CHECKSUMS = 32;
/** Patterns of processes that may outlive their program. */
export const MAX_KEEP_CHILDREN = 32;
/** Characters of such a pattern. */
export const MAX_PATTERN_LENGTH = 128;
/** The longest of all durations: a day. */
export const MAX_DURATION_US = 86_400_000_000;
