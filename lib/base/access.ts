// How much a peer may do: look, run what is set up, or change what is set up.
// Decides the order of the levels and their names; never who holds one (lib/security) nor what needs one (lib/session).

/** `viewer` reads; `crew` also runs what is there; `operator` also changes what is there. */
export type AccessLevel = "viewer" | "crew" | "operator";

/** All levels, least first; the index is the level's number on the wire, so the order never changes. */
export const ACCESS_LEVELS: readonly AccessLevel[] = ["viewer", "crew", "operator"];

/** Whether a value names a level. */
export function isAccessLevel(value: unknown): value is AccessLevel {
  return (ACCESS_LEVELS as readonly unknown[]).includes(value);
}

/** Whether a holder of `held` may do what `needed` stands before. */
export function hasAccess(held: AccessLevel, needed: AccessLevel): boolean {
  return ACCESS_LEVELS.indexOf(held) >= ACCESS_LEVELS.indexOf(needed);
}
