// The processes of the real machine, system by system.
// Decides which way serves which system; never more than one a machine.

import type { OperatingSystem, ProcessTable } from "../../mod.ts";
import { WindowsJobs } from "../jobs.ts";
import { DarwinProcessTable } from "./darwin.ts";
import { LinuxProcessTable, type StartedHere } from "./linux.ts";
import { WindowsProcessTable } from "./windows.ts";

export type { StartedHere } from "./linux.ts";

/** The table of this machine. `started` knows which children the runtime waits for, and their jobs on Windows. */
export function machineProcessTable(
  os: OperatingSystem,
  started: StartedHere & { readonly jobs: WindowsJobs | null },
): ProcessTable {
  if (os === "linux") return new LinuxProcessTable(started);
  if (os === "darwin") return new DarwinProcessTable();
  return new WindowsProcessTable(started.jobs ?? new WindowsJobs());
}
