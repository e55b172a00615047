// Rules of the lease, broken on purpose: by changing what voters say on the way, or what they remember.
// Shows that the world finds two leaders where a rule is missing; the core itself knows nothing of this.

import type { LeaseMessage, StoredLease } from "../../../../lib/discovery/lease/mod.ts";
import { type Meddler, MemoryStore, type WorldNode } from "./world.ts";

/** What voters do that they must not (the rules of discovery research 6.10). */
export type Breach =
  | "grants-while-promised" // the promise is not binding
  | "grants-twice" // rule 3: one grant a term
  | "acks-older" // rule 2: no acknowledgement for the leader before the one that was granted
  | "acks-while-promised"; // rule 4: no acknowledgement for a higher term before the promise has ended

/** A meddler under which all voters commit `breaches`. One a world: it remembers. */
export function breaking(breaches: readonly Breach[]): Meddler {
  const memories = new Map<WorldNode, string>();
  const claimed = new Map<WorldNode, number>();
  return (from, to, message) => {
    if (message.kind === "grant" || message.kind === "lease-ack") memories.set(from, message.memory);
    if (message.kind === "claim") claimed.set(from, message.term);
    if (message.kind !== "deny") return message;
    const set = from.core?.voterSet ?? null;
    const memory = memories.get(from) ?? set?.voters.find(({ id }) => from.id.startsWith(id))?.memory;
    if (memory === undefined) return message;
    const isBroken = message.of === "claim"
      ? (message.reason === "promised" && breaches.includes("grants-while-promised")) ||
        (message.reason === "term" && breaches.includes("grants-twice"))
      : (message.reason === "promised" && breaches.includes("acks-while-promised")) ||
        (message.reason === "term" && breaches.includes("acks-older"));
    if (!isBroken) return message;
    const answer: LeaseMessage = message.of === "claim"
      ? { kind: "grant", term: claimed.get(to) ?? 0, attempt: message.echo, memory }
      : { kind: "lease-ack", term: to.core?.token?.term ?? 0, round: message.echo, memory };
    return answer;
  };
}

/** A store from which a restart brings back the memory without its promise: the voter votes again at once. */
export class LeakyStore extends MemoryStore {
  override load(): StoredLease | null {
    return this.kept === null ? null : { ...this.kept, holder: null };
  }
}
