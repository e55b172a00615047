// Faults in words, for reports and excerpts.

import type { Action } from "../scenario.ts";

/** A fault in words. */
export function textOf(action: Action, chosen: readonly string[]): string {
  const names = chosen.length <= 6
    ? chosen.join(", ")
    : `${chosen.slice(0, 5).join(", ")} and ${chosen.length - 5} more`;
  switch (action.verb) {
    case "partition":
      return `partition ${action.groups.join(" | ")}`;
    case "cut":
    case "clog":
    case "link":
      return `${action.verb} ${action.from} > ${action.to}`;
    case "group-loss":
      return `groups lost ${Math.round(action.loss * 100)} % at ${names}`;
    case "interface":
      return `interface ${action.name} ${action.change} at ${names}`;
    case "address":
      return `${action.name} of ${names} becomes ${action.address}/${action.prefix}`;
    case "clock":
      return `clock ${action.change.kind} at ${names}`;
    case "slow":
      return `slow by ${action.extraUs / 1000} ms: ${names}`;
    case "restart":
      return action.software === undefined ? `restart ${names}` : `restart ${names} as ${action.software}`;
    case "mark":
      return action.text;
    case "heal":
      return "heal";
    case "start-program":
    case "stop-program":
    case "restart-program": {
      const by = (action.consoles ?? 1) > 1 ? ` by ${action.consoles} consoles` : "";
      return `${action.verb} ${action.program} at ${names}${by}`;
    }
    case "kill-program":
      return `${action.signal} to ${action.program} at ${names}`;
    case "kill-shim":
    case "stop-shim":
    case "remove-binary":
      return `${action.verb} ${action.program} at ${names}`;
    case "write":
    case "claim":
    case "release":
    case "drag":
      return `${action.app} at ${names}: ${action.verb} ${action.path}`;
    case "own":
    case "privilege":
      return `${action.app} at ${names}: ${action.verb}, ${action.does}`;
    case "transaction":
    case "save-state":
    case "load-state":
    case "start-app":
    case "leave-app":
    case "kill-app":
    case "cut-app":
    case "damage":
    case "spoil":
      return `${action.verb} ${action.app} at ${names}`;
    case "flood":
      return `${action.app} at ${names}: floods with ${action.with}`;
    case "redefine":
      return `${names}: ${action.parameter} is declared otherwise`;
    case "trouble":
      return `trouble for ${names}`;
    default:
      return `${action.verb} ${names}`;
  }
}
