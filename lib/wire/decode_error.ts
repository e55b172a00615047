// The one form in which a codec complains about bytes that a scanner refused.
// Decides the wording: the format, the position, the reason with its limit. Never shows the bytes themselves,
// which are a peer's and may be anything.

import { HanaError } from "../base/mod.ts";
import { type DecodeLimits, refusalText, type ScanRefusal } from "./limits.ts";

/** The error for bytes that a scanner refused at byte `at`. */
export function refusedBytes(
  format: string,
  refusal: ScanRefusal,
  at: number,
  limits: DecodeLimits,
): HanaError {
  return new HanaError("decode", { what: `${format} at byte ${at}`, why: refusalText(refusal, limits) });
}
