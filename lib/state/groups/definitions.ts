// How groups, displays and their status stand in the shared state: one path each, one JSON value each.
// Decides paths, subsystems and rates; never who may write.

import type { ParameterDefinition, StateValue } from "../model/mod.ts";
import { checkValue, isRefusal } from "../schema/mod.ts";
import { HanaError } from "../../base/mod.ts";
import { type Display, type DisplayGroup, DISPLAYS, GROUPS, GROUPS_STATUS } from "./group.ts";

/** Where a group stands. */
export function groupPath(id: string): string {
  return `${GROUPS}/${id}`;
}

/** Where a display stands. */
export function displayPath(id: string): string {
  return `${DISPLAYS}/${id}`;
}

/** Where the host says how a group is shown. */
export function statusPath(id: string): string {
  return `${GROUPS_STATUS}/${id}`;
}

/** The id in a path of `subsystem` (groups, displays, groups-status); null for any other path. */
export function idInPath(subsystem: string, path: string): string | null {
  const id = path.startsWith(`${subsystem}/`) ? path.slice(subsystem.length + 1) : "";
  return id === "" || id.includes("/") ? null : id;
}

/** A group as it is made: it stands there from its definition on. Throws `schema` when it is too large. */
export function groupDefinition(id: string, group: DisplayGroup): ParameterDefinition {
  return defined(groupPath(id), GROUPS, { ...group }, "fast", "A group of displays");
}

/** A display as its node makes it. Throws `schema` when it is too large. */
export function displayDefinition(id: string, display: Display): ParameterDefinition {
  return defined(displayPath(id), DISPLAYS, { ...display }, "slow", "A display, as its node reports it");
}

/** The status of a group, which the host makes. */
export function statusDefinition(id: string): ParameterDefinition {
  return defined(statusPath(id), GROUPS_STATUS, null, "slow", "Which version of a group each display shows");
}

function defined(
  path: string,
  subsystem: string,
  value: StateValue,
  rate: ParameterDefinition["rate"],
  description: string,
): ParameterDefinition {
  const definition: ParameterDefinition = {
    path,
    subsystem,
    type: "json",
    default: value,
    min: null,
    max: null,
    unit: null,
    words: [],
    merge: "latest",
    onLoss: "hold",
    fadeUs: 0,
    rate,
    description,
  };
  const checked = checkValue(definition, value);
  if (!isRefusal(checked)) return definition;
  throw new HanaError("schema", { what: `${path} cannot stand in the state`, why: checked.why });
}
