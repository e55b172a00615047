// The seam: everything that touches the world goes through these interfaces (architecture rule 1).
// Decides what hana asks of a machine; never how a machine answers (deno/ is real, simulated/ is virtual).
// Hot paths (bytes, datagrams, timers) are synchronous callbacks, so that a simulator can replay them;
// cold paths (listen, connect) are promises. No callback runs inside the call that caused it.

export type { Clock, TimerHandle, Timers } from "./time.ts";
export type { RandomSource, RandomStream } from "./random.ts";
export type {
  DatagramHandlers,
  DatagramOptions,
  Datagrams,
  DatagramSocket,
  DatagramStats,
  IpEndpoint,
} from "./datagrams.ts";
export type {
  ByteStream,
  ConnectOptions,
  ListenHandlers,
  StreamAddress,
  StreamHandlers,
  StreamListener,
  Streams,
} from "./streams.ts";
export { needsZone, splitZone, withoutZone, type ZonedAddress } from "./zone.ts";
export type { IpFamily, NetworkInterface, NetworkInterfaces } from "./interfaces.ts";
export type { AppendedFile, FileLock, Files, FileStat } from "./files.ts";
export type { Database, Databases, Durability, Row, RowChange, RowRange } from "./databases.ts";
export type { ProcessFacts, ProcessIdentity, ProcessState, ProcessTable } from "./process_table.ts";
export type { Host, OperatingSystem } from "./host.ts";
export type {
  DisplayFacts,
  GpuFacts,
  GpuLoad,
  Hardware,
  LoadReader,
  MachineFacts,
  MachineLoad,
} from "./hardware.ts";
export {
  type ChildProcess,
  type ExitStatus,
  MAX_INPUT_BYTES,
  MAX_LINE_BYTES,
  type NotifyListener,
  type Processes,
  type ProcessHandlers,
  type ProcessOptions,
  type ProcessOutput,
  type ProcessSignal,
} from "./processes.ts";

import type { Clock, Timers } from "./time.ts";
import type { RandomSource } from "./random.ts";
import type { Datagrams } from "./datagrams.ts";
import type { Streams } from "./streams.ts";
import type { NetworkInterfaces } from "./interfaces.ts";
import type { Files } from "./files.ts";
import type { Host } from "./host.ts";
import type { Hardware } from "./hardware.ts";
import type { Processes } from "./processes.ts";
import type { ProcessTable } from "./process_table.ts";
import type { Databases } from "./databases.ts";

/** A machine, as hana sees it. */
export interface Platform {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly datagrams: Datagrams;
  readonly streams: Streams;
  readonly interfaces: NetworkInterfaces;
  readonly files: Files;
  readonly host: Host;
  readonly hardware: Hardware;
  readonly processes: Processes;
  readonly processTable: ProcessTable;
  readonly databases: Databases;
}

/** What of a machine a process needs that watches over one program and nothing else: no network, no hardware, no tables. */
export type SupervisorPlatform = Pick<
  Platform,
  "clock" | "timers" | "random" | "streams" | "files" | "processes" | "processTable" | "host"
>;
