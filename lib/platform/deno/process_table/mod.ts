// The processes of the real machine, system by system.
// Decides which way serves which system.

import { HanaError } from "../../../base/mod.ts";
import type { OperatingSystem, ProcessTable } from "../../mod.ts";
import { LinuxProcessTable, type StartedHere } from "./linux.ts";

export { LinuxProcessTable, type StartedHere } from "./linux.ts";

/** The table of this machine. `started` knows which children the runtime waits for. */
export function machineProcessTable(os: OperatingSystem, started: StartedHere): ProcessTable {
  if (os === "linux") return new LinuxProcessTable(started);
  throw new HanaError("unsupported", { what: `processes of ${os}`, why: "not built yet" });
}
