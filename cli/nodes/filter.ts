// Which nodes a command means: by role, tag, capability.
// Decides how a condition is read (`gpu`, `gpu=yes`, `gpu.vramMb>=8000`); never where nodes come from.

import { HanaError, isRole, type Role } from "../../lib/base/mod.ts";
import type { NodeView } from "../../lib/node/mod.ts";

/** What the flags of a command say. */
export interface FilterTexts {
  readonly role?: string;
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
    const role = roleOf(texts.role);
    conditions.push((node) => node.role === role);
  }
  if (texts.state !== undefined) {
    const state = stateOf(texts.state);
    conditions.push((node) => node.state === state);
  }
  for (const text of texts.tag ?? []) conditions.push(tagCondition(text));
  for (const text of texts.capability ?? []) conditions.push(capabilityCondition(text));
  return (node) => conditions.every((condition) => condition(node));
}

function roleOf(text: string): Role {
  if (isRole(text) && text !== "observer") return text;
  throw new HanaError("usage", {
    what: `there is no role ${text}`,
    why: "the roles are app, visualization, daemon",
    hint: "hana discover --role visualization",
  });
}

const STATES: readonly NodeView["state"][] = ["alive", "suspect", "dead", "left"];

function stateOf(text: string): NodeView["state"] {
  const state = STATES.find((known) => known === text);
  if (state !== undefined) return state;
  throw new HanaError("usage", {
    what: `there is no state ${text}`,
    why: `the states are ${STATES.join(", ")}`,
    hint: "hana discover --state alive",
  });
}

function tagCondition(text: string): NodeFilter {
  const [key = "", ...rest] = text.split("=");
  if (rest.length === 0) return (node) => Object.hasOwn(node.tags, key);
  const value = rest.join("=");
  return (node) => node.tags[key] === value;
}

const CONDITION = /^([A-Za-z0-9_.-]+)(?:(>=|<=|=|>|<)(.+))?$/;

/** `path`, `path=value`, `path>=number`; a path goes through capabilities, then resources. */
function capabilityCondition(text: string): NodeFilter {
  const match = CONDITION.exec(text);
  if (match === null) {
    throw new HanaError("usage", {
      what: `capability ${JSON.stringify(text)} cannot be read`,
      why: "a condition is a name, with = > >= < <= and a value if need be",
      hint: "hana discover --capability 'gpu.vramMb>=8000'",
    });
  }
  const [, path = "", operator, wanted = ""] = match;
  return (node) => {
    const found = valueAt(node.capabilities, path) ?? valueAt(node.resources, path);
    if (found === undefined || found === null || found === false) return false;
    return operator === undefined || compares(found, operator, wanted);
  };
}

function valueAt(root: unknown, path: string): unknown {
  let at = root;
  for (const key of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function compares(found: unknown, operator: string, wanted: string): boolean {
  if (operator === "=") return String(found) === wanted;
  const a = Number(found);
  const b = Number(wanted);
  if (operator === ">=") return a >= b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a < b;
}
