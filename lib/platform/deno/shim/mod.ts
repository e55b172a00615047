// The real machine for a process that watches over one program: there is one of them a program, so every module counts.
// Decides what is left out: datagrams, interfaces, hardware, databases, and with them every package. A folder of its own, so
// that whoever imports it loads nothing of the rest.

import type { SupervisorPlatform } from "../../mod.ts";
import { DenoClock } from "../clock.ts";
import { type CrashHook, CrashReporter } from "../crash.ts";
import { DenoFiles } from "../files.ts";
import { readHost } from "../host.ts";
import { machineProcessTable } from "../process_table/mod.ts";
import { DenoProcesses } from "../processes.ts";
import { DenoRandom } from "../random.ts";
import { DenoStreams } from "../streams.ts";
import { DenoTimers } from "../timers.ts";

/**
 * Builds the platform of this machine. `onCrash` is told of exceptions that callbacks let out, as `denoPlatform` tells
 * them. Throws `unsupported` on a system that hana does not ship for.
 */
export function denoShimPlatform(options: { readonly onCrash?: CrashHook } = {}): SupervisorPlatform {
  const crashes = new CrashReporter(options.onCrash);
  const clock = new DenoClock();
  const random = new DenoRandom();
  const processes = new DenoProcesses(crashes);
  const host = readHost();
  return {
    clock,
    random,
    timers: new DenoTimers(clock, crashes),
    // Its programs are on this machine, where no address has a zone.
    streams: new DenoStreams(crashes, { list: () => [] }),
    files: new DenoFiles(random),
    host,
    processes,
    processTable: machineProcessTable(host.os, processes),
  };
}
