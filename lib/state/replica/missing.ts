// What a person is told where "synced" would be wrong (research 2.7, F3).
// Decides the words alone: the facts come from the replica.

import type { World } from "./world.ts";

/** Something that is missing. Of subsystems their names are told, or their numbers. */
export type MissingPart =
  /** There is no connection. */
  | { readonly what: "connection" }
  /** The host has not let this client in. */
  | { readonly what: "welcome" }
  /** The host is none that may be followed. */
  | { readonly what: "host" }
  | { readonly what: "silence" }
  /** A new host's state is not whole yet: what is shown is the old one's. */
  | { readonly what: "epoch" }
  | { readonly what: "snapshot" | "changes" | "digest"; readonly subsystem: string }
  | { readonly what: "acknowledgement"; readonly writes: number };

/** What {@linkcode missingParts} looks at. */
export interface MissingFacts {
  readonly state: "away" | "joining" | "joined" | "refused";
  readonly isSilent: boolean;
  readonly isNewEpoch: boolean;
  readonly world: World | null;
  readonly pending: number;
}

/** Everything that is missing; nothing for a replica that is synced. */
export function missingParts({ state, isSilent, isNewEpoch, world, pending }: MissingFacts): MissingPart[] {
  const parts: MissingPart[] = [];
  if (state === "away") parts.push({ what: "connection" });
  else if (state === "joining") parts.push({ what: "welcome" });
  else if (state === "refused") parts.push({ what: "host" });
  if (isSilent) parts.push({ what: "silence" });
  if (isNewEpoch) parts.push({ what: "epoch" });
  if (state === "joined" && (world === null || world.syncs.size === 0)) parts.push({ what: "welcome" });
  for (const sync of state === "joined" ? world?.syncs.values() ?? [] : []) {
    const subsystem = world?.book.subsystems.nameOf(sync.subsystem) ?? String(sync.subsystem);
    if (!sync.isComplete) parts.push({ what: "snapshot", subsystem });
    else if (sync.isBehind) parts.push({ what: "changes", subsystem });
    if (sync.isDifferent) parts.push({ what: "digest", subsystem });
  }
  if (pending > 0) parts.push({ what: "acknowledgement", writes: pending });
  return parts;
}
