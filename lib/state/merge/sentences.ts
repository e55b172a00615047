// An explanation in people's words: why a path has its value, why a claim does not stand.
// Decides the sentences alone. Never looks anything up: whoever asks gives the names.

import type { ClientNumber } from "../model/mod.ts";
import { HOST } from "./claim.ts";
import type { ExplainedClaim, Explanation } from "./explanation.ts";

/** A client's name as people know it, such as `Foh-Desk`. */
export type NameOf = (client: ClientNumber) => string;

/** Why a path has its value, as a sentence without its full stop: `highest priority (150)`. */
export function tellReason(explanation: Explanation, nameOf: NameOf): string {
  const { reason, priority, holder, parts } = explanation;
  const name = nameOrHost(holder, nameOf);
  switch (reason) {
    case "only":
      return `${name} alone controls it`;
    case "priority":
      return `${name} has the highest priority (${priority})`;
    case "newest":
      return `${name} wrote last of those with priority ${priority}`;
    case "highest":
      return `${name} has the highest value of those with priority ${priority}`;
    case "sum":
      return `the sum of ${parts} clients with priority ${priority}`;
    case "lock":
      return `${name} has the lock among those with priority ${priority}`;
    case "reserved":
      return `the host limits it (${priority})`;
    case "kept":
      return `${name} (${priority}) is gone; its value stands until somebody writes`;
    case "settling":
      return `${name} (${priority}) is gone; its value stands until the others have answered`;
    case "held":
      return "nobody controls it; its last value stands";
    case "default":
      return "nobody controls it; it has its default";
  }
}

/** Why a claim stands or does not: `shadowed by Foh-Desk (150)`. */
export function tellFate(claim: ExplainedClaim, explanation: Explanation, nameOf: NameOf): string {
  const { holder, priority } = explanation;
  const winner = holder === null ? "the last value" : nameOrHost(holder, nameOf);
  switch (claim.fate) {
    case "stands":
      return claim.client === null
        ? "left by a client that is forgotten; stands until somebody writes"
        : "stands";
    case "part":
      return "part of the sum";
    case "lower-priority":
      return `shadowed by ${winner} (${priority})`;
    case "older":
      return `${winner} wrote later`;
    case "lower-value":
      return `${winner} has a higher value`;
    case "no-lock":
      return `${winner} has the lock`;
    case "before-loss":
      return `written before ${holder === null ? "the holder" : winner} was lost; the next write takes it`;
    case "doubted":
      return "not heard since the holder was lost; waited for";
    case "unheard":
      return "not heard since the holder was lost";
    case "dormant":
      return "its client is gone; it comes back with it unless somebody writes";
    case "overtaken":
      return `its client is gone, and ${nameOrHost(claim.takenBy, nameOf)} took over`;
    case "reaching":
      return "a fader that has not met the value yet";
    case "released":
      return "released";
  }
}

function nameOrHost(client: ClientNumber | null, nameOf: NameOf): string {
  return client === null ? "nobody" : client === HOST ? "the host" : nameOf(client);
}
