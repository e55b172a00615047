// What is missing for "synced", as people read it.
// Decides the words alone; the replica knows the facts.

import type { MissingPart } from "../replica/mod.ts";

/** One missing part as the beginning of a sentence. */
export function describeMissing(part: MissingPart): string {
  switch (part.what) {
    case "connection":
      return "there is no connection to a host of the shared state";
    case "welcome":
      return "the host has not let this client in";
    case "host":
      return "the host is of an older time and is not followed";
    case "silence":
      return "the host says nothing";
    case "epoch":
      return "the state of the new host is still on its way";
    case "snapshot":
      return `${part.subsystem} is not whole yet`;
    case "changes":
      return `changes of ${part.subsystem} are on their way`;
    case "digest":
      return `${part.subsystem} differs from the host's and is being repaired`;
    case "acknowledgement":
      return `${part.writes} ${part.writes === 1 ? "write is" : "writes are"} not acknowledged`;
  }
}
