// Which nodes a command means: its flags, in the language that the library has for it (lib/discovery/selection.ts).
// Decides what a flag may say (several roles, several states); never where nodes come from.

import { HanaError } from "../../lib/base/mod.ts";
import { parseCondition, parseRole, parseTag } from "../../lib/discovery/mod.ts";
import { NODE_STATES, type NodeState, type NodeView } from "../../lib/node/mod.ts";

/** What the flags of a command say. */
export interface FilterTexts {
  /** `app`, or several: `app,daemon`. */
  readonly role?: string;
  /** `alive`, or several: `dead,left`; `all`. */
  readonly state?: string;
  readonly tag?: readonly string[];
  readonly capability?: readonly string[];
}

/** Whether a node is meant. */
export type NodeFilter = (node: NodeView) => boolean;

/** Reads the flags. Throws `usage` for a condition that cannot be read. */
export function nodeFilter(texts: FilterTexts): NodeFilter {
  const conditions: NodeFilter[] = [];
  if (texts.role !== undefined) {
    const roles = texts.role.split(",").map(parseRole);
    conditions.push((node) => roles.includes(node.role));
  }
  if (texts.state !== undefined && texts.state !== "all") {
    const states = texts.state.split(",").map(parseState);
    conditions.push((node) => states.includes(node.state));
  }
  for (const text of texts.tag ?? []) conditions.push(parseTag(text));
  for (const text of texts.capability ?? []) conditions.push(parseCondition(text));
  return (node) => conditions.every((condition) => condition(node));
}

/** Whether a node can be spoken to, as far as anybody knows: what `-q` lists. */
export function isPresent(node: NodeView): boolean {
  return node.state === "alive" || node.state === "suspect";
}

function parseState(text: string): NodeState {
  const state = NODE_STATES.find((known) => known === text);
  if (state !== undefined) return state;
  throw new HanaError("usage", {
    what: `there is no state ${text}`,
    why: `the states are ${NODE_STATES.join(", ")}; several with commas, or all`,
    hint: "hana discover --state alive",
  });
}
