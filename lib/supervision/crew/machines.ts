// What is said of a machine rather than of one of its programs: out of reach, back, its supervisor restarted.

import { advise, at, type CrewContext, type CrewText, NOTHING, since } from "./text.ts";
import { CREW_CASES, type CrewCode } from "./codes.ts";

function ofNode(
  code: CrewCode,
  atWallMs: number,
  node: string,
  words: Pick<CrewText, "happened" | "done" | "todo" | "command">,
): CrewText {
  return { code, severity: CREW_CASES[code].severity, program: null, node, atWallMs, ...words };
}

/** A machine is silent. `running`: how many programs ran there when it was heard last; null where that is not known. */
export function tellUnreachable(sinceWallMs: number, running: number | null, context: CrewContext): CrewText {
  const last = running === null ? "" : ` (last known: ${running} running)`;
  return ofNode("P107", sinceWallMs, context.node, {
    happened: `${context.node} cannot be reached${since(sinceWallMs, context)}.`,
    done: `Its programs keep running on their own${last}.`,
    todo: advise("Check its cable, its switch and its power, then look", `hana ps --on ${word(context.node)}`)
      .text,
    command: `hana ps --on ${word(context.node)}`,
  });
}

/** A machine is heard again. */
export function tellReachable(atWallMs: number, context: CrewContext): CrewText {
  return ofNode("P100", atWallMs, context.node, {
    happened: `${context.node} can be reached again${since(atWallMs, context)}.`,
    done: "Its programs were never stopped.",
    todo: NOTHING.text,
    command: null,
  });
}

/** A supervisor came back and found `programs` running. */
export function tellAdopted(atWallMs: number, programs: number, context: CrewContext): CrewText {
  const found = programs === 0
    ? "No program ran there"
    : programs === 1
    ? "One program was not interrupted"
    : `${programs} programs were not interrupted`;
  return ofNode("P108", atWallMs, context.node, {
    happened: `The supervisor on ${context.node} was restarted${at(atWallMs, context)}.`,
    done: `${found}.`,
    todo: NOTHING.text,
    command: null,
  });
}

function word(name: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(name) ? name : `'${name}'`;
}
