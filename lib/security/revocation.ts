// Whose access keys a machine does not serve any more. An access key needs no list to be valid, so it needs one to end
// before the mesh key does: by name, on each machine that is to know it.
// Decides how long a revocation must be remembered: until no mesh key is left from which the key could have been derived.

import { HanaError } from "../base/mod.ts";
import { type AccessGrant, checkGrant } from "./access_key.ts";

/** At most this many names in one key ring; rotating the mesh key twice ends them all. */
export const MAX_REVOKED = 32;

/** One name whose keys are not served. */
export interface Revocation {
  readonly name: string;
  /** The mesh key that was the newest then; when it has been rotated away, all keys of that time have. */
  readonly keyIdText: string;
}

/** Adds a name. Returns the same list when it is there under this key. Throws `usage`; `overloaded` at the bound. */
export function revoke(
  revoked: readonly Revocation[],
  name: AccessGrant["name"],
  keyIdText: string,
): readonly Revocation[] {
  checkGrant({ name, level: "viewer", expiresS: null });
  if (revoked.some((each) => each.name === name && each.keyIdText === keyIdText)) return revoked;
  const others = revoked.filter((each) => each.name !== name);
  if (others.length >= MAX_REVOKED) {
    throw new HanaError("overloaded", {
      what: `${name} cannot be revoked by name`,
      why: `${MAX_REVOKED} names are revoked here already, and the list holds no more`,
      hint: "hana mesh rotate    (twice: then no access key counts any more)",
    });
  }
  return [...others, { name, keyIdText }];
}

/** What is left of a list when these mesh keys are in the ring. */
export function stillRevoked(revoked: readonly Revocation[], keyIdTexts: readonly string[]): Revocation[] {
  return revoked.filter(({ keyIdText }) => keyIdTexts.includes(keyIdText));
}
