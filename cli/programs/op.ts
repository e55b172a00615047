// Names of demands: whoever repeats one gets the answer of the first (research, section 1.11).
// Decides their form: 26 characters of Crockford's base 32, as a ULID has, all of them random.

import { HanaError } from "../../lib/base/mod.ts";
import type { RandomStream } from "../../lib/platform/mod.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 26;

/** A new name. */
export function newOp(random: RandomStream): string {
  let op = "";
  for (const byte of random.fill(new Uint8Array(LENGTH))) op += ALPHABET[byte % ALPHABET.length];
  return op;
}

/** What `--op` said. Throws `usage`. */
export function checkOp(op: string): string {
  if (/^[A-Za-z0-9_-]{8,64}$/.test(op)) return op;
  throw new HanaError("usage", {
    what: `--op ${JSON.stringify(op.slice(0, 80))} names no demand`,
    why: "8 to 64 letters, digits, - and _, the same for every try of one demand",
    hint: "--op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5",
  });
}
