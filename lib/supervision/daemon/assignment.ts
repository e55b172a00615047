// The assignment of a shim, and its copy beside the program, from which everything can be built anew.
// Decides what stands in both; the copy is whole or the one before (Files.write).

import { HanaError } from "../../base/mod.ts";
import { CONTROL_VERSION, type ShimAssignment } from "../model/mod.ts";
import type { ProgramContext } from "./context.ts";
import { type InstanceRow, keptAssignment, type ProgramRow } from "./rows.ts";

const FILE_MODE = 0o600;

/** What a shim is given. */
export function assignmentOf(
  { places, nodeName }: ProgramContext,
  { name, generation, spec, want, by }: ProgramRow,
  token: string,
  clear: boolean,
): ShimAssignment {
  const { directory, controlSocket, childSocket, notifySocket } = places.of(name);
  return {
    t: "assign",
    v: CONTROL_VERSION,
    name,
    node: nodeName,
    directory,
    controlSocket,
    childSocket,
    notifySocket,
    token,
    generation,
    spec,
    want,
    by,
    clear,
  };
}

/** Writes the second copy of what is wanted. A disk that refuses is told of by the store; the copy is written again later. */
export function keepAssignment(context: ProgramContext, row: ProgramRow, instance: InstanceRow): void {
  const assignment = assignmentOf(context, row, instance.token ?? "", false);
  const kept = keptAssignment(assignment, row, instance.bootId);
  const bytes = new TextEncoder().encode(JSON.stringify(kept) + "\n");
  try {
    context.places.make(row.name);
    context.platform.files.write(context.places.of(row.name).assignment, bytes, FILE_MODE);
  } catch (thrown) {
    if (!(thrown instanceof HanaError)) throw thrown;
    context.counters.copiesFailed++;
  }
}
