// How much a copy of the shared state may hold on its way and at rest, and the numbers of its messages.
// Decides bounds that writing and reading share: what cannot be read is not written.

/** Bytes of an update, all its parts together. */
export const MAX_COPY_BYTES = 64 * 1_024 * 1_024;
/** Bytes of a message with a part of an update: lanes of state carry 64 KiB at most. */
export const MAX_PART_BYTES = 60 * 1_024;
/** The form of an update, told in its first byte. */
export const COPY_FORM = 1;
/** Rows of one list of an update; the bytes bound them long before. */
export const MAX_ROWS = 1_048_576;
/** Bytes of a peer's key in hex. */
export const MAX_KEY_BYTES = 255;
/** Claims on one path; tables of claims stay far below. */
export const MAX_CLAIMS_OF_PATH = 1_024;

/** What a message between a host and its standby is. */
export type CopyMessageKind = "part" | "confirmation" | "question" | "answer";

/** The low five bits of a message's first byte. */
export const COPY_KINDS: Readonly<Record<CopyMessageKind, number>> = {
  part: 1,
  confirmation: 2,
  question: 3,
  answer: 4,
};
