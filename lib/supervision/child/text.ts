// Texts that a program says of itself, made fit for terminals, alerts and logs.
// Decides what is taken out and where a text ends; never what a text means.

// C0, DEL, C1, line separators, and the bidirectional controls that can make a text read as another.
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+/g;

/** `text` on one line of at most `maxChars` UTF-16 units, without anything that could steer a terminal; spaces in a row become one. */
export function cleanText(text: string, maxChars: number): string {
  // Cut before cleaning, so that a long text costs no more than a short one.
  const cut = text.length > maxChars * 2 ? text.slice(0, maxChars * 2) : text;
  const clean = cut.replace(UNSAFE, " ").replace(/ {2,}/g, " ").trim().toWellFormed();
  if (clean.length <= maxChars) return clean;
  return `${clean.slice(0, maxChars - 1).toWellFormed()}…`;
}

/** Longest texts by field, in UTF-16 units. */
export const TEXT_LIMITS = {
  name: 64,
  sdk: 64,
  capability: 32,
  status: 256,
  why: 256,
  reason: 256,
  code: 64,
  fault: 1_024,
  detail: 200,
} as const;
