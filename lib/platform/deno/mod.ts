// The real machine behind the platform seam: the only folder of lib that names the runtime's I/O.
// Decides which of the runtime's calls serves each interface. Only cli, tests and scripts build one.

import type { Platform } from "../mod.ts";
import { DenoClock } from "./clock.ts";
import { type CrashHook, CrashReporter } from "./crash.ts";
import { DenoDatabases } from "./databases.ts";
import { DenoDatagrams } from "./datagrams.ts";
import { DenoFiles } from "./files.ts";
import { machineHardware } from "./hardware/mod.ts";
import { readHost } from "./host.ts";
import { DenoInterfaces } from "./interfaces.ts";
import { machineProcessTable } from "./process_table/mod.ts";
import { DenoProcesses } from "./processes.ts";
import { DenoRandom } from "./random.ts";
import { DenoStreams } from "./streams.ts";
import { DenoTimers } from "./timers.ts";

export type { CrashHook } from "./crash.ts";

/** What can be set on the real platform. */
export interface DenoPlatformOptions {
  /**
   * Told of an exception that a callback let out: a bug in hana. The connection or datagram that it concerned is
   * given up, everything else goes on. Without a hook it becomes an uncaught exception and ends the process.
   */
  readonly onCrash?: CrashHook;
}

/** The machine that this process runs on. */
export interface DenoPlatform extends Platform {
  /** Exceptions that callbacks let out since the start; those of stream handlers come back by `onClose` too. */
  readonly faults: number;
}

/** Builds the platform of this machine. Throws `unsupported` on a system that hana does not ship for. */
export function denoPlatform(options: DenoPlatformOptions = {}): DenoPlatform {
  const crashes = new CrashReporter(options.onCrash);
  const clock = new DenoClock();
  const random = new DenoRandom();
  const interfaces = new DenoInterfaces();
  const timers = new DenoTimers(clock, crashes);
  const processes = new DenoProcesses(crashes);
  const host = readHost();
  const files = new DenoFiles(random);
  return {
    clock,
    random,
    interfaces,
    timers,
    datagrams: new DenoDatagrams(interfaces, clock, crashes),
    streams: new DenoStreams(crashes, interfaces),
    files,
    databases: new DenoDatabases(files),
    host,
    hardware: machineHardware(host.os, { processes, clock, timers }),
    processes,
    processTable: machineProcessTable(host.os, processes),
    get faults() {
      return crashes.count;
    },
  };
}
