// When two copies of the state are equal: canonical bytes of values, a 64-bit hash, the digest of a subsystem.
// Decides equality and nothing else; never repairs, never sends.

export {
  canonicalBytes,
  canonicalJson,
  CanonicalWriter,
  equalValues,
  stepOf,
  TYPE_CODES,
  UNIT_STEPS,
} from "./canonical.ts";
export { Hash64 } from "./hash64.ts";
export { DIGEST_BUCKETS, type DigestHalves, EntryHash, isSameEntry, StateDigest } from "./state_digest.ts";
